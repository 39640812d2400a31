"""A fleet process under a probe: the product's own entry point, and what the probe saw written to a file at the end.

    python -m tests.bench.fleet_process PROBE FILE CORE ARGUMENTS...

PROBE is ``none`` (nothing is touched), ``recorder`` (CPU seconds in its calls and in its thread), ``memory``
(tracemalloc, read when the file ``FILE.now`` appears) or ``profile`` (samples of the stack by CPU time). CORE is the
core to run on, -1 for any. ARGUMENTS are those of ``simulator.fleet``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from simulator.fleet.__main__ import main as fleet_main
from simulator.recorder.recorder import Recorder

POLL_S: Final = 0.1
SAMPLE_S: Final = 0.001
ROOT: Final = Path(__file__).resolve().parent.parent.parent


def _recorder(file: Path, work: Callable[[], int]) -> int:
    """Add up the thread's CPU time in ``emit`` and ``flush``, and that of the writer from its first batch to its last.

    Reading the clock twice for each event counts as the recorder's, so the figure is an upper bound.
    """
    spent: defaultdict[str, float] = defaultdict(float)
    clock = time.thread_time

    def timed(name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begun = clock()
            try:
                return inner(*arguments, **named)
            finally:
                spent[name] += clock() - begun
                spent["calls"] += 1

        return call

    # ``emit`` may call ``flush``, whose time is then in ``emit``; from ``poll`` it is counted by itself.
    Recorder.emit = timed("emit", Recorder.emit)  # type: ignore[method-assign]
    Recorder.poll = timed("poll", Recorder.poll)  # type: ignore[method-assign]
    Recorder._write_all = timed("writer", Recorder._write_all)  # type: ignore[method-assign]
    code = work()
    file.write_text(json.dumps({**spent, "process": time.process_time()}), encoding="utf-8")
    return code


def _place(filename: str) -> str:
    """A file of the product by its path in it, one of a library by the library's name."""
    path = Path(filename)
    if path.is_relative_to(ROOT / "simulator"):
        return str(path.relative_to(ROOT))
    return path.name if "site-packages" not in path.parts else path.parent.name


def _memory(file: Path, work: Callable[[], int]) -> int:
    """Trace allocations; when asked by a file, write the bytes held per line of the product."""
    asked = file.with_suffix(file.suffix + ".now")

    def watch() -> None:
        while not asked.exists():
            time.sleep(POLL_S)
        held: Counter[str] = Counter()
        for statistic in tracemalloc.take_snapshot().statistics("lineno"):
            frame = statistic.traceback[0]
            held[f"{_place(frame.filename)}:{frame.lineno}"] += statistic.size
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(dict(held.most_common())), encoding="utf-8")
        partial.replace(file)

    threading.Thread(target=watch, daemon=True).start()
    tracemalloc.start()
    return work()


def _profile(file: Path, work: Callable[[], int]) -> int:
    """Look at the stack whenever a millisecond of CPU was used; write samples by function, alone and with callees.

    A sample in C code counts for the Python function that called it. Unlike cProfile this slows nothing down, so short
    functions that are called often do not look longer than they are.
    """
    alone: Counter[str] = Counter()
    with_callees: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        seen: list[str] = []
        while frame is not None:
            code = frame.f_code
            seen.append(f"{_place(code.co_filename)}:{code.co_qualname}")
            frame = frame.f_back
        alone[seen[0]] += 1
        with_callees.update(set(seen))

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
    code = work()
    signal.setitimer(signal.ITIMER_PROF, 0)
    rows = {name: [alone[name], count] for name, count in with_callees.most_common()}
    file.write_text(json.dumps(rows), encoding="utf-8")
    return code


PROBES: Final[dict[str, Callable[[Path, Callable[[], int]], int]]] = {
    "none": lambda _file, work: work(),
    "recorder": _recorder,
    "memory": _memory,
    "profile": _profile,
}


def main(arguments: list[str]) -> int:
    """Run the fleet under a probe; the exit code of its process."""
    probe, file, core, *rest = arguments
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    return PROBES[probe](Path(file), lambda: fleet_main(rest))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
