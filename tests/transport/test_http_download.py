"""The download without any network: requests, responses, resumption and redirects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap import codes
from simulator.coap.exchange import Failure
from simulator.transport.http_download import HttpDownload
from simulator.transport.http_limits import HttpLimits
from tests.transport.http_rig import URI, Pure, chunked, parse, response

BODY = bytes(range(200))
PROTOCOL = (Failure.PROTOCOL, 0)
UNREACHABLE = (Failure.UNREACHABLE, 0)
TAG = 'ETag: "v1"'


def resumed(held=BODY[:50], **kw):
    return Pure(held=held, etag=b'"v1"', **kw)


def part(first=50, last=199, size=200, *fields, body=None, etag=TAG):
    wanted = f"Content-Range: bytes {first}-{last}/{size}"
    return response(206, BODY[first : last + 1] if body is None else body, wanted, etag, *fields)


def test_the_request():
    pure = Pure("http://10.9.0.1:8080/a%20b?c=d")
    pure.download.connected(0.0)
    (sent,) = pure.requests
    method, target, fields = parse(sent[:-4])
    assert (method, target) == ("GET", "/a%20b?c=d")
    assert fields == {
        "Host": "10.9.0.1:8080",
        "User-Agent": fields["User-Agent"],
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    assert fields["User-Agent"].startswith("lwm2m-fleet/")
    assert pure.download.wire_out == len(sent)


@pytest.mark.parametrize("piece", [None, 1, 7])
def test_a_body_of_known_length(piece):
    pure = Pure().answer(response(200, BODY, TAG), piece=piece, eof=False)
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(200, b'"v1"', 0)]
    download = pure.download
    assert (download.size, download.received, download.etag) == (200, 200, b'"v1"')
    assert download.wire_in == len(response(200, BODY, TAG))
    assert download.blocks == (1 if piece is None else download.blocks)
    assert (len(download.block_us), download.fetched_again, download.restarts) == (0, 0, 0)
    assert pure.disconnects == [True]


@pytest.mark.parametrize("piece", [None, 1, 7])
@pytest.mark.parametrize("size", [1, 16, 1000])
def test_a_chunked_body(piece, size):
    pure = Pure().answer(chunked(BODY, TAG, size=size), piece=piece, eof=False)
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(-1, b'"v1"', 0)]


def test_a_body_that_ends_with_the_connection():
    pure = Pure().answer(response(200, BODY, length=-1))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")
    assert pure.sink.begun == [(-1, b"", 0)]


def test_an_empty_body():
    pure = Pure().answer(response(200, b""), eof=False)
    assert (bytes(pure.sink.data), pure.sink.ended, pure.sink.begun) == (b"", "complete", [(0, b"", 0)])


@pytest.mark.parametrize("whole", [response(200, BODY[:40], TAG), chunked(BODY[:40], TAG, size=16)])
def test_a_response_cut_at_every_byte(whole):
    for cut in range(len(whole)):
        pure = Pure().answer(whole[:cut])
        assert pure.sink.ended == UNREACHABLE, cut
        assert pure.download.reason.startswith("cut off: ")
        assert bytes(pure.sink.data) == BODY[: pure.download.received]
        assert pure.disconnects == [False]
    assert Pure().answer(whole).sink.ended == "complete"


@given(st.data())
def test_how_a_response_is_cut_into_pieces_changes_nothing(data):
    whole = data.draw(st.sampled_from([response(200, BODY, TAG), chunked(BODY, TAG, size=30), response(404, b"no")]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    pure, once = Pure(), Pure().answer(whole)
    pure.download.connected(0.0)
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        pure.download.receive(whole[start:end], 0.0)
    pure.download.eof(0.0)
    assert (pure.sink.data, pure.sink.ended, pure.sink.begun) == (once.sink.data, once.sink.ended, once.sink.begun)


# -- resumption ------------------------------------------------------------------------------------------------------


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


# -- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status):
    pure = resumed().answer(response(status, b"elsewhere", "Location: /b"))
    assert pure.disconnects == [False]
    pure.answer(part())
    assert pure.connects == [URI, "http://10.9.0.1/b"]
    assert b"GET /b HTTP/1.1\r\n" in pure.requests[1]
    assert b"Range: bytes=50-" in pure.requests[1]
    assert (bytes(pure.sink.data), pure.sink.ended, pure.download.redirects) == (BODY, "complete", 1)


def test_five_redirects_are_followed_and_six_are_not():
    for count, ended in ((5, "complete"), (6, PROTOCOL)):
        pure = Pure()
        for number in range(count):
            pure.answer(response(302, b"", f"Location: /{number}"))
        if pure.sink.ended is None:
            pure.answer(response(200, BODY))
        assert pure.sink.ended == ended
    assert pure.download.reason == "redirect: more than 5"


@pytest.mark.parametrize(
    ("uri", "location", "words"),
    [
        (URI, "Location: " + URI, "this is a loop"),
        (URI, "Location: ?", "this is a loop"),
        (URI, "X: y", "names no Location"),
        (URI, "Location: ftp://a/b", "not http or https"),
        (URI, "Location: http://a:1x/b", "redirect: "),
        ("https://10.9.0.1/fw.bin", "Location: " + URI, "from https to http is not followed"),
    ],
)
def test_redirects_that_are_not_followed(uri, location, words):
    pure = Pure(uri).answer(response(302, b"", location))
    assert pure.sink.ended == PROTOCOL
    assert words in pure.download.reason
    assert len(pure.connects) == 1


def test_a_loop_of_three():
    pure = Pure("http://a/0")
    for target in ("/1", "/2", "/0"):
        pure.answer(response(302, b"", f"Location: {target}"))
    assert pure.sink.ended == PROTOCOL
    assert pure.connects == ["http://a/0", "http://a/1", "http://a/2"]


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(404, codes.NOT_FOUND), (503, codes.SERVICE_UNAVAILABLE)])
def test_an_error_of_the_origin_is_told_in_coaps_terms(status, code):
    pure = Pure().answer(response(status, b"<h1>no</h1>"))
    assert pure.sink.ended == (None, code)
    assert pure.download.reason == f"status {status} of 10.9.0.1"
    assert not pure.sink.begun


@pytest.mark.parametrize("answer", [response(204, length=-1), response(304, length=-1), response(300), part()])
def test_an_answer_that_nothing_asked_for(answer):
    pure = Pure().answer(answer)
    assert pure.sink.ended == PROTOCOL


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 000 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    ],
)
@pytest.mark.parametrize("piece", [None, 1])
def test_malformed_responses(garbage, piece):
    pure = Pure().answer(garbage, eof=False, piece=piece)
    assert pure.sink.ended == PROTOCOL
    assert pure.download.reason


def endless(start, more, limit=40_000, piece=1000):
    """How many bytes of an endless response are taken before the download gives up."""
    pure = Pure()
    pure.download.connected(0.0)
    pure.download.receive(start, 0.0)
    taken = len(start)
    while pure.sink.ended is None and taken < limit:
        chunk = (more * (piece // len(more) + 1))[:piece]
        pure.download.receive(chunk, 0.0)
        taken += len(chunk)
    assert pure.sink.ended == PROTOCOL
    return taken


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 ", b"x"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Fill: yes\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"e"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: yes\r\n"),
    ],
)
def test_endless_heads_are_bounded(start, more):
    assert endless(start, more) < 16_384 + 2000


def test_endless_interim_responses_are_bounded():
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert endless(interim, interim, piece=len(interim)) == 9 * len(interim)


@pytest.mark.parametrize("fields", [["A: b"] * 100, ["A: " + "b" * 17_000]])
def test_a_head_that_comes_at_once_is_held_to_the_limits_too(fields):
    assert Pure().answer(response(200, BODY, *fields)).sink.ended == PROTOCOL
    assert Pure().answer(response(200, BODY, *["A: b"] * 99)).sink.ended == "complete"


def test_interim_responses_are_skipped():
    pure = Pure().answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(200, BODY))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, "complete")


def test_a_content_length_that_is_too_short_ends_the_package_there():
    pure = Pure().answer(response(200, BODY, length=150))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY[:150], "complete")


def test_a_content_length_that_is_too_long_is_a_cut_off_package():
    pure = Pure().answer(response(200, BODY, length=250))
    assert (bytes(pure.sink.data), pure.sink.ended) == (BODY, UNREACHABLE)


def test_an_origin_that_speaks_first():
    pure = Pure()
    pure.download.receive(response(200, BODY), 0.0)
    assert pure.sink.ended == PROTOCOL


# -- the sink and the owner ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("refuse", "kept"), [("begin", 0), ("write", 10)])
def test_a_sink_that_wants_no_more(refuse, kept):
    pure = Pure()
    pure.sink.refuse = refuse
    pure.answer(response(200, BODY), piece=len(response(200, BODY)) - len(BODY) + 10)
    assert (len(pure.sink.data), pure.sink.ended) == (kept, None)
    assert pure.download.done
    assert pure.disconnects == [False]


def test_a_stopped_download_is_deaf():
    pure = Pure()
    pure.download.connected(0.0)
    pure.download.stop(0.0)
    pure.download.stop(0.0)
    pure.download.receive(response(200, BODY), 0.0)
    pure.download.eof(0.0)
    pure.download.unreachable(ConnectionResetError(), 0.0)
    pure.download.connected(0.0)
    pure.download.expire(1e9)
    assert (pure.sink.ended, pure.sink.begun, pure.disconnects) == (None, [], [False])
    assert pure.download.deadline == float("inf")


def test_a_connection_that_cannot_be_had():
    pure = Pure()
    error = ConnectionRefusedError("nobody listens")
    pure.download.unreachable(error, 0.0)
    assert pure.sink.ended == UNREACHABLE
    assert (pure.download.reason, pure.download.error) == ("nobody listens", error)


def test_deadlines():
    limits = HttpLimits(connect_s=5, idle_s=10, overall_s=30)
    pure = Pure(limits=limits)
    assert (pure.download.deadline, pure.wakes) == (5.0, [5.0])
    pure.download.connected(4.0)
    pure.download.expire(5.0)
    assert pure.sink.ended is None
    assert pure.download.deadline == 14.0
    whole = response(200, BODY)
    for t in range(14, 30, 8):
        pure.download.receive(whole[t - 14 : t - 6], float(t))
    assert pure.download.deadline == 30.0
    pure.download.expire(30.0)
    assert pure.sink.ended == (Failure.TIMEOUT, 0)
    assert pure.download.reason == "not complete after 30 s"


@pytest.mark.parametrize(("connected", "words"), [(False, "no connection to 10.9.0.1"), (True, "silent for 60 s")])
def test_silence(connected, words):
    pure = Pure()
    if connected:
        pure.download.connected(0.0)
    pure.download.expire(pure.download.deadline)
    assert pure.sink.ended == (Failure.TIMEOUT, 0)
    assert words in pure.download.reason


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="not http or https"):
        Pure("coap://a/b")
    with pytest.raises(ValueError, match="byte -1"):
        HttpDownload(URI, None, None, offset=-1)
    with pytest.raises(ValueError, match="idle_s of a download must be above 0, not 0"):
        HttpLimits(idle_s=0)
