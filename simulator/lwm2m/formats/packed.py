"""An opaque resource such as Package (/5/0/0) in the content formats that can carry it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.coap.codes import FORMAT_CBOR, FORMAT_OPAQUE, FORMAT_TLV
from simulator.lwm2m.formats import encode
from simulator.lwm2m.formats.record import Record
from simulator.lwm2m.objects import ResourceType
from simulator.lwm2m.paths import parse_path

OPAQUE: Final = "opaque"
FORMS: Final[Mapping[str, int]] = {OPAQUE: FORMAT_OPAQUE, "tlv": FORMAT_TLV, "cbor": FORMAT_CBOR}
"""Numbers of content formats by the names that a scenario has for them."""


def packed(form: str, path: str, value: bytes) -> tuple[int, bytes]:
    """The number of the content format, and the payload of a Write of one opaque resource.

    Raises:
        ValueError: the form is not known, or the path is no path.
        UnsupportedFormatError: the format cannot carry the value; 24 bits hold its length in TLV.
    """
    if form not in FORMS:
        msg = f"{form!r} is no form of a file; there are {', '.join(FORMS)}"
        raise ValueError(msg)
    if form == OPAQUE:
        return FORMAT_OPAQUE, value
    at = parse_path(path)
    return FORMS[form], encode(FORMS[form], at, [Record(at, ResourceType.OPAQUE, value)])


__all__ = ["FORMS", "OPAQUE", "packed"]
