"""Locust's page as a user has it before them: Locust as a command of its own, and headless Chromium."""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as TimedOutError

from tests.load.locust_runs import LOCUSTFILE, Locust, start

QUIET = (
    "--no-sandbox",  # CI runs as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
)
"""What keeps Chromium to the pages that it is sent to."""
COLOURS = 128
"""Of a picture: enough for flat areas and text, at a quarter of the bytes."""
PATIENCE_S = 60.0
FIRST_S = 15.0


@contextmanager
def chromium(program: Path) -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, *, wide: bool = True, dark: bool = False) -> Iterator[Page]:
    """A window of a desktop or of a phone. What its pages complain of in the console is an error here."""
    size = {"width": 1280, "height": 800} if wide else {"width": 390, "height": 844}
    context = browser.new_context(viewport=size, color_scheme="dark" if dark else "light", accept_downloads=True)
    context.set_default_timeout(PATIENCE_S * 1000)
    errors: list[str] = []

    def watch(page: Page) -> None:
        page.on(
            "console",
            lambda told: errors.append(f"{told.location['url']}: {told.text}") if told.type == "error" else None,
        )
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))

    context.on("page", watch)
    try:
        yield context.new_page()
        assert not errors, "\n".join(errors)
    finally:
        context.close()


def visit(page: Page, address: str) -> None:
    """Go to a page.

    Three of some 150 windows waited for their first answer for a minute and longer, on a loaded machine, while the
    server answered others at once. The cause is not known; the first request may be repeated, once.
    """
    try:
        page.goto(address, timeout=FIRST_S * 1000)
    except TimedOutError:
        page.goto(address)


def picture(page: Page, path: Path, **options: Any) -> None:
    """Take a picture of the window, small in bytes."""
    taken = Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")
    taken.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


@contextmanager
def site(directory: Path, port: int, *options: str, locustfile: Path = LOCUSTFILE) -> Iterator[tuple[Locust, str]]:
    """Locust with its page on this port, and the page's address."""
    mark = f"{os.getpid()}-{directory.name}-{time.monotonic_ns()}"
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(locustfile),
        "--web-host",
        "127.0.0.1",
        "--web-port",
        str(port),
    ]
    log = directory / "locust.log"
    locust = Locust(directory, start([*command, *options], log, mark), log, mark)
    try:
        locust.until(lambda: _listens(port))
        yield locust, f"http://127.0.0.1:{port}"
    finally:
        locust.end()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
