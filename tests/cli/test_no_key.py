"""No key of a run is in anything that it writes, prints or shows of itself."""

from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from simulator.fleet.population import Population
from simulator.scenario import load
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.issue import Issuer
from tests.cli.secure_runs import written

pytestmark = pytest.mark.slow

SEED = 4711
KNOWN = bytes.fromhex("8badf00dc0ffee00deadbeef0123456789abcdeffedcba98")
SCENARIO = """
[firmware]
size = "4 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[groups.file-key]
count = 1
management = "coaps"
transport = "coaps+tcp"
endpoint = "file-key"
credentials = { kind = "psk", psk_file = "keys.csv" }
[groups.file-certificate]
count = 1
management = "coaps+tcp"
transport = "https"
endpoint = "file-certificate"
credentials = { kind = "x509", certificate = "{endpoint}.pem", key = "{endpoint}.key" }
[groups.seed]
count = 2
management = "coaps"
transport = "https"
[groups.seed-certificate]
count = 1
management = "coaps"
transport = "coaps"
credentials = { kind = "x509" }
[groups.wrong]
count = 1
management = "coaps"
transport = "coaps"
download_credentials = { wrong = "wrong-key" }
[groups.stranger]
count = 1
delivery = "none"
management = "coaps"
credentials = { wrong = "wrong-key" }
[campaign]
timeout = "30 s"
"""


def forms(key):
    """What a key looks like, as bytes."""
    plain = key.hex()
    texts = {plain, plain.upper(), ":".join(plain[i : i + 2] for i in range(0, len(plain), 2)), repr(key)[2:-1]}
    texts |= {base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")}
    return {key, *(text.encode() for text in texts)}


def private(identity):
    """The forms of a private key: its number, and the lines of its PEM."""
    number = identity.key.private_numbers().private_value
    lines = key_pem(identity).splitlines()[1:-1]
    return forms(number.to_bytes(32, "big")) | {str(number).encode(), *lines}


def processes(marks):
    """Command lines and environments of all processes in which one of these texts is."""
    found = b""
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with suppress(OSError):
                line = (directory / "cmdline").read_bytes()
                if any(mark in line for mark in marks):
                    found += line + (directory / "environ").read_bytes()
    return found


def content(path):
    """What is in a file; a part file is decoded."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        return repr(rows).encode() + b"".join(
            value for row in rows for value in row.values() if isinstance(value, bytes)
        )
    return path.read_bytes()


@pytest.fixture
def secrets(tmp_path):
    """The secrets of the run, in all their forms; its files are made."""
    own = Authority("CA of the user")
    identity = own.device("file-certificate")
    (tmp_path / "file-certificate.pem").write_bytes(chain_pem(identity) + own.pem)
    (tmp_path / "file-certificate.key").write_bytes(key_pem(identity))
    (tmp_path / "keys.csv").write_text(f"endpoint,identity,key_hex\nfile-key,whoever,{KNOWN.hex()}\n")
    issuer = Issuer(SEED)
    found = forms(KNOWN) | private(identity) | private(own.device("x"))
    population = Population(load(written(tmp_path, SCENARIO)), SEED)
    for k in range(len(population)):
        plan = population.device(k)
        for spec in (plan.credentials, plan.download_credentials):
            held = issuer.credentials(spec, plan.endpoint)
            if held.psk is not None:
                found |= forms(held.psk.key)
            if held.identity is not None:
                found |= private(held.identity)
        found |= forms(issuer.psk(plan.endpoint).key)
    found |= private(issuer.authority.server("127.0.0.1", "::1", "localhost"))
    return found


@pytest.mark.parametrize("fails", [False, True], ids=["complete", "failed"])
def test_no_key_is_in_anything_that_a_run_leaves_behind_or_shows(tmp_path, secrets, monkeypatch, fails):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    assert tempfile.gettempdir()
    out = tmp_path / "run"
    # A server that cannot have its address ends the run while the package origin has its keys.
    options = ["--set", 'server.host="192.168.255.254"'] if fails else []
    command = [sys.executable, "-m", "simulator", "run", str(tmp_path / "scenario.toml"), "--out", str(out)]
    command += ["--seed", str(SEED), *options]
    marks = (str(out).encode(), b"simulator.servers.embedded")
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
        shown, deadline = b"", time.monotonic() + 100
        while process.poll() is None and time.monotonic() < deadline:
            shown += processes(marks)
            time.sleep(0.05)
    said = (tmp_path / "printed").read_bytes()
    assert process.wait(10) == (3 if fails else 0), said
    assert list(temporary.iterdir()) == []
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {"manifest.json", "plan.json", "operator.json"} <= {path.name for path in files}
    if not fails:
        assert {"summary.json", "report.html"} <= {path.name for path in files}
        assert any(path.suffix == ".parquet" for path in files)
    assert b"simulator.servers.origin" in shown
    places = {"what was printed": said, "command lines and environments": shown}
    places |= {str(path): content(path) for path in files}
    leaks = [place for place, data in places.items() if any(secret in data for secret in secrets)]
    assert leaks == []


def test_the_search_would_find_a_key(tmp_path, secrets):
    """The test above can fail: each form is found where it is."""
    for secret in (KNOWN, KNOWN.hex().encode(), base64.b64encode(KNOWN)):
        (tmp_path / "log").write_bytes(b"before " + secret + b" after")
        assert any(each in content(tmp_path / "log") for each in secrets)
