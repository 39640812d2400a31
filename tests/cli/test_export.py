"""Lists of devices, their keys and the CA of the run, for servers that somebody else runs."""

from __future__ import annotations

import csv
import io
import stat
import sys

import pytest
from cryptography import x509

from simulator.cli.app import main
from simulator.security.credentials import derive_psk
from simulator.security.files import load_psks, load_trust
from simulator.security.issue import Issuer

SCENARIO = """
[groups.key]
count = 2
management = "coaps"
[groups.certificate]
count = 1
management = "coaps+tcp"
transport = "https"
[groups.plain]
count = 1
[groups.download]
count = 1
transport = "coaps"
[groups.wrong]
count = 1
management = "coaps"
delivery = "none"
credentials = { wrong = "wrong-key" }
"""
SEED = 11
SECURITY = {"key": "psk", "certificate": "x509", "plain": "nosec", "download": "nosec", "wrong": "psk"}


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def devices(monkeypatch, capsys):
    """A function that runs ``lwm2m-fleet devices``; its exit code, output and errors."""

    def devices(*arguments):
        monkeypatch.setattr(sys, "argv", ["lwm2m-fleet", "devices", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return end.value.code or 0, printed.out, printed.err

    return devices


def test_the_list_says_how_devices_come(devices, scenario):
    code, out, err = devices(scenario)
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["group"]: row["security"] for row in rows} == SECURITY
    assert {row["group"]: row["management"] for row in rows} == {
        "key": "coaps",
        "certificate": "coaps+tcp",
        "plain": "coap",
        "download": "coap",
        "wrong": "coaps",
    }


@pytest.mark.parametrize("name", ["keys.csv", "keys.json"])
def test_keys_are_the_right_ones_for_their_owners_eyes_alone(devices, scenario, tmp_path, name):
    file = tmp_path / name
    file.write_text("what was there before")
    file.chmod(0o644)
    code, out, err = devices(scenario, "--seed", SEED, "--keys", file)
    assert (code, err) == (0, "")
    rows = [row for row in csv.DictReader(io.StringIO(out)) if row["group"] in ("key", "download", "wrong")]
    keys = load_psks(file)
    assert keys == {row["endpoint"]: derive_psk(SEED, row["endpoint"]) for row in rows}
    assert len(keys) == 4
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(psk.key.hex() in out + err for psk in keys.values())


def test_keys_out_of_a_file_are_exported_as_they_are(devices, tmp_path):
    (tmp_path / "mine.csv").write_text("endpoint,identity,key_hex\nvd-a-000000,me,0011\n")
    (tmp_path / "s.toml").write_text(
        '[run]\nseed = 1\n[groups.a]\ncount = 1\nmanagement = "coaps"\ncredentials = { psk_file = "mine.csv" }\n'
    )
    assert devices(tmp_path / "s.toml", "--keys", tmp_path / "out.csv")[0] == 0
    assert (tmp_path / "out.csv").read_text() == "endpoint,identity,key_hex\nvd-a-000000,me,0011\n"
    code, _, err = devices(tmp_path / "s.toml", "--devices", 2, "--keys", tmp_path / "out.csv")
    assert code == 2
    assert "there is no key for the endpoint 'vd-a-000001'" in err.replace("\n", " ")


def test_the_ca_is_that_of_the_run(devices, scenario, tmp_path):
    file = tmp_path / "ca.pem"
    assert devices(scenario, "--seed", SEED, "--ca", file)[0] == 0
    (anchor,) = load_trust(file).anchors
    made = Issuer(SEED).authority.certificate
    assert anchor.public_key() == made.public_key()
    assert anchor.subject == made.subject
    assert isinstance(anchor, x509.Certificate)
    assert b"PRIVATE" not in file.read_bytes()


@pytest.mark.parametrize("option", ["--keys", "--ca"])
def test_without_a_seed_nothing_is_exported(devices, scenario, tmp_path, option):
    code, out, err = devices(scenario, option, tmp_path / "file")
    assert (code, out) == (2, "")
    assert "follow from the seed: add --seed, or `seed` under [run]" in err.replace("\n", " ")
    assert not (tmp_path / "file").exists()


def test_a_scenario_without_keys_has_none_to_export(devices, tmp_path):
    (tmp_path / "s.toml").write_text("[groups.a]\ncount = 1\n")
    code, _, err = devices(tmp_path / "s.toml", "--seed", 1, "--keys", tmp_path / "file")
    assert code == 2
    assert "no device comes by a pre-shared key" in err.replace("\n", " ")


@pytest.mark.parametrize("option", ["--keys", "--ca"])
def test_a_file_that_cannot_be_written_is_named(devices, scenario, tmp_path, option):
    code, _, err = devices(scenario, "--seed", 1, option, tmp_path / "none" / "file")
    assert code == 3
    assert "cannot be written: No such file or directory" in err.replace("\n", " ")
