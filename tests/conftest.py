"""What every test gets: a watch over logs and tasks, free ports, and real peers.

A test fails when something logs at WARNING or above that it did not announce with
``@pytest.mark.expected_warnings("pattern", ...)``, and when an async test leaves a task running.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import hypothesis
import pytest

from tests.peers import aiocoap_fileserver as fileserver_peer
from tests.peers import libcoap as libcoap_peer
from tests.peers import nginx as nginx_peer
from tests.peers import process, tools

# Shared machines stall for longer than any deadline of Hypothesis; a wrong answer is a failure, a slow one is not.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")
# A Java that lives for seconds compiles little and needs one collector: two thirds of the CPU of its start.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

TABLE = "table"
"""Name of the property of a test that holds what it wants to be shown at the end of all."""


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers that this file gives a meaning."""
    config.addinivalue_line("markers", "expected_warnings(*patterns): log records of WARNING or above that may come")
    config.addinivalue_line("markers", "alone: must not run beside other tests; make test runs these at the end")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every async test be watched for tasks that it leaves behind."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            # After the fixtures that outlive the test, before its own ones.
            known = item._fixtureinfo.name2fixturedefs
            names = item.fixturenames
            lasting = [name for name in names if name in known and known[name][-1].scope != "function"]
            names.insert(max((names.index(name) + 1 for name in lasting), default=0), "_no_leaked_tasks")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the tables that tests made, whichever process ran them."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    found = [value for report in reports for name, value in getattr(report, "user_properties", ()) if name == TABLE]
    for text in dict.fromkeys(found):
        title, _, rows = str(text).partition("\n")
        terminalreporter.section(title)
        terminalreporter.line(rows)


class _Watch(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True)
def _no_unexpected_warnings(request: pytest.FixtureRequest) -> Iterator[None]:
    expected = [re.compile(pattern) for mark in request.node.iter_markers("expected_warnings") for pattern in mark.args]
    watch = _Watch()
    root = logging.getLogger()
    root.addHandler(watch)
    try:
        yield
    finally:
        root.removeHandler(watch)
    lines = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in watch.records]
    unexpected = [line for line in lines if not any(pattern.search(line) for pattern in expected)]
    if unexpected:
        listed = "\n".join(unexpected[:20])
        pytest.fail(f"unexpected log records ({len(unexpected)}):\n{listed}", pytrace=False)


@asynccontextmanager
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fail the test where it leaves a task running in the loop of this; what ran before it may run on."""
    before = asyncio.all_tasks()
    yield
    for _ in range(5):  # a task that was just cancelled needs a turn or two of the loop to end
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        if not left:
            return
        await asyncio.sleep(0)
    pytest.fail("tasks left running:\n" + "\n".join(repr(task) for task in left), pytrace=False)


@pytest.fixture
async def _no_leaked_tasks() -> AsyncIterator[None]:
    async with no_leaked_tasks():
        yield


@pytest.fixture
def show_table(record_property: Callable[[str, object], None]) -> Callable[[str, str], None]:
    """A function that has a title and a table shown at the end of the test run."""
    return lambda title, rows: record_property(TABLE, f"{title}\n{rows}")


@pytest.fixture
def free_port() -> Callable[..., int]:
    """A function that gives a port on loopback which is free for UDP and TCP; ``free_port(2)``: the first of two."""
    return process.find_free_port


@pytest.fixture
def peer_tool() -> Callable[[str, str], Path]:
    """A function that gives the path of a program, by its name and its Debian package."""
    return tools.peer_tool


@pytest.fixture
def libcoap_server() -> Iterator[Callable[..., libcoap_peer.LibcoapServer]]:
    """A function that starts libcoap's server with more options, if any."""
    with ExitStack() as stack:

        def start(*options: str) -> libcoap_peer.LibcoapServer:
            server = libcoap_peer.start_server(*options)
            stack.callback(server.peer.stop)
            return server

        yield start


@pytest.fixture
def libcoap_client() -> Callable[..., Awaitable[bytes]]:
    """An async function that runs libcoap's client and gives the payload of the response."""
    return libcoap_peer.run_client


@pytest.fixture
def aiocoap_fileserver() -> Iterator[Callable[..., fileserver_peer.AiocoapFileServer]]:
    """A function that starts aiocoap's file server on a directory, with ``certificate`` and ``key`` over TLS too."""
    with ExitStack() as stack:

        def start(
            directory: Path, *, certificate: Path | None = None, key: Path | None = None
        ) -> fileserver_peer.AiocoapFileServer:
            server = fileserver_peer.start_server(directory, certificate=certificate, key=key)
            stack.callback(server.peer.stop)
            return server

        yield start


@pytest.fixture
def nginx_server() -> Iterator[Callable[..., nginx_peer.NginxServer]]:
    """A function that starts nginx on a directory, with ``certificate`` and ``key`` where https is wanted."""
    with ExitStack() as stack:

        def start(
            directory: Path, *, certificate: Path | None = None, key: Path | None = None, extra: str = ""
        ) -> nginx_peer.NginxServer:
            server = nginx_peer.start_server(directory, certificate=certificate, key=key, extra=extra)
            stack.callback(server.stop)
            return server

        yield start
