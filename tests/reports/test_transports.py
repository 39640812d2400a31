import csv
import shutil

import pytest

from reports.build import build
from reports.ceiling import Network, Retry, ceiling
from reports.text_sides import management, speeds
from tests.reports.synthetic import BLOCKS, SIZE, Device, Written, fleet_of

SLOW = {
    "name": "nb-iot", "delay_s": 0.7, "jitter_s": 0.6, "loss": 0.01, "rate_bps": 25e3, "rate_up_bps": 16e3,
    "mtu": 1358, "burst_bytes": 1358,
}  # fmt: skip
DELAYED = {"name": "far", "delay_s": 0.25}
"""Over this a block of 1024 bytes takes half a second, and the package of 64 of them 32 s."""


def pulls(transport, network, seconds, first=0, **more):
    """Devices of one transport that took so long."""
    group = f"{transport}-{network.get('name', 'ideal')}"
    return [
        Device(first + k, group, transport, network=network, download_s=one, update_s=one + 1, **more)
        for k, one in enumerate(seconds)
    ]


def only(summary):
    [row] = summary.sides.transports
    return row


def test_one_transport_without_a_network_has_nothing_beside_it(summary):
    found = summary(fleet_of(20)).sides
    assert found.transports == found.management == found.stacks.rows == found.causes == found.unregistered == []


def test_mean_rate_is_held_against_the_ceiling(summary):
    row = only(summary(pulls("coap", DELAYED, [64.0, 128.0])))
    assert (row.transport, row.delivery, row.network, row.devices, row.ok) == ("coap", "pull", "far", 2, 2)
    assert row.ceiling_bytes_per_s == pytest.approx(2048)
    assert row.limit == "round trip"
    assert row.bytes_per_s == pytest.approx(2 * SIZE / 192)
    assert row.of_ceiling == pytest.approx(64 / 192)
    assert row.device_bytes_per_s.p50 == pytest.approx((1024 + 512) / 2)
    assert row.download_s.max == pytest.approx(128)


def test_what_is_above_its_ceiling_is_shown_and_told(summary):
    found = summary(pulls("coap", DELAYED, [16.0]))
    assert only(found).of_ceiling == pytest.approx(2.0)
    assert speeds(found.sides).rows[0][-2:] == ["200 %", "round trip"]
    [note] = found.notes
    assert note.startswith("coap/pull on far ran at 200 % of its ceiling, which cannot be")


def test_what_is_above_its_ceiling_by_less_than_a_timer_can_tell_is_told_in_other_words(summary):
    """A block takes 0.5 ms in place of 0.6."""
    found = summary(pulls("coap", {"name": "near", "delay_s": 0.0003}, [0.0005 * BLOCKS]))
    assert only(found).of_ceiling == pytest.approx(1.2)
    [note] = found.notes
    assert note.startswith("The delays of near are shorter than the timers of the event loop can keep")


@pytest.mark.parametrize(("seconds", "above"), [(18.0, ""), (12.0, "chance"), (7.8, "chance"), (5.0, "nothing")])
def test_who_loses_less_than_on_average_is_above_the_ceiling_by_chance(summary, seconds, above):
    """A block takes 0.125 s, so the package 8 s, and 17 s on average with one loss in 20 exchanges."""
    lossy = {"name": "lossy", "delay_s": 0.0625, "loss": 0.0253}
    found = summary(pulls("coap", lossy, [seconds]))
    assert only(found).above == above
    assert (only(found).of_ceiling > 1) == (above != "")
    assert ["cannot be" in note for note in found.notes] == [True] * (above == "nothing")


def test_a_little_above_by_chance_is_shown_and_not_told(summary):
    found = summary(pulls("coap", DELAYED, [31.0]))
    assert only(found).of_ceiling == pytest.approx(32 / 31)
    assert speeds(found.sides).rows[0][-2] == "103 %"
    assert found.notes == []


def test_the_clock_of_a_push_starts_with_its_first_block(summary):
    seconds = 0.5 * (BLOCKS - 1)
    row = only(summary([Device(0, delivery="push", network=DELAYED, download_s=seconds, update_s=seconds + 1)]))
    assert row.of_ceiling == pytest.approx(1.0)


def test_a_stream_asks_for_as_much_at_a_time_as_its_transfers_show(summary):
    """Eight messages of 8192 bytes."""
    row = only(summary(pulls("coap+tcp", DELAYED, [8.0], blocks=[1000] * 8)))
    assert (row.ceiling_bytes_per_s, row.of_ceiling) == (pytest.approx(16_384), pytest.approx(0.5))


