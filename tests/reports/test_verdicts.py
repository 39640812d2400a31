from dataclasses import dataclass

import pandas as pd
import pytest

from reports.devices import device_frame
from reports.judged import Charge, Judged
from reports.page import render
from reports.summary import Cell
from reports.text import tables
from reports.verdicts import faults, verdicts
from simulator.events import RegistrationEnded, ServerReported
from tests.reports.synthetic import Device, fleet_of, scenario


def test_cross_table_and_disagreements(summary):
    devices = [Device(k) for k in range(5)]
    devices[3].server_end = (0, 5)
    devices[4].server_end = (-1, -1)
    found = summary(devices).results
    assert found.device == {"0/1": 5}
    assert found.server == {"0/1": 3, "0/5": 1, "?": 1}
    assert found.cross == [Cell("0/1", "0/1", 3), Cell("0/1", "0/5", 1), Cell("0/1", "?", 1)]
    assert (found.agree, found.disagree, found.not_compared) == (3, 1, 1)
    one = found.disagreements[0]
    assert (one.index, one.endpoint, one.group, one.device, one.server) == (3, "vd-000003", "pull", "0/1", "0/5")
    assert (found.declared, found.as_declared) == (5, 3)


def test_long_list_of_disagreements_is_cut_and_counted(summary):
    found = summary([Device(k, server_end=(0, 5)) for k in range(130)]).results
    assert (found.disagree, len(found.disagreements)) == (130, 100)


def test_last_change_of_state_stands_in_for_the_end_of_a_killed_device(record):
    run = record([Device(0), Device(1, fault="flash-too-small", declared=(0, 2))])
    run.tables["device_ends"] = run.tables["device_ends"].iloc[:0]
    assert device_frame(run)["device_end"].tolist() == ["0/1", "0/2"]
    run.tables["states"] = run.tables["states"].iloc[:0]
    assert device_frame(run)["device_end"].tolist() == ["?", "?"]


def test_verdicts_on_faults(summary):
    devices = [
        Device(0),
        Device(1, fault="flash-too-small", declared=(0, 2)),
        Device(2, fault="flash-too-small", declared=(0, 2)),
        Device(3, fault="image-corrupt", declared=(0, 5), device_end=(0, 1)),
        Device(4, fault="image-corrupt", declared=(0, 5)),
        Device(5, fault="install-fails", declared=(2, 8), struck=False),
        Device(6, fault="connection-lost", declared=(0, 4), server_end=(0, 5)),
        Device(7, fault="packet-loss", struck=True),
        Device(8, fault="packet-loss", struck=False),
    ]
    found = {fault.fault: fault for fault in summary(devices).faults}
    assert {name: fault.verdict for name, fault in found.items()} == {
        "flash-too-small": "as declared",
        "image-corrupt": "otherwise",
        "install-fails": "did not strike",
        "connection-lost": "otherwise",
        "packet-loss": "as declared",
    }
    corrupt = found["image-corrupt"]
    assert (corrupt.declared, corrupt.devices, corrupt.devices_struck, corrupt.as_declared) == ("0/5", 2, 2, 1)
    assert corrupt.device_results == {"0/1": 1, "0/5": 1}
    assert found["connection-lost"].server_results == {"0/5": 1}
    assert (found["packet-loss"].devices_struck, found["packet-loss"].applied) == (1, 1)


def test_one_fault_with_two_declared_ends_has_two_verdicts(summary):
    devices = [Device(0, fault="x", declared=(0, 2)), Device(1, fault="x", declared=(0, 4), device_end=(0, 2))]
    assert [(f.declared, f.verdict) for f in summary(devices).faults] == [("0/2", "as declared"), ("0/4", "otherwise")]


def test_each_side_has_its_own_outcomes(summary):
    devices = [Device(k) for k in range(4)]
    devices[1].device_end = devices[1].server_end = (0, 5)
    devices[2].server_end = (-1, -1)
    devices[3].server_end = (0, 5)
    found = summary(devices).verdicts
    assert found.device == Judged(as_declared=3, differs=1, unknown=0)
    # That the two tell different ends is no proof of whose fault it is.
    assert found.server == Judged(as_declared=2, differs=0, unknown=2)
    assert found.classes == []


