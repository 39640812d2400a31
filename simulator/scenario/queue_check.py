"""Checks of groups in queue mode: who can sleep, and who is still there when the devices wake up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from simulator.scenario.problems import Finding
from simulator.scenario.server import ExternalServer

if TYPE_CHECKING:
    from simulator.scenario.check import Draft
    from simulator.scenario.devices import Group


def check_queue_mode(name: str, group: Group, draft: Draft) -> Iterator[Finding]:
    """What keeps a group from sleeping, or its server and the operator from waiting for it."""
    queue = group.queue_mode
    if queue is None:
        return
    key = ("groups", name, "queue_mode")
    if group.management.endswith("+tcp"):
        problem = f"a device that sleeps keeps no connection, and these are managed over {group.management}"
        yield Finding(key, problem, "set `management` to coap or coaps, or drop `queue_mode`")
    if group.stack != "own":
        yield Finding(key, f"on {group.stack} the devices do not sleep", "set `stack` to own, or drop `queue_mode`")
    every = queue.update_every
    if every is None:
        return
    if every <= queue.awake:
        problem = f"a device that wakes up every {every:g} s and listens for {queue.awake:g} s never sleeps"
        yield Finding((*key, "update_every"), problem, "raise it, or lower `awake`")
    campaign = draft.campaign
    if campaign is None or isinstance(draft.server, ExternalServer):
        return
    patience = min(campaign.request_timeout, campaign.timeout)
    if every > patience:
        problem = f"the devices wake up every {every:g} s, and the operator waits {patience:g} s for an answer"
        mend = "raise campaign.request_timeout (and campaign.timeout), or lower it"
        yield Finding((*key, "update_every"), problem, mend)


__all__ = ["check_queue_mode"]
