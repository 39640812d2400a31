"""What one device is, read as strictly as a scenario and from the same keys; every problem is told at once.

A device is a group of one (``[groups.NAME]``, docs/scenario.md) whose server somebody else runs, so its keys, units and
faults are those of a scenario and mean the same.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulator.coap.requests import CoapUri, parse_uri
from simulator.faults.registry import FAULTS
from simulator.fleet.population import DevicePlan, Population
from simulator.lwm2m.profiles import habits_of
from simulator.scenario import MANAGEMENT, TRANSPORTS, Campaign, Criteria, ExternalServer, Group, Run, Scenario
from simulator.scenario.check import ENDPOINT_MAX
from simulator.scenario.faults import Carrier, read_fault
from simulator.scenario.problems import Finding, key_text
from simulator.scenario.procedure import Procedure
from simulator.scenario.reader import Reader
from simulator.scenario.sections import AtOnce, Firmware
from simulator.security.credentials import Credentials
from simulator.security.issue import Issuer
from simulator.security.spec import NO_CREDENTIALS, CredentialSpec, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simulator.scenario import Fault

NOT_FOR_ONE: Final = frozenset(
    {"count", "delivery", "management", "transport", "endpoint", "credentials", "download_credentials", "expect"}
    | {"from_version"}
    | set(Procedure.model_fields)
)
"""Keys of a group that mean nothing for one device, or are said by other means."""
OF_OTHERS: Final = frozenset({"order", "server"})
"""Seams of faults that are no device's: what the operator orders, and what the server does, is not in its hands."""
_PLAIN: Final = ("coap", "coap+tcp", "http")
_BY_KEY: Final = ("coaps", "coaps+tcp")
_BY_TRUST: Final = ("coaps", "coaps+tcp", "https")
_NAME: Final = "device"
_FAULT: Final = re.compile(r"([^\s:]*)[\s:]*(.*)", re.DOTALL)


class SettingsError(ValueError):
    """The device cannot be had as it is described; ``problems`` has a line for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Settings:
    """What a device is.

    Attributes:
        server: URI of the management server: ``coap://host:port``, ``coaps``, ``coap+tcp`` or ``coaps+tcp``.
        endpoint: Endpoint Client Name.
        credentials: what it shows and trusts; None: what the seed gives, as the servers of this project know it.
        seed: of everything that is drawn.
        protocols: URI schemes that it can pull from; None: all that it has the credentials for.
        faults: in the form of ``fault_table``.
        group: any other key of a group of a scenario, with its units: ``{"lifetime": "5 min"}``.
    """

    server: str
    endpoint: str
    seed: int
    credentials: Credentials | None = None
    protocols: tuple[str, ...] | None = None
    firmware_version: str = "1.0.0"
    model: str = "vd-1"
    faults: tuple[Mapping[str, Any], ...] = ()
    group: Mapping[str, Any] = field(default_factory=dict)


class Held:
    """The credentials of the one device there is (``simulator.fleet.surroundings.Issues``)."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def credentials(self, spec: CredentialSpec, endpoint: str) -> Credentials:  # noqa: ARG002  there is one device
        """What it holds; the name of the server is that of the management server, or of no server in particular."""
        return dataclasses.replace(self._credentials, server_name=spec.server_name)


def issuer_of(settings: Settings) -> Held | Issuer:
    """Where the device has its credentials from."""
    return Issuer(settings.seed) if settings.credentials is None else Held(settings.credentials)


def server_uri(text: str) -> CoapUri:
    """The URI of a management server.

    Raises:
        SettingsError: it is none.
    """
    try:
        uri = parse_uri(text)
    except ValueError as error:
        raise SettingsError([f"{text!r} is no URI of a server: {error}; write coap://127.0.0.1:5683"]) from None
    if uri.scheme not in MANAGEMENT:
        raise SettingsError([f"devices are managed over {', '.join(MANAGEMENT)}, not over {uri.scheme}"])
    if uri.path or uri.query:
        raise SettingsError([f"{text!r}: the URI of a server has no path; write {uri.scheme}://{uri.host}:{uri.port}"])
    return uri


def make_plan(settings: Settings) -> DevicePlan:
    """The plan of the device.

    Raises:
        SettingsError: something is wrong with it; has all problems.
    """
    uri = server_uri(settings.server)
    protocols = settings.protocols if settings.protocols is not None else _usable(settings)
    problems = [f"{name}: not a setting of one device" for name in settings.group if name in NOT_FOR_ONE]
    reader = Reader(FAULTS, Path(_NAME))
    raw = {name: value for name, value in settings.group.items() if name not in NOT_FOR_ONE} | {
        "count": 1,
        "endpoint": settings.endpoint,
        "management": uri.scheme,
        "transport": protocols[0] if protocols and protocols[0] in TRANSPORTS else "coap",
        "protocols": list(protocols),
        "faults": [dict(table) for table in settings.faults],
    }
    group = reader.group(_NAME, raw, {})
    version = settings.firmware_version
    about = {"from_version": version, "version": "0" if version != "0" else "1", "model": settings.model}
    firmware = reader.section(Firmware, about, ("firmware",))
    problems += [_line(finding) for finding in reader.findings]
    if group is not None:
        problems += _problems(settings, group, protocols)
    if problems or group is None or firmware is None:
        raise SettingsError(problems)
    scenario = Scenario(
        Run(name=_NAME),
        ExternalServer(kind="external", host=uri.host),
        firmware,
        {_NAME: group},
        AtOnce(kind="at-once"),
        Campaign(),
        Criteria(),
    )
    # A population gives a device one fault at most that decides how an update ends; one device gets all of its own.
    plan = dataclasses.replace(Population(scenario, settings.seed).device(0), faults=group.faults)
    return _with_credentials(plan, settings, uri)


