"""The product as it runs, taken apart so that its CPU can be read: a fleet process, the embedded server, an order.

The fleet is pinned to the first core; whatever else runs (server, origin, whoever gives the orders) to the second.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from simulator.cli.child import Child, ChildError
from simulator.firmware import generate
from simulator.operator.campaign import Campaign, Tactics, Target
from simulator.operator.driver import ByCertificate, Secret, ServerEvent
from simulator.operator.drivers import driver_for
from simulator.operator.job import ServerChoice
from simulator.operator.json_lines import JsonLinesDriver
from simulator.operator.provision import provision
from simulator.operator.requests import Console, Patience
from simulator.operator.update import Order
from simulator.security.authority import write_identity
from simulator.security.issue import Issuer
from simulator.security.spec import NEEDS

MODEL: Final = "bench"
VERSION: Final = "2.0.0"
POLL_S: Final = 0.02
READY_S: Final = 60.0
WAIT_S: Final = 180.0
UPDATE_S: Final = 300.0
ARRIVALS_PER_S: Final = 500
SEED: Final = 1
"""Of the fleet: the credentials of its devices come from it."""

_SCENARIO: Final = """
[firmware]
size = "{size} B"
model = "{model}"
version = "{version}"

[groups.all]
count = {devices}
delivery = "{delivery}"
management = "{management}"
transport = "{transport}"
network = "{network}"
endpoint = "bench-{{index}}"
boot_time = "100 ms"
install_time = "100 ms"
{faults}

[arrivals]
kind = "rate"
rate = "{rate}/s"
"""


class BenchError(Exception):
    """What was to be measured did not happen; the text says what."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a fleet is and is told to do."""

    devices: int
    package_bytes: int
    delivery: str = "pull"
    concurrency: int = 200
    probe: str = "none"
    management: str = "coap"
    """URI scheme of the management server."""
    transport: str = "coap"
    """URI scheme that the devices pull by."""
    network: str = "ideal"
    """Network profile of the devices."""
    faults: tuple[str, ...] = ()
    """What every device has, each a table of TOML without its heading."""
    module: str = "tests.bench.fleet_process"
    """The fleet's process."""


def core(n: int) -> int:
    """The number of the n-th core that this process may use; -1 where it has only one."""
    cores = sorted(ALL_CORES)
    return cores[n % len(cores)] if len(cores) > 1 else -1


ALL_CORES: Final = frozenset(os.sched_getaffinity(0))


def stay_off_the_fleets_core() -> None:
    """Pin this process, and so what it starts from now on, to the second core."""
    if core(1) >= 0:
        os.sched_setaffinity(0, {core(1)})


def cpu_seconds(pid: int) -> float:
    """CPU time of a process with all its threads, in seconds to the nanosecond (clock_getcpuclockid(3) of Linux)."""
    return time.clock_gettime((~pid << 3) | 2)


class EventCounter:
    """Takes the operator's events and keeps none."""

    def emit(self, event: object) -> None:
        """Let it go."""


@dataclass(slots=True)
class Rig:
    """A fleet process that is ready to go, and the embedded server that it will register at."""

    load: Load
    directory: Path
    package: Path
    driver: JsonLinesDriver
    t0: float
    fleet: Child
    identity: Path
    """Directory of the certificates of the servers, and of their CA."""
    listeners: list[Callable[[ServerEvent], None]] = field(default_factory=list)

    @property
    def endpoints(self) -> list[str]:
        """The Endpoint Client Names, in the order of arrival."""
        return [f"bench-{k}" for k in range(self.load.devices)]

    @property
    def probe_file(self) -> Path:
        """What the probe of the fleet writes."""
        return self.directory / "probe"

    def cpu_s(self) -> float:
        """CPU seconds of the fleet process so far."""
        return cpu_seconds(self.fleet.pid)

    def uss_bytes(self) -> int:
        """Memory that the fleet process has for itself alone."""
        return int(psutil.Process(self.fleet.pid).memory_full_info().uss)

    async def go(self) -> None:
        """Switch the devices on, as fast as the arrivals say."""
        await self.fleet.tell(do="go", at=time.monotonic() - self.t0)

    async def until_counted(self, stage: str, count: int) -> None:
        """Wait until the fleet's status says that so many devices are in a stage; it speaks once a second.

        Raises:
            BenchError: it took too long, or the fleet ended.
        """
        await self.until(lambda: self.fleet.status.get(stage, 0) >= count, f"{count} devices {stage}")

    async def until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for something.

        Raises:
            BenchError: it took too long, or the fleet ended.
        """
        end = time.monotonic() + WAIT_S
        while not reached():
            if self.fleet.failed or self.fleet.ended.is_set():
                raise BenchError(self.fleet.failed or self.fleet.last_words())
            if time.monotonic() > end:
                msg = f"not reached within {WAIT_S:g} s: {what}; the fleet tells {self.fleet.status}"
                raise BenchError(msg)
            await asyncio.sleep(POLL_S)

    def campaign(self, uri: str) -> Campaign:
        """The operator's campaign over all devices, listening from now on."""
        load = self.load
        order = Order(load.delivery, uri, self.package, VERSION, 0, 1)
        patience = Patience(update_s=UPDATE_S, request_s=UPDATE_S, poll_s=UPDATE_S)
        console = Console(
            self.driver,
            EventCounter(),
            lambda: time.monotonic() - self.t0,
            asyncio.Semaphore(self.driver.max_in_flight),
            patience,
        )
        tactics = Tactics("all-registered", 0.0, load.concurrency, "downloaded", 0.0, 0.0, WAIT_S)
        targets = [Target(k, endpoint, order) for k, endpoint in enumerate(self.endpoints)]
        campaign = Campaign(console, tactics, targets)
        self.listeners.append(campaign.on_event)
        return campaign


