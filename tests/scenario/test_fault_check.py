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


# -- what cannot strike ------------------------------------------------------------------------------------------------

EXTERNAL = '[server]\nkind = "external"\nhost = "127.0.0.1"\n'


def problems(text):
    with pytest.raises(ScenarioError) as caught:
        loads(text)
    return {each.key: str(each) for each in caught.value.problems}


@pytest.mark.parametrize(
    ("fault", "key", "message"),
    [
        ('kind = "packet-loss"\nrate = "0 %"', "rate", "with a rate of 0 the fault never strikes"),
        ('kind = "packet-loss"\nprobability = "0 %"', "rate", "with a rate of 0 the fault never strikes"),
        ('kind = "flash-slow"\nprobability = "0 %"', "probability", "with a probability of 0 the fault never strikes"),
        ('kind = "link-partition"\nlasts = "0 s"', "lasts", "does nothing"),
        ('kind = "device-sleeps"\nlasts = "0 s"', "lasts", "does nothing"),
        ('kind = "answers-late"\ntime = "0 s"', "time", "does nothing"),
        ('kind = "flash-write-error"\nat = { block = 65 }', "at", "the package has 64 blocks of 1024 bytes"),
        ('kind = "flash-bad-block"\nat = "64 KiB"', "at", "the package has 65536 bytes, the fault never strikes"),
        ('kind = "flash-too-small"\ncapacity = "64 KiB"', "capacity", "the package fits into 65536 bytes"),
        ('kind = "install-slow"\ntime = "4 min"', "time", "the operator looks for 180 s only, and sees no end"),
        ('kind = "power-cut"\nlasts = "4 min"', "lasts", "the operator looks for 180 s only, and sees no end"),
    ],
)
def test_what_does_nothing_or_has_no_end_is_refused(fault, key, message):
    found = problems(f"[groups.a]\ncount = 1\n[[groups.a.faults]]\n{fault}")
    assert list(found) == [f"groups.a.faults[0].{key}"]
    assert message in found[f"groups.a.faults[0].{key}"]


@pytest.mark.parametrize("kind", ["image-corrupt", "connection-lost", "push-block-refused"])
def test_a_share_of_what_only_an_external_server_knows_is_refused(kind):
    group = PUSH if kind == "push-block-refused" else ""
    text = f'{EXTERNAL}[groups.a]\ncount = 1\n{group}[[groups.a.faults]]\nkind = "{kind}"\n'
    [(_, problem)] = problems(text).items()
    assert "nobody knows what 50 % of a package are that the external server has" in problem
    for told in ('[firmware]\nsize = "1 MiB"\n', ""):
        loads(f"{told}{text}" + ("" if told else 'at = "100 KiB"'))


@pytest.mark.parametrize(
    ("kind", "group", "message", "cause"),
    [
        (
            "resume-misplaced",
            "",
            "do not restart in the middle of a download",
            '[[groups.a.faults]]\nkind = "power-cut"',
        ),
        ("resume-etag-differs", "", "do not restart in the middle", '[[groups.a.faults]]\nkind = "power-cut"'),
        ("push-restart-ignored", PUSH, "no push begins anew", "[campaign]\nretries = 1"),
        ("push-restart-ignored", PUSH, "no push begins anew", '[[groups.a.faults]]\nkind = "push-block-refused"'),
    ],
)
def test_what_strikes_only_after_something_else_needs_that(kind, group, message, cause):
    text = f'[groups.a]\ncount = 1\n{group}[[groups.a.faults]]\nkind = "{kind}"\nexpect = {{ state = 0, result = 1 }}\n'
    assert message in problems(text)["groups.a.faults[0].kind"]
    loads(f"{text}\n{cause}")


def test_how_large_the_package_of_an_external_server_is_nobody_knows():
    text = '[groups.a]\ncount = 1\n[[groups.a.faults]]\nkind = "flash-too-small"\ncapacity = "1 MiB"'
    loads(EXTERNAL + text)
    assert problems(f'{EXTERNAL}[firmware]\nsize = "1 MiB"\n{text}')


@pytest.mark.parametrize(
    ("chaos", "group", "key", "message"),
    [
        (
            "[server.chaos]\nskips_block = true",
            "",
            "server.chaos.skips_block",
            "no group is pushed to over coap or coaps",
        ),
        ("[server.chaos]\nalters_push = true", "", "server.chaos.alters_push", "no group is pushed to"),
        (
            '[server.chaos]\ndrops = "5 %"',
            'management = "coap+tcp"',
            "server.chaos.drops",
            "no group is managed over coap or coaps",
        ),
        ('[firmware.chaos]\nbreaks = "5 %"', "", "firmware.chaos.breaks", "no group pulls over a stream"),
        ('[firmware.chaos]\ndrops = "5 %"', 'transport = "http"', "firmware.chaos.drops", "no group pulls over coap"),
        ('[firmware.chaos]\nsilent = "5 %"', PUSH, "firmware.chaos", "no group pulls"),
    ],
)
def test_chaos_that_nobody_meets_is_refused(chaos, group, key, message):
    found = problems(f"{chaos}\n[groups.a]\ncount = 1\n{group}")
    assert list(found) == [key]
    assert message in found[key]
    other = "delivery = 'push'" if key.startswith("server") else "transport = 'coap+tcp'" if "breaks" in key else ""
    loads(f"{chaos}\n[groups.a]\ncount = 1\n{group}\n[groups.b]\ncount = 1\n{other}")


def test_everything_that_cannot_strike_is_told_at_once():
    """The faults that cannot be read at all (the second and the fourth) hide nothing of the others."""
    text = """
[groups.a]
count = 10
download_credentials = { wrong = "expired" }
[[groups.a.faults]]
kind = "connection-lost"
how = "reset"
[[groups.a.faults]]
kind = "no-such-kind"
[[groups.a.faults]]
kind = "power-cut"
at = { state = "idle" }
[[groups.a.faults]]
kind = "image-corrupt"
bits = 0
[[groups.a.faults]]
kind = "push-block-refused"
[[groups.a.faults]]
kind = "flash-too-small"
capacity = "1 MiB"
share = "90 %"
[[groups.a.faults]]
kind = "install-fails"
share = "20 %"
[[groups.a.faults]]
kind = "packet-loss"
share = "150 %"
[[groups.a.faults]]
kind = "packet-delay"
count = 11
[server.chaos]
skips_block = true
"""
    found = problems(text)
    faults = "groups.a.faults"
    assert set(found) == {
        "groups.a.download_credentials.wrong",
        f"{faults}[0].how",
        f"{faults}[1].kind",
        f"{faults}[2].at",
        f"{faults}[3].bits",
        f"{faults}[4].kind",
        f"{faults}[5].capacity",
        f"{faults}[7].share",
        f"{faults}[8].count",
        faults,
        "server.chaos.skips_block",
    }
    assert "expired does not show over coap" in found["groups.a.download_credentials.wrong"]
    assert "have shares of 210% in all" in found[faults]
