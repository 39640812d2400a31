"""A server under test and its devices as scripts in virtual time: what the tests of the operator stand on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from simulator.events import EventLog, OperatorStepEnded, ServerReported, UpdateEnded
from simulator.operator.campaign import Campaign, Tactics, Target
from simulator.operator.driver import (
    Answer,
    NoAnswerError,
    Notified,
    Registered,
    ServerAddress,
    ServerUsage,
    UnknownEndpointError,
)
from simulator.operator.requests import Console, Patience
from simulator.operator.update import Order
from simulator.transport.virtual import VirtualLoop

STATE, RESULT, VERSION = "/5/0/3", "/5/0/5", "/3/0/3"
PATIENCE = Patience(update_s=60.0, request_s=5.0, poll_s=4.0)
TACTICS = Tactics(
    start="registered",
    start_after_s=0.0,
    concurrency=100,
    execute="downloaded",
    execute_delay_s=0.0,
    rate=0.0,
    registration_timeout_s=30.0,
)


def order(delivery="pull", state=0, result=1, version="2.0.0"):
    return Order(delivery, "coap://127.0.0.1:5683/good.bin", Path("good.bin"), version, state, result)


GOOD = order()


@dataclass
class Device:
    """A device as its server sees it. Its script is its methods; a test overrides what it wants otherwise."""

    driver: Driver
    endpoint: str
    download_s: float = 1.0
    install_s: float = 1.0
    after_download: tuple[int, int] = (2, 0)
    after_install: tuple[int, int] = (0, 1)
    notifies: bool = True
    state: int = 0
    result: int = 0
    version: str = "1.0.0"
    registered: bool = False
    registrations: int = 0

    def __post_init__(self):
        self.observed: set[str] = set()
        self.requests: list[tuple[float, str]] = []

    # -- what it tells --

    def register(self, replaces=""):
        self.observed.clear()
        self.registered = True
        self.registrations += 1
        self.driver.on_event(Registered(self.endpoint, str(self.registrations), replaces))

    def set(self, state, result):
        """Take new values, and notify those that changed: Update Result first."""
        changed = [(RESULT, result)] * (result != self.result) + [(STATE, state)] * (state != self.state)
        self.state, self.result = state, result
        for path, value in changed:
            self.notify(path, value)

    def notify(self, path, value):
        if self.notifies and path in self.observed:
            self.driver.on_event(Notified(self.endpoint, path, str(value)))

    # -- what is asked of it --

    async def value(self, path):
        return Answer("2.05", {STATE: str(self.state), RESULT: str(self.result), VERSION: self.version}[path])

    async def observe(self, path):
        answer = await self.value(path)
        self.observed.add(path)
        return answer

    async def write(self):
        self.set(1, 0)
        self.driver.spawn(self.download())
        return Answer("2.04")

    async def push(self):
        self.set(1, 0)
        await self.download()
        return Answer("2.04")

    async def execute(self):
        if self.state != 2:
            return Answer("4.05")
        self.set(3, 0)
        self.driver.spawn(self.install())
        return Answer("2.04")

    async def cancel(self):
        return self._stop(10)

    async def clear(self):
        return self._stop(0)

    def _stop(self, result):
        if self.state not in (1, 2):
            return Answer("4.05")
        self.set(0, result)
        return Answer("2.04")

    # -- what it does --

    async def download(self):
        await asyncio.sleep(self.download_s)
        if self.state != 1:
            return
        self.set(*self.after_download)

    async def install(self):
        await asyncio.sleep(self.install_s)
        if self.after_install != (0, 1):
            self.set(*self.after_install)
            return
        self.registered = False
        await asyncio.sleep(0.5)
        self.state, self.result = 0, 1
        self.version = "2.0.0"
        self.register()


class Driver:
    """The server: passes on what is asked, each request 10 ms away."""

    name = "scripted"

    def __init__(self):
        self.max_in_flight = 1000
        self.devices: dict[str, Device] = {}
        self.on_event: Callable[[object], None] = lambda _event: None
        self.tasks: set[asyncio.Task[None]] = set()
        self.calls: list[tuple[float, str, str]] = []
        self.busy = self.busiest = 0
        self.mute: set[str] = set()
        self.secrets: dict[str, object] = {}
        self.error: Exception | None = None

    def add(self, endpoint, kind=Device, **script):
        device = self.devices[endpoint] = kind(self, endpoint, **script)
        return device

    def spawn(self, work: Coroutine[object, object, None]):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def start(self, on_event):
        self.on_event = on_event
        return ServerAddress("coap://127.0.0.1:1", "scripted 1.0", {"coap": "coap://127.0.0.1:1"})

    async def credentials(self, endpoint, secret):
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0.01)
        self.busy -= 1
        if self.error is not None:
            raise self.error
        self.secrets[endpoint] = secret

    async def stop(self):
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def closed(self):
        return await asyncio.get_running_loop().create_future()

    async def _ask(self, what, endpoint, timeout_s, request):
        self.calls.append((asyncio.get_running_loop().time(), what, endpoint))
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            await asyncio.sleep(0.01)
            if self.error is not None:
                raise self.error
            device = self.devices[endpoint]
            if not device.registered:
                raise UnknownEndpointError(f"{endpoint} is not registered")
            if endpoint in self.mute:
                await asyncio.sleep(timeout_s)
                raise NoAnswerError("no answer")
            async with asyncio.timeout(timeout_s):
                return await request(device)
        except TimeoutError:
            raise NoAnswerError("no answer") from None
        finally:
            self.busy -= 1

    async def read(self, endpoint, path, timeout_s):
        return await self._ask("read", endpoint, timeout_s, lambda device: device.value(path))

    async def observe(self, endpoint, path, timeout_s):
        return await self._ask("observe", endpoint, timeout_s, lambda device: device.observe(path))

    async def write_text(self, endpoint, path, text, timeout_s):
        assert path == "/5/0/1"
        return await self._ask("write", endpoint, timeout_s, lambda device: device.write() if text else device.clear())

    async def write_file(self, endpoint, path, file, timeout_s, form="opaque"):
        assert path == "/5/0/0"
        return await self._ask("push", endpoint, timeout_s, lambda device: device.push())

    async def execute(self, endpoint, path, arguments, timeout_s):
        if path == "/5/0/10":
            return await self._ask("cancel", endpoint, timeout_s, lambda device: device.cancel())
        assert path == "/5/0/2"
        return await self._ask("execute", endpoint, timeout_s, lambda device: device.execute())

    async def attributes(self, endpoint, path, values, timeout_s):
        raise NotImplementedError

    async def clients(self):
        return [device.endpoint for device in self.devices.values() if device.registered]

    async def usage(self):
        return ServerUsage(-1.0, -1)

    def times(self, what):
        return [t for t, name, _ in self.calls if name == what]


class Rig:
    """A campaign over scripted devices; ``run`` gives the verdicts by device."""

    def __init__(self, *, patience=PATIENCE, max_in_flight=1000, **tactics):
        self.driver = Driver()
        self.driver.max_in_flight = max_in_flight
        self.log = EventLog()
        self.patience = patience
        self.tactics = Tactics(**{**{name: getattr(TACTICS, name) for name in TACTICS.__slots__}, **tactics})
        self.targets: list[Target] = []
        self.campaign: Campaign | None = None
        self.ended_at = -1.0

    def add(self, kind=Device, *, ordered=GOOD, **script):
        index = len(self.targets)
        device = self.driver.add(f"ep-{index}", kind, **script)
        self.targets.append(Target(index, device.endpoint, ordered))
        return device

    def run(self, play=None, *, cut_after=None):
        """Run to the end, or for ``cut_after`` virtual seconds; ``play(rig)`` drives the devices meanwhile."""
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(self._run(play or register_all, cut_after))

    async def _run(self, play, cut_after):
        loop = asyncio.get_running_loop()
        gate = asyncio.Semaphore(self.driver.max_in_flight)
        console = Console(self.driver, self.log, loop.time, gate, self.patience)
        self.campaign = campaign = Campaign(console, self.tactics, self.targets)
        await self.driver.start(campaign.on_event)
        playing = loop.create_task(play(self))
        work = loop.create_task(campaign.run())
        # Longer than any bound: a campaign that never ends must fail the test.
        await asyncio.wait({work}, timeout=10_000.0 if cut_after is None else cut_after)
        if cut_after is None:
            assert work.done()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert work.cancelled() or work.exception() is None
        self.ended_at = loop.time()
        await campaign.close()
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        assert playing.cancelled() or playing.exception() is None
        await self.driver.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return self.verdicts()

    def of(self, kind):
        return [event for event in self.log.events if isinstance(event, kind)]

    def verdicts(self) -> dict[int, UpdateEnded]:
        rows = self.of(UpdateEnded)
        ordered = [target.device for target in self.targets if target.order is not None]
        assert sorted(row.device for row in rows) == sorted(ordered), "not exactly one verdict for each target"
        progress = self.campaign.progress
        assert progress.ended == progress.targets == len(rows)
        for outcome in ("ok", "fail", "unknown"):
            assert getattr(progress, outcome) == sum(row.outcome == outcome for row in rows)
        return {row.device: row for row in rows}

    def steps(self, step, device=0) -> list[OperatorStepEnded]:
        return [row for row in self.of(OperatorStepEnded) if row.step == step and row.device == device]

    def told(self, path, device=0):
        return [row.value for row in self.of(ServerReported) if row.path == path and row.device == device]


async def register_all(rig):
    for device in rig.driver.devices.values():
        device.register()
