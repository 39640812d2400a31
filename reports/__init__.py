"""Reading a run directory, and what is made of it: ``summary.json``, ``report.html`` and figures."""

from reports.build import build
from reports.criteria import all_hold
from reports.read import RunError, read_run
from reports.summary import Summary

__all__ = ["RunError", "Summary", "all_hold", "build", "read_run"]
