"""A large run directory is one that a report reads whole, with as many rows as it says."""

from __future__ import annotations

from reports.read import read_run
from tests.bench.large_runs import write


def test_a_large_run_is_read_whole(tmp_path):
    made = write(tmp_path / "run", 3_000)
    run = read_run(made.path)
    assert sum(len(table) for table in run.tables.values()) == made.rows
    assert len(run.blocks_us) == made.blocks
    assert run.tables["devices"]["device"].nunique() == made.devices
    assert (run.missing, run.rows_missing, run.parts_unreadable) == ([], 0, 0)
    assert made.rows > 2_900
