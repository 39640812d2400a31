"""The server is told the secrets of the devices: which, how many at once, and what happens where it takes none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulator.operator.campaign import Tactics, Target
from simulator.operator.driver import ByCertificate, DriverError, ServerStartError
from simulator.operator.job import Job, ServerChoice
from simulator.operator.provision import provision, secrets_of
from simulator.operator.requests import Patience
from simulator.security.credentials import Psk, derive_psk
from simulator.security.oscore import derive_oscore
from simulator.transport.virtual import VirtualLoop
from tests.operator.scripted import Driver

SEED = 7


def job(*security: str, psk_file: Path | str = "") -> Job:
    targets = tuple(Target(k, f"ep-{k}", None, kind, str(psk_file)) for k, kind in enumerate(security))
    choice = ServerChoice("x", "", 0, "", "", 1024)
    tactics = Tactics("registered", 0.0, 10, "downloaded", 0.0, 0.0, 30.0)
    return Job(choice, tactics, Patience(20.0, 5.0, 5.0), targets, SEED)


def run(driver: Driver, secrets: list[tuple[str, object]]) -> list[str]:
    """Provision in virtual time; what was told of the progress."""
    told: list[str] = []
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(provision(driver, secrets, told.append))  # type: ignore[arg-type]  # a script of a driver
    return told


def test_secrets_of_a_job():
    assert secrets_of(job("psk", "", "x509")) == [("ep-0", derive_psk(SEED, "ep-0")), ("ep-2", ByCertificate())]


def test_oscore_is_derived_as_the_devices_derive_it():
    assert secrets_of(job("oscore")) == [("ep-0", derive_oscore(SEED, "ep-0"))]


def test_keys_out_of_a_file(tmp_path):
    file = tmp_path / "keys.csv"
    file.write_text("endpoint,identity,key_hex\nep-0,one,0102\n")
    assert secrets_of(job("psk", psk_file=file)) == [("ep-0", Psk(b"one", b"\x01\x02"))]
    with pytest.raises(ServerStartError, match=r"keys\.csv: there is no key for the endpoint 'ep-1'; add a line"):
        secrets_of(job("psk", "psk", psk_file=file))
    file.write_text("endpoint,identity,key_hex\nep-0,one,secret\n")
    with pytest.raises(ServerStartError, match=r"keys\.csv, line 2: key_hex is not hexadecimal") as raised:
        secrets_of(job("psk", psk_file=file))
    assert "secret" not in str(raised.value)


def test_an_unknown_kind():
    with pytest.raises(ServerStartError, match="ep-0: there is no security of the kind 'raw'"):
        secrets_of(job("raw"))


def test_all_are_told_many_at_once_and_no_more_than_the_server_can_take():
    driver = Driver()
    driver.max_in_flight = 50
    secrets = secrets_of(job(*["psk"] * 10_000))
    told = run(driver, secrets)
    assert driver.secrets == dict(secrets)
    assert driver.busiest == 50
    assert told[0] == "giving the server the credentials of the devices: 0 of 10000"
    assert told[-1] == "the server has the credentials of 10000 devices"
    # 10 ms each, 50 at once: two seconds, and one line a second.
    assert len(told) == 4


def test_nothing_to_tell():
    assert run(Driver(), []) == []


def test_a_server_that_does_not_take_them():
    driver = Driver()
    driver.error = DriverError("it has no DTLS")
    with pytest.raises(ServerStartError, match="the server did not take credentials: it has no DTLS"):
        run(driver, secrets_of(job(*["psk"] * 100)))
