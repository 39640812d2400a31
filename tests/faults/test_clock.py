"""A wall clock that leaps: what goes by it, and what does not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from simulator.coap import codes as c
from simulator.events import FAULT_OVER, StateChanged, TransferEnded
from simulator.faults.triggers import SHARE, STATE, Place
from simulator.transport.virtual import run_virtual
from tests.faults.faulty_device import ORIGINS, _Run
from tests.faults.ordered import CELL, judged

NAME = "clock-jump"
MONTHS = 60 * 86400.0


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


@pytest.mark.parametrize("transport", ORIGINS)
@pytest.mark.parametrize("way", ["forward", "back"])
def test_no_certificate_is_valid_by_a_clock_that_is_wrong(way, transport):
    run = judged("pull", NAME, profile=CELL, settings={"transport": transport}, by=MONTHS, way=way)
    lost = transport in ("https", "coaps+tcp")
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert (run.verdict.state, run.verdict.result) == ((0, 4) if lost else (0, 1))
    [struck] = run.struck
    assert struck.detail.startswith(f"the clock leaps by {'+' if way == 'forward' else '-'}{MONTHS:g} s in State down")
    if lost:
        [transfer] = of(run, TransferEnded)
        assert ("expired" if way == "forward" else "not yet valid") in transfer.cause


@pytest.mark.parametrize("transport", ["https", "coaps+tcp"])
@pytest.mark.parametrize(("parameters", "reason"), [({"by": 86_000.0}, "soon"), ({"at": Place(SHARE, 0.5)}, "over")])
def test_a_handshake_that_is_over_or_not_concerned_stands(parameters, reason, transport):
    run = judged("pull", NAME, profile=CELL, settings={"transport": transport}, **{"by": MONTHS, **parameters})
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1), reason


@pytest.mark.parametrize("management", ["coap", "coaps"])
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_time_outs_and_lifetimes_do_not_leap(delivery, management):
    settings = {"management": management, "transport": management, "install_time_s": 20.0}
    right = judged(delivery, profile=CELL, settings=settings)
    run = judged(delivery, NAME, profile=CELL, settings=settings, by=MONTHS)
    times = [[(event.t, event.state) for event in of(each, StateChanged)] for each in (right, run)]
    assert times[0] == times[1]


def test_a_clock_may_be_put_right():
    run = judged("pull", NAME, profile=CELL, settings={"install_time_s": 60.0}, lasts=10.0)
    began, ended = run.struck
    assert ended.t - began.t == pytest.approx(10.0)
    assert ended.detail.startswith(f"{FAULT_OVER} the clock is right")


def deferred(way):
    """By how much the clock leaps, and how long an update waits that was put off for 1000 s by it, when the clock is
    put right after 100 s."""

    async def work():
        leap = {"by": 600.0, "way": way, "at": Place(STATE, "downloaded"), "lasts": 100.0}
        faults = [SimpleNamespace(kind="update-deferred", parameters={}), SimpleNamespace(kind=NAME, parameters=leap)]
        run = _Run(faults, 1, CELL, {"delivery": "pull"}, None)
        await run.serve()
        await run.device.power_on(0.0)
        assert await run.until(lambda: run.device.registrar.registered)
        began, before = run.clock.now(), run.device.now_unix()
        await run.call(c.PUT, "5/0/13", b"1000", c.FORMAT_TEXT)
        await run.call(c.PUT, "5/0/1", run.uri("good").encode(), c.FORMAT_TEXT)
        assert await run.until(lambda: run.machine.state == 2)
        ahead = run.device.now_unix() - before - (run.clock.now() - began)
        await run.call(c.POST, "5/0/2")
        began = run.clock.now()
        assert await run.until(lambda: run.machine.result == 1)
        run.device.cut_off()
        run.transports.close()
        for listener in run.listeners:
            listener.close()
        return ahead, run.clock.now() - began

    return run_virtual(work())


@pytest.mark.parametrize(("way", "leap", "wait"), [("forward", 600, 1600), ("back", -600, 400)])
def test_the_device_tells_the_time_of_its_clock_and_waits_by_it(way, leap, wait):
    ahead, waited = deferred(way)
    assert ahead == pytest.approx(leap, abs=2)
    assert waited == pytest.approx(wait, abs=10)
