"""How a device judges a package: by its header as soon as that is in, by the whole once the last byte is in."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from simulator.firmware.image import PackageIntegrityError, UnsupportedPackageError, parse_header


class Finding(Enum):
    """What is wrong with a package, if anything."""

    OK = "ok"
    UNSUPPORTED = "unsupported package"
    """Leads to Update Result 6."""
    INTEGRITY = "integrity check failure"
    """Leads to Update Result 5."""


class Verdict(NamedTuple):
    """The outcome of a check, with the reason in words."""

    finding: Finding
    reason: str = ""
    model: str = ""
    """Target model of the package; empty where the header could not be read."""
    version: str = ""
    """Firmware version of the package; empty where the header could not be read."""

    @property
    def ok(self) -> bool:
        """Whether the package may be installed."""
        return self.finding is Finding.OK


def early_check(header: bytes, model: str, received: int | None = None) -> Verdict:
    """Judge the first ``HEADER_SIZE`` bytes of a package, for a device of the given model.

    ``received`` is the length of the whole package where it is known already; fewer bytes than the header says are
    an integrity failure then, and so are more.
    """
    try:
        found = parse_header(header)
    except UnsupportedPackageError as error:
        return Verdict(Finding.UNSUPPORTED, str(error))
    except PackageIntegrityError as error:
        return Verdict(Finding.INTEGRITY, str(error))
    if found.model != model:
        reason = f"the package is for the model {found.model!r}, this device is a {model!r}"
        return Verdict(Finding.UNSUPPORTED, reason, found.model, found.version)
    if received is not None and received != found.total_length:
        reason = f"{received} bytes arrived, the header says {found.total_length}"
        return Verdict(Finding.INTEGRITY, reason, found.model, found.version)
    return Verdict(Finding.OK, "", found.model, found.version)


def check(header: bytes, digest: bytes, received: int, model: str) -> Verdict:
    """Judge a whole package.

    Args:
        header: the first ``HEADER_SIZE`` bytes (fewer where the package is shorter).
        digest: SHA-256 of the bytes after the header.
        received: bytes of the whole package, header included.
        model: the model of this device.
    """
    verdict = early_check(header, model, received)
    if verdict.ok and parse_header(header).payload_sha256 != digest:
        return verdict._replace(finding=Finding.INTEGRITY, reason="the SHA-256 of the payload does not match")
    return verdict
