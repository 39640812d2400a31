"""What the servers of a run are given so that devices can come to them securely; nothing of it stays after the run."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulator.cli.device_files import anchors
from simulator.security.authority import write_identity
from simulator.security.issue import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.fleet.population import Population
    from simulator.scenario import Scenario

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
PSKS_AT_ONCE: Final = 1000
"""Keys in one command to the package origin."""


class Identities:
    """The identity of the run's servers, in a directory outside of the run directory, and the keys of its devices."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._issuer = Issuer(seed)
        self._directory: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether any device comes securely."""
        groups = self._scenario.groups.values()
        return any(group.management_spec.kinds or group.download_spec.kinds for group in groups)

    def write(self, population: Population) -> str:
        """Write the identity; its directory, or the empty string where nobody needs one.

        Raises:
            CredentialError: a file of the devices' certificates cannot be used.
            OSError: it cannot be written.
        """
        if not self.wanted:
            return ""
        self._directory = Path(tempfile.mkdtemp(prefix="lwm2m-fleet-"))
        own = getattr(self._scenario.server, "host", LOOPBACK[0]), self._scenario.firmware.host
        hosts = dict.fromkeys((*own, *LOOPBACK))
        authority = self._issuer.authority
        write_identity(self._directory, authority.server(*hosts), authority)
        with (self._directory / "ca.pem").open("ab") as trusted:
            trusted.writelines(anchors(population, self._issuer))
        return str(self._directory)

    def remove(self) -> None:
        """Leave nothing behind."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def download_psks(self, population: Population) -> Iterator[list[tuple[str, str]]]:
        """Identity and key, in hexadecimal, of all devices that come to the package origin by key, in pieces.

        Raises:
            CredentialError: a file of keys cannot be used.
        """
        if not self.wanted:
            return
        piece: list[tuple[str, str]] = []
        for k in range(len(population)):
            plan = population.device(k)
            spec = plan.download_credentials
            if "psk" in spec.kinds:
                psk = self._issuer.psk(plan.endpoint, spec.psk_file)
                piece.append((psk.identity.decode(), psk.key.hex()))
            if len(piece) == PSKS_AT_ONCE:
                yield piece
                piece = []
        if piece:
            yield piece
