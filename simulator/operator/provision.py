"""Before a campaign: the server under test is told how each device shows who it is."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from simulator.operator.driver import ByCertificate, DriverError, ServerStartError
from simulator.security.credentials import CredentialError
from simulator.security.issue import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.operator.driver import Driver, Secret
    from simulator.operator.job import Job

PROGRESS_S: Final = 1.0
"""How often progress is told."""


def secrets_of(job: Job) -> list[tuple[str, Secret]]:
    """Endpoint Client Name and secret of every device that has one.

    Raises:
        ServerStartError: the file of the keys cannot be read, or has none for a device.
    """
    issuer, by_certificate = Issuer(job.seed), ByCertificate()
    secrets: list[tuple[str, Secret]] = []
    for target in job.targets:
        if target.security == "x509":
            secrets.append((target.endpoint, by_certificate))
        elif target.security == "oscore":
            secrets.append((target.endpoint, issuer.oscore(target.endpoint)))
        elif target.security == "psk":
            try:
                secrets.append((target.endpoint, issuer.psk(target.endpoint, target.psk_file)))
            except CredentialError as error:
                raise ServerStartError(str(error)) from error
        elif target.security:
            msg = f"{target.endpoint}: there is no security of the kind {target.security!r}"
            raise ServerStartError(msg)
    return secrets


async def provision(driver: Driver, secrets: list[tuple[str, Secret]], progress: Callable[[str], None]) -> None:
    """Tell the server all secrets, as many at once as it can take.

    Args:
        driver: has been started.
        secrets: from ``secrets_of``.
        progress: is told, in words for the user, how far it is.

    Raises:
        ServerStartError: the server did not take one.
    """
    if not secrets:
        return
    open_ones = deque(secrets)
    report = asyncio.create_task(_report(open_ones, len(secrets), progress))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(driver.max_in_flight, len(secrets))):
                group.create_task(_work(driver, open_ones))
    except ExceptionGroup as group:
        if not isinstance(group.exceptions[0], DriverError):
            raise
        msg = f"the server did not take credentials: {group.exceptions[0]}"
        raise ServerStartError(msg) from None
    finally:
        report.cancel()
        await asyncio.gather(report, return_exceptions=True)
    progress(f"the server has the credentials of {len(secrets)} devices")


async def _work(driver: Driver, secrets: deque[tuple[str, Secret]]) -> None:
    while secrets:
        await driver.credentials(*secrets.popleft())


async def _report(secrets: deque[tuple[str, Secret]], total: int, progress: Callable[[str], None]) -> None:
    while True:
        progress(f"giving the server the credentials of the devices: {total - len(secrets)} of {total}")
        await asyncio.sleep(PROGRESS_S)
