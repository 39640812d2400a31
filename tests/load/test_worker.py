"""A worker's users while they wait for a device."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest

from simulator.load import messages as m
from simulator.load.worker import NOBODY, WorkerFleet


@pytest.fixture
def worker():
    sent = []
    runner = SimpleNamespace(send_message=lambda message, data: sent.append((message, data)))
    fleet = WorkerFleet(SimpleNamespace(runner=runner, stop_timeout=0.0))
    return SimpleNamespace(fleet=fleet, sent=sent)


def users(worker, count):
    found = [gevent.spawn(worker.fleet.take) for _ in range(count)]
    gevent.sleep(0)
    gevent.sleep(0)
    return found


def test_users_of_a_run_that_could_not_be_take_no_device_of_the_next(worker):
    dead = users(worker, 3)
    gevent.killall(dead)
    worker.fleet._ready.set()
    alive = users(worker, 2)
    assert worker.sent == [(m.LEASE, {"count": 2})]
    worker.fleet.on_leased({"devices": [[7, 0.0], [8, 0.0]]})
    gevent.joinall(alive)
    assert [user.value for user in alive] == [7, 8]


def test_what_was_leased_for_a_user_that_was_stopped_meanwhile_goes_back(worker):
    worker.fleet._ready.set()
    first, second = users(worker, 2)
    first.kill()
    worker.fleet.on_leased({"devices": [[7, 0.0], [8, 0.0]]})
    second.join()
    assert second.value == 7
    assert worker.sent == [(m.LEASE, {"count": 2}), (m.BACK, {"devices": [8]})]


def test_users_that_are_refused_have_no_device(worker):
    waiting = users(worker, 2)
    worker.fleet.refuse()
    gevent.joinall(waiting)
    assert [user.value for user in waiting] == [NOBODY, NOBODY]
