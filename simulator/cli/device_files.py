"""The credentials of devices that come out of files, held against the endpoints of a population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding

from simulator.scenario.credentials import ENDPOINT
from simulator.security.credentials import CredentialError
from simulator.security.issue import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.fleet.population import Population
    from simulator.security.spec import CredentialSpec

TOLD_MAX: Final = 10
"""Devices without a credential that are named one by one."""


def problems_of(population: Population) -> list[str]:
    """Which devices lack a credential in the files that should have it, in words without any key."""
    issuer = Issuer(population.entropy.seed)
    found: dict[str, None] = {}
    for spec, endpoint in _from_files(population):
        try:
            if spec.psk_file:
                issuer.psk(endpoint, spec.psk_file)
            if spec.certificate:
                issuer.identity(spec, endpoint)
        except CredentialError as error:
            found[str(error)] = None
    problems = list(found)
    more = len(problems) - TOLD_MAX
    return problems if more <= 0 else [*problems[:TOLD_MAX], f"and {more} more of the kind"]


def anchors(population: Population, issuer: Issuer) -> list[bytes]:
    """What the servers have to trust so that they take the devices' certificates out of files: PEM, each once.

    Raises:
        CredentialError: a file cannot be used.
    """
    tops = (issuer.identity(spec, each).chain[-1] for spec, each in _from_files(population) if spec.certificate)
    return list(dict.fromkeys(top.public_bytes(Encoding.PEM) for top in tops))


def _from_files(population: Population) -> Iterator[tuple[CredentialSpec, str]]:
    """Each credential out of files with an endpoint that has it; one that all devices share comes once."""
    groups = population.scenario.groups.values()
    if not any(
        spec.psk_file or spec.certificate for group in groups for spec in (group.management_spec, group.download_spec)
    ):
        return
    shared: set[CredentialSpec] = set()
    for k in range(len(population)):
        plan = population.device(k)
        for spec in dict.fromkeys((plan.credentials, plan.download_credentials)):
            if spec in shared or not (spec.psk_file or spec.certificate):
                continue
            if not spec.psk_file and ENDPOINT not in spec.certificate:
                shared.add(spec)
            yield spec, plan.endpoint
