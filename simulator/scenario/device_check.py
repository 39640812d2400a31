"""Checks of faults of whole devices and of their links: which of them a group can have, and see the end of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from simulator.faults.clock import beyond_certificates
from simulator.faults.decision import CANCEL
from simulator.faults.triggers import STATE
from simulator.scenario.problems import Finding, Key
from simulator.transport.secure import SECURE_SCHEMES

if TYPE_CHECKING:
    from simulator.scenario.devices import Fault, Group
    from simulator.scenario.faults import FaultKind

AROUND_BLOCK: Final = 64
"""Bytes that stand at most around a block in a datagram: header, token, options, and the record of DTLS."""


def check_device(key: Key, kind: FaultKind, fault: Fault, group: Group, retries: int) -> Iterator[Finding]:
    """What keeps a fault from striking, or from coming to an end that somebody can see.

    ``retries`` is how often the operator orders again what a device forgot.
    """
    if kind.seam == "power":
        yield from _power(key, kind, fault, group, retries)
    if kind.seam == "clock":
        yield from _clock(key, fault, group)
    if kind.seam == "decision":
        yield from _decision(key, kind, fault)
    size = fault.parameters.get("size")
    if fault.kind == "mtu-black-hole" and group.scheme in ("coap", "coaps") and isinstance(size, int | float):
        largest = group.block_size + AROUND_BLOCK
        if size >= largest:
            problem = f"blocks of {group.block_size} bytes make no packet of more than {size:g} bytes"
            yield Finding((*key, "size"), problem, f"choose less than {largest}, or raise `block_size`")


def _power(key: Key, kind: FaultKind, fault: Fault, group: Group, retries: int) -> Iterator[Finding]:
    place = kind.timing(fault.parameters).place
    installing = kind.name != "power-cut" or (place is not None and place.value == "updating")
    if not group.habits.keeps_over_reboot and (installing or not retries):
        problem = "these devices keep nothing over a reboot, so that the update ends without a result"
        mend = 'use another profile, or the switch "state-kept-over-reboot"'
        again = "" if installing else ", or have the operator order it again (campaign.retries)"
        yield Finding((*key, "kind"), problem, mend + again)
    if place is not None and place.unit == STATE and place.value in ("idle", "downloaded"):
        written = "at" if "at" in fault.parameters else "after"
        problem = (
            "the next request of the operator would find nobody" if place.value == "downloaded" else "nothing is lost"
        )
        yield Finding((*key, written), f"in state {place.value} {problem}", "choose downloading or updating")


def _clock(key: Key, fault: Fault, group: Group) -> Iterator[Finding]:
    """Whether the device finds its way back to its server after the restart."""
    by_certificate = group.management in SECURE_SCHEMES and "x509" in group.management_spec.kinds
    if by_certificate and "lasts" not in fault.parameters and beyond_certificates(fault.parameters):
        problem = f"by such a clock the certificate of the {group.management} server is not valid: nobody sees the end"
        yield Finding((*key, "by"), problem, "set `lasts`, choose less, or manage the devices by another transport")


def _decision(key: Key, kind: FaultKind, fault: Fault) -> Iterator[Finding]:
    place = kind.timing(fault.parameters).place
    if place is not None and place.unit == STATE and place.value in ("idle", "updating"):
        written = "at" if "at" in fault.parameters else "after"
        problem = f"in state {place.value} there is nothing that a user could call off"
        yield Finding((*key, written), problem, "choose downloading or downloaded")
    if fault.parameters.get("then") == CANCEL and "lasts" not in fault.parameters:
        yield Finding((*key, "then"), "a user who never makes up his mind does not cancel either", "set `lasts`")


__all__ = ["check_device"]
