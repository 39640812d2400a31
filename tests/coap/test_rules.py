"""Rules of RFC 7252, 7641 and 7959 that a peer can break or a race can reach, each by itself."""

from __future__ import annotations

import random
from math import inf

import pytest

from simulator.coap import codes as c
from simulator.coap.block import NUM_MAX, Block
from simulator.coap.call import Call
from simulator.coap.deduplication import GENERATION_MAX, SeenMessages
from simulator.coap.download import LATENCY_MAX_US, Download
from simulator.coap.endpoint import Endpoint, ping
from simulator.coap.exchange import Failure, Response
from simulator.coap.message import Message, decode, empty
from simulator.coap.observe import OBSERVATIONS_MAX, notify
from simulator.coap.params import TransmissionParameters
from simulator.coap.requests import request_options
from simulator.coap.server import SEPARATE_MAX, respond
from simulator.coap.uploads import BODY_MAX
from tests.coap.wire import Shelf, Sink, Wire, get, put

BODY = random.Random(9).randbytes(3000)


def request(wire, code, options, payload=b"", *, type_=c.CON, mid=1, token=b"t"):
    """Hand one request to the server; its answer, or None."""
    before = len(wire.log)
    wire.server.receive(Message(type_, code, mid, token, options, payload).encode(), wire.now)
    assert len(wire.log) - before <= 1
    return wire.log[-1][1] if len(wire.log) > before else None


# -- requests that a server must refuse ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "options", "answer"),
    [
        (0x08, [], c.METHOD_NOT_ALLOWED),
        (0x1F, [], c.METHOD_NOT_ALLOWED),
        (c.GET, [(c.BLOCK2, b"\x07")], c.BAD_REQUEST),
        (c.PUT, [(c.BLOCK1, b"\x0f")], c.BAD_REQUEST),
        (c.GET, [(c.BLOCK1, b"\x0e")], c.BAD_OPTION),
        (c.PUT, [(c.IF_NONE_MATCH, b"")], c.BAD_OPTION),
        (c.PUT, [(c.IF_MATCH, b"x")], c.BAD_OPTION),
        (c.GET, [(c.PROXY_URI, b"coap://127.0.0.1/")], c.PROXYING_NOT_SUPPORTED),
        (c.GET, [(c.URI_HOST, b"h"), (c.PROXY_SCHEME, b"http")], c.PROXYING_NOT_SUPPORTED),
        (c.POST, [(c.BLOCK2, b"\x16")], c.REQUEST_ENTITY_INCOMPLETE),
        (c.GET, [(c.ACCEPT, b"abc")], c.BAD_OPTION),
    ],
)
def test_refused_before_the_handler_sees_it(code, options, answer):
    shelf = Shelf()
    assert request(Wire(shelf), code, options).code == answer
    assert not shelf.requests


def test_a_non_request_with_an_unknown_critical_option_is_ignored():
    assert request(Wire(Shelf()), c.GET, [(9999, b"")], type_=c.NON) is None


def test_elective_options_with_a_wrong_length_are_ignored():
    shelf = Shelf(a=b"1")
    assert request(Wire(shelf), c.GET, [(c.URI_PATH, b"a"), (c.SIZE1, bytes(5))]).code == c.CONTENT
    assert [n for n, _ in shelf.requests[0].options] == [c.URI_PATH]


def test_if_match_without_a_representation_that_has_an_etag_fails():
    wire = Wire(Shelf(a=b"1"))
    assert request(wire, c.GET, [(c.IF_MATCH, b"x"), (c.URI_PATH, b"a")]).code == c.PRECONDITION_FAILED


def test_an_error_stays_the_same_error_for_any_block_of_it():
    answer = request(Wire(Shelf()), c.GET, [(c.URI_PATH, b"no"), (c.BLOCK2, b"\x56")])
    assert (answer.code, answer.option(c.BLOCK2)) == (c.NOT_FOUND, None)


@pytest.mark.parametrize("code", [0x21, 0x3F, 0x61, 0x7F, 0xC0, 0xE1, 0xFF])
def test_codes_of_reserved_classes_are_rejected(code):
    wire = Wire(Shelf())
    assert request(wire, code, []) == decode(empty(c.RST, 1))
    assert request(wire, code, [], type_=c.NON, mid=2) is None
    assert request(wire, code, [], type_=c.ACK, mid=3) is None
    assert request(wire, code, [], type_=c.RST, mid=4) is None


