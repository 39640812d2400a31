"""Devices of both stacks in one run: what they go through is the same."""

from __future__ import annotations

import pytest

from simulator.events import DeviceEnded, StateChanged, UpdateEnded
from simulator.lwm2m.firmware_table import ALLOWED, State, UpdateResult
from simulator.network.profiles import NetworkProfile
from simulator.scenario import loads
from tests.simulation.world import simulate
from tests.stacks.socket_fleet import run_fleet

BOTH = """
[firmware]
size = "20 KiB"
[devices]
boot_time = "50 ms"
install_time = "50 ms"
block_size = 512
coap = { ack_timeout = "250 ms", max_retransmit = 2 }
"""
GROUP = """
[groups.{name}-{stack}]
count = {count}
stack = "{stack}"
delivery = "{delivery}"
"""
LOST = """
[[groups.lost-{stack}.faults]]
kind = "connection-lost"
after = "50 %"
"""


def scenario(lost=20, push=15, pull=15):
    text = BOTH
    for stack in ("own", "aiocoap"):
        text += GROUP.format(name="pull", stack=stack, count=pull, delivery="pull")
        text += GROUP.format(name="push", stack=stack, count=push, delivery="push")
        text += GROUP.format(name="lost", stack=stack, count=lost, delivery="pull") + LOST.format(stack=stack)
    return loads(text)


@pytest.mark.slow
async def test_fifty_devices_of_each_stack_go_through_the_same():
    outcome = await run_fleet(scenario())
    assert sum(map(len, outcome.groups.values())) == 100
    for seen in (outcome.states, outcome.verdicts, outcome.versions):
        for kind in ("pull", "push", "lost"):
            assert seen[f"{kind}-own"] == seen[f"{kind}-aiocoap"], kind
            assert len(seen[f"{kind}-own"]) == 1
    assert outcome.verdicts["pull-own"] == outcome.verdicts["lost-own"] == {("ok",)}
    assert outcome.versions["pull-aiocoap"] == {(("2.0.0", False),)}  # De-registered at the end
    (lost,) = outcome.states["lost-aiocoap"]
    assert [state[:2] for state in lost] == [(1, 0), (0, 4)]
    for kind in ("pull", "push"):
        assert outcome.transfers[f"{kind}-own"] == outcome.transfers[f"{kind}-aiocoap"]


ROUGH = NetworkProfile("rough", delay_s=0.03, jitter_s=0.08, loss=0.03, duplicate=0.03, reorder=0.05, mtu=1500)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rough_network_and_power_cuts_in_virtual_time(seed):
    both = scenario(lost=4, push=8, pull=8)
    first = simulate(both, seed, ROUGH, reboots=10)
    for event in first.log.events:
        if isinstance(event, StateChanged):
            assert UpdateResult(event.result) in ALLOWED[State(event.state)], event
    updates = [event for event in first.log.events if isinstance(event, UpdateEnded)]
    assert sorted(update.device for update in updates) == list(range(40))
    assert len([event for event in first.log.events if isinstance(event, DeviceEnded)]) == 40
    assert sum(update.outcome == "ok" for update in updates) > 30
    second = simulate(both, seed, ROUGH, reboots=10)
    assert first.log.to_bytes() == second.log.to_bytes()
