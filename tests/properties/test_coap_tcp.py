"""The frames of CoAP over TCP against aiocoap's, in any pieces; and a hostile peer."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from math import inf

import aiocoap
import pytest
from aiocoap.error import UnparsableMessage
from aiocoap.transports import tcp as other
from hypothesis import example, given
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap import tcp_signalling as s
from simulator.coap.block import SZX_BERT
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.exchange import Response
from simulator.coap.message import Message, MessageFormatError, encode_options
from simulator.coap.observe import OBSERVATIONS_MAX, notify
from simulator.coap.ping import ping
from simulator.coap.requests import request_options
from simulator.coap.server import respond
from simulator.coap.tcp import FrameDecoder, frame, frame_encoded
from simulator.coap.tcp_endpoint import TcpEndpoint
from simulator.coap.tcp_reception import CUSTODY_MAX, OPEN_REQUESTS_MAX
from tests.coap.wire import Sink
from tests.properties.test_coap_codec import CODES, OPTIONS, aiocoap_options
from tests.properties.test_coap_fuzz import NUMBERS, Target

LENGTHS = st.sampled_from([0, 1, 11, 12, 13, 14, 266, 267, 268, 269, 270, 1024, 65_802, 65_803, 65_804, 65_805, 70_000])
PARTS = st.tuples(CODES, st.binary(max_size=8), OPTIONS, st.one_of(st.binary(max_size=20), LENGTHS.map(bytes)))
LARGE = 1 << 20


def decode_all(data, size_max=LARGE):
    """The messages of some bytes that are whole frames."""
    decoder = FrameDecoder(size_max)
    decoder.feed(data)
    return list(iter(decoder.next, None))


@given(PARTS)
def test_aiocoap_reads_what_we_write_and_writes_it_alike(parts):
    code, token, options, payload = parts
    data = frame(code, token, options, payload)
    assert sum(other._extract_message_size(data)) == len(data)
    theirs = other._decode_message(data)
    assert (int(theirs.code), theirs.token, theirs.payload) == (code, token, payload)
    assert sorted(aiocoap_options(theirs)) == sorted(options)
    (ours,) = decode_all(data)
    assert ours == Message(c.CON, code, -1, token, options, payload)
    if len({n for n, _ in options}) == len(options):  # aiocoap may reorder repeated ones
        assert other._serialize(theirs) == data


@given(PARTS)
def test_options_that_are_encoded_already_make_the_same_frame(parts):
    code, token, options, _ = parts
    encoded = bytearray()
    encode_options(options, encoded)
    assert frame_encoded(code, token, bytes(encoded)) == frame(code, token, options, b"")


@given(st.lists(PARTS, min_size=1, max_size=6), st.lists(st.integers(0, 200_000), max_size=12))
def test_any_cut_of_the_stream_gives_the_same_messages(messages, cuts):
    stream = b"".join(frame(*parts) for parts in messages)
    decoder = FrameDecoder(LARGE)
    found = []
    at = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for begin, end in pairwise(at):
        decoder.feed(stream[begin:end])
        found.extend(iter(decoder.next, None))
    assert found == [Message(c.CON, code, -1, token, options, payload) for code, token, options, payload in messages]
    assert decoder.held == 0


def test_byte_by_byte_is_a_cut_too():
    parts = [(c.GET, b"t", [(11, b"a" * 300)], b""), (c.EMPTY, b"", [], b""), (c.CONTENT, b"", [], bytes(70_000))]
    decoder = FrameDecoder(LARGE)
    found = []
    for byte in b"".join(frame(*p) for p in parts):
        decoder.feed(bytes((byte,)))
        found.extend(iter(decoder.next, None))
    assert [(m.code, len(m.payload)) for m in found] == [(c.GET, 0), (c.EMPTY, 0), (c.CONTENT, 70_000)]


@given(st.binary(max_size=40))
@example(b"\x09\x01")
@example(b"\xf0\xff\xff\xff\xff")
@example(b"\xe0\xff")
@example(b"\x10\x01\xff")
@example(b"\x10\x01\xf0")
@example(b"\x50\x00abcde")
def test_any_bytes_are_frames_or_the_documented_error_and_aiocoap_agrees(data):
    decoder = FrameDecoder(1000)
    decoder.feed(data)
    at = 0
    while True:
        sizes = other._extract_message_size(data[at:])
        try:
            message = decoder.next()
        except MessageFormatError as error:
            text = str(error)
            if "longer than 1000" in text:
                assert sum(sizes) > 1000
            elif "eight bytes" in text:
                assert data[at] & 15 > 8
            else:
                refused = any(t in text for t in ("past the end", "too large", "marker without payload"))
                assert refused or _refuses(data[at : at + sum(sizes)]), text
            return
        if message is None:
            assert sizes is None or sum(sizes) > len(data) - at
            assert decoder.held == len(data) - at
            return
        assert message.code == data[at + sizes[0] - 1]
        if message.code != c.EMPTY:
            whole = data[at : at + sum(sizes)]
            assert frame(message.code, message.token, message.options, message.payload) == whole
        at += sum(sizes)


def _refuses(data):
    try:
        other._decode_message(data)
    except (UnparsableMessage, ValueError):
        return True
    return False


@given(st.integers(64, 0xFFFFFFFF))
def test_aiocoap_reads_our_csm(size):
    message = other._decode_message(s.csm(size))
    assert message.code == aiocoap.numbers.codes.CSM
    assert [(int(o.number), o.encode()) for o in message.opt.option_list()] == [
        (2, size.to_bytes((size.bit_length() + 7) // 8, "big")),
        (4, b""),
    ]


# -- a hostile peer ----------------------------------------------------------------------------------------------------

FRAMES = 6_000
SEEDS = range(17)  # 17 times 6,000 are 102,000 frames
MESSAGE_MAX = 2000
SIGNALS = [0xE0, s.CSM, s.PING, s.PONG, s.RELEASE, s.ABORT, 0xE6, 0xFF]
REQUESTS = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08]
ANSWERS = [c.CONTENT, c.CHANGED, c.CONTINUE, c.VALID, c.NOT_FOUND, c.REQUEST_ENTITY_INCOMPLETE,
           c.REQUEST_ENTITY_TOO_LARGE]  # fmt: skip


class Attack:
    """Makes frames: sound ones, mutated ones, noise, answers to what the endpoint asked."""

    def __init__(self, dice, sent):
        self.dice = dice
        self.sent = sent
        self.num = 0

    def next(self):
        kind = self.dice.random()
        if kind < 0.02:
            return self._mutation()
        if kind < 0.023:
            return self.dice.randbytes(self.dice.choice((1, 2, 5, 30)))
        if kind < 0.12:
            return self._signal()
        return self._answer() if kind < 0.5 else self._request()

    def _signal(self):
        dice = self.dice
        rare = dice.random() < 0.12
        code = dice.choice(SIGNALS) if rare else dice.choice((s.CSM, s.PING, s.PING, s.PONG))
        options = []
        if code == s.CSM:
            options = [(2, dice.choice((64, 100, 600, 1152, 5000, 100_000)).to_bytes(4, "big"))]
        if dice.random() < 0.5:
            options.append((dice.choice((2, 4, 8)) if rare else 4 if code == s.CSM else 2, b""))
        if rare and dice.random() < 0.3:
            options.append((dice.choice((1, 3, 8, 9)), dice.randbytes(dice.randrange(6))))
        options.sort()
        return frame(code, self._token(), options, b"" if dice.random() < 0.9 else b"text")

    def _token(self):
        if self.sent and self.dice.random() < 0.8:
            return self.dice.choice(self.sent).token
        return self.dice.choice((b"", b"t", self.dice.randbytes(8)))

    def _value(self, number):
        dice = self.dice
        if number in (c.BLOCK1, c.BLOCK2):
            num = dice.choice((0, 0, 1, 2, 7, self.num, dice.getrandbits(20)))
            return ((num << 4) | dice.choice((0, 8)) | dice.randrange(8)).to_bytes(3, "big")
        if number == c.OBSERVE:
            return dice.choice((b"", b"", b"\x01", b"\x07"))
        if number == c.URI_PATH:
            return dice.choice((b"fw", b"later", b"x"))
        return dice.randbytes(dice.choice((0, 1, 1, 2, 4)))

    def _options(self, *always):
        numbers = [*always, *self.dice.choices(NUMBERS, k=self.dice.randrange(3))]
        return [(n, self._value(n)) for n in sorted(numbers)]

    def _request(self):
        payload = bytes(self.dice.choice((0, 1, 16, 64, 1024, 1025, 1900)))
        code = self.dice.choice(REQUESTS)
        self.num = self.num + 1 if self.dice.random() < 0.8 else 0
        return frame(code, self._token(), self._options(c.URI_PATH, *self.dice.choice(((), (c.BLOCK1,)))), payload)

    def _answer(self):
        payload = bytes(self.dice.choice((0, 5, 16, 1024, 1024)))
        return frame(self.dice.choice(ANSWERS), self._token(), self._options(c.BLOCK2), payload)

    def _mutation(self):
        data = bytearray(self._answer() if self.dice.random() < 0.5 else self._request())
        for _ in range(self.dice.choice((1, 1, 2, 8))):
            data[self.dice.randrange(min(len(data), 40))] = self.dice.getrandbits(8)
        return bytes(data)


class Victim:
    """One connection after another: what is aborted is opened anew."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.now = 0.0
        self.target = Target()
        self.sent: list[Message] = []
        self.ends: Counter[str] = Counter()
        self.results = 0
        self.begin()

    def begin(self):
        self.hung_up = 0
        self.out = b""
        self.sent.clear()
        self.endpoint = TcpEndpoint(
            self._transmit, self._hang_up, random.Random(1), self.target, max_message_size=MESSAGE_MAX
        )
        self.endpoint.open(self.now)
        if self.dice.random() < 0.97:
            self.endpoint.receive(s.csm(self.dice.choice((300, 1152, 4000))), self.now)
        self.own()

    def _transmit(self, data):
        assert not self.hung_up
        (message,) = decode_all(data)
        peer = self.endpoint.peer
        if peer is not None and message.code >> 5 != 7:
            assert len(data) <= peer.max_message_size
        self.sent.append(message)
        del self.sent[:-20]

    def _hang_up(self):
        self.hung_up += 1

    def own(self):
        """What this side wants of the peer."""
        endpoint, now = self.endpoint, self.now
        choice = self.dice.randrange(5)
        if choice == 0:
            Download(request_options(["fw"]), Sink(), SZX_BERT).start(endpoint, now)
        elif choice == 1:
            Call(c.PUT, request_options(["fw"]), bytes(5000), self._done).start(endpoint, now)
        elif choice == 2:
            Call(c.GET, request_options(["fw"]), b"", self._done, observe=True).start(endpoint, now)
        elif choice == 3:
            ping(endpoint, self._done, now)
        elif endpoint.observations:
            notify(endpoint, self.dice.choice(endpoint.observations), c.CONTENT, [], bytes(3000), now)

    def _done(self, _result):
        self.results += 1

    def take(self, data):
        endpoint = self.endpoint
        for begin in range(0, len(data), 700):
            endpoint.receive(data[begin : begin + 700], self.now)
        if self.dice.random() < 0.02:
            self.own()
        if self.target.deferred and self.dice.random() < 0.3:
            respond(endpoint, self.target.deferred.pop(0), Response(c.CONTENT, bytes(3000)), self.now)
        if self.dice.random() < 0.1:
            self.now += self.dice.choice((0.1, 1.0, 20.0))
        if endpoint.deadline <= self.now:
            endpoint.expire(self.now)
            assert endpoint.deadline > self.now

    def check_bounds(self):
        endpoint = self.endpoint
        assert endpoint.decoder.held <= MESSAGE_MAX
        assert len(endpoint.observations) <= OBSERVATIONS_MAX
        assert len(endpoint.open_requests) <= OPEN_REQUESTS_MAX
        assert len(endpoint.custody) <= CUSTODY_MAX
        assert not endpoint.pending
        assert not endpoint.queue
        assert len(endpoint.seen) == 0
        uploads_open = self.target.uploads_open - self.target.uploads_left
        assert 0 <= uploads_open <= 1

    def check_end(self):
        """The connection ended: by an Abort as the last word, or because the peer said so."""
        endpoint = self.endpoint
        assert self.hung_up == 1
        assert not endpoint.exchanges
        assert not endpoint.observations
        assert endpoint.deadline == inf
        last = self.sent[-1]
        self.ends["abort" if last.code == s.ABORT else "peer"] += 1
        self.target.deferred.clear()
        self.begin()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_peer_gets_no_further_than_an_abort(seed):
    victim = Victim(seed)
    attack = Attack(random.Random(seed + 1000), victim.sent)
    for _ in range(FRAMES):
        data = attack.next()
        victim.take(data)
        victim.check_bounds()
        if victim.endpoint.closed:
            victim.check_end()
    assert victim.ends["abort"] > 20
    assert victim.ends["peer"] > 5
    assert victim.target.did["request"] > 500
    assert victim.results > 20


