"""What the page with live charts shows of a run, second by second, and of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from locust.runners import MasterRunner

from simulator.load.history import History, group_rows
from simulator.load.meters import Meters
from simulator.lwm2m.firmware_table import STATES

if TYPE_CHECKING:
    from pathlib import Path

    from locust.env import Environment

    from simulator.load.conductor import Conductor

NO_RUN: Final = "no run yet"
REPORT: Final = "report.html"


class Watcher:
    """Watches the run that goes on, and keeps what it saw until the next one begins.

    Args:
        environment: Locust's.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._conductor: Conductor | None = None
        self._history = History()
        self._meters = Meters()
        self._note, self._lasting = "", False
        self._report: Path | None = None

    # -- a run -----------------------------------------------------------------------------------------------------

    def begin(self, conductor: Conductor) -> None:
        """A run is being prepared."""
        self._conductor, self._history, self._meters = conductor, History(), Meters()
        self._note, self._lasting = "", False

    def note(self, text: str, *, lasting: bool = False) -> None:
        """Say how far it is; or why it cannot be, which is ``lasting``: it stays until the next run."""
        if not self._lasting:
            self._note, self._lasting = text, lasting

    def look(self, *, ended: bool = False) -> None:
        """Take the row of this second; the last one, where the run has ``ended``."""
        conductor = self._conductor
        if conductor is None or conductor.directory is None:
            return
        now = conductor.now()
        self._meters.take(list(conductor.totals.gauges.values()), now)
        states = dict.fromkeys(STATES, 0)
        for _group, number, devices in conductor.gauges["states"]:
            states[STATES[number]] += devices
        self._history.add(
            {
                "t": round(now, 2),
                "states": states,
                "ended": dict(conductor.outcomes.total),
                "moved": dict(self._meters.moved(ended=ended)),
                "cpu": {name: round(percent, 1) for name, percent in (self._meters.cpu() | self._cpu()).items()},
                "lag": {name: round(ms, 1) for name, ms in self._meters.lag_ms().items()},
                "late": {"in all": self._meters.late_starts},
            }
        )
        if ended:
            self._history.close()

    def _cpu(self) -> dict[str, float]:
        """Percent of a core that Locust's own processes use."""
        runner: Any = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return {"Locust": float(runner.current_cpu_usage)}
        workers = [float(client.cpu_usage) for client in runner.clients.all]
        busiest = {"busiest Locust worker": max(workers)} if workers else {}
        return {"Locust master": float(runner.current_cpu_usage)} | busiest

    def reported(self, directory: Path) -> None:
        """A run is over and its report is written; one that could not be reported has none."""
        report = directory / REPORT
        if report.is_file():
            self._report = report.resolve()
            self.note("the report is ready")

    # -- who looks on ----------------------------------------------------------------------------------------------

    @property
    def report(self) -> Path | None:
        """The report of the last run that has one."""
        return self._report

    def groups(self) -> list[dict[str, Any]]:
        """How the devices of each group fare."""
        return [] if self._conductor is None else group_rows(self._conductor.gauges)

    def outcomes(self) -> list[dict[str, Any]]:
        """How updates ended, by what was injected."""
        return [] if self._conductor is None else self._conductor.outcomes.rows()

    def live(self, series: str = "", after: float = -1.0) -> dict[str, Any]:
        """What the page with charts shows.

        Args:
            series: the ``series`` that the page has; it is another one after every new run and every thinning.
            after: the time of the last row that it has of these. Without a series, or with an old one, it gets all.
        """
        conductor = self._conductor
        report = "" if self._report is None else self._report.parent.name
        if conductor is None or conductor.directory is None:
            return {"now": self._note or NO_RUN, "series": "", "rows": [], "processes": [], "report": report}
        runner: Any = self._environment.runner
        name, note = conductor.directory.name, f"; {self._note}" if self._note else ""
        current = f"{name}/{self._history.step}"
        rows = self._history.rows
        return {
            "now": f"{name}: {runner.user_count} devices, {runner.state}{note}",
            "series": current,
            "rows": [row for row in rows if row["t"] > after] if series == current else rows,
            "processes": self._meters.rows(),
            "report": report,
        }
