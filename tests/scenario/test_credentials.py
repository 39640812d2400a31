"""Files of credentials are read when the scenario is loaded; all that is wrong is told at once, and no key."""

from __future__ import annotations

import pytest

from simulator.scenario import ScenarioError, load
from simulator.security.authority import Authority, chain_pem, key_pem

SECRET = "00112233445566778899aabbccddeeff"
CA = Authority()


@pytest.fixture
def directory(tmp_path):
    for name in ("dev", "other"):
        identity = CA.device(name)
        (tmp_path / f"{name}.pem").write_bytes(chain_pem(identity))
        (tmp_path / f"{name}.key").write_bytes(key_pem(identity))
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    (tmp_path / "keys.csv").write_text(f"endpoint,key_hex\nvd-a-000000,{SECRET}\n")
    (tmp_path / "odd.csv").write_text(f"endpoint,key_hex\nvd-a-000000,{SECRET}0\n")
    (tmp_path / "no.pem").write_text("nothing of the kind")
    return tmp_path


def loaded(directory, text):
    path = directory / "s.toml"
    path.write_text(text)
    return load(path)


def problems(directory, text):
    with pytest.raises(ScenarioError) as error:
        loaded(directory, text)
    assert SECRET not in str(error.value)
    assert "PRIVATE KEY" not in str(error.value).replace("-----BEGIN PRIVATE KEY-----", "")
    return error.value.problems


GROUP = '[groups.{name}]\ncount = 1\nmanagement = "coaps"\ncredentials = {{ {table} }}\n'


def test_files_that_can_be_used_are_found_beside_the_scenario(directory):
    table = 'kind = "psk+x509", psk_file = "keys.csv", certificate = "dev.pem", key = "dev.key", trust = "ca.pem"'
    spec = loaded(directory, GROUP.format(name="a", table=table)).groups["a"].management_spec
    assert spec.psk_file == str(directory / "keys.csv")
    assert (spec.certificate, spec.key) == (str(directory / "dev.pem"), str(directory / "dev.key"))


def test_everything_that_is_wrong_is_told_at_once(directory):
    tables = {
        "a": 'psk_file = "none.csv"',
        "b": 'psk_file = "odd.csv"',
        "c": 'kind = "x509", certificate = "dev.pem", key = "other.key"',
        "d": 'kind = "x509", trust = "no.pem"',
        "e": 'kind = "x509", certificate = "no.pem", key = "dev.key"',
        "f": 'kind = "x509", certificate = "{endpoint}.pem", key = "dev.key"',
    }
    found = problems(directory, "\n".join(GROUP.format(name=name, table=table) for name, table in tables.items()))
    told = {problem.key: (problem.message, problem.mend) for problem in found}
    at = str(directory)
    assert told == {
        "groups.a.credentials.psk_file": (
            f"{at}/none.csv: cannot be read: No such file or directory", "paths are relative to the scenario file"),
        "groups.b.credentials.psk_file": (
            f"{at}/odd.csv, line 2: key_hex is not hexadecimal", "write two digits for each byte of the key"),
        "groups.c.credentials.certificate": (
            f"{at}/dev.pem and {at}/other.key: the private key does not belong to the certificate of CN=dev", ""),
        "groups.d.credentials.trust": (
            f"{at}/no.pem: no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----"),
        "groups.e.credentials.certificate": (
            f"{at}/no.pem: no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----"),
        "groups.f.credentials.key": (
            "one of `certificate` and `key` is for each device by {endpoint}, and the other one is not",
            "write {endpoint} into both paths, or into neither"),
    }  # fmt: skip
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_a_file_that_several_groups_share_is_told_of_once(directory):
    text = '[devices]\nmanagement = "coaps"\ncredentials = { psk_file = "none.csv" }\n'
    text += "[groups.a]\ncount = 1\n[groups.b]\ncount = 1\n"
    assert len(problems(directory, text)) == 1


def test_files_of_the_download_are_read_too(directory):
    text = '[groups.a]\ncount = 1\ntransport = "https"\ndownload_credentials = { trust = "none.pem" }\n'
    (problem,) = problems(directory, text)
    assert problem.key == "groups.a.download_credentials.trust"


@pytest.mark.parametrize(("wrong", "length"), [("", 129), ("unknown-identity", 122)])
def test_a_name_that_is_too_long_for_an_identity_is_refused(directory, wrong, length):
    text = '[groups.a]\ncount = 1\nmanagement = "coaps"\nendpoint = "{}"\ncredentials = {{ wrong = "{}" }}\n'
    loaded(directory, text.format("n" * (length - 1), wrong))
    (problem,) = problems(directory, text.format("n" * length, wrong))
    assert (problem.key, problem.mend) == (
        "groups.a.endpoint",
        "shorten the pattern, or give the keys by `psk_file`",
    )
