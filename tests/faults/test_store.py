"""What a device remembers of earlier updates, and what it calls its version, by campaigns in virtual time."""

from __future__ import annotations

import pytest

from simulator.events import RegistrationEnded, ServerReported, StateChanged
from simulator.faults.registry import FAULTS
from tests.faults.faulty_device import update
from tests.faults.ordered import judged


def told(run, path="/5/0/5"):
    """The values of a path that the server told, without immediate repetitions."""
    values = [event.value for event in run.log.events if isinstance(event, ServerReported) and event.path == path]
    return [value for at, value in enumerate(values) if not at or values[at - 1] != value]


@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("result", [1, 5, 8])
def test_a_device_registers_with_the_result_of_an_earlier_update(delivery, result):
    run = judged(delivery, "stale-result", result=result)
    assert (run.verdict.outcome, run.verdict.result) == ("ok", 1)
    assert told(run)[0] == str(result), "the server finds it by its first observation"
    first = next(event for event in run.log.events if isinstance(event, StateChanged))
    assert (first.state, first.result, first.cause) == (0, result, "rebooted"), "the device's own account has it, too"
    registered = next(event for event in run.log.events if isinstance(event, RegistrationEnded))
    assert first.t <= registered.t
    [strike] = run.struck
    assert strike.detail.startswith(f"the device comes up with Update Result {result} of an earlier update")


@pytest.mark.parametrize("profile", ["oma", "anjay", "zephyr"])
def test_every_profile_can_remember(profile):
    settings = {"profile": profile, "lwm2m": "1.0" if profile == "zephyr" else "1.1"}
    run = judged("pull", "stale-result", settings=settings, result=8)
    assert (run.verdict.outcome, told(run)[0], told(run)[-1]) == ("ok", "8", "1")


def test_what_is_remembered_is_no_end_of_a_new_update():
    run = judged("pull", "stale-result", result=1)
    states = [(event.state, event.result) for event in run.log.events if isinstance(event, StateChanged)]
    assert states == [(0, 1), (1, 0), (2, 0), (3, 0), (0, 1)]


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_new_image_may_have_a_name_of_its_own(delivery):
    run = judged(delivery, "version-differs", version="2.0-rc1")
    assert (run.verdict.outcome, run.verdict.result, run.verdict.version) == ("ok", 1, "2.0-rc1")
    assert update(delivery, "version-differs", version="v2").version == "v2"
    assert FAULTS["version-differs"].version({"version": "v2"}, "1.0") == "v2"
