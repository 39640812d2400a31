"""Whole runs in which each credential is wrong in a group of its own, over real sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.device.registrar import RETRY
from tests.cli.secure_runs import by_group, rows, run, summary, written

pytestmark = pytest.mark.slow

SCENARIO = Path(__file__).parents[2] / "scenarios" / "credentials.toml"
EXPIRED = "certificate refused by the peer: expired"
UNTRUSTED = "certificate refused by the peer: unknown CA"
UNKNOWN_CA = "certificate verify failed: unknown CA: CN=lwm2m-fleet run CA"
WRONG_HOST = "certificate verify failed: wrong host name"
BY_KEY = {"wrong-key": "wrong PSK key", "unknown-identity": "unknown PSK identity"}
BY_CERTIFICATE = {"unknown-ca": UNKNOWN_CA, "wrong-host": WRONG_HOST, "expired": EXPIRED, "untrusted": UNTRUSTED}
CASES = {"psk": BY_KEY, "x509": BY_CERTIFICATE}
SECURE = {"coaps": ("psk", "x509"), "coaps+tcp": ("psk", "x509"), "https": ("x509",)}
HEAD = """
[run]
duration_max = "50 s"
[firmware]
size = "4 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
[arrivals]
kind = "at-once"
[campaign]
timeout = "40 s"
[criteria]
as_declared_min = "100 %"
"""


def test_the_scenario_that_is_shipped_holds(tmp_path):
    done, out = run(tmp_path, SCENARIO)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    found = summary(out)
    assert found["verdict"] == "holds"
    overall = found["outcomes"]["overall"]
    assert (overall["ok"], overall["fail"], overall["unknown"]) == (70, 0, 0)
    causes = {group: {row["cause"] for row in each} for group, each in by_group(out, "transfers").items()}
    told = {
        "plain": "", "right-key": "", "right-certificate": "", **BY_KEY, **BY_CERTIFICATE,
        "missing": "no credential for coaps", "missing-zephyr": "no credential for coaps",
    }  # fmt: skip
    assert causes.keys() == told.keys()
    for group, cause in told.items():
        assert all(cause in each if cause else not each for each in causes[group]), group
    for group, cause in (("never-registers-key", "wrong PSK key"), ("never-registers-certificate", UNKNOWN_CA)):
        attempts = by_group(out, "registrations")[group]
        assert attempts
        assert all(cause in row["cause"] for row in attempts)


def download_groups():
    """Text of the groups, and what is told of each: (cause, retries)."""
    text, told = "", {}
    for profile in ("oma", "zephyr"):
        for scheme, kinds in SECURE.items():
            for kind in kinds:
                for wrong, cause in {**CASES[kind], "missing": f"no credential for {scheme}"}.items():
                    name = f"{profile}-{scheme.replace('+', '-')}-{kind}-{wrong}"
                    told[name] = cause
                    text += f'[groups.{name}]\ncount = 1\nprofile = "{profile}"\ntransport = "{scheme}"\n'
                    text += f'download_credentials = {{ kind = "{kind}", wrong = "{wrong}" }}\n'
    return text, told


def test_every_wrong_credential_of_a_download_ends_as_declared(tmp_path):
    text, told = download_groups()
    done, out = run(tmp_path, written(tmp_path, HEAD + text))
    assert done.returncode == 0, done.stdout + done.stderr
    transfers = by_group(out, "transfers")
    assert transfers.keys() == told.keys()
    for name, cause in told.items():
        (transfer,) = transfers[name]
        missing = name.endswith("missing") and name.startswith("oma")
        assert cause in transfer["cause"], name
        assert (transfer["outcome"], transfer["result"]) == ("fail", 9 if missing else 4), name
        # Not even Zephyr's habits, by which a block is asked for again, take up what was refused.
        assert transfer["t"] - transfer["started"] < 14, name
    written_uris = [row for row in rows(out, "steps") if row["step"] == "write_uri"]
    assert [row["code"] for row in written_uris] == ["2.04"] * len(told)


def test_every_wrong_credential_of_management_keeps_a_device_out(tmp_path):
    text, told = "", {}
    for scheme in ("coaps", "coaps+tcp"):
        for kind in SECURE[scheme]:
            for wrong, cause in {**CASES[kind], "missing": f"no credential for {scheme}"}.items():
                name = f"{scheme.replace('+', '-')}-{kind}-{wrong}"
                told[name] = cause
                text += f'[groups.{name}]\ncount = 1\ndelivery = "none"\nmanagement = "{scheme}"\n'
                text += f'credentials = {{ kind = "{kind}", wrong = "{wrong}" }}\n'
    # One device that is updated late, so that the others have time to try.
    text += '[groups.sound]\ncount = 1\nmanagement = "coaps"\ntransport = "coaps"\ninstall_time = "10 s"\n'
    done, out = run(tmp_path, written(tmp_path, HEAD + text))
    assert done.returncode == 0, done.stdout + done.stderr
    registrations = by_group(out, "registrations")
    for name, cause in told.items():
        attempts = registrations[name]
        assert {(row["outcome"], row["code"]) for row in attempts} == {("unknown", "")}, name
        assert all(cause in row["cause"] for row in attempts), name
        # After 2 and 4 s; each attempt is one handshake, and the third wait is 8 s.
        assert 2 <= len(attempts) <= 4, name
        first, second = sorted(attempts, key=lambda row: row["t"])[:2]
        assert second["started"] - first["t"] == pytest.approx(RETRY.retry_timer_s, abs=0.5), name
    assert {row["outcome"] for row in registrations["sound"]} == {"ok"}


def test_two_hundred_devices_by_key_that_arrive_at_once_are_all_updated(tmp_path):
    text = (
        HEAD.replace('"4 KiB"', '"64 KiB"') + '[groups.key]\ncount = 200\nmanagement = "coaps"\ntransport = "coaps"\n'
    )
    done, out = run(tmp_path, written(tmp_path, text))
    assert done.returncode == 0, done.stdout + done.stderr
    found = summary(out)
    overall = found["outcomes"]["overall"]
    assert (overall["ok"], overall["fail"], overall["unknown"]) == (200, 0, 0)
    assert found["throughput"]["coaps/pull"]["bytes"] == 200 * 65_536
    # One full handshake with each server and none that failed: nothing was sent in vain.
    assert {row["outcome"] for row in rows(out, "registrations")} == {"ok"}
