import pytest

from reports.build import build
from reports.text_sides import causes
from tests.reports.synthetic import Device, Written

REFUSED = "decrypt error"
WRONG = {"management": "coaps", "credentials": "psk (wrong-key)"}


def locked_out(first, count, group="x", why=REFUSED, **more):
    return [Device(first + k, group, unreached=why, **{**WRONG, **more}) for k in range(count)]


def test_devices_that_never_registered_are_told_at_the_top(summary):
    found = summary([Device(0), *locked_out(1, 12), *locked_out(13, 1, "y", "", credentials="", management="coap")])
    told = found.sides.unregistered
    assert [(one.group, one.credentials, one.cause, one.devices) for one in told] == [
        ("x", "psk (wrong-key)", REFUSED, 12), ("y", "", "no answer", 1),
    ]  # fmt: skip
    assert found.notes[:2] == [
        "12 devices of group x over coaps, credentials psk (wrong-key), never registered: decrypt error.",
        "1 device of group y over coap never registered: no answer.",
    ]


def test_many_groups_that_never_registered_make_few_notes(summary):
    found = summary([one for k in range(8) for one in locked_out(10 * k, 1 + (k == 7), f"g{k}")])
    said = [note for note in found.notes if "never registered" in note]
    assert len(said) == 6
    assert said[0].startswith("2 devices of group g7")
    assert said[-1] == "3 further devices never registered; the causes are below."


def test_causes_are_counted_by_device_and_by_attempt(summary):
    lost = Device(
        3,
        "pull",
        "coaps",
        device_end=(0, 4),
        server_end=(0, 4),
        fault="connection-lost",
        declared=(0, 4),
        cause="no answer",
    )
    found = summary([*locked_out(0, 2), Device(2), lost])
    assert causes(found.sides).rows == [
        ["register over coaps", "x", "psk (wrong-key)", "-", REFUSED, "2", "2"],
        ["download over coaps", "pull", "-", "connection-lost", "no answer", "1", "1"],
    ]


@pytest.mark.parametrize(("own", "shown"), [("***", ""), (None, "psk")])
def test_credentials_of_a_download_of_its_own_are_not_those_of_the_device(summary, own, shown):
    one = Device(0, transport="https", device_end=(0, 4), cause="expired", credentials="psk", outcome="fail")
    groups = {"pull": {"count": 1, "download_credentials": own}}
    [found] = summary([one], scenario={"groups": groups}).sides.causes
    assert (found.what, found.transport, found.credentials) == ("download", "https", shown)


class Silent(Device):
    """A device of which no registration was recorded."""

    def fleet_events(self):
        return (one for one in super().fleet_events() if one.table != "registrations")


def test_a_device_whose_register_did_not_end(summary):
    [found] = summary([Silent(0)]).sides.unregistered
    assert found.cause == "no Register came to its end"


def test_where_registrations_are_missing_no_device_is_said_not_to_have_tried(summary):
    assert summary([Device(0), Silent(1)], close_fleet=False).sides.unregistered == []


def test_the_page_has_them_at_the_top_and_the_causes_among_the_failures(tmp_path):
    build(Written([Device(0), *locked_out(1, 2)]).write(tmp_path / "run"))
    page = (tmp_path / "run/report.html").read_text()
    assert page.index("2 devices of group x over coaps") < page.index("Key figures</h2>")
    assert page.index("Key figures</h2>") < page.index("<h3>Why devices could not reach their servers")


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_said_where_all_registered(summary, count):
    found = summary([Device(k) for k in range(count)])
    assert found.sides.unregistered == found.sides.causes == []
