"""The driver of servers that speak JSON lines, against a child process that does as it is told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.operator import json_lines
from simulator.operator.driver import (
    Answer,
    ByCertificate,
    Deregistered,
    DriverError,
    Misbehaved,
    NoAnswerError,
    Notified,
    NotifyFailed,
    Registered,
    ServerAddress,
    ServerEvent,
    ServerStartError,
    ServerUsage,
    UnknownEndpointError,
    Updated,
)
from simulator.operator.json_lines import JsonLinesDriver
from simulator.security.credentials import Psk

CHILD = Path(__file__).with_name("child_server.py")
URIS = {"coap": "coap://127.0.0.1:5683", "coaps": "coaps://127.0.0.1:5684"}


def driver_of(mode: str, directory: Path) -> JsonLinesDriver:
    return JsonLinesDriver([sys.executable, str(CHILD), mode], "fake", directory / "server.log")


@asynccontextmanager
async def started(mode: str, directory: Path) -> AsyncIterator[tuple[JsonLinesDriver, list[ServerEvent]]]:
    driver, events = driver_of(mode, directory), []
    try:
        assert await driver.start(events.append) == ServerAddress(URIS["coap"], "fake 1", URIS)
        yield driver, events
    finally:
        await driver.stop()


async def test_commands_are_those_of_the_protocol(tmp_path: Path) -> None:
    async with started("plain", tmp_path) as (driver, _):

        async def sent(operation: Awaitable[Answer]) -> dict[str, Any]:
            code, value = await operation
            assert code == "2.05"
            command = json.loads(value)
            assert command.pop("timeout_s") == 9
            return command

        common = {"ep": "dev", "path": "/5/0/3"}
        assert await sent(driver.read("dev", "/5/0/3", 9)) == {"do": "read", **common}
        assert await sent(driver.observe("dev", "/5/0/3", 9)) == {"do": "observe", **common}
        assert await sent(driver.write_text("dev", "/5/0/3", "ä", 9)) == {"do": "write", **common, "text": "ä"}
        assert await sent(driver.execute("dev", "/5/0/3", "0='1'", 9)) == {"do": "execute", **common, "args": "0='1'"}
        file = tmp_path / "fw"
        assert await sent(driver.write_file("dev", "/5/0/3", file, 9)) == {"do": "write", **common, "file": str(file)}
        as_tlv = {"do": "write", **common, "file": str(file), "format": "tlv"}
        assert await sent(driver.write_file("dev", "/5/0/3", file, 9, "tlv")) == as_tlv
        attributes = {"pmin": 0, "pmax": 10}
        answer = await sent(driver.attributes("dev", "/5/0/3", attributes, 9))
        assert answer == {"do": "attributes", **common, "attributes": attributes}
        await driver.credentials("dev", Psk(b"id", b"\x00\x01"))
        await driver.credentials("dev", ByCertificate())
        credentials = {"do": "credentials", "ep": "dev"}
        assert json.loads((await driver.read("told", "/0", 9)).value) == [
            {**credentials, "psk": {"identity": "id", "key_hex": "0001"}},
            {**credentials, "x509": True},
        ]
        assert await driver.clients() == ["a", "b"]
        assert await driver.usage() == ServerUsage(1.5, 1000)
        assert await driver.read("bare", "/5/0/3", 9) == Answer("4.05", "")


async def test_many_commands_at_once_get_their_own_answers(tmp_path: Path) -> None:
    async with started("plain", tmp_path) as (driver, _):
        answers = await asyncio.gather(*(driver.read(f"dev-{n}", "/5/0/3", 9) for n in range(500)))
        assert [json.loads(answer.value)["ep"] for answer in answers] == [f"dev-{n}" for n in range(500)]


@pytest.mark.parametrize(
    ("endpoint", "error", "text"),
    [
        ("timeout", NoAnswerError, "because of timeout"),
        ("unknown_endpoint", UnknownEndpointError, "because of unknown_endpoint"),
        ("failed", DriverError, "because of failed"),
        ("novel", DriverError, "because of novel"),
        ("no-detail", DriverError, "failed"),
        ("no-code", DriverError, "an answer without 'code'"),
    ],
)
async def test_errors(tmp_path: Path, endpoint: str, error: type[DriverError], text: str) -> None:
    async with started("plain", tmp_path) as (driver, _):
        with pytest.raises(DriverError, match=text) as raised:
            await driver.read(endpoint, "/5/0/3", 9)
        assert type(raised.value) is error
        assert await driver.clients() == ["a", "b"]


async def test_credentials_that_are_not_taken(tmp_path: Path) -> None:
    async with started("plain", tmp_path) as (driver, _):
        with pytest.raises(DriverError, match="no use for them"):
            await driver.credentials("refused", ByCertificate())
        with pytest.raises(DriverError, match="the PSK identity of dev is no UTF-8"):
            await driver.credentials("dev", Psk(b"\xff", b"key"))


async def test_a_server_that_says_nothing_gives_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "GRACE_S", 0.05)
    async with started("plain", tmp_path) as (driver, _):
        with pytest.raises(NoAnswerError, match="no answer line"):
            await driver.read("silent", "/5/0/3", 0.01)


async def test_events(tmp_path: Path) -> None:
    async with started("events", tmp_path) as (driver, events):
        await driver.clients()  # written after the events, so they have come when it is answered
        assert events == [
            Registered("a", "1"),
            Registered("a", "2", "1"),
            Updated("a", "2"),
            Notified("a", "/5/0/3", "1"),
            NotifyFailed("a", "/5/0/3", "gone"),
            Misbehaved("a", "busy", "5.03"),
            Deregistered("a", "2", "expired"),
        ]


@pytest.mark.expected_warnings("line not understood")
async def test_lines_that_are_no_lines_of_the_protocol_are_passed_over(tmp_path: Path) -> None:
    async with started("broken", tmp_path) as (driver, events):
        assert await driver.clients() == ["a", "b"]
        assert events == []


@pytest.mark.parametrize(
    ("mode", "text"),
    [("cannot-start", "the port is taken"), ("exits", "ended with exit code 5; see .*server.log")],
)
async def test_a_server_that_does_not_start_says_why(tmp_path: Path, mode: str, text: str) -> None:
    driver = driver_of(mode, tmp_path)
    with pytest.raises(ServerStartError, match=text):
        await driver.start(lambda event: None)
    await driver.stop()


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    driver = JsonLinesDriver([str(tmp_path / "none")], "fake", tmp_path / "server.log")
    with pytest.raises(ServerStartError, match="none could not be started: No such file"):
        await driver.start(lambda event: None)
    await driver.stop()


async def test_a_server_that_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "START_TIMEOUT_S", 0.2)
    driver = driver_of("never-ready", tmp_path)
    with pytest.raises(ServerStartError, match=r"was not ready within 0.2 s"):
        await driver.start(lambda event: None)
    await driver.stop()


async def test_a_server_that_dies_fails_what_waits_for_it(tmp_path: Path) -> None:
    async with started("plain", tmp_path) as (driver, _):
        waiting = asyncio.create_task(driver.read("silent", "/5/0/3", 60))
        await driver.clients()
        with pytest.raises(DriverError, match="ended with exit code 7"):
            await driver.read("dies", "/5/0/3", 60)
        with pytest.raises(DriverError, match="ended with exit code 7"):
            await waiting
        assert "ended with exit code 7" in await driver.closed()
        with pytest.raises(DriverError, match="not running"):
            await driver.clients()


async def test_a_server_that_does_not_stop_is_ended_by_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "STOP_TIMEOUT_S", 0.1)
    async with started("stubborn", tmp_path) as (driver, _):
        process = driver._process
        await driver.stop()
        assert process is not None
        assert process.returncode == -9


@pytest.mark.parametrize("operation", [lambda d: d.clients(), lambda d: d.usage(), lambda d: d.read("a", "/1", 1)])
async def test_before_the_start_nothing_can_be_asked(
    tmp_path: Path, operation: Callable[[JsonLinesDriver], Awaitable[object]]
) -> None:
    with pytest.raises(DriverError, match="fake is not running"):
        await operation(driver_of("plain", tmp_path))
