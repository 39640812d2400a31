"""A capture can be read by others: lengths, checksums and sequence numbers are right, whatever the payload."""

from __future__ import annotations

import io
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.network.pcap import FIN, MSS, RST, PcapWriter, TcpConversation
from simulator.ports import Address
from tests.network.captured import packets, streams
from tests.peers.tools import peer_tool

NEAR, FAR = Address("10.0.0.1", 49_152), Address("127.0.0.1", 5683)
NEAR6, FAR6 = Address("fd00::1", 49_152), Address("::1", 5683)


@given(st.lists(st.binary(max_size=1500)), st.sampled_from([(NEAR, FAR), (NEAR6, FAR6)]))
def test_datagrams_come_back(payloads, ends):
    out = io.BytesIO()
    writer = PcapWriter(out)
    for number, payload in enumerate(payloads):
        writer.datagram(1_700_000_000.25 + number, *ends, payload)
    found = packets(out.getvalue())
    assert [one.payload for one in found] == payloads
    assert [one.t for one in found] == [1_700_000_000.25 + number for number in range(len(payloads))]
    assert {(one.source, one.target) for one in found} <= {tuple(map(tuple, ends))}


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=5000))), st.sampled_from(["close", "reset", "none"]))
def test_streams_are_put_together_again(pieces, end):
    out = io.BytesIO()
    conversation = TcpConversation(PcapWriter(out), NEAR, FAR)
    conversation.handshake(1.0)
    for sent, payload in pieces:
        conversation.data(2.0, payload, sent=sent)
    if end != "none":
        conversation.end(3.0, sent=True, reset=end == "reset")
        conversation.end(3.0, sent=False)
        conversation.data(3.0, b"too late", sent=True)
    found = packets(out.getvalue())
    whole = streams(found)
    assert whole[NEAR, FAR] == b"".join(payload for sent, payload in pieces if sent)
    assert whole[FAR, NEAR] == b"".join(payload for sent, payload in pieces if not sent)
    assert all(len(one.payload) <= MSS for one in found)
    assert sum(bool(one.flags & FIN) for one in found) == {"close": 2, "reset": 0, "none": 0}[end]
    assert sum(bool(one.flags & RST) for one in found) == (end == "reset")


def test_sequence_numbers_begin_again_after_4_gib():
    out = io.BytesIO()
    conversation = TcpConversation(PcapWriter(out), NEAR, FAR)
    conversation._sent = 2**32 - 2
    conversation.handshake(0.0)
    conversation.data(0.0, b"abc", sent=True)
    conversation.data(0.0, b"def", sent=False)
    conversation.end(0.0, sent=True)
    assert streams(packets(out.getvalue()))[NEAR, FAR] == b"abc"


@pytest.mark.peer
def test_wireshark_finds_nothing_wrong(tmp_path):
    tshark = peer_tool("tshark", "tshark")
    file = tmp_path / "a.pcap"
    with file.open("wb") as out:
        writer = PcapWriter(out)
        writer.datagram(1.0, NEAR, FAR, bytes.fromhex("40010001b474657374"))
        writer.datagram(1.0, NEAR6, FAR6, bytes.fromhex("40010002b474657374"))
        conversation = TcpConversation(writer, NEAR, FAR)
        conversation.handshake(2.0)
        conversation.data(2.0, bytes(4000), sent=False)
        conversation.data(2.0, b"odd", sent=True)
        conversation.end(2.0, sent=True)
        conversation.end(2.0, sent=False)
    checks = [f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "udp", "tcp")]
    wrong = "tcp.analysis.flags or ip.checksum.status==0 or udp.checksum.status==0 or tcp.checksum.status==0"
    malformed = "_ws.malformed"
    for query, count in ((f"{wrong} or {malformed}", 0), ('coap.opt.uri_path_recon == "/test"', 2), ("tcp", 9)):
        shown = subprocess.run(
            [tshark, "-r", file, *checks, "-Y", query], capture_output=True, text=True, timeout=60, check=True
        )
        assert shown.stdout.count("\n") == count, shown.stdout
