"""Goal: the later scenarios of field failures, and the reserve list, catch a bad server and pass a good one.

Method: as in test_field_failures.py. The servers in memory speak plain CoAP alone, so that groups over DTLS are run
without; and groups are left out whose operator has other orders than a sound package.
"""

import pytest

from tests.simulation.test_chaos import found
from tests.simulation.test_field_failures import run

SLOW = ["run.duration_max=10 min", "campaign.timeout=5 min"]
"""The operator in memory reads every 20 s only."""


def only(*groups):
    """Leave all other groups alone."""
    return f"campaign.groups={list(groups)}"


def plain(*groups, key="management"):
    """Groups without DTLS."""
    return [f"groups.{group}.{key}=coap" for group in groups]


GROUPS = {
    "09": [only("sound", "pushed", "liars", "reverted", "misled")],
    "10": [],
    "11": SLOW,
    "12": [*plain("moves-secure", "moves-silently-secure"), *plain("pulls-again", "once", key="transport"), *SLOW],
    "13": [],
    "14": plain("queue-secure"),
    "16": plain("secure", "secure-push"),
    "17": plain("push-secure"),
    "18": [],
    "20": [],
    "21": [],
    "22": plain("asleep-secure"),
}


@pytest.mark.parametrize("name", GROUPS)
def test_a_good_server_passes(tmp_path, name):
    summary, failing, wrong = run(tmp_path, name, *GROUPS[name])
    assert (summary.verdict, failing, wrong) == ("holds", set(), set())
    assert not any(found(summary).values())


@pytest.mark.parametrize(
    ("name", "overrides", "accused"),
    [
        # The device that tells a success of its old image, and that which cannot use its URI, get it again and again.
        ("09", ["server.chaos.retries_every=200 ms", "devices.install_time=10 s"], "S4"),
        # What the device told first is told of the new update, too.
        ("10", ["server.chaos.result=stale", *SLOW], "S2"),
        ("11", ["server.chaos.misses=[3]", "devices.install_time=15 s"], "S1"),
        ("11", ["server.chaos.result=silent", *SLOW], "S3"),
        ("13", ["server.chaos.forgets_after=300 ms"], "S6"),
        ("17", ["server.chaos.restarts_after=1 s"], "S6"),
        # Neither of the two ends of a failed installation is told.
        ("18", ["server.chaos.result=silent"], "S3"),
        ("21", ["server.chaos.alters_push=true"], "S7"),
    ],
)
def test_a_bad_server_is_caught(tmp_path, name, overrides, accused):
    summary, failing, wrong = run(tmp_path, name, *GROUPS[name], *overrides)
    assert len(wrong) == 1
    assert summary.verdict == "does not hold"
    assert "server_differs_max" in failing
    assert found(summary)[accused]


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        # Behind a fault of the link a server is accused of nothing, but what it did not tell is missing all the same.
        ("12", ["server.chaos.result=silent"]),
        ("14", ["server.chaos.result=silent", only("sleeps-in-push", "sleeps-in-pull")]),
        ("16", ["server.chaos.result=silent"]),
        ("20", ["server.chaos.result=silent"]),
        ("22", ["server.chaos.result=silent"]),
    ],
)
def test_what_a_bad_server_does_not_tell_is_missed(tmp_path, name, overrides):
    summary, failing, _ = run(tmp_path, name, *GROUPS[name], *overrides)
    assert summary.verdict == "does not hold"
    assert "as_declared_min" in failing


def test_a_version_that_nothing_has_declared_is_a_failure(tmp_path):
    """Liars are as declared; a device whose version is another one without a word of the scenario is not."""
    summary, failing, _ = run(tmp_path, "09", only("sound", "liars"))
    assert (summary.verdict, failing) == ("holds", set())
    undeclared = ["groups.liars.faults.0.expect={state=0, result=5}"]
    summary, failing, _ = run(tmp_path / "again", "09", only("sound", "liars"), *undeclared)
    assert "failed_max" in failing
