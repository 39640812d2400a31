"""The event stream, cut anywhere and with all kinds of line ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.operator.sse import SseError, SseEvent, SseParser


def parse(*chunks: bytes, event_max: int = 1000) -> list[SseEvent]:
    parser = SseParser(event_max)
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"event: A\r\ndata: 1\r\n\r\n", [("A", "1")]),
        (b"event: A\ndata: 1\n\nevent: B\ndata: 2\n\n", [("A", "1"), ("B", "2")]),
        (b"event: A\rdata: 1\r\r", [("A", "1")]),
        (b"data: 1\ndata: 2\n\n", [("message", "1\n2")]),
        (b"data:1\n\n", [("message", "1")]),
        (b"data:  1\n\n", [("message", " 1")]),
        (b"data: a: b\n\n", [("message", "a: b")]),
        (b"data\n\n", [("message", "")]),
        (b"\xef\xbb\xbfdata: 1\n\n", [("message", "1")]),
        (b": a comment\nid: 7\nretry: 10\nother: x\ndata: 1\n\n", [("message", "1")]),
        (b"\r\n\r\n\r\n", []),
        (b"event: A\n\ndata: 1\n\n", [("message", "1")]),
        (b"data: not yet", []),
        (b"data: not yet\n", []),
        (b"data: \xff\n\n", [("message", "\ufffd")]),
        ("data: ä\n\n".encode(), [("message", "ä")]),
    ],
)
def test_streams(stream: bytes, events: list[tuple[str, str]]) -> None:
    whole = parse(stream)
    assert whole == events
    assert parse(*(stream[i : i + 1] for i in range(len(stream)))) == whole


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["REGISTRATION", "UPDATED"]),
            st.text(st.characters(codec="utf-8", exclude_characters="\r\n")),
        )
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_events_come_out_as_they_went_in(events: list[tuple[str, str]], end: str, data: st.DataObject) -> None:
    stream = "".join(f"event: {name}{end}data: {body}{end}{end}" for name, body in events).encode()
    cut = data.draw(st.integers(0, len(stream)))
    assert parse(stream[:cut], stream[cut:], event_max=10_000) == events


@given(st.lists(st.binary(max_size=50)))
def test_no_bytes_raise_anything_else(chunks: list[bytes]) -> None:
    assert all(isinstance(event, SseEvent) for event in parse(*chunks, event_max=10_000))


@pytest.mark.parametrize(
    "chunks",
    [
        (b"x" * 1001,),
        (b"x" * 600, b"x" * 600),
        (b"data: " + b"x" * 1001 + b"\n\n",),
        (b"data: " + b"x" * 400 + b"\n",) * 3,
    ],
)
def test_an_endless_event_is_an_error(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(SseError, match="more than 1000 characters"):
        parse(*chunks)
