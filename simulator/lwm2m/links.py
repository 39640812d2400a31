"""CoRE link format (40): the objects of a registration, and the answer to a Discover.

Sources: RFC 6690, §2; TS 1.1 Core, §6.2.1 (registration) and §6.3.2 (Discover).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from simulator.lwm2m.objects import ObjectDefinition
from simulator.lwm2m.paths import Path, PathError, format_path, path_of

RESOURCE_TYPE: Final = "oma.lwm2m"
"""The ``rt`` of the link that is the root of the data model."""

_TARGET: Final = re.compile(r"<([^<>\s\"]*)>")
_PARAMETER: Final = re.compile(r';([!#$&+\-.^_`|~0-9A-Za-z*]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",;<>]+)))?', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_VERSION: Final = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
_NO_FORMATS: Final[tuple[int, ...]] = ()


class LinkFormatError(ValueError):
    """A payload is no link format, or its links are no registration; the text says at which byte or link."""


class Link(NamedTuple):
    """One link: a target and its parameters, None for one without a value."""

    target: str
    parameters: dict[str, str | None]


class RegistrationLinks(NamedTuple):
    """What a registration says of a device's data model."""

    root: str
    """Path of the data model, ``/`` or an alternate one such as ``/lwm2m``."""
    content_formats: tuple[int, ...]
    """Content formats that the device names beside those that it must know."""
    objects: tuple[int, ...]
    """All object ids, in order of their numbers."""
    instances: tuple[Path, ...]
    """All object instances, in the order of the payload."""
    versions: dict[int, str]
    """Versions of the objects that name one."""


def parse_links(payload: bytes) -> list[Link]:
    """The links of a payload; an empty payload has none.

    Raises:
        LinkFormatError: it is not UTF-8 or no link format.
    """
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        msg = f"links: byte {error.start} is not UTF-8"
        raise LinkFormatError(msg) from None
    links: list[Link] = []
    at = 0
    while at < len(text):
        if links:
            at = _expect(text, at, ",")
        target = _TARGET.match(text, at)
        if target is None:
            raise _malformed(text, at, "a link such as </5/0>")
        at = target.end()
        parameters: dict[str, str | None] = {}
        while (found := _PARAMETER.match(text, at)) is not None:
            name, quoted, plain = found.groups()
            if name in parameters:
                raise _malformed(text, at, f"one parameter {name!r} and not two")
            parameters[name] = plain if quoted is None else _ESCAPE.sub(r"\1", quoted)
            at = found.end()
        links.append(Link(target[1], parameters))
    return links


def _expect(text: str, at: int, mark: str) -> int:
    if text[at] != mark or at + 1 == len(text):
        raise _malformed(text, at, f"{mark!r} and a link, or a parameter")
    return at + 1


def _malformed(text: str, at: int, expected: str) -> LinkFormatError:
    return LinkFormatError(f"links: at character {at} ({text[at : at + 12]!r}) there should be {expected}")


# -- registration ------------------------------------------------------------------------------------------------------


def format_registration(
    instances: Iterable[tuple[ObjectDefinition, int]], content_formats: Sequence[int] = ()
) -> bytes:
    """The payload of a Register: objects and instances in order; Security (0) and OSCORE (21) never appear.

    Content formats stand with the root. A version stands with the object, never with an instance.
    """
    links = []
    if content_formats:
        listed = " ".join(map(str, content_formats))
        links.append(f'</>;rt="{RESOURCE_TYPE}";ct=' + (f'"{listed}"' if len(content_formats) > 1 else listed))
    last = -1
    for definition, instance_id in sorted(instances, key=_order):
        if definition.id in HIDDEN_OBJECTS:
            continue
        if definition.announced_version and definition.id != last:
            links.append(f"</{definition.id}>;ver={definition.version}")
        links.append(f"</{definition.id}/{instance_id}>")
        last = definition.id
    return ",".join(links).encode()


HIDDEN_OBJECTS: Final = frozenset({0, 21})
"""Objects with keys: no server may see or reach them (TS 1.1 Core, §6.2.1)."""


def _order(instance: tuple[ObjectDefinition, int]) -> tuple[int, int]:
    return instance[0].id, instance[1]


def parse_registration(payload: bytes) -> RegistrationLinks:
    """What the links of a Register or Update say. Links that are no part of the data model are passed over.

    Raises:
        LinkFormatError: malformed; or a link of the data model is doubled, names more than an object instance, has an
            id out of range, or a version at the wrong place or of the wrong form.
    """
    links = parse_links(payload)
    root, content_formats = "/", _NO_FORMATS
    for link in links:
        if RESOURCE_TYPE in (link.parameters.get("rt") or "").split():
            root, content_formats = link.target or "/", _content_formats(link)
    prefix = root.rstrip("/") + "/"
    seen: set[Path] = set()
    instances = []
    versions = {}
    for link in links:
        path = _data_path(link, prefix)
        if path is None:
            continue
        if path in seen:
            raise _refused(link, "it stands twice")
        seen.add(path)
        if len(path) == 2:
            instances.append(path)
        if "ver" in link.parameters:
            versions[path[0]] = _version(link, path)
    objects = tuple(sorted({path[0] for path in seen}))
    return RegistrationLinks(root, content_formats, objects, tuple(instances), versions)


def _data_path(link: Link, prefix: str) -> Path | None:
    rest = link.target[len(prefix) :] if link.target.startswith(prefix) else ""
    segments = rest.split("/")
    if not all(segment.isascii() and segment.isdigit() for segment in segments):
        return None
    if len(segments) > 2:
        raise _refused(link, "a registration names objects and their instances, nothing below")
    try:
        return path_of(segments)
    except PathError as error:
        raise _refused(link, str(error)) from None


def _version(link: Link, path: Path) -> str:
    version = link.parameters["ver"] or ""
    if len(path) != 1:
        raise _refused(link, "the version belongs to the link of the object")
    if not _VERSION.fullmatch(version):
        raise _refused(link, f"{version!r:.20} is no version such as 1.0")
    return version


def _content_formats(link: Link) -> tuple[int, ...]:
    numbers = (link.parameters.get("ct") or "").split()
    if not all(n.isascii() and n.isdigit() and len(n) <= 5 and int(n) < 65536 for n in numbers):
        raise _refused(link, "ct is no list of content formats")
    return tuple(map(int, numbers))


def _refused(link: Link, reason: str) -> LinkFormatError:
    return LinkFormatError(f"links: <{link.target:.60}>: {reason}")


# -- Discover ----------------------------------------------------------------------------------------------------------


def format_discover(entries: Iterable[tuple[Path, str]]) -> bytes:
    """The answer to a Discover: paths with their parameters, which begin with a semicolon or are empty."""
    return ",".join([f"<{format_path(path)}>{parameters}" for path, parameters in entries]).encode()
