"""A comparison as data, as a table of texts, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from reports import units
from reports.build import finite
from reports.compare.change import BETTER, SECONDS_OF_ONE, UNTOLD, WORSE, Change, changes
from reports.compare.limits import Judged, Limit, judge
from reports.compare.rows import Record
from reports.compare.same import unlike
from reports.compare.sides import names_of

SCHEMA: Final = 1
HEADERS: Final = ("metric", "base", "other", "change", "95 % interval", "Cliff's delta", "p (Holm)", "verdict")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs of a base held against other runs."""

    base: list[str]
    other: list[str]
    notes: list[str]
    changes: list[Change]
    limits: list[Judged]

    @property
    def holds(self) -> bool:
        """Whether no limit is passed, as far as it could be judged."""
        return all(one.holds for one in self.limits)

    @property
    def worse(self) -> bool:
        """Whether any metric is worse."""
        return any(one.verdict == WORSE for one in self.changes)

    @property
    def better(self) -> bool:
        """Whether any metric is better."""
        return any(one.verdict == BETTER for one in self.changes)

    @property
    def headline(self) -> str:
        """One sentence."""
        if all(one.verdict == UNTOLD for one in self.changes):
            return "No metric can be compared"
        worse, better = (sum(one.verdict == word for one in self.changes) for word in (WORSE, BETTER))
        if not worse + better:
            return "No evidence of change"
        return f"{units.counted(worse, 'metric')} worse, {better} better, of {len(self.changes)}"

    def to_dict(self) -> dict[str, Any]:
        """For ``compare.json``."""
        document = {"schema": SCHEMA, "headline": self.headline, "holds": self.holds, **asdict(self)}
        return dict(finite(document))


def compare(
    base: Sequence[Record], other: Sequence[Record], limits: Sequence[Limit] = (), noise_s: float = SECONDS_OF_ONE
) -> Comparison:
    """Compare runs; several on a side are repetitions of one measurement."""
    # Against the first alone: of three runs on each side there would be nine sentences else, which say the same.
    notes = dict.fromkeys(note for one in (*other, *base[1:]) for note in unlike(base[0], one))
    names = iter(names_of([record.run.path for record in (*base, *other)]))
    sides = [[next(names) for _ in side] for side in (base, other)]
    found, judged = changes(base, other, noise_s), judge(limits, base, other, noise_s)
    return Comparison(sides[0], sides[1], list(notes), found, judged)


def row(one: Change) -> tuple[str, ...]:
    """A change as texts, in the order of ``HEADERS``."""
    show = shown(one.name)
    interval = "-" if one.low is None else f"{show(one.low)} to {show(one.high)}"
    change = show(one.difference) if one.relative is None else units.Shown(f"{one.relative * 100:+.1f} %", one.relative)
    p = one.method if one.p_adjusted is None else units.Shown(f"{one.p_adjusted:.2g}", one.p_adjusted)
    return (one.name, show(one.base), show(one.other), change, interval, units.number(one.delta), p, one.verdict)


def markdown(found: Comparison) -> str:
    """For CI: the limits, what to read first, and every metric."""
    lines = [f"## {found.headline}", "", f"Base: {', '.join(found.base)}. Other: {', '.join(found.other)}.", ""]
    words = {True: "holds", False: "**does not hold**"}
    lines += [f"- {words[one.holds]}: `{one.limit}`: {_became(one)}" for one in found.limits]
    lines += [f"- Read this first: {note}" for note in found.notes]
    return "\n".join([*lines, "", *markdown_table(HEADERS, [row(one) for one in found.changes])]) + "\n"


def markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table."""
    return [
        "| " + " | ".join(headers) + " |",
        "|" + " --- |" * len(headers),
        *("| " + " | ".join(text.replace("|", "\\|") for text in one) + " |" for one in rows),
    ]


def limit_line(one: Judged) -> str:
    """What became of a limit, in a line."""
    return f"{'holds' if one.holds else 'does not hold'}: {one.limit}: {_became(one)}"


def _became(one: Judged) -> str:
    texts = row(one.change)
    return f"{texts[1]} to {texts[2]} ({texts[3]}), {one.why}"


def shown(name: str) -> Callable[[float | None], str]:
    """What shows the values of a metric."""
    if "_seconds" in name:
        return units.seconds
    if "_bytes" in name:
        return units.size
    if "throughput" in name:
        return units.rate
    return units.share if "rate(" in name else units.number
