"""No figure grows with a run without limit, and none has colours that a dark page breaks."""

from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from reports.figures import draw_timeline, flow, gantt, load, overhead, style, thin, times, transports
from reports.figures.bars import Bar, Spread
from reports.slices import EMPTY, Series
from reports.timeline import Fetched, Held, Span, Timeline

BYTES_MOST = 300_000
KINDS = [f"coaps+tcp-{k}/pull" for k in range(12)]


def svg_of(figure):
    with mpl.rc_context(style.STYLE):
        return style.save(figure)


def many_updates():
    values = np.sort(np.random.default_rng(1).lognormal(size=20_000))
    return times.draw([times.Updates(name, look, values, values * 1.1) for name, look in style.looks(KINDS).items()])


def many_states():
    bands = [(float(t), t + 1.0, t % 6) for t in range(20_000)]
    marks = [float(t) for t in range(20_000)]
    return gantt.draw(
        [
            gantt.Lane(k, "chosen", f"vd-{k:06d}", bands, marks, marks)
            for k in range(gantt.CHOSEN + gantt.WORST + gantt.MEDIAN + gantt.FAULTS)
        ]
    )


def many_processes():
    t = np.linspace(0, 100, 300)
    wild = np.random.default_rng(1).random(300)
    return load.draw([load.Load(f"fleet-{k}", t, wild * k, wild / (k + 1), np.cumsum(wild)) for k in range(64)])


def many_networks():
    bars = [Bar(f"coap/{k}", False, 1e3 * k, Spread(9e2 * k, 1e3 * k, 2e3 * k), 1e5) for k in range(1, 7)]
    return transports.draw([transports.Panel(f"network-{k}", bars) for k in range(20)])


def many_transports():
    wild = np.random.default_rng(1).random(120)
    by = {**EMPTY.bytes_per_s, "transport": {name: (1e6 * wild).tolist() for name in KINDS}}
    return flow.draw(Series(1.0, by, [], [], [], []))


def many_overheads():
    columns = {"payload": 1e6, "headers in": 1e4, "refetched": 5e3, "sent": 2e4}
    return overhead.draw(pd.DataFrame({name: [value] * 12 for name, value in columns.items()}, index=KINDS))


@pytest.mark.parametrize(
    "make", [many_updates, many_states, many_processes, many_networks, many_transports, many_overheads]
)
def test_a_figure_of_much_stays_small(make):
    with mpl.rc_context(style.STYLE):
        assert len(svg_of(make())) < BYTES_MOST


def test_a_timeline_of_much_stays_small(tmp_path):
    much = range(5000)
    made = Timeline(
        "vd-000000", "group a", 0.0, 5000.0,
        held=[Held(float(t), t % 4, 0) for t in much],
        reported=[Held(t + 0.5, t % 4, 0) for t in much],
        registrations=[Span(t, t + 0.1, "register") for t in much],
        transfers=[Fetched(Span(0, 5000, "ok"), [float(t) for t in much], [t / 5000 for t in much])],
        faults=[Span(t, t + 0.5, "packet-loss") for t in much],
        steps=[Span(t, t + 0.5, "write_uri") for t in much],
    )  # fmt: skip
    assert len(draw_timeline(made, tmp_path / "a.svg").svg) < BYTES_MOST


def test_what_is_left_begins_and_ends_as_the_whole():
    assert thin.few(range(10), 10) == list(range(10))
    kept = thin.few(range(1000), 7)
    assert (len(kept), kept[0], kept[-1]) == (7, 0, 999)
    assert np.ptp(np.diff(kept)) <= 1


def test_networks_that_are_left_out_are_counted():
    figure = many_networks()
    assert len(figure.axes) == transports.BARS_MOST // 6
    assert "(14 more networks not shown)" in figure.get_suptitle()


def test_coordinates_are_short_and_scales_whole():
    svg = svg_of(many_updates())
    assert b"scale(0.015625)" in svg
    lines = [path.get("d") for path in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}path")]
    numbers = [word for line in lines if line for word in line.split() if "." in word]
    assert len(numbers) > 1000
    assert max(len(number.partition(".")[2]) for number in numbers) <= 2


@pytest.mark.parametrize("make", [many_updates, many_networks])
def test_the_ground_is_white_for_a_page_that_inverts_it(make):
    first = next(iter(ET.fromstring(svg_of(make())).iter("{http://www.w3.org/2000/svg}path")))
    assert "fill: #ffffff" in first.get("style")


def test_looks_differ_for_twelve_kinds():
    looks = style.looks(KINDS)
    assert len({(look["color"], str(look["linestyle"])) for look in looks.values()}) == 12


def test_a_long_name_keeps_its_end():
    assert style.short("vd-broken-link-000450", 15) == "vd-b…ink-000450"
    assert style.short("vd-1", 15) == "vd-1"
