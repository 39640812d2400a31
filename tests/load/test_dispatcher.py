"""Running users stay where they are, whatever workers do."""

from __future__ import annotations

import pytest
from locust import User
from locust.runners import WorkerNode

from simulator.load.dispatcher import SteadyDispatcher


class Device(User):
    def live(self):
        pass

    tasks = (live,)


@pytest.fixture
def dispatcher():
    class Own(SteadyDispatcher):
        """With class attributes of its own."""

    return Own([WorkerNode(name) for name in "abc"], [Device])


def ramp(dispatcher, target, rate=1000.0):
    """Users by worker at the end of a ramp, and at each turn of it."""
    dispatcher.new_dispatch(target, rate)
    return [{worker: sum(row.values()) for worker, row in turn.items()} for turn in dispatcher]


def test_users_are_spread_evenly(dispatcher):
    assert ramp(dispatcher, 10)[-1] == {"a": 4, "b": 3, "c": 3}


def test_a_worker_that_joins_takes_new_users_only(dispatcher):
    before = ramp(dispatcher, 9)[-1]
    dispatcher.add_worker(WorkerNode("d"))
    assert ramp(dispatcher, 9)[-1] == {**before, "d": 0}
    assert ramp(dispatcher, 12)[-1] == {**before, "d": 3}


def test_users_of_a_lost_worker_are_added_where_the_fewest_are(dispatcher):
    ramp(dispatcher, 9)
    dispatcher.remove_worker(WorkerNode("b"))
    for turn in ramp(dispatcher, 9):
        assert turn["a"] >= 3
        assert turn["c"] >= 3
    assert sum(turn.values()) == 9


def test_they_are_not_where_nobody_wants_them_again(dispatcher):
    type(dispatcher).again = False
    ramp(dispatcher, 9)
    dispatcher.remove_worker(WorkerNode("b"))
    assert ramp(dispatcher, 9)[-1] == {"a": 3, "c": 3}
    assert sum(ramp(dispatcher, 12)[-1].values()) == 9


def test_a_worker_that_is_there_again_keeps_its_users_and_their_stand_ins_go(dispatcher):
    ramp(dispatcher, 9)
    node = WorkerNode("b")
    dispatcher.remove_worker(node)
    assert sum(ramp(dispatcher, 9)[-1].values()) == 9
    dispatcher.add_worker(node)
    assert ramp(dispatcher, 9)[-1] == {"a": 3, "b": 3, "c": 3}


def test_a_ramp_down_takes_the_newest(dispatcher):
    ramp(dispatcher, 9)
    dispatcher.add_worker(WorkerNode("d"))
    ramp(dispatcher, 11)
    assert ramp(dispatcher, 9)[-1] == {"a": 3, "b": 3, "c": 3, "d": 0}


def test_without_a_worker_there_is_nobody_to_add_to(dispatcher):
    ramp(dispatcher, 6)
    for name in "abc":
        dispatcher.remove_worker(WorkerNode(name))
    assert ramp(dispatcher, 6) in ([], [{}])


def test_what_a_ramp_is_to_add_is_told(dispatcher):
    told = []
    type(dispatcher).planned = staticmethod(lambda missing, rate: told.append((missing, rate)))
    ramp(dispatcher, 5, 2000.0)
    ramp(dispatcher, 8, 1500.0)
    ramp(dispatcher, 2, 1500.0)
    assert told == [(5, 2000.0), (3, 1500.0), (-6, 1500.0)]
