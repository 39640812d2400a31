"""Whether a scenario breaks an invariant, and which: the one question that tests, soak and shrinking ask."""

from __future__ import annotations

from simulator.scenario import load, loads
from tests.histories.draw import draw
from tests.histories.toml import written
from tests.histories.witness import Broken
from tests.histories.world import live

REPLAY = "replay"
REPLAYED_EVERY = 4
"""Of so many seeds one is lived twice."""
DRAWS_FOR_ITSELF = frozenset({"coaps+tcp", "https"})
"""OpenSSL has its own chance, so that under TLS the lengths of signatures differ, and with them times."""


def repeats(scenario) -> bool:
    """Whether the seed alone decides what happens."""
    groups = scenario.groups.values()
    return not any(
        {group.management, group.transport} & DRAWS_FOR_ITSELF
        or "x509" in group.management_spec.kinds | group.download_spec.kinds
        for group in groups
    )


def judged(scenario, *, twice: bool = False) -> list[Broken]:
    """The violations of a scenario; ``twice`` lives it once more, and compares the records byte for byte."""
    first = live(scenario)
    if first.broken or not twice or not repeats(scenario):
        return first.broken
    second = live(scenario)
    if first.log.to_bytes() == second.log.to_bytes():
        return []
    return [_difference(first.log.events, second.log.events)]


def _difference(one, other):
    pairs = zip(one, other, strict=False)
    k = next((k for k, (a, b) in enumerate(pairs) if repr(a) != repr(b)), min(len(one), len(other)))
    a, b = (repr(rows[k]) if k < len(rows) else "nothing" for rows in (one, other))
    return Broken(REPLAY, 0.0, f"row {k} is {a} the first time, and {b} the second")


def judged_document(document: dict, *, twice: bool = False) -> list[Broken]:
    """The same of a document.

    Raises:
        ScenarioError: it is no scenario.
    """
    return judged(loads(written(document)), twice=twice)


def judged_seed(seed: int) -> list[Broken]:
    """The same of a seed."""
    return judged_document(draw(seed), twice=seed % REPLAYED_EVERY == 0)


def judged_file(path) -> list[Broken]:
    """The same of a scenario file, lived twice.

    Raises:
        ScenarioError: it is no scenario.
    """
    return judged(load(path), twice=True)
