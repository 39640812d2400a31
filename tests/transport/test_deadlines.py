"""One timer for all: who is called when, how often, and who is let go."""

import asyncio
import gc
import weakref
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.transport.deadlines import EARLY_S, Deadlines
from simulator.transport.virtual import run_virtual


class Waiter:
    """Has the deadlines of a list, one after the other."""

    def __init__(self, *times):
        self.times = list(times)
        self.called = []

    @property
    def deadline(self):
        return self.times[0] if self.times else inf

    def expire(self, now):
        self.called.append(now)
        while self.times and self.times[0] <= now:
            self.times.pop(0)


class CountingLoop:
    """Counts the timers that are set on a loop."""

    def __init__(self, loop):
        self._loop = loop
        self.timers = 0

    def call_later(self, delay, call):
        self.timers += 1
        return self._loop.call_later(delay, call)


def virtual(work):
    async def main():
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop, loop.time)
        try:
            return await work(deadlines)
        finally:
            deadlines.close()

    return run_virtual(main())


def test_an_object_is_called_at_each_of_its_deadlines():
    waiter = Waiter(1.0, 4.0, 9.0)

    async def work(deadlines):
        deadlines.arm(waiter, 1.0)
        await asyncio.sleep(20)
        return len(deadlines)

    assert virtual(work) == 0
    assert waiter.called == [1.0, 4.0, 9.0]


def test_a_deadline_that_moves_on_costs_one_call_per_armed_time():
    """A thousand exchanges, each with a new ACK_TIMEOUT of 2 s, within 10 s: five looks, not a thousand."""

    async def work(deadlines):
        waiter = Waiter(2.0)
        deadlines.arm(waiter, 2.0)
        for _ in range(1000):
            await asyncio.sleep(0.01)
            waiter.times = [asyncio.get_running_loop().time() + 2.0]
        return waiter.called

    assert len(virtual(work)) == 5


def test_who_has_nothing_to_wait_for_at_the_armed_time_can_be_armed_again():
    """The armed time is told to the object, else it would take itself for armed and never be called again."""

    class Lazy(Waiter):
        armed = inf

        def expire(self, now):
            super().expire(now)
            self.armed = self.deadline

        def wait_until(self, deadlines, when):
            self.times = [when]
            if when < self.armed:
                self.armed = when
                deadlines.arm(self, when)

    async def work(deadlines):
        lazy = Lazy()
        lazy.wait_until(deadlines, 2.0)
        lazy.times = []
        await asyncio.sleep(3)
        lazy.wait_until(deadlines, 5.0)
        await asyncio.sleep(3)
        lazy.wait_until(deadlines, 20.0)
        await asyncio.sleep(1)
        lazy.wait_until(deadlines, 10.0)
        await asyncio.sleep(5)
        return lazy.called

    assert virtual(work) == [2.0, 5.0, 10.0]


def test_an_earlier_arming_comes_first_and_a_later_one_changes_nothing():
    async def work(deadlines):
        waiter = Waiter(5.0)
        deadlines.arm(waiter, 5.0)
        deadlines.arm(waiter, 7.0)
        waiter.times = [1.0]
        deadlines.arm(waiter, 1.0)
        await asyncio.sleep(10)
        return waiter.called

    assert virtual(work) == [1.0]


def test_a_disarmed_object_is_not_called_and_not_kept_alive():
    async def work(deadlines):
        waiter = Waiter(1.0)
        deadlines.arm(waiter, 1.0)
        deadlines.disarm(waiter)
        deadlines.disarm(waiter)
        gone = weakref.ref(waiter)
        del waiter
        gc.collect()
        assert gone() is None
        assert len(deadlines) == 0
        await asyncio.sleep(2)

    virtual(work)


def test_an_object_can_disarm_another_that_is_due_in_the_same_turn():
    async def work(deadlines):
        second = Waiter(1.0)

        class First(Waiter):
            def expire(self, now):
                super().expire(now)
                deadlines.disarm(second)

        first = First(1.0)
        deadlines.arm(first, 1.0)
        deadlines.arm(second, 1.0)
        await asyncio.sleep(2)
        return first.called, second.called

    assert virtual(work) == ([1.0], [])


@pytest.mark.expected_warnings("<Bad> failed when its deadline came")
def test_an_object_that_fails_is_logged_and_the_others_go_on():
    class Bad(Waiter):
        def expire(self, now):
            raise LookupError

        def __repr__(self):
            return "<Bad>"

    async def work(deadlines):
        sound = Waiter(1.0, 2.0)
        deadlines.arm(Bad(1.0), 1.0)
        deadlines.arm(sound, 1.0)
        await asyncio.sleep(3)
        return sound.called

    assert virtual(work) == [1.0, 2.0]


def test_a_deadline_that_stays_in_the_past_does_not_stop_the_loop():
    class Stuck(Waiter):
        def expire(self, now):
            self.called.append(now)

    async def work(deadlines):
        stuck = Stuck(1.0)
        deadlines.arm(stuck, 1.0)
        await asyncio.sleep(1 + 10.5 * EARLY_S)
        return len(stuck.called)

    assert 5 <= virtual(work) <= 11


def test_there_is_one_timer_and_it_is_set_again_only_for_an_earlier_time():
    async def main():
        loop = asyncio.get_running_loop()
        counting = CountingLoop(loop)
        deadlines = Deadlines(counting, loop.time)
        waiters = [Waiter(10.0 + i) for i in range(100)]
        for waiter in waiters:
            deadlines.arm(waiter, waiter.deadline)
        assert counting.timers == 1
        deadlines.arm(Waiter(5.0), 5.0)
        assert counting.timers == 2
        await asyncio.sleep(200)
        assert all(len(waiter.called) == 1 for waiter in waiters)
        assert counting.timers <= 103

    run_virtual(main())


def test_entries_that_are_out_of_date_do_not_pile_up():
    async def work(deadlines):
        for _ in range(10_000):
            waiter = Waiter(1e6)
            deadlines.arm(waiter, 1e6)
            deadlines.disarm(waiter)
        return len(deadlines._heap)

    assert virtual(work) < 200


def test_after_close_nothing_is_called():
    async def work(deadlines):
        waiter = Waiter(1.0)
        deadlines.arm(waiter, 1.0)
        deadlines.close()
        await asyncio.sleep(2)
        return waiter.called

    assert virtual(work) == []


TIMES = st.lists(st.integers(1, 50), min_size=1, max_size=6, unique=True).map(sorted)


@given(st.lists(TIMES, max_size=8), st.randoms(use_true_random=False))
def test_everybody_is_called_at_all_deadlines_however_they_are_armed(plans, dice):
    waiters = [Waiter(*(float(t) for t in times)) for times in plans]

    async def work(deadlines):
        for waiter in waiters:
            for _ in range(dice.randrange(3)):
                deadlines.arm(waiter, dice.uniform(waiter.deadline, 60.0))
            deadlines.arm(waiter, dice.uniform(0.0, waiter.deadline))
        await asyncio.sleep(100)

    virtual(work)
    for waiter, times in zip(waiters, plans, strict=True):
        assert set(times) <= set(waiter.called)
        assert waiter.called == sorted(waiter.called)


async def test_it_works_on_a_real_loop():
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, loop.time)
    done = asyncio.Event()

    class Telling(Waiter):
        def expire(self, now):
            super().expire(now)
            if not self.times:
                done.set()

    waiter = Telling(loop.time() + 0.02, loop.time() + 0.04)
    deadlines.arm(waiter, waiter.deadline)
    await asyncio.wait_for(done.wait(), 10)
    assert len(waiter.called) == 2
    deadlines.close()
