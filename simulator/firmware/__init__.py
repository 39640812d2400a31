"""Firmware packages without I/O: their format, how a device checks one, and the order of versions."""

from simulator.firmware.check import Finding, Verdict, check, early_check
from simulator.firmware.image import (
    HEADER_SIZE,
    Header,
    PackageError,
    PackageIntegrityError,
    UnsupportedPackageError,
    build,
    generate,
    parse_header,
)
from simulator.firmware.versions import is_newer, version_key

__all__ = [
    "HEADER_SIZE",
    "Finding",
    "Header",
    "PackageError",
    "PackageIntegrityError",
    "UnsupportedPackageError",
    "Verdict",
    "build",
    "check",
    "early_check",
    "generate",
    "is_newer",
    "parse_header",
    "version_key",
]
