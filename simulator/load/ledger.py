"""Which worker has which devices: the master's book, pure.

A device of the plan runs in one place at a time. What a worker gives back can be leased anew; what a lost worker had is
held until it is certain that nothing of it runs any more.
"""

from __future__ import annotations

from collections import deque


class Ledger:
    """Leases of the devices 0 to ``size`` - 1.

    Devices are handed out in the order of the plan. One that ran before comes again only when there is no new one left,
    except those of a lost worker, which come first: their updates are what is missing.

    Args:
        size: devices in the plan.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._next = 0
        self._back: deque[int] = deque()
        self._first: deque[int] = deque()
        self._leased: dict[str, set[int]] = {}
        self._held: dict[str, set[int]] = {}

    @property
    def leased(self) -> int:
        """Devices that run somewhere."""
        return sum(map(len, self._leased.values()))

    @property
    def held(self) -> int:
        """Devices of lost workers, of which nobody knows yet whether they run."""
        return sum(map(len, self._held.values()))

    def of(self, worker: str) -> frozenset[int]:
        """The devices that a worker has."""
        return frozenset(self._leased.get(worker, ()))

    def lease(self, worker: str, count: int) -> list[int]:
        """Lease so many devices to a worker, or as many as there are."""
        found: list[int] = []
        while len(found) < count:
            if self._first:
                found.append(self._first.popleft())
            elif self._next < self._size:
                found.append(self._next)
                self._next += 1
            elif self._back:
                found.append(self._back.popleft())
            else:
                break
        if found:
            self._leased.setdefault(worker, set()).update(found)
        return found

    def give_back(self, worker: str, devices: list[int]) -> None:
        """Take devices back that have left; those that the worker does not have are passed over."""
        has = self._leased.get(worker, set())
        for device in devices:
            if device in has:
                has.discard(device)
                self._back.append(device)

    def lose(self, worker: str) -> int:
        """A worker is missing: hold what it has. How many devices that are."""
        held = self._leased.pop(worker, set())
        if held:
            self._held.setdefault(worker, set()).update(held)
        return len(held)

    def found(self, worker: str) -> None:
        """A worker that was missing is there again, with the devices that it had."""
        held = self._held.pop(worker, set())
        if held:
            self._leased.setdefault(worker, set()).update(held)

    def release(self, worker: str, *, again: bool = True) -> int:
        """It is certain that a lost worker's devices do not run any more. How many they were.

        Args:
            again: lease them anew; otherwise they are gone for this run.
        """
        held = sorted(self._held.pop(worker, set()))
        if again:
            self._first.extend(held)
        return len(held)