# -- repeated messages -----------------------------------------------------------------------------------------------


def test_a_repeated_non_request_runs_once_and_is_not_answered_again():
    shelf = Shelf()
    wire = Wire(shelf)
    assert request(wire, c.POST, [], type_=c.NON).code == c.CHANGED
    assert request(wire, c.POST, [], type_=c.NON) is None
    assert len(shelf.requests) == 1


def test_a_message_id_may_be_used_again_after_exchange_lifetime():
    shelf = Shelf()
    wire = Wire(shelf)
    request(wire, c.POST, [], token=b"a")
    wire.now += 246.9
    assert request(wire, c.POST, [], token=b"a").token == b"a"
    assert len(shelf.requests) == 1
    wire.now += 0.2
    assert request(wire, c.POST, [], token=b"b").token == b"b"
    assert len(shelf.requests) == 2


def test_seen_messages_are_bounded_and_given_back():
    seen = SeenMessages(247.0)
    for mid in range(10_000):
        seen.add(mid, b"answer", 1.0)
        assert len(seen) <= 2 * GENERATION_MAX
    assert all(seen.get(mid, 1.0) == b"answer" for mid in range(10_000 - GENERATION_MAX, 10_000))
    seen.forget_expired(247.9)
    assert seen.get(9_999, 247.9) == b"answer"
    seen.forget_expired(248.0)
    assert len(seen) == 0


# -- matching of responses -------------------------------------------------------------------------------------------


def test_an_acknowledgement_with_another_token_or_code_class_is_no_answer():
    wire = Wire()
    call, results = get("a")
    call.start(wire.client, wire.now)
    asked = wire.log[0][1]
    for code, token in ((c.CONTENT, b"other"), (c.GET, asked.token), (0x65, asked.token), (0xE5, asked.token)):
        wire.client.receive(Message(c.ACK, code, asked.mid, token).encode(), wire.now)
    wire.client.receive(Message(c.RST, c.CONTENT, asked.mid, asked.token).encode(), wire.now)
    assert not results
    assert asked.mid in wire.client.pending
    wire.client.receive(Message(c.ACK, 0x5E, asked.mid, asked.token).encode(), wire.now)
    assert [r.code for r in results] == [0x5E]  # an unknown code of a known class counts as that class


@pytest.mark.parametrize("type_", [c.ACK, c.CON, c.NON])
def test_a_response_with_an_unknown_critical_option_fails_the_call(type_):
    wire = Wire()
    call, results = get("a")
    call.start(wire.client, wire.now)
    asked = wire.log[0][1]
    mid = asked.mid if type_ == c.ACK else 77
    wire.client.receive(Message(type_, c.CONTENT, mid, asked.token, [(9999, b"")]).encode(), wire.now)
    assert [r.failure for r in results] == [Failure.PROTOCOL]
    assert wire.client.deadline == inf


def test_a_second_separate_response_to_an_earlier_block_does_not_disturb_a_download():
    wire = Wire()
    sink = Sink()
    Download(request_options(["fw"]), sink, 6).start(wire.client, wire.now)
    for num in range(3):
        asked = wire.log[-1][1]
        assert asked.uint(c.BLOCK2) >> 4 == num
        options = [(c.BLOCK2, Block(num, num < 2, 6).to_bytes())]
        part = BODY[num * 1024 : num * 1024 + 1024]
        for mid in (100 + num, 200 + num):  # a server that took the request twice
            wire.client.receive(Message(c.CON, c.CONTENT, mid, asked.token, options, part).encode(), wire.now)
        assert wire.log[-1][1] == decode(empty(c.RST, 200 + num))
        wire.log.pop()
    assert sink.ended == "complete"
    assert bytes(sink.data) == BODY


def test_a_response_to_what_was_never_asked_is_reset():
    wire = Wire()
    calls = [get("a"), get("b")]
    for call, _ in calls:
        call.start(wire.client, wire.now)
    queued = calls[1][0]
    wire.client.receive(Message(c.NON, c.CONTENT, 9, queued.token).encode(), wire.now)
    assert wire.log[-1][1] == decode(empty(c.RST, 9))
    assert not calls[1][1]


