"""Each fault of the link under each transport, by a whole update in virtual time: it ends as the kind declares."""

from __future__ import annotations

import pytest

from simulator.events import FaultApplied, TransferEnded
from simulator.faults.registry import FAULTS
from simulator.network.profiles import NetworkProfile
from tests.faults.faulty_device import ORIGINS, PACKAGE, update

TRANSPORTS = list(ORIGINS)
STREAMS = [transport for transport in TRANSPORTS if transport not in ("coap", "coaps")]
DATAGRAM_FAULTS = [name for name, kind in FAULTS.items() if kind.seam == "datagram" and "coaps" in kind.schemes]
CELL = NetworkProfile("cell", delay_s=0.05, rate_bps=200_000)
"""A package takes about a second, so that a fault in the middle comes in the middle."""


def pull(transport, *kinds, retries=0, **parameters):
    """One pull, with what it must have ended in."""
    kind = FAULTS[kinds[0]]
    settings = {"transport": transport, "pull_retries": retries}
    end = update("pull", *kinds, profile=CELL, settings=settings, **parameters)
    declared = kind.end(transport, retries, kind.complete(parameters))
    assert (end.state, end.result) == (declared or (0, 1))
    assert end.version == ("1.0" if declared else "2.0")
    return end


def transfer(end):
    return next(event for event in end.log.events if isinstance(event, TransferEnded))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_sound_device_updates(transport):
    end = update("pull", profile=CELL, settings={"transport": transport})
    assert (end.state, end.result, end.struck) == (0, 1, [])
    assert 0.5 < transfer(end).t - transfer(end).started < 20


# -- a link that is lost -----------------------------------------------------------------------------------------------

PATIENCE_S = {"coap": 93, "coaps": 93, "coap+tcp": 93, "coaps+tcp": 93, "http": 60, "https": 60}
"""How long a device looks into a silence: MAX_TRANSMIT_WAIT (RFC 7252 §4.8.2), or the idle limit of HTTP."""


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_silent_link_is_found_by_the_time_outs_of_the_device(transport):
    end = pull(transport, "connection-lost")
    assert end.struck == ["connection-lost"]
    [struck] = [event.t for event in end.log.events if isinstance(event, FaultApplied)]
    waited = transfer(end).t - struck
    patience = PATIENCE_S[transport]
    assert (60 if transport.startswith("coap") else patience - 1) <= waited <= patience + 1


@pytest.mark.parametrize("how", ["reset", "closed"])
@pytest.mark.parametrize("transport", STREAMS)
def test_a_stream_that_ends_in_the_middle_is_a_lost_connection_at_once(transport, how):
    end = pull(transport, "connection-lost", how=how)
    assert end.struck == ["connection-lost"]
    [struck] = [event.t for event in end.log.events if isinstance(event, FaultApplied)]
    assert transfer(end).t - struck < 1
    assert transfer(end).cause


@pytest.mark.parametrize("how", ["silent", "reset", "closed"])
@pytest.mark.parametrize("transport", STREAMS)
@pytest.mark.parametrize("retries", [0, 2])
def test_for_good_is_for_good_however_often_a_device_tries(transport, how, retries):
    assert pull(transport, "connection-lost", how=how, retries=retries).result == 4


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_short_silence_is_outlived_without_another_attempt(transport):
    end = pull(transport, "connection-lost", lasts=29.0)
    assert end.result == 1
    assert end.struck == ["connection-lost"]
    moved = transfer(end)
    assert moved.refetched <= 1024, "nothing but a block that was on its way"
    assert 29 < moved.t - moved.started < 100


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_long_silence_is_outlived_by_another_attempt(transport):
    assert pull(transport, "connection-lost", lasts=100.0, retries=3).result == 1


@pytest.mark.parametrize("how", ["reset", "closed"])
@pytest.mark.parametrize("transport", STREAMS)
@pytest.mark.parametrize(("retries", "lasts", "result"), [(0, 1.0, 4), (3, 1.0, 1), (3, 5.0, 1)])
def test_a_connection_that_died_is_taken_up_again(transport, how, retries, lasts, result):
    end = pull(transport, "connection-lost", how=how, lasts=lasts, retries=retries)
    assert (end.result, end.struck) == (result, ["connection-lost"])


# -- a link that damages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("after", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_flipped_bit_is_found_by_what_protects_the_transport(transport, retries, after):
    end = pull(transport, "block-damage", retries=retries, after=after)
    assert end.struck == ["block-damage"]
    if transport in ("coap", "coap+tcp", "http"):
        assert end.result == 5
        assert transfer(end).received == len(PACKAGE)


@pytest.mark.parametrize("block_size", [16, 64, 1024])
@pytest.mark.parametrize("transport", ["coap", "coap+tcp"])
@pytest.mark.parametrize("after", [0.0, 0.3, 1.0])
def test_the_bit_is_one_of_the_payload_whatever_the_size_of_blocks(transport, block_size, after):
    end = update("pull", "block-damage", settings={"transport": transport, "block_size": block_size}, after=after)
    assert (end.state, end.result, end.struck) == (0, 5, ["block-damage"])


# -- where it strikes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("after", [0.3, 0.5, 0.8])
def test_it_strikes_at_about_the_share_of_the_package_whatever_is_around_it(transport, after):
    """TLS and DTLS have a handshake and records around the package, and blocks have headers: some 20 % in all."""
    moved = transfer(pull(transport, "connection-lost", after=after))
    whole = 16_384 if transport == "https" else 0  # TLS hands up whole records, and HTTP fills them
    assert (after - 0.3) * len(PACKAGE) - whole <= moved.received <= after * len(PACKAGE)
    slack = 0 if transport in STREAMS else 300
    assert len(PACKAGE) * after - slack <= moved.wire_in <= len(PACKAGE) * after + slack


# -- faults of datagrams -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("name", DATAGRAM_FAULTS)
def test_faults_of_datagrams_strike_records_of_dtls_and_are_made_good(name, delivery):
    for seed in range(2):
        often = {"rate": 0.03, "every": 3.0}
        rate = {key: value for key, value in often.items() if key in FAULTS[name].parameters}
        settings = {"transport": "coaps", "management": "coaps"}
        end = update(delivery, name, seed=seed, profile=CELL, settings=settings, **rate)
        assert (end.state, end.result, end.version, end.struck) == (0, 1, "2.0", [name])


@pytest.mark.parametrize("management", ["coap", "coaps", "coap+tcp", "coaps+tcp"])
def test_a_lost_download_leaves_the_management_of_every_transport_alone(management):
    end = update("pull", "connection-lost", settings={"management": management}, after=0.0)
    assert (end.state, end.result, end.struck) == (0, 4, ["connection-lost"])
