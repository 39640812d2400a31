"""Which faults a group cannot have, and what the scenario is told to do about it."""

from __future__ import annotations

import pytest

from simulator.scenario import ScenarioError, loads

PUSH = 'delivery = "push"\n'


def scenario(fault, group="", campaign=""):
    return loads(f"{campaign}\n[groups.a]\ncount = 10\n{group}\n[[groups.a.faults]]\n{fault}")


@pytest.mark.parametrize(
    ("fault", "group", "key", "message"),
    [
        ('kind = "update-cancelled"', 'profile = "zephyr"', "state", "needs object 5 in version 1.1"),
        ('kind = "update-cancelled"\nstate = "downloading"', PUSH, "state", "writes it again from its first block"),
        ('kind = "update-early"', f'{PUSH}profile = "anjay"', "state", "does not show this state during a push"),
        ('kind = "package-cleared"\nstate = "idle"', 'profile = "zephyr"', "state", "takes one NUL for an image"),
        (
            'kind = "scheme-not-listed"',
            'protocols = ["coap", "coap+tcp", "http"]',
            "kind",
            "no origin that they cannot",
        ),
        ('kind = "origin-stalls"', PUSH, "kind", "cannot strike a push"),
        ('kind = "power-cut"', 'profile = "zephyr"', "kind", "keep nothing over a reboot"),
        ('kind = "power-cut"\nat = { state = "downloaded" }', "", "at", "would find nobody"),
        ('kind = "power-cut"\nafter = { state = "idle" }', "", "after", "nothing is lost"),
        ('kind = "power-cut"', PUSH, "kind", "cannot strike a push"),
        ('kind = "mtu-black-hole"\nsize = "2 KiB"', "", "size", "make no packet of more than 2048 bytes"),
        ('kind = "push-block-refused"', "", "kind", "cannot strike a pull"),
        ('kind = "update-deferred"', 'lwm2m = "1.0"', "kind", "needs object 5 in version 1.1"),
        ('kind = "battery-low"', 'profile = "zephyr"', "kind", "needs object 5 in version 1.1"),
        ('kind = "packet-burst-loss"', 'transport = "http"', "kind", "strikes datagrams"),
        ('kind = "answers-late"', 'stack = "aiocoap"', "kind", "cannot strike the stack aiocoap"),
        ('kind = "answers-late"\ntime = "2 min"', "", "time", "1 answers take 120 s, the operator waits 60 s only"),
        (
            'kind = "clock-jump"\nby = "40 d"',
            'management = "coaps+tcp"',
            "by",
            "certificate of the coaps+tcp server is not",
        ),
        ('kind = "update-late"', "", "kind", "a registration lasts 86400 s, the operator looks for 180 s only"),
        ('kind = "user-cancels"', 'lwm2m = "1.0"', "kind", "needs object 5 in version 1.1"),
        ('kind = "user-cancels"\nat = { state = "updating" }', "", "at", "nothing that a user could call off"),
        ('kind = "update-deferred"\nthen = "cancel"', "", "then", "never makes up his mind"),
    ],
)
def test_what_is_refused(fault, group, key, message):
    with pytest.raises(ScenarioError) as caught:
        scenario(fault, group)
    [problem] = caught.value.problems
    assert problem.key == f"groups.a.faults[0].{key}"
    assert message in str(problem)
    assert problem.mend


@pytest.mark.parametrize(
    ("fault", "group"),
    [
        ('kind = "update-cancelled"\nstate = "downloading"', ""),
        ('kind = "user-cancels"\nat = { state = "downloading" }', PUSH),
        ('kind = "update-deferred"\nlasts = "10 s"\nthen = "cancel"', ""),
        ('kind = "update-late"', 'lifetime = "30 s"'),
        ('kind = "clock-jump"\nby = "40 d"', 'management = "coaps"'),
        ('kind = "clock-jump"\nby = "40 d"\nlasts = "1 s"', 'management = "coaps+tcp"'),
        ('kind = "update-cancelled"', PUSH),
        ('kind = "second-uri"\nstate = "downloading"', PUSH),
        ('kind = "scheme-not-listed"', 'protocols = ["coap", "http"]'),
        ('kind = "power-cut"\nat = { state = "updating" }', ""),
        ('kind = "mtu-black-hole"\nsize = "1 KiB"', ""),
        ('kind = "mtu-black-hole"\nsize = "2 KiB"', 'transport = "http"'),
        ('kind = "connection-lost"\nafter = "20 KiB"\nheals = "10 s"', ""),
        ('kind = "message-lost"\nway = "down"\nat = { message = 3 }', ""),
        ('kind = "link-partition"\nat = { state = "updating" }', 'transport = "https"'),
    ],
)
def test_what_is_taken(fault, group):
    [read] = scenario(fault, group).groups["a"].faults
    assert read.kind in fault


def test_devices_that_keep_nothing_may_lose_their_power_where_the_operator_orders_again():
    again, profile = "[campaign]\nretries = 1\n", 'profile = "zephyr"'
    [read] = scenario('kind = "power-cut"', profile, again).groups["a"].faults
    assert read.expected is None
    for installing in ('kind = "power-cut"\nat = { state = "updating" }', 'kind = "install-power-cut"'):
        with pytest.raises(ScenarioError, match="keep nothing over a reboot"):
            scenario(installing, profile, again)


@pytest.mark.parametrize(
    "fault", ['kind = "push-block-refused"\ncode = "4.13"', 'kind = "link-partition"\nlasts = "2 min"']
)
def test_a_push_that_nobody_goes_on_with_takes_its_time(fault):
    with pytest.raises(ScenarioError, match=r"a device gives up a push after up to (247|367) s"):
        scenario(fault, PUSH, '[campaign]\ntimeout = "4 min"\n')
    scenario(fault, PUSH, '[campaign]\ntimeout = "8 min"\n')


def test_ends_follow_from_the_parameters():
    def end(fault, group=""):
        return scenario(fault, group).groups["a"].faults[0].expected

    assert end('kind = "update-cancelled"') == (0, 10)
    assert end('kind = "update-cancelled"\nstate = "updating"') is None
    assert end('kind = "uri-unparsable"', 'profile = "zephyr"') == (0, 7)
    assert end('kind = "uri-not-found"', 'profile = "zephyr"') == (0, 4)
    assert end('kind = "nat-rebind"') is None
    assert end('kind = "nat-rebind"', 'transport = "coaps"') == (0, 4)
    assert end('kind = "nat-rebind"', 'transport = "https"\npull_retries = 1') is None
    assert end('kind = "package-replaced"', 'transport = "http"') == (0, 4)
    assert end('kind = "battery-low"\nlasts = "1 min"') is None