@pytest.mark.parametrize("seed", range(5))
def test_20_000_mutated_frames_each_on_a_connection_of_its_own(seed):
    dice = random.Random(seed)
    attack = Attack(dice, [])
    ends: Counter[str] = Counter()
    for _ in range(20_000):
        out: list[bytes] = []
        hung_up: list[bool] = []
        endpoint = TcpEndpoint(out.append, lambda over=hung_up: over.append(True), random.Random(1), Target())
        endpoint.open(0.0)
        data = attack._mutation()
        if dice.random() < 0.9:
            endpoint.receive(s.csm(1152), 0.0)
        else:
            data = bytes((dice.getrandbits(8),)) + data  # a CSM that may be none
        endpoint.receive(data, 0.0)
        messages = decode_all(b"".join(out))
        if endpoint.closed:
            aborted = [m.code == s.ABORT for m in messages]
            assert sum(aborted) == aborted[-1]
            ends["abort" if aborted[-1] else "peer"] += 1
        assert len(hung_up) == endpoint.closed
        assert len(messages) <= 2 + endpoint.messages_in
        assert all(len(sent) <= 1152 for sent in out)
        assert endpoint.decoder.held <= len(data)
        ends["answered"] += len(messages) > 1
    assert ends["abort"] > 2000
    assert ends["answered"] > 5000
