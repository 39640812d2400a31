"""The registration machine of a device, against its twin on the server's side."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulator.coap import codes as c
from simulator.coap.message import Message
from simulator.coap.requests import request_options
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.registration import (
    Operation,
    Outcome,
    Registration,
    RegistrationState,
    RegistrationStateError,
    RequestParts,
    RetryPolicy,
)
from simulator.lwm2m.registration_states import ENDS, IN_PROGRESS, STARTS
from simulator.lwm2m.registration_table import RegistrationTable, UpdateRequest, parse_register, parse_update

LINKS = b"</1/0>,</3/0>,</5>;ver=1.0,</5/0>"


def message(parts: RequestParts) -> Message:
    options = request_options(parts.path, parts.query, content_format=parts.content_format)
    return Message(c.CON, parts.code, options=options, payload=parts.payload)


def registered(now=0.0, **kwargs) -> Registration:
    registration = Registration("ep1", 300, LINKS, **kwargs)
    registration.start(Operation.REGISTER, now)
    assert registration.answered(c.CREATED, ("rd", "7"), now) is Outcome.ACCEPTED
    return registration


def test_register_queries_in_order():
    registration = Registration("ep1", 300, LINKS, queue=True)
    assert registration.due(0.0) is Operation.REGISTER
    parts = registration.start(Operation.REGISTER, 0.0)
    assert parts == (c.POST, ("rd",), ("lwm2m=1.1", "ep=ep1", "lt=300", "b=U", "Q"), c.FORMAT_LINK, LINKS)
    old = Registration("ep1", 300, LINKS, queue=True, version="1.0").start(Operation.REGISTER, 0.0)
    assert old.query == ("lwm2m=1.0", "ep=ep1", "lt=300", "b=UQ")


def test_update_comes_before_the_lifetime_ends_and_says_only_what_changed():
    registration = registered(now=10.0)
    assert registration.deadline == 160.0
    assert registration.due(159.0) is None
    assert registration.due(160.0) is Operation.UPDATE
    assert registration.start(Operation.UPDATE, 160.0) == (c.POST, ("rd", "7"), (), -1, b"")
    assert registration.answered(c.CHANGED, (), 161.0) is Outcome.ACCEPTED
    assert registration.deadline == 310.0
    registration.change(200.0, lifetime_s=1000, links=b"</1/0>")
    assert registration.due(200.0) is Operation.UPDATE
    parts = registration.start(Operation.UPDATE, 200.0)
    assert parts == (c.POST, ("rd", "7"), ("lt=1000",), c.FORMAT_LINK, b"</1/0>")
    registration.change(200.5, binding="UT")  # while the Update is under way
    registration.answered(c.CHANGED, (), 201.0)
    assert registration.due(201.0) is Operation.UPDATE
    assert registration.start(Operation.UPDATE, 201.0).query == ("b=UT",)
    registration.answered(c.CHANGED, (), 202.0)
    assert registration.deadline == 201.0 + 1000 - 247


def test_change_to_the_same_terms_asks_for_nothing_and_a_trigger_asks():
    registration = registered()
    registration.change(1.0, lifetime_s=300)
    assert registration.due(1.0) is None
    registration.trigger(2.0)
    assert registration.due(2.0) is Operation.UPDATE


@pytest.mark.parametrize(
    ("code", "outcome", "state", "operation"),
    [
        (c.NOT_FOUND, Outcome.FORGOTTEN, RegistrationState.DEREGISTERED, Operation.REGISTER),
        (c.BAD_REQUEST, Outcome.FORGOTTEN, RegistrationState.DEREGISTERED, Operation.REGISTER),
        (c.SERVICE_UNAVAILABLE, Outcome.REFUSED, RegistrationState.REGISTERED, None),
        (None, Outcome.SILENT, RegistrationState.DEREGISTERED, Operation.REGISTER),
    ],
)
def test_ends_of_an_update(code, outcome, state, operation):
    registration = registered()
    registration.start(Operation.UPDATE, 150.0)
    ended = registration.unanswered(200.0) if code is None else registration.answered(code, (), 200.0)
    assert ended is outcome
    assert registration.state is state
    assert registration.due(200.0) is operation
    assert registration.is_registered is (state is RegistrationState.REGISTERED)
    if operation is None:
        assert registration.due(260.0) is Operation.UPDATE


def test_register_is_tried_again_with_growing_waits_until_given_up():
    registration = Registration("ep1", 300, LINKS, retry=RetryPolicy(3, 60.0, 1000.0, 2))
    waits = []
    now = 0.0
    for _ in range(6):
        registration.start(Operation.REGISTER, now)
        registration.unanswered(now)
        waits.append(registration.deadline - now)
        now = registration.deadline
    assert waits == [60.0, 120.0, 1000.0, 60.0, 120.0, inf]
    endless = RetryPolicy(2, 1.0, 5.0, 0)
    assert [endless.delay_s(n) for n in range(1, 7)] == [1.0, 5.0] * 3


def test_created_without_location_is_no_registration():
    registration = Registration("ep1", 300, LINKS)
    registration.start(Operation.REGISTER, 0.0)
    assert registration.answered(c.CREATED, (), 0.0) is Outcome.REFUSED
    assert registration.due(59.0) is None
    assert registration.due(60.0) is Operation.REGISTER


def test_deregister():
    registration = registered()
    assert registration.start(Operation.DEREGISTER, 5.0) == (c.DELETE, ("rd", "7"), (), -1, b"")
    registration.unanswered(6.0)
    assert not registration.is_registered
    assert registration.deadline == inf


def test_wrong_calls_are_told():
    registration = Registration("ep1", 300, LINKS)
    with pytest.raises(RegistrationStateError, match="ep1: no update while deregistered"):
        registration.start(Operation.UPDATE, 0.0)
    with pytest.raises(RegistrationStateError, match="no request"):
        registration.answered(c.CREATED, ("rd", "1"), 0.0)
    with pytest.raises(ValueError, match="lifetime 0"):
        Registration("ep1", 0, LINKS)
    with pytest.raises(ValueError, match="lifetime"):
        registration.change(0.0, lifetime_s=0)


def test_each_operation_has_each_end():
    assert set(STARTS.values()) == set(IN_PROGRESS)
    for state, operation in IN_PROGRESS.items():
        ends = {outcome for before, outcome in ENDS if before is state}
        assert ends == set(Outcome) - (set() if operation is Operation.UPDATE else {Outcome.FORGOTTEN})


@given(st.integers(1, 100_000))
def test_an_update_has_time_before_the_lifetime_ends(lifetime):
    registration = Registration("ep1", lifetime, LINKS)
    registration.start(Operation.REGISTER, 0.0)
    registration.answered(c.CREATED, ("rd", "1"), 0.0)
    assert lifetime - registration.deadline == min(247.0, lifetime / 2)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("queue", [False, True])
def test_a_server_reads_what_a_device_writes(version, queue):
    registration = Registration("ep1", 300, LINKS, version=version, queue=queue)
    request = parse_register(message(registration.start(Operation.REGISTER, 0.0)))
    assert request[:3] == ("ep1", 300, version)
    assert request.queue is queue
    assert request.links.versions == {5: "1.0"}
    registration.answered(c.CREATED, ("rd", "1"), 0.0)
    assert parse_update(message(registration.start(Operation.UPDATE, 1.0)), version) == (None, None, None)


@pytest.mark.parametrize(
    ("query", "payload", "code"),
    [
        (("lwm2m=1.1",), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep="), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep=a", "ep=b"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.2", "ep=a"), LINKS, c.PRECONDITION_FAILED),
        (("lwm2m=1.1", "ep=a", "lt=0"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep=a", "lt=1e3"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep=a", "lt=9999999999"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep=a", "b=UQ"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep=a", "b=UU"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.0", "ep=a", "b=T"), LINKS, c.BAD_REQUEST),
        (("lwm2m=1.1", "ep=a"), b"</5/0>;ver=1.0", c.BAD_REQUEST),
    ],
)
def test_bad_registers(query, payload, code):
    with pytest.raises(RefusedError) as caught:
        parse_register(message(RequestParts(c.POST, ("rd",), query, c.FORMAT_LINK, payload)))
    assert caught.value.code == code


def test_other_payloads_and_unknown_parameters():
    parts = RequestParts(c.POST, ("rd",), ("ep=a", "pid=7"), c.FORMAT_TEXT, LINKS)
    with pytest.raises(RefusedError, match=r"4\.15"):
        parse_register(message(parts))
    assert parse_register(message(parts._replace(content_format=-1)))[:5] == ("a", 86400, "1.0", "U", False)
    with pytest.raises(RefusedError, match=r"4\.00"):
        parse_update(message(parts._replace(query=("b=",), payload=b"")))


def request(endpoint="a", lifetime=100):
    parts = RequestParts(c.POST, ("rd",), ("lwm2m=1.1", f"ep={endpoint}", f"lt={lifetime}"), c.FORMAT_LINK, LINKS)
    return parse_register(message(parts))


def test_table_replaces_updates_and_expires():
    table = RegistrationTable("s1-")
    first, none = table.register(request(), "peer1", 0.0)
    assert none is None
    assert first.location == ("rd", "s1-1")
    second, replaced = table.register(request(), "peer2", 10.0)
    assert replaced is first
    assert table.by_id("s1-1") is None
    assert table.by_endpoint("a") is second
    other, _ = table.register(request("b", 50), "peer3", 10.0)
    assert list(table.entries()) == [second, other]
    assert table.update("s1-1", UpdateRequest(None, None, None), "x", 11.0) is None
    assert table.update(second.id, UpdateRequest(20, None, None), "peer4", 20.0) is second
    assert (second.peer, second.request.lifetime_s, second.expires_at) == ("peer4", 20, 40.0)
    assert table.deadline == 40.0
    assert table.expire(39.9) == []
    assert table.expire(100.0) == [second, other]
    assert len(table) == 0
    assert table.deadline == inf
    assert table.deregister("s1-2") is None


def test_registering_again_leaves_nothing_behind():
    table = RegistrationTable()
    for n in range(10_000):
        table.register(request(f"ep{n % 10}", 86400), None, float(n))
    assert len(table) == 10
    assert len(table._heap) <= 10 * 2 + 65


class TableModel(RuleBasedStateMachine):
    """The table against a plain dict of endpoints and their ends."""

    def __init__(self):
        super().__init__()
        self.table = RegistrationTable()
        self.ends: dict[str, float] = {}
        self.now = 0.0

    @rule(endpoint=st.sampled_from("abcde"), lifetime=st.integers(1, 50))
    def register(self, endpoint, lifetime):
        _, replaced = self.table.register(request(endpoint, lifetime), None, self.now)
        assert (replaced is not None) is (endpoint in self.ends)
        self.ends[endpoint] = self.now + lifetime

    @rule(endpoint=st.sampled_from("abcde"), lifetime=st.integers(1, 50))
    def update(self, endpoint, lifetime):
        entry = self.table.by_endpoint(endpoint)
        assert (entry is not None) is (endpoint in self.ends)
        if entry is not None:
            self.table.update(entry.id, UpdateRequest(lifetime, None, None), None, self.now)
            self.ends[endpoint] = self.now + lifetime

    @rule(endpoint=st.sampled_from("abcde"))
    def deregister(self, endpoint):
        entry = self.table.by_endpoint(endpoint)
        if entry is not None:
            self.table.deregister(entry.id)
            del self.ends[endpoint]

    @rule(pause=st.integers(0, 40))
    def wait(self, pause):
        self.now += pause
        ended = {entry.endpoint for entry in self.table.expire(self.now)}
        assert ended == {endpoint for endpoint, end in self.ends.items() if end <= self.now}
        self.ends = {endpoint: end for endpoint, end in self.ends.items() if end > self.now}

    @invariant()
    def deadline_is_never_late(self):
        assert {entry.endpoint for entry in self.table.entries()} == set(self.ends)
        assert self.table.deadline <= min(self.ends.values(), default=inf)


TestTableModel = TableModel.TestCase
