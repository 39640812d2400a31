"""All of a run but its devices: package origin, operator with the server under test, and the run directory.

    python -m simulator.load.stage

The first line of its input says what to run (the fields of ``Options`` of ``lwm2m-fleet run``). It tells ``phase``
while it prepares, ``ready`` with what a fleet process has to know, ``campaign`` and ``updates`` while the operator
works, and ``over`` when there is nothing more to wait for. Commands then: ``process`` and ``usage`` of a fleet
process, ``counts`` of all devices, ``go``, and ``stop``, with what was lost on the way. The end of its input means
``stop``, too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cli.failure import ENVIRONMENT, USAGE, CommandFailedError
from simulator.cli.plan import PLAN, Ended
from simulator.cli.run import Options, make_plan
from simulator.cli.session import Session
from simulator.recorder.losses import CUT_SHORT, Loss, reason_of
from simulator.recorder.manifest import Manifest, RunDirectoryError, Usage
from simulator.recorder.pipes import Pipes

if TYPE_CHECKING:
    from simulator.cli.plan import Plan


class Stage(Session):
    """A run whose devices are started elsewhere.

    Args:
        plan: what to run.
        pipes: to whom it is told how it goes.
    """

    def __init__(self, plan: Plan, pipes: Pipes) -> None:
        super().__init__(plan, self._tell_phase)
        self._pipes = pipes
        self._go = asyncio.Event()
        self._phase = ""
        self._over: Ended | None = None
        self._counts: dict[str, int] = {}
        self._lost: list[Loss] = []
        self._manifest: Manifest

    def tell(self, **line: Any) -> None:
        """Say something to whoever started this process."""
        self._pipes.write(json.dumps(line) + "\n")

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop_wanted.is_set()

    def take(self, command: dict[str, Any]) -> None:
        """Carry out a command."""
        match command.get("do"):
            case "process":
                self._manifest.add_process(str(command["name"]), "fleet", int(command["pid"]))
            case "usage":
                used = Usage(str(command["name"]), "fleet", float(command["cpu_s"]), int(command["rss_bytes"]))
                self._other_usage.append(used)
            case "counts":
                self._counts = {str(stage): int(count) for stage, count in command["counts"].items()}
            case "go":
                self._go.set()
            case "stop":
                self._lost = [Loss(**loss) for loss in command.get("lost", ())]
                self._stop_wanted.set()

    async def _start_fleets(self, manifest: Manifest, servers: list[str]) -> None:
        plan, self._manifest = self.plan, manifest
        self.tell(
            ready=True,
            directory=str(plan.directory.resolve()),
            t0=self._t0,
            unix0=time.time() - (time.monotonic() - self._t0),
            servers=servers,
            devices=plan.scenario.devices,
            plan=json.loads((plan.directory / PLAN).read_text(encoding="utf-8")),
            scenario=plan.scenario_file.read_text(encoding="utf-8"),
        )
        await self._unless_stopped(self._go.wait())

    def _tell_phase(self) -> None:
        told = f"{self.view.phase} {self.view.detail}".strip()
        if told != self._phase:
            self._phase = told
            self.tell(phase=told)

    def _on_line(self, line: dict[str, Any]) -> None:
        super()._on_line(line)
        if "updates" in line:
            self.tell(updates=line["updates"])
        if isinstance(line.get("status"), dict) and self._operator is not None:
            self.tell(campaign=self._operator.status)

    def _refresh(self) -> None:
        super()._refresh()
        self.view.fleet = dict(self._counts)

    def _how_it_stands(self, end: float) -> Ended | None:
        """As of any run; but what is over lasts until somebody says so, since devices are to be stopped elsewhere."""
        self.view.fleet = dict(self._counts)
        stands = super()._how_it_stands(end)
        if stands is None or stands.status == "failed":
            return stands
        if stands.interrupted:
            return self._over or Ended("cut short", "stopped before every update had ended")
        if self._over is None:
            self._over = stands
            self.tell(over=stands.reason or "every update has ended")
        return None

    async def _stop(self, manifest: Manifest, ended: Ended) -> Ended:
        manifest.losses = self._lost
        ended = await super()._stop(manifest, ended)
        if self._lost and ended.status != "failed":
            ended = Ended(CUT_SHORT, reason_of(self._lost), begun=ended.begun)
        return ended


async def _listen(stage: Stage, lines: Any) -> None:
    async for raw in lines:
        try:
            command = json.loads(raw)
        except ValueError:
            continue
        if isinstance(command, dict):
            stage.take(command)
    stage.take({"do": "stop", "lost": [{"what": "the master of the run is gone"}]} if not stage.stopping else {})


async def _run(pipes: Pipes) -> int:
    lines = pipes.lines()
    asked = json.loads(await anext(lines))
    asked["scenario"], out = Path(asked["scenario"]), asked["out"]
    asked["out"] = Path(out) if out else None
    for name in ("overrides", "command"):
        asked[name] = tuple(asked[name])
    try:
        stage = Stage(make_plan(Options(**asked)), pipes)
    except CommandFailedError as error:
        pipes.write(json.dumps({"failed": str(error), "code": error.code}) + "\n")
        return error.code
    listening = asyncio.ensure_future(_listen(stage, lines))
    try:
        ended = await stage.run()
    except (RunDirectoryError, OSError) as error:
        code = USAGE if isinstance(error, RunDirectoryError) else ENVIRONMENT
        stage.tell(failed=str(error), code=code)
        return code
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    if ended.status == "failed":
        stage.tell(failed=ended.reason, code=ENVIRONMENT)
    stage.tell(ended=ended.status, reason=ended.reason, begun=ended.begun)
    return 0


def main() -> int:
    """Entry point of ``python -m simulator.load.stage``."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Ctrl-C reaches the whole foreground group; who started this process decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return asyncio.run(_run(Pipes()))


if __name__ == "__main__":
    sys.exit(main())
