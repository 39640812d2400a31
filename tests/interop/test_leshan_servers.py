"""Both real Leshans - the library behind the launcher, and the demo server 2.0.0-M4 - with a client on aiocoap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import pytest_asyncio

from simulator.lwm2m.formats.packed import packed
from simulator.operator.driver import (
    Answer,
    Deregistered,
    Driver,
    NoAnswerError,
    Notified,
    Registered,
    ServerAddress,
    ServerEvent,
    ServerStartError,
    UnknownEndpointError,
    Updated,
)
from simulator.operator.drivers import driver_for
from simulator.operator.job import ServerChoice
from tests.conftest import no_leaked_tasks
from tests.interop.lwm2m_client import Client, client
from tests.peers.tools import peer_tool

# The first use fetches and builds. The loop is that of the servers, which are the same for most tests.
pytestmark = [pytest.mark.peer, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]

PACKAGE = bytes(n * 7 & 0xFF for n in range(5000))
KINDS = ("leshan", "leshan-demo")


class Rig(NamedTuple):
    """A running server, what it told, and where devices register."""

    driver: Driver
    events: list[ServerEvent]
    address: ServerAddress

    async def told(self, holds: Callable[[list[ServerEvent]], bool]) -> list[ServerEvent]:
        """What the server told, once something holds for it."""
        async with asyncio.timeout(10):
            while not holds(self.events):  # noqa: ASYNC110  events come through a callback
                await asyncio.sleep(0.01)
        return self.events


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    peer_tool("javac", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")


def javas() -> set[psutil.Process]:
    """The servers that run, below this process."""
    return {child for child in psutil.Process().children(recursive=True) if "java" in child.name()}


@pytest_asyncio.fixture(loop_scope="module")
async def _no_leaked_tasks() -> AsyncIterator[None]:
    async with no_leaked_tasks():
        yield


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    assert javas() == set()


def choice(kind: str, directory: Path, *, port: int = 0, url: str = "", block_size: int = 1024) -> ServerChoice:
    return ServerChoice(kind, "127.0.0.1", port, url, str(directory), block_size)


@asynccontextmanager
async def running(server: ServerChoice) -> AsyncIterator[Rig]:
    events: list[ServerEvent] = []
    driver = driver_for(server, lambda text: None)
    try:
        yield Rig(driver, events, await driver.start(events.append))
    finally:
        await driver.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    async with running(choice(request.param, tmp_path_factory.mktemp("server"))) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def rig(server: Rig) -> Rig:
    """The server that all tests have, without a device and with nothing told."""
    assert await server.driver.clients() == []
    server.events.clear()
    return server


@pytest_asyncio.fixture(loop_scope="module")
async def device(rig: Rig) -> AsyncIterator[Client]:
    async with client("ep-1", rig.address.coap) as made:
        await made.register()
        await rig.told(lambda events: len(events) == 1)
        yield made
        if await rig.driver.clients():
            await made.deregister()


async def test_it_is_ready_and_names_itself(rig: Rig) -> None:
    assert rig.address.coap.startswith("coap://127.0.0.1:")
    assert int(rig.address.coap.rpartition(":")[2]) > 0
    assert rig.address.server in ("Leshan library 2.0.0-M18", "Leshan demo server 2.0.0-M4")
    used = await rig.driver.usage()
    assert used.cpu_s > 0.1
    assert used.rss_bytes > 10 << 20


async def test_registrations(rig: Rig, device: Client) -> None:
    first = device.location[-1]
    await device.renew()
    await device.register()
    second = device.location[-1]
    await rig.told(lambda events: len(events) == 3)
    assert await rig.driver.clients() == ["ep-1"]
    await device.deregister()
    assert (await rig.told(lambda events: len(events) == 4))[:3] == [
        Registered("ep-1", first),
        Updated("ep-1", first),
        Registered("ep-1", second, first),
    ]
    # The demo does not tell an expiry from a De-register.
    cause = "deregister" if rig.driver.name == "leshan" else ""
    assert rig.events[3] == Deregistered("ep-1", second, cause)
    assert await rig.driver.clients() == []


async def test_read_and_observe(rig: Rig, device: Client) -> None:
    assert await rig.driver.read("ep-1", "/3/0/3", 5) == Answer("2.05", "1.0.0")
    assert await rig.driver.observe("ep-1", "/5/0/3", 5) == Answer("2.05", "0")
    for value in ("1", "2"):
        device.state.set(value)
        await rig.told(lambda events, value=value: Notified("ep-1", "/5/0/3", value) in events)
    assert await rig.driver.read("ep-1", "/5/0/99", 5) == Answer("4.04")


async def test_write_of_a_package_uri_goes_out_as_text(rig: Rig, device: Client) -> None:
    uri = "coap://127.0.0.1:5700/fw.bin?ä=1"
    assert await rig.driver.write_text("ep-1", "/5/0/1", uri, 5) == Answer("2.04")
    (request,) = device.uri.written
    assert request.payload.decode() == uri
    assert request.opt.content_format == 0


async def test_write_of_a_package_goes_out_raw_and_in_blocks(rig: Rig, device: Client, tmp_path: Path) -> None:
    file = tmp_path / "fw.bin"
    file.write_bytes(PACKAGE)
    for _ in range(2):
        device.package.received = None
        assert await rig.driver.write_file("ep-1", "/5/0/0", file, 30) == Answer("2.04")
        assert device.package.received == PACKAGE
        assert device.package.content_format == 42


@pytest.mark.parametrize(("form", "content_format"), [("tlv", 11542), ("cbor", 60)])
async def test_write_of_a_package_goes_out_with_a_header(rig: Rig, device: Client, tmp_path, form, content_format):
    file = tmp_path / "fw.bin"
    file.write_bytes(PACKAGE)
    assert await rig.driver.write_file("ep-1", "/5/0/0", file, 30, form) == Answer("2.04")
    assert (device.package.content_format, device.package.received) == packed(form, "/5/0/0", PACKAGE)


async def test_execute_that_a_device_refuses(rig: Rig, device: Client) -> None:
    assert await rig.driver.execute("ep-1", "/5/0/2", "", 5) == Answer("4.05")
    assert await rig.driver.execute("ep-1", "/5/0/2", "0='1'", 5) == Answer("4.05")
    assert device.update.arguments == [b"", b"0='1'"]


async def test_write_attributes(rig: Rig, device: Client) -> None:
    answer = await rig.driver.attributes("ep-1", "/5/0/3", {"pmin": 0, "pmax": 60}, 5)
    assert answer == Answer("2.04")
    assert sorted(device.state.written[-1].opt.uri_query) == ["pmax=60", "pmin=0"]


async def test_no_answer_and_no_such_endpoint(rig: Rig, device: Client) -> None:
    with pytest.raises(NoAnswerError, match="time"):
        await rig.driver.read("ep-1", "/3/0/1", 1)
    for operation in (rig.driver.read("ep-2", "/5/0/3", 1), rig.driver.execute("ep-2", "/5/0/2", "", 1)):
        with pytest.raises(UnknownEndpointError, match="ep-2"):
            await operation


async def test_many_requests_at_once(rig: Rig) -> None:
    names = [f"ep-{n}" for n in range(20)]

    async def one(name: str) -> None:
        async with client(name, rig.address.coap) as device:
            await device.register()
            await rig.told(lambda events: any(event.endpoint == name for event in events))
            reads: list[Awaitable[Answer]] = [rig.driver.read(name, "/3/0/3", 10) for _ in range(5)]
            assert await asyncio.gather(*reads) == [Answer("2.05", "1.0.0")] * 5
            await device.deregister()

    await asyncio.gather(*(one(name) for name in names))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_taken_port_is_told(kind: str, tmp_path: Path) -> None:
    async with running(choice("embedded", tmp_path)) as other:
        port = int(other.address.coap.rpartition(":")[2])
        with pytest.raises(ServerStartError, match=rf"UDP port {port} of 127\.0\.0\.1 cannot be bound"):
            async with running(choice(kind, tmp_path, port=port)):
                pass


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block_size", [64, 1024])
async def test_the_block_size_is_the_one_that_was_asked_for(kind: str, block_size: int, tmp_path: Path) -> None:
    file = tmp_path / "fw.bin"
    file.write_bytes(PACKAGE)
    async with (
        running(choice(kind, tmp_path, block_size=block_size)) as rig,
        client("ep-1", rig.address.coap) as device,
    ):
        await device.register()
        await rig.told(lambda events: len(events) == 1)
        await rig.driver.write_file("ep-1", "/5/0/0", file, 30)
        assert device.package.received == PACKAGE
        assert device.package.block_sizes == {block_size}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_is_killed_is_told(kind: str, tmp_path: Path) -> None:
    others = javas()
    async with running(choice(kind, tmp_path)) as rig:
        (java,) = javas() - others
        java.kill()
        assert "exit code -9" in await asyncio.wait_for(rig.driver.closed(), 30)


async def test_a_demo_server_that_runs_already(tmp_path: Path) -> None:
    async with running(choice("leshan-demo", tmp_path)) as started:
        url = started.driver._process.url  # type: ignore[attr-defined]
        async with running(choice("leshan-demo", tmp_path, url=url)) as rig:
            assert rig.address.coap == started.address.coap
            assert rig.address.server == "Leshan demo server with the web API of 2.0.0-M4"
            async with client("ep-1", rig.address.coap) as device:
                await device.register()
                await rig.told(lambda events: len(events) == 1)
                assert await rig.driver.read("ep-1", "/3/0/3", 5) == Answer("2.05", "1.0.0")
        assert await started.driver.clients() == ["ep-1"]


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_the_demo_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with running(choice("leshan-demo", tmp_path)):
        assert len(names_in(tmp_path)) == 2
    assert names_in(tmp_path) == ["server.log"]
