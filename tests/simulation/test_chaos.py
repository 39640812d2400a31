"""Goal: a server that is known to be bad is found out, by class, with time and message; a good one never is.

Method: whole runs in virtual time against the embedded server with `[server.chaos]`, recorded and judged as real ones.
"""

from dataclasses import replace

import pytest

from reports.aggregate import update_frame
from reports.build import summarise
from reports.devices import device_frame
from reports.read import read_run
from simulator.events import FaultApplied, RegistrationEnded
from simulator.network.profiles import IDEAL
from simulator.operator.driver import ServerStartError
from simulator.operator.drivers import driver_for
from simulator.operator.job import ServerChoice
from simulator.scenario import ScenarioError, loads
from tests.simulation.recorded import recorded

SCENARIO = """
[firmware]
size = "8 KiB"
[devices]
boot_time = "2 s"
install_time = "30 s"
lifetime = "3 min"
[groups.pull]
count = 8
[groups.push]
count = 8
delivery = "push"
think_time = "1 s"
[[groups.pull.faults]]
kind = "flash-too-small"
capacity = "4 KiB"
share = "25 %"
[arrivals]
kind = "at-once"
[campaign]
timeout = "8 min"
request_timeout = "2 min"
"""


def run(tmp_path, chaos="", text=SCENARIO):
    """What a report finds of a run with this chaos, and its events."""
    return judged(tmp_path, loads(f"{text}\n[server.chaos]\n{chaos}" if chaos else text))


def judged(tmp_path, scenario):
    """What a report finds of a run of this scenario, and its events."""
    events = recorded(tmp_path, scenario, 7, IDEAL)
    record = read_run(tmp_path)
    devices = device_frame(record)
    return summarise(record, devices, update_frame(record, devices)), events


def acts(events):
    return {event.fault for event in events if isinstance(event, FaultApplied) and event.seam == "server"}


def found(summary):
    return {one.id: one.devices for one in summary.verdicts.classes}


def test_a_good_server_is_accused_of_nothing(tmp_path):
    summary, events = run(tmp_path)
    assert summary.verdicts.classes == []
    assert (summary.verdicts.server.as_declared, summary.verdicts.device.as_declared) == (16, 16)
    assert acts(events) == set()


@pytest.mark.parametrize(
    ("chaos", "act", "accused"),
    [
        ("misses = [3]", "misses", {"S1": 14}),
        ('result = "stale"', "result", {"S2": 16, "S3": 16}),
        ('result = "silent"', "result", {"S3": 16}),
        ('gives_up_after = "3 s"', "gives_up_after", {"S5": 8}),
        ('retries_every = "5 s"', "retries_every", {"S4": 2}),
        ('forgets_after = "10 s"', "forgets_after", {"S6": 16}),
        ('restarts_after = "12 s"', "restarts_after", {"S6": 10}),
        ("alters_push = true", "alters_push", {"S7": 8}),
    ],
)
def test_a_bad_server_is_found_out(tmp_path, chaos, act, accused):
    summary, events = run(tmp_path, chaos)
    assert acts(events) == {act}
    assert found(summary) == accused
    assert any(note.startswith("The server under test misbehaved on purpose") and act in note for note in summary.notes)


def test_a_late_answer_is_no_lost_one(tmp_path):
    summary, events = run(tmp_path, "late = '100 %'\nlate_by = '4 s'")
    registers = [e for e in events if isinstance(e, RegistrationEnded) and e.operation == "register"]
    assert {(e.outcome, e.t - e.started >= 4) for e in registers} == {("ok", True)}
    assert acts(events) == {"late"}
    assert summary.verdicts.classes == []
    assert summary.verdicts.server.as_declared == 16


def test_what_is_observed_once_only_is_missed_after_the_next_register(tmp_path):
    summary, events = run(tmp_path, 'forgets_after = "5 s"\nobserves_once = true')
    assert acts(events) == {"forgets_after", "observes_once"}
    # The pushes alone are executed after the device has registered anew.
    assert found(summary) == {"S1": 8, "S6": 16}
    charge = summary.verdicts.classes[0].charges[0]
    assert "State 3 (Updating), which the device held for 32 s, was in no notification" in charge.message
    assert charge.t == pytest.approx(
        next(e.t for e in events if e.table == "states" and e.device == charge.index and e.state == 3)
    )


def test_chaos_meets_the_same_devices_each_time(tmp_path):
    runs = [run(tmp_path / str(k), 'share = "40 %"\nmisses = [3]')[0].verdicts for k in range(2)]
    assert runs[0] == runs[1]
    assert {one.id: one.devices for one in runs[0].classes} == {"S1": 5}


@pytest.mark.parametrize(
    ("chaos", "act", "code"), [('busy = "40 %"', "busy", "5.03"), ('silent = "30 %"', "silent", "")]
)
def test_a_server_that_has_no_time_is_no_reason_to_accuse_it(tmp_path, chaos, act, code):
    summary, events = run(tmp_path, chaos)
    refused = [e for e in events if isinstance(e, RegistrationEnded) and e.outcome != "ok"]
    assert refused
    assert {e.code for e in refused} == {code}
    assert acts(events) == {act}
    assert summary.verdicts.classes == []
    assert summary.verdicts.server.differs == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server.chaos]\nshare = '50 %'", "this server does nothing wrong"),
        ("[server]\nkind = 'leshan'\n[server.chaos]\nmisses = [3]", 'has no meaning with kind = "leshan"'),
        ("[server.chaos]\nmisses = [4]", "misses"),
        ("[server.chaos]\nresult = 'odd'", "stale"),
    ],
)
def test_chaos_is_read_strictly(text, words):
    with pytest.raises(ScenarioError) as caught:
        loads(f"{text}\n[groups.a]\ncount = 1")
    assert words in str(caught.value)


async def test_the_process_of_the_server_takes_chaos(tmp_path):
    chaos = loads(f"{SCENARIO}\n[server.chaos]\nmisses = [3]").server.chaos
    sound = ServerChoice("embedded", "127.0.0.1", 0, "", str(tmp_path), 1024)
    driver = driver_for(replace(sound, chaos=chaos.to_json(7)), print)
    try:
        assert (await driver.start(print)).coap.startswith("coap://127.0.0.1:")
        assert await driver.clients() == []
    finally:
        await driver.stop()
    bad = driver_for(replace(sound, chaos='{"odd": 1}'), print)
    with pytest.raises(ServerStartError):
        await bad.start(print)
    await bad.stop()
