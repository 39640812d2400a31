"""A locustfile for a worker that does not see the master's run directory, as on another machine.

Where it is given a gate, it gets ready and connects when that is there: so one can join at the right moment.
"""

import os
import time
from pathlib import Path

from simulator.load import spool
from simulator.load.locustfile import VirtualDevice
from tests.load.locust_runs import GATE

spool._is_run = lambda _directory, _t0: False
while GATE in os.environ and not Path(os.environ[GATE]).exists():
    time.sleep(0.05)

__all__ = ["VirtualDevice"]
