"""Takes the picture of docs/report.md: ``make pictures``.

A run with what a report has to tell: transports with ceilings, devices that fail as declared, and a server that says of
some of them what is not so.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from simulator.cli.app import app
from tests.load.browser import chromium, picture, window
from tests.load.locust_runs import ROOT
from tests.peers.tools import peer_tool

PICTURE = ROOT / "docs" / "report.png"
HEIGHT = 1560
SCENARIO = """
[run]
name = "metering"
seed = 7
duration_max = "180 s"
[server.chaos]
share = "3 %"
result = "stale"
[firmware]
size = "64 KiB"
[devices]
boot_time = { min = "1 s", max = "3 s" }
install_time = { min = "2 s", max = "6 s" }
[groups.meter]
count = 200
delivery = "pull"
transport = "http"
network = "lte-m"
[[groups.meter.faults]]
kind = "image-corrupt"
count = 8
[groups.pump]
count = 100
delivery = "pull"
transport = "coap+tcp"
network = "lte-m"
[groups.sensor]
count = 200
delivery = "push"
[[groups.sensor.faults]]
kind = "install-fails"
count = 6
[campaign]
timeout = "60 s"
[arrivals]
kind = "rate"
rate = "25/s"
[criteria]
as_declared_min = "99 %"
server_differs_max = 0
missed_starts_max = 0
expressions = ["p95(update_seconds) < 30 s", "throughput(http) > 100 kB/s"]
"""


def take(directory: Path) -> None:
    """Make the run, and take it."""
    scenario, run = directory / "metering.toml", directory / "metering"
    scenario.write_text(SCENARIO, encoding="utf-8")
    CliRunner().invoke(app, ["run", str(scenario), "--out", str(run)])
    with chromium(peer_tool("chromium", "chromium")) as browser, window(browser) as page:
        page.goto((run / "report.html").as_uri())
        page.set_viewport_size({"width": 1280, "height": HEIGHT})
        picture(page, PICTURE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.exit(take(Path(place)))
