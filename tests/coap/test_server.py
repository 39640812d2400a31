"""What a server must refuse, and what it must not do twice (RFC 7252 §4.5, §5.4, §5.8)."""

from __future__ import annotations

import pytest

from simulator.coap import codes as c
from simulator.coap.deduplication import GENERATION_MAX, SeenMessages
from simulator.coap.message import decode, empty
from tests.coap.wire import Shelf, Wire, request


@pytest.mark.parametrize(
    ("code", "options", "answer"),
    [
        (0x08, [], c.METHOD_NOT_ALLOWED),
        (0x1F, [], c.METHOD_NOT_ALLOWED),
        (c.GET, [(c.BLOCK2, b"\x07")], c.BAD_REQUEST),
        (c.PUT, [(c.BLOCK1, b"\x0f")], c.BAD_REQUEST),
        (c.GET, [(c.BLOCK1, b"\x0e")], c.BAD_OPTION),
        (c.PUT, [(c.IF_NONE_MATCH, b"")], c.BAD_OPTION),
        (c.PUT, [(c.IF_MATCH, b"x")], c.BAD_OPTION),
        (c.GET, [(c.PROXY_URI, b"coap://127.0.0.1/")], c.PROXYING_NOT_SUPPORTED),
        (c.GET, [(c.URI_HOST, b"h"), (c.PROXY_SCHEME, b"http")], c.PROXYING_NOT_SUPPORTED),
        (c.POST, [(c.BLOCK2, b"\x16")], c.REQUEST_ENTITY_INCOMPLETE),
        (c.GET, [(c.ACCEPT, b"abc")], c.BAD_OPTION),
    ],
)
def test_refused_before_the_handler_sees_it(code, options, answer):
    shelf = Shelf()
    assert request(Wire(shelf), code, options).code == answer
    assert not shelf.requests


def test_a_non_request_with_an_unknown_critical_option_is_ignored():
    assert request(Wire(Shelf()), c.GET, [(9999, b"")], type_=c.NON) is None


def test_elective_options_with_a_wrong_length_are_ignored():
    shelf = Shelf(a=b"1")
    assert request(Wire(shelf), c.GET, [(c.URI_PATH, b"a"), (c.SIZE1, bytes(5))]).code == c.CONTENT
    assert [n for n, _ in shelf.requests[0].options] == [c.URI_PATH]


def test_if_match_without_a_representation_that_has_an_etag_fails():
    wire = Wire(Shelf(a=b"1"))
    assert request(wire, c.GET, [(c.IF_MATCH, b"x"), (c.URI_PATH, b"a")]).code == c.PRECONDITION_FAILED


def test_an_error_stays_the_same_error_for_any_block_of_it():
    answer = request(Wire(Shelf()), c.GET, [(c.URI_PATH, b"no"), (c.BLOCK2, b"\x56")])
    assert (answer.code, answer.option(c.BLOCK2)) == (c.NOT_FOUND, None)


@pytest.mark.parametrize("code", [0x21, 0x3F, 0x61, 0x7F, 0xC0, 0xE1, 0xFF])
def test_codes_of_reserved_classes_are_rejected(code):
    wire = Wire(Shelf())
    assert request(wire, code, []) == decode(empty(c.RST, 1))
    assert request(wire, code, [], type_=c.NON, mid=2) is None
    assert request(wire, code, [], type_=c.ACK, mid=3) is None
    assert request(wire, code, [], type_=c.RST, mid=4) is None


def test_a_repeated_non_request_runs_once_and_is_not_answered_again():
    shelf = Shelf()
    wire = Wire(shelf)
    assert request(wire, c.POST, [], type_=c.NON).code == c.CHANGED
    assert request(wire, c.POST, [], type_=c.NON) is None
    assert len(shelf.requests) == 1


def test_a_message_id_may_be_used_again_after_exchange_lifetime():
    shelf = Shelf()
    wire = Wire(shelf)
    request(wire, c.POST, [], token=b"a")
    wire.now += 246.9
    assert request(wire, c.POST, [], token=b"a").token == b"a"
    assert len(shelf.requests) == 1
    wire.now += 0.2
    assert request(wire, c.POST, [], token=b"b").token == b"b"
    assert len(shelf.requests) == 2


def test_seen_messages_are_bounded_and_given_back():
    seen = SeenMessages(247.0)
    for mid in range(10_000):
        seen.add(mid, b"answer", 1.0)
        assert len(seen) <= 2 * GENERATION_MAX
    assert all(seen.get(mid, 1.0) == b"answer" for mid in range(10_000 - GENERATION_MAX, 10_000))
    seen.forget_expired(247.9)
    assert seen.get(9_999, 247.9) == b"answer"
    seen.forget_expired(248.0)
    assert len(seen) == 0
