"""The data of each figure, held against plain Python over the rows of the tables."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from reports.aggregate import update_frame
from reports.devices import device_frame
from reports.figures import KINDS, Material, accounts, downloads, gantt, heat, load, overhead, pace
from reports.figures.material import KINDS_MOST
from tests.reports.synthetic import Device, fleet_of, health


def rows_of(run, table):
    return run.tables[table].to_dict("records")


def material(run, **more):
    return Material(run, update_frame(run, device_frame(run)), **more)


def test_durations_of_downloads(record):
    run = record(fleet_of(60))
    plain = {}
    for row in rows_of(run, "transfers"):
        if row["outcome"] == "ok":
            plain.setdefault(f"{row['transport']}/{row['delivery']}", []).append(row["t"] - row["started"])
    found = downloads.take(material(run))
    assert {own.kind: own.took.tolist() for own in found} == {name: sorted(took) for name, took in plain.items()}


@pytest.mark.parametrize("piece", [1, 7, heat.PIECE])
def test_blocks_have_their_place_in_time_and_latency(record, monkeypatch, piece):
    monkeypatch.setattr(heat, "PIECE", piece)
    monkeypatch.setattr(heat, "SPAN", 100 * piece)
    run = record([*fleet_of(60), *(Device(k, blocks=[]) for k in range(60, 70))])
    made = heat.heat(*heat.moments(run), columns=7, rows=5)
    cells, columns = Counter(), {}
    for place, row in enumerate(rows_of(run, "transfers")):
        own = run.blocks_of(run.tables["transfers"].iloc[place : place + 1]).tolist()
        done = 0
        for us in own:
            done += us
            at = row["started"] + (row["t"] - row["started"]) * done / sum(own)
            column = max(k for k in range(7) if at >= made.times[k] - 1e-9)
            level = max(k for k in range(5) if us / 1e6 >= made.latencies[k] - 1e-12)
            cells[level, column] += 1
            columns.setdefault(column, []).append(us / 1e6)
    assert made.counts.sum() == len(run.blocks_us)
    assert {(int(y), int(x)): int(made.counts[y, x]) for y, x in np.argwhere(made.counts)} == cells
    for column, values in columns.items():
        assert made.percentiles[:, column] == pytest.approx(np.percentile(values, [50, 95, 99]))


def test_of_many_kinds_the_rare_ones_are_one(record):
    devices = [Device(k, transport=f"t{min(k, 14):02}", delivery="pull") for k in range(20)]
    made = material(record(devices))
    plain = Counter(f"t{min(k, 14):02}/pull" for k in range(20))
    kept = dict(Counter(made.kinds))
    assert len(kept) == KINDS_MOST
    assert kept.pop("4 others") == 4
    assert kept.items() <= plain.items()
    assert kept["t14/pull"] == 6
    assert dict(Counter(made.update_kinds)) == dict(Counter(made.kinds))
    assert sorted(made.looks) == sorted(set(made.kinds))


def test_paces(record):
    run = record(fleet_of(30))
    edges = np.array([0.0, 0.05, 0.1, 0.3, 5.0])
    for one, table in zip(pace.paces(run), ("devices", "updates"), strict=True):
        due = [row["due"] for row in rows_of(run, table)]
        plain = [sum(a <= t < b for t in due) / (b - a) for a, b in pairwise(edges)]
        assert pace.per_second(one.due, edges) == pytest.approx(plain)
    assert len(pace.paces(run)[0].ended) == 30


def test_a_device_that_never_registers_is_due_and_has_no_end(record):
    found = pace.paces(record([Device(0), Device(1, unreached="no answer")]))
    assert [(len(one.due), len(one.ended)) for one in found] == [(2, 1), (1, 1)]


def test_overheads(record):
    run = record([Device(0, refetched=1000), Device(1), Device(2, delivery="push")])
    plain = {}
    for row in rows_of(run, "transfers"):
        own = plain.setdefault(f"{row['transport']}/{row['delivery']}", [0, 0, 0, 0])
        beyond = row["wire_in"] - row["received"] - row["refetched"]
        for place, value in enumerate((row["received"], beyond, row["refetched"], row["wire_out"])):
            own[place] += value
    found = overhead.overheads(run, material(run).kinds)
    assert {name: [int(value) for value in found.loc[name]] for name in found.index} == plain


def test_accounts(record):
    devices = [*fleet_of(60), Device(60, server_end=(0, 5)), Device(61, device_end=(0, 8))]
    run = record(devices)
    plain = Counter(
        (row["fault"] or accounts.SOUND, row["device_end"], row["server_end"])
        for row in device_frame(run).to_dict("records")
    )
    found = accounts.accounts(run)
    keys = zip(found["fault"], found["device"], found["server"], strict=True)
    assert dict(zip(keys, found["devices"], strict=True)) == plain
    assert found["declared"].sum() == 61
    assert "of 1 the server reported another end" in accounts.told(found)


def test_of_many_names_the_rarest_are_others(record):
    found = accounts.accounts(record([Device(k, fault=f"fault-{min(k, 5)}") for k in range(9)]))
    assert Counter(accounts.folded(found, "fault", 3)) == {"fault-5": 1, "fault-0": 1, accounts.OTHERS: 4}


def test_load_of_many_samples_is_thinned_and_loses_no_peak(record):
    rows = health("fleet-0", seconds=50)
    rows[31] = type(rows[31])(**{name: getattr(rows[31], name) for name in rows[31].__slots__} | {"loop_lag_s": 0.7})
    run = record([Device(0)], fleet_health=rows)
    whole, thin = (next(one for one in load.loads(run, points) if one.process == "fleet-0") for points in (300, 7))
    assert whole.cpu_share == pytest.approx(np.full(50, 0.2))
    assert thin.cpu_share == pytest.approx(np.full(7, 0.2))
    assert whole.lag_s.max() == thin.lag_s.max() == 0.7


def test_lanes_show_the_worst_the_median_and_each_fault(record):
    devices = [Device(k, update_s=1.0 + k / 100) for k in range(20)]
    devices += [Device(20, fault="install-fails", declared=(2, 8)), Device(21, outcome="fail", server_end=(0, 5))]
    run = record(devices)
    shown = {lane.device: lane for lane in gantt.lanes(run)}
    assert [device for device, lane in shown.items() if lane.why == "worst"] == [21, 19, 18, 17]
    assert [device for device, lane in shown.items() if lane.why == "median"] == [8, 9, 10]  # 20 took as long as 0
    assert shown[20].why == "install-fails"
    assert shown[20].faults == [pytest.approx(0.1)]
    for lane in shown.values():
        changes = [row for row in rows_of(run, "states") if row["device"] == lane.device]
        assert [begin for begin, _, _ in lane.bands[1:]] == [row["t"] for row in changes]
        assert [place for _, _, place in lane.bands[1:]] == [gantt.look(r["state"], r["result"]) for r in changes]


def test_nothing_recorded_gives_no_data(record):
    run = record([], fleet_health=[], server_health=[])
    assert [kind.name for kind in KINDS if kind.take(material(run)) is not None] == []
    for found in (pace.paces(run), load.loads(run), gantt.lanes(run)):
        assert found == []
    assert overhead.overheads(run, material(run).kinds).empty
    assert accounts.accounts(run).empty
