"""A course as Locust wants it: a shape that is asked once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from locust import LoadTestShape

from simulator.load.courses import point_at

if TYPE_CHECKING:
    from simulator.load.courses import Course


class CourseShape(LoadTestShape):
    """Follows a course.

    Args:
        course: how many devices there are to be, and when.
        lasts_s: when the test ends, seconds after its start; None: when the run is over.
    """

    use_common_options = True
    """The form keeps its number of users: the most that there are at once."""

    def __init__(self, course: Course, lasts_s: float | None) -> None:
        super().__init__()
        self._course = course
        self._lasts_s = lasts_s
        self.peak = max(point.devices for point in course)
        """Devices that the plan needs."""
        self._begun = False

    def begin(self) -> None:
        """The run is prepared: its time counts from now on."""
        self.reset_time()
        self._begun = True

    def tick(self) -> tuple[int, float] | None:
        """Users and spawn rate now; None at the end."""
        t = self.get_run_time() if self._begun else 0.0
        if self._lasts_s is not None and t >= self._lasts_s:
            return None
        point = point_at(self._course, t)
        return point.devices, point.rate
