"""Tiny stand-ins for the processes of a run: a test says what each does between its start and its end."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from simulator.cli import session

FRAME = """
import json, os, signal, sys, time

def tell(**line):
    sys.stdout.write(json.dumps(line) + "\\n")
    sys.stdout.flush()

def commands():
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "stop":
            return
        yield command

def end():
    tell(ended=True, cpu_s=0.25, rss_bytes=1000)

"""
ORIGIN = """
tell(ready=True, coap="coap://127.0.0.1:9", origins={"coap": "coap://127.0.0.1:9", "http": "http://127.0.0.1:8"})
for command in commands():
    pass
end()
"""
OPERATOR = """
tell(ready=True, coap="coap://127.0.0.1:9", uris={"coap": "coap://127.0.0.1:9"}, server="fake 1.0")
for command in commands():
    assert command["do"] == "campaign"
    tell(status={"targets": 2, "ok": 2, "fail": 0, "unknown": 0})
    tell(done=True)
tell(server_usage={"cpu_s": 1.5, "rss_bytes": 2000})
end()
"""
FLEET = """
tell(ready=True)
for command in commands():
    assert command["do"] == "go"
    tell(status={"started": 2, "registered": 2})
end()
"""
IDLE_OPERATOR = OPERATOR.replace("    tell(done=True)\n", "")
"""An operator whose campaign never ends."""


def write_module(directory: Path, name: str, body: str) -> str:
    """A module that ``python -m`` finds once the directory is in PYTHONPATH; its name."""
    (directory / f"{name}.py").write_text(FRAME + textwrap.dedent(body))
    return name


def use_fakes(
    monkeypatch: pytest.MonkeyPatch, directory: Path, *, origin=ORIGIN, operator=OPERATOR, fleet=FLEET
) -> None:
    """Have sessions start these instead of the real processes."""
    monkeypatch.setenv("PYTHONPATH", str(directory))
    monkeypatch.setattr(session, "ORIGIN", write_module(directory, "fake_origin", origin))
    monkeypatch.setattr(session, "OPERATOR", write_module(directory, "fake_operator", operator))
    monkeypatch.setattr(session, "FLEET", write_module(directory, "fake_fleet", fleet))
