"""The message sequences that the RFCs print as examples: RFC 7252 appendix A, RFC 7959 §3, RFC 7641."""

from __future__ import annotations

import random

import pytest

from simulator.coap import codes as c
from simulator.coap.block import Block
from simulator.coap.call import Call
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Exchange, Response
from simulator.coap.message import Message, decode, encode
from simulator.coap.observe import notify
from simulator.coap.requests import request_options
from simulator.coap.server import respond
from tests.coap.wire import Shelf

PATH = [(c.URI_PATH, b"temperature")]
BODY = random.Random(3).randbytes(300)


class Side:
    """One endpoint against a script of datagrams."""

    def __init__(self, handler=None, *, szx=6):
        self.out: list[bytes] = []
        self.endpoint = Endpoint(self.out.append, random.Random(1), handler, szx=szx)
        self.now = 0.0

    def send(self, data):
        """Hand a datagram in; what goes out for it."""
        del self.out[:]
        self.endpoint.receive(data if isinstance(data, bytes) else data.encode(), self.now)
        return list(self.out)

    def wait(self):
        """Let the next deadlines pass until something goes out."""
        del self.out[:]
        while not self.out:
            self.now = self.endpoint.deadline
            self.endpoint.expire(self.now)
        return list(self.out)


class Plain(Exchange):
    """A request with fixed token and Message ID, as the RFC prints it."""

    def __init__(self, mid, token):
        super().__init__()
        self.mid, self.token = mid, token
        self.datagram = encode(c.CON, c.GET, mid, token, PATH, b"")
        self.answers: list[object] = []

    def on_response(self, endpoint, message, now):
        endpoint.finish(self)
        self.answers.append(message.payload)

    def on_failure(self, endpoint, failure, now):
        self.answers.append(failure)


REQUEST = bytes.fromhex("40017d34bb") + b"temperature"
RESPONSE = bytes.fromhex("60457d34ff") + b"22.3 C"


def test_the_bytes_of_a_piggybacked_response():
    assert encode(c.CON, c.GET, 0x7D34, b"", PATH, b"") == REQUEST
    assert decode(REQUEST) == Message(c.CON, c.GET, 0x7D34, b"", PATH)
    assert decode(RESPONSE) == Message(c.ACK, c.CONTENT, 0x7D34, b"", [], b"22.3 C")
    assert Side(Shelf(temperature=b"22.3 C")).send(REQUEST) == [RESPONSE]


def test_the_bytes_of_a_piggybacked_response_with_a_token():
    request = bytes.fromhex("41017d3520bb") + b"temperature"
    response = bytes.fromhex("61457d3520ff") + b"22.3 C"
    assert Side(Shelf(temperature=b"22.3 C")).send(request) == [response]
    client, plain = Side(), Plain(0x7D35, b"\x20")
    client.endpoint.request(plain, 0.0)
    assert client.out == [request]
    assert client.send(response) == []
    assert plain.answers == [b"22.3 C"]


def test_a_lost_request_and_a_lost_acknowledgement():
    client, server, plain = Side(), Side(Shelf(temperature=b"22.3 C")), Plain(0x7D36, b"\x31")
    client.endpoint.request(plain, 0.0)
    (again,) = client.wait()
    assert again == plain.datagram
    (lost,) = server.send(again)
    (again,) = client.wait()
    assert server.send(again) == [lost]
    client.send(lost)
    assert plain.answers == [b"22.3 C"]


def test_an_acknowledged_request_with_a_separate_response():
    shelf = Shelf()
    shelf.defer = True
    client, server, plain = Side(), Side(shelf), Plain(0x7D38, b"\x53")
    client.endpoint.request(plain, 0.0)
    (acknowledgement,) = server.send(plain.datagram)
    assert acknowledgement == bytes.fromhex("60007d38")
    client.send(acknowledgement)
    respond(server.endpoint, shelf.requests[0], Response(c.CONTENT, b"22.3 C"), 0.0)
    response = decode(server.out[-1])
    assert (response.type, response.code, response.token) == (c.CON, c.CONTENT, b"\x53")
    assert client.send(bytes.fromhex("4145ad7b53ff") + b"22.3 C") == [bytes.fromhex("6000ad7b")]
    assert plain.answers == [b"22.3 C"]


def test_a_response_to_a_client_that_forgot_its_request_is_reset():
    assert Side().send(bytes.fromhex("4145ad7c64ff") + b"22.3 C") == [bytes.fromhex("7000ad7c")]


