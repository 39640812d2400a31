"""Takes the pictures of docs/locust.md: ``make pictures``.

A run over four transports and two access networks, which lasts long enough for the charts to show something.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.load.browser import chromium, picture, site, window
from tests.load.locust_runs import ROOT
from tests.peers.process import find_free_port
from tests.peers.tools import peer_tool

DOCS = ROOT / "docs"
LOOK_MS = 60_000
"""How long the run has gone on when they are taken."""
SCENARIO = """
[run]
duration_max = "300 s"
[firmware]
size = "96 KiB"
[devices]
boot_time = { min = "1 s", max = "4 s" }
install_time = { min = "2 s", max = "8 s" }
network = "lte-m"
[groups.pump]
count = 250
delivery = "pull"
transport = "http"
[groups.meter]
count = 150
delivery = "pull"
transport = "coap+tcp"
[[groups.meter.faults]]
kind = "image-corrupt"
count = 8
[groups.sensor]
count = 200
delivery = "push"
network = "lan"
[[groups.sensor.faults]]
kind = "install-fails"
count = 6
[campaign]
timeout = "120 s"
[arrivals]
kind = "rate"
rate = "12/s"
"""


def save(page, name, **options):
    """Take a picture of the window."""
    picture(page, DOCS / f"locust-{name}.png", **options)


def take(directory):
    """Take them all."""
    (directory / "metering.toml").write_text(SCENARIO, encoding="utf-8")
    port, bind = find_free_port(), str(find_free_port())
    options = ["--fleet-out", str(directory / "metering-7"), "--fleet-seed", "7", "--processes", "2"]
    options += ["--master-bind-host", "127.0.0.1", "--master-bind-port", bind, "--master-port", bind]
    with (
        chromium(peer_tool("chromium", "chromium")) as browser,
        site(directory, port, *options) as (locust, url),
        window(browser) as page,
    ):
        locust.until(lambda: len(locust.workers) == 2)
        page.goto(url)
        page.get_by_label("Fleet Out").fill("")
        page.wait_for_timeout(1000)
        save(page, "form", full_page=True)
        page.get_by_label("Other Scenario").fill(str(directory / "metering.toml"))
        page.get_by_label("Fleet Out").fill(str(directory / "metering-7"))
        page.get_by_label("Number of users").fill("600")
        page.get_by_label("Ramp up").fill("12")
        page.get_by_role("button", name="Start").click()
        page.get_by_role("tab", name="Injected").click()
        charts = page.context.new_page()
        charts.goto(f"{url}/firmware")
        charts.wait_for_timeout(LOOK_MS)
        save(charts, "charts", full_page=True)
        save(page, "injected", clip={"x": 0, "y": 0, "width": 1280, "height": 480})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.exit(take(Path(place)))
