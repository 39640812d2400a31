"""What aiocoap needs for OSCORE beyond what it is installed with."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

PACKAGES: Final = {"filelock": "filelock", "lakers": "lakers-python", "cbor2": "cbor2"}
"""Modules that aiocoap's OSCORE imports, and the packages that they are in."""


def missing_for_oscore() -> list[str]:
    """The packages that are not there; all of them are in the extra ``oscore``."""
    return [package for module, package in PACKAGES.items() if find_spec(module) is None]


__all__ = ["missing_for_oscore"]
