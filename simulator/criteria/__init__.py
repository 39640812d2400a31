"""The language of criteria: expressions over the metrics of a run, checked before it and judged after it."""

from simulator.criteria.check import Known, Trouble, check
from simulator.criteria.metrics import FUNCTIONS, METRICS, Kind, Metric
from simulator.criteria.parse import ExpressionError, parse
from simulator.criteria.tree import Binary, Expression, Negated, Number, Selection, dimension, selections, text_of
from simulator.criteria.units import UNITS, Dimension

__all__ = [
    "FUNCTIONS",
    "METRICS",
    "UNITS",
    "Binary",
    "Dimension",
    "Expression",
    "ExpressionError",
    "Kind",
    "Known",
    "Metric",
    "Negated",
    "Number",
    "Selection",
    "Trouble",
    "check",
    "dimension",
    "parse",
    "selections",
    "text_of",
]
