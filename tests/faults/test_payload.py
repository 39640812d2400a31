"""Whatever the pieces in which a stream comes, the byte that is hit is one of the package."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap.tcp import frame
from simulator.coap.tcp_signalling import csm
from simulator.faults.damage import OneBit, has_block
from simulator.faults.payload import finder_for
from simulator.faults.triggers import AfterBytes
from simulator.firmware import HEADER_SIZE
from tests.transport.http_rig import response

BODY = bytes(range(256)) * 8


def pieces(data, cuts):
    """The same bytes, cut at some places."""
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


def damaged(data, cuts, after):
    """The stream behind a fault that strikes after so many bytes; where it was hit."""
    told = []
    damage, finder, out = OneBit(AfterBytes(after), told.append), None, b""
    for piece in pieces(data, cuts):
        finder = finder or finder_for(piece)
        out += piece if damage.done else damage.within(piece, finder)
    hit = [at for at, (a, b) in enumerate(zip(data, out, strict=True)) if a != b]
    assert len(told) == len(hit) <= 1
    assert all(data[at] ^ out[at] == 1 for at in hit)
    return hit


CUTS = st.lists(st.integers(0, 1 << 16), max_size=40)


@given(CUTS, st.integers(0, 2500))
def test_http(cuts, after):
    data = response(200, BODY, 'ETag: "x"')
    head = len(data) - len(BODY)
    hit = damaged(data, cuts, after)
    assert hit == ([max(after, head + HEADER_SIZE)] if after < len(data) else [])


BLOCKS = [frame(c.CONTENT, b"tok", [(c.ETAG, b"etag")], BODY[at : at + 512]) for at in range(0, len(BODY), 512)]
SIGNALS = [csm(1152), b"\0\0", frame(0xE2, b"12345678", [], b""), frame(c.GET, b"t", [(c.URI_PATH, b"x" * 20)], b"")]


@given(CUTS, st.integers(0, 2500), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_coap_over_tcp(cuts, after, between):
    data, ends = csm(1152), []
    for block, signal in zip(BLOCKS, between, strict=True):
        data += SIGNALS[signal] + block
        ends.append(len(data) - 1)
    # The message that goes beyond is hit, at the end of its payload.
    assert damaged(data, cuts, after) == [end for end in ends if end >= after][:1]


@given(CUTS, st.integers(0, 2500))
def test_tls(cuts, after):
    def record(kind, size):
        return bytes((kind, 3, 3)) + size.to_bytes(2, "big") + bytes(size)

    data, ends = record(22, 100) + record(20, 1) + record(22, 40), []
    for _ in range(4):
        data += record(21, 30) + record(23, 500)
        ends.append(len(data) - 1)
    assert damaged(data, cuts, after) == [end for end in ends if end >= after][:1]


@pytest.mark.parametrize(
    ("datagram", "block"),
    [
        (b"\x60\x45\0\1", False),
        (b"\x60\x45\0\1" + bytes(30), True),
        (b"\x16\xfe\xfd" + bytes(60), False),
        (b"\x17\xfe\xfd" + bytes(60), True),
        (b"", False),
    ],
)
def test_what_may_carry_a_block(datagram, block):
    assert has_block(datagram) == block
