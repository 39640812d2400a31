"""Whatever the wire does: each transfer ends, with the right bytes or a failure, and no request is done twice."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.coap import codes as c
from simulator.coap.call import Call
from simulator.coap.download import Download
from simulator.coap.exchange import Failure, Response
from simulator.coap.observe import notify
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from simulator.coap.server import respond
from tests.coap.lossy import LossyWire
from tests.coap.wire import Sink

BODY = random.Random(11).randbytes(4096)

WIRES = st.fixed_dictionaries(
    {
        "loss": st.sampled_from([0.0, 0.05, 0.2, 0.5, 0.9]),
        "duplication": st.sampled_from([0.0, 0.1, 0.5]),
        # Below MAX_LATENCY, above ACK_TIMEOUT: enough to bring anything out of order.
        "delay": st.sampled_from([0.0, 0.2, 3.0, 40.0]),
        "client_szx": st.integers(2, 6),
        "server_szx": st.integers(2, 6),
        "params": st.sampled_from([TransmissionParameters(), TransmissionParameters(NSTART=4)]),
    }
)


class Store:
    """Counts each request by the number in its query; puts some of them off."""

    def __init__(self, body, *, separate):
        self.body = body
        self.separate = separate
        self.runs: Counter[str] = Counter()
        self.stored: dict[str, bytes] = {}
        self.put_off: list[object] = []

    def on_request(self, endpoint, request, now):
        number = "".join(request.query)
        if request.code == c.GET:
            return Response(c.CONTENT, self.body, etag=b"1", observe_key=request.path)
        self.runs[number] += 1
        self.stored[number] = request.payload
        if self.separate:
            respond_later = Response(c.CHANGED, number.encode())
            respond(endpoint, request, respond_later, now)
            return None
        return Response(c.CHANGED, number.encode())

    def open_upload(self, endpoint, request, now):
        return None

    def on_observation_ended(self, endpoint, key, now):
        pass


@given(st.randoms(use_true_random=False), WIRES, st.integers(0, len(BODY)), st.booleans())
@settings(max_examples=150)
def test_transfers_end_and_are_right(dice, wire_kw, size, separate):
    body = BODY[:size]
    store = Store(body, separate=separate)
    wire = LossyWire(random.Random(dice.getrandbits(32)), store, **wire_kw)
    sink = Sink()
    download = Download(request_options(["fw"]), sink, wire.client.szx)
    download.start(wire.client, 0.0)
    results: dict[str, list[object]] = {}
    for number in range(6):
        name = str(number)
        results[name] = []
        # Requests of one block, and of many (number 4 and 5, one after the other: a server takes one at a time).
        payload = body if number == 5 else name.encode() * 10
        call = Call(c.POST, request_options(["x"], [name]), payload, results[name].append, szx=wire.client.szx)
        call.start(wire.client, 0.0)
    assert wire.run(), "something waits for ever"
    assert download.done
    if sink.ended == "complete":
        assert bytes(sink.data) == body
    else:
        assert sink.ended == (Failure.TIMEOUT, 0)
    for name, got in results.items():
        assert len(got) == 1
        assert store.runs[name] <= 1
        if got[0].failure is None and got[0].code == c.CHANGED:
            assert store.runs[name] == 1
            assert got[0].payload == name.encode()
            assert store.stored[name] == (body if name == "5" else name.encode() * 10)
        else:
            assert got[0].failure is Failure.TIMEOUT or got[0].code == c.REQUEST_ENTITY_INCOMPLETE
    if wire_kw["loss"] == 0.0 and wire_kw["delay"] <= 0.2:
        assert sink.ended == "complete"
        assert all(got[0].code == c.CHANGED for got in results.values())
    for endpoint in (wire.client, wire.server):
        assert not endpoint.pending
        assert not endpoint.exchanges
        assert not endpoint.queue


@given(st.randoms(use_true_random=False), WIRES, st.integers(1, 20), st.sampled_from([3, 300]))
@settings(max_examples=100)
def test_observers_come_to_the_last_state_or_the_observation_ends(dice, wire_kw, changes, length):
    store = Store(b"0" * length, separate=False)
    wire = LossyWire(random.Random(dice.getrandbits(32)), store, **wire_kw)
    results: list[object] = []
    call = Call(c.GET, request_options(["a"]), b"", results.append, observe=True)
    call.start(wire.client, 0.0)
    assert wire.run()
    if wire.server.observations:
        (observation,) = wire.server.observations
        for change in range(1, changes + 1):
            store.body = (b"%d" % change) * length
            notify(wire.server, observation, c.CONTENT, [], store.body, wire.now)
        assert wire.run()
        stands = observation in wire.server.observations and call.token in wire.client.exchanges
        whole = all(r.failure is None for r in results)
        if stands and whole and wire_kw["delay"] <= 40:
            assert results[-1].payload == store.body
    assert not wire.client.pending
    assert not wire.server.pending
