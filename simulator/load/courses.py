"""How many devices are to be there at which time: the shapes of a load, pure.

A course is a list of points: from this time on, this many devices, reached at this rate. Between two points the number
stays. Times are shares of the whole course, so that one course fits a minute as well as a day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from simulator.fleet.arrivals import due

if TYPE_CHECKING:
    from simulator.scenario import Arrivals

STEPS: Final = 5
ZONES: Final = 4
LOW: Final = 0.1
"""Share of the devices that are there beside a spike."""


class Point(NamedTuple):
    """From ``at`` seconds on, ``devices``, reached at ``rate`` devices per second."""

    at: float
    devices: int
    rate: float


Course = tuple[Point, ...]


def point_at(course: Course, t: float) -> Point:
    """What holds at ``t`` seconds; the first point before it begins."""
    return course[max(0, bisect_right([point.at for point in course], t) - 1)]


def _rate(change: int, seconds: float) -> float:
    return max(1.0, abs(change)) / max(seconds, 1e-3)


def steps(devices: int, lasts_s: float) -> Course:
    """Up in equal steps, each reached in a tenth of its time."""
    each = lasts_s / STEPS
    counts = [round(devices * (i + 1) / STEPS) for i in range(STEPS)]
    return tuple(Point(i * each, count, _rate(devices // STEPS, each / 10)) for i, count in enumerate(counts))


def hold(devices: int, lasts_s: float) -> Course:
    """Up for a fifth of the time, hold, and down for a fifth."""
    rate = _rate(devices, lasts_s / 5)
    return Point(0.0, devices, rate), Point(0.8 * lasts_s, 0, rate)


def spike(devices: int, lasts_s: float) -> Course:
    """A tenth of the devices; all of them from 40 to 60 % of the time, at once; a tenth again."""
    few = max(1, round(LOW * devices))
    return (
        Point(0.0, few, _rate(few, 0.05 * lasts_s)),
        Point(0.4 * lasts_s, devices, _rate(devices, 1.0)),
        Point(0.6 * lasts_s, few, _rate(devices, 0.05 * lasts_s)),
    )


def waves(devices: int, lasts_s: float) -> Course:
    """Four time zones, one after the other: each comes within a tenth of the time, and stays for half of it."""
    share = devices / ZONES
    changes = sorted(
        [(zone * lasts_s / 8, 1) for zone in range(ZONES)] + [((zone + 4) * lasts_s / 8, -1) for zone in range(ZONES)]
    )
    course, zones = [], 0
    for at, change in changes:
        zones += change
        course.append(Point(at, round(zones * share), _rate(round(share), lasts_s / 10)))
    return tuple(course)


def storm(devices: int, lasts_s: float) -> Course:
    """All devices; at 45 % of the time all are gone, and at 55 % they come back within a second."""
    return (
        Point(0.0, devices, _rate(devices, lasts_s / 5)),
        Point(0.45 * lasts_s, 0, _rate(devices, 1.0)),
        Point(0.55 * lasts_s, devices, _rate(devices, 1.0)),
    )


COURSES: Final[Mapping[str, Callable[[int, float], Course]]] = {
    "steps": steps,
    "hold": hold,
    "spike": spike,
    "waves": waves,
    "storm": storm,
}
"""The shapes by name."""


def of_arrivals(arrivals: Arrivals, devices: int) -> Course:
    """The arrivals of a scenario, second by second, until all devices are there."""
    dues = [due(k, devices, arrivals) for k in range(devices)]
    course, last = [], 0
    second = 0
    while last < devices:
        count = bisect_right(dues, second + 1.0 - 1e-9)
        if count > last:
            course.append(Point(float(second), count, float(count - last)))
        last, second = count, second + 1
    return tuple(course)
