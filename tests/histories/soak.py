"""Lives many histories, side by side on all cores; what fails is made small and written down as a scenario file."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.histories.draw import draw
from tests.histories.judge import REPLAY, judged_document, judged_seed
from tests.histories.shrink import TRIES, shrunk
from tests.histories.toml import written
from tests.histories.witness import Broken

OUT = Path(__file__).parents[2] / "build" / "histories"
CHUNK = 20
"""Seeds that a process takes at once."""
SHRUNK_MAX = 3
"""Failing seeds of one invariant that are made small; the others are told."""
PROGRESS_S = 1.0


class Failed(NamedTuple):
    """A seed that broke an invariant, or the program."""

    seed: int
    invariant: str
    text: str


RAISED = "history-raised"


def tried(seeds: range) -> list[Failed]:
    """The seeds that failed, each with its first violation."""
    return [failed for seed in seeds if (failed := _tried(seed)) is not None]


def _tried(seed):
    try:
        broken = judged_seed(seed)
    except Exception as error:  # the world of a history fell down, which is a violation, too
        return Failed(seed, RAISED, f"{type(error).__name__}: {error}")
    return Failed(seed, broken[0].invariant, str(broken[0])) if broken else None


def small(failed: Failed, tries: int = TRIES) -> dict:
    """The document of a failed seed, as small as it still breaks the same invariant."""

    def breaks(document):
        try:
            broken = judged_document(document, twice=failed.invariant == REPLAY)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, AttributeError, AssertionError, OSError):
            return failed.invariant == RAISED
        return any(each.invariant == failed.invariant for each in broken)

    return shrunk(draw(failed.seed), breaks, tries)


def written_down(failed: Failed, document: dict, out: Path) -> Path:
    """The scenario file of a failure, with the command that lives it again."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"seed-{failed.seed}.toml"
    path.write_text(
        f"# Seed {failed.seed} of the random histories, made small. It breaks an invariant:\n"
        f"#   {failed.text.splitlines()[0]}\n"
        f"# Once more:  {command(path)}\n"
        f"# All of it:  {command(failed.seed)}\n\n{written(document)}"
    )
    return path


def command(what: Path | int) -> str:
    """What lives a file or a seed again."""
    if isinstance(what, int):
        return f"python -m tests.histories --first {what} --seeds 1"
    root = OUT.parents[1]
    return f"python -m tests.histories {what.relative_to(root) if what.is_relative_to(root) else what}"


def kept(failures: list[Failed], out: Path, say, tries: int = TRIES) -> None:
    """Make the first failures of each invariant small, and tell where they are."""
    count: Counter[str] = Counter()
    for failed in failures:
        count[failed.invariant] += 1
        if count[failed.invariant] <= SHRUNK_MAX:
            path = written_down(failed, small(failed, tries), out)
            say(f"seed {failed.seed} breaks {failed.text}\n  made small; once more: {command(path)}")


def soak(seeds: range, jobs: int, say, progress=lambda _text: None) -> list[Failed]:
    """Live the histories of all seeds; the failures, as they came.

    Args:
        seeds: all of them.
        jobs: processes.
        say: told of each failure.
        progress: told how far it is, once a second.
    """
    chunks = [range(first, min(first + CHUNK, seeds.stop)) for first in range(seeds.start, seeds.stop, CHUNK)]
    failures: list[Failed] = []
    began = told = time.monotonic()
    done = 0
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for chunk, found in pool.imap_unordered(_chunk, chunks):
            done += len(chunk)
            failures += found
            for failed in found:
                say(f"seed {failed.seed} breaks {failed.text}")
            if time.monotonic() - told >= PROGRESS_S or done == len(seeds):
                told = time.monotonic()
                rate = done / (told - began)
                left = (len(seeds) - done) / rate
                progress(
                    f"{done:,} of {len(seeds):,} histories, {len(failures)} failed, {rate:.0f}/s, {left:.0f} s left"
                )
    return failures


def _chunk(chunk):
    return chunk, tried(chunk)


__all__ = ["OUT", "Broken", "Failed", "command", "kept", "small", "soak", "tried", "written_down"]
