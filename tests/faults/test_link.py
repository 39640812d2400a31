import asyncio
import random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap.message import MessageFormatError, decode
from simulator.faults.link import unreadable
from simulator.faults.plan import FaultPlan
from simulator.ports import Address
from simulator.transport.memory import MemoryNetwork
from simulator.transport.virtual import run_virtual
