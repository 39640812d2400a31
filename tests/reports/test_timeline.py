"""The timeline of one device: what it is put together from, and that it can be drawn whatever is in it."""

from __future__ import annotations

import re

import pytest

from reports.build import build
from reports.devices import device_frame
from reports.figures import draw_timeline
from reports.figures.timeline import TOLD_MOST, told
from reports.single import DeviceNameError, named
from reports.timeline import Fetched, Held, Message, Span, of_run, timeline
from simulator.events import (
    DeviceStarted,
    FaultApplied,
    OperatorStepEnded,
    RegistrationEnded,
    ServerReported,
    StateChanged,
    TransferEnded,
    UpdateEnded,
)
from tests.reports.synthetic import Device, fleet_of

START = DeviceStarted(1.0, 7, "dev", "g", "coap", "pull", 1.0, "flash-slow", 0, 1, "coaps", "own", "lte-m", "psk")


def fault(t, detail, name="flash-slow", device=7):
    return FaultApplied(t, device, name, "flash", detail)


def transfer(outcome="ok", received=100, size=100, block_us=(1_000_000, 2_000_000)):
    return TransferEnded(6.0, 7, "coap", "pull", 2.0, size, received, 0, 0, 0, 2, 0, 0, outcome, 0, "", list(block_us))


def faults(*events, end=20.0):
    made = timeline([START, *events, StateChanged(end, 7, 0, 1, "x")], 7)
    return [(span.begin, span.end) for span in made.faults]


def test_a_device_that_never_started_has_none():
    assert timeline([fault(1.0, "slow")], 7) is None


def test_all_that_belongs_to_a_device_is_put_together():
    log = [
        StateChanged(2.0, 7, 1, 0, "uri_written"),
        START,
        StateChanged(2.0, 8, 3, 0, "other"),
        RegistrationEnded(1.5, 7, "register", 1.0, "ok", "2.01", 0, ""),
        transfer(),
        ServerReported(2.5, 7, "/5/0/3", "1", "notify"),
        ServerReported(2.6, 7, "/5/0/5", "0", "read"),
        ServerReported(2.7, 7, "/3/0/3", "1.0.0", "read"),
        ServerReported(2.8, 7, "/5/0/3", "odd", "read"),
        OperatorStepEnded(2.2, 7, "write_uri", 1.9, "fail", "4.00", ""),
        UpdateEnded(9.0, 7, "pull", 1.0, 1.0, "fail", 0, 1, "", "too late"),
        RegistrationEnded(99.0, 7, "deregister", 98.0, "ok", "2.02", 0, ""),
    ]
    made = timeline(log, 7, [Message(2.1, "origin", True)])
    assert (made.endpoint, made.begin, made.end, made.verdict) == ("dev", 1.0, 9.0, "fail: too late")
    assert made.told == (
        "group g: pull over coap, managed over coaps, network lte-m; fault: flash-slow; declared to end in 0/1"
    )
    assert made.held == [Held(2.0, 1, 0)]
    assert made.reported == [Held(2.5, 1, -1), Held(2.6, 1, 0)]
    assert made.transfers == [Fetched(Span(2.0, 6.0, "ok"), [2.0, 3.0, 5.0, 6.0], [0.0, 0.5, 1.0, 1.0])]
    assert made.steps == [Span(1.9, 2.2, "write_uri", ok=False)]
    assert [span.text for span in made.registrations] == ["register", "deregister"]
    assert made.messages == [Message(2.1, "origin", True)]


@pytest.mark.parametrize(
    ("events", "spans"),
    [
        ([], []),
        ([fault(3.0, "one bit is flipped (bits 1, 50 %)")], [(3.0, 3.0)]),
        ([fault(3.0, "write took 0.05 s (takes 0.05 s, repeated)")], [(3.0, 20.0)]),
        ([fault(3.0, "gone (lasts 5 s, 50 %)")], [(3.0, 8.0)]),
        ([fault(3.0, "gone (lasts 500 s)")], [(3.0, 20.0)]),
        ([fault(3.0, "lost (repeated, heals after 9 s)"), fault(5.0, "over: healed (repeated)")], [(3.0, 5.0)]),
        ([fault(3.0, "a (2 times)"), fault(4.0, "b (2 times)"), fault(4.0, "over: b")], [(3.0, 3.0), (4.0, 4.0)]),
        ([fault(3.0, "silence (how silent, 50 %)")], [(3.0, 20.0)]),
        ([fault(3.0, "a"), fault(4.0, "b", "other")], [(3.0, 3.0), (4.0, 4.0)]),
        ([fault(5.0, "over: nobody saw it begin")], [(5.0, 5.0)]),
        ([fault(3.0, "other device", device=8)], []),
    ],
)  # fmt: skip
def test_each_fault_has_its_time(events, spans):
    assert sorted(faults(*events)) == spans


