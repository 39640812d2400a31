"""What a fleet sets differently in Locust itself. It is tested with the versions that ``pyproject.toml`` names."""

from __future__ import annotations

import signal
from functools import cache
from typing import Any, Final

import gevent
import locust.argument_parser
import locust.runners

NEVER: Final = -(1 << 40)
"""So many heartbeats are never missed: Locust would ramp the whole test again when it forgets a lost worker."""
LIVENESS_S: Final = 15
"""How long a worker may be silent before it counts as lost; Locust's 3 s pass on a machine that is merely busy. One on
the master's machine that has died is found out by its process, and much earlier."""


def adjust() -> None:
    """Set it, once in each Locust process."""
    runners: Any = locust.runners
    runners.HEARTBEAT_DEAD_INTERNAL = NEVER
    runners.HEARTBEAT_LIVENESS = LIVENESS_S
    parser: Any = locust.argument_parser
    # A worker asks for these once for each option and turn of a ramp, and they are a whole command line parsed anew: 80
    # ms of CPU in every second of a ramp, in which no heartbeat is sent.
    parser.default_args_dict = cache(parser.default_args_dict)


def hear_ctrl_c() -> None:
    """Have Ctrl-C reach the main greenlet, which calls this, whatever runs when it comes.

    Python raises it in the greenlet that runs just then; some of Locust's take it for their own, and the run goes on.
    """
    main: Any = gevent.getcurrent()
    gevent.signal_handler(signal.SIGINT, lambda: gevent.get_hub().loop.run_callback(main.throw, KeyboardInterrupt))
