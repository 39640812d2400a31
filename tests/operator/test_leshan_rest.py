"""What the web API of Leshan's demo server is sent, and what its answers mean."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.operator import leshan_rest as rest
from simulator.operator.driver import (
    Answer,
    ByCertificate,
    DriverError,
    NoAnswerError,
    Notified,
    Secret,
    UnknownEndpointError,
)
from simulator.operator.leshan_rest import Dialect
from simulator.security.credentials import Psk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["status", "content", "value", "type"]), inner),
)


def uri(scheme: str, host: str | None, port: object) -> dict[str, Any]:
    return {"uri": {"scheme": scheme, "host": host, "port": port}, "description": ""}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"securedEndpointPort": "5684", "unsecuredEndpointPort": "5683"},
            (Dialect.M4, {"coap": ("web", 5683), "coaps": ("web", 5684)}),
        ),
        (
            [uri("coaps", "a", 1), uri("coap", "b", 2), uri("coap", "c", 3)],
            (Dialect.M18, {"coap": ("b", 2), "coaps": ("a", 1)}),
        ),
        ([uri("coap", "0.0.0.0", 2)], (Dialect.M18, {"coap": ("web", 2)})),
        ([uri("coap", "[::]", 2)], (Dialect.M18, {"coap": ("web", 2)})),
        ([uri("coap", "[0:0:0:0:0:0:0:0]", 2)], (Dialect.M18, {"coap": ("web", 2)})),
        ([uri("coap", None, 2)], (Dialect.M18, {"coap": ("web", 2)})),
        ([uri("coap", "[::1]", 2)], (Dialect.M18, {"coap": ("::1", 2)})),
    ],
)
def test_the_dialect_and_where_the_endpoints_are(document: object, expected: object) -> None:
    assert rest.dialect_and_endpoints(document, "web") == expected


@pytest.mark.parametrize(
    ("dialect", "secret", "body"),
    [
        (Dialect.M4, Psk(b"id", b"\x01\xff"), {"psk": {"identity": "id", "key": "01ff"}}),
        (Dialect.M4, ByCertificate(), {"x509": True}),
        (Dialect.M18, Psk(b"id", b"\x01\xff"), {"tls": {"mode": "psk", "details": {"identity": "id", "key": "01ff"}}}),
        (Dialect.M18, ByCertificate(), {"tls": {"mode": "x509"}}),
    ],
)
def test_credentials(dialect: Dialect, secret: Secret, body: dict[str, Any]) -> None:
    assert json.loads(rest.credentials_body(dialect, "ep", secret)) == {"endpoint": "ep", **body}


def test_credentials_that_are_not_taken() -> None:
    rest.check_credentials_answer("ep", 200, "")
    with pytest.raises(DriverError, match=r"the credentials of ep: HTTP status 400$"):
        rest.check_credentials_answer("ep", 400, 'invalid: {"key": "01ff"}')
    with pytest.raises(DriverError, match=r"ep: its PSK identity is another device's$"):
        rest.check_credentials_answer("ep", 400, "PSK Identity x is already used by y")
    with pytest.raises(DriverError, match="the PSK identity of ep is no UTF-8"):
        rest.credentials_body(Dialect.M4, "ep", Psk(b"\xff", b"key"))


@pytest.mark.parametrize(
    "document", [None, 1, "x", {}, {"unsecuredEndpointPort": "x"}, [1], [{}], [], [uri("coaps", "a", 1)]]
)
def test_what_is_no_demo_server_is_refused(document: object) -> None:
    with pytest.raises(DriverError, match=r"no demo server of Leshan|no coap endpoint"):
        rest.dialect_and_endpoints(document, "web")


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, {"status": "CHANGED(204)", "failure": False}, Answer("2.04")),
        (200, {"status": "METHOD_NOT_ALLOWED(405)", "failure": True}, Answer("4.05")),
        (200, {"status": "UNKNOWN(503)"}, Answer("5.03")),
        (200, {"status": "CONTENT(205)", "content": {"id": 3, "value": 0}}, Answer("2.05", "0")),
        (200, {"status": "CONTENT(205)", "content": {"id": 3, "value": ""}}, Answer("2.05", "")),
        (200, {"status": "CONTENT(205)", "content": {"id": 3, "type": "INTEGER", "value": "0"}}, Answer("2.05", "0")),
    ],
)
def test_answers(status: int, body: dict[str, Any], answer: Answer) -> None:
    assert rest.parse_answer(status, json.dumps(body)) == answer


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (504, "Request timeout", NoAnswerError, "Request timeout"),
        (504, "", NoAnswerError, "HTTP status 504"),
        (500, "Request rejected: x", NoAnswerError, "rejected"),
        (500, "Request cancelled: x", NoAnswerError, "cancelled"),
        (200, '{"delayed": true, "requestId": "1"}', NoAnswerError, "queue mode"),
        (400, "No registered client with id 'a'", UnknownEndpointError, "'a'"),
        (400, "no registered client with id 'a'", UnknownEndpointError, "'a'"),
        (400, "Invalid request: x", DriverError, "Invalid request: x"),
        (500, "<html>\n<h1>HTTP ERROR 500</h1></html>", DriverError, "^HTTP ERROR 500$"),
        (404, "", DriverError, "HTTP status 404"),
        (200, "no JSON", DriverError, "not understood: no JSON"),
        (200, "[]", DriverError, "not understood"),
        (200, '{"status": "CONTENT"}', DriverError, "not understood"),
        (200, '{"status": 205}', DriverError, "not understood"),
        (200, "[" * 100_000, DriverError, "not understood"),
    ],
)
def test_errors(status: int, body: str, error: type[DriverError], text: str) -> None:
    with pytest.raises(DriverError, match=text) as raised:
        rest.parse_answer(status, body)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (None, ""),
        ({"id": 3, "value": 2}, "2"),
        ({"id": 3, "value": 2.5}, "2.5"),
        ({"id": 3, "value": "ä"}, "ä"),
        ({"id": 3, "value": True}, "1"),
        ({"id": 3, "type": "BOOLEAN", "value": "false"}, "0"),
        ({"id": 3, "type": "BOOLEAN", "value": "true"}, "1"),
        ({"id": 0, "type": "OPAQUE", "value": "00ff"}, base64.b64encode(b"\x00\xff").decode()),
        ({"id": 13, "type": "TIME", "value": "1700000000999"}, "1700000000"),
        ({"id": 13, "type": "TIME", "value": 1700000000999}, "1700000000"),
        ({"id": 0, "type": "OPAQUE", "value": "xyz"}, '{"id": 0, "type": "OPAQUE", "value": "xyz"}'),
        ({"id": 11, "values": {"0": 0}}, '{"id": 11, "values": {"0": 0}}'),
        ({"type": "TIME", "value": float("inf")}, '{"type": "TIME", "value": Infinity}'),
        ([1], "[1]"),
    ],
)
def test_values_become_text(content: object, value: str) -> None:
    assert rest.value_text(content) == value


@given(JSON)
def test_any_json_is_a_value_or_an_answer_or_a_driver_error(document: Any) -> None:
    assert isinstance(rest.value_text(document), str)
    for status in (200, 400, 500):
        with suppress(DriverError):
            assert isinstance(rest.parse_answer(status, json.dumps(document)), Answer)


def test_notifications_of_both_dialects() -> None:
    seen = Notified("a", "/5/0/3", "1")
    assert rest.notified({"ep": "a", "res": "/5/0/3", "val": {"id": 3, "value": 1}}) == seen
    m18 = {"kind": "singleResource", "id": 3, "type": "INTEGER", "value": "1"}
    assert rest.notified({"ep": "a", "kind": "single", "res": "/5/0/3", "val": m18}) == seen
    assert rest.notified({"ep": "a", "kind": "composite", "val": {}, "paths": []}) is None


def test_urls() -> None:
    base = "http://h:1"
    assert rest.resource_url(base, "a", "/5/0/3") == "http://h:1/api/clients/a/5/0/3"
    assert rest.resource_url(base, "urn:x/y ?", "/5/0/3", 0.2) == (
        "http://h:1/api/clients/urn%3Ax%2Fy%20%3F/5/0/3?timeout=1"
    )
    assert rest.resource_url(base, "a", "/5/0/0", 1.1, form="OPAQUE").endswith("?format=OPAQUE&timeout=2")


def test_bodies() -> None:
    assert json.loads(rest.text_body("/5/0/1", "coap://h/ä")) == {
        "id": 1,
        "kind": "singleResource",
        "type": "string",
        "value": "coap://h/ä",
    }
    assert json.loads(rest.opaque_body("/5/0/0", b"\x00\xff"))["value"] == "00ff"
    with pytest.raises(DriverError, match="only a resource"):
        rest.text_body("/5/0/", "x")


@pytest.mark.parametrize("document", [1, [1], [{}], {"a": 1}, [{"endpoint": "a"}], None])
def test_a_list_of_clients_that_is_none(document: object) -> None:
    with pytest.raises(DriverError, match="not understood"):
        rest.registrations(document)
