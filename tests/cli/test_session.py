"""How a run begins and ends, over processes that do as a test says."""

from __future__ import annotations

import asyncio
import dataclasses
import errno
import json

import pytest

from simulator.cli import child as child_module
from simulator.cli.plan import Plan
from simulator.cli.session import Session
from simulator.recorder.manifest import Manifest, RunDirectoryError
from simulator.scenario import load
from tests.cli.fakes import FLEET, IDLE_OPERATOR, OPERATOR, ORIGIN, use_fakes

SCENARIO = """
[firmware]
size = "1 KiB"
[groups.a]
count = 2
"""


@pytest.fixture
def make(tmp_path, monkeypatch):
    """A function that makes a session over fakes; ``key=value`` of the scenario as ``sets``."""

    def make(*, processes=1, sets=(), text=SCENARIO, directory=None, **bodies):
        use_fakes(monkeypatch, tmp_path, **bodies)
        file = tmp_path / "s.toml"
        file.write_text(text)
        scenario = load(file, sets)
        directory = directory or tmp_path / "run"
        return Session(Plan(file, tuple(sets), None, scenario, 7, processes, directory, ("lwm2m-fleet", "run")))

    return make


def manifest(session):
    return json.loads((session.plan.directory / "manifest.json").read_text())


def alive(session):
    return [child.name for child in session._children if not child.ended.is_set()]


async def test_a_run_that_is_complete(make):
    session = make(processes=2)
    phases = []
    session.on_change = lambda: phases.append(session.view.phase)
    ended = await session.run()
    assert (ended.status, ended.reason, ended.interrupted) == ("complete", "", False)
    assert list(dict.fromkeys(phases)) == [
        "making packages",
        "starting the package origin",
        "starting the server under test (embedded)",
        "starting the fleet",
        "running",
        "stopping",
        "stopped",
    ]
    document = manifest(session)
    assert (document["status"], document["seed"]) == ("complete", 7)
    assert document["server"] == {"kind": "embedded", "name": "fake 1.0", "uri": "coap://127.0.0.1:9"}
    assert [process["name"] for process in document["processes"]] == ["origin", "operator", "fleet-0", "fleet-1"]
    assert {use["process"]: use["cpu_s"] for use in document["usage"]} == {
        "origin": 0.25,
        "operator": 0.25,
        "fleet-0": 0.25,
        "fleet-1": 0.25,
        "server": 1.5,
    }
    assert session.view.fleet == {"started": 4, "registered": 4}
    assert not alive(session)
    directory = session.plan.directory
    assert json.loads((directory / "plan.json").read_text())["seed"] == 7
    assert (directory / "scenario.toml").read_text() == SCENARIO
    assert (directory / "packages" / "good.bin").stat().st_size == 1024


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        ({"origin": "tell(failed='the package origin has no port'); end()"}, "the package origin has no port"),
        ({"operator": "tell(failed='Java is missing'); end()"}, "Java is missing"),
        ({"operator": "raise ZeroDivisionError('oops')"}, "operator ended unexpectedly with exit code 1: ZeroDivision"),
        ({"fleet": "sys.exit('no such loop')"}, "fleet-0 ended unexpectedly with exit code 1: no such loop"),
    ],
)
async def test_a_process_that_fails_before_the_run_begins(make, bodies, reason):
    session = make(**bodies)
    ended = await session.run()
    assert (ended.status, ended.begun) == ("failed", False)
    assert ended.reason.startswith(reason)
    assert manifest(session)["status"] == "failed"
    assert manifest(session)["reason"] == ended.reason
    assert not alive(session)


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        (
            {"operator": OPERATOR.split("for command", 1)[0] + "next(commands())\nsys.exit('boom')"},
            "operator ended unexpectedly with exit code 1: boom",
        ),
        (
            {
                "operator": IDLE_OPERATOR.replace(
                    "    tell(status", "    tell(failed='the server is gone')\n    tell(status"
                )
            },
            "the server is gone",
        ),
        (
            {
                "operator": IDLE_OPERATOR,
                "fleet": "tell(ready=True)\nnext(commands())\nos.kill(os.getpid(), signal.SIGKILL)",
            },
            "fleet-0 ended unexpectedly, killed by signal 9: no message",
        ),
        (
            {
                "operator": IDLE_OPERATOR,
                "fleet": "tell(ready=True)\nnext(commands())\ntell(failed='the disk is full')\nend()",
            },
            "the disk is full",
        ),
    ],
)
async def test_a_process_that_fails_in_the_middle(make, bodies, reason):
    session = make(**bodies)
    ended = await session.run()
    assert (ended.status, ended.begun) == ("failed", True)
    assert ended.reason.startswith(reason)
    assert manifest(session)["status"] == "failed"
    assert not alive(session)


