"""What the operator knows of a device, and how it waits for news."""

from __future__ import annotations

import asyncio

import pytest

from simulator.operator.driver import Answer, NoAnswerError
from simulator.operator.watch import RESULT, STATE, UNKNOWN, VERSION, Watch
from simulator.transport.virtual import VirtualLoop


def virtually(work):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def test_nothing_is_known_at_first():
    watch = Watch(3, "ep")
    assert (watch.state, watch.result, watch.version, watch.registrations) == (UNKNOWN, UNKNOWN, "", 0)


def test_the_newest_value_and_all_that_was_seen():
    watch = Watch(3, "ep")
    for value in ("2", "1", "2"):
        watch.reported(STATE, value)
    watch.reported(RESULT, "0")
    watch.reported(VERSION, "2.0.0")
    watch.reported("/5/0/7", "4")
    assert (watch.state, watch.result, watch.version) == (2, 0, "2.0.0")
    assert {(STATE, 1), (STATE, 2), (RESULT, 0)} <= watch.seen
    watch.mark()
    assert not watch.seen
    assert watch.state == 2


def test_an_older_observation_does_not_count_for_a_newer_registration():
    watch = Watch(3, "ep")
    watch.registered(1.0)
    watch.registered(2.0)
    watch.is_observed(2)
    watch.is_observed(1)
    assert (watch.registrations, watch.registered_at, watch.observed) == (2, 2.0, 2)


def test_what_holds_already_is_not_waited_for():
    assert virtually(Watch(3, "ep").until(lambda _: True, 0.0))


def test_news_end_a_wait_at_once():
    async def play():
        loop, watch = asyncio.get_running_loop(), Watch(3, "ep")
        loop.call_later(1.0, watch.reported, STATE, "1")
        loop.call_later(2.0, watch.reported, STATE, "2")
        return await watch.until(lambda w: w.state == 2, 60.0), loop.time()

    assert virtually(play()) == (True, 2.0)


@pytest.mark.parametrize("timeout_s", [0.0, 5.0])
def test_a_wait_ends_in_time(timeout_s):
    async def play():
        loop, watch = asyncio.get_running_loop(), Watch(3, "ep")
        loop.call_later(1.0, watch.reported, STATE, "1")
        return await watch.until(lambda w: w.state == 2, timeout_s), loop.time()

    assert virtually(play()) == (False, timeout_s)


def test_a_wait_that_was_cancelled_leaves_room_for_the_next():
    async def play():
        watch = Watch(3, "ep")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watch.until(lambda w: w.state == 2, 60.0), 1.0)
        asyncio.get_running_loop().call_later(1.0, watch.reported, STATE, "2")
        return await watch.until(lambda w: w.state == 2, 60.0)

    assert virtually(play())


def test_two_may_wait_for_one_device():
    async def play():
        watch = Watch(3, "ep")
        first = asyncio.ensure_future(watch.until(lambda w: w.state == 2, 60.0))
        second = asyncio.ensure_future(watch.until(lambda w: w.state == 1, 60.0))
        await asyncio.sleep(0)
        watch.reported(STATE, "1")
        await asyncio.sleep(0)
        assert not first.done()
        watch.reported(STATE, "2")
        return await first, await second

    assert virtually(play()) == (True, True)


def test_a_read_ends_when_the_device_registers_anew():
    async def play():
        loop, watch = asyncio.get_running_loop(), Watch(3, "ep")
        answer = loop.create_future()
        loop.call_later(2.0, watch.registered, 2.0)
        with pytest.raises(NoAnswerError, match="registered anew"):
            await watch.while_registered(answer)
        assert answer.cancelled()
        watch.registered(3.0)
        return loop.time()

    assert virtually(play()) == 2.0


def test_a_read_that_is_answered_or_fails_is_no_other_than_without_a_watch():
    async def play():
        loop, watch = asyncio.get_running_loop(), Watch(3, "ep")
        answered, failed = loop.create_future(), loop.create_future()
        loop.call_later(1.0, answered.set_result, Answer("2.05", "1"))
        loop.call_later(2.0, failed.set_exception, NoAnswerError("silence"))
        assert await watch.while_registered(answered) == Answer("2.05", "1")
        with pytest.raises(NoAnswerError, match="silence"):
            await watch.while_registered(failed)

    virtually(play())
