"""What servers are given for a run, which devices lack a credential, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from simulator.cli import identities
from simulator.cli.device_files import anchors, problems_of
from simulator.cli.identities import Identities
from simulator.cli.plan import Plan
from simulator.cli.session import Session
from simulator.fleet.population import Population
from simulator.recorder.manifest import RunDirectoryError
from simulator.scenario import load
from simulator.security.authority import Authority, chain_pem, key_pem
from simulator.security.credentials import CredentialError, derive_psk
from simulator.security.files import load_identity, load_trust
from simulator.security.issue import Issuer
from simulator.security.verify import SERVER, verify_chain
from tests.cli.fakes import IDLE_OPERATOR, OPERATOR, use_fakes

SEED = 7
SECRET = "00112233445566778899aabbccddeeff"
SECURE = '[firmware]\nsize = "1 KiB"\n[groups.a]\ncount = 2\nmanagement = "coaps"\n'


@pytest.fixture
def population(tmp_path):
    """A function that makes the population of a scenario."""

    def population(text):
        (tmp_path / "s.toml").write_text(text)
        return Population(load(tmp_path / "s.toml"), SEED)

    return population


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where directories of identities are made."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(identities.tempfile, "tempdir", str(directory))
    return directory


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_but_the_owner_reads_the_identity_of_the_servers(population, temporary):
    people = population(SECURE)
    made = Identities(people.scenario, SEED)
    directory = Path(made.write(people))
    assert directory.parent == temporary
    assert (mode(directory), mode(directory / "server.key")) == (0o700, 0o600)
    identity = load_identity(directory / "server.pem", directory / "server.key")
    for host in ("127.0.0.1", "::1", "localhost"):
        verify_chain(identity.chain, Issuer(SEED).authority.trust, SERVER, host)
    assert load_trust(directory / "ca.pem").anchors[0].subject == Issuer(SEED).authority.certificate.subject
    made.remove()
    made.remove()
    assert list(temporary.iterdir()) == []


def test_without_secure_devices_there_is_no_identity(population, temporary):
    people = population("[groups.a]\ncount = 1\n")
    assert Identities(people.scenario, SEED).write(people) == ""
    assert list(temporary.iterdir()) == []


def test_servers_trust_those_who_signed_the_certificates_out_of_files(population, tmp_path):
    own = Authority("CA of the user")
    for name in ("vd-a-000000", "vd-a-000001"):
        identity = own.device(name)
        (tmp_path / f"{name}.pem").write_bytes(chain_pem(identity) + own.pem)
        (tmp_path / f"{name}.key").write_bytes(key_pem(identity))
    table = 'credentials = { kind = "x509", certificate = "{endpoint}.pem", key = "{endpoint}.key" }\n'
    people = population(SECURE + table)
    assert problems_of(people) == []
    assert anchors(people, Issuer(SEED)) == [own.pem]
    made = Identities(people.scenario, SEED)
    trusted = load_trust(Path(made.write(people)) / "ca.pem").anchors
    made.remove()
    assert [each.subject.rfc4514_string() for each in trusted] == ["CN=lwm2m-fleet run CA", "CN=CA of the user"]
    (tmp_path / "vd-a-000001.key").unlink()
    (problem,) = problems_of(people)
    assert "vd-a-000001.key: cannot be read" in problem
    with pytest.raises(CredentialError):
        made.write(people)
    made.remove()


def test_the_package_origin_is_told_the_keys_in_pieces(population, monkeypatch):
    monkeypatch.setattr(identities, "PSKS_AT_ONCE", 2)
    people = population('[groups.a]\ncount = 3\ntransport = "coaps"\n[groups.b]\ncount = 2\n')
    pieces = list(Identities(people.scenario, SEED).download_psks(people))
    assert [len(piece) for piece in pieces] == [2, 1]
    told = dict(pair for piece in pieces for pair in piece)
    names = [people.device(k).endpoint for k in range(5) if people.device(k).group == "a"]
    assert told == {name: derive_psk(SEED, name).key.hex() for name in names}


def test_devices_without_a_key_are_named_before_anything_is_started(population, tmp_path):
    (tmp_path / "keys.csv").write_text(f"endpoint,key_hex\nvd-a-000000,{SECRET}\n")
    people = population(SECURE.replace("count = 2", "count = 14") + 'credentials = { psk_file = "keys.csv" }\n')
    told = problems_of(people)
    assert told[0] == f"{tmp_path}/keys.csv: there is no key for the endpoint 'vd-a-000001'; add a line"
    assert (len(told), told[-1]) == (11, "and 3 more of the kind")
    assert SECRET not in str(told)


# -- nothing stays ----------------------------------------------------------------------------------------------------


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A function that makes a session over fakes, whose devices come by key."""

    def session(*, directory=None, **bodies):
        use_fakes(monkeypatch, tmp_path, **bodies)
        file = tmp_path / "s.toml"
        file.write_text(SECURE)
        return Session(Plan(file, (), None, load(file), SEED, 1, directory or tmp_path / "run", ("lwm2m-fleet", "run")))

    return session


WITH_COAPS = {"uris={": "uris={'coaps': 'coaps://127.0.0.1:9', "}


def secure(operator):
    for old, new in WITH_COAPS.items():
        operator = operator.replace(old, new)
    return operator


async def test_nothing_stays_after_a_run(session, temporary):
    seen = []
    run = session(operator=secure(OPERATOR))
    run.on_change = lambda: seen.extend(path.name for path in temporary.iterdir())
    ended = await run.run()
    assert (ended.status, ended.reason) == ("complete", "")
    assert seen
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "bodies",
    [
        {"origin": "tell(failed='no port'); end()"},
        {"operator": "sys.exit('boom')"},
        {"operator": OPERATOR},  # it has no coaps
    ],
)
async def test_nothing_stays_after_a_start_that_failed(session, temporary, bodies):
    assert (await session(**bodies).run()).status == "failed"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("phase", ["starting the package origin", "running"])
async def test_nothing_stays_after_ctrl_c(session, temporary, phase):
    run = session(operator=secure(IDLE_OPERATOR))
    run.on_change = lambda: run.interrupt() if run.view.phase == phase else None
    async with asyncio.timeout(30):
        ended = await run.run()
    assert ended.interrupted
    assert list(temporary.iterdir()) == []


async def test_nothing_is_made_where_the_run_directory_cannot_be_used(session, temporary, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    with pytest.raises(RunDirectoryError):
        await session(directory=tmp_path / "taken").run()
    assert list(temporary.iterdir()) == []
