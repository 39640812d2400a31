"""Two fleets in turn: both do all the work, and one of them really is without the fault machinery."""

from __future__ import annotations

import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.bench import burdens, isolation, measures, pairs, unwrapped
from tests.bench.figures import Results
from tests.bench.rig import BenchError, Load
from tests.bench.test_bench import TINY

ROOT = Path(__file__).parents[2]
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler: install Debian package gcc")


@pytest.fixture
def bench(tmp_path):
    return measures.Bench(tmp_path, TINY, Results(quick=True, repetitions=1), lambda _what: None)


# -- the interval of a median ------------------------------------------------------------------------------------------


def test_few_values_have_no_interval():
    assert pairs.interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert pairs.interval([1, 2, 3, 4, 5, 6]) == (1, 6)
    assert pairs.spread([1.0]) == "too few rounds for an interval"


def test_the_interval_holds_the_median_nineteen_times_in_twenty():
    dice = random.Random(1)
    found = [pairs.interval([dice.gauss(1.0, 0.1) for _ in range(25)]) for _ in range(1000)]
    assert sum(low <= 1.0 <= high for low, high in found) >= 940
    assert statistics.mean(high - low for low, high in found) < 0.12


# -- the machinery cut out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "simulator" / "device").glob("*.py")), ids=lambda path: path.stem)
def test_every_use_of_the_machinery_in_a_device_can_be_cut_out(path):
    tree, _ = unwrapped.unwrapped(path.read_bytes())
    compile(tree, path.name, "exec")


def test_there_is_something_to_cut_out():
    files = (ROOT / "simulator" / "device").glob("*.py")
    assert sum(unwrapped.unwrapped(path.read_bytes())[1] for path in files) >= 6


@pytest.mark.parametrize(
    ("source", "becomes"),
    [
        ("x = d.faults.wrap_flash(y)", "x = y"),
        ("x = d.faults.wrap_boot(f(d.faults.wrap_flash(y)))", "x = f(y)"),
        ("d.faults.changed(d, s)", "pass"),
        ("x = d.faults.defers_update(3)", "x = False"),
        ("def inject(self, f):\n    self.faults = self.faults.joined(f)", "def inject(self, f):\n    pass"),
        ("x = d.faults.wrap_send(send, mid)", "x = send"),
        ("x = 1 + d.faults.clock_ahead()", "x = 1 + 0.0"),
        ("if not d.faults.leaves_clock:\n    x = 1", "if not True:\n    x = 1"),
        ("self.faults = NO_FAULTS", "self.faults = NO_FAULTS"),
    ],
)  # fmt: skip
def test_what_a_use_becomes(source, becomes):
    tree, _ = unwrapped.unwrapped(source)
    assert unwrapped.ast.unparse(tree) == becomes


@pytest.mark.parametrize("source", ["x = d.faults.surprise(1)", "x = d.faults", "x = d.faults.wrap_it(it=a)"])
def test_a_use_that_nobody_knows_is_an_error(source):
    with pytest.raises(ValueError, match="line 1"):
        unwrapped.unwrapped(source)


def test_the_cut_fleet_is_imported_from_the_changed_source():
    program = (
        "import sys; from tests.bench import unwrapped; sys.meta_path.insert(0, unwrapped.Finder)\n"
        "import simulator.device.device as d; print(unwrapped.Loader.cut, d.Device.inject.__code__.co_names)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    cut, names = done.stdout.split(maxsplit=1)
    assert int(cut) >= 5
    assert names.strip() == "()"


CALLS = """
import hashlib, sys
if sys.argv[1] == "unwrapped":
    from tests.bench import unwrapped
    sys.meta_path.insert(0, unwrapped.Finder)
from simulator.network.profiles import NetworkProfile
from simulator.scenario import loads
from tests.simulation.world import simulate

calls = 0

def count(_frame, event, _argument):
    global calls
    calls += event in ("call", "c_call")

scenario = loads('''
[firmware]
size = "64 KiB"
[groups.pull]
count = 5
[groups.push]
count = 5
delivery = "push"
[arrivals]
kind = "at-once"
''')
profile = NetworkProfile("x", delay_s=0.01)
simulate(scenario, 1, profile)
sys.setprofile(count)
outcome = simulate(scenario, 1, profile)
sys.setprofile(None)
print(calls, hashlib.sha256(outcome.log.to_bytes()).hexdigest())
"""


@pytest.mark.slow
def test_devices_without_faults_make_hardly_more_calls_than_devices_without_the_machinery():
    """Calls of functions in ten whole updates: unlike CPU time, they are the same on every machine."""

    def counted(build):
        command = [sys.executable, "-c", CALLS, build]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
        calls, history = done.stdout.split()
        return int(calls), history

    (wrapped, history), (unwrapped_, other) = counted("wrapped"), counted("unwrapped")
    assert history == other
    assert 0 < wrapped - unwrapped_ < 0.01 * unwrapped_


# -- two fleets --------------------------------------------------------------------------------------------------------


@needs_compiler
def test_the_machinery_is_measured_in_rounds(bench):
    burdens.machinery(bench)
    assert [(figure.unit, len(figure.values)) for figure in bench.results.figures] == [("ratio", 2)] * 2
    assert all(value > 0 for figure in bench.results.figures for value in figure.values)
    assert "too few rounds" in bench.results.remarks()[0]


@needs_compiler
def test_links_are_measured_beside_devices_without_them(bench, monkeypatch):
    monkeypatch.setattr(burdens, "LINKS", {"network lan": Load(0, 0, network="lan")})
    burdens.links(bench)
    per_exchange, ratio = bench.results.figures
    assert per_exchange.unit == "CPU µs"
    assert ratio.median > 0


# -- isolation ---------------------------------------------------------------------------------------------------------


def table(directory, name, rows):
    folder = directory / "parts" / name
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "fleet-0-000000.parquet")


def test_the_times_of_the_good_devices_are_read(tmp_path):
    table(tmp_path, "devices", [{"device": k, "fault": "x" * (k == 1)} for k in range(3)])
    table(tmp_path, "updates", [{"device": k, "t": 2.0 + k, "started": 1.0, "outcome": "ok"} for k in range(3)])
    table(tmp_path, "transfers", [{"device": k, "block_us": [10 * k, 10 * k + 1]} for k in range(3)])
    good = isolation.good_of(tmp_path)
    assert good == {0, 2}
    times = isolation.times_of(tmp_path, good)
    assert times.updates_ms.tolist() == [1000.0, 3000.0]
    assert times.blocks_us.tolist() == [0, 1, 20, 21]
    assert np.percentile(times.blocks_us, 50) == 10.5


def test_a_good_device_that_was_not_updated_is_no_measurement(tmp_path):
    table(tmp_path, "updates", [{"device": 0, "t": 2.0, "started": 1.0, "outcome": "fail"}])
    with pytest.raises(BenchError, match="1 of 1 good devices were not updated"):
        isolation.times_of(tmp_path, frozenset({0}))


def test_a_run_that_fails_is_told_of(tmp_path):
    with pytest.raises(BenchError, match="exit code 2"):
        isolation.run_scenario(tmp_path / "x", ["groups.pull.count=none"])
