"""The frame of a process of a run, as the command that started it sees it: through pipes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pyarrow.parquet as pq
import pytest

FRAME = """
import asyncio, logging, sys, time
from pathlib import Path
from simulator.events import FaultApplied
from simulator.recorder import pipes as module
from simulator.recorder.process import RunProcess
from simulator.transport.loop import run

logging.basicConfig()
module.LINE_MAX = 100_000

async def main():
    process = RunProcess(Path(sys.argv[1]), "probe", time.monotonic())
    await process.start()
    process.status = lambda: {"turns": 1}
    process.devices = lambda: 7
{body}
    await process.close()
    return 0

sys.exit(run(main()))
"""
ECHO = """
process.tell(ready=True)
while (command := await process.command()) is not None:
    process.emit(FaultApplied(process.now(), 3, "test", "flash", ""))
    process.tell(did=command)
"""


def program(body=ECHO):
    return FRAME.replace("{body}", textwrap.indent(textwrap.dedent(body), "    "))


def converse(directory, *lines, body=ECHO, code=0):
    """What a process says to these lines, until it ends by itself at the end of its input; and its log."""
    text = b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
    command = [sys.executable, "-W", "error", "-c", program(body), str(directory)]
    done = subprocess.run(command, input=text, capture_output=True, timeout=60)
    assert done.returncode == code, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_commands_events_and_the_end(tmp_path):
    said, log = converse(tmp_path, {"do": "a"}, {"do": "b", "at": 1.5})
    assert [line for line in said if "status" not in line] == [
        {"ready": True},
        {"did": {"do": "a"}},
        {"did": {"do": "b", "at": 1.5}},
    ]
    last = said[-1]
    assert last["ended"] is True
    assert last["status"] == {"turns": 1}
    assert last["cpu_s"] > 0
    assert last["rss_bytes"] > 1 << 20
    assert log == ""
    closed = json.loads((tmp_path / "parts" / "probe.closed.json").read_text())
    assert closed["tables"]["faults"]["rows"] == 2
    health = pq.read_table(tmp_path / "parts" / "health" / "probe-000000.parquet").to_pylist()
    assert [(row["process"], row["devices"]) for row in health] == [("probe", 7)]


def test_stop_ends_it_before_the_input_ends(tmp_path):
    said, _ = converse(tmp_path, {"do": "a"}, {"do": "stop"}, {"do": "never"})
    assert [line["did"] for line in said if "did" in line] == [{"do": "a"}]
    assert said[-1]["ended"] is True


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"[1]\n",
        b"null\n",
        b"{}\n",
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",
        b'{"do": "' + b"x" * 300_000 + b'"}\n',
    ],
)
def test_lines_that_are_no_commands_are_passed_over(tmp_path, line):
    said, log = converse(tmp_path, line, {"do": "a"})
    assert [line["did"] for line in said if "did" in line] == [{"do": "a"}]
    assert log == ""


def test_status_once_a_second(tmp_path):
    said, _ = converse(tmp_path, body="await asyncio.sleep(1.5)")
    assert said[0] == {"status": {"turns": 1}}


def test_work_that_fails_ends_the_process_and_says_why(tmp_path):
    body = """
    async def fail():
        raise ZeroDivisionError("oops")
    process.watch(fail())
    assert await process.command() is None
    """
    with subprocess.Popen(
        [sys.executable, "-c", program(body), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        # Its input stays open: it ends of its own accord.
        said = [json.loads(line) for line in process.stdout]
        log = process.stderr.read().decode()
    assert said[0] == {"failed": "probe cannot go on: ZeroDivisionError: oops"}
    assert said[-1]["ended"] is True
    assert "Traceback" in log


def test_a_disk_that_fails_ends_the_process_and_says_why(tmp_path):
    body = """
    (Path(sys.argv[1]) / "parts" / "faults").write_text("in the way")
    process.emit(FaultApplied(process.now(), 3, "test", "flash", ""))
    process.recorder.flush()
    process.tell(ready=True)
    while await process.command() is not None:
        pass
    """
    with subprocess.Popen(
        [sys.executable, "-c", program(body), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        said = [json.loads(line) for line in process.stdout]
    failures = [line["failed"] for line in said if "failed" in line]
    assert failures
    assert failures[0].startswith("the run directory cannot be written: ")
    assert str(tmp_path) in failures[0]
    assert said[-1]["ended"] is True


def test_a_disk_that_fails_at_the_very_end_is_told_too(tmp_path):
    body = """
    (Path(sys.argv[1]) / "parts" / "faults").write_text("in the way")
    process.emit(FaultApplied(process.now(), 3, "test", "flash", ""))
    """
    said, _ = converse(tmp_path, body=body)
    assert set(said[0]) == {"failed"}


def test_nobody_listens_any_more(tmp_path):
    """The command died: the process still writes its parts and ends without a word."""
    with subprocess.Popen(
        [sys.executable, "-c", program(), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert json.loads(process.stdout.readline()) == {"ready": True}
        process.stdout.close()
        process.stdin.write(b'{"do": "a"}\n' * 3)
        process.stdin.close()
        log = process.stderr.read()
        assert process.wait(60) == 0
    assert log == b""
    assert json.loads((tmp_path / "parts" / "probe.closed.json").read_text())["tables"]["faults"]["rows"] == 3


def test_an_input_that_is_no_pipe_means_stop(tmp_path):
    source = tmp_path / "input"
    source.write_text('{"do": "a"}\n')
    with source.open() as file:
        done = subprocess.run(
            [sys.executable, "-c", program(), str(tmp_path / "run")], stdin=file, capture_output=True, timeout=60
        )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert said[-1]["ended"] is True
    assert len(said) == 2