NAME = "name = sys.argv[sys.argv.index('--name') + 1]\n"
"""Of the process of an origin."""


async def test_an_origin_of_two_processes(make, tmp_path):
    heard = NAME + ORIGIN.replace("    pass", f"    open(f'{tmp_path}/{{name}}', 'a').write(json.dumps(command))")
    heard = heard.replace('"http": ', '"coaps": ')
    session = make(origin=heard, sets=["firmware.processes=2", "groups.a.transport=coaps"])
    ended = await session.run()
    assert (ended.status, ended.reason) == ("complete", "")
    names = [(process["name"], process["role"]) for process in manifest(session)["processes"]]
    assert names[:2] == [("origin-0", "origin"), ("origin-1", "origin")]
    assert [use["process"] for use in manifest(session)["usage"]][:2] == ["origin-0", "origin-1"]
    first, second = (json.loads((tmp_path / f"origin-{k}").read_text()) for k in (0, 1))
    assert first == second
    assert len(first["psks"]) == 2
    assert not alive(session)


@pytest.mark.parametrize(
    ("body", "begun", "reason"),
    [
        ("tell(failed='no port')\n    end()\n    sys.exit()", False, "no port"),
        (
            "tell(ready=True, origins={})\n    os.kill(os.getpid(), signal.SIGKILL)",
            True,
            "origin-1 ended unexpectedly, killed by signal 9",
        ),
    ],
    ids=["before it is ready", "when it is"],
)
async def test_an_origin_that_loses_one_of_two_processes(make, body, begun, reason):
    origin = f"{NAME}if name == 'origin-1':\n    {body}\n{ORIGIN}"
    session = make(origin=origin, operator=IDLE_OPERATOR, sets=["firmware.processes=2"])
    ended = await session.run()
    assert (ended.status, ended.begun) == ("failed", begun)
    assert ended.reason.startswith(reason)
    assert not alive(session)


async def test_a_failure_that_shows_only_at_the_end(make):
    session = make(fleet=FLEET.replace("end()", "tell(failed='the last part could not be written')\nend()"))
    ended = await session.run()
    assert (ended.status, ended.reason) == ("failed", "the last part could not be written")
    assert manifest(session)["reason"] == ended.reason


async def test_ctrl_c_in_the_middle(make):
    session = make(operator=IDLE_OPERATOR)
    session.on_change = lambda: session.view.phase == "running" and session._stop_wanted.set()
    ended = await session.run()
    assert (ended.status, ended.reason) == ("cut short", "stopped by the user")
    assert (ended.interrupted, ended.begun) == (True, True)
    assert manifest(session)["status"] == "cut short"
    assert len(manifest(session)["usage"]) == 4, "stopped in order, not killed"
    assert not alive(session)


@pytest.mark.parametrize("role", ["origin", "operator", "fleet"])
async def test_ctrl_c_before_the_run_begins(make, role):
    """A process that takes its time to get ready, such as a server that is being built."""
    session = make(**{role: "for command in commands():\n    pass\nend()"})
    asyncio.get_running_loop().call_later(0.5, session.interrupt)
    ended = await session.run()
    assert (ended.status, ended.reason) == ("cut short", "stopped by the user before the run had begun")
    assert (ended.interrupted, ended.begun) == (True, False)
    assert not alive(session)


async def test_ctrl_c_twice_kills(make):
    stubborn = "tell(ready=True)\nwhile True:\n    time.sleep(1000)"
    session = make(operator=IDLE_OPERATOR, fleet=stubborn)

    def twice():
        if session.view.phase in ("running", "stopping"):
            session.interrupt()

    session.on_change = twice
    ended = await session.run()
    assert (ended.status, ended.interrupted) == ("cut short", True)
    assert {child.failed for child in session._fleets} == {"fleet-0 was killed"}
    assert not alive(session)


