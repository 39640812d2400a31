"""What an external server needs so that the devices of a scenario can come to it: their keys, and the CA of the run."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING

from simulator.cli.failure import ENVIRONMENT, USAGE, CommandFailedError
from simulator.cli.targets import security_of
from simulator.security.credentials import CredentialError
from simulator.security.files import COLUMNS
from simulator.security.issue import Issuer

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.fleet.population import DevicePlan, Population


def write_keys(population: Population, path: Path) -> None:
    """Write endpoint, identity and key of all devices that come by a pre-shared key, for its owner's eyes alone.

    JSON for a name that ends in ``.json``, else CSV: forms that ``load_psks`` reads. They are the right keys, those of
    devices whose own key is wrong on purpose too. A device that comes by key to the package origin only is included.

    Raises:
        CommandFailedError: there is no such device, a file of keys cannot be used, or the file cannot be written.
    """
    issuer = Issuer(population.entropy.seed)
    rows: list[tuple[str, str, str]] = []
    try:
        for k in range(len(population)):
            plan = population.device(k)
            file = _key_file(plan)
            if file is not None:
                psk = issuer.psk(plan.endpoint, file)
                rows.append((plan.endpoint, psk.identity.decode(), psk.key.hex()))
    except CredentialError as error:
        raise CommandFailedError(str(error), USAGE) from None
    if not rows:
        msg = "no device comes by a pre-shared key; set `management` or `transport` to coaps, or drop --keys"
        raise CommandFailedError(msg, USAGE)
    _write_secret(_json(rows) if path.suffix.lower() == ".json" else _csv(rows), path)


def write_ca(population: Population, path: Path) -> None:
    """Write the certificate of the run's CA as PEM; it is no secret.

    Raises:
        CommandFailedError: the file cannot be written.
    """
    try:
        path.write_bytes(Issuer(population.entropy.seed).authority.pem)
    except OSError as error:
        raise _cannot_write(path, error) from None


def _key_file(plan: DevicePlan) -> str | None:
    """The file that a device's key is in, empty for one derived from the seed; None for a device without a key."""
    kind, file = security_of(plan)
    if kind == "psk":
        return file
    return plan.download_credentials.psk_file if "psk" in plan.download_credentials.kinds else None


def _csv(rows: list[tuple[str, str, str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _json(rows: list[tuple[str, str, str]]) -> str:
    return json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], indent=1) + "\n"


def _write_secret(text: str, path: Path) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)  # of a file that was there, too
            file.write(text)
    except OSError as error:
        raise _cannot_write(path, error) from None


def _cannot_write(path: Path, error: OSError) -> CommandFailedError:
    return CommandFailedError(f"{path} cannot be written: {error.strerror}", ENVIRONMENT)
