"""Which driver for which server."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from simulator.operator.driver import Driver
from simulator.operator.job import ServerChoice
from simulator.operator.json_lines import JsonLinesDriver


def driver_for(choice: ServerChoice, progress: Callable[[str], None]) -> Driver:
    """The driver."""
    module = {"embedded": "simulator.servers.embedded", "aiocoap": "simulator.servers.aiocoap_reference"}[choice.kind]
    return JsonLinesDriver(
        [sys.executable, "-m", module, "--host", choice.host, "--port", str(choice.port)],
        choice.kind,
        Path(choice.work) / "server.log",
    )
