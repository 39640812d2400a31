"""The driver of Leshan's demo server, against a server made up of the answers of M4 and M18."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from simulator.operator import leshan_demo, leshan_events
from simulator.operator.driver import (
    Answer,
    ByCertificate,
    Deregistered,
    DriverError,
    NoAnswerError,
    Notified,
    Registered,
    ServerEvent,
    ServerStartError,
    ServerUsage,
    UnknownEndpointError,
)
from simulator.operator.leshan_demo import LeshanDemoDriver
from simulator.security.credentials import Psk
from tests.operator.leshan_fake import FakeDemo

LOG = Path("/nonexistent")


@pytest.fixture(params=[False, True], ids=["M4", "M18"])
async def fake(request: pytest.FixtureRequest) -> AsyncIterator[FakeDemo]:
    server = FakeDemo(m18=request.param)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def told() -> list[ServerEvent]:
    return []


@pytest.fixture
async def driver(fake: FakeDemo, told: list[ServerEvent]) -> AsyncIterator[LeshanDemoDriver]:
    demo = LeshanDemoDriver(fake.url + "/", LOG, lambda text: None)
    address = await demo.start(told.append)
    ports = {"coap": 7683, "coaps": 7684} if fake.m18 else {"coap": 5683, "coaps": 5684}
    assert address.uris == {scheme: f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()}
    assert address.coap == address.uris["coap"]
    assert address.server == f"Leshan demo server with the web API of 2.0.0-{'M18' if fake.m18 else 'M4'}"
    yield demo
    await demo.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that is about to."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what it waits for is told by no event
            await asyncio.sleep(0.01)


async def test_operations(fake: FakeDemo, driver: LeshanDemoDriver, tmp_path: Path) -> None:
    fake.clients["dev"] = "1"
    file = tmp_path / "fw"
    file.write_bytes(b"\x00\xff")
    assert await driver.read("dev", "/5/0/3", 0.5) == Answer("2.05", "1")
    assert await driver.observe("dev", "/5/0/3", 5) == Answer("2.05", "1")
    assert await driver.write_text("dev", "/5/0/1", "coap://h/x", 5) == Answer("2.04")
    assert await driver.write_file("dev", "/5/0/0", file, 600) == Answer("2.04")
    assert await driver.execute("dev", "/5/0/2", "", 5) == Answer("2.04")
    assert await driver.execute("dev", "/5/0/2", "0='1'", 5) == Answer("2.04")
    assert await driver.attributes("dev", "/5/0/3", {"pmin": 0, "pmax": 9}, 5) == Answer("2.04")
    assert [asked[0] for asked in fake.asked] == [
        "GET /api/clients/dev/5/0/3?timeout=1",
        "POST /api/clients/dev/5/0/3/observe?timeout=5",
        "PUT /api/clients/dev/5/0/1?format=TEXT&timeout=5",
        "PUT /api/clients/dev/5/0/0?format=OPAQUE&timeout=600",
        "POST /api/clients/dev/5/0/2?timeout=5",
        "POST /api/clients/dev/5/0/2?timeout=5",
        "PUT /api/clients/dev/5/0/3/attributes?pmin=0&pmax=9",
    ]
    assert json.loads(fake.asked[2][3])["value"] == "coap://h/x"
    assert json.loads(fake.asked[3][3])["value"] == "00ff"
    assert fake.asked[3][2] == "application/json"
    assert [asked[3] for asked in fake.asked[4:6]] == ["", "0='1'"]


async def test_credentials(fake: FakeDemo, driver: LeshanDemoDriver) -> None:
    await driver.credentials("a", Psk(b"id", b"\x01\xff"))
    await driver.credentials("b", ByCertificate())
    assert fake.secrets == {"a": ("psk", "id", "01ff"), "b": ("x509",)}
    with pytest.raises(DriverError, match="did not take the credentials of c: its PSK identity is another device's"):
        await driver.credentials("c", Psk(b"id", b"\x02"))


async def test_names_that_need_quoting(fake: FakeDemo, driver: LeshanDemoDriver) -> None:
    fake.clients["urn:dev:a b?#%"] = "1"
    assert await driver.read("urn:dev:a b?#%", "/5/0/3", 1) == Answer("2.05", "1")


async def test_a_package_is_read_once(fake: FakeDemo, driver: LeshanDemoDriver, tmp_path: Path) -> None:
    fake.clients["dev"] = "1"
    file = tmp_path / "fw"
    file.write_bytes(b"\x01")
    await driver.write_file("dev", "/5/0/0", file, 5)
    file.unlink()
    assert await driver.write_file("dev", "/5/0/0", file, 5, "cbor") == Answer("2.04")
    assert fake.asked[-1][0] == "PUT /api/clients/dev/5/0/0?format=CBOR&timeout=5"
    with pytest.raises(DriverError, match="none: No such file"):
        await driver.write_file("dev", "/5/0/0", tmp_path / "none", 5)


@pytest.mark.parametrize(
    ("endpoint", "error", "text"),
    [
        ("slow", NoAnswerError, "Request timeout"),
        ("reset", NoAnswerError, "Request rejected"),
        ("gone", NoAnswerError, "Request cancelled"),
        ("asleep", NoAnswerError, "queue mode"),
        ("strange", DriverError, "Invalid elements"),
        ("html", DriverError, "^HTTP ERROR 500 Problem accessing$"),
        ("nonsense", DriverError, "not understood"),
        ("codeless", DriverError, "not understood"),
    ],
)
async def test_errors(
    fake: FakeDemo, driver: LeshanDemoDriver, endpoint: str, error: type[DriverError], text: str
) -> None:
    fake.clients[endpoint] = "1"
    with pytest.raises(DriverError, match=text) as raised:
        await driver.read(endpoint, "/5/0/3", 1)
    assert type(raised.value) is error


async def test_an_error_code_of_a_device_is_an_answer(fake: FakeDemo, driver: LeshanDemoDriver) -> None:
    fake.clients["refusing"] = "1"
    assert await driver.execute("refusing", "/5/0/2", "", 1) == Answer("4.05")
    with pytest.raises(UnknownEndpointError, match="nobody"):
        await driver.execute("nobody", "/5/0/2", "", 1)


async def test_events(fake: FakeDemo, driver: LeshanDemoDriver, told: list[ServerEvent]) -> None:
    await fake.register("dev", "1")
    await fake.notify("dev", "/5/0/3", 1)
    await fake.register("dev", "2")
    await fake.deregister("dev")
    await until(lambda: len(told) == 4)
    assert told == [
        Registered("dev", "1"),
        Notified("dev", "/5/0/3", "1"),
        Registered("dev", "2", "1"),
        Deregistered("dev", "2", ""),
    ]
    assert await driver.clients() == []


@pytest.mark.expected_warnings("event NOTIFICATION not understood", "event REGISTRATION not understood")
async def test_events_that_are_not_understood_are_passed_over(
    fake: FakeDemo, driver: LeshanDemoDriver, told: list[ServerEvent]
) -> None:
    await fake.tell("NOTIFICATION", {"ep": "dev"})
    await fake.tell("REGISTRATION", "no JSON")
    await fake.register("dev", "1")
    await until(lambda: told == [Registered("dev", "1")])


async def test_a_broken_stream_is_opened_again_and_made_good(
    fake: FakeDemo, driver: LeshanDemoDriver, told: list[ServerEvent]
) -> None:
    await fake.register("a", "1")
    await fake.register("b", "1")
    await until(lambda: len(told) == 2)
    await fake.cut()
    await fake.register("a", "2")
    await fake.deregister("b")
    await until(lambda: len(told) == 4)
    assert fake.opened == 2
    assert told[2:] == [Registered("a", "2", "1"), Deregistered("b", "1", "")]


async def test_a_server_that_stays_away_is_gone(
    fake: FakeDemo, driver: LeshanDemoDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leshan_events, "GONE_S", 0.05)
    fake.down = True
    await fake.cut()
    assert "could not be had for 0.05 s: 503" in await driver.closed()


async def test_what_a_server_of_somebody_else_uses_is_not_known(fake: FakeDemo, driver: LeshanDemoDriver) -> None:
    assert await driver.usage() == ServerUsage(-1, -1)
    assert driver.max_in_flight <= 190


async def test_no_server(free_port: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leshan_demo, "REACH_TIMEOUT_S", 0.2)
    demo = LeshanDemoDriver(f"http://127.0.0.1:{free_port()}", LOG, lambda text: None)
    with pytest.raises(ServerStartError, match=r"no demo server of Leshan answered at http://127\.0\.0\.1"):
        await demo.start(lambda event: None)
    with pytest.raises(DriverError):
        await demo.read("dev", "/5/0/3", 1)
    await demo.stop()
    with pytest.raises(DriverError):
        await demo.read("dev", "/5/0/3", 1)


class Startable:
    """A process that starts at once, and whose ports are taken as often as is said."""

    def __init__(self, fake: FakeDemo, taken: int) -> None:
        self.url = fake.url
        self.taken = taken
        self.starts = self.stops = 0

    def prepare(self, progress: Callable[[str], None]) -> None:
        """Nothing to do."""

    async def start(self) -> None:
        self.starts += 1

    async def ended(self) -> str:
        await asyncio.Event().wait()
        return ""

    def unbound(self) -> list[int]:
        return [5683] if self.starts <= self.taken else []

    async def stop(self) -> None:
        self.stops += 1


@pytest.mark.parametrize("taken", [0, 2])
async def test_a_server_whose_ports_were_taken_meanwhile_is_started_again(fake: FakeDemo, taken: int) -> None:
    demo = LeshanDemoDriver(None, LOG, lambda text: None)
    process = Startable(fake, taken)
    demo._process = process  # type: ignore[assignment]
    await demo.start(lambda event: None)
    assert (process.starts, process.stops) == (taken + 1, taken)
    await demo.stop()
    assert process.stops == taken + 1


async def test_a_server_whose_ports_are_always_taken_is_an_error(fake: FakeDemo) -> None:
    demo = LeshanDemoDriver(None, LOG, lambda text: None)
    demo._process = Startable(fake, 99)  # type: ignore[assignment]
    with pytest.raises(ServerStartError, match=r"ports taken, at last \[5683\]"):
        await demo.start(lambda event: None)
    await demo.stop()


async def test_stop_without_start() -> None:
    demo = LeshanDemoDriver(None, LOG, lambda text: None)
    with pytest.raises(DriverError, match="not running"):
        await demo.clients()
    await demo.stop()
