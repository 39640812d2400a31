"""The quick conditions over whole tables leave out no device of which a rule would find something."""

import random
from dataclasses import fields
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.case import AT_ONCE, cases
from reports.devices import device_frame
from reports.misconduct import CLASSES
from reports.read import Run
from reports.suspects import CONDITIONS, Record, suspects
from reports.verdicts import judgement
from simulator.events import (
    EVENT_TYPES,
    DeviceStarted,
    HealthSampled,
    OperatorStepEnded,
    RegistrationEnded,
    ServerReported,
    ServerSaw,
    StateChanged,
    TransferEnded,
    UpdateEnded,
)

STEPS_S = (0, 0, 0.5, 1, 9.9, 10, 10.1, 30)
"""Between events: at once, and on both sides of the grace."""
GROUPS = {
    "pull": {"lifetime_s": 60.0, "profile": "oma"},
    "push": {"lifetime_s": 300.0, "profile": "oma"},
    "push-hidden": {"profile": "anjay", "notifications": "non"},
}


def history(dice, k):
    """What the record may have of a device, good and bad: times are few, so that many things happen at once."""
    group = dice.choice(list(GROUPS))
    delivery = group[:4]
    fault = dice.choice(["", "", "image-corrupt", "push-block-misnumbered"])
    yield DeviceStarted(0.0, k, f"vd-{k}", group, "coap", delivery, 0.0, fault, 0, dice.choice([1, 5]),
                        "coap", "own", dice.choice(["", "", "nb-iot"]), "")  # fmt: skip
    t, last, calm = dice.choice(STEPS_S), None, dice.random() < 0.5
    if dice.random() < 0.7:
        yield RegistrationEnded(t, k, "register", t, "ok", "2.01", 0, "")
        yield ServerReported(t, k, "/5/0/3", "0", "observe")
    for _ in range(dice.choice([0, 3, 5, 12])):
        kind = dice.randrange(8)
        if kind < 3:
            last = ((last[0] + 1) % 4 if last and calm else dice.randrange(2), dice.choice([0, 0, 1, 2, 5, 5]))
            yield StateChanged(t, k, *last, "")
        if kind < 5:
            path, value = dice.choice([("/5/0/3", 0), ("/5/0/5", 1)])
            value = str(last[value] if last and dice.random() < 0.8 else dice.choice([0, 1, 2, 3, "x", "", 5]))
            yield ServerReported(t + dice.choice(STEPS_S), k, path, value, dice.choice(["notify", "observe", "read"]))
        elif kind == 5:
            code, outcome = dice.choice([("2.01", "ok"), ("2.01", "ok"), ("4.04", "fail"), ("", "unknown")])
            operation = dice.choice(["register", "register", "update", "deregister"])
            yield RegistrationEnded(t, k, operation, t, outcome, code, 0, "")
        elif kind == 6:
            code, outcome = dice.choice([("2.04", "ok"), ("", "unknown"), ("4.00", "fail")])
            yield OperatorStepEnded(t, k, dice.choice(["write_package", "write_uri"]), 0.0, outcome, code, "")
            blocks = [dice.choice([1_000_000, 500_000]) for _ in range(int(t))]
            yield TransferEnded(t + dice.choice(STEPS_S), k, "coap", delivery, 0.0, 9, 9, 0, 9, 9, 9, 0, 0, "ok", 0, "",
                                blocks)  # fmt: skip
        else:
            yield ServerSaw(t, k, "deregistered", dice.choice(["expired", "deregister"]))
        t += dice.choice(STEPS_S)
    if dice.random() < 0.8:
        yield UpdateEnded(t + dice.choice(STEPS_S), k, delivery, 0.0, 0.0, "ok", 0, 1, "2", "")


def run_of(events, kind="embedded"):
    """A run in memory, as ``read_run`` makes it."""
    tables, blocks = {}, []
    for event_type in EVENT_TYPES:
        own = sorted((event for event in events if type(event) is event_type), key=lambda event: event.t)
        hints = event_type.__annotations__
        columns = {f.name: [getattr(event, f.name) for event in own] for f in fields(event_type)}
        if event_type is TransferEnded:
            lists = columns.pop("block_us")
            blocks = list(chain.from_iterable(lists))
            columns["block_count"] = counts = np.array([len(each) for each in lists], np.int64)
            columns["block_from"] = np.cumsum(counts) - counts
        types = {name: {"int": "int64", "float": "float64", "str": "str"}.get(hints.get(name)) for name in columns}
        frame = pd.DataFrame(columns)
        tables[event_type.table] = frame.astype({name: of for name, of in types.items() if of})
    manifest = {
        "scenario": {"groups": GROUPS, "campaign": {"request_timeout_s": 60.0}},
        "server": {"kind": kind, "uri": "coap://127.0.0.1:5683"},
    }
    return Run(Path("run"), manifest, tables, np.array(blocks, np.int64))


