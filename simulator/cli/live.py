"""Progress of a run: a live table on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from rich.console import Group
from rich.filesize import decimal
from rich.live import Live as RichLive
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from rich.console import Console, RenderableType

    from simulator.cli.plan import View
    from simulator.cli.progress import Progress

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


BAR: Final = 40
STYLES: Final = {"ok": "green", "fail": "red", "unknown": "yellow"}
LEAST_GROUPS: Final = 3
OTHER_LINES: Final = 8
"""Lines of the panel that are neither stages nor groups."""
REASONS_MOST: Final = 3


class Live:
    """Shows a ``View`` while a run goes on."""

    def __init__(self, view: View, console: Console) -> None:
        self.view = view
        self._console = console
        self._last_line = 0.0
        self._last_phase = ""
        self._told = ""
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
        if self.view.told != self._told:
            self._told = self.view.told
            self._console.print(self._told, soft_wrap=True, markup=False)
        if self.view.phase != self._last_phase or now - self._last_line >= LINE_EVERY_S:
            self._last_phase, self._last_line = self.view.phase, now
            self._console.print(self.line(), soft_wrap=True, markup=False)

    def panel(self) -> RenderableType:
        """What a terminal shows."""
        return _panel(self.view, self._console.height)

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
    if view.progress is not None:
        parts.append(", ".join(speeds(view.progress)))
    return "  ".join(part for part in parts if part)


def judged(view: View) -> int:
    """How many updates the operator has judged."""
    return sum(int(view.campaign.get(key, 0)) for key in ("ok", "fail", "unknown"))


def speeds(progress: Progress) -> list[str]:
    """How fast it goes now, and how long it may still take; nothing where nobody can tell."""
    told = []
    if progress.updates_per_s is not None:
        told.append(f"{progress.updates_per_s:.3g} updates/s")
    told += [f"{transport} {decimal(round(speed))}/s" for transport, speed in progress.bytes_per_s.items()]
    if progress.left_s is not None:
        told.append(f"about {_rounded(progress.left_s)} left")
    return told


def _rounded(left_s: float) -> str:
    minutes, rest = divmod(round(left_s), 60)
    return f"{rest} s" if not minutes else f"{minutes} min {rest} s" if minutes < 10 else f"{minutes} min"


def _panel(view: View, height: int) -> RenderableType:
    head = Text.assemble((view.phase, "bold"), "  ", view.detail, f"  {elapsed(view)}")
    if view.told:
        head.append(f"\n{view.told}")
    if not view.fleet:
        return head
    table = Table.grid(padding=(0, 2))
    for key, label in STAGES:
        count = int(view.fleet.get(key, 0))
        table.add_row(label, f"{count}", ProgressBar(total=max(view.devices, 1), completed=count, width=BAR))
    shown: list[RenderableType] = [head, table]
    if view.campaign:
        targets = view.campaign.get("targets", 0)
        shown.append(Text.assemble("server's view: ", *_outcomes(view.campaign), f"of {targets}"))
    if view.progress is not None:
        shown += _progress(view.progress, max(LEAST_GROUPS, height - len(STAGES) - OTHER_LINES))
    return Group(*shown)


def _outcomes(counts: Mapping[str, int]) -> Iterator[tuple[str, str] | str]:
    for name, style in STYLES.items():
        count = int(counts.get(name, 0))
        yield f"{name} {count}", style if count or name == "ok" else "dim"
        yield "  "


def _progress(progress: Progress, groups_most: int) -> Iterator[RenderableType]:
    """The groups, those that are not through first where there is no room for all; rates; and what went wrong."""
    left = {name: total - progress.ended[name].total() for name, total in progress.targets.items()}
    names = list(left) if len(left) <= groups_most else sorted(left, key=lambda name: left[name] <= 0)[:groups_most]
    if len(left) > 1:
        table = Table.grid(padding=(0, 2))
        for name in names:
            ended, total = progress.ended[name], progress.targets[name]
            bar = ProgressBar(total=max(total, 1), completed=ended.total(), width=BAR)
            table.add_row(escape(name), f"{ended.total()} of {total}", bar, Text.assemble(*_outcomes(ended)))
        yield table
    if len(names) < len(left):
        yield Text(f"and {len(left) - len(names)} more groups", style="dim")
    if told := speeds(progress):
        yield Text("  ".join(told))
    for reason, count in progress.reasons.most_common(REASONS_MOST):
        yield Text(f"{count} x {reason}", style="red" if reason.startswith("fail") else "yellow")
