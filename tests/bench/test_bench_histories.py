"""The benchmark of virtual time measures what it says; how fast anything is, is no test."""

from __future__ import annotations

import pytest

from tests.bench import histories
from tests.bench.figures import Results
from tests.bench.measures import Bench, Sizes
from tests.bench.rig import BenchError

TINY = Sizes(update_bytes=4096, virtual_devices=3)


def test_virtual_time_gives_its_three_figures(tmp_path):
    bench = Bench(tmp_path, TINY, Results(quick=True, repetitions=2), lambda _what: None)
    histories.virtual_time(bench)
    names = [figure.name for figure in bench.results.figures]
    assert names == ["pull updates in virtual time", "push updates in virtual time", "random histories"]
    assert all(value > 0 for figure in bench.results.figures for value in figure.values)


def test_an_update_that_fails_is_no_figure(monkeypatch):
    monkeypatch.setattr(histories, "LOSS", "95 %")
    with pytest.raises(BenchError, match="of 2 updates"):
        histories.updates_per_cpu_second("pull", 2, 4096)
