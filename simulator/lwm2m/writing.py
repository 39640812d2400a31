"""From the records of a payload to calls of ``Instance.write``, with every check before the first call.

A Write either passes all checks or changes nothing (TS 1.1 Core, §6.3.3 and §6.3.9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from simulator.coap.codes import BAD_REQUEST, CHANGED, METHOD_NOT_ALLOWED, NOT_FOUND
from simulator.lwm2m.formats import Record
from simulator.lwm2m.objects import Instance, Resource, ResourceDefinition, ResourceType, Value
from simulator.lwm2m.paths import Path, format_path
from simulator.lwm2m.refusal import RefusedError

NUMBERS: Final = frozenset({ResourceType.INTEGER, ResourceType.UNSIGNED, ResourceType.FLOAT, ResourceType.TIME})


class Assignment(NamedTuple):
    """One resource that is to take a value."""

    instance: Instance
    resource_id: int
    value: Resource


def plan(find: Callable[[Path], Instance], records: Iterable[Record], *, partial: bool) -> list[Assignment]:
    """The assignments of a payload, in its order.

    ``partial`` keeps the instances of a multiple resource that the payload does not name; else they are replaced.

    Raises:
        RefusedError: 4.04 no such resource, 4.05 it cannot be written, 4.00 a value is missing, doubled, of the
            wrong shape or out of range. ``find`` may raise too.
    """
    singles: dict[Path, Value] = {}
    multiples: dict[Path, dict[int, Value]] = {}
    owners: dict[Path, Instance] = {}
    for record in records:
        path = record.path[:3]
        owner = owners.get(path) or find(path)
        definition = _writable(owner, path)
        owners[path] = owner
        if definition.multiple:
            _add_instance(record, definition, multiples.setdefault(path, {}))
        elif len(record.path) != 3 or record.value is None or path in singles:
            raise RefusedError(BAD_REQUEST, f"{format_path(record.path)}: not one value for a single resource")
        else:
            check_range(record.path, definition, record.value)
            singles[path] = record.value
    plans = []
    for path, owner in owners.items():
        value: Resource = singles[path] if path in singles else _merged(owner, path[2], multiples[path], partial)
        plans.append(Assignment(owner, path[2], value))
    return plans


def carry_out(assignments: Iterable[Assignment]) -> int:
    """Write; the code of the first refusal of an object, or ``CHANGED``. What was written before it stays."""
    for assignment in assignments:
        code = assignment.instance.write(assignment.resource_id, assignment.value)
        if code != CHANGED:
            return code
    return CHANGED


def _writable(owner: Instance, path: Path) -> ResourceDefinition:
    definition = owner.definition.resources.get(path[2])
    if definition is None:
        raise RefusedError(NOT_FOUND, f"no resource {format_path(path)}")
    if "W" not in definition.operations:
        raise RefusedError(METHOD_NOT_ALLOWED, f"{format_path(path)} cannot be written")
    return definition


def _add_instance(record: Record, definition: ResourceDefinition, found: dict[int, Value]) -> None:
    path = record.path
    if len(path) == 3 and record.value is None:
        return
    if len(path) != 4 or record.value is None or path[3] in found:
        raise RefusedError(BAD_REQUEST, f"{format_path(path)}: not one value for an instance of a multiple resource")
    check_range(path, definition, record.value)
    found[path[3]] = record.value


def _merged(owner: Instance, resource_id: int, values: dict[int, Value], partial: bool) -> dict[int, Value]:
    present = owner.read(resource_id) if partial else None
    return {**present, **values} if isinstance(present, dict) else values


def check_range(path: Path, definition: ResourceDefinition, value: Value) -> None:
    """Whether a number, or the length in bytes of a text or of opaque bytes, is in the range of its definition.

    Raises:
        RefusedError: 4.00, it is not.
    """
    if definition.range is None:
        return
    low, high = definition.range
    size: float
    if isinstance(value, str):
        size = len(value.encode())
    elif isinstance(value, bytes):
        size = len(value)
    elif definition.type in NUMBERS and isinstance(value, int | float):
        size = value
    else:
        return
    if not low <= size <= high:
        what = "length" if isinstance(value, str | bytes) else "value"
        raise RefusedError(BAD_REQUEST, f"{format_path(path)}: {what} {size} is not in {low}..{high}")