def test_no_message_id_is_given_twice_to_what_is_under_way():
    wire = Wire(params=TransmissionParameters(NSTART=3))
    first, _ = get("a")
    first.start(wire.client, wire.now)
    for _ in range(65_535):
        wire.client.next_mid()
    second, _ = get("b")
    second.start(wire.client, wire.now)
    assert first.mid != second.mid
    assert len(wire.client.pending) == 2


def test_an_acknowledged_ping_counts_as_a_sign_of_life():
    wire = Wire()
    answers: list[bool] = []
    ping(wire.client, answers.append, wire.now)
    wire.client.receive(empty(c.ACK, wire.log[0][1].mid), wire.now)
    assert answers == [True]


# -- time and queue --------------------------------------------------------------------------------------------------


def test_what_is_queued_goes_out_when_the_transfer_before_it_is_stopped():
    wire = Wire(Shelf(a=b"1"))
    download = Download(request_options(["fw"]), Sink(), 6)
    download.start(wire.client, wire.now)
    call, results = get("a")
    call.start(wire.client, wire.now)
    download.stop(wire.client, wire.now)
    assert [m.path for _, m in wire.log] == [("fw",), ("a",)]
    wire.run()
    assert results[0].payload == b"1"


def test_finish_wakes_the_owner_for_what_is_queued():
    wire = Wire(Shelf(a=b"1"))
    first, _ = get("fw")
    first.start(wire.client, wire.now)
    call, results = get("a")
    call.start(wire.client, wire.now)
    alarms: list[float] = []
    wire.client.alarm = lambda _endpoint, when: alarms.append(when)
    wire.client.finish(first)
    assert alarms == [0.0]
    assert wire.client.deadline == 0.0
    wire.run()
    assert results[0].payload == b"1"


def test_a_callback_may_end_other_exchanges_that_are_due_at_the_same_time():
    wire = Wire(params=TransmissionParameters(NSTART=4, MAX_RETRANSMIT=0, ACK_RANDOM_FACTOR=1.0))
    results = []
    calls = [Call(c.GET, request_options(["a"]), b"", results.append) for _ in range(3)]
    calls[0]._done = lambda result: (results.append(result), wire.client.cancel(calls[1], wire.now))
    for call in calls:
        call.start(wire.client, wire.now)
    wire.now += 2
    wire.client.expire(wire.now)
    assert sorted(r.failure.value for r in results) == ["closed", "timeout", "timeout"]
    wire.client.cancel(calls[1], wire.now)
    assert len(results) == 3
    assert wire.client.deadline == inf


def test_a_call_on_a_closed_endpoint_fails_and_leaves_nothing():
    wire = Wire()
    wire.client.close(wire.now)
    call, results = get("a")
    call.start(wire.client, wire.now)
    assert [r.failure for r in results] == [Failure.CLOSED]
    assert not wire.client.exchanges


def test_a_sink_may_stop_its_download_or_close_the_endpoint_from_within():
    for act in ("stop", "close"):
        wire = Wire(Shelf(fw=BODY))
        sink = Sink()
        download = Download(request_options(["fw"]), sink, 6)

        def write(data, now, wire=wire, download=download, act=act):
            download.stop(wire.client, now) if act == "stop" else wire.client.close(now)
            return True

        sink.write = write
        download.start(wire.client, wire.now)
        wire.run()
        assert download.done
        assert sink.ended == (None if act == "stop" else (Failure.CLOSED, 0))
        assert not wire.client.pending
        assert not wire.client.exchanges


# -- downloads -------------------------------------------------------------------------------------------------------


def test_what_a_download_refuses_to_start_with():
    for kw in ({"szx": 7}, {"szx": 6, "offset": 1000}, {"szx": 0, "offset": (NUM_MAX + 1) << 4}):
        with pytest.raises(ValueError, match="szx"):
            Download([], Sink(), **kw)
    with pytest.raises(ValueError, match="below Block2"):
        Download([(c.SIZE1, b"")], Sink(), 6)


