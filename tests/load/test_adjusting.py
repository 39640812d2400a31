"""What is set differently in Locust is what its own code then uses."""

from __future__ import annotations

import subprocess
import sys

ASKS_TWICE = """
from locust import argument_parser, runners
from simulator.load.adjusting import LIVENESS_S, NEVER, adjust
parsed, parse = [], argument_parser.get_empty_argument_parser
argument_parser.get_empty_argument_parser = lambda *given, **named: parsed.append(1) or parse(*given, **named)
stock = argument_parser.default_args_dict()
adjust()
assert argument_parser.default_args_dict() == argument_parser.default_args_dict() == stock
assert len(parsed) == 2, parsed
assert (runners.HEARTBEAT_LIVENESS, runners.HEARTBEAT_DEAD_INTERNAL) == (LIVENESS_S, NEVER)
"""


def test_locust_works_out_its_own_options_once():
    # In a process of its own: what is set stays set.
    done = subprocess.run([sys.executable, "-c", ASKS_TWICE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
