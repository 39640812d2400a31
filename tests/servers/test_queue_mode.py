"""The queues of a server for devices in queue mode: what waits, what is asked again, and what is given up."""

from __future__ import annotations

import asyncio

from simulator.coap.call import Result
from simulator.coap.exchange import Failure
from simulator.lwm2m.queue_mode import AWAKE_S
from simulator.servers.embedded.queue_mode import RequestQueues
from tests.device.device_rig import in_virtual_time

ANSWER = Result(69, [], b"1", None, False)
SILENCE = Result(0, [], b"", Failure.TIMEOUT, False)
NAME = "device-1"


class Asked:
    """Requests as they are made, answered by hand."""

    def __init__(self):
        self.queues = RequestQueues(asyncio.get_running_loop().time)
        self.made = []
        self.told = []
        self.stopped = []

    def ask(self, name, *, repeatable=True):
        def send(done):
            self.made.append((name, done))
            return lambda: self.stopped.append(name)

        return self.queues.ask(NAME, send, lambda result: self.told.append((name, result)), repeatable=repeatable)

    def answer(self, result=ANSWER):
        self.made[-1][1](result)

    @property
    def names(self):
        return [name for name, _ in self.made]


@in_virtual_time
async def test_requests_wait_for_the_device_and_go_out_one_after_the_other():
    asked = Asked()
    asked.ask("a")
    asked.ask("b")
    assert (asked.names, asked.queues.waiting(NAME)) == ([], 2)
    asked.queues.woke(NAME)
    assert asked.names == [], "the answer to the Update comes first"
    await asyncio.sleep(0)
    assert asked.names == ["a"]
    asked.answer()
    assert asked.names == ["a", "b"]
    asked.answer()
    assert asked.told == [("a", ANSWER), ("b", ANSWER)]


@in_virtual_time
async def test_a_device_is_awake_for_a_while_after_each_message():
    asked = Asked()
    asked.queues.woke(NAME)
    await asyncio.sleep(AWAKE_S - 1)
    asked.ask("a")
    asked.answer()
    await asyncio.sleep(AWAKE_S - 1)
    asked.ask("b")
    asked.answer()
    await asyncio.sleep(AWAKE_S)
    asked.ask("c")
    assert asked.names == ["a", "b"]


@in_virtual_time
async def test_what_nobody_answered_is_asked_again_but_for_an_execute():
    asked = Asked()
    asked.queues.woke(NAME)
    asked.ask("execute", repeatable=False)
    asked.ask("read")
    asked.answer(SILENCE)
    assert asked.told == [("execute", SILENCE)]
    assert asked.names == ["execute"], "who does not answer sleeps"
    for _ in range(2):
        asked.queues.woke(NAME)
        await asyncio.sleep(0)
        asked.answer(SILENCE)
    asked.queues.woke(NAME)
    await asyncio.sleep(0)
    asked.answer()
    assert asked.names == ["execute", "read", "read", "read"]
    assert asked.told[1:] == [("read", ANSWER)]


@in_virtual_time
async def test_notifications_pass_and_keep_the_device_awake():
    asked = Asked()
    asked.queues.woke(NAME)
    asked.ask("observe")
    _, notify = asked.made[0]
    notify(ANSWER)
    await asyncio.sleep(AWAKE_S - 1)
    notify(ANSWER)
    await asyncio.sleep(AWAKE_S - 1)
    asked.ask("read")
    assert asked.names == ["observe", "read"]
    assert asked.told == [("observe", ANSWER)] * 2


@in_virtual_time
async def test_what_is_given_up_is_asked_no_more():
    asked = Asked()
    asked.ask("waits")()
    asked.queues.woke(NAME)
    give_up = asked.ask("asked")
    asked.ask("next")
    assert asked.names == ["asked"]
    give_up()
    assert asked.stopped == ["asked"]
    assert asked.names == ["asked", "next"]
    give_up()
    assert asked.names == ["asked", "next"]


@in_virtual_time
async def test_a_server_learns_that_a_device_sleeps_sooner():
    asked = Asked()
    asked.queues.woke(NAME)
    await asyncio.sleep(10)
    asked.ask("first")
    asked.answer(SILENCE)
    asked.queues.woke(NAME)
    await asyncio.sleep(0)
    asked.answer()
    await asyncio.sleep(9)
    asked.ask("in time")
    asked.answer()
    await asyncio.sleep(10)
    asked.ask("too late")
    assert asked.names == ["first", "first", "in time"]


@in_virtual_time
async def test_what_a_registration_was_asked_that_is_over_is_asked_of_the_next_one():
    asked = Asked()
    asked.queues.left(NAME, gone=False)
    asked.queues.woke(NAME)
    asked.ask("read")
    asked.ask("observe")
    asked.queues.left(NAME, gone=False)
    assert asked.stopped == ["read"]
    asked.queues.woke(NAME)
    await asyncio.sleep(0)
    asked.answer()
    asked.answer()
    assert asked.names == ["read", "read", "observe"]
    assert asked.told == [("read", ANSWER), ("observe", ANSWER)]


@in_virtual_time
async def test_nobody_knows_whether_an_execute_of_a_registration_that_is_over_was_carried_out():
    asked = Asked()
    asked.queues.woke(NAME)
    asked.ask("execute", repeatable=False)
    asked.ask("read")
    asked.queues.left(NAME, gone=False)
    assert [(name, result.failure) for name, result in asked.told] == [("execute", Failure.UNREACHABLE)]
    asked.queues.woke(NAME)
    await asyncio.sleep(0)
    assert asked.names == ["execute", "read"]


@in_virtual_time
async def test_who_has_gone_for_good_is_forgotten():
    asked = Asked()
    asked.queues.woke(NAME)
    asked.queues.left(NAME, gone=False)
    assert len(asked.queues) == 1
    asked.queues.left(NAME, gone=True)
    assert len(asked.queues) == 0
    asked.queues.left(NAME, gone=True)
    give_up = asked.ask("waits")
    asked.queues.left(NAME, gone=True)
    assert len(asked.queues) == 1, "somebody waits for it"
    give_up()
    asked.queues.woke(NAME)
    await asyncio.sleep(0)
    assert asked.names == []
