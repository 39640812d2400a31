"""From object instances to records, and to the links of a Discover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from simulator.coap.codes import METHOD_NOT_ALLOWED, NOT_FOUND
from simulator.lwm2m.attributes import AttributeStore, format_attributes
from simulator.lwm2m.formats import Record
from simulator.lwm2m.objects import Instance, Resource, ResourceDefinition
from simulator.lwm2m.paths import Path, format_path
from simulator.lwm2m.refusal import RefusedError


def instance_path(instance: Instance) -> Path:
    """The path of an object instance."""
    return instance.definition.id, instance.instance_id


def instance_records(instance: Instance) -> list[Record]:
    """All that can be read of an instance, in the order of the resource ids."""
    path = instance_path(instance)
    records: list[Record] = []
    for number, definition in instance.definition.resources.items():
        if "R" in definition.operations:
            value = instance.read(number)
            if value is not None:
                records += _records((*path, number), definition, value)
    return records


def resource_records(instance: Instance, path: Path) -> list[Record]:
    """The records of a resource, or of one resource instance.

    Raises:
        RefusedError: 4.04 it does not exist, 4.05 it cannot be read.
    """
    definition = instance.definition.resources.get(path[2])
    if definition is None:
        raise RefusedError(NOT_FOUND, f"no resource {format_path(path)}")
    if "R" not in definition.operations:
        raise RefusedError(METHOD_NOT_ALLOWED, f"{format_path(path)} cannot be read")
    value = instance.read(path[2])
    if value is None:
        raise RefusedError(NOT_FOUND, f"no value of {format_path(path)} at the moment")
    if len(path) == 3:
        return _records(path, definition, value)
    if isinstance(value, dict) and path[3] in value:
        return [Record(path, definition.type, value[path[3]])]
    raise RefusedError(NOT_FOUND, f"no resource instance {format_path(path)}")


def _records(path: Path, definition: ResourceDefinition, value: Resource) -> list[Record]:
    if isinstance(value, dict):
        return [Record((*path, number), definition.type, value[number]) for number in sorted(value)]
    return [Record(path, definition.type, value)]


def discover(path: Path, instances: Iterable[Instance], attributes: AttributeStore) -> Iterator[tuple[Path, str]]:
    """The links below a path and their parameters (TS 1.1 Core, §6.3.2).

    An object shows its version where it announces one, a multiple resource its number of instances (``dim``). Each
    level shows the attributes that were written to it; a resource that is itself asked for shows inherited ones too,
    and its instances.

    Raises:
        RefusedError: 4.04, the resource does not exist.
    """
    found = list(instances)
    if len(path) == 1:
        definition = found[0].definition
        version = f";ver={definition.version}" if definition.announced_version else ""
        yield path, version + format_attributes(attributes.at(path))
    for instance in found:
        if len(path) < 3:
            yield instance_path(instance), format_attributes(attributes.at(instance_path(instance)))
            for number in instance.definition.resources:
                yield from _discover_resource(instance, (*instance_path(instance), number), attributes)
        else:
            yield from _discover_target(instance, path, attributes)


def _discover_resource(instance: Instance, path: Path, attributes: AttributeStore) -> Iterator[tuple[Path, str]]:
    value = resource_value(instance, path[2])
    if value is not None:
        yield path, _dimension(value) + format_attributes(attributes.at(path))


def _discover_target(instance: Instance, path: Path, attributes: AttributeStore) -> Iterator[tuple[Path, str]]:
    value = resource_value(instance, path[2])
    if value is None:
        raise RefusedError(NOT_FOUND, f"no resource {format_path(path)}")
    yield path, _dimension(value) + format_attributes(attributes.inherited(path))
    if isinstance(value, dict):
        for number in sorted(value):
            yield (*path, number), format_attributes(attributes.at((*path, number)))


def _dimension(value: Resource) -> str:
    return f";dim={len(value)}" if isinstance(value, dict) else ""


def resource_value(instance: Instance, resource_id: int) -> Resource | None:
    """The value of a resource; the empty string stands for one that exists but cannot be read; None where it is absent.

    What can only be written or executed exists wherever the definition of the device's object has it.
    """
    definition = instance.definition.resources.get(resource_id)
    if definition is None:
        return None
    return instance.read(resource_id) if "R" in definition.operations else ""
