"""The reference server, spoken to by a device made of aiocoap and by an operator over the driver protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiocoap
import pytest
from aiocoap import resource
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulator.lwm2m.formats.packed import packed
from simulator.servers.aiocoap_reference import registry as registry_module
from simulator.servers.aiocoap_reference import transports as transports_module
from simulator.servers.aiocoap_reference.registry import RegistrationError, Registry, parse_query
from simulator.servers.aiocoap_reference.server import ReferenceServer
from simulator.servers.aiocoap_reference.transports import Ports

ROOT = Path(__file__).parent.parent.parent
LINKS = b"</1/0>,</3/0>,</5>;ver=1.0,</5/0>"


class Events(list):
    """What the server told, with a way to wait for it."""

    def __init__(self):
        super().__init__()
        self._news = asyncio.Event()

    def __call__(self, line):
        self.append(line)
        self._news.set()

    async def find(self, **wanted):
        async with asyncio.timeout(30):
            while True:
                for line in self:
                    if wanted.items() <= line.items():
                        self.remove(line)
                        return line
                self._news.clear()
                await self._news.wait()


class Value(resource.ObservableResource):
    def __init__(self, value=b"0"):
        super().__init__()
        self.value = value
        self.requests = []

    def change(self, value):
        self.value = value
        self.updated_state()

    async def render_get(self, request):
        self.requests.append(request)
        return aiocoap.Message(payload=self.value, content_format=0 if len(self.value) < 10 else 42)

    async def render_put(self, request):
        self.requests.append(request)
        if request.opt.uri_query:
            return aiocoap.Message(code=aiocoap.CHANGED)
        self.value = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_post(self, request):
        self.requests.append(request)
        return aiocoap.Message(code=aiocoap.CHANGED)


class Plain(resource.Resource):
    async def render_get(self, request):
        return aiocoap.Message(payload=b"1")


class Silent(resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(3600)


class Device:
    """A device: it registers from the same context, hence port, that it answers on."""

    def __init__(self, context, site, uri):
        self.context = context
        self.uri = uri
        self.state = Value()
        self.package = Value()
        site.add_resource(["5", "0", "0"], self.package)
        site.add_resource(["5", "0", "2"], self.package)
        site.add_resource(["5", "0", "3"], self.state)
        site.add_resource(["5", "0", "6"], Plain())
        site.add_resource(["5", "0", "9"], Silent())

    async def post(self, path, payload=LINKS, code=aiocoap.POST, **options):
        message = aiocoap.Message(code=code, uri=self.uri + path, payload=payload, **options)
        return await self.context.request(message).response

    async def register(self, query="ep=dev&lt=60&lwm2m=1.1&b=U"):
        response = await self.post(f"/rd?{query}", content_format=40)
        assert response.code == aiocoap.CREATED
        assert response.opt.location_path[0] == "rd"
        return "/" + "/".join(response.opt.location_path)


@asynccontextmanager
async def device_for(uri):
    site = resource.Site()
    port = transports_module._free_port("127.0.0.1", 0, socket.SOCK_DGRAM)
    transports = ["tcpclient"] if uri.startswith("coap+tcp:") else ["udp6"]
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port), transports=transports)
    try:
        yield Device(context, site, uri)
    finally:
        await context.shutdown()


@pytest.fixture
async def events():
    return Events()


@pytest.fixture
async def server(events, tmp_path):
    server = ReferenceServer(events)
    server.uris = await server.start("127.0.0.1", Ports(), tmp_path)
    server.uri = server.uris["coap"]
    yield server
    await server.stop()


@pytest.fixture
async def device(server):
    async with device_for(server.uri) as device:
        yield device


def command(do, path="/5/0/3", **fields):
    return {"do": do, "ep": "dev", "path": path, "timeout_s": 30, **fields}


@pytest.mark.parametrize("scheme", ["coap", "coap+tcp"])
async def test_a_device_registers_updates_and_deregisters(server, events, scheme):
    async with device_for(server.uris[scheme]) as device:
        location = await device.register()
        id_ = location.rpartition("/")[2]
        assert await events.find(event="registered") == {"event": "registered", "ep": "dev", "id": id_}
        assert await server.perform({"do": "clients"}) == {"clients": ["dev"]}
        assert (await device.post(location, b"")).code == aiocoap.CHANGED
        await events.find(event="updated", ep="dev", id=id_)
        assert (await server.perform(command("read")))["value"] == "0"
        assert (await device.post(location, b"", aiocoap.DELETE)).code == aiocoap.DELETED
        await events.find(event="deregistered", id=id_, cause="deregister")
        assert (await device.post(location, b"")).code == aiocoap.NOT_FOUND
        assert (await device.post(location, b"", aiocoap.DELETE)).code == aiocoap.NOT_FOUND
        assert await server.perform({"do": "clients"}) == {"clients": []}


async def test_a_second_register_replaces_the_first_and_ends_its_observations(server, events, device):
    first = await device.register()
    await server.perform(command("observe"))
    second = await device.register()
    event = await events.find(event="registered", replaces=first.rpartition("/")[2])
    assert event["id"] == second.rpartition("/")[2] != event["replaces"]
    assert (await device.post(first, b"")).code == aiocoap.NOT_FOUND
    assert (await server.perform(command("cancel")))["error"] == "failed"


async def test_a_lifetime_ends(server, events, device):
    await device.register("ep=dev&lt=1")
    event = await events.find(event="deregistered")
    assert event["cause"] == "expired"
    assert (await server.perform(command("read")))["error"] == "unknown_endpoint"


@pytest.mark.parametrize(
    ("query", "payload", "content_format", "code"),
    [
        ("lt=60", LINKS, 40, "4.00"),
        ("ep=&lt=60", LINKS, 40, "4.00"),
        ("ep=dev&lt=-1", LINKS, 40, "4.00"),
        ("ep=dev&lt=0", LINKS, 40, "4.00"),
        ("ep=dev&lt=99999999999", LINKS, 40, "4.00"),
        ("ep=dev&lt=%D9%A1", LINKS, 40, "4.00"),
        ("ep=dev&lwm2m=9.9", LINKS, 40, "4.12"),
        ("ep=dev", b"", 40, "4.00"),
        ("ep=dev", b"<<<", 40, "4.00"),
        ("ep=dev", b"\xff\xfe", 40, "4.00"),
        ("ep=dev", LINKS, 0, "4.15"),
    ],
)
async def test_a_bad_register_is_refused(server, events, device, query, payload, content_format, code):
    response = await device.post(f"/rd?{query}", payload, content_format=content_format)
    assert response.code.dotted == code
    assert response.payload
    assert not events


async def test_reads_writes_and_executes(server, device):
    await device.register()
    assert await server.perform(command("read")) == {"code": "2.05", "value": "0"}
    assert device.state.requests[-1].opt.accept == 0
    assert await server.perform(command("write", text="1")) == {"code": "2.04"}
    assert device.state.value == b"1"
    assert device.state.requests[-1].opt.content_format == 0
    assert await server.perform(command("execute", "/5/0/2", args="0='a'")) == {"code": "2.04"}
    assert device.package.requests[-1].payload == b"0='a'"
    assert await server.perform(command("execute", "/5/0/2", args="")) == {"code": "2.04"}
    assert device.package.requests[-1].opt.content_format is None
    assert await server.perform(command("attributes", attributes={"pmin": 0, "pmax": 10})) == {"code": "2.04"}
    assert device.state.requests[-1].opt.uri_query == ("pmin=0", "pmax=10")
    assert await server.perform(command("read", "/7/0")) == {"code": "4.04"}


async def test_a_package_is_pushed_block_wise_from_base64_and_from_a_file(server, device, tmp_path):
    await device.register()
    package = bytes(n * 7 & 0xFF for n in range(5000))
    file = tmp_path / "package.bin"
    file.write_bytes(package)
    for fields in ({"base64": base64.b64encode(package).decode()}, {"file": str(file)}, {"file": str(file)}):
        device.package.value = b""
        assert await server.perform(command("write", "/5/0/0", **fields)) == {"code": "2.04"}
        assert device.package.value == package
        assert device.package.requests[-1].opt.content_format == 42
        file.unlink(missing_ok=True)  # it was read once and kept, or is not needed any more
        if "base64" in fields:
            file.write_bytes(package)
    assert (await server.perform(command("read", "/5/0/0")))["value"] == base64.b64encode(package).decode()


@pytest.mark.parametrize(("form", "content_format"), [("tlv", 11542), ("cbor", 60)])
async def test_a_package_is_pushed_in_a_format_that_has_a_header(server, device, tmp_path, form, content_format):
    await device.register()
    for package in (b"ab", bytes(200), bytes(n * 7 & 0xFF for n in range(5000))):
        file = tmp_path / f"{len(package)}.bin"
        file.write_bytes(package)
        done = await server.perform(command("write", "/5/0/0", file=str(file), format=form))
        assert done == {"code": "2.04"}
        assert device.package.requests[-1].opt.content_format == content_format
        # By the codecs of this project, which the server does without.
        assert (content_format, device.package.value) == packed(form, "/5/0/0", package)
    assert (await server.perform(command("write", "/5/0/0", file=str(file), format="xml")))["error"] == "failed"


async def test_notifications_follow_the_answer_in_order_until_cancelled(server, events, device):
    await device.register()
    assert await server.perform(command("observe")) == {"code": "2.05", "value": "0"}
    for value in (b"1", b"2"):
        device.state.change(value)
        await events.find(event="notified", ep="dev", path="/5/0/3", value=value.decode())
    assert await server.perform(command("cancel")) == {}
    async with asyncio.timeout(30):
        while device.state._observations:  # the Reset that a later notification meets ends it at the device
            device.state.change(b"3")
            await asyncio.sleep(0.01)
    assert not [line for line in events if line["event"] == "notified"]


async def test_what_cannot_be_observed_is_told(server, events, device):
    await device.register()
    assert await server.perform(command("observe", "/7/0/0")) == {"code": "4.04"}
    assert await server.perform(command("observe", "/5/0/6")) == {"code": "2.05", "value": "1"}
    assert (await events.find(event="notify_failed"))["path"] == "/5/0/6"
    assert not [line for line in events if line["event"] == "notify_failed"]


async def test_no_answer_in_time_is_a_timeout(server, device):
    await device.register()
    answer = await server.perform(command("read", "/5/0/9", timeout_s=0.3))
    assert answer == {"error": "timeout", "detail": "no answer in 0.3 s"}


async def test_a_device_that_is_gone_is_an_error_not_a_crash(server, events):
    async with device_for(server.uri) as device:
        await device.register()
        assert (await server.perform(command("observe")))["code"] == "2.05"
    answer = await server.perform(command("read", timeout_s=5))
    assert answer["error"] == "failed"
    assert (await events.find(event="notify_failed", ep="dev", path="/5/0/3"))["detail"]


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        ({"do": "fly"}, "failed", "unknown command 'fly'"),
        ({}, "failed", "field 'do' must be str"),
        (command("read") | {"ep": "other"}, "unknown_endpoint", "'other' is not registered"),
        (command("read") | {"ep": 3}, "failed", "field 'ep' must be str"),
        (command("read") | {"path": "5/0/3"}, "failed", "not an LwM2M path"),
        (command("read") | {"path": "/5/../3"}, "failed", "not an LwM2M path"),
        (command("read") | {"timeout_s": 0}, "failed", "must be above 0"),
        (command("read") | {"timeout_s": math.nan}, "failed", "must be above 0"),
        (command("read") | {"timeout_s": True}, "failed", "must be int or float"),
        (command("write"), "failed", "exactly one of text, base64 and file"),
        (command("write", text="1", file="x"), "failed", "exactly one of text, base64 and file"),
        (command("write", base64="?"), "failed", "no base64"),
        (command("write", file="/no/such/file"), "failed", "cannot read file"),
        (command("attributes", attributes=3), "failed", "must be dict"),
        (command("cancel"), "failed", "is not observed"),
        ({"do": "credentials", "ep": "dev", "psk": {"identity": "dev", "key_hex": "00"}}, "failed", "no DTLS"),
        ({"do": "credentials", "ep": "dev"}, "failed", "need psk, oscore, or x509"),
        ({"do": "credentials", "ep": "dev", "oscore": "x"}, "failed", "must be an object of sid_hex"),
        ({"do": "credentials", "ep": "dev", "oscore": {"sid_hex": "01", "rid_hex": "0"}}, "failed", "needs rid_hex"),
        (
            {
                "do": "credentials",
                "ep": "dev",
                "oscore": {"sid_hex": "01", "rid_hex": "02", "secret_hex": "00" * 15, "salt_hex": ""},
            },
            "failed",
            "16 to 64 bytes",
        ),
        ({"do": "credentials", "ep": "dev", "x509": True}, "failed", "only where it has --identity-dir"),
    ],
)
async def test_a_bad_command_is_answered_with_what_is_wrong(server, device, wrong, kind, words):
    await device.register()
    answer = await server.perform(wrong)
    assert answer["error"] == kind
    assert words in answer["detail"]


async def test_stats(server):
    stats = await server.perform({"do": "stats"})
    assert stats["cpu_s"] > 0
    assert stats["rss_bytes"] > 1 << 20


@pytest.mark.parametrize("scheme", ["coap", "coap+tcp"])
async def test_packages_are_served(server, tmp_path, scheme):
    package = bytes(n * 7 & 0xFF for n in range(5000))
    (tmp_path / "fw.bin").write_bytes(package)
    (tmp_path / "small.bin").write_bytes(b"x")
    async with device_for(server.uris[scheme]) as device:
        response = await device.post("/fw/fw.bin", b"", aiocoap.GET)
        assert (response.payload, response.opt.size2, response.opt.content_format) == (package, 5000, 42)
        small = await device.post("/fw/small.bin", b"", aiocoap.GET)
        assert (small.payload, small.opt.block2) == (b"x", None)
        again = await device.post("/fw/fw.bin", b"", aiocoap.GET, etags=[response.opt.etag])
        assert again.code == aiocoap.VALID
        for path in ("/fw/none", "/fw/..", "/fw/../fw.bin", "/fw/%2Fetc%2Fpasswd", "/fw/a%00b", "/fw/", "/fw"):
            assert (await device.post(path, b"", aiocoap.GET)).code == aiocoap.NOT_FOUND


async def test_any_block_can_be_asked_for_at_any_time(server, tmp_path, device):
    package = bytes(n * 7 & 0xFF for n in range(5000))
    (tmp_path / "fw.bin").write_bytes(package)
    for number, szx in ((3, 6), (100, 1), (9, 5), (0, 0)):
        message = aiocoap.Message(code=aiocoap.GET, uri=f"{server.uri}/fw/fw.bin", block2=(number, False, szx))
        response = await device.context.request(message, handle_blockwise=False).response
        size = 16 << szx
        assert response.payload == package[number * size :][:size]
        assert response.opt.block2 == (number, (number + 1) * size < 5000, szx)
    message = aiocoap.Message(code=aiocoap.GET, uri=f"{server.uri}/fw/fw.bin", block2=(5, False, 6))
    assert (await device.context.request(message, handle_blockwise=False).response).code == aiocoap.BAD_REQUEST


async def test_libcoap_reads_a_package(server, tmp_path, libcoap_client):
    package = bytes(n * 7 & 0xFF for n in range(5000))
    (tmp_path / "fw.bin").write_bytes(package)
    for scheme in ("coap", "coap+tcp"):
        assert await libcoap_client("-m", "get", server.uris[scheme] + "/fw/fw.bin") == package


async def test_it_works_without_ipv6(events, monkeypatch, tmp_path):
    monkeypatch.setattr(transports_module, "datagram_transport", lambda: "simplesocketserver")
    server = ReferenceServer(events)
    try:
        uris = await server.start("127.0.0.1", Ports(), tmp_path)
        async with device_for(uris["coap"]) as device:
            await device.register()
            assert await server.perform(command("read")) == {"code": "2.05", "value": "0"}
    finally:
        await server.stop()


@pytest.mark.parametrize(("scheme", "option"), [("coap", "coap"), ("coap+tcp", "coap_tcp")])
async def test_a_taken_port_is_refused(server, events, scheme, option):
    port = int(server.uris[scheme].rpartition(":")[2])
    another = ReferenceServer(events)
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .* in use"):
        await another.start("127.0.0.1", Ports(**{option: port}))
    await another.stop()


# The program.


class Operator:
    def __init__(self, process):
        self.process = process

    async def line(self):
        async with asyncio.timeout(30):
            return json.loads(await self.process.stdout.readline())

    async def ask(self, **fields):
        self.process.stdin.write(json.dumps(fields).encode() + b"\n")
        while "event" in (line := await self.line()):
            pass
        return line


@asynccontextmanager
async def program(*arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulator.servers.aiocoap_reference",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield Operator(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_program_speaks_the_driver_protocol(tmp_path):
    (tmp_path / "fw.bin").write_bytes(b"package")
    async with program("--port", "0", "--serve", str(tmp_path)) as operator:
        ready = await operator.line()
        assert ready["event"] == "ready"
        assert ready["server"].startswith("aiocoap ")
        async with device_for(ready["coap"]) as device:
            await device.register()
            assert (await operator.line())["event"] == "registered"
            assert (await device.post("/fw/fw.bin", b"", aiocoap.GET)).payload == b"package"
            assert await operator.ask(id=1, **command("observe")) == {"id": 1, "code": "2.05", "value": "0"}
            device.state.change(b"1")
            assert await operator.line() == {"event": "notified", "ep": "dev", "path": "/5/0/3", "value": "1"}
            operator.process.stdin.write(
                b"{secret]\n\xff\n[]\n{}\n" + json.dumps({"id": True, "do": "stats"}).encode() + b"\n"
            )
            assert await operator.ask(id=2, do="clients") == {"id": 2, "clients": ["dev"]}
        operator.process.stdin.close()
        stderr = (await operator.process.stderr.read()).decode()
        assert await operator.process.wait() == 0
        assert stderr.count("ERROR aiocoap-reference: ") == 5
        assert "secret" not in stderr


async def test_the_program_ends_with_a_signal():
    async with program("--port", "0") as operator:
        await operator.line()
        operator.process.terminate()
        assert await operator.process.wait() == 0
        assert await operator.process.stderr.read() == b""


async def test_a_program_that_cannot_start_says_so_and_ends_with_3(server):
    port = server.uri.rpartition(":")[2]
    async with program("--port", port) as operator:
        line = await operator.line()
        assert line["event"] == "failed"
        assert f"127.0.0.1:{port}" in line["detail"]
        assert await operator.process.wait() == 3


# The registry, against a plain model.


class RegistryMachine(RuleBasedStateMachine):
    endpoints = st.sampled_from(["a", "b", "c"])
    lifetimes = st.integers(1, 20)

    def __init__(self):
        super().__init__()
        self.registry = Registry()
        self.now = 0.0
        self.model = {}  # endpoint: (id, deadline, lifetime)

    def id_of(self, endpoint):
        return self.model[endpoint][0] if endpoint in self.model else "none"

    @rule(endpoint=endpoints, lifetime=lifetimes)
    def register(self, endpoint, lifetime):
        registration, replaced = self.registry.register([f"ep={endpoint}", f"lt={lifetime}"], "here", self.now)
        assert (replaced.id if replaced else "none") == self.id_of(endpoint)
        self.model[endpoint] = (registration.id, self.now + lifetime, lifetime)

    @rule(endpoint=endpoints, lifetime=st.none() | lifetimes)
    def update(self, endpoint, lifetime):
        query = [] if lifetime is None else [f"lt={lifetime}"]
        if endpoint not in self.model:
            with pytest.raises(RegistrationError):
                self.registry.update("none", query, "there", self.now)
            return
        id_, _, old = self.model[endpoint]
        assert self.registry.update(id_, query, "there", self.now).remote == "there"
        self.model[endpoint] = (id_, self.now + (lifetime or old), lifetime or old)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def deregister(self, data):
        endpoint = data.draw(st.sampled_from(sorted(self.model)))
        assert self.registry.deregister(self.model.pop(endpoint)[0]).endpoint == endpoint

    @rule(seconds=st.integers(0, 15))
    def pass_time(self, seconds):
        self.now += seconds
        due = {endpoint for endpoint, (_, deadline, _) in self.model.items() if deadline <= self.now}
        assert {registration.endpoint for registration in self.registry.expire(self.now)} == due
        for endpoint in due:
            del self.model[endpoint]

    @invariant()
    def agrees_with_the_model(self):
        assert sorted(self.registry.endpoints()) == sorted(self.model)
        assert self.registry.next_deadline() == min((entry[1] for entry in self.model.values()), default=math.inf)
        for endpoint, (id_, deadline, _) in self.model.items():
            found = self.registry.find(endpoint)
            assert (found.id, found.deadline) == (id_, deadline)


TestRegistry = RegistryMachine.TestCase


def test_a_registration_without_lifetime_lasts_a_day():
    registration, _ = Registry().register(["ep=a"], None, 0.0)
    assert registration.deadline == registry_module.DEFAULT_LIFETIME_S == 86_400


def test_the_first_of_two_parameters_counts():
    assert parse_query(["ep=a", "ep=b", "lt", "x=y=z"][:2]).endpoint == "a"
