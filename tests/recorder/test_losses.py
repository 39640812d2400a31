"""A run that lost something is cut short; a record that comes in late makes good what was no more than late."""

from __future__ import annotations

import pytest

from simulator.recorder.losses import Loss, losses_of, made_good, with_losses

DEVICES = Loss("fleet-1 is lost, and 3 devices with it")
RECORD = Loss("the record of fleet-1 is not here", record_of="fleet-1")
AT = "2026-11-25T12:00:00.000Z"


@pytest.mark.parametrize(
    ("status", "losses", "expected"),
    [
        ("complete", [], ("complete", "why")),
        ("complete", [RECORD], ("cut short", RECORD.what)),
        ("cut short", [DEVICES, RECORD], ("cut short", f"{DEVICES.what}; {RECORD.what}")),
        ("failed", [RECORD], ("failed", "why")),
    ],
)
def test_how_a_run_with_losses_ended(status, losses, expected):
    document = with_losses(status, "why", losses)
    assert (document["status"], document["reason"]) == expected
    assert losses_of(document) == losses


@pytest.mark.parametrize(
    ("status", "losses", "process", "expected"),
    [
        ("complete", [RECORD], "fleet-1", ("complete", "")),
        ("complete", [RECORD, DEVICES], "fleet-1", ("cut short", DEVICES.what)),
        ("complete", [RECORD], "fleet-10", ("cut short", RECORD.what)),
        ("failed", [RECORD], "fleet-1", ("failed", "")),
        ("cut short", [RECORD], "fleet-1", ("cut short", "")),
    ],
)
def test_a_record_that_came_in_late(status, losses, process, expected):
    before = {"seed": 7, **with_losses(status, "", losses)}
    after = made_good(before, process, AT)
    assert (after["status"], after["reason"], after["seed"]) == (*expected, 7)
    assert [loss.made_good for loss in losses_of(after)] == [AT if loss.record_of == process else "" for loss in losses]
    assert made_good(after, process, "later") == after


@pytest.mark.parametrize("manifest", [{"status": "running"}, {"status": "complete", "losses": "x", "otherwise": {}}])
def test_a_manifest_without_losses_stays_as_it_is(manifest):
    assert made_good(manifest, "fleet-1", AT) == manifest
