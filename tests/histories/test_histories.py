"""Goal: whatever meets in a device, on its way and at its servers, the invariants of ``tests/histories`` hold.

Method: 400 seeds (1,000 at full size), each a scenario of a few devices with drawn faults, networks and misbehaving
servers, lived in virtual time; ``make soak`` does the same with 100,000. A seed that fails is made small and written to
build/histories.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.scenario import loads
from tests.histories.draw import draw
from tests.histories.judge import repeats
from tests.histories.soak import CHUNK, OUT, kept, tried
from tests.histories.toml import written
from tests.histories.world import live
from tests.sizes import sized

SEEDS = sized(400, 1000)
TRIES = 60
"""Scenarios that a failing test lives in order to make its seeds small; by hand there is more time for that."""
ROOT = Path(__file__).parents[2]
DIGEST = """
import hashlib
from simulator.scenario import loads
from tests.histories.draw import draw
from tests.histories.judge import repeats
from tests.histories.toml import written
from tests.histories.world import live
for seed in range(24):
    text = written(draw(seed))
    if repeats(loads(text)):
        print(seed, hashlib.sha256(text.encode() + live(loads(text)).log.to_bytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, 2 * CHUNK))
def test_no_history_breaks_an_invariant(first):
    failures = tried(range(first, first + 2 * CHUNK))
    told: list[str] = []
    kept(failures, OUT, told.append, TRIES)
    assert not failures, "\n".join(told)


def test_the_seed_decides_in_every_process():
    digests = set()
    for hashing in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hashing, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 4
        digests.add(done.stdout)
    assert len(digests) == 1


def test_what_happens_is_worth_looking_at():
    """Histories in which nothing ever goes well, or nothing ever fails, would keep every invariant."""
    pairs, outcomes, struck = set(), set(), set()
    for seed in range(60):
        for event in live(loads(written(draw(seed)))).log.events:
            if event.table == "states":
                pairs.add((event.state, event.result))
            elif event.table == "updates":
                outcomes.add(event.outcome)
            elif event.table == "faults":
                struck.add((event.fault, event.seam))
    assert outcomes == {"ok", "fail", "unknown"}
    assert {(0, 1), (0, 2), (0, 4), (0, 5), (0, 7), (1, 0), (2, 0), (3, 0)} <= pairs
    assert {"server", "origin", "flash", "installer", "order"} <= {seam for _, seam in struck}
    assert len(struck) > 40


def test_that_seeds_repeat_is_asked_of_many():
    assert sum(repeats(loads(written(draw(seed)))) for seed in range(40)) >= 8