@dataclass
class Forgotten(Device):
    """A device whose registration the server forgets."""

    def fleet_events(self):
        yield from super().fleet_events()
        yield RegistrationEnded(self.due + 4.01, self.index, "update", self.due + 4, "fail", "4.04", 0, "")


@dataclass
class Stale(Device):
    """A device of which the server tells an old result long after."""

    def operator_events(self):
        yield from super().operator_events()
        yield ServerReported(self.due + 30.0, self.index, "/5/0/5", "0", "read")


def bad_fleet():
    devices = [Device(0), *(Forgotten(k, due=float(30 - k)) for k in range(1, 26)), Stale(26)]
    plan = scenario(devices)
    plan["groups"]["pull"]["lifetime_s"] = 600.0
    return devices, plan


def test_a_bad_server_is_named_with_time_and_message(summary):
    devices, plan = bad_fleet()
    found = summary(devices, scenario=plan)
    classes = {one.id: one for one in found.verdicts.classes}
    assert {name: (one.name, one.devices, one.unclear) for name, one in classes.items()} == {
        "S2": ("stale-result", 1, 0),
        "S6": ("forgot-registration", 25, 0),
    }
    assert found.verdicts.server == Judged(as_declared=1, differs=26, unknown=0)
    charges = classes["S6"].charges
    assert (len(charges), [charge.index for charge in charges[:2]]) == (20, [25, 24])
    assert charges[0] == Charge(
        "S6", 25, "vd-000025", "pull", 9.01,
        "an Update was answered with 4.04, 4 s after the registration had been accepted for 600 s",
    )  # fmt: skip
    assert any(note.startswith("The server did wrong with 25 devices: S6 forgot-registration") for note in found.notes)
    rows = {table.name: table.rows for table in tables(found)}["misconduct"]
    assert [row[:4] for row in rows] == [["S2", "stale-result", "1", "0"], ["S6", "forgot-registration", "25", "0"]]
    page = render(found, [])
    assert "an Update was answered with 4.04" in page
    assert "The first 20 of 25;" in page


@pytest.mark.parametrize(
    ("uri", "clear"),
    [("coap://127.0.0.1:5683", True), ("coap://[::1]:5683", True), ("coap://192.0.2.7:5683", False), (None, False)],
)
def test_the_way_to_a_server_elsewhere_may_lose_what_a_device_repeats(record, uri, clear):
    run = record([Stale(0)])
    run.manifest["server"]["uri"] = uri
    frame = device_frame(run)
    assert [(one.devices, one.unclear) for one in verdicts(run, frame).classes] == [(1, 0) if clear else (0, 1)]
    run.tables["device_ends"]["retransmissions"] = 0
    assert [one.devices for one in verdicts(run, frame).classes] == [1]


def test_who_is_not_all_there_accuses_nobody(summary):
    devices, plan = bad_fleet()
    found = summary(devices, scenario=plan, close_fleet=False).verdicts
    assert (found.classes, found.server.differs) == ([], 0)


def test_an_external_server_is_judged_by_what_the_devices_know(summary):
    devices, plan = bad_fleet()
    found = summary(devices, scenario=plan, server="external", operator_rows=False).verdicts
    assert [(one.id, one.devices) for one in found.classes] == [("S6", 25)]
    assert found.server == Judged(as_declared=0, differs=25, unknown=2)


def test_a_fleet_with_faults_on_a_good_server_accuses_nobody(summary):
    found = summary(fleet_of(200)).verdicts
    assert found.classes == []
    assert found.server == Judged(as_declared=200, differs=0, unknown=0)


@pytest.mark.parametrize(
    ("declared", "device", "server", "verdict"),
    [
        ("3/0", "3/0", "?", "as declared"),
        ("3/0", "3/0", "3/0", "as declared"),
        ("3/0", "0/1", "?", "otherwise"),
        ("3/0", "3/0", "0/1", "otherwise"),
        ("0/4", "0/4", "?", "otherwise"),
    ],
)
def test_of_a_device_that_never_comes_back_nobody_can_tell_how_it_ended(declared, device, server, verdict):
    row = {"fault": "x", "declared": declared, "device_end": device, "server_end": server, "asked": True, "applied": 1}
    [found] = faults(pd.DataFrame([row]))
    assert found.verdict == verdict
