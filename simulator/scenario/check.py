"""Checks across sections: combinations that cannot work, or whose outcome would say nothing.

Every check takes a draft, which lacks the sections that could not be read, so that one bad value does not hide what is
wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from simulator.firmware import HEADER_SIZE
from simulator.scenario.campaign import Campaign, Criteria
from simulator.scenario.chaos_check import check_chaos
from simulator.scenario.criteria_check import check_criteria
from simulator.scenario.devices import MANAGEMENT, Group
from simulator.scenario.endpoints import EndpointShape
from simulator.scenario.fault_check import check_faults
from simulator.scenario.faults import Kinds
from simulator.scenario.object_check import check_object
from simulator.scenario.problems import Finding, did_you_mean
from simulator.scenario.procedure import check_never_executed, check_procedure
from simulator.scenario.queue_check import check_queue_mode
from simulator.scenario.sections import Arrivals, AtOnce, ConstantRate, Firmware, Run
from simulator.scenario.server import MANAGEMENT_OF, ExternalServer, LeshanDemo, Server, StartedServer

ENDPOINT_MAX: Final = 252
"""Bytes of an Endpoint Client Name: ``ep=`` and the name are one Uri-Query option of 255 bytes (RFC 7252 §5.10)."""

BLOCKS_MAX: Final = 1 << 20
"""Blocks of one transfer: NUM of a block option has at most 20 bits (RFC 7959 §2.2)."""

ORDERS: Final = ("start", "concurrency", "execute", "groups", "order", "rate", "request_timeout")
"""Keys of the campaign that mean nothing where the server gives its own orders."""


@dataclass
class Draft:
    """A scenario that may lack the sections that could not be read."""

    run: Run | None
    server: Server | None
    firmware: Firmware | None
    groups: Mapping[str, Group]
    """The groups that could be read."""
    group_names: tuple[str, ...]
    """All groups of the file."""
    arrivals: Arrivals | None
    campaign: Campaign | None
    criteria: Criteria | None
    fault_places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """By group: at which places of the file the faults stand that could be read."""


def check(draft: Draft, kinds: Kinds) -> Iterator[Finding]:
    """Everything that is wrong between the sections of a draft."""
    yield from _devices(draft)
    yield from _endpoints(draft)
    for name, group in draft.groups.items():
        yield from _delivery(name, group)
        yield from _management(name, group, draft.server)
        yield from check_object(name, group, kinds, external=isinstance(draft.server, ExternalServer))
        yield from _oscore(name, group, draft.server)
        yield from check_queue_mode(name, group, draft)
        yield from _package(name, group, draft.firmware)
        yield from check_faults(name, group, kinds, draft)
        yield from check_procedure(name, group, external=isinstance(draft.server, ExternalServer))
        if _left_downloaded(draft) and name in _updated(draft):
            yield from check_never_executed(name, group, frozenset(kinds[fault.kind].seam for fault in group.faults))
        yield from _refused_long(name, group, draft)
    yield from check_chaos(draft)
    yield from _campaign(draft)
    yield from _times(draft)
    whole = len(draft.groups) == len(draft.group_names)
    yield from check_criteria(draft.criteria, draft.groups, whole=whole)


def _updated(draft: Draft) -> dict[str, Group]:
    """The groups that the campaign updates."""
    chosen = draft.group_names
    if draft.campaign is not None and draft.campaign.groups is not None:
        chosen = draft.campaign.groups
    return {name: group for name, group in draft.groups.items() if name in chosen and group.delivery != "none"}


def _left_downloaded(draft: Draft) -> bool:
    return draft.campaign is not None and draft.campaign.execute.event == "never"


def _devices(draft: Draft) -> Iterator[Finding]:
    if not draft.group_names:
        yield Finding(("groups",), "there are no devices", "add [groups.NAME] with a `count`")
    elif len(draft.groups) == len(draft.group_names) and not any(group.count for group in draft.groups.values()):
        yield Finding(("groups", draft.group_names[0], "count"), "no group has a device", "raise a `count`")
    if draft.firmware is not None:
        if draft.firmware.version == draft.firmware.from_version:
            yield Finding(
                ("firmware", "version"),
                "the same version as before the update, so nobody could see that it took place",
                "set `version` and `from_version` to different versions",
            )
        for name in (name for name, group in draft.groups.items() if group.from_version == draft.firmware.version):
            problem = f"devices that run {draft.firmware.version} already, so nobody could see an update"
            yield Finding(("groups", name, "from_version"), problem, "set it to another version than firmware.version")
        if draft.firmware.size < HEADER_SIZE:
            key = "size" if draft.firmware.file is None else "file"
            yield Finding(
                ("firmware", key), f"a package has at least {HEADER_SIZE} bytes, its header", 'write it as "64 KiB"'
            )
        readable = len(draft.groups) == len(draft.group_names)
        if draft.firmware.processes > 1 and readable and all(g.delivery != "pull" for g in draft.groups.values()):
            problem = "no group pulls, so that the package origin has nothing to do"
            yield Finding(("firmware", "processes"), problem, "drop it, or add a group")


def _endpoints(draft: Draft) -> Iterator[Finding]:
    total = max(1, sum(group.count for group in draft.groups.values()))
    seen: dict[str, EndpointShape] = {}
    for name, group in draft.groups.items():
        key = ("groups", name, "endpoint")
        if len(group.endpoint.format(group=name, index=total - 1).encode()) > ENDPOINT_MAX:
            yield Finding(key, f"names longer than {ENDPOINT_MAX} bytes", "shorten the pattern or the group's name")
            continue
        shape = EndpointShape.of(group.endpoint, name)
        if shape.spec is None and group.count > 1:
            yield Finding(key, f"gives one name to {group.count} devices", "put {index} into it")
            continue
        other = next((other for other, known in seen.items() if shape.may_meet(known, total)), None)
        if other is not None:
            mend = "let it begin with fixed characters and {group}, as in vd-{group}-{index:06d}"
            yield Finding(key, f"may give the same name as the pattern of group `{other}`", mend)
        seen[name] = shape


def _delivery(name: str, group: Group) -> Iterator[Finding]:
    if group.delivery == "none" and group.faults:
        mend = "set `delivery` to pull or push, or drop the faults"
        yield Finding(("groups", name, "faults"), "faults have no update to act on where `delivery` is none", mend)
    if group.delivery == "push" and "transport" in group.model_fields_set and group.transport != group.management:
        problem = f"a push comes by the management transport, {group.management}, not {group.transport}"
        yield Finding(("groups", name, "transport"), problem, "drop `transport`, or set `delivery` to pull")
    unlisted = group.protocols is not None and group.transport not in group.protocols
    if group.delivery == "pull" and unlisted and group.expect is None:
        mend = f'add "{group.transport}", or declare the failure: expect = {{ state = 0, result = 9 }}'
        yield Finding(("groups", name, "protocols"), f"the devices are to pull over {group.transport}", mend)
    if group.stack == "aiocoap" and group.management != "coap":
        mend = "set `management` to coap, or `stack` to own"
        yield Finding(("groups", name, "stack"), "on aiocoap the devices are managed over coap only", mend)


def _oscore(name: str, group: Group, server: Server | None) -> Iterator[Finding]:
    if "oscore" in group.download_spec.kinds:
        problem = "the package origins of a run have no OSCORE"
        yield Finding(("groups", name, "download_credentials"), problem, "give another kind, or drop the table")
    if "oscore" not in group.management_spec.kinds:
        return
    if group.stack != "aiocoap":
        problem = "only devices on aiocoap have OSCORE"
        yield Finding(("groups", name, "credentials"), problem, 'set stack = "aiocoap" and management = "coap"')
    if isinstance(server, StartedServer | LeshanDemo) and server.kind != "aiocoap":
        problem = f"the {server.kind} server has no OSCORE"
        yield Finding(("groups", name, "credentials"), problem, 'set server = { kind = "aiocoap" }')


def _management(name: str, group: Group, server: Server | None) -> Iterator[Finding]:
    key = ("groups", name, "management")
    if group.management.endswith("+tcp") and group.lwm2m == "1.0":
        yield Finding(key, "LwM2M 1.0 has no management over TCP", 'set lwm2m = "1.1"')
    kind = server.kind if server is not None else ""
    offered = MANAGEMENT_OF.get(kind, MANAGEMENT)
    if group.management not in offered:
        yield Finding(key, f"a server of kind {kind} has no {group.management}", f"it has {', '.join(offered)}")
    elif kind == "aiocoap" and group.management == "coaps+tcp" and "x509" not in group.management_spec.kinds:
        mend = 'set kind = "x509", or leave it out'
        yield Finding(("groups", name, "credentials", "kind"), "the aiocoap reference takes certificates only", mend)


def _package(name: str, group: Group, firmware: Firmware | None) -> Iterator[Finding]:
    if firmware is None or group.delivery == "none":
        return
    if group.scheme.startswith("coap") and firmware.size > group.block_size * BLOCKS_MAX:
        mend = "raise `block_size`"
        yield Finding(("groups", name, "block_size"), "too small: a transfer has at most 2^20 blocks", mend)
    if group.flash < firmware.size and group.expect is None:
        yield Finding(
            ("groups", name, "flash"),
            f"{group.flash} bytes cannot take the package of {firmware.size} bytes",
            "raise `flash`, or declare the failure: expect = { state = 0, result = 2 }",
        )


def _refused_long(name: str, group: Group, draft: Draft) -> Iterator[Finding]:
    """A download with wrong credentials is tried again, as ``simulator.device.pull`` does, before it has failed."""
    campaign, retries = draft.campaign, group.pull_retries
    refused = group.delivery == "pull" and group.download_spec.wrong_for(group.transport) not in ("", "missing")
    if campaign is None or not refused or isinstance(draft.server, ExternalServer):
        return
    # A server that refuses does so within two flights; between attempts the waits double from ACK_TIMEOUT on.
    wait = (retries + 1) * 2 * group.dtls.timeout + group.coap.ack_timeout * (2.0**retries - 1)
    if wait > campaign.timeout:
        problem = f"a device that is refused tries again for up to {wait:.4g} s, the operator looks for "
        mend = "raise campaign.timeout, or lower `pull_retries`"
        yield Finding(("groups", name, "pull_retries"), f"{problem}{campaign.timeout:g} s only", mend)


def _campaign(draft: Draft) -> Iterator[Finding]:
    campaign = draft.campaign
    if campaign is None:
        return
    if isinstance(draft.server, ExternalServer):
        for key in ORDERS:
            if key in campaign.model_fields_set:
                yield Finding(("campaign", key), "an external server runs its own campaign", f"drop `{key}`")
    for position, name in enumerate(campaign.groups or ()):
        if name not in draft.group_names:
            mend = did_you_mean(name, draft.group_names)
            yield Finding(("campaign", "groups", position), f"there is no group {name!r}", mend)
        elif name in draft.groups and draft.groups[name].delivery == "none":
            mend = f"set groups.{name}.delivery to pull or push"
            yield Finding(("campaign", "groups", position), f"group {name!r} has no delivery", mend)
    updates = sum(group.count for group in _updated(draft).values())
    if campaign.execute.event == "all-downloaded" and updates > campaign.concurrency:
        yield Finding(
            ("campaign", "concurrency"),
            f"with execute = all-downloaded all {updates} updates are open at the same time",
            f"raise `concurrency` to {updates}",
        )


def _times(draft: Draft) -> Iterator[Finding]:
    campaign = draft.campaign
    # The default gives way to a shorter update; only what was written can be wrong.
    written = campaign is not None and "request_timeout" in campaign.model_fields_set
    if campaign is not None and written and campaign.request_timeout > campaign.timeout:
        yield Finding(("campaign", "request_timeout"), "longer than the time of a whole update", "lower it")
    if draft.run is None:
        return
    limit = draft.run.duration_max
    if draft.campaign is not None and draft.campaign.timeout > limit:
        yield Finding(("campaign", "timeout"), f"longer than run.duration_max of {limit:g} s", "lower it")
    devices = sum(group.count for group in draft.groups.values())
    if draft.arrivals is None or isinstance(draft.arrivals, AtOnce):
        return
    if isinstance(draft.arrivals, ConstantRate):
        key, fastest = "rate", draft.arrivals.rate
    else:
        key, fastest = "to", max(draft.arrivals.from_, draft.arrivals.to)
    if devices / fastest > limit:
        yield Finding(
            ("arrivals", key),
            f"{devices} devices take {devices / fastest:g} s to arrive, run.duration_max is {limit:g} s",
            "raise the rate or run.duration_max",
        )
