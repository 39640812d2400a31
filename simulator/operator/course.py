"""The course of an update: what the server must have told of it on the way, and how its two orders are answered.

An end says nothing of the way to it. A scenario that is a test case declares both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.operator.driver import Answer
from simulator.operator.watch import RESULT, STATE

if TYPE_CHECKING:
    from simulator.operator.requests import Reply
    from simulator.operator.watch import Watch


@dataclass(frozen=True, slots=True)
class Course:
    """What is declared of the way; what is empty is not judged."""

    states: tuple[int, ...] = ()
    """States (/5/0/3) that the server tells from the first registration on, a value that is told again left out."""
    results: tuple[int, ...] = ()
    """Update Results (/5/0/5), likewise."""
    write: str = ""
    """Response code to the Write of Package or Package URI."""
    execute: str = ""
    """Response code to the Execute of Update."""

    def differs(self, watch: Watch) -> str:
        """What the server told other than declared; empty where there is nothing."""
        for path, name, declared in ((STATE, "State", self.states), (RESULT, "Update Result", self.results)):
            told = tuple(watch.told.get(path, ())) if watch.told is not None else ()
            if declared and told != declared:
                return f"the server told {name} {_row(told)}; declared was {_row(declared)}"
        return ""


def answered(what: str, reply: Reply, declared: str) -> str:
    """How the answer to an order is other than declared; empty where it is not, or where nothing is declared."""
    if not declared or not isinstance(reply, Answer) or reply.code == declared:
        return ""
    return f"{what} was answered with {reply.code}; declared was {declared}"


def _row(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values)) or "nothing"


__all__ = ["Course", "answered"]
