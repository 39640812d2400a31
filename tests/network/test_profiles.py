"""Network profiles: their figures are checked, and the named ones are what they are called."""

from dataclasses import replace
from math import inf, nan

import pytest

from simulator.network.profiles import IDEAL, PROFILES, NetworkProfile, profile_named


def test_the_named_profiles():
    assert set(PROFILES) == {"ideal", "lan", "wifi", "lte-m", "nb-iot", "gprs", "2g", "satellite"}
    assert all(profile.name == name for name, profile in PROFILES.items() if name != "2g")
    assert profile_named("2g") is profile_named("gprs")


def test_slower_networks_are_slower():
    order = [PROFILES[name] for name in ("ideal", "lan", "wifi", "lte-m", "satellite", "gprs", "nb-iot")]
    delays = [profile.delay_s for profile in order]
    assert delays == sorted(delays)
    assert PROFILES["nb-iot"].rate_bps < PROFILES["gprs"].rate_bps < PROFILES["lte-m"].rate_bps
    assert PROFILES["satellite"].delay_s > 0.239, "light needs 0.239 s to a geostationary satellite and down"


def test_only_a_profile_that_does_nothing_is_transparent():
    assert IDEAL.transparent
    assert replace(IDEAL, name="other", mtu=1500, burst_bytes=3000).transparent
    for change in ({"delay_s": 1.0}, {"loss": 0.1}, {"rate_bps": 1e6}, {"rate_up_bps": 1e6}, {"queue_s": 1.0}):
        assert not replace(IDEAL, **change).transparent
    assert [name for name, profile in PROFILES.items() if profile.transparent] == ["ideal"]


def test_the_rate_up_is_the_rate_down_unless_it_is_set():
    assert NetworkProfile("x", rate_bps=5e3).up_bps == 5e3
    assert NetworkProfile("x", rate_bps=5e3, rate_up_bps=1e3).up_bps == 1e3


@pytest.mark.parametrize(("burst", "depth"), [(None, 600), (0, 600), (599, 600), (5000, 5000)])
def test_the_bucket_is_one_packet_deep_at_least(burst, depth):
    assert NetworkProfile("x", mtu=600, burst_bytes=burst).bucket_bytes == depth


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'5g' is no network profile; there are ideal, lan, wifi, lte-m"):
        profile_named("5g")


@pytest.mark.parametrize(
    "bad",
    [
        {"loss": 1.1}, {"loss": -0.1}, {"loss": nan}, {"duplicate": 2}, {"reorder": -1}, {"delay_s": -1},
        {"delay_s": inf}, {"jitter_s": inf}, {"jitter_s": nan}, {"rate_bps": 0}, {"rate_bps": nan}, {"rate_up_bps": 0},
        {"mtu": 67}, {"mtu": 70_000}, {"queue_s": -1},
        {"burst_bytes": -1}, {"burst_bytes": inf}, {"burst_bytes": nan},
    ],
    ids=str,
)  # fmt: skip
def test_a_figure_that_cannot_be_is_refused(bad):
    with pytest.raises(ValueError, match="network profile x: "):
        NetworkProfile("x", **bad)