@pytest.mark.parametrize(
    ("block", "length", "ended"),
    [
        (Block(0, False, 2), 65, (Failure.PROTOCOL, 0)),  # longer than a block
        (Block(0, True, 2), 63, (Failure.PROTOCOL, 0)),  # not full
        (Block(0, True, 3), 128, (Failure.PROTOCOL, 0)),  # larger than asked
        (Block(0, True, 7), 64, (Failure.PROTOCOL, 0)),  # reserved
        (Block(1, True, 2), 64, (Failure.PROTOCOL, 0)),  # not the first
        (Block(0, True, 1), 32, None),  # smaller than asked
        (Block(0, False, 2), 64, "complete"),
        (Block(0, False, 2), 0, "complete"),
    ],
)
def test_first_blocks(block, length, ended):
    wire = Wire()
    sink = Sink()
    Download(request_options(["fw"]), sink, 2).start(wire.client, wire.now)
    asked = wire.log[0][1]
    options = [(c.BLOCK2, block.to_bytes())]
    wire.client.receive(Message(c.ACK, c.CONTENT, asked.mid, asked.token, options, bytes(length)).encode(), wire.now)
    assert sink.ended == ended


def test_the_last_possible_block_may_only_be_the_end():
    for more, ended in ((False, "complete"), (True, (Failure.PROTOCOL, 0))):
        wire = Wire()
        sink = Sink()
        Download([], sink, 0, offset=NUM_MAX << 4).start(wire.client, wire.now)
        asked = wire.log[0][1]
        options = [(c.BLOCK2, Block(NUM_MAX, more, 0).to_bytes())]
        wire.client.receive(Message(c.ACK, c.CONTENT, asked.mid, asked.token, options, bytes(16)).encode(), wire.now)
        assert sink.ended == ended


def test_a_latency_beyond_the_range_is_recorded_as_its_end():
    wire = Wire(params=TransmissionParameters(MAX_LATENCY=10_000))
    sink = Sink()
    download = Download([], sink, 6)
    download.start(wire.client, wire.now)
    asked = wire.log[0][1]
    wire.client.receive(empty(c.ACK, asked.mid), wire.now)
    wire.client.receive(Message(c.CON, c.CONTENT, 1, asked.token, [], b"x").encode(), wire.now + 9_000)
    assert list(download.block_us) == [LATENCY_MAX_US]


# -- calls -----------------------------------------------------------------------------------------------------------


def test_4_13_with_a_smaller_block_makes_a_whole_body_go_out_in_blocks():
    wire = Wire(Shelf())
    call, results = put("a", BODY[:500])
    call.start(wire.client, wire.now)
    asked = wire.log[0][1]
    assert asked.option(c.BLOCK1) is None
    hint = [(c.BLOCK1, Block(0, False, 3).to_bytes())]
    wire.sent.clear()
    answer = Message(c.ACK, c.REQUEST_ENTITY_TOO_LARGE, asked.mid, asked.token, hint)
    wire.client.receive(answer.encode(), wire.now)
    wire.run()
    assert results[0].code == c.CHANGED
    assert wire.server.server.handler.bodies["a"] == BODY[:500]
    assert call.blocks == 4


def test_a_resource_that_changes_under_a_call_is_fetched_anew():
    shelf = Shelf(a=BODY)
    shelf.etag = b"v1"
    wire = Wire(shelf)
    call, results = get("a")
    call.start(wire.client, wire.now)
    _to, data = wire.sent.popleft()
    wire.server.receive(data, wire.now)
    shelf.bodies["a"], shelf.etag = BODY[::-1], b"v2"
    wire.run()
    assert results[0].payload == BODY[::-1]


def test_observing_a_large_resource_keeps_the_observation():
    shelf = Shelf(a=BODY)
    wire = Wire(shelf)
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    assert [(r.payload, r.more) for r in results] == [(BODY, True)]
    notify(wire.server, wire.server.observations[0], c.CONTENT, [], b"small", wire.now)
    wire.run()
    assert [r.payload for r in results] == [BODY, b"small"]


def test_only_the_newest_large_notification_is_fetched():
    wire = Wire(Shelf(a=b"0"))
    call, _results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    for sequence in range(100, 200):
        options = [(c.OBSERVE, bytes((sequence,))), (c.BLOCK2, Block(0, True, 0).to_bytes())]
        data = Message(c.NON, c.CONTENT, sequence, call.token, options, bytes(16)).encode()
        wire.client.receive(data, wire.now)
    assert len(wire.client.exchanges) == 2
    assert len(wire.client.pending) + len(wire.client.queue or ()) == 1


