"""What all documents in XML have in common."""

from __future__ import annotations

import re
from typing import Final

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may have (XML 1.0, production 2)."""


def legal(text: str) -> str:
    """The text, with a replacement character for each that no document may have."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
