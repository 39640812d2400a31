import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.transport.clock import LoopClock
from simulator.transport.virtual import DeadlockError, VirtualLoop, run_virtual

A_DECADE = 3650 * 86_400.0


def test_time_starts_at_zero_and_jumps():
    async def work():
        loop = asyncio.get_running_loop()
        seen = [loop.time()]
        for wait in (0.25, 86_400.0, 1e-9):
            await asyncio.sleep(wait)
            seen.append(loop.time())
        return seen

    assert run_virtual(work()) == [0.0, 0.25, 86_400.25, 86_400.25 + 1e-9]


def test_work_takes_no_time():
    async def work():
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run_virtual(work()) == 0.0


@given(st.lists(st.floats(0, A_DECADE), max_size=20))
def test_every_timer_comes_at_its_very_time_and_in_order(times):
    seen = []

    async def work():
        loop = asyncio.get_running_loop()
        for when in times:
            loop.call_at(when, lambda when=when: seen.append((when, loop.time())))
        await asyncio.sleep(max(times, default=0.0))
        await asyncio.sleep(0)

    run_virtual(work())
    assert seen == [(when, when) for when in sorted(times)]


def test_late_times_do_not_stop_the_loop():
    async def work():
        await asyncio.sleep(A_DECADE * 1000)
        await asyncio.sleep(0.001)
        return asyncio.get_running_loop().time()

    assert run_virtual(work()) > A_DECADE * 1000


def test_a_cancelled_timer_takes_no_time():
    async def work():
        loop = asyncio.get_running_loop()
        loop.call_later(100, lambda: None).cancel()
        await asyncio.sleep(1)
        return loop.time()

    assert run_virtual(work()) == 1.0


def test_timers_of_one_time_come_in_the_order_in_which_they_were_set():
    seen = []

    async def work():
        loop = asyncio.get_running_loop()
        for k in range(100):
            loop.call_at(1.0, seen.append, k)
        await asyncio.sleep(2)

    run_virtual(work())
    assert seen == list(range(100))


def test_cancelled_timers_do_not_pile_up():
    async def work():
        loop = asyncio.get_running_loop()
        kept = loop.call_later(5000, lambda: None)
        for k in range(10_000):
            loop.call_later(9000 - k / 10, lambda: None).cancel()
        assert loop.timers == [kept]
        assert len(loop._timers) < 200
        await asyncio.sleep(6000)
        assert loop.timers == []
        return loop.time()

    assert run_virtual(work()) == 6000.0


def test_a_closed_loop_takes_no_timers():
    loop = VirtualLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_at(1.0, lambda: None)


def test_a_time_out_comes_in_virtual_time():
    async def work():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(work()) == 3600.0


def test_a_deadlock_is_an_error_that_names_the_tasks():
    async def stuck():
        await asyncio.Event().wait()

    async def work():
        await asyncio.sleep(2)
        tasks = [asyncio.create_task(stuck(), name=f"stuck-{i}") for i in range(7)]
        await asyncio.gather(*tasks)

    with pytest.raises(DeadlockError, match=r"at 2 s.*Task-\d+ \(.*work\).*stuck-0 \(.*stuck\).* 3 more"):
        run_virtual(work())


def test_the_error_of_the_work_is_passed_on():
    async def work():
        await asyncio.sleep(1)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        run_virtual(work())


def test_tasks_left_over_are_cancelled():
    ended = []

    async def other():
        try:
            await asyncio.sleep(1e6)
        finally:
            ended.append(asyncio.get_running_loop().time())

    async def work():
        task = asyncio.create_task(other())
        await asyncio.sleep(1)
        return task

    assert run_virtual(work()).cancelled()
    assert ended == [1.0]


def test_two_runs_have_the_same_order():
    def history():
        seen = []

        async def one(name):
            for _ in range(5):
                await asyncio.sleep(1)
                seen.append((asyncio.get_running_loop().time(), name))

        async def work():
            await asyncio.gather(*(one(i) for i in range(50)))

        run_virtual(work())
        return seen

    assert history() == history()


def test_there_are_no_threads():
    async def work():
        await asyncio.to_thread(len, ())

    with pytest.raises(NotImplementedError, match="no threads in virtual time"):
        run_virtual(work())


def test_addresses_resolve_and_names_do_not():
    async def work():
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("10.0.0.1", 5683, type=socket.SOCK_DGRAM)
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("a.name", None)
        return [info[4] for info in found]

    assert run_virtual(work()) == [("10.0.0.1", 5683)]


def test_there_are_no_sockets():
    async def work():
        await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", 9)
        )

    with pytest.raises(NotImplementedError):
        run_virtual(work())


def test_the_clock_of_a_run_follows_it():
    async def work():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(5)
        clock = LoopClock(loop, origin=loop.time())
        await clock.sleep(7)
        return clock.now()

    assert run_virtual(work()) == 7.0


def test_a_loop_can_be_used_without_the_helper():
    loop = VirtualLoop()
    try:
        assert loop.run_until_complete(asyncio.sleep(3, "done")) == "done"
        assert loop.time() == 3.0
    finally:
        loop.close()
