"""Going on with a download that broke off, without any network."""

import pytest

from simulator.coap import codes
from simulator.coap.exchange import Failure
from simulator.transport.http_limits import HttpLimits
from tests.transport.http_rig import URI, Pure, chunked, parse, response

BODY = bytes(range(200))
PROTOCOL = (Failure.PROTOCOL, 0)
TAG = 'ETag: "v1"'


def resumed(held=BODY[:50], **kw):
    return Pure(held=held, etag=b'"v1"', **kw)


def part(first=50, last=199, size=200, *fields, body=None, etag=TAG):
    wanted = f"Content-Range: bytes {first}-{last}/{size}"
    return response(206, BODY[first : last + 1] if body is None else body, wanted, etag, *fields)


def test_a_resumption_asks_for_the_rest_under_a_condition():
    pure = resumed().answer(part())
    fields = parse(pure.requests[0][:-4])[2]
    assert (fields["Range"], fields["If-Match"]) == ("bytes=50-", '"v1"')
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(200, b'"v1"', 50)]
    assert (pure.download.received, pure.download.fetched_again) == (200, 0)


def test_a_resumption_by_if_range():
    pure = resumed(if_range=True).answer(part())
    fields = parse(pure.requests[0][:-4])[2]
    assert fields["If-Range"] == '"v1"'
    assert "If-Match" not in fields
    assert pure.sink.ended == "complete"


@pytest.mark.parametrize("etag", [b"", b'W/"v1"', b"v1", b'"v1"\r\nEvil: 1', b'"' + b"x" * 300 + b'"'])
def test_without_a_strong_entity_tag_the_download_begins_anew(etag):
    pure = Pure(held=BODY[:50], etag=etag).answer(response(200, BODY))
    assert b"Range" not in pure.requests[0]
    assert b"Evil" not in pure.requests[0]
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert (pure.sink.begun, pure.download.fetched_again) == ([(200, b"", 0)], 50)


def test_the_whole_instead_of_the_rest_begins_anew_at_once():
    pure = resumed().answer(response(200, BODY, TAG))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(200, b'"v1"', 0)]
    assert (pure.download.fetched_again, pure.download.restarts, pure.download.requests) == (50, 1, 1)


@pytest.mark.parametrize(
    "first",
    [
        response(412),
        response(416, b"", "Content-Range: bytes */40"),
        response(416),
        part(etag='ETag: "v2"'),
        part(etag='ETag: W/"v1"'),
        part(etag="X: y"),
    ],
)
def test_what_cannot_be_gone_on_with_is_asked_for_anew(first):
    pure = resumed().answer(first)
    assert pure.sink.ended is None
    assert pure.connects == [URI, URI]
    pure.answer(response(200, BODY[::-1], 'ETag: "v2"'))
    assert b"Range" not in pure.requests[1]
    assert b"If-Match" not in pure.requests[1]
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY[::-1], "complete")
    assert pure.sink.begun == [(200, b'"v2"', 0)]
    assert (pure.download.restarts, pure.download.fetched_again) == (1, 50)


@pytest.mark.parametrize("status", [412, 416])
def test_a_condition_that_fails_though_there_was_none_is_an_error(status):
    pure = resumed().answer(response(412)).answer(response(status))
    assert pure.sink.ended == (None, codes.PRECONDITION_FAILED if status == 412 else codes.BAD_REQUEST)


def test_nothing_left_to_fetch_is_complete():
    pure = resumed(BODY).answer(response(416, b"", "Content-Range: bytes */200"))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(200, b'"v1"', 200)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (part(0, 199), "begins at byte 0, asked for 50"),
        (part(51, 199), "begins at byte 51"),
        (part(50, 199, 100, body=b""), "contradicts itself"),
        (part(50, 199, body=BODY[50:190]), "Content-Length 140 for a range of 150"),
        (response(206, BODY[50:], TAG), "Content-Range is missing"),
        (response(206, BODY[50:], TAG, "Content-Type: multipart/byteranges; boundary=x"), "Content-Range is missing"),
        (chunked(BODY[50:], TAG, "Content-Range: bytes 50-198/200", status=206), "more bytes than the 149"),
        (chunked(BODY[50:], TAG, "Content-Range: bytes 50-200/201", status=206), "ends 1 early"),
        (part(50, 199, 200, "Content-Encoding: gzip"), "Content-Encoding gzip"),
    ],
)
def test_a_part_that_does_not_fit_is_a_failure(wrong, words):
    pure = resumed().answer(wrong)
    assert pure.sink.ended == PROTOCOL
    assert words in pure.download.reason
    assert len(pure.sink.data) == pure.download.received


def test_less_than_was_asked_for_has_the_rest_asked_for():
    pure = resumed().answer(part(50, 99)).answer(part(100, 120, "*")).answer(part(121, 199))
    assert [parse(sent[:-4])[2]["Range"] for sent in pure.requests] == ["bytes=50-", "bytes=100-", "bytes=121-"]
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(200, b'"v1"', 50)]
    assert (pure.download.requests, pure.download.fetched_again) == (3, 0)


def test_the_rest_of_a_package_of_another_length_is_a_failure():
    pure = resumed().answer(part(50, 99)).answer(part(100, 119, 120))
    assert pure.sink.ended == PROTOCOL
    assert "had 200 bytes before, and 120 now" in pure.download.reason


def test_a_package_that_changes_between_two_parts_begins_anew():
    pure = resumed().answer(part(50, 99)).answer(response(412)).answer(response(200, BODY[::-1], 'ETag: "v2"'))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY[::-1], "complete")
    assert pure.sink.begun == [(200, b'"v1"', 50), (200, b'"v2"', 0)]
    assert pure.download.fetched_again == 100


def test_an_origin_that_gives_a_byte_at_a_time_is_given_up():
    pure = resumed(limits=HttpLimits(requests=4))
    for first in range(50, 54):
        pure.answer(part(first, first))
    assert pure.sink.ended == PROTOCOL
    assert pure.download.reason == "not complete after 4 requests"
    assert pure.connects == [URI] * 4
