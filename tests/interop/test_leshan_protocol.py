"""The launcher of Leshan's library as a program: its options, its lines, and lines that it cannot take."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from simulator.servers.leshan.launcher import ensure_launcher, launcher_command

pytestmark = [pytest.mark.peer, pytest.mark.timeout(900)]  # the first use fetches and builds

KEY = "abcdefabcdef-"
"""No key, but what stands where one should."""


@pytest.fixture
def launcher(peer_tool: Callable[[str, str], Path]) -> Sequence[str]:
    peer_tool("javac", "openjdk-17-jdk-headless")
    peer_tool("mvn", "maven")
    return launcher_command(ensure_launcher(lambda text: None), host="127.0.0.1", port=0, block_size=1024)


def run(command: Sequence[str], lines: Sequence[str] = ()) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and lines of a launcher that is given some lines and then the end of its input."""
    return run_logged(command, lines)[:2]


def run_logged(command: Sequence[str], lines: Sequence[str]) -> tuple[int, list[dict[str, Any]], str]:
    """The same, and what it logged."""
    text = "".join(f"{line}\n" for line in lines)
    ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr


def test_it_is_ready_and_ends_with_its_input(launcher: Sequence[str]) -> None:
    code, (ready,) = run(launcher)
    assert code == 0
    assert ready["event"] == "ready"
    assert ready["server"].startswith("Leshan library 2.0.0")
    assert ready["uris"].keys() == {"coap", "coaps"}
    assert ready["uris"]["coap"] == ready["coap"]


def test_coaps_has_a_free_port_or_the_one_that_is_asked_for(
    launcher: Sequence[str], free_port: Callable[..., int]
) -> None:
    _, (ready,) = run(launcher)
    assert ready["uris"]["coaps"].startswith("coaps://127.0.0.1:")
    assert not ready["uris"]["coaps"].endswith(":0")
    port = free_port()
    _, (ready,) = run([*launcher, "--coaps-port", str(port)])
    assert ready["uris"]["coaps"] == f"coaps://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("host", "coap"),
    [("localhost", "coap://127.0.0.1:"), ("0.0.0.0", "coap://127.0.0.1:"), ("::1", "coap://[0:0:0:0:0:0:0:1]:")],
)
def test_the_uri_is_one_that_devices_can_use(launcher: Sequence[str], host: str, coap: str) -> None:
    _, (ready,) = run([*launcher, "--host", host])
    assert ready["coap"].startswith(coap)


def test_every_command_gets_exactly_one_answer(launcher: Sequence[str]) -> None:
    commands: list[tuple[dict[str, Any], str]] = [
        ({}, "a string is missing: do"),
        ({"do": 1}, "a string is missing: do"),
        ({"do": "fly"}, "unknown command fly"),
        ({"do": "read"}, "a string is missing: path"),
        ({"do": "read", "path": "/5/0/3"}, "a string is missing: ep"),
        ({"do": "read", "path": "/5/0/3", "ep": "nobody"}, "nobody is not registered"),
        ({"do": "read", "path": "/x", "ep": "nobody"}, "Invalid elements in path"),
        ({"do": "execute", "path": "/5", "ep": "nobody"}, "resource"),
        ({"do": "write", "path": "/5/0", "ep": "nobody", "text": "x"}, "only a resource can be written"),
        ({"do": "write", "path": "/5/0/0", "ep": "nobody"}, "a string is missing: base64"),
        ({"do": "write", "path": "/5/0/0", "ep": "nobody", "base64": "%%%%"}, "Illegal base64"),
        ({"do": "write", "path": "/5/0/0", "ep": "nobody", "file": "/nonexistent/x"}, "/nonexistent/x"),
        ({"do": "write", "path": "/5/0/0", "ep": "nobody", "base64": "AP8="}, "nobody is not registered"),
        ({"do": "observe", "path": "/5/0/3", "ep": "nobody"}, "nobody is not registered"),
        ({"do": "cancel", "path": "/5/0/3", "ep": "nobody"}, "nobody is not registered"),
        ({"do": "attributes", "path": "/5/0/3", "ep": "nobody"}, "attributes are an object"),
        ({"do": "attributes", "path": "/5/0/3", "ep": "nobody", "attributes": {"x": 1}}, "unknown attribute x"),
        ({"do": "attributes", "path": "/5/0/3", "ep": "nobody", "attributes": {"pmin": "1"}}, "pmin is a number"),
        ({"do": "attributes", "path": "/5/0/3", "ep": "nobody", "attributes": {"st": 0.5}}, "nobody is not registered"),
        ({"do": "credentials", "ep": "a"}, "credentials need psk, or x509"),
        ({"do": "credentials", "psk": {}}, "a string is missing: ep"),
        ({"do": "credentials", "ep": "a", "psk": {"identity": "a"}}, "a string is missing: key_hex"),
        ({"do": "credentials", "ep": "a", "psk": {"identity": "a", "key_hex": KEY}}, "key_hex is not hexadecimal"),
        ({"do": "credentials", "ep": "a", "psk": {"identity": "a", "key_hex": ""}}, "key_hex is not hexadecimal"),
        ({"do": "credentials", "ep": "a", "x509": True}, "only where there is --identity-dir"),
    ]
    lines = [json.dumps({"id": number, **command}) for number, (command, _) in enumerate(commands)]
    code, (_, *answers) = run(launcher, lines)
    assert code == 0
    assert sorted(answer["id"] for answer in answers) == list(range(len(commands)))
    for answer in answers:
        command, text = commands[answer["id"]]
        assert text in answer["detail"], (command, answer)
        assert KEY not in answer["detail"]
        assert answer["error"] == ("unknown_endpoint" if "not registered" in text else "failed")


