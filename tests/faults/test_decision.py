"""The user of a device calls an update off by hand: Update Result 10 without a Cancel of the server."""

from __future__ import annotations

import pytest

from simulator.events import FAULT_OVER, OperatorStepEnded, StateChanged, TransferEnded
from simulator.faults.triggers import BYTES, SHARE, STATE, Place
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, judged

MANAGEMENT = ("coap", "coaps", "coap+tcp", "coaps+tcp")
NAME = "user-cancels"
DOWNLOADING, DOWNLOADED = Place(STATE, "downloading"), Place(STATE, "downloaded")


def of(run, kind):
    return [event for event in run.log.events if isinstance(event, kind)]


def cancelled(run):
    """The run, which ended by the user's hand: in 0 / 10, as declared, with the old firmware."""
    assert (run.verdict.outcome, run.verdict.reason) == ("ok", "")
    assert (run.verdict.state, run.verdict.result, run.verdict.version) == (0, 10, "1.0")
    assert of(run, StateChanged)[-1].cause == "user_cancelled"
    return run


@pytest.mark.parametrize("transport", ORIGINS)
@pytest.mark.parametrize("at", [DOWNLOADING, DOWNLOADED, Place(SHARE, 0.5), Place(SHARE, 1.0)], ids=str)
def test_a_pull_is_called_off(at, transport):
    run = cancelled(judged("pull", NAME, profile=CELL, settings={"transport": transport}, at=at))
    [struck] = run.struck
    assert (struck.fault, struck.seam) == (NAME, "decision")
    assert not [step for step in of(run, OperatorStepEnded) if step.step == "execute" and step.outcome == "ok"]


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("at", [DOWNLOADING, DOWNLOADED, Place(BYTES, 5000)], ids=str)
def test_a_push_is_called_off_as_often_as_the_server_begins_anew(at, management):
    run = cancelled(judged("push", NAME, profile=CELL, settings={"management": management}, at=at))
    begun = [event for event in of(run, StateChanged) if event.state == 1]
    assert len(begun) == (1 if at == DOWNLOADED else 3), "a server writes it again after 4.08"


def test_a_push_that_no_state_shows_is_called_off():
    cancelled(judged("push", NAME, profile=CELL, settings={"profile": "anjay"}, at=Place(BYTES, 5000)))


@pytest.mark.parametrize("management", MANAGEMENT)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_an_update_that_was_put_off_is_called_off(delivery, management):
    settings = {"management": management, "transport": management}
    run = cancelled(judged(delivery, "update-deferred", settings=settings, lasts=90.0, then="cancel"))
    began, ended = run.struck
    assert ended.t - began.t == pytest.approx(90.0)
    assert ended.detail.startswith(f"{FAULT_OVER} the user calls the update off")
    assert 11 in [event.result for event in of(run, StateChanged)]


@pytest.mark.parametrize("at", [19_900, 19_990])
def test_a_pull_that_is_called_off_at_its_last_blocks_is_no_success(at):
    run = judged("pull", NAME, at=Place(BYTES, at))
    completed = [event for event in of(run, StateChanged) if event.cause == "download_completed"]
    transfers = [event.outcome for event in of(run, TransferEnded)]
    assert transfers == ["ok" if completed else "unknown"]