def test_rows_are_by_network_and_transport_in_the_order_of_the_scenario(summary):
    devices = [
        *pulls("https", SLOW, [100.0], 0),
        *pulls("coap", SLOW, [200.0, 300.0], 1),
        *pulls("http", {}, [1.0], 3),
        *pulls("coap", {"name": "lan", "delay_s": 0.001}, [1.0], 4),
    ]
    whole = summary(devices)
    found = whole.sides.transports
    assert [(row.network, row.transport, row.devices) for row in found] == [
        ("nb-iot", "coap", 2), ("nb-iot", "https", 1), ("", "http", 1), ("lan", "coap", 1),
    ]  # fmt: skip
    by_hand = ceiling("coap", Network.of(SLOW), size=SIZE, block=1024, retry=Retry())
    assert found[0].ceiling_bytes_per_s == pytest.approx(by_hand.bytes_per_s)
    assert (found[1].limit, found[2].limit, found[2].of_ceiling) == ("link rate", "", None)
    shown = speeds(whole.sides).rows[2]
    assert (shown[1], shown[-3:]) == ("ideal", ["none", "-", "-"])


def test_groups_with_the_same_network_by_name_keep_their_own_ceilings(summary):
    """Half a second for a block here and a second there: three quarters of a second on the average."""
    slower = {**DELAYED, "delay_s": 0.5}
    devices = [Device(0, "a", network=DELAYED, download_s=32.0), Device(1, "b", network=slower, download_s=64.0)]
    row = only(summary(devices))
    assert (row.ceiling_bytes_per_s, row.of_ceiling) == (pytest.approx(1024 / 0.75), pytest.approx(1.0))


def test_what_was_lost_on_the_way_is_not_in_the_rate_but_on_the_wire(summary):
    good, bad = pulls("coap", DELAYED, [64.0, 64.0], refetched=1000)
    bad.device_end, bad.fault, bad.declared = (0, 4), "connection-lost", (0, 4)
    row = only(summary([good, bad]))
    assert (row.devices, row.ok, row.transfers_ok) == (2, 2, 1)
    assert row.bytes_per_s == pytest.approx(1024)
    assert row.payload == SIZE + SIZE // 2
    assert row.overhead == pytest.approx((2 * (SIZE + 9000)) / (1.5 * SIZE) - 1)
    assert (row.refetched, row.retransmissions, row.duplicates) == (2000, 4, 2)


@pytest.mark.parametrize(
    "group", [None, 5, {"network": 7, "block_size": "x", "coap": []}, {"network": {"delay_s": None}}]
)
def test_a_manifest_of_odd_values_gives_no_ceiling(record, summary, group):
    devices = pulls("coap", DELAYED, [1.0])
    assert only(summary(devices, scenario={"groups": {devices[0].group: group}})).ceiling_bytes_per_s is None


def test_management_by_delivery(summary):
    devices = [
        Device(0, management="coaps", transport="http"),
        Device(1, management="coaps", transport="http", outcome="fail", reason="x"),
        Device(2, management="coap+tcp", transport="coap+tcp", delivery="push"),
    ]
    found = summary(devices).sides
    assert [(cell.management, cell.kind, cell.counts.ok, cell.counts.fail) for cell in found.management] == [
        ("coap+tcp", "coap+tcp/push", 1, 0), ("coaps", "http/pull", 1, 1),
    ]  # fmt: skip
    grid = management(found)
    assert grid.headers == ["management", "http/pull", "push", "all"]
    assert grid.rows == [["coap+tcp", "-", "1/1", "1/1"], ["coaps", "1/2", "-", "1/2"]]


def test_files_of_a_comparison_and_none_left_where_there_is_none(tmp_path):
    out = tmp_path / "run"
    devices = [*pulls("coap", SLOW, [200.0]), *pulls("http", SLOW, [30.0], 1)]
    build(Written(devices).write(out))
    [first, second] = csv.DictReader((out / "transports.csv").read_text().splitlines())
    assert (first["transport"], second["transport"], second["limit"]) == ("coap", "http", "link rate")
    assert float(first["download_s_p50"]) == pytest.approx(200)
    assert (out / "figures/transports.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "report.html").read_text()
    assert "Transports side by side" in page
    assert page.count("<img ") == len(list((out / "figures").glob("*.png")))
    shutil.rmtree(out / "parts")
    build(out)
    assert not (out / "transports.csv").exists()
    assert not (out / "figures/transports.png").exists()
    assert "Transports side by side" not in (out / "report.html").read_text()
