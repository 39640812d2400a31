"""Credentials of the groups of a scenario, held against their files and against the servers that they are for.

The files are read when the scenario is loaded, so that all that is wrong in them is told at once. What a file holds is
in no finding. Which devices have a key in it is known with their endpoints only, before a run
(``simulator.cli.device_files``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from simulator.scenario.devices import Group
from simulator.scenario.links import CredentialSettings
from simulator.scenario.problems import Finding
from simulator.security.credentials import PSK_IDENTITY_MAX, CredentialError
from simulator.security.files import load_identity, load_psks, load_trust
from simulator.security.issue import NOBODY
from simulator.security.spec import SHOWN, CredentialSpec

ENDPOINT: Final = "{endpoint}"
"""Stands for the Endpoint Client Name in the path of a certificate and its key."""
_RELATIVE: Final = "paths are relative to the scenario file"


class _Use(NamedTuple):
    """One key of a scenario that names files."""

    key: str
    files: tuple[str, ...]
    read: Callable[[], object]


def credential_findings(groups: Mapping[str, Group]) -> Iterator[Finding]:
    """What is wrong with the files of credentials; each file is read once, and told of once."""
    known: set[tuple[str, ...]] = set()
    for name, group in groups.items():
        for table, settings in (
            ("credentials", group.credentials),
            ("download_credentials", group.download_credentials),
        ):
            for use in _uses(settings) if settings is not None else ():
                if use.files not in known:
                    known.add(use.files)
                    yield from _read(("groups", name, table, use.key), use)
        yield from _own_keys(name, group)
        yield from _shown(name, group)
        yield from _identities(name, group)


def _uses(settings: CredentialSettings) -> Iterator[_Use]:
    if settings.psk_file:
        yield _Use("psk_file", (settings.psk_file,), partial(load_psks, Path(settings.psk_file)))
    if settings.trust:
        yield _Use("trust", (settings.trust,), partial(load_trust, Path(settings.trust)))
    files = (settings.certificate, settings.key)
    if all(files) and not any(ENDPOINT in file for file in files):
        yield _Use("certificate", files, partial(load_identity, Path(files[0]), Path(files[1])))


def _read(key: tuple[str, ...], use: _Use) -> Iterator[Finding]:
    try:
        use.read()
    except CredentialError as error:
        problem, _, mend = str(error).partition("; ")
        lost = any(not Path(file).is_file() for file in use.files)
        yield Finding(key, problem, _RELATIVE if lost else mend)


def _own_keys(name: str, group: Group) -> Iterator[Finding]:
    """A certificate of each device needs a key of each device, and the other way round."""
    for table, settings in (("credentials", group.credentials), ("download_credentials", group.download_credentials)):
        if settings is not None and (ENDPOINT in settings.certificate) != (ENDPOINT in settings.key):
            yield Finding(
                ("groups", name, table, "key" if ENDPOINT in settings.certificate else "certificate"),
                f"one of `certificate` and `key` is for each device by {ENDPOINT}, and the other one is not",
                f"write {ENDPOINT} into both paths, or into neither",
            )


def _identities(name: str, group: Group) -> Iterator[Finding]:
    """A key that is made from the seed has the endpoint as its identity."""
    longest = len(group.endpoint.format(group=name, index=group.count).encode())
    for spec in (group.management_spec, group.download_spec):
        room = PSK_IDENTITY_MAX - (len(NOBODY) if spec.wrong == "unknown-identity" else 0)
        if "psk" in spec.kinds and not spec.psk_file and longest > room:
            problem = f"names of more than {room} bytes cannot be identities of pre-shared keys (RFC 4279 §5.3)"
            yield Finding(("groups", name, "endpoint"), problem, "shorten the pattern, or give the keys by `psk_file`")
            return


def _shown(name: str, group: Group) -> Iterator[Finding]:
    """A credential that is wrong on purpose has to meet a server, and one that is right has to do for it."""
    own = group.download_credentials is None
    places: dict[str, list[tuple[CredentialSpec, str]]] = {
        "credentials": [(group.management_spec, group.management)],
        "download_credentials": [],
    }
    if group.delivery == "pull":
        places["credentials" if own else "download_credentials"].append((group.download_spec, group.transport))
    for table, uses in places.items():
        settings = group.credentials if table == "credentials" else group.download_credentials
        if settings is None:
            continue
        if settings.wrong and not any(spec.wrong_for(scheme) for spec, scheme in uses):
            comes = " and ".join(dict.fromkeys(scheme for _, scheme in uses)) or group.delivery
            problem = f"no server is shown what is wrong: {settings.wrong} does not show over {comes}"
            yield Finding(("groups", name, table, "wrong"), problem, "choose another transport, or set `kind`")
        for spec, scheme in uses:
            if settings.wrong != "missing" and spec.shown(scheme) is None and spec.wrong_for(scheme):
                taken = " or ".join(SHOWN[scheme])
                problem = f"devices with {settings.kind} have nothing to show over {scheme}, which takes {taken}"
                yield Finding(("groups", name, table, "kind"), problem, 'add it, or set wrong = "missing"')
