"""When to notify: ``pmin`` merges changes, ``pmax`` repeats what did not change (TS 1.1 Core, §5.1.2).

Pure: the owner says what changed and what was sent, and asks what is due and when to ask again.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import inf

from simulator.lwm2m.attributes import AttributeStore, periods
from simulator.lwm2m.paths import Path, overlaps

QUIET = -1
"""No change waits to be notified."""


class _Observed:
    """One observation. ``change`` is the number of the latest change that waits, or ``QUIET``."""

    __slots__ = ("change", "paths", "pmax", "pmin", "sent_at")

    def __init__(self, paths: tuple[Path, ...], now: float) -> None:
        self.paths = paths
        self.sent_at = now
        self.change = QUIET
        self.pmin = 0.0
        self.pmax = inf

    @property
    def deadline(self) -> float:
        """When the next notification is to be sent."""
        return self.sent_at + (self.pmax if self.change == QUIET else self.pmin)


class NotificationSchedule:
    """The observations of one device, by keys that their owner chooses.

    A key that ``changed`` or ``due`` returns keeps being due until ``sent`` is called with it. Keys come in the order
    of the latest changes, so that of two resources that change one after the other (Update Result, then State) the
    first is notified first. Times are seconds of any clock that does not go back.
    """

    __slots__ = ("_attributes", "_changes", "_observed", "_revision", "default_pmax", "default_pmin")

    def __init__(
        self, attributes: AttributeStore | None = None, *, default_pmin: float = 0.0, default_pmax: float = inf
    ) -> None:
        self.default_pmin = default_pmin
        """Default Minimum Period (/1/x/2) in seconds."""
        self.default_pmax = default_pmax
        """Default Maximum Period (/1/x/3) in seconds; ``inf`` or 0 for none."""
        self._attributes = attributes
        self._observed: dict[Hashable, _Observed] = {}
        self._changes = 0
        self._revision = 0

    def __len__(self) -> int:
        return len(self._observed)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._observed

    def add(self, key: Hashable, paths: Path | tuple[Path, ...], now: float) -> None:
        """Observe a path, or the paths of an Observe-Composite; the answer to the request counts as sent ``now``.

        A key that is there already begins anew.
        """
        several = [path for path in paths if isinstance(path, tuple)]
        entry = _Observed(tuple(several) or (tuple(number for number in paths if isinstance(number, int)),), now)
        self._set_periods(entry)
        self._observed[key] = entry

    def remove(self, key: Hashable) -> None:
        """Forget an observation; an unknown key is no error."""
        self._observed.pop(key, None)

    def clear(self) -> None:
        """Forget all of them, as a reboot does."""
        self._observed.clear()

    def changed(self, path: Path, now: float) -> list[Hashable]:
        """Take note of a new value; returns the keys to notify at once. Others wait for the end of their ``pmin``."""
        self._refresh()
        keys = []
        for key, entry in self._observed.items():
            if any(overlaps(path, observed) for observed in entry.paths):
                self._changes += 1
                entry.change = self._changes
                if entry.deadline <= now:
                    keys.append(key)
        return keys

    def due(self, now: float) -> list[Hashable]:
        """The keys to notify by now: first what changed, in the order of the changes, then what is to be repeated."""
        self._refresh()
        waiting = [(entry.change, key) for key, entry in self._observed.items() if entry.deadline <= now]
        changed = sorted([pair for pair in waiting if pair[0] != QUIET], key=_first)
        return [key for _, key in changed] + [key for change, key in waiting if change == QUIET]

    def sent(self, key: Hashable, now: float) -> None:
        """A notification of the present values went out; an unknown key is no error."""
        entry = self._observed.get(key)
        if entry is not None:
            entry.sent_at = now
            entry.change = QUIET

    @property
    def deadline(self) -> float:
        """When ``due`` has something to return; ``inf`` for never."""
        self._refresh()
        return min([entry.deadline for entry in self._observed.values()], default=inf)

    def _refresh(self) -> None:
        """Take over attributes that were written since."""
        if self._attributes is not None and self._attributes.revision != self._revision:
            self._revision = self._attributes.revision
            for entry in self._observed.values():
                self._set_periods(entry)

    def _set_periods(self, entry: _Observed) -> None:
        """Of several paths the longest ``pmin`` and the shortest ``pmax`` hold."""
        store = self._attributes
        found = [
            periods(store.inherited(path) if store else {}, self.default_pmin, self.default_pmax)
            for path in entry.paths
        ]
        entry.pmin = max(least for least, _ in found)
        entry.pmax = max(entry.pmin, min(most for _, most in found))


def _first(pair: tuple[int, Hashable]) -> int:
    return pair[0]
