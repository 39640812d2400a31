"""An event sink that writes Parquet parts, one set per process, with the least work on the side of the event loop.

``emit`` appends the event object to a list and returns. Once in ``flush_s`` the lists are handed to one background
thread, which makes columns of them and writes each table as ``parts/<table>/<process>-<seq>.parquet``, whole and then
renamed. So a process that is killed loses what it recorded since its last flush, and no more. A process that ends in
order leaves ``parts/<process>.closed.json`` with its numbers of rows and parts; a reader that finds none knows that
rows are missing, and one that finds fewer rows than it says knows how many.
"""

from __future__ import annotations

import queue
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from simulator.events import SCHEMA_VERSION, Event
from simulator.recorder.columns import layout
from simulator.recorder.files import write_json
from simulator.recorder.parts import write_part

PARTS: Final = "parts"
_PROCESS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_Batch = dict[type[Event], list[Event]]


class Recorder:
    """Records the events of one process of a run. ``emit``, ``poll``, ``flush`` and ``close`` belong to one thread.

    Nothing that goes wrong with the disk reaches the emitter: the first error stays in ``error``, is told to
    ``on_error`` (on the writer's thread), and from then on events are counted in ``lost`` and dropped. The owner looks
    at ``error`` when it polls, and ends the run.
    """

    def __init__(
        self,
        directory: Path,
        process: str,
        now: Callable[[], float],
        *,
        flush_s: float = 1.0,
        rows_max: int = 20_000,
        fsync: bool = False,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Record for ``process`` (such as ``fleet-0``) into the run directory ``directory``.

        Args:
            directory: the run directory; ``parts`` is made in it.
            process: letters, digits, ``_``, ``.`` and ``-``; one recorder per name and run.
            now: seconds since the start of the run.
            flush_s: how often ``poll`` hands rows to the writer, in seconds.
            rows_max: rows of one table that are handed over without waiting for ``poll``.
            fsync: also wait until the disk has each part, so that parts survive a loss of power.
            on_error: called once, with the first error.

        Raises:
            ValueError: the name cannot be part of a file name.
            FileExistsError: the run directory has parts of a process of this name already.
            OSError: the directory cannot be made or written.
        """
        if not _PROCESS.fullmatch(process):
            msg = f"process name {process!r}: use letters, digits, '_', '.' and '-', 64 at most"
            raise ValueError(msg)
        self.process: Final = process
        self.error: Exception | None = None
        self.lost = 0
        """Events that were dropped after an error."""
        self._parts: Final = directory / PARTS
        self._now: Final = now
        self._flush_s: Final = flush_s
        self._rows_max: Final = rows_max
        self._fsync: Final = fsync
        self._on_error: Final = on_error
        self._parts.mkdir(parents=True, exist_ok=True)
        if self._has_parts():
            msg = (
                f"{self._parts}: a process named {process!r} has recorded here already; give each process its own name"
            )
            raise FileExistsError(msg)
        self._opened_t: Final = now()
        self._flushed_t = self._opened_t
        self._closed = False
        self._rows: defaultdict[type[Event], list[Event]] = defaultdict(list)
        self._written: dict[str, _Written] = {}
        self._batches: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        # A daemon, so that an owner that dies without close() does not hang at its exit.
        self._writer: Final = threading.Thread(target=self._write_all, name=f"recorder-{process}", daemon=True)
        self._writer.start()

    def emit(self, event: Event) -> None:
        """Take one event. Never blocks on the disk and never raises."""
        rows = self._rows[type(event)]
        rows.append(event)
        if len(rows) >= self._rows_max:
            self.flush()

    def poll(self, now: float | None = None) -> None:
        """Flush when the last flush was ``flush_s`` ago. To be called about once a second."""
        if (self._now() if now is None else now) - self._flushed_t >= self._flush_s:
            self.flush()

    def flush(self) -> None:
        """Hand what was emitted to the writer, without waiting for it."""
        self._flushed_t = self._now()
        if not self._rows:
            return
        batch, self._rows = self._rows, defaultdict(list)
        if self._closed:
            self.lost += sum(len(rows) for rows in batch.values())
        else:
            self._batches.put(batch)  # also after an error: the writer counts what it drops

    def close(self, timeout_s: float | None = None) -> None:
        """Write what is left and the closing note, and wait for both. Further events are counted as lost.

        Args:
            timeout_s: how long to wait for the disk, None for ever; after that ``error`` is a TimeoutError.
        """
        if self._closed:
            return
        self.flush()
        self._closed = True
        self._batches.put(None)
        self._writer.join(timeout_s)
        if self._writer.is_alive():
            self._fail(TimeoutError(f"{self._parts}: the disk did not take the last rows within {timeout_s} s"))

    def _has_parts(self) -> bool:
        own = re.compile(re.escape(self.process) + r"-\d{6,}\.parquet")
        closed = (self._parts / f"{self.process}.closed.json").exists()
        return closed or any(own.fullmatch(path.name) for path in self._parts.glob("*/*.parquet"))

    def _write_all(self) -> None:
        while (batch := self._batches.get()) is not None:
            for event_type, rows in batch.items():
                self._write_table(event_type, rows)
        self._write_closed()

    def _write_table(self, event_type: type[Event], rows: list[Event]) -> None:
        if self.error is not None:
            self.lost += len(rows)
            return
        try:
            columns = layout(event_type)
            written = self._written.get(columns.table)
            if written is None:
                (self._parts / columns.table).mkdir(exist_ok=True)
                written = self._written[columns.table] = _Written()
            path = self._parts / columns.table / f"{self.process}-{written.parts:06d}.parquet"
            write_part(path, columns.build(rows), columns.dictionary, fsync=self._fsync)
            written.parts += 1
            written.rows += len(rows)
        except Exception as error:  # whatever it is, the thread goes on and the owner hears of it
            self.lost += len(rows)
            self._fail(error)

    def _write_closed(self) -> None:
        note = {
            "schema": SCHEMA_VERSION,
            "process": self.process,
            "opened": self._opened_t,
            "closed": self._now(),
            "lost": self.lost,
            "error": "" if self.error is None else describe(self.error),
            "tables": {name: {"rows": w.rows, "parts": w.parts} for name, w in sorted(self._written.items())},
        }
        try:
            write_json(self._parts / f"{self.process}.closed.json", note, fsync=self._fsync)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
            if self._on_error is not None:
                self._on_error(error)


class _Written:
    """What the disk has of one table."""

    __slots__ = ("parts", "rows")

    def __init__(self) -> None:
        self.parts = 0
        self.rows = 0


def describe(error: Exception) -> str:
    """An error of the recorder in one line, for the message with which the owner ends the run."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"