def test_a_non_request_gets_a_non_response():
    (answer,) = Side(Shelf(temperature=b"22.3 C")).send(bytes.fromhex("51017d4075bb") + b"temperature")
    assert (decode(answer).type, decode(answer).code, decode(answer).token) == (c.NON, c.CONTENT, b"\x75")


def test_two_messages_of_rfc_7252_that_are_only_a_reset_or_a_ping():
    assert Side().send(bytes.fromhex("40000001")) == [bytes.fromhex("70000001")]
    assert Side().send(bytes.fromhex("50000001")) == []


def block_get(mid, block=None):
    options = [(c.URI_PATH, b"status")] + ([(c.BLOCK2, block.to_bytes())] if block else [])
    return Message(c.CON, c.GET, mid, b"", options)


def block_of(datagram, option=c.BLOCK2):
    message = decode(datagram)
    value = int.from_bytes(message.option(option), "big")
    return message.code, Block(value >> 4, bool(value & 8), value & 7), len(message.payload)


@pytest.mark.parametrize(
    ("szx", "asked", "given"),
    [
        # A simple GET: the server proposes 128.
        (3, [None, (1, 3), (2, 3)], [(0, 1, 3), (1, 1, 3), (2, 0, 3)]),
        # Early negotiation: the client asks for 64 at once.
        (3, [(0, 2), (1, 2), (2, 2), (3, 2), (4, 2)], [(0, 1, 2), (1, 1, 2), (2, 1, 2), (3, 1, 2), (4, 0, 2)]),
        # Late negotiation: the client goes on with 64 after a first block of 128.
        (3, [None, (2, 2), (3, 2), (4, 2)], [(0, 1, 3), (2, 1, 2), (3, 1, 2), (4, 0, 2)]),
    ],
)
def test_block2_examples(szx, asked, given):
    server = Side(Shelf(status=BODY), szx=szx)
    body = b""
    for mid, (ask, give) in enumerate(zip(asked, given, strict=True), 1234):
        (answer,) = server.send(block_get(mid, Block(ask[0], False, ask[1]) if ask else None))
        expected = Block(give[0], bool(give[1]), give[2])
        assert block_of(answer)[:2] == (c.CONTENT, expected)
        assert server.send(block_get(mid, Block(ask[0], False, ask[1]) if ask else None)) == [answer]  # lost ACK
        body += decode(answer).payload
    assert body == BODY


def test_block1_example_atomic_put_with_negotiation():
    """1:0/1/128, then 1:0/1/32 in the answer, then blocks of 32 from number 4 on."""
    shelf = Shelf()
    server = Side(shelf, szx=1)
    size, num, offset = 128, 0, 0
    for mid in range(1234, 1260):
        more = offset + size < len(BODY)
        options = [(c.URI_PATH, b"options"), (c.BLOCK1, Block(num, more, {128: 3, 32: 1}[size]).to_bytes())]
        (answer,) = server.send(Message(c.CON, c.PUT, mid, b"", options, BODY[offset : offset + size]))
        code, block, _ = block_of(answer, c.BLOCK1)
        assert code == (c.CONTINUE if more else c.CHANGED)
        assert block == Block(num, more, 1)
        offset += size
        if not more:
            break
        size, num = 32, offset // 32
    assert shelf.bodies["options"] == BODY
    assert len(shelf.requests) == 1


def drive(call, answers):
    """Run a call against a list of answers (code, options); the requests that it made."""
    client = Side()
    call.start(client.endpoint, 0.0)
    requests = [decode(client.out[-1])]
    for code, options, payload in answers:
        request = requests[-1]
        for data in client.send(Message(c.ACK, code, request.mid, request.token, options, payload)):
            requests.append(decode(data))
    return requests


def test_block1_example_stateless_put():
    """Every block is answered with 2.04; the client goes on until all are sent."""
    results = []
    call = Call(c.PUT, request_options(["options"]), BODY, results.append, szx=3)
    answers = [(c.CHANGED, [(c.BLOCK1, Block(n, False, 3).to_bytes())], b"") for n in range(3)]
    requests = drive(call, answers)
    blocks = [(r.uint(c.BLOCK1) >> 4, bool(r.uint(c.BLOCK1) & 8)) for r in requests]
    assert blocks == [(0, True), (1, True), (2, False)]
    assert b"".join(r.payload for r in requests) == BODY
    assert len({r.token for r in requests}) == 3
    assert [r.code for r in results] == [c.CHANGED]
    assert call.blocks == 3


