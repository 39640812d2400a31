"""Runs against a server that the run neither starts nor drives, provisioned with what ``devices`` has exported."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from simulator.security.authority import Authority, write_identity
from simulator.security.files import load_psks
from tests.cli.secure_runs import by_group, run, written

pytestmark = pytest.mark.slow

SEED = 99
SCENARIO = """
[run]
duration_max = "60 s"
[server]
kind = "external"
host = "127.0.0.1"
coaps_port = {coaps}
coaps_tcp_port = {coaps_tcp}
[campaign]
timeout = "50 s"
[firmware]
size = "16 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.key]
count = 2
management = "coaps"
transport = "coaps"
[groups.certificate]
count = 2
management = "coaps+tcp"
transport = "https"
credentials = {{ kind = "x509", trust = "server-ca.pem" }}
download_credentials = {{ kind = "x509" }}
[groups.wrong]
count = 1
management = "coaps"
transport = "coaps"
delivery = "none"
credentials = {{ wrong = "wrong-key" }}
"""


def devices(scenario, *options):
    command = [sys.executable, "-m", "simulator", "devices", str(scenario), "--seed", str(SEED), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.split(",") for line in done.stdout.splitlines()]


class Console:
    """An embedded server in a process of its own, and whoever updates the devices that register there."""

    def __init__(self, identity):
        command = [sys.executable, "-m", "simulator.servers.embedded", "--identity-dir", str(identity)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.uris = json.loads(self.process.stdout.readline())["uris"]
        self.packages = None
        self.seen = []
        self._next = 0
        self._waiting = {}

    def port(self, scheme):
        return int(self.uris[scheme].rpartition(":")[2])

    def begin(self, packages):
        """React to devices from now on; ``packages`` gives the URIs of the package origin by scheme."""
        self.packages = packages
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, do, then=lambda _answer: None, **fields):
        self._next += 1
        self._waiting[self._next] = then
        with suppress(OSError, ValueError):
            self.process.stdin.write(json.dumps({"id": self._next, "do": do, **fields}) + "\n")
            self.process.stdin.flush()

    def know(self, endpoint, **secret):
        self.ask("credentials", ep=endpoint, **secret)

    def _listen(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if told.get("event") == "registered" and told["ep"] not in self.seen:
                self._update(told["ep"])
            elif "event" not in told:
                self._waiting.pop(told["id"])(told)

    def _update(self, endpoint):
        self.seen.append(endpoint)
        scheme = "coaps" if "key" in endpoint else "https"
        uri = f"{self.packages()[scheme]}/good.bin"
        told = {"ep": endpoint, "timeout_s": 5}
        self.ask("write", lambda _answer: self._look(told), path="/5/0/1", text=uri, **told)

    def _look(self, told):
        def state(answer):
            if answer.get("value") == "2":
                self.ask("execute", path="/5/0/2", args="", **told)
            else:
                time.sleep(0.1)
                self._look(told)

        self.ask("read", state, path="/5/0/3", **told)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture
def console(tmp_path):
    """A server with a CA of its own, which trusts the CA of the run for devices."""
    directory = tmp_path / "identity"
    directory.mkdir()
    own = Authority("CA of the server")
    write_identity(directory, own.server("127.0.0.1"), own)
    (tmp_path / "server-ca.pem").write_bytes(own.pem)
    devices(written(tmp_path, SCENARIO.format(coaps=1, coaps_tcp=1)), "--ca", directory / "ca.pem")
    console = Console(directory)
    yield console
    console.stop()


def test_devices_come_to_an_external_server_with_what_was_exported(tmp_path, console):
    text = SCENARIO.format(coaps=console.port("coaps"), coaps_tcp=console.port("coaps+tcp"))
    scenario = written(tmp_path, text)
    head, *table = devices(scenario, "--keys", tmp_path / "keys.csv")
    for row in (dict(zip(head, row, strict=True)) for row in table):
        if row["security"] == "x509":
            console.know(row["endpoint"], x509=True)
    keys = load_psks(tmp_path / "keys.csv")
    assert len(keys) == 3
    for endpoint, psk in keys.items():
        console.know(endpoint, psk={"identity": psk.identity.decode(), "key_hex": psk.key.hex()})
    out = tmp_path / "run"
    console.begin(lambda: json.loads((out / "manifest.json").read_text())["server"]["packages"])
    done, out = run(tmp_path, scenario, "--seed", str(SEED))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(console.seen) == sorted(set(console.seen))
    transfers = by_group(out, "transfers")
    assert {name: {row["outcome"] for row in each} for name, each in transfers.items()} == {
        "key": {"ok"},
        "certificate": {"ok"},
    }
    ends = by_group(out, "device_ends")
    assert {(row["state"], row["result"]) for name in ("key", "certificate") for row in ends[name]} == {(0, 1)}
    wrong = by_group(out, "registrations")["wrong"]
    assert all("wrong PSK key" in row["cause"] for row in wrong)


@pytest.mark.parametrize(
    ("scheme", "said"), [("coaps", "nobody listens at UDP"), ("coaps+tcp", "nobody listens at TCP")]
)
def test_a_server_that_is_not_there_is_told_at_once(tmp_path, free_port, scheme, said):
    port, key = free_port(), f"{scheme.replace('+', '_')}_port"
    text = f'[server]\nkind = "external"\nhost = "127.0.0.1"\n{key} = {port}\n'
    text += f'[groups.a]\ncount = 1\nmanagement = "{scheme}"\n'
    done, _ = run(tmp_path, written(tmp_path, text))
    assert done.returncode == 3
    assert f"{said} 127.0.0.1:{port}" in done.stdout
    assert f"correct [server] host and {key}" in done.stdout
