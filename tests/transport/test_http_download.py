"""The download without any network: requests, responses, resumption and redirects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.coap.exchange import Failure
from simulator.transport.http_download import HttpDownload
from simulator.transport.http_limits import HttpLimits
from tests.transport.http_rig import URI, Pure, chunked, parse, response

BODY = bytes(range(200))
UNREACHABLE = (Failure.UNREACHABLE, 0)
TAG = 'ETag: "v1"'


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


def test_each_stretch_of_time_has_to_bring_some_of_the_body():
    pure = Pure(limits=HttpLimits(idle_s=40, progress_s=100, progress_bytes=50))
    pure.download.connected(0.0)
    whole = response(200, BODY)
    head = len(whole) - len(BODY)
    pure.download.receive(whole[: head + 49], 30.0)
    pure.download.receive(whole[head + 49 : head + 50], 60.0)  # enough: from here on another 100 s
    for t in range(90, 160, 30):
        pure.download.receive(whole[head + t - 40 : head + t - 39], float(t))
    assert pure.download.deadline == 160.0
    pure.download.expire(160.0)
    assert (pure.sink.ended, pure.sink.at) == ((Failure.TIMEOUT, 0), 160.0)
    assert pure.download.reason == "10.9.0.1 gave less than 50 bytes in 100 s"


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
