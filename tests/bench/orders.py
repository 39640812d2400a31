"""What a fleet is made to do while it is measured; each gives CPU seconds of the fleet process alone."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulator.operator.driver import Notified, ServerEvent
from tests.bench import c_peers
from tests.bench.origins import origin
from tests.bench.rig import BenchError, Load, Rig, rig

STATE: Final = "/5/0/3"
DOWNLOADED: Final = "2"
REQUEST_S: Final = 60.0
SETTLE_S: Final = 2.0


def origin_uri(port: int) -> str:
    """The Package URI at the C server."""
    return f"coap://127.0.0.1:{port}/{c_peers.BODY_PATH}"


async def download(directory: Path, load: Load) -> float:
    """CPU seconds from the first Write of Package URI to the last State 2 that the server was told.

    All devices are registered before and download at the same time.

    Raises:
        BenchError: not every device came to State 2.
    """
    async with rig(directory, load) as under_test:
        if load.transport != "coap":
            async with origin(under_test) as uris:
                return await _order_downloads(under_test, uris[load.transport])
        with c_peers.server(load.package_bytes, under_test.package) as port:
            return await _order_downloads(under_test, origin_uri(port))


async def register(directory: Path, load: Load) -> float:
    """CPU seconds from the command to go until every device is registered: its making, its handshake, its Register."""
    async with rig(directory, load) as under_test:
        before = under_test.cpu_s()
        await under_test.go()
        await under_test.until_counted("registered", load.devices)
        return under_test.cpu_s() - before


async def _order_downloads(under_test: Rig, uri: str) -> float:
    downloaded: set[str] = set()

    def on_event(event: ServerEvent) -> None:
        if isinstance(event, Notified) and (event.path, event.value) == (STATE, DOWNLOADED):
            downloaded.add(event.endpoint)

    under_test.listeners.append(on_event)
    driver, endpoints = under_test.driver, under_test.endpoints
    await under_test.go()
    await under_test.until_counted("registered", len(endpoints))
    for endpoint in endpoints:
        await driver.observe(endpoint, STATE, REQUEST_S)
    before = under_test.cpu_s()
    answers = await asyncio.gather(
        *(driver.write_text(endpoint, "/5/0/1", uri, REQUEST_S) for endpoint in endpoints),
    )
    refused = Counter(answer.code for answer in answers if answer.code != "2.04")
    if refused:
        msg = f"the devices refused the Package URI: {dict(refused)}"
        raise BenchError(msg)
    await under_test.until(lambda: len(downloaded) == len(endpoints), f"{len(endpoints)} downloads")
    return under_test.cpu_s() - before


@dataclass(frozen=True, slots=True)
class Updated:
    """What a campaign cost the fleet."""

    cpu_s: float
    """From the command to go to the last verdict, user and system."""
    ready_cpu_s: float
    """Before that: the start of the process."""


async def update(directory: Path, load: Load) -> Updated:
    """Let every device register and be updated by the operator's own campaign, with all that it observes and reads.

    Raises:
        BenchError: an update did not end well.
    """
    async with rig(directory, load) as under_test:
        with c_peers.server(load.package_bytes, under_test.package) as port:
            campaign = under_test.campaign(origin_uri(port))
            before = under_test.cpu_s()
            await under_test.go()
            await campaign.run()
            used = under_test.cpu_s() - before
        await campaign.close()
    if campaign.progress.ok != load.devices:
        reasons = Counter(u.verdict.reason for u in campaign.updates if u.verdict is not None and u.verdict.reason)
        lacking = load.devices - campaign.progress.ok
        msg = f"{lacking} of {load.devices} updates did not end well: {reasons.most_common(3)}"
        raise BenchError(msg)
    return Updated(used, before)


def read_probe(directory: Path) -> dict[str, Any]:
    """What the probe of a fleet has written.

    Raises:
        BenchError: nothing.
    """
    try:
        document: dict[str, Any] = json.loads((directory / "probe").read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"the probe of the fleet process wrote nothing: {error}"
        raise BenchError(msg) from error
    return document


async def idle(directory: Path, load: Load) -> int:
    """Bytes that the fleet process has for itself alone when all its devices are registered and nothing goes on.

    With the probe ``memory``, the traced bytes by line are in ``read_probe`` afterwards.
    """
    async with rig(directory, load) as under_test:
        await under_test.go()
        await under_test.until_counted("registered", load.devices)
        await asyncio.sleep(SETTLE_S)
        held = under_test.uss_bytes()
        if load.probe == "memory":
            (directory / "probe.now").touch()
            await under_test.until(under_test.probe_file.exists, "the snapshot of the memory")
        return held