def by_rules_alone(run, devices):
    """What each rule finds of each device, with no condition before it."""
    return [
        (name, case.index, next((f for f in found if f.clear), found[0]))
        for case in cases(run, devices)
        for name, _, rule in CLASSES
        if (found := list(rule(case)))
    ]


@pytest.mark.parametrize("kind", ["embedded", "external"])
@pytest.mark.parametrize("seed", range(2))
def test_no_finding_is_lost(seed, kind):
    dice = random.Random(seed)
    health = HealthSampled(0.0, "fleet-0", 0.0, 1, dice.choice([0.0, 0.5]), 0, 0, 0, 1)
    run = run_of([health, *(event for k in range(1000) for event in history(dice, k))], kind)
    devices = device_frame(run)
    expected = by_rules_alone(run, devices)
    asked = suspects(run, devices)
    record = Record(run, devices[devices["campaign"]])
    for name, _, _ in CLASSES:
        assert {index for which, index, _ in expected if which == name} <= set(CONDITIONS[name](record)), name
    assert len(asked) < len(devices)
    judged = judgement(run, devices)
    for kept, clear in ((judged.charges, True), (judged.doubts, False)):
        assert [(c.id, c.index, c.t, c.message) for c in kept] == [
            (name, index, f.t, f.message) for name, index, f in expected if f.clear is clear
        ]
    if kind == "embedded":
        assert {name for name, _, _ in expected} == set(CONDITIONS)


def test_retries_are_not_lost():
    again = [StateChanged(float(t), k, t % 2, 2, "") for k in range(3) for t in range(2 + 5 * k)]
    run = run_of([DeviceStarted(0.0, k, f"vd-{k}", "pull", "coap", "pull", 0.0, "", 0, 1, "coap", "own", "", "")
                  for k in range(3)] + again)  # fmt: skip
    assert {charge.id: charge.index for charge in judgement(run, device_frame(run)).charges}["S4"] == 2


def test_the_only_device_of_a_run_is_looked_at_until_the_operator_stopped():
    registered = RegistrationEnded(0.0, 0, "register", 0.0, "ok", "2.01", 0, "")
    observed, judged = (
        ServerReported(0.0, 0, "/5/0/3", "0", "observe"),
        UpdateEnded(99.0, 0, "pull", 0, 0, "ok", 0, 0, "", ""),
    )
    started = DeviceStarted(0.0, 0, "vd-0", "pull", "coap", "pull", 0.0, "", 0, 1, "coap", "own", "", "")
    run = run_of([started, registered, observed, StateChanged(1.0, 0, 1, 0, ""), judged])
    (charge,) = judgement(run, device_frame(run)).charges
    assert (charge.id, charge.index, charge.t) == ("S1", 0, 1.0)


def test_a_sound_device_is_no_suspect_though_others_are():
    sound = [
        DeviceStarted(0.0, 1, "vd-1", "pull", "coap", "pull", 0.0, "", 0, 1, "coap", "own", "", ""),
        RegistrationEnded(0.0, 1, "register", 0.0, "ok", "2.01", 0, ""),
        *(StateChanged(20.0 * k, 1, state, result, "") for k, (state, result) in enumerate(
            [(1, 0), (2, 0), (3, 0), (0, 1)])),
        *(ServerReported(20.0 * k + 0.1, 1, "/5/0/3", str(state), "notify") for k, state in enumerate([1, 2, 3, 0])),
        ServerReported(60.1, 1, "/5/0/5", "1", "notify"),
        UpdateEnded(90.0, 1, "pull", 0.0, 0.0, "ok", 0, 1, "2", ""),
    ]  # fmt: skip
    started = DeviceStarted(0.0, 0, "vd-0", "pull", "coap", "pull", 0.0, "", 0, 1, "coap", "own", "", "")
    refused = RegistrationEnded(1.0, 0, "update", 0.0, "fail", "4.04", 0, "")
    run = run_of([*sound, started, refused])
    assert list(suspects(run, device_frame(run))) == [0]


def test_every_class_has_its_condition():
    assert list(CONDITIONS) == [name for name, _, _ in CLASSES]


def test_devices_are_put_together_a_part_at_a_time(monkeypatch):
    run = run_of([event for k in range(50) for event in history(random.Random(k), k)])
    devices = device_frame(run)
    whole = list(cases(run, devices))
    assert AT_ONCE > len(whole) > 30
    monkeypatch.setattr("reports.case.AT_ONCE", 7)
    assert list(cases(run, devices)) == whole
