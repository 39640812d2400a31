"""A benchmark: the same transfers over every transport, again and again, as one page with its figures and its data."""

from reports.benchmark.cells import Benchmark, Cell, Repetition, gather
from reports.benchmark.page import write

__all__ = ["Benchmark", "Cell", "Repetition", "gather", "write"]
