"""Leases: a device is in one place at a time, whatever workers do."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulator.load.ledger import Ledger

SIZE = 30
WORKERS = st.sampled_from(["a", "b", "c"])


def test_devices_come_in_the_order_of_the_plan():
    ledger = Ledger(5)
    assert [ledger.lease("a", 2), ledger.lease("b", 2), ledger.lease("a", 2)] == [[0, 1], [2, 3], [4]]


def test_one_that_has_left_comes_again_when_there_is_no_new_one():
    ledger = Ledger(3)
    ledger.lease("a", 2)
    ledger.give_back("a", [0])
    assert ledger.lease("b", 2) == [2, 0]


def test_those_of_a_lost_worker_come_first_once_it_is_certain():
    ledger = Ledger(10)
    ledger.lease("a", 3)
    ledger.lease("b", 3)
    assert ledger.lose("a") == 3
    assert ledger.lease("b", 1) == [6]
    assert ledger.release("a") == 3
    assert ledger.lease("b", 4) == [0, 1, 2, 7]


def test_a_worker_that_is_there_again_has_what_it_had():
    ledger = Ledger(4)
    ledger.lease("a", 2)
    ledger.lose("a")
    ledger.found("a")
    assert ledger.of("a") == {0, 1}
    assert ledger.held == 0


def test_devices_of_a_lost_worker_may_be_gone_for_good():
    ledger = Ledger(3)
    ledger.lease("a", 2)
    ledger.lose("a")
    assert ledger.release("a", again=False) == 2
    assert ledger.lease("b", 3) == [2]


def test_what_a_worker_does_not_have_it_cannot_give_back():
    ledger = Ledger(2)
    ledger.lease("a", 2)
    ledger.give_back("b", [0])
    assert ledger.lease("b", 1) == []


class Histories(RuleBasedStateMachine):
    """Anything that workers may do, in any order."""

    def __init__(self):
        super().__init__()
        self.ledger = Ledger(SIZE)
        self.missing = set()

    @rule(worker=WORKERS, count=st.integers(1, 12))
    def lease(self, worker, count):
        if worker not in self.missing:
            before = self.ledger.leased
            found = self.ledger.lease(worker, count)
            assert len(found) == len(set(found)) <= count
            assert self.ledger.leased == before + len(found)

    @rule(worker=WORKERS, devices=st.lists(st.integers(0, SIZE - 1), max_size=5))
    def give_back(self, worker, devices):
        self.ledger.give_back(worker, devices)
        assert not self.ledger.of(worker) & set(devices)

    @rule(worker=WORKERS)
    def lose(self, worker):
        self.ledger.lose(worker)
        self.missing.add(worker)

    @rule(worker=WORKERS)
    def found(self, worker):
        self.ledger.found(worker)
        self.missing.discard(worker)

    @rule(worker=WORKERS)
    def release(self, worker):
        if worker in self.missing:
            self.ledger.release(worker)

    @invariant()
    def a_device_is_in_one_place(self):
        leases = [self.ledger.of(worker) for worker in "abc"]
        assert sum(map(len, leases)) == len(frozenset().union(*leases)) == self.ledger.leased
        assert self.ledger.leased + self.ledger.held <= SIZE


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestHistories = Histories.TestCase
