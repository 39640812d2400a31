"""The object instances of one device, found by their paths."""

from __future__ import annotations

from collections.abc import Iterable, ValuesView

from simulator.coap.codes import METHOD_NOT_ALLOWED, NOT_FOUND, UNAUTHORIZED
from simulator.lwm2m.links import HIDDEN_OBJECTS
from simulator.lwm2m.objects import Instance, ResourceDefinition, ResourceType
from simulator.lwm2m.paths import Path, format_path
from simulator.lwm2m.reading import resource_value
from simulator.lwm2m.refusal import RefusedError


class InstanceTable:
    """Object instances in the order of their paths; those with keys are hidden from servers.

    Raises:
        ValueError: two instances have the same path.
    """

    __slots__ = ("_instances",)

    def __init__(self, instances: Iterable[Instance]) -> None:
        ordered = sorted(instances, key=_order)
        self._instances = {_order(instance): instance for instance in ordered}
        if len(self._instances) != len(ordered):
            raise ValueError("two object instances have the same path")

    def instances(self) -> ValuesView[Instance]:
        """All instances, in the order of their paths."""
        return self._instances.values()

    def exists(self, path: Path) -> bool:
        """Whether the object, instance, resource or resource instance is there now."""
        if len(path) < 2:
            return not path or any(instance.definition.id == path[0] for instance in self.instances())
        instance = self._instances.get(_key(path[0], path[1]))
        if instance is None or len(path) == 2:
            return instance is not None
        value = resource_value(instance, path[2])
        return value is not None if len(path) == 3 else isinstance(value, dict) and path[3] in value

    def require(self, path: Path) -> None:
        """Keep servers out of the objects with keys.

        Raises:
            RefusedError: 4.01.
        """
        if path and path[0] in HIDDEN_OBJECTS:
            raise RefusedError(UNAUTHORIZED, "objects with keys are closed to servers")

    def find(self, path: Path) -> Instance:
        """The instance that a path of two ids or more names.

        Raises:
            RefusedError: 4.01 hidden, 4.04 not there.
        """
        self.require(path)
        instance = self._instances.get(_key(path[0], path[1]))
        if instance is None:
            raise RefusedError(NOT_FOUND, f"no object instance {format_path(path[:2])}")
        return instance

    def below(self, path: Path) -> list[Instance]:
        """The instances of an object, or the one that a longer path names; of the root, all that are not hidden.

        Raises:
            RefusedError: 4.01 hidden, 4.04 not there.
        """
        if len(path) >= 2:
            return [self.find(path)]
        self.require(path)
        found = [i for i in self.instances() if i.definition.id not in HIDDEN_OBJECTS]
        if path:
            found = [i for i in found if i.definition.id == path[0]]
            if not found:
                raise RefusedError(NOT_FOUND, f"no object {format_path(path)}")
        return found

    def resource(self, path: Path) -> ResourceDefinition | None:
        """The definition of the resource that a path of three ids or more names, whether its instance exists or not."""
        for instance in self.instances():
            if instance.definition.id == path[0]:
                return instance.definition.resources.get(path[2])
        return None

    def type_of(self, path: Path) -> ResourceType | None:
        """The type of a resource, as the codecs ask for it."""
        resource = self.resource(path)
        return resource.type if resource is not None else None

    def require_operation(self, path: Path, operation: str) -> None:
        """Whether a resource, or an instance of a multiple one, allows an operation.

        Raises:
            RefusedError: 4.04 no such resource, 4.05 it does not.
        """
        resource = self.resource(path)
        if resource is None or (len(path) == 4 and not resource.multiple):
            raise RefusedError(NOT_FOUND, f"no resource {format_path(path)}")
        if operation not in resource.operations:
            allowed = resource.operations or "none"
            raise RefusedError(METHOD_NOT_ALLOWED, f"{format_path(path)} allows the operations {allowed}")


def _key(object_id: int, instance_id: int) -> int:
    return (object_id << 16) | instance_id


def _order(instance: Instance) -> int:
    return _key(instance.definition.id, instance.instance_id)