def find_tests() -> None:
    """Let child processes import ``tests``; last, so that a compiled product that comes first stays first."""
    root = str(Path(__file__).resolve().parents[2])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([*paths, root])


def _write_files(directory: Path, load: Load) -> Path:
    """What the fleet process reads, and a package that the devices accept; the latter's file."""
    directory.mkdir(parents=True)
    scenario = directory / "scenario.toml"
    text = _SCENARIO.format(
        size=load.package_bytes,
        model=MODEL,
        version=VERSION,
        devices=load.devices,
        delivery=load.delivery,
        management=load.management,
        transport=load.transport,
        rate=ARRIVALS_PER_S,
        network=load.network,
        faults="\n".join(f"[[groups.all.faults]]\n{fault}" for fault in load.faults),
    )
    scenario.write_text(text, encoding="utf-8")
    plan: dict[str, Any] = {
        "scenario": str(scenario),
        "set": [],
        "devices": None,
        "seed": SEED,
        "package_bytes": load.package_bytes,
    }
    (directory / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    package = directory / "package.bin"
    package.write_bytes(generate(load.package_bytes, MODEL, VERSION, SEED))
    return package


def _write_identity(directory: Path) -> Path:
    """The certificate of the servers, of the CA that the fleet makes from its seed; its directory."""
    identity = directory / "identity"
    identity.mkdir()
    authority = Issuer(SEED).authority
    write_identity(identity, authority.server("127.0.0.1", "localhost"), authority)
    return identity


def _secrets(load: Load) -> list[tuple[str, Secret]]:
    """How the devices show the server who they are."""
    issuer, kind = Issuer(SEED), NEEDS.get(load.management)
    if kind is None:
        return []
    names = [f"bench-{k}" for k in range(load.devices)]
    return [(name, issuer.psk(name) if kind == "psk" else ByCertificate()) for name in names]


@asynccontextmanager
async def rig(directory: Path, load: Load) -> AsyncIterator[Rig]:
    """Start the embedded server and a fleet process, up to the point where it waits for the command to go.

    Raises:
        BenchError: one of the two did not start.
    """
    package = _write_files(directory, load)
    identity = _write_identity(directory)
    find_tests()
    listeners: list[Callable[[ServerEvent], None]] = []

    def on_event(event: ServerEvent) -> None:
        for listener in listeners:
            listener(event)

    driver = driver_for(
        ServerChoice("embedded", "127.0.0.1", 0, "", str(directory), 1024, str(identity)), lambda _: None
    )
    assert isinstance(driver, JsonLinesDriver)
    t0 = time.monotonic()
    hurry = asyncio.Event()
    address = await driver.start(on_event)
    await provision(driver, _secrets(load), lambda _text: None)
    slice_ = ["0", "1", *address.uris.values()]
    arguments = [load.probe, str(directory / "probe"), str(core(0)), str(directory), repr(t0), *slice_]
    fleet = Child("fleet-0", "fleet", load.module, arguments, directory / "fleet.log")
    try:
        await fleet.start()
        await asyncio.wait_for(fleet.ready(), READY_S)
        yield Rig(load, directory, package, driver, t0, fleet, identity, listeners)
    except ChildError as error:
        raise BenchError(str(error)) from error
    finally:
        await fleet.stop(hurry)
        await driver.stop()
