"""Devices in queue mode, updated by the operator in virtual time: when they listen, and what a server has to do."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.coap.exchange import Failure
from simulator.coap.requests import request_options
from simulator.events import RegistrationEnded, StateChanged
from simulator.lwm2m.queue_mode import QueueMode
from simulator.network.profiles import NetworkProfile
from simulator.operator.campaign import Tactics
from simulator.transport.virtual import run_virtual
from tests.faults import ordered
from tests.faults.faulty_device import ENDPOINT, _Run
from tests.faults.ordered import CELL, judged

MANAGEMENT = ("coap", "coaps")
LATE = Tactics("after", 400.0, 1, "downloaded", 300.0, 0.0, 60.0)
"""An operator who comes when the devices sleep, and waits before he executes."""


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


def asleep(run, seconds):
    """A request to a device after so long without a message: its answer, or why there is none."""

    async def work():
        await run.serve()
        await run.device.power_on(0.0)
        assert await run.until(lambda: run.device.registrar.registered)
        await run.clock.sleep(seconds)
        told = []
        # Straight to the device, as a server without queues does it.
        run.server._call(ENDPOINT, c.GET, request_options(["5", "0", "3"], accept=c.FORMAT_TEXT), b"", told.append)
        await run.until(lambda: told)
        run.device.cut_off()
        run.transports.close()
        for listener in run.listeners:
            listener.close()
        return told[0]

    return work()


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize(("seconds", "listens"), [(8.0, True), (11.0, False)])
def test_a_device_listens_for_a_while_and_then_no_more(seconds, listens, management):
    async def work():
        settings = {"management": management, "queue": QueueMode(10.0), "delivery": "push"}
        return await asleep(_Run([], 1, CELL, settings, None), seconds)

    result = run_virtual(work())
    assert result.failure is (None if listens else Failure.TIMEOUT)


@pytest.mark.parametrize("lwm2m", ["1.0", "1.1"])
def test_the_server_learns_of_it_by_the_register(lwm2m):
    async def work():
        run = _Run([], 1, CELL, {"queue": QueueMode(), "lwm2m": lwm2m, "delivery": "push"}, None)
        await run.serve()
        await run.device.power_on(0.0)
        assert await run.until(lambda: run.device.registrar.registered)
        request = run.server.table.by_endpoint(ENDPOINT).request
        run.device.cut_off()
        run.transports.close()
        for listener in run.listeners:
            listener.close()
        return request

    request = run_virtual(work())
    assert (request.queue, request.binding) == (True, "UQ" if lwm2m == "1.0" else "U")


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("awake", [10.0, 93.0])
def test_an_update_of_a_device_that_sleeps(awake, delivery, management, monkeypatch):
    monkeypatch.setattr(ordered, "TACTICS", LATE)
    settings = {"management": management, "transport": management, "queue": QueueMode(awake, 150.0)}
    run = judged(delivery, profile=CELL, settings=settings)
    assert (run.verdict.outcome, run.verdict.result, run.verdict.version) == ("ok", 1, "2.0")
    assert [event.operation for event in of(run, RegistrationEnded)].count("update") >= 4
    states = {event.state: event.t for event in of(run, StateChanged)}
    assert states[1] >= 450.0, "not before the Update after the order"
    assert states[3] >= states[2] + 300.0


def test_a_device_that_never_wakes_up_is_not_reached(monkeypatch):
    monkeypatch.setattr(ordered, "TACTICS", LATE)
    run = judged("push", profile=CELL, settings={"queue": QueueMode(), "lifetime_s": 86_400.0})
    assert (run.verdict.outcome, run.verdict.state) == ("unknown", 0)
    assert of(run, StateChanged)[1:] == []


def test_an_awake_window_shorter_than_the_round_trip_gets_one_request_through_at_a_time(monkeypatch):
    """What the server sends with its answer to the Update is heard, and nothing that waits for an answer to that."""
    monkeypatch.setattr(ordered, "TACTICS", LATE)
    far = NetworkProfile("far", delay_s=2.0)
    near = judged("pull", profile=CELL, settings={"queue": QueueMode(1.0, 150.0)})
    run = judged("pull", profile=far, settings={"queue": QueueMode(1.0, 150.0)})
    assert near.verdict.outcome == "ok"
    assert run.verdict.outcome == "ok"
    assert run.ended_at > near.ended_at + 300.0
