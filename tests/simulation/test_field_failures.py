"""Goal: the scenarios of field failures catch a server that has the defect of the field, and pass one that has not.

Method: each in virtual time on the embedded server, as it is and with `[server.chaos]`. Real runs of all of them, on
the embedded server and on Leshan, are in tests/interop/test_shipped_scenarios.py.
"""

from pathlib import Path

import pytest

from simulator.scenario import load
from tests.simulation.test_chaos import acts, found, judged

FOLDER = Path(__file__).parents[2] / "scenarios" / "field"
DEVICES = 12
COAP_ONLY = "campaign.groups=['same-etag', 'no-etag', 'other-etag', 'wrong-place', 'forgetful']"
"""The groups of the eighth whose packages come over what the origin in memory speaks, and as they were ordered."""


def run(tmp_path, name, *overrides):
    """The summary of a run, the names of the criteria that do not hold, and what the server did wrong on purpose."""
    (path,) = FOLDER.glob(f"{name}-*.toml")
    summary, events = judged(tmp_path, load(path, overrides, devices=DEVICES))
    return summary, {one.name for one in summary.criteria if not one.holds}, acts(events)


@pytest.mark.parametrize("name", ["01", "02", "03", "04", "05", "06", "07", "08"])
def test_a_good_server_passes(tmp_path, name):
    summary, failing, wrong = run(tmp_path, name, *([COAP_ONLY] if name == "08" else []))
    assert (summary.verdict, failing, wrong) == ("holds", set(), set())
    assert summary.verdicts.classes == []


@pytest.mark.parametrize(("name", "group"), [("05", "ignored"), ("06", "ignored"), ("07", "reported")])
def test_the_short_waits_change_nothing_else(tmp_path, name, group):
    summary, failing, _ = run(
        tmp_path, name, f"groups.{group}.coap={{}}", "campaign.timeout=10 min", "run.duration_max=1 h"
    )
    assert (summary.verdict, failing, summary.verdicts.classes) == ("holds", set(), [])


@pytest.mark.parametrize(
    ("name", "overrides", "classes", "criterion"),
    [
        # The server gives up while the device acknowledges a block after the other.
        ("01", ["server.chaos.gives_up_after=1 s"], {"S5"}, "server_differs_max"),
        ("03", ["server.chaos.alters_push=true"], {"S7"}, "server_differs_max"),
        # After a refusal that asks for another push it makes none, and tells of the end that follows.
        ("02", ["server.chaos.ignores_413=true"], set(), "failed_max"),
        ("07", ["server.chaos.ignores_408=true"], set(), "failed_max"),
        ("02", ["server.chaos.skips_block=true"], set(), "failed_max"),
        # A package that is too large is pushed again and again; the run lasts as long as the others install.
        ("02", ["server.chaos.retries_every=1 s", "devices.install_time=30 s"], {"S4"}, "server_differs_max"),
        # Behind a fault of the link a server is accused of nothing, but what it did not tell is missing all the same.
        ("05", ["server.chaos.result=silent"], set(), "as_declared_min"),
        ("06", ["server.chaos.result=silent"], set(), "as_declared_min"),
        ("07", ["server.chaos.result=silent"], set(), "as_declared_min"),
        ("08", [COAP_ONLY, "server.chaos.result=stale"], set(), "as_declared_min"),
    ],
)
def test_a_bad_server_is_caught(tmp_path, name, overrides, classes, criterion):
    summary, failing, wrong = run(tmp_path, name, *overrides)
    assert len(wrong) == 1
    assert summary.verdict == "does not hold"
    assert criterion in failing
    assert {name for name, devices in found(summary).items() if devices} == classes


def test_an_operator_who_does_not_wait_is_not_the_server(tmp_path):
    summary, failing, _ = run(tmp_path, "01", "campaign.request_timeout=1 s")
    assert {"unknown_max", "as_declared_min"} & failing
    assert found(summary) == {}


def test_a_device_that_forgets_is_left_where_nobody_orders_again(tmp_path):
    with pytest.raises(ValueError, match="keep nothing over a reboot"):
        run(tmp_path, "08", COAP_ONLY, "campaign.retries=0")


def test_a_push_that_nobody_makes_again_is_not_made(tmp_path):
    with pytest.raises(ValueError, match="no push begins anew"):
        run(tmp_path, "05", "campaign.retries=0")
    summary, failing, _ = run(tmp_path, "05", "campaign.retries=0", "groups.ignored.faults.1.kind=answer-lost")
    assert {"as_declared_min"} <= failing
    assert summary.verdicts.classes == []
