"""Readings of a pull over each transport: what fails before the first byte, and what a server sees of the rest."""

from __future__ import annotations

import pytest

from simulator.events import RegistrationEnded, StateChanged
from tests.faults.faulty_device import ORIGINS
from tests.faults.ordered import CELL, judged

FAST = ("fast-failure-stays-idle",)


def states(run):
    return [(e.state, e.result) for e in run.log.events if isinstance(e, StateChanged)]


@pytest.mark.parametrize("transport", ORIGINS)
def test_downloading_begins_with_the_first_byte(transport):
    run = judged("pull", profile=CELL, settings={"transport": transport, "switches": FAST})
    causes = [e.cause for e in run.log.events if isinstance(e, StateChanged)]
    assert run.verdict.outcome == "ok"
    assert causes == ["download_begun", "download_completed", "update_executed", "install_succeeded"]


@pytest.mark.parametrize("transport", ORIGINS)
@pytest.mark.parametrize(("fault", "end"), [("uri-not-found", (0, 7)), ("origin-refuses", (0, 4))])
def test_what_fails_before_it_is_idle_all_the_time(transport, fault, end):
    run = judged("pull", fault, profile=CELL, settings={"transport": transport, "switches": FAST})
    assert run.verdict.outcome == "ok"
    assert states(run) == [end]


@pytest.mark.parametrize("transport", ORIGINS)
def test_a_device_is_away_for_the_time_of_its_pull(transport):
    settings = {"transport": transport, "switches": ("deregister-while-pulling", "deregister-before-reboot")}
    run = judged("pull", profile=CELL, settings=settings)
    operations = [e.operation for e in run.log.events if isinstance(e, RegistrationEnded)]
    assert operations == ["register", "deregister"] * 2 + ["register"]
    assert run.verdict.outcome == "ok"


@pytest.mark.parametrize("management", ["coap", "coaps", "coap+tcp", "coaps+tcp"])
def test_a_push_is_hidden_and_tells_its_errors_over_each_transport(management):
    settings = {
        "management": management,
        "transport": management,
        "switches": ("push-hidden", "push-error-codes", "second-package-ignored"),
    }
    run = judged("push", "wrong-model", profile=CELL, settings=settings)
    assert (run.verdict.outcome, states(run)) == ("ok", [(0, 6)])
    # A server takes 4.08 for a block that is missing, and begins anew (RFC 7959 §2.9.2).
    retried = judged("push", "image-wrong-digest", profile=CELL, settings=settings)
    assert (retried.verdict.outcome, set(states(retried)), states(retried)[-1]) == ("ok", {(0, 0), (0, 5)}, (0, 5))
    again = judged("push", "second-package", profile=CELL, settings=settings)
    assert (again.verdict.outcome, states(again)) == ("ok", [(2, 0), (3, 0), (0, 1)])
