"""What else updates of a group are asked and judged by: ``orders`` and ``course``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from simulator.lwm2m.formats.packed import OPAQUE
from simulator.lwm2m.paths import PathError, parse_path
from simulator.scenario.problems import Finding, Key
from simulator.scenario.sections import Section
from simulator.scenario.units import refuse

if TYPE_CHECKING:
    from simulator.scenario.devices import Group

PACKAGE: Final = "/5/0/0"
NUL: Final = "\0"
"""The one Package that an order writes; any other is the delivery's."""

GIVEN: Final = {"read": "2.05", "write": "2.04", "execute": "2.04"}
"""Response codes of success."""


def _resource(value: str) -> str:
    try:
        segments = len(parse_path(value))
    except PathError:
        segments = 0
    if segments not in (3, 4) or not value.startswith("/"):
        refuse(f"{value!r} is no path of a resource", 'write it as "/5/0/3"')
    return value


Code = Annotated[str, Field(pattern=r"^[245]\.[0-9][0-9]$")]


class OperatorOrder(Section):
    """One request of the operator beside the update, and the answer that it is declared to get."""

    when: Literal["idle", "downloading", "downloaded", "updating", "end"] = Field(
        description="The State in which it is asked: idle is before the delivery, end is after all."
    )
    do: Literal["read", "write", "execute"] = Field(description="What is asked.")
    path: Annotated[str, AfterValidator(_resource)] = Field(description='The resource, such as "/5/0/3".')
    value: str | None = Field(
        default=None,
        description="What is written, the arguments of an Execute, or what a Read must give. Default: anything.",
    )
    code: Code | None = Field(
        default=None, description="The response code that the device must answer with. Default: that of success."
    )

    @property
    def answer(self) -> str:
        """The response code that is declared."""
        return self.code or GIVEN[self.do]

    @model_validator(mode="after")
    def _sensible(self) -> OperatorOrder:
        if self.do == "write" and self.value is None:
            refuse("a write without a value", "add `value`")
        if self.do == "write" and self.path == PACKAGE and self.value != NUL:
            refuse("of packages, an order writes the one that clears only", 'set value = "\\\\u0000"')
        if self.do == "read" and self.value is not None and not self.answer.startswith("2."):
            refuse("what is refused gives no value", "drop `value` or `code`")
        if self.when == "end" and self.do != "read":
            refuse(f"an update is over at the end, and a {self.do} would begin something new", "choose another `when`")
        return self


class Course(Section):
    """What is declared of the way to the end; what is not set is not judged."""

    states: tuple[Annotated[int, Field(ge=0, le=3)], ...] = Field(
        default=(), strict=False, description="States (/5/0/3) that the server tells, in this order."
    )
    results: tuple[Annotated[int, Field(ge=0, le=11)], ...] = Field(
        default=(), strict=False, description="Update Results (/5/0/5) that the server tells, in this order."
    )
    write: Code | None = Field(default=None, description="Response code to the Write of Package or Package URI.")
    execute: Code | None = Field(default=None, description="Response code to the Execute of Update.")

    @property
    def declared(self) -> bool:
        """Whether it says anything."""
        return bool(self.states or self.results or self.write or self.execute)

    @model_validator(mode="after")
    def _changes(self) -> Course:
        for values in (self.states, self.results):
            if any(one == following for one, following in pairwise(values)):
                refuse(f"{list(values)} has a value twice in a row, which nobody could see", "write it once")
        return self


class Procedure(Section):
    """The keys of devices that are about their updates beside the end."""

    orders: tuple[OperatorOrder, ...] = Field(
        default=(), strict=False, description="What the operator asks beside the update; an array of tables."
    )
    course: Course = Field(default_factory=Course, description="What is declared of the way to the end; a table.")
    push_format: Literal["opaque", "tlv", "cbor"] = Field(
        default="opaque", description="Content format in which a Package is pushed: opaque, tlv or cbor."
    )
    automatic_upgrade: bool = Field(
        default=False,
        description="Whether the operator writes true to Automatic Upgrade at Download (/5/0/14) and executes nothing.",
    )


def check_procedure(name: str, group: Group, *, external: bool) -> Iterator[Finding]:
    """What keeps the orders of a group from being given, and its course from being taken."""
    key: Key = ("groups", name)
    given = {
        "orders": bool(group.orders),
        "course": group.course.declared,
        "push_format": group.push_format != OPAQUE,
    }
    for part, present in given.items():
        if present and external:
            yield Finding((*key, part), "an external server gives its own orders", f"drop `{part}`")
    yield from _ends(key, group)


def _ends(key: Key, group: Group) -> Iterator[Finding]:
    """Every device of a group takes the same course, so it has to lead to every end of the group."""
    decisive = [fault for fault in group.faults if fault.decisive and fault.expected is not None]
    ends = {fault.expected for fault in decisive if fault.expected is not None}
    if sum(fault.carriers(group.count) for fault in decisive) < group.count or not ends:
        ends.add(group.expected)
    for part, at in (("states", 0), ("results", 1)):
        values = getattr(group.course, part)
        others = sorted(end[at] for end in ends if values and end[at] != values[-1])
        if others:
            problem = f"ends with {values[-1]}, but updates of this group are declared to end with {others[0]}"
            yield Finding((*key, "course", part), problem, "correct one of them, or use one more group")


def check_never_executed(name: str, group: Group, seams: frozenset[str]) -> Iterator[Finding]:
    """What cannot be in a group that is updated where nobody executes Update.

    Args:
        name: of the group.
        group: with a delivery.
        seams: of the kinds of its faults.
    """
    key: Key = ("groups", name)
    why = 'with campaign.execute = "never" nobody executes Update'
    if group.expected == (0, 1):
        yield Finding((*key, "expect"), f"{why}, so no update succeeds", "set expect = { state = 2, result = 0 }")
    if seams & {"installer", "decision"}:
        yield Finding((*key, "faults"), f"{why}, and a fault of the installation never strikes", "drop it")
    for position, order in enumerate(group.orders):
        if order.when == "updating":
            yield Finding((*key, "orders", position, "when"), f"{why}, so that State never comes", "choose another")
    if group.course.execute:
        yield Finding((*key, "course", "execute"), why, "drop it")


__all__ = ["GIVEN", "NUL", "PACKAGE", "Course", "OperatorOrder", "Procedure", "check_never_executed", "check_procedure"]
