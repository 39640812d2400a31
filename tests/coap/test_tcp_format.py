"""Frames, signalling messages and what a body may be, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap import tcp_signalling as s
from simulator.coap.block import SZX_BERT, Block, Fit, block_at, read_block
from simulator.coap.message import Message, MessageFormatError, uint_bytes
from simulator.coap.tcp import FrameDecoder, frame
from simulator.coap.tcp_capabilities import ADDED_OPTIONS, Capabilities, largest_szx
from tests.coap.stream_wire import messages


@pytest.mark.parametrize(
    ("payload", "head"),
    [
        (0, "02 45 6162"),
        (11, "c2 45 6162 ff"),
        (12, "d200 45 6162 ff"),
        (267, "d2ff 45 6162 ff"),
        (268, "e20000 45 6162 ff"),
        (65_803, "e2ffff 45 6162 ff"),
        (65_804, "f200000000 45 6162 ff"),
        (65_805, "f200000001 45 6162 ff"),
    ],
)
def test_the_length_of_options_and_payload_stands_in_its_shortest_form(payload, head):
    expected = bytes.fromhex(head)
    data = frame(c.CONTENT, b"ab", [], bytes(payload))
    assert data == expected + bytes(payload)
    assert messages(data) == [Message(c.CON, c.CONTENT, -1, b"ab", [], bytes(payload))]


def test_options_count_to_the_length():
    assert frame(c.GET, b"", [(c.URI_PATH, b"fw")], b"").hex(" ") == "30 01 b2 66 77"


@pytest.mark.parametrize("size_max", [64, 1152])
def test_a_frame_that_is_too_long_is_refused_by_its_header(size_max):
    decoder = FrameDecoder(size_max)
    largest = frame(c.CONTENT, b"ab", [], bytes(size_max - 6 - (size_max > 300)))
    assert len(largest) == size_max
    decoder.feed(largest)
    assert decoder.next() is not None
    decoder.feed(frame(c.CONTENT, b"ab", [], bytes(size_max - 5 - (size_max > 300)))[:4])
    with pytest.raises(MessageFormatError, match=f"{size_max + 1} bytes is longer than {size_max}"):
        decoder.next()


def test_what_follows_an_empty_message_is_its_own_affair():
    decoder = FrameDecoder(100)
    decoder.feed(b"\x31\x00t\xff\xff\xff" + frame(c.GET, b"x", [], b""))
    assert [m.code for m in iter(decoder.next, None)] == [c.EMPTY, c.GET]


@pytest.mark.parametrize("data", [b"\x09\x01", b"\x10\x01\xff", b"\x10\x01\xf0", b"\x10\x01\x31"])
def test_what_is_no_message_raises_the_documented_error(data):
    decoder = FrameDecoder(100)
    decoder.feed(data)
    with pytest.raises(MessageFormatError):
        decoder.next()


# -- signalling --------------------------------------------------------------------------------------------------------


def signal(code, *options, payload=b""):
    return Message(c.CON, code, -1, b"", list(options), payload)


def test_signalling_messages_on_the_wire():
    assert s.csm(1152).hex(" ") == "40 e1 22 04 80 20"
    assert s.ping_or_pong(s.PING, b"t", custody=False).hex(" ") == "01 e2 74"
    assert s.ping_or_pong(s.PONG, b"t", custody=True).hex(" ") == "11 e3 74 20"
    assert s.release().hex(" ") == "00 e4"
    assert s.release(60).hex(" ") == "20 e4 41 3c"
    assert s.abort("no", 5).hex(" ") == "50 e5 21 05 ff 6e 6f"


def test_what_a_csm_does_not_name_stays_as_it_was():
    first = s.take_csm(signal(s.CSM), None)
    assert first == Capabilities(1152, False)
    second = s.take_csm(signal(s.CSM, (4, b"")), first)
    assert (second, second.bert) == (Capabilities(1152, True), False)
    third = s.take_csm(signal(s.CSM, (2, b"\x04\x81")), second)
    assert (third, third.bert) == (Capabilities(1153, True), True)
    fourth = s.take_csm(signal(s.CSM, (2, b"\x04\x80")), third)
    assert (fourth, fourth.bert) == (Capabilities(1152, True), False)


@pytest.mark.parametrize("size", [0, 1, 63])
def test_a_max_message_size_of_no_use_is_refused(size):
    with pytest.raises(s.SignallingError) as caught:
        s.take_csm(signal(s.CSM, (2, uint_bytes(size))), None)
    assert caught.value.bad_csm_option == 2


@pytest.mark.parametrize(
    ("code", "option", "bad_csm_option"),
    [
        (s.CSM, (1, b""), 1),
        (s.CSM, (9, b"xyz"), 9),
        (s.CSM, (2, bytes(5)), 2),
        (s.CSM, (4, b"x"), 4),
        (s.PING, (1, b""), -1),
        (s.PONG, (3, b""), -1),
        (s.RELEASE, (5, b""), -1),
        (s.ABORT, (7, b""), -1),
        (0xE0, (2, b""), -1),
        (0xE6, (2, b""), -1),
    ],
)
def test_a_critical_option_that_is_not_known_is_an_error(code, option, bad_csm_option):
    with pytest.raises(s.SignallingError) as caught:
        s.check_options(signal(code, option))
    assert caught.value.bad_csm_option == bad_csm_option


@pytest.mark.parametrize(
    ("code", "kept"), [(s.CSM, (4, b"")), (s.PING, (2, b"")), (s.RELEASE, (4, b"\x05")), (s.ABORT, (2, b"\x01"))]
)
def test_an_elective_option_that_is_not_known_is_dropped(code, kept):
    message = signal(code, kept, (6, b"x"), (500, b""))
    s.check_options(message)
    assert message.options == [kept]


def test_what_a_release_says():
    message = signal(s.RELEASE, (2, b"127.0.0.1:9"), (2, b"\xff"), (4, b"\x3c"), payload=b"bye")
    assert s.read_release(message) == s.Released(60, ("127.0.0.1:9", "\ufffd"), "bye")
    assert s.read_release(signal(s.RELEASE)) == s.Released(-1, (), "")


# -- blocks and bodies -------------------------------------------------------------------------------------------------


def test_bert_counts_in_blocks_of_1024():
    block = Block(7, True, SZX_BERT)
    assert (block.start, block.size) == (7168, 1024)
    assert block_at(7168, True, SZX_BERT) == block
    assert read_block(block.to_bytes(), SZX_BERT) == block
    assert read_block(block.to_bytes()) is None
    assert [block.fits(n) for n in (0, 1, 1023, 1024, 7168)] == [False, False, False, True, True]
    assert all(Block(7, False, SZX_BERT).fits(n) for n in (0, 1, 1023, 1024, 7168))


PATH = [(c.URI_PATH, b"fw.bin")]


@pytest.mark.parametrize(
    ("peer", "szx", "expected"),
    [
        (Capabilities(8192, True), 7, Fit(7, 7168, 8134)),
        (Capabilities(8192, True), 6, Fit(6, 1024, 1024)),
        (Capabilities(8192, False), 7, Fit(6, 1024, 8134)),
        (Capabilities(1152, True), 7, Fit(6, 1024, 1094)),
        (Capabilities(1153, True), 7, Fit(7, 1024, 1095)),
        (Capabilities(1081, True), 7, Fit(5, 512, 1023)),
        (Capabilities(64, True), 7, Fit(0, 16, 16)),
        (Capabilities(64, True), 3, Fit(0, 16, 16)),
        (Capabilities(2_000_000, True), 7, Fit(7, 1_999_872, 1_999_942)),
    ],
)
def test_what_a_message_to_a_peer_may_carry(peer, szx, expected):
    assert peer.fit(szx, PATH) == expected


@given(
    st.integers(200, 70_000),
    st.booleans(),
    st.integers(0, 7),
    st.binary(max_size=8),
    st.lists(st.binary(max_size=12), max_size=5),
)
def test_what_fits_stays_below_the_size_that_the_peer_takes(size, block_wise, szx, token, segments):
    options = [(c.URI_PATH, segment) for segment in segments]
    fit = Capabilities(size, block_wise).fit(szx, options)
    added = [(c.BLOCK1, b"xxx"), (c.SIZE1, b"xxxx")]
    assert len(frame(c.PUT, token, options + added, bytes(fit.size))) <= size
    assert len(frame(c.PUT, token, options, bytes(fit.whole))) <= size
    assert fit.size <= fit.whole


def test_what_is_added_last_is_not_more_than_was_reckoned():
    last = [(c.ETAG, bytes(8)), (c.OBSERVE, b"xxx"), (c.BLOCK2, b"xxx"), (c.BLOCK1, b"xxx"), (c.SIZE2, b"xxxx")]
    assert len(frame(c.CONTENT, b"", last, b"")) - 3 <= ADDED_OPTIONS


@pytest.mark.parametrize(
    ("own_size", "peer", "offset", "expected"),
    [
        (8192, Capabilities(8192, True), 0, 7),
        (8192, Capabilities(8192, True), 1024, 7),
        (8192, Capabilities(1152, True), 0, 7),
        (8192, Capabilities(1152, True), 1024, 6),
        (8192, Capabilities(8192, False), 1024, 6),
        (1152, Capabilities(8192, True), 1024, 6),
        (600, Capabilities(8192, True), 1024, 5),
    ],
)
def test_bert_is_asked_for_only_where_both_know_it(own_size, peer, offset, expected):
    assert peer.szx_to_ask(own_size, SZX_BERT, offset) == expected
    assert peer.szx_to_ask(own_size, 3, offset) == 3


def test_largest_szx():
    assert [largest_szx(6, room) for room in (-5, 0, 16, 31, 32, 1023, 1024, 5000)] == [0, 0, 0, 0, 1, 5, 6, 6]
