"""Comparisons of one base with one or more others, as one thing: one page, one document, one exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from reports.compare.change import BETTER, SECONDS_OF_ONE, UNTOLD, WORSE, Change
from reports.compare.comparison import SCHEMA, Comparison, compare, row, shown
from reports.compare.limits import Limit
from reports.compare.rows import Record
from reports.compare.sides import Side, sides_of
from reports.table import Table
from reports.units import Shown

EACH_MOST: Final = 3
"""Of more comparisons the headline does not tell each."""
SAID: Final = frozenset({WORSE, BETTER, UNTOLD})
"""Verdicts that a cell of the overview tells; of all others it says nothing."""


@dataclass(frozen=True, slots=True)
class Several:
    """What each other side is against the base; ``pairs`` has as many as there are others."""

    sides: list[Side]
    pairs: list[Comparison]

    @property
    def holds(self) -> bool:
        """Whether no limit is passed by any."""
        return all(pair.holds for pair in self.pairs)

    @property
    def worse(self) -> bool:
        """Whether any metric of any is worse."""
        return any(pair.worse for pair in self.pairs)

    @property
    def tone(self) -> str:
        """``bad``, ``good``, or empty where there is nothing to judge."""
        if self.worse or not self.holds:
            return "bad"
        return "good" if any(one.verdict != UNTOLD for pair in self.pairs for one in pair.changes) else ""

    @property
    def named(self) -> list[tuple[str, Comparison]]:
        """The pairs by the name of the other side."""
        return [(side.name, pair) for side, pair in zip(self.sides[1:], self.pairs, strict=True)]

    @property
    def headline(self) -> str:
        """A sentence on each, or of many how many are worse and better."""
        if len(self.pairs) == 1:
            return self.pairs[0].headline
        if len(self.pairs) > EACH_MOST:
            worse, better = sum(pair.worse for pair in self.pairs), sum(pair.better for pair in self.pairs)
            return f"Of {len(self.pairs)} comparisons {worse} tell of something worse, {better} of something better"
        return "; ".join(f"{name}: {_lowered(pair.headline)}" for name, pair in self.named)

    @property
    def notes(self) -> list[str]:
        """What to read first, each once."""
        return list(dict.fromkeys(note for pair in self.pairs for note in pair.notes))

    def to_dict(self) -> dict[str, Any]:
        """For ``compare.json``: of one pair the pair itself."""
        if len(self.pairs) == 1:
            return self.pairs[0].to_dict()
        pairs = [pair.to_dict() for pair in self.pairs]
        return {"schema": SCHEMA, "headline": self.headline, "holds": self.holds, "comparisons": pairs}


def compare_all(
    groups: Sequence[Sequence[Record]], limits: Sequence[Limit] = (), noise_s: float = SECONDS_OF_ONE
) -> Several:
    """Hold each group of repetitions against the first."""
    sides = sides_of(groups)
    return Several(sides, [compare(groups[0], group, limits, noise_s) for group in groups[1:]])


def overview(found: Several) -> Table:
    """The metrics with a column for each side: the base, and of each other its value, its change and the verdict."""
    by_name = [{one.name: one for one in pair.changes} for pair in found.pairs]
    rows = []
    for name in dict.fromkeys(name for known in by_name for name in known):
        changes = [known.get(name) for known in by_name]
        base = next((one.base for one in changes if one and one.base is not None), None)
        rows.append([name, shown(name)(base), *(_told(one) for one in changes)])
    headers = ["metric", f"{found.sides[0].name} (base)", *(side.name for side in found.sides[1:])]
    return Table("overview", "All runs side by side", headers, rows, range(1, len(headers)))


def _told(one: Change | None) -> str:
    """The value of a side and what changed there, which is sorted by the value."""
    if one is None or one.other is None:
        return "-"
    texts = row(one)
    told = [texts[2], texts[3] if one.difference else "=", one.verdict if one.verdict in SAID else ""]
    return Shown(", ".join(text for text in told if text), one.other)


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