def test_what_is_no_command_is_passed_over(launcher: Sequence[str]) -> None:
    garbage = [
        "",
        "no JSON",
        "[" * 5000,
        "[]",
        "1",
        "null",
        '{"do": "clients"}',
        '{"id": "x", "do": "clients"}',
        "\ufffd",
        f'{{"do": "credentials", "key_hex": "{KEY}"}}',
        f'"{KEY}',
    ]
    code, (_, answer), log = run_logged(launcher, [*garbage, '{"id": 1, "do": "clients"}'])
    assert code == 0
    assert log
    assert KEY not in log
    assert answer == {"id": 1, "clients": []}


def test_credentials_and_statistics(launcher: Sequence[str]) -> None:
    psk = {"do": "credentials", "ep": "a", "psk": {"identity": "id-a", "key_hex": "00ff"}}
    taken = {"do": "credentials", "ep": "b", "psk": {"identity": "id-a", "key_hex": "00ff"}}
    lines = [json.dumps({"id": n, **command}) for n, command in enumerate([psk, taken, {"do": "stats"}])]
    _, (_, added, refused, stats) = run(launcher, lines)
    assert added == {"id": 0}
    assert refused["error"] == "failed"
    assert stats["cpu_s"] > 0.1
    assert stats["rss_bytes"] > 10 << 20


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--port", "70000"], 2, "--port takes a number from 0 to 65535, not 70000"),
        (["--port", "x"], 2, "--port takes a number"),
        (["--block-size", "100"], 2, "--block-size takes 16, 32"),
        (["--block-size", "2048"], 2, "--block-size takes a number from 16 to 1024"),
        (["--port"], 2, "--port needs a value"),
        (["--speed", "9"], 2, "unknown option --speed"),
        (["--host", "[x"], 3, "the host [x is not known"),
        (["--identity-dir", "/nonexistent"], 3, "/nonexistent/server.key: cannot be read"),
        (["--host", "192.0.2.1", "--port", "5683"], 3, "UDP port 5683 of 192.0.2.1 cannot be bound"),
    ],
)
def test_options_that_are_no_good(launcher: Sequence[str], options: list[str], code: int, text: str) -> None:
    ended, (failed,) = run([*launcher, *options])
    assert ended == code
    assert failed["event"] == "failed"
    assert text in failed["detail"]


def test_a_taken_port_of_coaps_is_told_too(launcher: Sequence[str], free_port: Callable[..., int]) -> None:
    port = str(free_port())
    _, (failed,) = run([*launcher, "--port", port, "--coaps-port", port])
    assert failed["event"] == "failed"
    assert f"UDP port {port}" in failed["detail"]
