"""Update Results 2, 3, 5, 6 and 8, each by several mechanisms, over every transport: pull over six, push over four.

What a cell of the table cannot have is there with the reason, and the kinds have to agree with it.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from simulator.events import NOT_KNOWN, FaultApplied, StateChanged
from simulator.faults.registry import FAULTS
from simulator.lwm2m.firmware_table import State, UpdateResult
from simulator.operator.requests import LAST_LOOK_S, Patience
from tests.faults import ordered
from tests.faults.faulty_device import ORIGINS, PACKAGE, update
from tests.faults.ordered import declared_end, judged

TRANSPORTS = tuple(ORIGINS)
MANAGEMENT = ("coap", "coaps", "coap+tcp", "coaps+tcp")
ROOM = len(PACKAGE) // 3


class How(NamedTuple):
    """A mechanism, and how what is told of it begins."""

    kind: str
    parameters: dict
    told: str = ""


HOW = {
    2: (
        How("flash-too-small", {"capacity": ROOM}, "full after "),
        How("flash-too-small", {"capacity": ROOM, "known": True}, f"a package of {len(PACKAGE)} bytes is refused"),
        How("flash-write-error", {"at": 0.5}, "a write of "),
        How("flash-bad-block", {"at": 0.9}, f"the block at byte {len(PACKAGE) * 9 // 10} is bad"),
    ),
    3: (
        How("out-of-memory", {"after": 0.5}, "no RAM after "),
        How("buffer-too-small", {"capacity": ROOM}, f"no RAM for a package of {len(PACKAGE)} bytes"),
    ),
    5: (
        How("image-corrupt", {"bits": 3}, "bits flipped from byte "),
        How("flash-stuck", {}, "takes nothing from byte "),
        How("block-damage", {}, "last bit of byte "),
        How("install-corrupt", {}, "the installer found the image corrupt"),
        How("image-truncated", {}),
        How("image-wrong-digest", {}),
        How("image-wrong-size", {}),
        How("image-trailing", {}),
    ),
    6: (How("wrong-model", {}), How("bad-magic", {})),
    8: (
        How("install-fails", {}, "the installer gave up"),
        How("install-reverted", {}, "the old image boots"),
        How("boot-loop", {"then": "old", "boots": 2}, "2 boots that do not come up"),
        How("rollback-refused", {}),
    ),
}
NEVER = {
    ("block-damage", "push"): "it strikes the port of the download, and a push comes by that of management",
    ("block-damage", "coaps"): "DTLS drops the record, and the device asks again",
    ("block-damage", "coaps+tcp"): "a TLS stream with a record that is not its own is over",
    ("block-damage", "https"): "a TLS stream with a record that is not its own is over",
}
"""Cells that cannot be, by kind, and by delivery or transport."""

CELLS = [
    (result, how, delivery, transport)
    for result, hows in HOW.items()
    for how in hows
    for delivery, transports in (("pull", TRANSPORTS), ("push", MANAGEMENT))
    for transport in transports
]


def settings_of(delivery, transport):
    management = transport if delivery == "push" else "coap"
    return {"delivery": delivery, "transport": transport, "management": management}


def test_every_result_has_at_least_two_mechanisms():
    assert all(len({how.kind for how in hows}) >= 2 for hows in HOW.values())


@pytest.mark.parametrize(("result", "how", "delivery", "transport"), CELLS)
def test_a_result_by_its_mechanism(result, how, delivery, transport):
    kind, settings = FAULTS[how.kind], settings_of(delivery, transport)
    declared = declared_end(kind, settings, how.parameters)
    if (how.kind, delivery) in NEVER or (how.kind, transport) in NEVER:
        assert delivery not in kind.deliveries or declared[1] != result
        return
    del settings["delivery"]
    end = update(delivery, how.kind, settings=settings, **how.parameters)
    assert (end.state, end.result, end.version) == (*declared, "1.0")
    assert end.result == result
    assert end.struck == ([] if kind.seam == "order" else [how.kind])
    told = [event.detail for event in end.log.events if isinstance(event, FaultApplied)]
    assert [detail[: len(how.told)] for detail in told] == ([how.told] if how.told else [])


@pytest.mark.parametrize(
    ("profile", "kind", "declared"),
    [
        ("oma", "install-fails", (2, 8)),
        ("anjay", "install-fails", (2, 8)),
        ("zephyr", "install-fails", (0, 8)),
        ("oma", "install-reverted", (2, 8)),
        ("anjay", "install-reverted", (0, 8)),
        ("zephyr", "install-reverted", (0, 8)),
    ],
)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_failed_installation_ends_as_the_profile_has_it(delivery, profile, kind, declared):
    run = judged(delivery, kind, settings={"profile": profile, "lwm2m": "1.0" if profile == "zephyr" else "1.1"})
    assert (run.verdict.outcome, run.verdict.state, run.verdict.result) == ("ok", *declared)


@pytest.mark.parametrize("profile", ["oma", "anjay", "zephyr"])
@pytest.mark.parametrize(("kind", "parameters"), [("flash-too-small", {"capacity": ROOM, "known": True}),
                                                  ("buffer-too-small", {"capacity": ROOM})])  # fmt: skip
def test_a_push_that_is_refused_by_its_size_with_each_profile(profile, kind, parameters):
    settings = {"profile": profile, "lwm2m": "1.0" if profile == "zephyr" else "1.1"}
    run = judged("push", kind, settings=settings, **parameters)
    assert (run.verdict.state, run.verdict.result) == FAULTS[kind].expected


# -- what the operator finds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "version"), [("install-lies", "1.0"), ("image-older", "0.0.0")])
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_success_that_is_none_is_found_by_the_version(kind, version, delivery):
    run = judged(delivery, kind)
    assert (run.verdict.state, run.verdict.result) == (0, UpdateResult.UPDATED_SUCCESSFULLY)
    assert (run.verdict.outcome, run.verdict.version) == ("ok", version), "which is what the fault declares"


def test_a_device_that_never_comes_back_is_unknown():
    run = judged("pull", "install-never-returns")
    assert run.verdict.outcome == "unknown"
    assert (run.verdict.state, run.verdict.result) == (State.UPDATING, NOT_KNOWN)
    assert FAULTS["install-never-returns"].expected == (State.UPDATING, UpdateResult.INITIAL)
    assert run.device.persistent.boots == 1
    assert [each.fault for each in run.struck] == ["install-never-returns"]


@pytest.mark.parametrize("profile", ["oma", "anjay"])
@pytest.mark.parametrize(("delivery", "management"), [("pull", "coap"), *(("push", each) for each in MANAGEMENT)])
def test_an_installation_begins_anew_after_a_power_cut(delivery, management, profile):
    settings = {"management": management, "profile": profile, "install_time_s": 10.0}
    run = judged(delivery, "install-power-cut", settings=settings, lasts=30.0)
    assert (run.verdict.outcome, run.verdict.result, run.verdict.version) == ("ok", 1, "2.0")
    assert run.device.persistent.boots == 3
    assert [each.fault for each in run.struck] == ["install-power-cut"]
    states = [event for event in run.log.events if isinstance(event, StateChanged)]
    updating = next(event.t for event in states if event.state == State.UPDATING)
    assert states[-1].t - updating >= 40.0


def test_a_boot_loop_takes_its_boots_and_ends_well():
    run = judged("pull", "boot-loop", settings={"boot_time_s": 10.0}, boots=4)
    assert (run.verdict.outcome, run.verdict.result, run.verdict.version) == ("ok", 1, "2.0")
    assert run.device.persistent.boots == 6
    states = [event for event in run.log.events if isinstance(event, StateChanged)]
    updating = next(event.t for event in states if event.state == State.UPDATING)
    assert states[-1].t - updating >= 50.0


@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize(
    ("kind", "parameters"), [("install-never-returns", {}), ("answers-never", {"heals": "never", "silent": True})]
)
def test_the_time_of_an_update_is_kept_where_nobody_answers(kind, parameters, delivery, monkeypatch):
    monkeypatch.setattr(ordered, "PATIENCE", Patience(update_s=20.0, request_s=20.0, poll_s=5.0))
    run = judged(delivery, kind, **parameters)
    assert run.verdict.outcome == "unknown"
    assert run.verdict.t - run.verdict.started <= 20.0 + LAST_LOOK_S + 0.5
