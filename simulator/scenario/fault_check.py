"""Checks the faults of a group against the group and the rest of the scenario: refuses what cannot strike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulator.faults.triggers import SHARE, STATE, TIME
from simulator.firmware.variants import GARBAGE
from simulator.scenario.answer_check import check_answers
from simulator.scenario.device_check import check_device
from simulator.scenario.orders import check_order
from simulator.scenario.problems import Finding, Key
from simulator.scenario.server import ExternalServer
from simulator.scenario.strike_check import check_strike, known_size
from simulator.transport.http_limits import DEFAULT_HTTP_LIMITS

if TYPE_CHECKING:
    from simulator.scenario.campaign import Campaign
    from simulator.scenario.check import Draft
    from simulator.scenario.devices import Fault, Group
    from simulator.scenario.faults import FaultKind, Kinds

WAITING: Final = frozenset({"push-block-refused", "push-answer-lost", "link-partition"})
"""After these a device waits for a push that may never go on."""
DATAGRAMS: Final = frozenset({"coap", "coaps"})
"""Transports over a datagram port; the others are over a stream port."""


def check_faults(name: str, group: Group, kinds: Kinds, draft: Draft) -> Iterator[Finding]:
    """What is wrong with the faults of one group."""
    places = draft.fault_places.get(name, tuple(range(len(group.faults))))
    for position, fault in zip(places, group.faults, strict=True):
        key = ("groups", name, "faults", position)
        kind = kinds[fault.kind]
        yield from _carried(key, fault, group)
        yield from _transfer(key, fault, kind, group)
        if kind.seam == "order" and isinstance(draft.server, ExternalServer):
            mend = "use a server that the run drives"
            yield Finding((*key, "kind"), f"{fault.kind} needs an order that an external server gives itself", mend)
        if kind.seam == "decision" and group.habits.object_version(group.lwm2m) == "1.0":
            mend = 'set lwm2m = "1.1" and object_version = "1.1"'
            yield Finding((*key, "kind"), f"{fault.kind} needs object 5 in version 1.1, which these devices lack", mend)
        yield from check_order(key, kind.order, fault, group)
        yield from check_device(key, kind, fault, group, draft.campaign.retries if draft.campaign is not None else 0)
        yield from check_strike(key, kind, fault, group, draft)
        if kind.order == "trailing" and draft.firmware is not None and group.flash < draft.firmware.size + GARBAGE:
            problem = f"a flash of {group.flash} bytes has no room for what is behind the package, and refuses it"
            yield Finding((*key, "kind"), problem, f"raise `flash` of the group by {GARBAGE} B")
        yield from _place(key, fault, kind, group, draft)
        yield from _gives_up_late(key, fault, group, draft.campaign)
        yield from _registered_longer(key, fault, group, draft.campaign)
        yield from check_answers(key, kind, fault, group, draft)
    yield from _one_end_each(name, group)


def _carried(key: Key, fault: Fault, group: Group) -> Iterator[Finding]:
    if fault.devices is not None and fault.devices > group.count:
        problem = f"{fault.devices} devices are to carry it, the group has {group.count}"
        yield Finding((*key, "count"), problem, f"write at most {group.count}, or raise the count of the group")


def _transfer(key: Key, fault: Fault, kind: FaultKind, group: Group) -> Iterator[Finding]:
    """What the transfer of the group has not got."""
    if group.delivery != "none" and group.delivery not in kind.deliveries:
        mend = f"use it in a group with delivery = {' or '.join(sorted(kind.deliveries))}"
        yield Finding((*key, "kind"), f"{fault.kind} cannot strike a {group.delivery}", mend)
    if kind.seam == "datagram" and group.scheme not in DATAGRAMS:
        mend = "use it over coap or coaps; a stream loses nothing, but `network` with a loss makes it wait"
        problem = f"{fault.kind} strikes datagrams, and the package of this group comes over a {group.scheme} stream"
        yield Finding((*key, "kind"), problem, mend)
    elif group.scheme not in kind.schemes:
        problem = f"{fault.kind} cannot strike over {group.scheme}"
        yield Finding((*key, "kind"), problem, f"use it over {', '.join(sorted(kind.schemes))}")
    if group.scheme in DATAGRAMS and fault.parameters.get("how", "silent") != "silent":
        mend = 'set how = "silent", or use it in a group whose transport is a stream'
        problem = f"there is no connection over {group.scheme} that could be {fault.parameters['how']}"
        yield Finding((*key, "how"), problem, mend)


def _one_end_each(name: str, group: Group) -> Iterator[Finding]:
    decisive = [fault for fault in group.faults if fault.decisive]
    shares = sum(fault.share if fault.devices is None else fault.devices / max(group.count, 1) for fault in decisive)
    if shares > 1 + 1e-9:
        yield Finding(
            ("groups", name, "faults"),
            f"faults that decide how an update ends have shares of {shares:.0%} in all, and a device ends one way only",
            "lower the shares to 100 % in all, or use one more group",
        )


def _place(key: Key, fault: Fault, kind: FaultKind, group: Group, draft: Draft) -> Iterator[Finding]:
    """A place that the update of this group does not have, or that nobody can know."""
    place = kind.timing(fault.parameters).place
    if place is None:
        return
    written = (*key, next((name for name in ("at", "after") if name in fault.parameters), "kind"))
    if place.unit == SHARE and draft.firmware is not None and known_size(draft) is None:
        problem = f"nobody knows what {place} of a package are that the external server has"
        yield Finding(written, problem, "set firmware.size or firmware.file to that of the server, or write bytes")
    hidden = group.delivery == "push" and not group.habits.shows_downloading_on_push
    if hidden and (place.unit == TIME or (place.unit, place.value) == (STATE, "downloading")):
        problem = "these devices have no State 1 (Downloading) in a push, so nothing begins there"
        yield Finding(written, problem, 'use bytes or a block, or the switch "push-shown"')


def _gives_up_late(key: Key, fault: Fault, group: Group, campaign: Campaign | None) -> Iterator[Finding]:
    if fault.expected != (0, 4) or fault.parameters.get("how", "silent") != "silent":
        return
    if group.delivery == "push":
        if fault.kind in WAITING:
            yield from _waits_for_blocks(key, fault, group, campaign)
        return
    wait = DEFAULT_HTTP_LIMITS.idle_s if group.scheme.startswith("http") else group.coap.max_transmit_wait_s
    wait *= group.attempts_in_silence
    if campaign is not None and fault.kind in ("connection-lost", "host-dead") and wait > campaign.timeout:
        yield Finding(
            (*key, "kind"),
            f"a device takes up to {wait:g} s to give up a lost connection, the operator looks for "
            f"{campaign.timeout:g} s only",
            "raise campaign.timeout, or lower pull_retries, or ack_timeout or max_retransmit of a group over CoAP",
        )


def _registered_longer(key: Key, fault: Fault, group: Group, campaign: Campaign | None) -> Iterator[Finding]:
    if fault.kind == "update-late" and campaign is not None and group.lifetime > campaign.timeout:
        problem = f"a registration lasts {group.lifetime:g} s, the operator looks for {campaign.timeout:g} s only"
        yield Finding((*key, "kind"), problem, "lower `lifetime` of the group, or raise campaign.timeout")


def _waits_for_blocks(key: Key, fault: Fault, group: Group, campaign: Campaign | None) -> Iterator[Finding]:
    """A push that nobody goes on with is over when no message of it can be under way any more (RFC 7252 §4.8.2)."""
    wait = group.coap.parameters.EXCHANGE_LIFETIME + float(fault.parameters.get("lasts", 0.0))
    if campaign is not None and wait > campaign.timeout:
        problem = f"a device gives up a push after up to {wait:g} s, the operator looks for {campaign.timeout:g} s only"
        yield Finding((*key, "kind"), problem, "raise campaign.timeout, or lower coap.max_latency of the group")
