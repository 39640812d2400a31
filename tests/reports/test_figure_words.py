"""What is told of each figure in words, held against plain Python over the rows of the tables."""

from collections import Counter

import numpy as np
import pytest

from reports.aggregate import update_frame
from reports.build import summarise
from reports.devices import device_frame
from reports.figures import Material, bars, blocks, flow, heat, rates, states, times, transports
from reports.units import counted, microseconds, rate, seconds
from tests.reports.synthetic import Device, fleet_of


def material(run, **more):
    return Material(run, update_frame(run, device_frame(run)), **more)


def rows_of(run, table):
    return run.tables[table].to_dict("records")


def kind_of(row):
    return f"{row['transport']}/{row['delivery']}"


def by_kind(rows, value):
    found = {}
    for row in rows:
        found.setdefault(kind_of(row), []).append(value(row))
    return dict(sorted(found.items()))


def rates_of(rows):
    return [row["received"] / (row["t"] - row["started"]) for row in rows]


def test_states(record):
    run = record([*fleet_of(60), Device(60, outcome="fail", server_end=(0, 5), device_end=(0, 5))])
    last = {row["device"]: (row["state"], row["result"]) for row in rows_of(run, "states")}
    ends = Counter("updated" if end == (0, 1) else "failed" for end in last.values())
    text = states.told(states.take(material(run)))
    assert text.startswith("61 devices from 1 ms to ")
    assert f"{ends['updated']} updated (Idle, Result 1)" in text
    assert f"{ends['failed']} Result 2 or more" in text


def test_updates(record):
    run = record(fleet_of(60))
    there = {row["device"]: kind_of(row) for row in rows_of(run, "devices")}
    plain = {}
    for row in rows_of(run, "updates"):
        if (row["outcome"], row["result"]) == ("ok", 1):
            own = plain.setdefault(there[row["device"]], [])
            own.append((row["t"] - row["started"], row["t"] - row["due"]))
    told = []
    for name, both in sorted(plain.items()):
        took, from_due = zip(*both, strict=True)
        p50, p95 = np.percentile(took, [50, 95])
        told.append(
            f"{name}: {counted(len(took), 'update')}, p50 {seconds(p50)}, p95 {seconds(p95)}, "
            f"the longest {seconds(max(took))}, from when it was due p95 {seconds(np.percentile(from_due, 95))}"
        )
    assert times.told(times.take(material(run))) == "; ".join(told)


def test_throughput_of_devices(record):
    run = record([Device(k, download_s=0.1 + k / 50, delivery=("pull", "push")[k % 2]) for k in range(40)])
    good = [row for row in rows_of(run, "transfers") if row["outcome"] == "ok"]
    found = {bar.label: bar for bar in rates.take(material(run))}
    assert sorted(found) == ["coap/pull", "coap/push"]
    for name, own in by_kind(good, dict).items():
        bar = found[name]
        assert bar.push == (name == "coap/push")
        assert bar.mean == pytest.approx(sum(r["received"] for r in own) / sum(r["t"] - r["started"] for r in own))
        assert bar.spread == pytest.approx(tuple(np.percentile(rates_of(own), [5, 50, 95])))
        assert f"{name} {rate(bar.mean)}, devices {rate(bar.spread.p5)} to {rate(bar.spread.p95)}" in rates.told([bar])


def test_throughput_beside_the_ceilings(record):
    lte = {"name": "lte-m", "delay_s": 0.05, "jitter_s": 0.0, "loss": 0.0, "rate_bps": 1e6}
    devices = [Device(k, group="far", network=lte, download_s=4.0 + k) for k in range(5)]
    run = record([*devices, *(Device(k, transport="http", group="near") for k in range(5, 9))])
    frame = device_frame(run)
    summary = summarise(run, frame, update_frame(run, frame))
    made = material(run, rows=summary.sides.transports)
    assert rates.take(made) is None  # shown here
    panels = transports.take(made)
    assert [panel.network for panel in panels] == ["lte-m", "ideal"]
    far, near = (panel.bars[0] for panel in panels)
    own = [row for row in rows_of(run, "transfers") if row["device"] < 5]
    assert far.spread == pytest.approx(tuple(np.percentile(rates_of(own), [5, 50, 95])))
    assert far.mean == pytest.approx(
        sum(row["received"] for row in own) / sum(row["t"] - row["started"] for row in own)
    )
    assert near.ceiling is None
    text = transports.told(panels)
    assert f"lte-m: coap {rate(far.mean)}, " in text
    assert f" of {rate(far.ceiling)}, devices {rate(far.spread.p5)} to {rate(far.spread.p95)}" in text


def test_blocks(record):
    run = record(fleet_of(60))
    plain = {}
    for place, row in enumerate(rows_of(run, "transfers")):
        plain.setdefault(kind_of(row), []).extend(
            run.blocks_of(run.tables["transfers"].iloc[place : place + 1]).tolist()
        )
    found = {own.kind: own for own in blocks.take(material(run), bins=9)}
    assert sorted(found) == sorted(name for name, us in plain.items() if us)
    for name, own in found.items():
        us = np.array(plain[name])
        assert own.counts.tolist() == np.histogram(us / 1e6, own.edges)[0].tolist()
        p50, p99 = (microseconds(value) for value in np.percentile(us, [50, 99]))
        assert blocks.told([own]) == f"{name}: {counted(len(us), 'block')}, p50 {p50}, p99 {p99}"


@pytest.mark.parametrize(("download_s", "noun"), [(0.5, "download"), (0.0, "update")])
def test_without_blocks_latency_is_that_of_what_there_is(record, download_s, noun):
    run = record([Device(k, blocks=[], download_s=download_s and download_s + k / 9, update_s=2 + k) for k in range(9)])
    made = heat.take(material(run))
    assert made.of == noun
    assert made.counts.sum() == 9
    table = "transfers" if noun == "download" else "updates"
    took = [row["t"] - row["started"] for row in rows_of(run, table)]
    assert made.whole == pytest.approx(np.percentile(took, [50, 95, 99]), abs=1e-6)
    assert f"whole {noun}s" in heat.caption(made)
    assert heat.told(made).startswith(f"9 {noun}s: p50 ")


def test_bytes_over_time(record):
    run = record(fleet_of(60))
    frame = device_frame(run)
    by_time = summarise(run, frame, update_frame(run, frame)).series
    text = flow.told(flow.take(material(run, by_time=by_time)))
    for name, values in by_time.bytes_per_s["transport"].items():
        assert f"{name} up to {rate(max(values))}" in text


def test_a_bar_without_a_spread_or_a_ceiling():
    assert bars.spread_of(np.zeros(0)) is None
    assert bars.Bar("coap", False, 2000.0, None, None).told == "coap 2 kB/s"
    assert bars.Bar("coap", False, 2000.0, None, 4000.0).told == "coap 2 kB/s, 50 % of 4 kB/s"
