"""``lwm2m-fleet device`` as somebody types it: what it prints, what it takes, and how it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulator.cli.device import DeviceOptions, _lines, make_device, said
from simulator.cli.failure import CommandFailedError
from simulator.firmware import generate
from simulator.security.credentials import Psk
from tests.api.rig import PACKAGE, socket_server
from tests.cli.by_hand import device_command

KEY = "8badf00dc0ffee00deadbeef01234567"
QUICK = ("--set", "boot_time=50ms", "--set", "install_time=50ms")


async def test_an_update_from_register_to_the_new_firmware(tmp_path):
    image = tmp_path / "image.bin"
    async with socket_server() as rig, device_command(rig.uri, "--endpoint", "dev", "--flash", image, *QUICK) as typed:
        await typed.until("registered .2.01")
        assert await rig.write("dev", "/5/0/1", f"{rig.origin}/fw.bin") == "2.04"
        await typed.until("state +1 Downloading")
        await typed.until("progress +50%")
        await typed.until("state +2 Downloaded")
        assert image.read_bytes() == PACKAGE
        assert await rig.execute("dev", "/5/0/2") == "2.04"
        await typed.until("state +0 Idle, result 1")
        await typed.until("registered .2.01")
        assert await rig.push("dev") == "2.04"
        await typed.until("push over coap complete")
        typed.say("reboot")
        await typed.until("boot 3")
        await typed.until("registered .2.01")
        typed.say("status")
        await typed.until("firmware version +2.0.0")
        typed.say("nonsense", "sleep soon", "fault nothing", "fault install-fails", "help", "quit")
        assert await typed.end(close=False) == 0
        assert rig.happened[-1].event == "deregistered"
    assert "unknown command 'nonsense'" in typed.text
    assert "sleep takes a number of seconds" in typed.text
    assert "'nothing' is no kind of fault" in typed.text
    assert "install-fails added" in typed.text
    assert "power-cut" in typed.text
    assert await typed.errors() == ""


async def test_the_state_is_kept_over_the_end_of_the_process(tmp_path):
    options = ("--endpoint", "dev", "--state", tmp_path / "dev", *QUICK)
    async with socket_server() as rig:
        async with device_command(rig.uri, *options) as typed:
            await typed.until("registered")
            await rig.push("dev")
            await typed.until("state +2")
            assert await typed.end() == 0
        async with device_command(rig.uri, *options) as typed:
            await typed.until("boot 2, firmware 1.0.0")
            await typed.until("registered")
            assert await rig.read("dev", "/5/0/3") == "2"
            await rig.execute("dev", "/5/0/2")
            await typed.until("boot 3, firmware 2.0.0")
            await typed.until("registered")
            typed.process.kill()  # nothing is written after this
            await typed.end()
        async with device_command(rig.uri, *options) as typed:
            await typed.until("boot 4, firmware 2.0.0")
            await typed.until("registered")
            assert await rig.read("dev", "/3/0/3") == "2.0.0"
            assert await typed.end() == 0


@pytest.mark.slow
async def test_a_pull_goes_on_after_the_process_was_killed_in_the_middle(tmp_path):
    package = generate(30_000, "vd-1", "2.0.0", 1)
    options = ("--endpoint", "dev", "--state", tmp_path, "--network", "lte-m", "--json", *QUICK)
    async with socket_server({"fw.bin": package}) as rig:
        async with device_command(rig.uri, *options) as typed:
            await typed.until("registered")
            await rig.write("dev", "/5/0/1", f"{rig.origin}/fw.bin")
            await typed.until('"progress", "text": " 5')
            typed.process.kill()
            await typed.end()
        async with device_command(rig.uri, *options) as typed:
            await typed.until('"state", "text": "2')
            assert await typed.end() == 0
    (transfer,) = [line for line in typed.json if line["what"] == "transfer"]
    assert transfer["outcome"] == "ok"
    assert 8 <= transfer["blocks"] <= 16
    assert transfer["blocks"] == -(-transfer["received"] // 1024), "the rest alone"
    assert (tmp_path / "package.bin").read_bytes() == package


async def test_ctrl_c_deregisters_and_ends_with_130():
    async with socket_server() as rig, device_command(rig.uri, "--endpoint", "dev") as typed:
        await typed.until("registered")
        typed.interrupt()
        assert await typed.end(close=False) == 130
        assert rig.happened[-1].event == "deregistered"
        assert await typed.errors() == ""


async def test_lines_of_json_for_programs():
    async with socket_server() as rig, device_command(rig.uri, "--endpoint", "dev", "--json") as typed:
        await typed.until("registered")
        rig.observe("dev", "/5/0/3")
        await rig.push("dev")
        typed.say("status", "quit")
        assert await typed.end(close=False) == 0
    kinds = {line["what"] for line in typed.json}
    assert {"power", "registration", "request", "notify", "state", "progress", "transfer", "status"} <= kinds
    (observe,) = [line for line in typed.json if line.get("operation") == "Observe"]
    assert (observe["path"], observe["code"], observe["value"]) == ("/5/0/3", "2.05", "0")
    assert [line["state"] for line in typed.json if line["what"] == "state"] == [1, 2]


async def test_a_key_out_of_a_file_and_a_wrong_one(tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    async with socket_server() as rig:
        rig.server.keyring.add_psk("dev", Psk(b"dev", bytes.fromhex(KEY)))
        async with device_command(rig.uris["coaps"], "--endpoint", "dev", "--psk-key-file", file) as typed:
            await typed.until("registered")
            assert await typed.end() == 0
        wrong = ("--psk-identity", "who", "--psk-key-file", file)
        async with device_command(rig.uris["coaps"], "--endpoint", "dev", *wrong) as other:
            await other.until("Register failed: unknown PSK identity")
            await other.until("tries again in 2 s")
            assert await other.end() == 3
            assert await other.errors() == ""
    assert "no server has taken its Register" in other.text
    assert KEY not in typed.text + other.text


def told(server="coap://127.0.0.1:5683", endpoint="dev", overrides=(), psk=(), **options):
    """What is said of options that cannot be."""
    with pytest.raises(CommandFailedError) as caught:
        identity, key, file = (*psk, None, None, None)[:3]
        settings = said(**{"protocols": None, "package_size": None, **options})
        make_device(DeviceOptions(server, endpoint, identity, key, file, settings, overrides))
    assert caught.value.code == 2
    return str(caught.value)


def test_all_that_is_wrong_is_told_at_once():
    text = told(endpoint="a b", network="no", lifetime="5", faults=["no"], overrides=("boot=1s", "seed=3"))
    assert "--set seed: not a key of a group" in text
    text = told(endpoint="a b", network="no", lifetime="5", faults=["no"], overrides=("boot=1s",))
    for part in ("endpoint: ", "network.profile: 'no'", "lifetime: a duration needs a unit", "faults[0]", "boot: "):
        assert part in text


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"server": "ftp://127.0.0.1"}, "ftp"),
        ({"server": "http://127.0.0.1"}, "not over http"),
        ({"server": "coap://127.0.0.1/rd"}, "has no path"),
        ({"server": "coaps://127.0.0.1"}, "needs a credential"),
        ({"server": "coap+tcp://127.0.0.1", "lwm2m": "1.0"}, "no management over TCP"),
        ({"psk": ("who",)}, "has no key"),
        ({"psk": (None, KEY + "x")}, "not hexadecimal"),
        ({"psk": (None, KEY, Path("file"))}, "exclude each other"),
        ({"psk": (None, None, Path("no-such-file"))}, "cannot be read"),
        ({"psk": (None, KEY * 9)}, "1 to 64 bytes"),
        ({"certificate": Path("x")}, "belong together"),
        ({"certificate": Path("x"), "key": Path("y")}, "CAs to trust"),
        ({"trust": Path("no-such-file")}, "cannot be read"),
        ({"protocols": "coap,foo"}, "protocols[1]"),
        ({"protocols": ""}, "name one"),
        ({"package_size": "1000"}, "--package-size"),
        ({"faults": ["wrong-model"]}, "no fault of a device"),
        ({"faults": ["install-slow:long"]}, "is no parameter"),
        ({"overrides": ("count=3",)}, "count: not a setting of one device"),
        ({"overrides": ("stack=aiocoap",), "server": "coap+tcp://127.0.0.1"}, "on aiocoap"),
        ({"endpoint": "x" * 300}, "shorter name"),
    ],
)
def test_what_is_wrong_is_named_and_no_key_is_shown(options, part):
    text = told(**options)
    assert part in text
    assert KEY not in text


async def test_a_refusal_is_one_message_and_no_traceback():
    async with device_command("coap://192.0.2.1", "--endpoint", "dev") as typed:
        assert await typed.end() == 2
        errors = await typed.errors()
    assert "--allow-public-target" in errors
    assert "Traceback" not in errors


@pytest.fixture
def nothing():
    with Path("/dev/null").open() as file:
        yield file


async def test_commands_come_from_a_file_too_and_without_input_the_device_stays(tmp_path, monkeypatch, nothing):
    (tmp_path / "script").write_bytes(b"status\nquit\n")
    with (tmp_path / "script").open() as script:
        monkeypatch.setattr("sys.stdin", script)
        assert [line async for line in _lines()] == [b"status", b"quit"]
    monkeypatch.setattr("sys.stdin", nothing)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(_lines())
