"""A hostile peer: 10^5 random and mutated datagrams into an endpoint that serves, observes and downloads at once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.deduplication import GENERATION_MAX
from simulator.coap.download import Download
from simulator.coap.endpoint import Endpoint
from simulator.coap.exchange import Response
from simulator.coap.message import Message, MessageFormatError, decode, empty, uint_bytes
from simulator.coap.observe import OBSERVATIONS_MAX, notify
from simulator.coap.requests import request_options
from simulator.coap.server import SEPARATE_MAX, respond
from simulator.coap.uploads import BODY_MAX
from tests.coap.wire import Sink

DATAGRAMS = 6_000
SEEDS = range(17)  # 17 times 6,000 are 102,000 datagrams
REPLY_MAX = 1024 + 64
CODES = [0, c.GET, c.POST, c.PUT, c.DELETE, c.FETCH, 0x08, c.CONTENT, c.CHANGED, c.CONTINUE, c.VALID, c.NOT_FOUND,
         c.REQUEST_ENTITY_INCOMPLETE, c.REQUEST_ENTITY_TOO_LARGE, 0x60, 0xC0, 0xE2, 0xFF]  # fmt: skip
NUMBERS = [c.IF_MATCH, c.ETAG, c.IF_NONE_MATCH, c.OBSERVE, c.URI_PATH, c.CONTENT_FORMAT, c.BLOCK2, c.BLOCK1, c.SIZE1,
           c.SIZE2, c.PROXY_URI, 9, 2048, 65001]  # fmt: skip


class Target:
    """A handler with a large resource, one that is put off, and one that takes uploads itself."""

    def __init__(self):
        self.body = random.Random(1).randbytes(5000)
        self.deferred: list[Message] = []
        self.uploads_open = 0
        self.uploads_left = 0
        self.taken = 0
        self.did: Counter[str] = Counter()

    def on_request(self, endpoint, request, now):
        self.did["request"] += 1
        if request.path == ("later",):
            self.deferred.append(request)
            return None
        if request.code in (c.GET, c.FETCH):
            return Response(c.CONTENT, self.body, etag=b"e", observe_key=request.path)
        return Response(c.CHANGED, self.body[: 3 * len(request.payload)])

    def open_upload(self, endpoint, request, now):
        if request.path != ("fw",):
            return None
        self.uploads_open += 1
        return self

    def write(self, data, now):
        self.taken += len(data)
        return 0

    def finish(self, request, now):
        self.uploads_left += 1
        self.did["upload"] += 1
        return Response(c.CHANGED)

    def abandon(self, now):
        self.uploads_left += 1

    def on_observation_ended(self, endpoint, key, now):
        self.did["observation"] += 1


class Attack:
    """Makes datagrams: from nothing, from what the endpoint sent, and from what it was sent before."""

    def __init__(self, dice, sent, *, silent):
        self.dice = dice
        self.silent = silent
        """Never acknowledges: what waits for NSTART piles up."""
        self.sent = sent
        self.before: list[bytes] = [b""]
        self.num = 0

    def next(self):
        data = self.dice.choice(
            (
                self._noise,
                self._message,
                self._request,
                self._request,
                self._answer,
                self._answer,
                self._mutation,
                self._again,
            )
        )()
        if len(self.before) < 200:
            self.before.append(data)
        else:
            self.before[self.dice.randrange(200)] = data
        return data

    def _noise(self):
        return self.dice.randbytes(self.dice.choice((0, 3, 4, 5, 8, 20, 60)))

    def _message(self):
        dice = self.dice
        token = dice.choice((b"", b"t", dice.randbytes(dice.randrange(9)), self._spoken().token))
        numbers = sorted(dice.choices(NUMBERS, k=dice.randrange(6)))
        options = [(n, self._value(n)) for n in numbers]
        code = dice.choice(CODES)
        if code == 0 and dice.random() < 0.8:
            return empty(dice.randrange(4), dice.choice((dice.getrandbits(16), self._spoken().mid)))
        payload = bytes(dice.choice((0, 1, 16, 64, 1024, 1025)))
        return Message(dice.randrange(4), code, dice.getrandbits(16), token, options, payload).encode()

    def _request(self):
        """A request that is sound: a GET, an Observe, a POST, or the next block of an upload."""
        dice = self.dice
        options = [(c.URI_PATH, dice.choice((b"a", b"later", b"fw")))]
        code, payload = dice.choice((c.GET, c.POST, c.PUT, c.FETCH)), b""
        if code == c.GET and dice.random() < 0.5:
            options.insert(0, (c.OBSERVE, dice.choice((b"", b"", b"\x01"))))
        elif code == c.PUT:
            self.num = dice.choice((0, self.num, self.num + 1, self.num + 1, self.num + 1))
            more = dice.random() < 0.8
            options[0] = (c.URI_PATH, dice.choice((b"a", b"fw", b"fw", b"fw")))
            options.append((c.BLOCK1, uint_bytes(self.num << 4 | more << 3 | 1)))
            payload = bytes(32)
        elif code == c.POST:
            payload = bytes(dice.choice((0, 1024)))
        token = dice.choice((b"t", dice.randbytes(2)))
        return Message(dice.choice((c.CON, c.CON, c.NON)), code, dice.getrandbits(16), token, options, payload).encode()

    def _value(self, number):
        dice = self.dice
        if number == c.URI_PATH:
            return dice.choice((b"a", b"later", b"fw", b"\xff\xfe"))
        if number in (c.BLOCK1, c.BLOCK2):
            return dice.choice((b"", b"\x08", b"\x0e", b"\x16", b"\x06", b"\x1e", dice.randbytes(dice.randrange(5))))
        return dice.choice((b"", b"\x00", b"\x01", dice.randbytes(dice.randrange(10))))

    def _spoken(self):
        """A message that the endpoint itself sent lately."""
        return decode(self.dice.choice(self.sent[-30:]))

    def _answer(self):
        """An answer to what the endpoint asked, true to the protocol or nearly so."""
        dice, asked = self.dice, self._spoken()
        if dice.random() < 0.7:
            asked = next((m for m in map(decode, reversed(self.sent)) if m.type == c.CON), asked)
        if c.is_response(asked.code):
            if self.silent:
                return self._noise()
            return empty(dice.choice((c.ACK, c.ACK, c.ACK, c.RST)), asked.mid)
        block = asked.uint(c.BLOCK2)
        more = dice.random() < 0.9
        size = 16 << (block & 7) if block >= 0 and block & 7 < 7 else 64
        if not more or dice.random() < 0.05:
            size = 5
        options = [(c.BLOCK2, uint_bytes(block & 0xFFFFF7 | more << 3))] if block >= 0 else []
        if dice.random() < 0.3 and block < 0:
            options.insert(0, (c.OBSERVE, dice.randbytes(2)))
        code = c.CONTENT if dice.random() < 0.9 else dice.choice(CODES[1:])
        type_, mid = dice.choice(((c.ACK, asked.mid), (c.ACK, asked.mid), (c.CON, dice.getrandbits(16)), (c.NON, 7)))
        return Message(type_, code, mid, asked.token, options, bytes(size)).encode()

    def _mutation(self):
        data = bytearray(self.dice.choice((self.dice.choice(self.before), self.dice.choice(self.sent[-30:]))))
        for _ in range(self.dice.randrange(1, 4)):
            if data:
                data[self.dice.randrange(len(data))] = self.dice.getrandbits(8)
        return bytes(data[: self.dice.randrange(len(data) + 1)] if self.dice.random() < 0.2 else data)

    def _again(self):
        return self.dice.choice((self.dice.choice(self.before), self.dice.choice(self.sent[-30:])))


def check_bounds(endpoint, calls_under_way):
    assert len(endpoint.pending) <= endpoint.params.NSTART
    assert len(endpoint.seen) <= 2 * GENERATION_MAX
    assert len(endpoint.observations) <= OBSERVATIONS_MAX
    assert len({o.token for o in endpoint.observations}) == len(endpoint.observations)
    assert len(endpoint.exchanges) <= calls_under_way
    # Separate responses, one notification per observation, and what this side asks by itself.
    assert len(endpoint.queue or ()) <= SEPARATE_MAX + OBSERVATIONS_MAX + calls_under_way
    upload = endpoint.server._uploads.current if endpoint.server._uploads else None
    if upload is not None and hasattr(upload.sink, "_body"):
        assert len(upload.sink._body) == upload.received <= BODY_MAX


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_peer_raises_nothing_and_fills_nothing(seed):
    dice = random.Random(seed)
    sent: list[bytes] = []
    target = Target()
    endpoint = Endpoint(sent.append, random.Random(seed), target, szx=dice.choice((2, 6)))
    attack = Attack(dice, sent, silent=seed % 3 == 2)
    now = 0.0
    sink = Sink()
    download = Download(request_options(["fw"]), sink, 6)
    observing: list[object] = []
    call = Call(c.GET, request_options(["o"]), b"", observing.append, observe=True)
    download.start(endpoint, now)
    call.start(endpoint, now)
    for number in range(DATAGRAMS):
        if download.done:
            target.did["block"] += download.blocks
            target.did["download"] += sink.ended == "complete"
            sink = Sink()
            download = Download(request_options(["fw"]), sink, dice.randrange(7))
            download.start(endpoint, now)
        if call.token not in endpoint.exchanges:
            call = Call(c.GET, request_options(["o"]), b"", observing.append, observe=True)
            call.start(endpoint, now)
        data = attack.next()
        before = len(sent)
        endpoint.receive(data, now)
        replies = sent[before:]
        # At most an answer, and one message that NSTART had held back; none is longer than a block and its options.
        assert len(replies) <= 3
        assert all(len(reply) <= REPLY_MAX for reply in replies)
        for reply in replies:
            decode(reply)
        if number % 7 == 0 and endpoint.observations:
            notify(endpoint, dice.choice(endpoint.observations), c.CONTENT, [], b"n", now, confirmable=number % 2 == 0)
        if target.deferred and dice.random() < 0.5:
            respond(endpoint, target.deferred.pop(), Response(c.CONTENT, b"late"), now)
        del target.deferred[20:], sent[:-100]
        check_bounds(endpoint, 3)
        if dice.random() < (0.002 if attack.silent else 0.02):
            now += dice.choice((0.1, 3.0, 60.0, 300.0))
            endpoint.expire(now)
        assert endpoint.deadline >= 0.0
        assert len(observing) <= number + 10
    # The attack reached everything it was meant to reach.
    meant = ("request", "observation") if attack.silent else ("request", "upload", "observation", "block", "download")
    assert all(target.did[what] for what in meant)
    endpoint.close(now)
    assert target.uploads_open == target.uploads_left
    assert not endpoint.pending
    assert not endpoint.exchanges


def test_nobody_can_make_two_endpoints_talk_for_ever():
    """Whatever forged datagram arrives, the replies of two endpoints to each other come to an end."""
    dice = random.Random(5)
    for _ in range(2_000):
        queues: tuple[list[bytes], list[bytes]] = ([], [])
        ends = [Endpoint(queues[1 - side].append, random.Random(side), Target()) for side in (0, 1)]
        attack = Attack(
            dice, [empty(c.CON, 1), Message(c.CON, c.GET, 3, b"t", [(c.URI_PATH, b"a")]).encode()], silent=True
        )
        queues[0].append(attack.next())
        for _turn in range(5):
            for side in (0, 1):
                waiting, queues[side][:] = list(queues[side]), []
                for data in waiting:
                    ends[side].receive(data, 0.0)
        assert not queues[0]
        assert not queues[1]


def test_malformed_datagrams_change_no_state():
    dice = random.Random(6)
    endpoint = Endpoint([].append, random.Random(1), Target())
    malformed = 0
    while malformed < 10_000:
        data = dice.randbytes(dice.randrange(12))
        try:
            decode(data)
        except MessageFormatError:
            malformed += 1
            endpoint.receive(data, 0.0)
    assert len(endpoint.seen) == 0
    assert not endpoint.observations
    assert endpoint.server._uploads is None
    assert endpoint.messages_in == malformed