def _usable(settings: Settings) -> tuple[str, ...]:
    held = settings.credentials
    if held is None:
        return TRANSPORTS
    more = [*(_BY_KEY if held.psk is not None else ()), *(_BY_TRUST if held.trust is not None else ())]
    return tuple(scheme for scheme in TRANSPORTS if scheme in _PLAIN or scheme in more)


def _problems(settings: Settings, group: Group, protocols: tuple[str, ...]) -> list[str]:
    """What a scenario checks between its sections, as far as it is about one device."""
    problems = []
    if len(group.endpoint.encode()) > ENDPOINT_MAX:
        problems.append(f"endpoint: longer than {ENDPOINT_MAX} bytes; choose a shorter name")
    if not protocols:
        problems.append("protocols: a device pulls from one scheme at least; name one, such as coap")
    if group.management.endswith("+tcp") and group.lwm2m == "1.0":
        problems.append("lwm2m: LwM2M 1.0 has no management over TCP; set 1.1")
    if group.lwm2m == "1.0" and group.object_version not in (None, "1.0"):
        problems.append(f"object_version: {group.object_version} needs LwM2M 1.1; set lwm2m to 1.1")
    if group.stack == "aiocoap" and group.management != "coap":
        problems.append("stack: on aiocoap devices are managed over coap only; drop it")
    held = settings.credentials
    if group.management.startswith("coaps") and held is not None and not held.usable:
        problems.append(
            f"a server over {group.management} needs a credential: a pre-shared key (psk-key-file), or CAs to trust "
            "(trust), with or without a certificate of the device; the servers of a run of this project take a seed"
        )
    problems += [f"faults: {problem}" for fault in group.faults if (problem := order_problem(fault))]
    return problems


def _with_credentials(plan: DevicePlan, settings: Settings, uri: CoapUri) -> DevicePlan:
    held = settings.credentials
    named = uri.host if not _is_address(uri.host) else ""
    if held is None:
        both: frozenset[Kind] = frozenset({"psk", "x509"})
        kinds = both if uri.scheme.startswith("coaps") else frozenset[Kind]()
        own = CredentialSpec(kinds, server_name=named) if kinds else NO_CREDENTIALS
        return dataclasses.replace(plan, credentials=own, download_credentials=CredentialSpec(both))
    found: list[Kind] = [*(["psk"] if held.psk is not None else []), *(["x509"] if held.trust is not None else [])]  # type: ignore[list-item]
    spec = CredentialSpec(frozenset(found))
    return dataclasses.replace(
        plan, credentials=dataclasses.replace(spec, server_name=held.server_name or named), download_credentials=spec
    )


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _line(finding: Finding) -> str:
    key = finding.key[2:] if finding.key[:2] == ("groups", _NAME) else finding.key[1:]
    text = f"{key_text(key)}: {finding.message}"
    return f"{text}; {finding.mend}" if finding.mend else text


# -- faults ------------------------------------------------------------------------------------------------------------


def fault_table(text: str) -> dict[str, Any]:
    """A fault as a table of a scenario, out of ``KIND:name=value,name=value``; a blank does for the colon, too.

    Raises:
        SettingsError: it is not of this form.
    """
    found = _FAULT.fullmatch(text.strip())
    assert found is not None  # it matches any text
    kind, rest = found.groups()
    table: dict[str, Any] = {"kind": kind}
    for part in filter(None, (each.strip() for each in rest.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise SettingsError([f"fault {kind}: {part!r} is no parameter; write {kind}:name=value,name=value"])
        table[name.strip()] = _value(value.strip())
    return table


def _value(text: str) -> int | bool | str:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else text


def read_one_fault(text: str, plan: DevicePlan) -> Fault:
    """The fault that a text names, for a device that runs already.

    Raises:
        SettingsError: there is no such fault, or a parameter cannot be.
    """
    carrier = Carrier(habits_of(plan.profile, plan.switches, plan.object_version), plan.transport, plan.pull_retries)
    fault, findings = read_fault(fault_table(text), FAULTS, carrier, ("groups", _NAME, "fault"))
    problems = [_line(finding) for finding in findings]
    if fault is not None and (problem := order_problem(fault)):
        problems.append(problem)
    if problems or fault is None:
        raise SettingsError(problems)
    return fault


def order_problem(fault: Fault) -> str:
    """Why a device cannot have a fault by itself; empty where it can."""
    if FAULTS[fault.kind].seam not in OF_OTHERS:
        return ""
    return f"{fault.kind} is no fault of a device, but of others: {FAULTS[fault.kind].summary}"
