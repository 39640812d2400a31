"""Codec, key schedule and record protection, against published values and as their own inverse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.security.failures import AlertError
from simulator.transport.dtls_flight import AHEAD_MAX, Reassembly, Sender
from simulator.transport.dtls_hello import (
    ClientHello,
    ServerHello,
    decode_client_hello,
    decode_hello_verify,
    decode_server_hello,
    encode_hello_verify,
)
from simulator.transport.dtls_key_exchange import (
    decode_certificates,
    decode_server_key,
    decode_signature,
    encode_certificates,
)
from simulator.transport.dtls_suites import SUITES, WINDOW, RecordKeys, master_secret, prf, psk_premaster, session_keys
from simulator.transport.dtls_wire import (
    HANDSHAKE,
    Fragment,
    fragments,
    handshake_message,
    plain_record,
    records,
    split_message,
)

HEAD = b"\x17\xfe\xfd"


def test_the_prf_gives_the_published_values():
    """The vector for P_SHA256 that the TLS working group agreed on."""
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    wanted = (
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af"
        "0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
    )
    assert prf(secret, b"test label", seed, 100).hex() == wanted


def test_a_premaster_of_a_psk_is_zeros_and_key():
    assert psk_premaster(b"key").hex() == "0003" + "000000" + "0003" + b"key".hex()


def test_the_extended_master_secret_depends_on_the_session():
    plain = master_secret(b"p", b"c" * 32, b"s" * 32, None)
    assert len(plain) == 48
    assert len({plain, *(master_secret(b"p", b"c" * 32, b"s" * 32, h) for h in (b"1", b"2"))}) == 3


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
@given(data=st.binary(max_size=64), number=st.integers(0, 2**48 - 1))
def test_a_record_opens_once_to_what_was_sealed(suite, data, number):
    one, other = (session_keys(suite, b"m" * 48, b"c" * 32, b"s" * 32) for _ in range(2))
    one.client.sequence = number
    record = one.client.seal(HEAD, data)
    (split,) = records(record)
    assert (split.content_type, split.epoch, split.sequence) == (0x17, 1, number)
    assert other.server.open(record) is None, "the keys of the other direction"
    assert other.client.open(record) == data
    assert other.client.open(record) is None, "a repetition"


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.name)
def test_no_bit_of_a_record_can_be_changed(suite):
    sealed = RecordKeys(suite, bytes(16), bytes(4)).seal(HEAD, b"data")
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        for record in records(bytes(changed)):
            assert RecordKeys(suite, bytes(16), bytes(4)).open(record.raw) is None


@given(order=st.lists(st.integers(0, 3 * WINDOW), max_size=200))
def test_the_window_takes_each_record_once_and_no_old_ones(order):
    suite = SUITES[0xC0A8]
    sealing, opening = RecordKeys(suite, bytes(16), bytes(4)), RecordKeys(suite, bytes(16), bytes(4))
    sealed = [sealing.seal(HEAD, bytes([n])) for n in range(3 * WINDOW + 1)]
    taken, highest = set(), -1
    for number in order:
        is_new = number not in taken and number > highest - WINDOW
        assert opening.open(sealed[number]) == (bytes([number]) if is_new else None)
        if is_new:
            taken.add(number)
            highest = max(highest, number)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_records_or_nothing(data):
    assert b"".join(record.raw for record in records(data)) == data[: sum(len(r.raw) for r in records(data))]


@given(body=st.binary(max_size=3000), room=st.integers(60, 1500), order=st.randoms())
def test_a_message_in_pieces_comes_together_again(body, room, order):
    pieces = list(split_message(handshake_message(11, 0, body), room))
    assert all(len(piece) <= room for piece in pieces)
    order.shuffle(pieces)
    reassembly = Reassembly()
    for piece in pieces:
        assert reassembly.pop() is None
        for fragment in fragments(piece):
            reassembly.add(fragment, 0)
    message = reassembly.pop()
    assert (message.kind, message.sequence, message.body) == (11, 0, body)


def test_what_a_reassembly_keeps_is_bounded():
    reassembly = Reassembly()
    for sequence in range(1, 100):
        reassembly.add(Fragment(11, 1 << 14, sequence, 0, b"x"), 0)
    assert len(reassembly._partial) == 2
    reassembly = Reassembly()
    for sequence in range(1, 100):
        reassembly.add(Fragment(11, 10, sequence, 0, b"x"), 0)
    assert len(reassembly._partial) == AHEAD_MAX


@pytest.mark.parametrize(
    "payload",
    [
        b"\x01",
        handshake_message(1, 0, b"abc")[:-1],
        b"\x01\x00\x00\x03\0\0\0\0\0\0\0\0",  # a part of nothing
        b"\x01\x00\x00\x03\0\0\0\0\x02\0\0\x02ab",  # beyond the end
        b"\x01\x00\x40\x01\0\0\0\0\x00\0\0\x01a",  # longer than any message
    ],
)
def test_malformed_fragments_are_refused(payload):
    with pytest.raises(AlertError, match="malformed handshake message"):
        list(fragments(payload))


@given(
    hello=st.builds(
        ClientHello,
        random=st.binary(min_size=32, max_size=32),
        suites=st.lists(st.integers(0, 0xFFFF), max_size=20).map(tuple),
        session_id=st.binary(max_size=32),
        cookie=st.binary(max_size=255),
        extensions=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=20), max_size=5),
    )
)
def test_a_client_hello_is_its_own_inverse(hello):
    assert decode_client_hello(hello.encode()) == hello


@given(
    hello=st.builds(
        ServerHello,
        random=st.binary(min_size=32, max_size=32),
        suite=st.integers(0, 0xFFFF),
        session_id=st.binary(max_size=32),
        extensions=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=20), max_size=5),
    )
)
def test_a_server_hello_is_its_own_inverse(hello):
    assert decode_server_hello(hello.encode()) == hello


@given(cookie=st.binary(max_size=255), chain=st.lists(st.binary(max_size=50), max_size=16))
def test_cookies_and_chains_are_their_own_inverse(cookie, chain):
    assert decode_hello_verify(encode_hello_verify(cookie)) == cookie
    assert decode_certificates(encode_certificates(chain)) == chain


@pytest.mark.parametrize(
    "decode",
    [
        decode_client_hello,
        decode_server_hello,
        decode_hello_verify,
        decode_certificates,
        decode_server_key,
        decode_signature,
    ],
)
@given(body=st.binary(max_size=100), head=st.sampled_from([b"", b"\xfe\xfd" + bytes(32), b"\x03\x00\x17\x41"]))
def test_any_bytes_are_a_message_or_an_alert(decode, body, head):
    try:
        decode(head + body)
    except AlertError as error:
        assert error.cause


@pytest.mark.parametrize(
    ("hello", "cause"),
    [
        (ClientHello(bytes(32), (0xC0A8,)).encode().replace(b"\xfe\xfd", b"\xfe\xff", 1), "version feff not supported"),
        (b"\x03\x03" + bytes(40), "version 0303 not supported"),
        (b"\xfe\xfd" + bytes(32) + b"\x21" + bytes(40), "session ID is too long"),
        (b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\x02\0\1" + b"\1\1" + b"\0\0", "leave out compression"),
        (b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\x01\1" + b"\1\0" + b"\0\0", "half a number"),
        (b"\xfe\xfd" + bytes(32) + b"\0\0" + b"\0\x02\0\1" + b"\1\0" + b"\0\x08\0\1\0\0\0\1\0\0", "extension 1 twice"),
    ],
)
def test_a_hello_that_cannot_be_taken_says_why(hello, cause):
    with pytest.raises(AlertError, match=cause):
        decode_client_hello(hello)


def test_the_mtu_has_a_least_value():
    with pytest.raises(ValueError, match="at least 256"):
        Sender(lambda data: None, 255)


def test_records_of_a_datagram_stop_where_one_is_malformed():
    whole = plain_record(HANDSHAKE, 1, b"abc")
    assert [record.raw for record in records(whole + whole)] == [whole, whole]
    assert [record.raw for record in records(whole + whole[:-1])] == [whole]
    assert list(records(b"\x16\x03\x03" + whole[3:])) == []