@pytest.mark.parametrize(
    "log",
    [
        [START],
        [START, transfer("fail", 0, -1, ())],
        [START, *(StateChanged(2.0, 7, state, result, "x") for state in (0, 3, 9, -1) for result in (-1, 0, 1, 12))],
        [START, fault(1.0, "at once (repeated)"), fault(1.0, "and more", "$other_{fault}$")],
        [START, *(OperatorStepEnded(5.0, 7, "read", 2.0, "unknown", "", "") for _ in range(9))],
        [START, UpdateEnded(9.0, 7, "pull", 1.0, 1.0, "fail", 0, 1, "", "<b>$x_{1}" * 40)],
    ],
)
def test_whatever_is_in_it_can_be_drawn(log, tmp_path):
    made = timeline(log, 7, [Message(t / 1000, "server", t % 2 == 0) for t in range(2000)])
    drawn = draw_timeline(made, tmp_path / "a.svg", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    again = draw_timeline(made, tmp_path / "b.svg")
    assert (again.name, again.caption) == (drawn.name, drawn.caption)
    assert (tmp_path / "a.svg").read_bytes() == drawn.svg
    # Matplotlib names a clipping path by where it is in memory.
    assert re.sub(rb"p[0-9a-f]{10}\b", b"p", again.svg) == re.sub(rb"p[0-9a-f]{10}\b", b"p", drawn.svg)


def test_a_run_gives_the_timeline_of_its_record(record):
    run = record([Device(0), Device(1, fault="image-corrupt", declared=(0, 5), blocks=[5_000, 7_000])])
    made = of_run(run, 1)
    assert made.held[-1][1:] == (0, 5)
    assert "fault: image-corrupt" in made.told
    assert len(made.transfers[0].times) == 4
    assert made.reported
    assert of_run(run, 99) is None


def test_a_report_draws_some_devices_those_first_that_were_not_ok(record):
    faulty = [Device(k, fault=f"fault-{k}", declared=(0, 5)) for k in range(40, 46)]
    run = record([*fleet_of(10), *faulty])
    (run.path / "figures" / "devices").mkdir(parents=True)
    (run.path / "figures" / "devices" / "old.svg").write_text("")
    summary = build(run.path, endpoints=["vd-000003"])
    drawn = sorted((run.path / "figures" / "devices").iterdir())
    assert len(drawn) == 5  # one was asked for
    assert "3-vd-000003.svg" in [path.name for path in drawn]
    assert {path.suffix for path in drawn} == {".svg"}
    assert "old.svg" not in [path.name for path in drawn]
    indices = {int(path.name.partition("-")[0]) for path in drawn}
    assert {one.index for one in summary.not_ok[:1]} <= indices
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert page.count('alt="timeline of ') == 5
    assert "vd-000003 (chosen): " in page


def test_a_device_that_is_not_there_is_an_error_that_names_near_ones(record):
    devices = device_frame(record([Device(k) for k in range(3)]))
    assert named(devices, ["vd-000002", "vd-000000", "vd-000002"]) == [2, 0]
    with pytest.raises(DeviceNameError, match=r"'vd-00001'; near it are vd-000001, "):
        named(devices, ["vd-000000", "vd-00001"])
    with pytest.raises(DeviceNameError, match=r"'x'; it has vd-000000, vd-000001, vd-000002$"):
        named(devices, ["x"])
    with pytest.raises(DeviceNameError, match=r"'x'$"):
        named(devices.head(0), ["x"])


def test_a_timeline_in_words():
    made = timeline([START, fault(2.5, "slow"), StateChanged(3.0, 7, 1, 0, ""), transfer(), *ends()], 7)
    text = told(made)
    assert "States: Downloading at 3 s, Idle, Result 5 at 8 s; " in text
    assert "transfers: ok after 4 s with 100 % of the package; " in text
    assert "faults: flash-slow at 2.5 s; verdict fail: bad; started at 1 s, ended at 9 s" in text


def test_of_many_states_the_first_are_told():
    made = timeline([START, *(StateChanged(2.0 + k, 7, k % 2, 0, "") for k in range(TOLD_MOST + 3))], 7)
    assert told(made).count(" at ") == TOLD_MOST + 2  # and when it started and ended
    assert ", 3 more; " in told(made)


def ends():
    return [StateChanged(8.0, 7, 0, 5, ""), UpdateEnded(9.0, 7, "pull", 1.0, 1.0, "fail", 0, 5, "", "bad")]


def test_a_run_without_faults_in_which_all_went_well_has_none(record):
    run = record([Device(0), Device(1)])
    build(run.path)
    assert not (run.path / "figures" / "devices").exists()
