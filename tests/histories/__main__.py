"""Random histories by hand and by ``make soak``: many seeds, or scenario files that were written down.

python -m tests.histories [--seeds N] [--first SEED] [--jobs N] [--out DIR]
python -m tests.histories FILE ...
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from simulator.scenario import ScenarioError
from tests.histories.judge import judged_file
from tests.histories.soak import OUT, kept, soak

SEEDS = 100_000
HOLDS, BROKEN, USAGE = 0, 1, 2


def parse(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="scenario files, instead of seeds")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=f"how many seeds (default: {SEEDS:,})")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first one (default: 0)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), metavar="N", help="processes (default: one per core)"
    )
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help="for the files of what fails")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.first < 0 or options.jobs < 1:
        parser.error("--seeds and --jobs are 1 or more, --first is 0 or more")
    return options


def live_files(files) -> int:
    """Live scenario files; the exit code."""
    code = HOLDS
    for path in files:
        try:
            broken = judged_file(path)
        except ScenarioError as error:
            print("\n".join(str(problem) for problem in error.problems), file=sys.stderr)
            return USAGE
        for each in broken:
            print(f"{path}: {each}")
        if broken:
            code = BROKEN
        else:
            print(f"{path}: every invariant holds")
    return code


def main(arguments) -> int:
    """Entry point; 1 where an invariant was broken."""
    options = parse(arguments)
    if options.files:
        return live_files(options.files)
    live, began = sys.stderr.isatty(), time.monotonic()

    def progress(text):
        print(f"\r\x1b[K{text}" if live else text, end="" if live else "\n", file=sys.stderr, flush=True)

    def say(text):
        print(f"\r\x1b[K{text}" if live else text, flush=True)

    seeds = range(options.first, options.first + options.seeds)
    failures = soak(seeds, min(options.jobs, len(seeds)), say, progress)
    if failures:
        say(f"making small what failed, into {options.out} ...")
        kept(failures, options.out, say)
    took = time.monotonic() - began
    say(f"{len(seeds):,} histories from seed {options.first} on in {took:.0f} s: {len(failures)} broke an invariant")
    return BROKEN if failures else HOLDS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
