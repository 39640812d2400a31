"""Endpoint patterns of groups, and whether two of them may give the same name."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Final, NamedTuple

from simulator.scenario.units import refuse

_FORMAT_SPEC: Final = frozenset("0123456789d")


class EndpointShape(NamedTuple):
    """An endpoint pattern of one group, taken apart around its index."""

    before: str
    spec: str | None
    """Format of the index; None where the pattern has no index."""
    after: str

    @classmethod
    def of(cls, pattern: str, group: str) -> EndpointShape:
        """The pattern of a group; ``group`` is its name."""
        before, found, rest = pattern.replace("{group}", group).partition("{index")
        spec, _, after = rest.partition("}")
        return cls(before, spec.removeprefix(":") if found else None, after)

    def names(self, total: int) -> Iterator[str]:
        """All names that it can give among ``total`` devices."""
        if self.spec is None:
            yield self.before
        else:
            yield from (f"{self.before}{index:{self.spec}}{self.after}" for index in range(total))

    def may_meet(self, other: EndpointShape, total: int) -> bool:
        """Whether two groups may give the same name to devices among ``total``.

        No two devices share an index, so equal shapes with an index never meet. Nor do beginnings of which neither
        continues the other. Only what is left is tried out.
        """
        if self == other:
            return self.spec is None
        if not (self.before.startswith(other.before) or other.before.startswith(self.before)):
            return False
        return not set(self.names(total)).isdisjoint(other.names(total))


def endpoint_pattern(value: str) -> str:
    """A pattern of Endpoint Client Names, checked.

    Raises:
        PydanticCustomError: it is none; has the mend.
    """
    form = 'write it as "vd-{group}-{index:06d}"'
    try:
        parts = list(string.Formatter().parse(value))
    except ValueError as error:
        refuse(f"not a pattern: {error}", form)
    if any(c.isspace() or not c.isprintable() for c in value):
        refuse("an Endpoint Client Name has no spaces and no control characters", form)
    if "{{" in value or "}}" in value or value.count("{index") > 1:
        refuse("a name has no braces, and {index} at most once", form)
    for _, field, spec, conversion in parts:
        if field not in (None, "group", "index"):
            refuse(f"unknown field {{{field}}}", "the fields are {group} and {index}")
        if conversion or (spec and (field != "index" or not set(spec) <= _FORMAT_SPEC or len(spec) > 4)):
            refuse(f"the field {{{field}}} cannot be written like that", form)
    try:
        value.format(group="g", index=0)
    except ValueError as error:
        refuse(f"not a pattern: {error}", form)
    return value
