"""A process of a run as the command sees it, whatever that process does."""

from __future__ import annotations

import asyncio
import os

import pytest

from simulator.cli import child as module
from simulator.cli.child import Child, ChildError
from simulator.recorder.manifest import Usage
from tests.cli.fakes import FLEET, write_module


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(body=FLEET, *arguments):
        return Child("fleet-0", "fleet", write_module(tmp_path, "fake", body), arguments, tmp_path / "fleet-0.log")

    return make


async def stop(child, *, hurry=False):
    event = asyncio.Event()
    if hurry:
        event.set()
    await child.stop(event)
    assert child.ended.is_set()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


async def test_the_whole_life(make):
    child, lines = make(), []
    child.on_line = lines.append
    assert child.pid == -1
    await child.start()
    assert await child.ready() == {"ready": True}
    await child.tell(do="go", at=1.0)
    await stop(child)
    assert lines[-1]["ended"] is True
    assert {"status": {"started": 2, "registered": 2}} in lines
    assert child.used == Usage("fleet-0", "fleet", 0.25, 1000)
    assert child.failed == ""


async def test_arguments_arrive(make):
    child = make("tell(ready=True, arguments=sys.argv[1:])", "a", "b c")
    await child.start()
    assert (await child.ready())["arguments"] == ["a", "b c"]
    await stop(child)


async def test_a_program_that_cannot_be_started(make, monkeypatch):
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    child = make()
    with pytest.raises(ChildError, match=r"fleet-0 could not be started: .*No such file"):
        await child.start()
    await child.stop(asyncio.Event())


async def test_a_log_that_cannot_be_written(tmp_path):
    child = Child("fleet-0", "fleet", "fake", [], tmp_path / "missing" / "fleet-0.log")
    with pytest.raises(ChildError, match="fleet-0 could not be started"):
        await child.start()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(0)", "fleet-0 ended unexpectedly with exit code 0: no message"),
        ("sys.exit('first\\nlast line\\n\\n')", "fleet-0 ended unexpectedly with exit code 1: last line"),
        ("sys.stderr.buffer.write(b'x' * 100000 + b'\\n\\xff last'); sys.exit(7)", "with exit code 7: \ufffd last"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "fleet-0 ended unexpectedly, killed by signal 9: no message"),
        ("raise ZeroDivisionError('oops')", "with exit code 1: ZeroDivisionError: oops"),
        ("tell(failed='no port is free'); end()", "no port is free"),
        ("tell(failed='first'); tell(failed='second')", "first"),
        ("tell(failed=''); end()", "fleet-0 failed"),
    ],
)
async def test_a_process_that_never_gets_ready(make, body, message):
    child = make(body)
    await child.start()
    with pytest.raises(ChildError) as caught:
        await child.ready()
    assert message in str(caught.value)
    await stop(child)


async def test_what_it_says_first_is_not_lost(make):
    child = make()
    await child.start()
    await asyncio.sleep(1.0)
    assert await child.ready() == {"ready": True}
    assert await child.ready() == {"ready": True}
    await stop(child)


NOISE = r"""
sys.stdout.write("hello\n\n[1, 2]\nnull\n7\n{\n" + "[" * 50000 + "\n")
sys.stdout.buffer.write(b"\xff\xfe\n")
tell(status="not a table")
tell(ended=True)
tell(ended=True, cpu_s="much", rss_bytes=None)
sys.stdout.write('{"x": "' + "x" * 300000 + '"}\n')
"""


async def test_lines_that_say_nothing_are_passed_over(make, monkeypatch):
    monkeypatch.setattr(module, "LINE_MAX", 100_000)
    child = make(NOISE + FLEET)
    await child.start()
    assert await child.ready() == {"ready": True}
    assert child.status == {}
    assert child.used is None
    await stop(child)
    assert child.failed == ""
    assert child.used is not None


async def test_a_listener_that_stumbles_over_a_line_does_not_deafen(make):
    child = make()

    def stumble(line):
        raise KeyError(next(iter(line)))

    child.on_line = stumble
    await child.start()
    await child.ready()
    await stop(child)
    assert child.used is not None


async def test_a_flood_of_lines_is_read_and_not_kept(make):
    child = make("for k in range(200_000):\n    tell(progress=k)\n" + FLEET)
    seen = 0

    def count(_line):
        nonlocal seen
        seen += 1

    child.on_line = count
    await child.start()
    await child.ready()
    await stop(child)
    assert seen == 200_002


async def test_a_process_that_closes_its_input(make):
    child = make("tell(ready=True)\nos.close(0)\ntime.sleep(0.5)\nend()\nsys.stdout.flush()\nos._exit(0)")
    await child.start()
    await child.ready()
    await asyncio.sleep(0.1)
    for _ in range(10):
        await child.tell(do="go", at=0.0)
    await stop(child)
    assert child.used is not None


async def test_a_process_that_is_gone_can_be_told_and_stopped(make):
    child = make("tell(ready=True)")
    await child.start()
    await child.ended.wait()
    await child.tell(do="go", at=0.0)
    await stop(child)
    await stop(child)


STUBBORN = """
child = os.fork()
if child == 0:
    time.sleep(1000)
tell(ready=True, child=child)
while True:
    time.sleep(1000)
"""


async def gone(pid):
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{pid}/stat") as file:  # noqa: ASYNC230, PTH123
            if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize("hurry", [True, False])
async def test_a_process_that_does_not_stop_is_killed_with_all_that_it_started(make, monkeypatch, hurry):
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 1000.0 if hurry else 0.2)
    child = make(STUBBORN)
    await child.start()
    grandchild = (await child.ready())["child"]
    await stop(child, hurry=hurry)
    assert await gone(grandchild)
    assert child.failed == ("fleet-0 was killed" if hurry else "fleet-0 did not stop within 0 s and was killed")


async def test_an_end_is_seen_though_a_grandchild_holds_the_output_open(make, monkeypatch):
    monkeypatch.setattr(module, "DRAIN_S", 0.2)
    child = make("child = os.fork()\nif child == 0:\n    time.sleep(1000)\ntell(ready=True, child=child)\nos._exit(0)")
    await child.start()
    grandchild = (await child.ready())["child"]
    await asyncio.wait_for(child.ended.wait(), 10.0)
    await stop(child)
    assert await gone(grandchild)


async def test_ctrl_c_at_the_terminal_does_not_reach_it(make):
    child = make("tell(ready=True, group=os.getpgid(0))\nfor command in commands():\n    pass\nend()")
    await child.start()
    assert (await child.ready())["group"] == child.pid != os.getpgid(0)
    await stop(child)
