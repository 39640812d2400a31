from reports.build import build
from reports.text_sides import sequences, stacks
from tests.reports.synthetic import Device, Written

FAILS = {"fault": "install-fails", "declared": (2, 8)}


def both(**more):
    """Two devices of the engine for each of aiocoap."""
    return [Device(k, f"g{k % 3}", stack="aiocoap" if k % 3 == 2 else "own", **more) for k in range(6)]


def test_one_stack_has_nothing_beside_it(summary):
    assert summary([Device(0), Device(1)]).sides.stacks.rows == []


def test_stacks_that_go_through_the_same_states(summary):
    found = summary([*both(), Device(6, **FAILS), Device(7, stack="aiocoap", **FAILS)]).sides
    assert (found.stacks.compared, found.stacks.same) == (2, 2)
    assert [row[:5] for row in stacks(found).rows] == [["own", "5", "5", "0", "0"], ["aiocoap", "3", "3", "0", "0"]]
    table = sequences(found)
    assert table.headers[-2:] == ["own", "aiocoap"]
    assert table.rows == [
        ["coap/pull", "-", "1/0 → 2/0 → 3/0 → 0/1", "4", "2"],
        ["coap/pull", "install-fails", "1/0 → 2/8", "1", "1"],
    ]
    assert table.title.endswith("the same for 2 of 2 kinds of devices")


def test_a_stack_that_ends_otherwise_is_found(summary):
    devices = both()
    devices[5].device_end = (0, 5)
    found = summary(devices).sides.stacks
    assert (found.compared, found.same) == (1, 0)
    assert [(row.sequence, row.devices) for row in found.sequences] == [
        ("1/0 → 0/5", {"own": 0, "aiocoap": 1}), ("1/0 → 2/0 → 3/0 → 0/1", {"own": 4, "aiocoap": 1}),
    ]  # fmt: skip


def test_devices_that_differ_in_more_than_the_stack_are_not_compared(tmp_path):
    devices = [Device(0), Device(1, "p", delivery="push", stack="aiocoap")]
    summary = build(Written(devices).write(tmp_path / "run"))
    assert (summary.sides.stacks.compared, summary.sides.stacks.sequences) == (0, [])
    assert "their states cannot be compared" in (tmp_path / "run/report.html").read_text()
