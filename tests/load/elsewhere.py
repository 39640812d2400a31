"""A locustfile for a worker that does not see the master's run directory, as on another machine."""

from simulator.load import spool
from simulator.load.locustfile import VirtualDevice

spool._is_run = lambda _directory, _t0: False

__all__ = ["VirtualDevice"]
