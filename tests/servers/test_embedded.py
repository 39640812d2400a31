"""The embedded server: one answer per command, registrations that end as they should, and the process around it."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path

import pytest

from simulator.coap import codes as c
from simulator.coap.message import decode
from simulator.ports import Address
from simulator.servers.embedded import core
from simulator.servers.embedded.__main__ import event_line
from simulator.servers.embedded.commands import Commands
from simulator.servers.embedded.core import Happened
from simulator.servers.json_lines import CommandError
from tests.device.device_rig import PACKAGE, SERVER, device_rig, in_virtual_time

ROOT = Path(__file__).parent.parent.parent


class Operator:
    """Gives commands and keeps what is told, as the process does without its pipes."""

    def __init__(self, rig):
        self.lines = []
        self.commands = Commands(rig.server, self)
        self.rig = rig
        self._count = 0

    def tell(self, line):
        self.lines.append(line)

    async def __call__(self, do, **fields):
        self._count += 1
        self.commands.take({"id": self._count, "do": do, **fields})
        await self.rig.settle(0.1)
        return self.answer(self._count)

    def answer(self, number):
        answers = [line for line in self.lines if line.get("id") == number]
        assert len(answers) <= 1
        return {key: value for key, value in answers[0].items() if key != "id"} if answers else None

    def events(self, kind):
        return [line for line in self.lines if line.get("event") == kind]


@in_virtual_time
async def test_operations_on_a_device():
    async with device_rig() as rig:
        do = Operator(rig)
        assert await do("clients") == {"clients": ["dev"]}
        assert await do("read", ep="dev", path="/3/0/3") == {"code": "2.05", "value": "1.0.0"}
        assert await do("read", ep="dev", path="/5/0/77") == {"code": "4.04"}
        assert await do("execute", ep="dev", path="/5/0/2") == {"code": "4.05"}
        assert await do("execute", ep="dev", path="/3/0/12", args="0='x'") == {"code": "2.04"}
        assert await do("write", ep="dev", path="/1/0/1", text="600") == {"code": "2.04"}
        assert await do("attributes", ep="dev", path="/5/0/3", attributes={"pmin": 0, "pmax": 60}) == {"code": "2.04"}
        body = base64.b64encode(PACKAGE).decode()
        assert await do("write", ep="dev", path="/5/0/0", base64=body) == {"code": "2.04"}
        assert await do("read", ep="dev", path="/5/0/3") == {"code": "2.05", "value": "2"}
        assert set(await do("stats")) == {"cpu_s", "rss_bytes"}


@pytest.mark.parametrize("form", [None, "opaque", "tlv", "cbor"])
def test_a_package_comes_from_a_file(tmp_path, form):
    file = tmp_path / "package"
    file.write_bytes(PACKAGE)

    @in_virtual_time
    async def push():
        async with device_rig() as rig:
            do = Operator(rig)
            more = {} if form is None else {"format": form}
            assert await do("write", ep="dev", path="/5/0/0", file=str(file), **more) == {"code": "2.04"}
            assert rig.pair == (2, 0)
            with pytest.raises(ValueError, match="'xml' is no form of a file; there are opaque, tlv, cbor"):
                await do("write", ep="dev", path="/5/0/0", file=str(file), format="xml")
            with pytest.raises(OSError, match="missing"):
                await do("write", ep="dev", path="/5/0/0", file=str(tmp_path / "missing"))

    push()


@in_virtual_time
async def test_observe_tells_of_each_value_until_it_is_cancelled():
    async with device_rig() as rig:
        do = Operator(rig)
        assert await do("observe", ep="dev", path="/5/0/3") == {"code": "2.05", "value": "0"}
        assert await do("write", ep="dev", path="/5/0/0", base64=base64.b64encode(PACKAGE).decode()) == {"code": "2.04"}
        assert [line["value"] for line in do.events("notified")] == ["1", "2"]
        assert await do("cancel", ep="dev", path="/5/0/3") == {"code": "2.05"}
        assert await do("write", ep="dev", path="/5/0/1", text="") == {"code": "2.04"}
        assert len(do.events("notified")) == 2
        await rig.settle(1)
        assert rig.device.endpoint.observations == []


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("read", {"path": "/3/0/3"}),
        ("write", {"path": "/5/0/1", "text": ""}),
        ("execute", {"path": "/5/0/2"}),
        ("observe", {"path": "/5/0/3"}),
        ("attributes", {"path": "/5/0/3", "attributes": {"pmin": 1}}),
    ],
)
@in_virtual_time
async def test_a_command_to_nobody_is_refused_once(do, fields):
    async with device_rig() as rig:
        operator = Operator(rig)
        with pytest.raises(CommandError) as raised:
            await operator(do, ep="nobody", **fields)
        assert raised.value.kind == "unknown_endpoint"
        # Whoever called has answered; no time-out may come after it.
        await rig.settle(1000)
        assert operator.lines == []


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("fly", {}),
        (None, {}),
        ("read", {}),
        ("read", {"path": "3/0"}),
        ("observe", {"path": "3/0"}),
        ("write", {"path": "/5/0/0", "base64": "!"}),
        ("attributes", {"path": "/5/0/3", "attributes": ["pmin"]}),
    ],
)
@in_virtual_time
async def test_a_command_that_is_wrong_raises_what_the_protocol_answers(do, fields):
    async with device_rig() as rig:
        operator = Operator(rig)
        with pytest.raises((CommandError, KeyError, ValueError, TypeError)):
            await operator(do, ep="dev", **fields)
        await rig.settle(1000)
        assert operator.lines == []


@in_virtual_time
async def test_a_silent_device_gives_one_timeout():
    async with device_rig() as rig:
        do = Operator(rig)
        rig.network.lost = lambda source, to, data: source == SERVER
        assert await do("read", ep="dev", path="/3/0/3", timeout_s=5) is None
        assert await do("read", ep="dev", path="/3/0/1", timeout_s=500) is None
        await rig.settle(1000)
        assert do.answer(1) == {"error": "timeout", "detail": "no answer within 5 s"}
        assert do.answer(2)["error"] == "timeout"


@in_virtual_time
async def test_a_registration_ends_with_its_lifetime_and_a_late_update_finds_nothing():
    async with device_rig(lifetime_s=600) as rig:
        do = Operator(rig)
        await do("observe", ep="dev", path="/5/0/3")
        rig.network.lost = lambda source, to, data: True
        await rig.settle(700)
        rig.server.expire()
        first = rig.happened[0].registration_id
        assert rig.happened[-1] == Happened("deregistered", "dev", first, "expired")
        assert event_line(rig.happened[-1]) == {"event": "deregistered", "ep": "dev", "id": first, "cause": "expired"}
        assert await do("clients") == {"clients": []}
        rig.network.lost = lambda source, to, data: False
        await rig.settle(700)
        assert await do("clients") == {"clients": ["dev"]}
        assert await do("read", ep="dev", path="/5/0/3") == {"code": "2.05", "value": "0"}


@in_virtual_time
async def test_a_second_register_replaces_the_first():
    async with device_rig() as rig:
        first = rig.happened[0].registration_id
        await rig.device.reboot()
        await rig.settle(1)
        happened = rig.happened[-1]
        assert (happened.event, happened.detail) == ("registered", first)
        assert event_line(happened)["replaces"] == first


def test_registrations_are_bounded(monkeypatch):
    monkeypatch.setattr(core, "REGISTRATIONS_MAX", 3)

    @in_virtual_time
    async def fill():
        async with device_rig() as rig:
            register = next(data for _, to, data in rig.network.log if to == SERVER)
            codes = []
            for number in range(5):
                message = decode(register)
                message.mid = number
                message.options = [
                    (n, b"ep=x%d" % number if value == b"ep=dev" else value) for n, value in message.options
                ]
                rig.server.peers.on_datagram(message.encode(), Address("127.0.0.9", 7000))
                codes.append(decode(rig.network.log[-1][2]).code)
            assert codes == [c.CREATED] * 2 + [c.SERVICE_UNAVAILABLE] * 3
            assert len(rig.server.table) == 3
            # One that is registered may still register again.
            await rig.device.reboot()
            await rig.settle(1)
            assert rig.device.registrar.registered

    fill()


async def test_the_process_speaks_the_driver_protocol():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator.servers.embedded",
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def ask(text):
        process.stdin.write(text)
        return json.loads(await process.stdout.readline())

    try:
        async with asyncio.timeout(60):
            ready = json.loads(await process.stdout.readline())
            assert ready["event"] == "ready"
            assert ready["coap"].startswith("coap://127.0.0.1:")
            assert await ask(b'no json\n{"id":1,"do":"clients"}\n') == {"id": 1, "clients": []}
            assert (await ask(b'{"id":2,"do":"read","ep":"x","path":"/3/0/3"}\n'))["error"] == "unknown_endpoint"
            assert (await ask(b'{"id":3,"do":"attributes","ep":"x","path":"/3","attributes":1}\n'))["error"] == "failed"
            process.stdin.close()
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert output == b""
    assert errors.splitlines() == [b"not a command: 8 bytes"]
