"""Requests by their names in LwM2M, and values in a few words."""

from __future__ import annotations

import pytest

from simulator.api.observer import operation_of, value_of
from simulator.api.settings import SettingsError, fault_table
from simulator.api.timeline import Timeline, state_text
from simulator.coap import codes as c
from simulator.coap.message import Message
from simulator.coap.requests import request_options
from simulator.events import FAULT_OVER, FaultApplied, RegistrationEnded, TransferEnded
from simulator.lwm2m.formats import Record, encode
from simulator.lwm2m.objects import ResourceType


def request(code, path="/3/0/3", *, observe=-1, accept=-1, query=(), payload=b""):
    extra = [(c.OBSERVE, b"\x01" if observe else b"")] if observe >= 0 else None
    options = request_options(path.strip("/").split("/"), query, accept=accept, extra=extra)
    return Message(c.CON, code, 1, b"", options, payload)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (request(c.GET), "Read"),
        (request(c.GET, observe=0), "Observe"),
        (request(c.GET, observe=1), "Cancel Observe"),
        (request(c.GET, accept=c.FORMAT_LINK), "Discover"),
        (request(c.PUT, payload=b"1"), "Write"),
        (request(c.PUT, query=["pmin=1"]), "Write-Attributes"),
        (request(c.POST), "Execute"),
        (request(c.POST, "/5/0", payload=b"x"), "Write (update)"),
        (request(c.POST, "/5", payload=b"x"), "Create"),
        (request(c.DELETE, "/5/0"), "Delete"),
        (request(c.FETCH), "Read-Composite"),
        (request(c.FETCH, observe=0), "Observe-Composite"),
        (request(c.IPATCH), "Write-Composite"),
        (request(c.PATCH), "method 0.06"),
    ],
)
def test_what_a_request_is_called(asked, name):
    assert operation_of(asked) == name


def typed(_path):
    return ResourceType.STRING


@pytest.mark.parametrize("content_format", [c.FORMAT_TEXT, c.FORMAT_TLV, c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR])
def test_one_value_is_shown_whatever_carries_it(content_format):
    payload = encode(content_format, (3, 0, 3), [Record((3, 0, 3), ResourceType.STRING, "2.0.0")])
    assert value_of(("3", "0", "3"), content_format, payload, typed) == "2.0.0"


def test_what_is_long_hostile_or_secret_is_a_length():
    assert value_of(("5", "0", "0"), c.FORMAT_OPAQUE, bytes(2000), typed) == "2,000 bytes"
    assert value_of(("0", "0", "5"), c.FORMAT_TEXT, b"key", typed) == "3 bytes"
    assert value_of(("x", "y"), c.FORMAT_TLV, b"\xff", typed) == "1 byte"
    assert value_of(("3", "0", "3"), c.FORMAT_TEXT, b"a\x1b[31mb" + b"c" * 200, typed).startswith("a.[31mb")
    assert len(value_of(("3", "0", "3"), c.FORMAT_TEXT, b"c" * 200, typed)) == 83
    assert value_of(("3",), -1, b"", typed) == ""


def test_a_fault_is_read_with_a_colon_or_a_blank():
    table = {"kind": "connection-lost", "after": "50 %", "how": "reset"}
    assert fault_table("connection-lost:after=50 %, how=reset") == table
    assert fault_table(" connection-lost after=50 %,how=reset ") == table
    assert fault_table("answer-lost:number=3") == {"kind": "answer-lost", "number": 3}
    assert fault_table("") == {"kind": ""}
    with pytest.raises(SettingsError, match="is no parameter"):
        fault_table("answer-lost 3")


def test_events_in_words():
    timeline, told = Timeline(), []
    timeline.listen(lambda entry: told.append(entry.text))
    timeline.emit(RegistrationEnded(1.0, 0, "update", 0.5, "ok", "2.04", 2, ""))
    timeline.emit(RegistrationEnded(1.0, 0, "register", 0.5, "unknown", "", 4, ""))
    timeline.emit(RegistrationEnded(1.0, 0, "register", 0.5, "fail", "4.03", 1, ""))
    timeline.emit(FaultApplied(1.0, 0, "install-slow", "installer", f"{FAULT_OVER} healed"))
    timeline.emit(
        TransferEnded(
            2.0, 0, "coap", "pull", 0.0, 900, 900, 100, 1000, 90, 9, 1, 0, "fail", 4, "the origin answered 5.03", []
        )
    )
    assert told == [
        "registration updated (2.04), sent again 2 times",
        "Register: no answer, sent again 4 times",
        "Register refused (4.03), sent again once",
        "install-slow is over: healed",
        told[-1],
    ]
    assert told[-1].startswith("pull over coap failed: 900 bytes in 2.000 s, 9 blocks, 1 sent again, 100 bytes ")
    assert told[-1].endswith("fetched once more, the origin answered 5.03")
    assert state_text(3, 0) == "3 Updating, result 0 (initial)"
    assert "block_us" not in timeline.entries[-1].data
