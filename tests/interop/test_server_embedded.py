"""The embedded server with a device made of aiocoap, and whole runs through the command line against aiocoap's."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiocoap
import pytest
from aiocoap import Code, resource

from simulator.coap import codes as c
from simulator.coap.requests import request_options
from simulator.firmware import generate
from tests.interop.rig import HOST, PACKAGE, WAIT_S, embedded_server

ROOT = Path(__file__).parent.parent.parent
LINKS = b'</>;rt="oma.lwm2m";ct=60,</1/0>,</3/0>,</5>;ver=1.1,</5/0>'


class Value(resource.ObservableResource):
    """A resource of the device made of aiocoap."""

    def __init__(self, value):
        super().__init__()
        self.value = value
        self.executed = []

    def change(self, value):
        self.value = value
        self.updated_state()

    async def render_get(self, request):
        return aiocoap.Message(payload=self.value, content_format=0)

    async def render_put(self, request):
        self.value = request.payload
        return aiocoap.Message(code=Code.CHANGED)

    async def render_post(self, request):
        self.executed.append(request.payload)
        return aiocoap.Message(code=Code.CHANGED)


class Device:
    """Registers from the port at which it answers."""

    def __init__(self, context, site, server):
        self.context = context
        self.server = server
        self.state, self.version, self.package, self.update = Value(b"0"), Value(b"1.0.0"), Value(b""), Value(b"")
        for path, value in (("503", self.state), ("303", self.version), ("500", self.package), ("502", self.update)):
            site.add_resource(list(path), value)

    async def ask(self, code, path, payload=b"", **options):
        uri = f"coap://{self.server.peers.local}{path}"
        async with asyncio.timeout(WAIT_S):
            return await self.context.request(aiocoap.Message(code=code, uri=uri, payload=payload, **options)).response

    async def register(self, query="ep=other&lt=60&lwm2m=1.1&b=U", links=LINKS):
        answer = await self.ask(aiocoap.POST, f"/rd?{query}", links, content_format=c.FORMAT_LINK)
        return answer.code, "/" + "/".join(answer.opt.location_path)

    async def request(self, code, path, body=b"", **options):
        """What the embedded server asks of the device."""
        done = asyncio.get_running_loop().create_future()
        segments = request_options(path[1:].split("/"), **options)
        self.server.call("other", code, segments, body, done.set_result)
        async with asyncio.timeout(WAIT_S):
            return await done


@pytest.fixture
async def device(free_port):
    site = resource.Site()
    context = await aiocoap.Context.create_server_context(site, bind=(HOST, free_port()), transports=["udp6"])
    async with embedded_server() as server:
        yield Device(context, site, server)
        await context.shutdown()


async def test_the_life_of_a_registration(device):
    server = device.server
    code, location = await device.register()
    assert (code, location) == (Code.CREATED, f"/rd/{server.table.by_endpoint('other').id}")
    assert (await device.ask(aiocoap.POST, f"{location}?lt=90")).code == Code.CHANGED
    assert server.table.by_endpoint("other").request.lifetime_s == 90
    _, second = await device.register()
    assert second != location
    assert (await device.ask(aiocoap.POST, location)).code == Code.NOT_FOUND
    assert (await device.ask(aiocoap.DELETE, second)).code == Code.DELETED
    assert (await device.ask(aiocoap.DELETE, second)).code == Code.NOT_FOUND
    assert [h.event for h in server.happened] == ["registered", "updated", "registered", "deregistered"]


@pytest.mark.parametrize(
    ("query", "links", "code"),
    [
        ("lt=60", LINKS, Code.BAD_REQUEST),
        ("ep=other&lt=x", LINKS, Code.BAD_REQUEST),
        ("ep=other&lwm2m=7.0", LINKS, Code.PRECONDITION_FAILED),
        ("ep=other", b"no links", Code.BAD_REQUEST),
    ],
)
async def test_a_register_that_is_refused(device, query, links, code):
    assert (await device.register(query, links))[0] == code
    assert len(device.server.table) == 0


async def test_what_is_not_there_and_what_is_not_allowed(device):
    assert (await device.ask(aiocoap.GET, "/other")).code == Code.NOT_FOUND
    assert (await device.ask(aiocoap.GET, "/rd")).code == Code.METHOD_NOT_ALLOWED
    assert (await device.ask(aiocoap.PUT, "/rd/1", b"x")).code == Code.METHOD_NOT_ALLOWED
    assert (await device.ask(aiocoap.PUT, "/other", bytes(5000))).code == Code.NOT_FOUND


async def test_a_register_longer_than_a_block(device):
    links = LINKS + b"".join(b",</33000/%d>" % number for number in range(300))
    assert (await device.register(links=links))[0] == Code.CREATED
    instances = device.server.table.by_endpoint("other").request.links.instances
    assert [path for path in instances if path[0] == 33000] == [(33000, number) for number in range(300)]


async def test_read_execute_and_a_large_write(device):
    await device.register()
    answer = await device.request(c.GET, "/3/0/3", accept=c.FORMAT_TEXT)
    assert (answer.code, answer.payload) == (c.CONTENT, b"1.0.0")
    assert (await device.request(c.PUT, "/5/0/0", PACKAGE, content_format=c.FORMAT_OPAQUE)).code == c.CHANGED
    assert device.package.value == PACKAGE
    assert (await device.request(c.POST, "/5/0/2")).code == c.CHANGED
    assert device.update.executed == [b""]
    assert (await device.request(c.GET, "/9/9/9")).code == c.NOT_FOUND
    # What is longer than a block is fetched whole.
    device.version.value = generate(3000, "m", "1", 1)
    assert (await device.request(c.GET, "/3/0/3")).payload == device.version.value


async def test_observe_and_cancel(device):
    await device.register()
    seen = asyncio.Queue()
    options = request_options(["5", "0", "3"], accept=c.FORMAT_TEXT)
    device.server.observe("other", "/5/0/3", options, c.GET, lambda result: seen.put_nowait(result.payload))
    async with asyncio.timeout(WAIT_S):
        assert await seen.get() == b"0"
        for value in (b"1", b"2", b"3"):
            device.state.change(value)
            assert await seen.get() == value
    assert device.server.cancel("other", "/5/0/3")
    device.state.change(b"4")
    # The next notification is answered with a Reset, and aiocoap forgets the observation.
    async with asyncio.timeout(WAIT_S):
        while device.state._observations:  # noqa: ASYNC110  aiocoap tells nobody
            await asyncio.sleep(0.01)
    assert seen.empty()


@asynccontextmanager
async def program(*arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *arguments, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("delivery", ["pull", "push"])
@pytest.mark.parametrize("server", ["aiocoap", "embedded"])
async def test_a_whole_run_of_twenty_devices(tmp_path, server, delivery):
    scenario = tmp_path / "twenty.toml"
    scenario.write_text(f'[groups.all]\ncount = 20\ndelivery = "{delivery}"\n[criteria]\nfailed_max = 0\n')
    out = tmp_path / "run"
    await run_twenty(scenario, server, out)


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("server", ["leshan", "leshan-demo"])
async def test_a_whole_run_of_twenty_devices_on_leshan(tmp_path, peer_tool, server):
    peer_tool("java", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")
    scenario = tmp_path / "twenty.toml"
    scenario.write_text(
        '[groups.pull]\ncount = 14\n[groups.push]\ncount = 6\ndelivery = "push"\n'
        '[criteria]\nas_declared_min = "100 %"\npattern_complete_min = "100 %"\n'
    )
    await run_twenty(scenario, server, tmp_path / "run")


async def run_twenty(scenario, server, out):
    async with program("run", str(scenario), "--server", server, "--out", str(out)) as process, asyncio.timeout(240):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    summary = json.loads((out / "summary.json").read_text())
    assert summary["verdict"] == "holds"
    assert summary["outcomes"]["overall"]["ok"] == 20
