"""The package files of a run: the one that the campaign distributes, and the ones that some faults order instead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.firmware import HEADER_SIZE, build, generate
from simulator.firmware.image import PackageError, parse_header
from simulator.firmware.variants import VARIANTS
from simulator.lwm2m.firmware_resources import PACKAGE_URI_MAX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from simulator.scenario import Firmware
    from simulator.scenario.devices import Group

GOOD: Final = "good"
WRONG_MODEL: Final = "wrong-model"
BAD_MAGIC: Final = "bad-magic"
NOT_FOUND: Final = "not-found"
BAD_SCHEME: Final = "bad-scheme"
NUL: Final = "nul"

UNRESOLVABLE: Final = "x" * 64
"""A label that is longer than the Domain Name System has any (RFC 1035 §2.3.4), so that nobody is asked for it."""
CLOSED_PORT: Final = 1
"""A port at which nobody listens."""

FOREIGN_MODEL: Final = "another-model"


def package_uris(groups: Iterable[Group], origins: Mapping[str, str]) -> str:
    """What to enter at a server that somebody else drives: the Package URI for each transport of a pull."""
    schemes = dict.fromkeys(group.scheme for group in groups if group.delivery == "pull")
    uris = [f"{origins[scheme]}/{GOOD}.bin" for scheme in schemes if scheme in origins]
    return f"Package URI to order by: {', '.join(uris)}" if uris else ""


def padded(uri: str, size: int) -> str:
    """A URI with a query that makes it as many bytes long."""
    return f"{uri}?".ljust(size, "x")


@dataclass(frozen=True, slots=True)
class Packages:
    """Where the package files are."""

    directory: Path
    size: int
    """Bytes of the good package, header included."""
    version: str

    def file(self, order: str) -> Path:
        """The file that an order of this kind hands out."""
        return self.directory / f"{order if order in (WRONG_MODEL, BAD_MAGIC, *VARIANTS) else GOOD}.bin"

    def nul(self) -> Path:
        """The file that clears /5/0/0: one NUL."""
        return self.directory / f"{NUL}.bin"

    def uri(self, order: str, origin: str, device: int = 0, after: float = 0.5) -> str:
        """The Package URI that an order of this kind names.

        Args:
            order: of a kind of fault.
            origin: URI of the package origin.
            device: index of the device, for which an origin may exchange the package.
            after: share of the package from which on an origin may stall.
        """
        scheme = origin[: origin.index("://") + 3]
        good = self.file(order).name
        return {
            BAD_SCHEME: f"ftp{origin[origin.index('://') :]}/{good}",
            NOT_FOUND: f"{origin}/nothing-here.bin",
            "unparsable": f"{scheme}[::1/{good}",
            "unresolved": f"{scheme}{UNRESOLVABLE}/{good}",
            "refused": f"{origin.rpartition(':')[0]}:{CLOSED_PORT}/{good}",
            "forbidden": f"{origin}/forbidden/{good}",
            "unavailable": f"{origin}/unavailable/{good}",
            "stalls": f"{origin}/stalls/{round(100 * after)}/{good}",
            "replaced": f"{origin}/replaced/{device}/{good}",
            "longest": padded(f"{origin}/{good}", PACKAGE_URI_MAX),
            "too-long": padded(f"{origin}/{good}", PACKAGE_URI_MAX + 1),
        }.get(order, f"{origin}/{good}")


def make_packages(
    firmware: Firmware, seed: int, directory: Path, orders: Collection[str] = tuple(VARIANTS)
) -> Packages:
    """Write the package files of a run into ``directory``.

    A firmware file that is no package yet gets a header, so that devices can check it.

    Args:
        firmware: that of the scenario.
        seed: of the run.
        directory: made where it is not there.
        orders: of which the variants of the package are wanted (``simulator.firmware.variants``).

    Raises:
        OSError: the files cannot be read or written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    good = _good(firmware, seed)
    foreign = generate(max(len(good), HEADER_SIZE), FOREIGN_MODEL, firmware.version, seed)
    (directory / f"{GOOD}.bin").write_bytes(good)
    (directory / f"{WRONG_MODEL}.bin").write_bytes(foreign)
    (directory / f"{BAD_MAGIC}.bin").write_bytes(b"\x7fELF" + good[4:])
    (directory / f"{NUL}.bin").write_bytes(b"\0")
    for name in VARIANTS.keys() & set(orders):
        (directory / f"{name}.bin").write_bytes(VARIANTS[name](good))
    return Packages(directory, len(good), firmware.version)


def _good(firmware: Firmware, seed: int) -> bytes:
    if firmware.file is None:
        return generate(int(firmware.size), firmware.model, firmware.version, seed)
    content = Path(firmware.file).read_bytes()
    try:
        parse_header(content)
    except PackageError:
        return build(firmware.model, firmware.version, content)
    return content
