"""Progress of a run: a live table on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from rich.console import Group
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, RenderableType

    from simulator.cli.plan import View

LINE_EVERY_S: Final = 3.0
STAGES: Final = (
    ("started", "devices on"),
    ("registered", "registered"),
    ("downloading", "downloading"),
    ("downloaded", "downloaded"),
    ("updating", "updating"),
    ("updated", "updated"),
    ("failed", "failed updates"),
)


class Live:
    """Shows a ``View`` while a run goes on."""

    def __init__(self, view: View, console: Console) -> None:
        self.view = view
        self._console = console
        self._last_line = 0.0
        self._last_phase = ""
        self._live = RichLive(console=console, refresh_per_second=5, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()

    def refresh(self) -> None:
        """The view has changed. A terminal that is gone does not stop the run."""
        with suppress(OSError):
            if self._live is not None:
                self._live.update(self.panel())
            else:
                self._print_line()

    def _print_line(self) -> None:
        now = time.monotonic()
        if self.view.phase != self._last_phase or now - self._last_line >= LINE_EVERY_S:
            self._last_phase, self._last_line = self.view.phase, now
            self._console.print(self.line(), soft_wrap=True, markup=False)

    def panel(self) -> RenderableType:
        """What a terminal shows."""
        return _panel(self.view)

    def line(self) -> str:
        """What is printed elsewhere."""
        return _line(self.view)


def elapsed(view: View) -> str:
    """How long it has been going on."""
    return f"{time.monotonic() - view.began:5.1f} s"


def _line(view: View) -> str:
    parts = [elapsed(view), view.phase, view.detail]
    if view.fleet:
        parts.append(", ".join(f"{label} {view.fleet.get(key, 0)}" for key, label in STAGES))
    campaign = view.campaign
    if campaign:
        parts.append(f"judged {judged(view)} of {campaign.get('targets', 0)}")
    return "  ".join(part for part in parts if part)


def judged(view: View) -> int:
    """How many updates the operator has judged."""
    return sum(int(view.campaign.get(key, 0)) for key in ("ok", "fail", "unknown"))


def _panel(view: View) -> RenderableType:
    head = Text.assemble((view.phase, "bold"), "  ", view.detail, f"  {elapsed(view)}")
    if not view.fleet:
        return head
    table = Table.grid(padding=(0, 2))
    for key, label in STAGES:
        count = int(view.fleet.get(key, 0))
        table.add_row(label, f"{count}", ProgressBar(total=max(view.devices, 1), completed=count, width=40))
    campaign = view.campaign
    if not campaign:
        return Group(head, table)
    judged = Text.assemble(
        "server's view: ",
        (f"ok {campaign.get('ok', 0)}", "green"),
        "  ",
        (f"fail {campaign.get('fail', 0)}", "red"),
        "  ",
        (f"unknown {campaign.get('unknown', 0)}", "yellow"),
        f"  of {campaign.get('targets', 0)}",
    )
    return Group(head, table, judged)
