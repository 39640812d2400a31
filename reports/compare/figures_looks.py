"""How the sides of a comparison look: the same in all its figures, and told apart in grey too."""

from __future__ import annotations

from typing import Any, Final

from reports.compare.sides import Side
from reports.figures.style import DASHES, SERIES

HATCHES: Final = ("", "///", "...", "xx")


def line(side: Side) -> dict[str, Any]:
    """Of its lines."""
    return {"color": SERIES[side.place % len(SERIES)], "linestyle": DASHES[side.place % len(DASHES)]}


def bar(side: Side) -> dict[str, Any]:
    """Of its bars."""
    return {"facecolor": SERIES[side.place % len(SERIES)], "hatch": HATCHES[side.place % len(HATCHES)]}
