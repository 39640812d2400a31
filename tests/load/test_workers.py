"""Leases over messages, and workers that are lost."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from simulator.load.living import process_space
from simulator.load.messages import LEASED
from simulator.load.workers import CERTAIN_S, Workers


class Master:
    """A clock, the workers that Locust hears, and what was sent."""

    def __init__(self, devices, *, again=True):
        self.t = 0.0
        self.there = ["a", "b"]
        self.sent = []
        self.lost = []
        self.dead = []
        self.workers = Workers(
            devices,
            lambda message, data, worker: self.sent.append((message, data, worker)),
            lambda: self.t,
            lambda: self.there,
            self.lost.append,
            again=again,
            dead=self.dead.append,
        )
        for worker in self.there:
            self.workers.name(worker)

    def leased(self):
        """What was leased since the last time, by worker."""
        sent, self.sent = self.sent, []
        assert all(message == LEASED for message, _, _ in sent)
        return [(worker, [k for k, _ in data["devices"]]) for _, data, worker in sent if "devices" in data]


def test_a_lease_says_when_each_device_is_due():
    master = Master(4)
    master.workers.ramp.begin(1.0, 4, 2.0)
    master.workers.wants("a", 2)
    assert master.sent == [(LEASED, {"devices": [[0, 1.0], [1, 1.5]]}, "a")]


def test_users_beyond_the_plan_are_refused():
    master = Master(3)
    master.workers.wants("a", 5)
    (_, leased, _), (_, refused, _) = master.sent
    assert len(leased["devices"]) == 3
    assert refused["refused"] == "the plan of this run has 3 devices, 2 users more than that have none"


def test_devices_of_a_lost_worker_wait_until_it_is_certain():
    master = Master(4)
    master.workers.wants("a", 2)
    master.workers.wants("b", 2)
    master.leased()
    master.there = ["a"]
    master.t = 10.0
    master.workers.wants("a", 2)
    assert master.lost == ["fleet-1 is lost, and 2 devices with it"]
    assert master.leased() == []
    master.t = 10.0 + CERTAIN_S
    master.workers.look()
    assert master.leased() == []
    master.t += 0.1
    master.workers.look()
    assert master.leased() == [("a", [2, 3])]


def test_the_end_of_a_process_on_this_machine_is_certain_at_once():
    master = Master(4)
    master.workers.wants("b", 2)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    master.workers.has_process("b", ended.pid, process_space())
    master.leased()
    master.there = ["a"]
    master.workers.wants("a", 4)
    assert master.leased() == [("a", [0, 1, 2, 3])]


def test_a_worker_that_died_unheard_is_told_although_its_parent_has_not_looked_yet():
    master = Master(4)
    died = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    os.waitid(os.P_PID, died.pid, os.WEXITED | os.WNOWAIT)
    for worker, own in (("a", os.getpid()), ("b", died.pid)):
        master.workers.wants(worker, 2)
        master.workers.has_process(worker, os.getpid(), process_space(), own)
    master.there = ["a", "b"]
    master.dead.clear()
    master.workers.look()
    assert master.dead == ["b"]
    died.communicate()


def test_a_process_id_of_another_container_says_nothing():
    master = Master(4)
    master.workers.wants("b", 2)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    master.workers.has_process("b", ended.pid, process_space() + "1")
    master.leased()
    master.there = ["a"]
    master.workers.wants("a", 4)
    assert master.leased() == [("a", [2, 3])]


def test_a_process_that_lives_keeps_its_devices():
    master = Master(4)
    master.workers.wants("b", 2)
    master.workers.has_process("b", os.getpid(), process_space())
    master.leased()
    master.there = ["a"]
    master.t = 10 * CERTAIN_S
    master.workers.wants("a", 4)
    assert master.leased() == [("a", [2, 3])]
    master.there = ["a", "b"]
    master.workers.look()
    assert master.workers.ledger.of("b") == {0, 1}


@pytest.mark.parametrize("again", [True, False])
def test_devices_of_a_lost_worker_run_again_where_that_is_wanted(again):
    master = Master(2, again=again)
    master.workers.wants("b", 2)
    master.leased()
    master.there = ["a"]
    master.workers.look()
    master.t = 2 * CERTAIN_S
    master.workers.wants("a", 2)
    assert master.leased() == ([("a", [0, 1])] if again else [])
