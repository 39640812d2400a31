"""The objects of one device, and the answers to the requests of a server (TS 1.1 Core, §6.3 and Transport, §6.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from simulator.coap import codes as c
from simulator.coap.message import Message
from simulator.lwm2m.attributes import THRESHOLDS, AttributeFormatError, AttributeStore, parse_attributes
from simulator.lwm2m.composite import COMPOSITE_FORMATS, decode_paths, decode_values, encode_values
from simulator.lwm2m.formats import ContentFormatError, Record, UnsupportedFormatError, decode, encode
from simulator.lwm2m.instances import InstanceTable
from simulator.lwm2m.links import format_discover, format_registration
from simulator.lwm2m.objects import Instance, ResourceType
from simulator.lwm2m.paths import Path, PathError, format_path, path_of
from simulator.lwm2m.reading import discover, instance_records, resource_records
from simulator.lwm2m.refusal import RefusedError
from simulator.lwm2m.writing import NUMBERS, carry_out, plan

FORMATS_1_0: Final = (c.FORMAT_TEXT, c.FORMAT_OPAQUE, c.FORMAT_TLV)
FORMATS_1_1: Final = (*FORMATS_1_0, c.FORMAT_CBOR, c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR)
ANNOUNCED_1_1: Final = (c.FORMAT_CBOR, c.FORMAT_SENML_JSON, c.FORMAT_SENML_CBOR, c.FORMAT_TLV)
"""What a registration says with ``ct``; text and opaque go without saying."""

_ARGUMENT: Final = r"[0-9](?:='[!#-&(-\[\]-~]*')?"
_ARGUMENTS: Final = re.compile(rf"(?:{_ARGUMENT}(?:,{_ARGUMENT})*)?", re.ASCII)
"""The arguments of an Execute (TS 1.1 Core, §6.3.5): a digit, or a digit and a quoted value, joined by commas."""


class Answer(NamedTuple):
    """What a response is made of; a payload without content format is a diagnostic text (RFC 7252, §5.5.2)."""

    code: int
    content_format: int = -1
    payload: bytes = b""


class ObjectTree(InstanceTable):
    """The object instances of one device.

    ``attributes`` holds what Write-Attributes set; a ``NotificationSchedule`` reads it. Security (0) and OSCORE (21)
    belong to the tree, but every operation of a server on them is refused with 4.01 (TS 1.1 Core, §6.3).
    """

    __slots__ = ("_version_1_0", "attributes")

    def __init__(self, instances: Iterable[Instance], *, lwm2m_version: str = "1.1") -> None:
        super().__init__(instances)
        self._version_1_0 = lwm2m_version == "1.0"
        self.attributes = AttributeStore()

    # -- what the device itself asks ---------------------------------------------------------------------------------

    def links(self) -> bytes:
        """The payload of a Register."""
        listed = [(instance.definition, instance.instance_id) for instance in self.instances()]
        return format_registration(listed, () if self._version_1_0 else ANNOUNCED_1_1)

    def read_records(self, path: Path) -> list[Record]:
        """What a Read of a path gives; the root gives all that a server may read.

        Raises:
            RefusedError: 4.01 hidden, 4.04 not there, 4.05 not readable.
        """
        if len(path) > 2:
            return resource_records(self.find(path), path)
        records: list[Record] = []
        for instance in self.below(path):
            records += instance_records(instance)
        return records

    def read(self, path: Path, accept: int = -1) -> Answer:
        """The answer to a Read, or one notification of an Observe, in the format that was asked for (-1: none)."""
        try:
            return self._read(path, accept)
        except RefusedError as error:
            return Answer(error.code, payload=error.reason.encode())

    def read_composite(self, paths: Iterable[Path], content_format: int) -> Answer:
        """The answer to a Read-Composite, or one notification of an Observe-Composite, in SenML.

        What is not there or cannot be read is left out (TS 1.1 Core, §6.3.8); what is hidden is refused.
        """
        records: list[Record] = []
        for path in paths:
            try:
                records += self.read_records(path)
            except RefusedError as error:
                if error.code == c.UNAUTHORIZED:
                    return Answer(error.code, payload=error.reason.encode())
        return Answer(c.CONTENT, content_format, encode_values(content_format, list(dict.fromkeys(records))))

    # -- what a server asks ------------------------------------------------------------------------------------------

    def handle(self, request: Message) -> Answer:
        """The answer to one whole request. Observe options are the caller's: this is the answer without them."""
        try:
            return self._handle(request, path_of(request.path))
        except RefusedError as error:
            return Answer(error.code, payload=error.reason.encode())
        except UnsupportedFormatError as error:
            return Answer(c.UNSUPPORTED_CONTENT_FORMAT, payload=str(error).encode())
        except (ContentFormatError, AttributeFormatError, PathError) as error:
            return Answer(c.BAD_REQUEST, payload=str(error).encode("utf-8", "replace"))

    def _handle(self, request: Message, path: Path) -> Answer:
        code = request.code
        if code in (c.FETCH, c.IPATCH):
            if path or self._version_1_0:
                raise RefusedError(c.METHOD_NOT_ALLOWED, "composite requests have no path, and need LwM2M 1.1")
            return self._read_composite(request) if code == c.FETCH else self._write_composite(request)
        self.require(path)
        if len(path) == 4 and self._version_1_0:
            raise RefusedError(c.NOT_FOUND, "resource instances have no path before LwM2M 1.1")
        accept = request.uint(c.ACCEPT)
        if code == c.GET:
            return self._discover(path) if accept == c.FORMAT_LINK else self._read(path, accept)
        if code == c.PUT:
            if not request.payload and request.content_format < 0 and request.query:
                return self._write_attributes(path, request.query)
            return self._write(request, path, partial=False)
        if code == c.POST and len(path) == 2:
            return self._write(request, path, partial=True)
        if code == c.POST and len(path) == 3:
            return self._execute(request, path)
        raise RefusedError(c.METHOD_NOT_ALLOWED, "objects of this device are neither created nor deleted")

    def _read(self, path: Path, accept: int) -> Answer:
        if not path:
            raise RefusedError(c.METHOD_NOT_ALLOWED, "the root is read by a composite request only")
        records = self.read_records(path)
        content_format = self._content_format(path, accept)
        try:
            return Answer(c.CONTENT, content_format, encode(content_format, path, records))
        except UnsupportedFormatError as error:
            raise RefusedError(c.NOT_ACCEPTABLE, str(error)) from None

    def _content_format(self, path: Path, accept: int) -> int:
        if accept >= 0:
            if accept not in (FORMATS_1_0 if self._version_1_0 else FORMATS_1_1):
                raise RefusedError(c.NOT_ACCEPTABLE, f"no content format {accept}")
            return accept
        definition = self.resource(path) if len(path) > 2 else None
        if definition is not None and (len(path) == 4 or not definition.multiple):
            return c.FORMAT_OPAQUE if definition.type is ResourceType.OPAQUE else c.FORMAT_TEXT
        return c.FORMAT_TLV if self._version_1_0 else c.FORMAT_SENML_CBOR

    def _discover(self, path: Path) -> Answer:
        if not 1 <= len(path) <= 3:
            raise RefusedError(c.METHOD_NOT_ALLOWED, "Discover is for an object, an instance or a resource")
        payload = format_discover(discover(path, self.below(path[:2]), self.attributes))
        return Answer(c.CONTENT, c.FORMAT_LINK, payload)

    def _write_attributes(self, path: Path, query: tuple[str, ...]) -> Answer:
        changes = parse_attributes(query, lwm2m_version="1.0" if self._version_1_0 else "1.1")
        if not path or not self.exists(path):
            raise RefusedError(c.NOT_FOUND if path else c.METHOD_NOT_ALLOWED, f"no {format_path(path)} to observe")
        definition = self.resource(path) if len(path) > 2 else None
        if definition is not None and "R" not in definition.operations:
            raise RefusedError(c.METHOD_NOT_ALLOWED, f"{format_path(path)} cannot be observed")
        numeric = definition is not None and definition.type in NUMBERS
        if not numeric and any(name in changes for name in THRESHOLDS):
            raise RefusedError(c.BAD_REQUEST, f"gt, lt and st are for numbers, not for {format_path(path)}")
        self.attributes.write(path, changes)
        return Answer(c.CHANGED)

    def _write(self, request: Message, path: Path, *, partial: bool) -> Answer:
        if len(path) < 2:
            raise RefusedError(c.METHOD_NOT_ALLOWED, "an object is not written as a whole")
        self.find(path)
        if len(path) > 2:
            self.require_operation(path, "W")
        if len(path) == 4:
            partial = True
        # Before 1.1 the option could be missing, and meant text.
        content_format = max(request.content_format, c.FORMAT_TEXT)
        if self._version_1_0 and content_format not in FORMATS_1_0:
            raise RefusedError(c.UNSUPPORTED_CONTENT_FORMAT, f"content format {content_format} needs LwM2M 1.1")
        records = decode(content_format, path, request.payload, self.type_of)
        if content_format != c.FORMAT_TLV:
            _require_values(records)
        if len(path) == 3 and not records:
            raise RefusedError(c.BAD_REQUEST, f"no value for {format_path(path)}")
        return Answer(carry_out(plan(self.find, records, partial=partial)))

    def _execute(self, request: Message, path: Path) -> Answer:
        instance = self.find(path)
        self.require_operation(path, "E")
        if request.content_format > c.FORMAT_TEXT:
            raise RefusedError(c.UNSUPPORTED_CONTENT_FORMAT, "the arguments of an Execute are plain text")
        arguments = request.payload.decode("ascii", "replace")
        if not _ARGUMENTS.fullmatch(arguments):
            raise RefusedError(c.BAD_REQUEST, "arguments have the form 0='value',1")
        return Answer(instance.execute(path[2], arguments))

    def _read_composite(self, request: Message) -> Answer:
        paths = decode_paths(request.content_format, request.payload)
        accept = request.uint(c.ACCEPT)
        if accept >= 0 and accept not in COMPOSITE_FORMATS:
            raise RefusedError(c.NOT_ACCEPTABLE, f"no content format {accept} for many values")
        return self.read_composite(paths, accept if accept >= 0 else request.content_format)

    def _write_composite(self, request: Message) -> Answer:
        records = decode_values(request.content_format, request.payload, self.type_of)
        _require_values(records)
        return Answer(carry_out(plan(self.find, records, partial=True)))


def _require_values(records: Iterable[Record]) -> None:
    for record in records:
        if record.value is None:
            raise RefusedError(c.BAD_REQUEST, f"{format_path(record.path)} has no value")