def test_a_response_without_an_observe_option_is_the_end_of_an_observation():
    wire = Wire(Shelf(a=b"0"))
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    wire.client.receive(Message(c.CON, c.NOT_FOUND, 9, call.token).encode(), wire.now)
    assert [(r.code, r.more) for r in results] == [(c.CONTENT, True), (c.NOT_FOUND, False)]
    assert not wire.client.exchanges


# -- uploads ---------------------------------------------------------------------------------------------------------


def block_put(wire, num, more, size, mid, szx=6):
    options = [(c.URI_PATH, b"fw"), (c.BLOCK1, Block(num, more, szx).to_bytes())]
    return request(wire, c.PUT, options, bytes(size), mid=mid)


def test_old_blocks_under_new_message_ids_do_not_disturb_an_upload():
    shelf = Shelf()
    wire = Wire(shelf)
    assert block_put(wire, 0, True, 1024, 1).code == c.CONTINUE
    assert block_put(wire, 1, True, 1024, 2).code == c.CONTINUE
    assert block_put(wire, 1, True, 1024, 3).code == c.CONTINUE  # its answer was lost
    assert block_put(wire, 2, True, 1024, 4).code == c.CONTINUE
    assert block_put(wire, 1, True, 1024, 5).code == c.REQUEST_ENTITY_INCOMPLETE
    assert block_put(wire, 3, False, 10, 6).code == c.CHANGED
    assert len(shelf.bodies["fw"]) == 3 * 1024 + 10
    assert block_put(wire, 3, False, 10, 7).code == c.REQUEST_ENTITY_INCOMPLETE


def test_a_first_block_that_comes_late_does_not_begin_anew():
    wire = Wire(Shelf())
    block_put(wire, 0, True, 16, 0, szx=0)
    for num in range(1, 3 * GENERATION_MAX):
        block_put(wire, num, True, 16, num, szx=0)
    assert wire.server.seen.get(0, wire.now) is None
    assert block_put(wire, 0, True, 16, 0, szx=0).code == c.CONTINUE
    assert block_put(wire, 3 * GENERATION_MAX, False, 1, 9000, szx=0).code == c.CHANGED


def test_a_last_block_that_is_longer_than_a_block_is_refused():
    assert block_put(Wire(Shelf()), 0, False, 17, 1, szx=0).code == c.BAD_REQUEST


