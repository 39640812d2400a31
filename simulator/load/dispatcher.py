"""Hands users out to workers so that no running user ever moves.

Locust's own dispatcher spreads all users anew when a worker joins or is lost: users that run are stopped in one place
and started in another, which to a server looks like an outage that nobody planned. This one only adds where there is
room and only takes away what is to go. It uses private attributes of Locust's, and is tested with the versions that
``pyproject.toml`` names.
"""

from __future__ import annotations

from heapq import heapify, heapreplace
from typing import TYPE_CHECKING

from locust.dispatch import UsersDispatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from locust import User
    from locust.runners import WorkerNode


class SteadyDispatcher(UsersDispatcher):
    """Locust's dispatcher without its rebalancing.

    ``planned`` is called at each beginning of a ramp with the users that it is to add and its rate per second;
    ``again`` says whether users of a lost worker are to be added anew.
    """

    planned: Callable[[int, float], None] | None = None
    again: bool = True

    def __init__(self, worker_nodes: list[WorkerNode], user_classes: list[type[User]]) -> None:
        super().__init__(worker_nodes, user_classes)
        self._lost: dict[str, list[str]] = {}

    def new_dispatch(
        self, target_user_count: int, spawn_rate: float, user_classes: list[type[User]] | None = None
    ) -> None:
        """Begin a ramp up or down."""
        target = target_user_count if self.again else max(0, target_user_count - self._gone)
        super().new_dispatch(target, spawn_rate, user_classes)
        planned = type(self).planned
        if planned is not None:
            planned(target - self.get_current_user_count(), spawn_rate)

    @property
    def _gone(self) -> int:
        return sum(map(len, self._lost.values()))

    def add_worker(self, worker_node: WorkerNode) -> None:
        """A worker joins, or is there again with its users: it has room for users that are still to come."""
        if any(worker_node.id == known.id for known in self._worker_nodes):
            return
        self._worker_nodes.append(worker_node)
        self._sort_workers()
        row = {user_class.__name__: 0 for user_class in self._original_user_classes}
        returned = self._lost.pop(worker_node.id, [])
        for user in returned:
            row[user] += 1
        self._users_on_workers[worker_node.id] = row
        self._current_user_count += len(returned)
        # First, so that who was added in their place is taken away before them.
        self._active_users[:0] = [(worker_node, user) for user in returned]

    def remove_worker(self, worker_node: WorkerNode) -> None:
        """A worker is lost, and its users with it; the users of the others stay where they are."""
        self._worker_nodes = [known for known in self._worker_nodes if known.id != worker_node.id]
        lost = [user for node, user in self._active_users if node.id == worker_node.id]
        self._users_on_workers.pop(worker_node.id, None)
        self._active_users = [(node, user) for node, user in self._active_users if node.id != worker_node.id]
        self._current_user_count -= len(lost)
        if lost:
            self._lost[worker_node.id] = lost

    def _add_users_on_workers(self) -> dict[str, dict[str, int]]:
        """Add the users of one turn, each where the fewest are."""
        target = min(self._current_user_count + self._user_count_per_dispatch_iteration, self._target_user_count)
        # Workers by their load; the position keeps the order of Locust among equals.
        loads = [
            (sum(self._users_on_workers[node.id].values()), position, node)
            for position, node in enumerate(self._worker_nodes)
        ]
        heapify(loads)
        while self._current_user_count < target:
            user = next(self._user_generator) if loads else None
            if not user:
                self._no_user_to_spawn = True
                break
            load, position, node = loads[0]
            heapreplace(loads, (load + 1, position, node))
            self._users_on_workers[node.id][user] += 1
            self._current_user_count += 1
            self._active_users.append((node, user))
        return self._users_on_workers
