"""Makes a scenario that breaks an invariant smaller, as long as it breaks the same one (delta debugging).

What is tried is ordered from the greatest step to the least: a device less, a fault less, a section or a habit less,
then smaller figures. It ends where no step is left that still breaks the invariant, or when enough was tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy

from simulator.scenario import ScenarioError

TRIES = 400
"""Scenarios that are lived at most."""
KEPT = {("run",), ("criteria",), ("groups",), ("firmware",), ("firmware", "size")}
"""What is never dropped."""
SIMPLER = {"management": "coap", "transport": "coap", "profile": "oma", "delivery": "pull", "block_size": 1024,
           "network": "ideal", "lwm2m": "1.1"}  # fmt: skip
QUANTITY = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?)( ?[^0-9]*)")


def shrunk(document: dict, breaks: Callable[[dict], bool], tries: int = TRIES) -> dict:
    """The smallest document that was found which still ``breaks``."""
    known = deepcopy(document)
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in _smaller(known):
            left -= 1
            if left < 0:
                break
            if _breaks(breaks, smaller):
                known, progress = smaller, True
                break
    return known


def _breaks(breaks, document):
    try:
        return breaks(document)
    except ScenarioError:
        return False


def _smaller(document) -> Iterator[dict]:
    """Documents that are a step smaller, the greatest step first."""
    if len(document["groups"]) > 1:
        yield from (_without(document, ("groups", name)) for name in document["groups"])
    for name, group in document["groups"].items():
        faults = range(len(group.get("faults", ())))
        yield from (_without(document, ("groups", name, "faults", k)) for k in faults)
    for path in _paths(document):
        if path not in KEPT and not (path[0] == "groups" and len(path) == 2) and path[-1] not in ("count", "kind"):
            yield _without(document, path)
    for path in _paths(document):
        for value in _simpler(path, _at(document, path)):
            yield _with(document, path, value)


def _paths(document, path=()):
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        if path or key not in ("run", "criteria"):
            yield (*path, key)
            if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
                yield from _paths(value, (*path, key))


def _simpler(path, value):
    name = path[-1]
    if name in SIMPLER and value != SIMPLER[name] and len(path) == 3:
        yield SIMPLER[name]
    elif isinstance(value, str) and (match := QUANTITY.fullmatch(value)) is not None:
        number, unit = float(match[1]), match[2]
        for smaller in (0, 1, 10, number // 2, round(number), number - number % 10, number - 1):
            if 0 <= smaller < number or (smaller == round(number) != number):
                yield f"{smaller:g}{unit}"
    elif isinstance(value, int) and not isinstance(value, bool) and path[0] != "run" and name != "count":
        yield from sorted({small for small in (0, 1, value // 2) if small < value})


def _at(document, path):
    for part in path:
        document = document[part]
    return document


def _without(document, path):
    smaller = deepcopy(document)
    del _at(smaller, path[:-1])[path[-1]]
    return smaller


def _with(document, path, value):
    smaller = deepcopy(document)
    _at(smaller, path[:-1])[path[-1]] = value
    return smaller