async def test_a_process_that_does_not_stop_is_killed(make, monkeypatch):
    monkeypatch.setattr(child_module, "STOP_TIMEOUT_S", 1.0)
    session = make(fleet="tell(ready=True)\nwhile True:\n    time.sleep(1000)")
    ended = await session.run()
    assert ended.status == "failed"
    assert ended.reason == "fleet-0 did not stop within 1 s and was killed"


async def test_duration_max(make):
    session = make(
        operator=IDLE_OPERATOR,
        sets=['run.duration_max="300 ms"', 'campaign.timeout="200 ms"', 'campaign.request_timeout="200 ms"'],
    )
    ended = await session.run()
    assert (ended.status, ended.interrupted, ended.begun) == ("cut short", False, True)
    assert ended.reason == "run.duration_max (0.3 s) was over before every update had ended"


async def test_a_session_that_is_cancelled_stops_its_processes_and_is_not_complete(make):
    session = make(operator=IDLE_OPERATOR)
    running = asyncio.Event()
    session.on_change = lambda: session.view.phase == "running" and running.set()
    work = asyncio.create_task(session.run())
    await running.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not alive(session)
    assert (manifest(session)["status"], manifest(session)["reason"]) == ("failed", "the command ended unexpectedly")


async def test_a_run_directory_that_is_occupied(make, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "file").touch()
    with pytest.raises(RunDirectoryError, match="is not empty"):
        await make().run()


async def test_a_firmware_file_that_has_gone(make, tmp_path):
    image = tmp_path / "image.bin"
    image.write_bytes(b"firmware" * 100)
    session = make(text=SCENARIO.replace('size = "1 KiB"', f'file = "{image}"\nversion = "2.0.0"\nmodel = "m"'))
    image.unlink()
    ended = await session.run()
    assert ended.status == "failed"
    assert ended.reason == f"{image}: No such file or directory"


async def test_a_disk_that_is_full_at_the_end_does_not_hide_how_the_run_ended(make, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Manifest, "end", full)
    session = make()
    assert (await session.run()).status == "complete"
    assert not alive(session)


EXTERNAL = """
[server]
kind = "external"
host = "127.0.0.1"
port = {port}
[firmware]
size = "1 KiB"
[groups.a]
count = 2
[groups.b]
count = 1
delivery = "none"
"""


async def test_an_external_server_that_is_not_there(make, free_port):
    ended = await (session := make(text=EXTERNAL.format(port=free_port()))).run()
    assert (ended.status, ended.begun) == ("failed", False)
    assert "nobody listens at UDP 127.0.0.1" in ended.reason
    assert not alive(session)


async def test_an_external_server_with_a_name_that_does_not_exist(make):
    text = EXTERNAL.format(port=5683).replace('"127.0.0.1"', '"nowhere.invalid"')
    ended = await make(text=text).run()
    assert ended.status == "failed"
    assert "nowhere.invalid cannot be resolved" in ended.reason


class Pong(asyncio.DatagramProtocol):
    """A CoAP server that answers every ping with a Reset (RFC 7252 §4.3)."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.transport.sendto(b"\x70\x00" + data[2:4], peer)


async def test_a_run_against_an_external_server_is_over_when_its_devices_are(make):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Pong, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    fleet = FLEET.replace('"registered": 2', '"updated": 1, "failed": 1')
    session = make(text=EXTERNAL.format(port=port), fleet=fleet, operator="sys.exit('must not be started')")
    try:
        ended = await session.run()
    finally:
        transport.close()
    assert ended.status == "complete"
    assert [child.name for child in session._children] == ["origin", "fleet-0"]
    assert manifest(session)["server"]["uri"] == f"coap://127.0.0.1:{port}"


async def test_a_plan_is_not_changed_by_a_run(make):
    session = make(operator=OPERATOR)
    before = dataclasses.asdict(session.plan)
    await session.run()
    assert dataclasses.asdict(session.plan) == before
