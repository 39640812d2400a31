"""The server's end of the driver protocol, as a process: one answer for each command, whatever it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SERVER = """
import asyncio, sys
from simulator.recorder import pipes
from simulator.servers.json_lines import CommandError, JsonLines, usage

pipes.LINE_MAX = 100_000

def take(command):
    match command["do"]:
        case "echo":
            lines.tell({"id": command["id"], "value": command["value"]})
        case "refuse":
            raise CommandError("unknown_endpoint", "nobody")
        case "flood":
            for k in range(1000):
                lines.tell({"event": "notified", "k": k, "pad": "x" * 1000})
        case "stats":
            lines.tell({"id": command["id"], **usage()})
        case "later":
            asyncio.get_running_loop().call_later(0.05, lines.tell, {"id": command["id"]})
        case "break":
            raise ZeroDivisionError("oops")

lines = JsonLines()
lines.on_command = take
asyncio.run(lines.serve())
sys.stderr.write("served to the end")
"""


def converse(*lines: bytes | dict):
    """What the server says to these lines, until it ends by itself."""
    text = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    done = subprocess.run([sys.executable, "-W", "error", "-c", SERVER], input=text, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr.endswith(b"served to the end")
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_answers_in_order_and_an_end_with_the_input():
    said, _ = converse(*({"id": k, "do": "echo", "value": str(k)} for k in range(100)))
    assert said == [{"id": k, "value": str(k)} for k in range(100)]


def test_no_command_at_all():
    assert converse() == ([], "served to the end")


def test_a_last_line_without_its_end():
    said, _ = converse(b'{"id": 1, "do": "echo", "value": "x"}')
    assert said == [{"id": 1, "value": "x"}]


def test_errors_are_answers():
    said, log = converse({"id": 1, "do": "refuse"}, {"id": 2, "do": "break"}, {"id": 3}, {"id": "4", "do": "refuse"})
    assert said == [
        {"id": 1, "error": "unknown_endpoint", "detail": "nobody"},
        {"id": 2, "error": "failed", "detail": "ZeroDivisionError: oops"},
        {"id": 3, "error": "failed", "detail": "KeyError: 'do'"},
        {"id": "4", "error": "unknown_endpoint", "detail": "nobody"},
    ]
    assert "ZeroDivisionError" in log


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"[1, 2]\n",
        b"null\n",
        b"7\n",
        b'{"do": "echo"}\n',
        b"\xff\xfe\x00\n",
        b'{"id": 1, "do": \n',
        b"[" * 50_000 + b"\n",
        b'{"id": 1, "value": "' + b"x" * 300_000 + b'"}\n',
    ],
)
def test_lines_that_are_no_commands_are_logged_and_passed_over(line):
    said, log = converse(line, {"id": 2, "do": "echo", "value": "still here"})
    assert said == [{"id": 2, "value": "still here"}]
    assert "not a command" in log


def test_usage():
    said, _ = converse({"id": 1, "do": "stats"})
    assert said[0]["cpu_s"] > 0
    assert said[0]["rss_bytes"] > 1 << 20


def test_nobody_listens_any_more():
    """The operator died: its end of the output is closed, and so, a little later, is that of the input."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        server.stdout.close()
        server.stdin.write(b'{"id": 1, "do": "flood"}\n{"id": 2, "do": "flood"}\n')
        server.stdin.close()
        log = server.stderr.read()
        assert server.wait(60) == 0
    assert log == b"served to the end"
