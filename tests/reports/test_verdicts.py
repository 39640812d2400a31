from reports.devices import device_frame
from reports.summary import Cell
from tests.reports.synthetic import Device


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