def test_an_assembled_body_that_grows_too_long_is_refused_with_the_limit():
    wire = Wire(Shelf())
    answer = None
    for num in range(BODY_MAX // 1024 + 1):
        answer = block_put(wire, num, True, 1024, num)
    assert answer.code == c.REQUEST_ENTITY_TOO_LARGE
    assert answer.uint(c.SIZE1) == BODY_MAX
    assert wire.server.server._uploads.current is None


def test_the_rest_of_a_response_wakes_the_owner_and_is_dropped():
    shelf = Shelf()
    shelf.on_request = lambda endpoint, request, now: Response(c.CHANGED, BODY)
    wire = Wire(shelf)
    alarms: list[float] = []
    wire.server.alarm = lambda _endpoint, when: alarms.append(when)
    assert request(wire, c.POST, []).uint(c.SIZE2) == len(BODY)
    assert alarms == [wire.now + 247.0]
    wire.server.expire(alarms[0])
    assert wire.server.server.rest is None
    assert wire.server.deadline == inf


# -- observations ----------------------------------------------------------------------------------------------------


def observe(wire, token, path=b"a", value=b"", mid=1, type_=c.CON):
    return request(wire, c.GET, [(c.OBSERVE, value), (c.URI_PATH, path)], token=token, mid=mid, type_=type_)


def test_registering_again_with_the_same_token_keeps_one_observation():
    shelf = Shelf(a=b"1", b=b"2")
    wire = Wire(shelf)
    first = observe(wire, b"t", mid=1).uint(c.OBSERVE)
    assert observe(wire, b"t", mid=2).uint(c.OBSERVE) > first
    assert len(wire.server.observations) == 1
    assert not shelf.ended
    observe(wire, b"t", path=b"b", mid=3)
    assert [o.key for o in wire.server.observations] == ["b"]
    assert shelf.ended == ["a"]
    assert observe(wire, b"t", value=b"\x05", mid=4).uint(c.OBSERVE) == -1
    assert [o.key for o in wire.server.observations] == ["b"]


def test_observations_of_one_peer_are_bounded():
    wire = Wire(Shelf(a=b"1"))
    answers = [observe(wire, n.to_bytes(2, "big"), mid=n).uint(c.OBSERVE) for n in range(100)]
    assert len(wire.server.observations) == OBSERVATIONS_MAX
    assert answers[OBSERVATIONS_MAX:] == [-1] * (100 - OBSERVATIONS_MAX)


def test_an_observation_may_begin_with_2_03():
    shelf = Shelf(a=b"1")
    shelf.etag = b"v1"
    wire = Wire(shelf)
    answer = request(wire, c.GET, [(c.ETAG, b"v1"), (c.OBSERVE, b""), (c.URI_PATH, b"a")])
    assert answer.code == c.VALID
    assert answer.uint(c.OBSERVE) >= 0


def test_a_silent_observer_holds_one_notification_per_observation_and_gets_the_newest():
    wire = Wire(Shelf(a=b"0"))
    observe(wire, b"t")
    wire.sent.clear()
    (observation,) = wire.server.observations
    for value in range(1000):
        notify(wire.server, observation, c.CONTENT, [], b"%d" % value, wire.now, confirmable=value % 3 != 1)
    assert len(wire.server.pending) == 1
    assert len(wire.server.queue) == 1
    first = wire.log[1][1]
    assert first.payload == b"0"
    wire.server.receive(empty(c.ACK, first.mid), wire.now)
    assert wire.log[-1][1].payload == b"999"
    wire.server.receive(empty(c.RST, wire.log[-1][1].mid), wire.now)
    assert wire.server.deadline == inf
    assert not wire.server.observations


def test_what_is_queued_for_an_observation_ends_with_it():
    shelf = Shelf(a=b"0", b=b"0")
    wire = Wire(shelf)
    observe(wire, b"s", mid=1)
    observe(wire, b"t", path=b"b", mid=2)
    one, two = wire.server.observations
    for observation in (one, two):
        notify(wire.server, observation, c.CONTENT, [], b"1", wire.now)
    observe(wire, b"t", path=b"b", value=b"\x01", mid=3)
    assert shelf.ended == ["b"]
    assert not wire.server.queue
    notify(wire.server, two, c.CONTENT, [], b"2", wire.now)
    assert not wire.server.queue


def test_an_error_notification_is_the_last_and_does_arrive():
    shelf = Shelf(a=b"0")
    wire = Wire(shelf)
    call, results = get("a", observe=True)
    call.start(wire.client, wire.now)
    wire.run()
    (observation,) = wire.server.observations
    notify(wire.server, observation, c.CONTENT, [], b"1", wire.now)
    notify(wire.server, observation, c.CONTENT, [], b"2", wire.now)
    notify(wire.server, observation, c.NOT_FOUND, [], b"", wire.now)
    wire.run()
    assert [(r.code, r.payload, r.more) for r in results] == [
        (c.CONTENT, b"0", True),
        (c.CONTENT, b"1", True),
        (c.NOT_FOUND, b"", False),
    ]
    assert shelf.ended == ["a"]


def test_separate_responses_to_a_silent_peer_are_bounded():
    shelf = Shelf()
    shelf.defer = True
    wire = Wire(shelf)
    for mid in range(1000):
        wire.server.receive(Message(c.CON, c.POST, mid, b"t").encode(), wire.now)
        respond(wire.server, shelf.requests[-1], Response(c.CHANGED), wire.now)
    assert len(wire.server.queue) == SEPARATE_MAX


def test_a_reset_for_an_unknown_message_changes_nothing():
    wire = Wire(Shelf(a=b"0"))
    observe(wire, b"t")
    before = len(wire.log)
    for mid in range(0, 65536, 7):
        wire.server.receive(empty(c.RST, mid), wire.now)
        wire.server.receive(empty(c.ACK, mid), wire.now)
    assert len(wire.log) == before
    assert len(wire.server.observations) == 1


def test_an_endpoint_without_a_handler_answers_4_04():
    for code in (c.GET, c.PUT):
        assert request(Wire(None), code, [(c.BLOCK1, b"")] if code == c.PUT else []).code == c.NOT_FOUND
    sent: list[bytes] = []
    Endpoint(sent.append, random.Random(1)).receive(Message(c.NON, c.POST, 1).encode(), 0.0)
    assert decode(sent[0]).type == c.NON
