import pytest

from tests.reports.synthetic import SIZE, Device

LTE = {"name": "lte-m", "delay_s": 0.04, "jitter_s": 0.0, "loss": 0.0, "rate_bps": 3e5, "rate_up_bps": 3e5}


def test_transfers_by_one_property_at_a_time(summary):
    found = summary(
        [
            Device(0, "a", download_s=0.5),
            Device(1, "b", download_s=1.0, network=LTE, refetched=512),
            Device(2, "b", delivery="push", download_s=2.0, network=LTE),
            Device(3, "b", transport="http", declared=(0, 2), network=LTE),
        ]
    ).slices
    assert {name: [row.value for row in rows] for name, rows in found.items()} == {
        "transport": ["coap", "http"],
        "delivery": ["pull", "push"],
        "network": ["lte-m", ""],
        "group": ["b", "a"],
        "server": ["package origin", "server"],
    }
    shaped = found["network"][0]
    assert (shaped.devices, shaped.transfers, shaped.transfers_ok) == (3, 3, 2)
    assert shaped.bytes == 2 * SIZE + SIZE // 2
    assert shaped.bytes_per_s == pytest.approx(shaped.bytes / 2.0)
    assert (shaped.refetched, shaped.retransmissions, shaped.duplicates) == (512, 6, 3)
    assert shaped.overhead == pytest.approx(3 * (SIZE + 9000) / shaped.bytes - 1)
    assert (shaped.download_s.n, shaped.download_s.max) == (2, pytest.approx(2.0))
    assert shaped.device_bytes_per_s.max == pytest.approx(SIZE)


def test_the_time_of_the_peers_is_that_behind_the_link(summary):
    devices = [
        Device(0, download_s=1.0, network=LTE, peer=(200_000, 100)),
        Device(1, download_s=3.0, network=LTE, peer=(900_000, 300)),
        Device(2, download_s=3.0, network=LTE),
    ]
    (row,) = summary(devices).peers
    assert (row.transport, row.delivery, row.network, row.timed) == ("coap", "pull", "lte-m", "turns")
    assert (row.transfers, row.turns) == (2, 400)
    assert (row.peer_us.n, row.peer_us.p50, row.peer_us.max) == (2, 2500.0, 3000.0)
    assert row.peer_mean_us == 2750.0
    assert row.rest_mean_us == pytest.approx((4_000_000 - 1_100_000) / 400)


def test_without_a_link_the_latency_of_a_block_is_the_time_of_the_peer(summary):
    (row,) = summary([Device(0, blocks=[100, 200, 300]), Device(1, blocks=[1000])]).peers
    assert (row.network, row.timed, row.transfers, row.turns) == ("", "blocks", 2, 4)
    assert (row.peer_us.p50, row.peer_mean_us, row.rest_mean_us) == (250.0, 400.0, None)


def test_what_nobody_timed_has_no_row(summary):
    assert summary([Device(0, network=LTE), Device(1, transport="http", blocks=[])]).peers == []
