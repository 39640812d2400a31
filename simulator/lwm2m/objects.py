"""What an LwM2M object is: definitions as data, and the protocol of an object instance.

A definition (which resources an object has, of which type, with which operations) is shared by all devices; an instance
is one device's own values. Sources: OMA LwM2M TS 1.1 Core, §7 and annex C (data types); the OMA registry for the
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol


class ResourceType(Enum):
    """Data types of resources (TS 1.1 Core, annex C)."""

    STRING = "string"
    INTEGER = "integer"
    UNSIGNED = "unsigned integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    OPAQUE = "opaque"
    TIME = "time"
    OBJLNK = "objlnk"
    NONE = "none"
    """Executable resources have no value."""


class ObjectLink(NamedTuple):
    """The value of an Objlnk resource."""

    object_id: int
    instance_id: int


Value = str | int | float | bool | bytes | ObjectLink
"""One value; Time is an int of seconds since the Unix epoch."""

Resource = Value | dict[int, Value]
"""What a resource holds: one value, or for a multiple resource a value per resource instance id."""


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """One resource of an object, as the OMA registry defines it."""

    id: int
    name: str
    type: ResourceType
    operations: str
    """``R``, ``W``, ``RW``, ``E`` or the empty string."""
    multiple: bool = False
    mandatory: bool = False
    range: tuple[int, int] | None = None
    """Smallest and largest number, or for String and Opaque the smallest and largest length in bytes."""


@dataclass(frozen=True, slots=True)
class ObjectDefinition:
    """One object, as the OMA registry defines it."""

    id: int
    name: str
    version: str
    resources: dict[int, ResourceDefinition]
    single: bool = True
    announced_version: bool = False
    """Whether registration links carry ``ver`` (needed where it is not the version that a server assumes)."""


class Instance(Protocol):
    """One object instance of one device.

    The caller has checked the operation and the type against the definition, so a method sees only resources that the
    definition has, with values of the right Python type.
    """

    @property
    def definition(self) -> ObjectDefinition:
        """The object's definition, shared between devices."""

    @property
    def instance_id(self) -> int:
        """The object instance id."""

    def read(self, resource_id: int) -> Resource | None:
        """The value now, or None where this device has no such resource at the moment (answered with 4.04)."""

    def write(self, resource_id: int, value: Resource) -> int:
        """Take a value; returns a CoAP code: ``CHANGED``, or the error to answer with."""

    def execute(self, resource_id: int, arguments: str) -> int:
        """Run; returns a CoAP code: ``CHANGED``, or the error to answer with."""
