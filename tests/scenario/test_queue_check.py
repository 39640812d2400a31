"""Groups in queue mode: what is read, and what is refused."""

from __future__ import annotations

import pytest

from simulator.fleet.population import Population
from simulator.lwm2m.queue_mode import AWAKE_S, QueueMode
from simulator.scenario import ScenarioError, loads


def scenario(group, top=""):
    return loads(f"{top}\n[groups.a]\ncount = 1\n{group}")


@pytest.mark.parametrize(
    ("group", "mode"),
    [
        ("", None),
        ("queue_mode = {}", QueueMode(AWAKE_S, None)),
        ('queue_mode = { awake = "10 s", update_every = "50 s" }', QueueMode(10.0, 50.0)),
    ],
)
def test_a_group_may_be_in_queue_mode(group, mode):
    assert Population(scenario(group), 1).device(0).queue == mode


@pytest.mark.parametrize(
    ("group", "key", "message"),
    [
        ('management = "coap+tcp"\nqueue_mode = {}', "", "keeps no connection"),
        ('stack = "aiocoap"\nqueue_mode = {}', "", "on aiocoap the devices do not sleep"),
        ('queue_mode = { update_every = "93 s" }', ".update_every", "never sleeps"),
        ('queue_mode = { awake = "5 s", update_every = "2 min" }', ".update_every", "waits 60 s for an answer"),
        ('queue_mode = { awake = "0 s" }', ".awake", "0"),
    ],
)
def test_what_is_refused(group, key, message):
    with pytest.raises(ScenarioError) as caught:
        scenario(group)
    problems = [each for each in caught.value.problems if each.key == f"groups.a.queue_mode{key}"]
    assert message in str(problems[0])
    assert problems[0].mend


def test_an_operator_who_waits_is_taken():
    top = '[run]\nduration_max = "1 h"\n[campaign]\ntimeout = "20 min"\nrequest_timeout = "10 min"'
    scenario('queue_mode = { awake = "5 s", update_every = "5 min" }', top)