def test_block1_example_with_a_blockwise_response():
    """POST /soap in blocks of 128, the answer in blocks of 128, fetched without a payload."""
    shelf = Shelf()
    answer = random.Random(4).randbytes(500)
    shelf.on_request = lambda endpoint, request, now: (
        shelf.requests.append(request),
        Response(c.CHANGED, answer),
    )[1]
    server = Side(shelf, szx=3)
    got = b""
    for mid, num in enumerate(range(3), 1234):
        more = num < 2
        options = [(c.URI_PATH, b"soap"), (c.BLOCK1, Block(num, more, 3).to_bytes())]
        (data,) = server.send(Message(c.CON, c.POST, mid, b"", options, BODY[num * 128 : num * 128 + 128]))
    assert block_of(data, c.BLOCK1)[:2] == (c.CHANGED, Block(2, False, 3))
    assert block_of(data)[1:] == (Block(0, True, 3), 128)
    got += decode(data).payload
    for mid, num in enumerate(range(1, 4), 1237):
        options = [(c.URI_PATH, b"soap"), (c.BLOCK2, Block(num, False, 3).to_bytes())]
        (data,) = server.send(Message(c.CON, c.POST, mid, b"", options))
        assert block_of(data)[1] == Block(num, num < 3, 3)
        got += decode(data).payload
    assert got == answer
    assert [r.payload for r in shelf.requests] == [BODY]


def test_observe_with_blockwise_notifications():
    """A notification carries the first block; the rest comes by requests with other tokens and without Observe."""
    results = []
    client = Side()
    call = Call(c.GET, request_options(["status"]), b"", results.append, observe=True)
    call.start(client.endpoint, 0.0)
    request = decode(client.out[-1])
    assert request.uint(c.OBSERVE) == 0
    notification = None
    for sequence, body, type_ in ((62350, BODY, c.ACK), (62354, BODY[::-1], c.CON)):
        mid = request.mid if type_ == c.ACK else 0x7000
        etag = body[:2]
        options = [(c.ETAG, etag), (c.OBSERVE, sequence.to_bytes(2, "big")), (c.BLOCK2, Block(0, True, 3).to_bytes())]
        notification = Message(type_, c.CONTENT, mid, request.token, options, body[:128])
        sent = [decode(d) for d in client.send(notification)]
        for num in (1, 2):
            ask = sent[-1]
            assert ask.code == c.GET
            assert ask.token != request.token
            assert ask.uint(c.OBSERVE) == -1
            assert ask.uint(c.BLOCK2) == num << 4 | 3
            options = [(c.ETAG, etag), (c.BLOCK2, Block(num, num < 2, 3).to_bytes())]
            part = body[num * 128 : num * 128 + 128]
            sent = [decode(d) for d in client.send(Message(c.ACK, c.CONTENT, ask.mid, ask.token, options, part))]
        assert results[-1].payload == body
        assert results[-1].more


def test_observing_a_temperature():
    """RFC 7641, figure 2 and appendix A: registration, notifications by CON and NON, a Reset at the end."""
    shelf = Shelf(temperature=b"22.9 Cel")
    server = Side(shelf)
    (answer,) = server.send(Message(c.CON, c.GET, 0x1633, b"\x4a", [(c.OBSERVE, b""), *PATH]))
    first = decode(answer)
    assert (first.type, first.mid, first.token, first.payload) == (c.ACK, 0x1633, b"\x4a", b"22.9 Cel")
    assert first.uint(c.OBSERVE) >= 0
    observation = server.endpoint.observations[0]
    del server.out[:]
    notify(server.endpoint, observation, c.CONTENT, [], b"22.8 Cel", 0.0, confirmable=False)
    notify(server.endpoint, observation, c.CONTENT, [], b"23.1 Cel", 0.0)
    second, third = map(decode, server.out)
    assert (second.type, third.type) == (c.NON, c.CON)
    assert first.uint(c.OBSERVE) < second.uint(c.OBSERVE) < third.uint(c.OBSERVE)
    assert second.token == third.token == b"\x4a"
    server.send(Message(c.RST, c.EMPTY, third.mid))
    assert shelf.ended == ["temperature"]
