"""Checks across sections: each has a scenario that it refuses and a neighbour that it takes."""

import pytest

from simulator.scenario import ScenarioError, loads

PULL = "[groups.a]\ncount = 10\n"
PUSH = '[groups.a]\ncount = 10\ndelivery = "push"\n'

CASES = [
    # refused, key, message, accepted
    (
        PUSH + 'transport = "http"',
        "groups.a.transport", "a push comes by the management transport, coap, not http",
        PULL + 'transport = "http"',
    ),
    (
        PUSH + 'transport = "coap+tcp"',
        "groups.a.transport", "a push comes by the management transport, coap, not coap+tcp",
        PULL + 'transport = "coap+tcp"',
    ),
    (
        PULL + 'management = "coap+tcp"\nlwm2m = "1.0"',
        "groups.a.management", "LwM2M 1.0 has no management over TCP",
        PULL + 'management = "coap+tcp"',
    ),
    (
        '[server]\nkind = "leshan"\n' + PULL + 'management = "coap+tcp"',
        "groups.a.management", "a server of kind leshan has no coap+tcp",
        '[server]\nkind = "leshan"\n' + PULL + 'management = "coaps"',
    ),
    (
        '[server]\nkind = "aiocoap"\n' + PULL + 'management = "coaps+tcp"\n[groups.a.credentials]\nkind = "psk"',
        "groups.a.credentials.kind", "the aiocoap reference takes certificates only",
        '[server]\nkind = "aiocoap"\n' + PULL + 'management = "coaps+tcp"',
    ),
    (
        PULL + 'protocols = ["http"]',
        "groups.a.protocols", "the devices are to pull over coap",
        PULL + 'protocols = ["http"]\nexpect = { state = 0, result = 9 }',
    ),
    (
        PULL + 'stack = "aiocoap"\nmanagement = "coaps"',
        "groups.a.stack", "on aiocoap the devices are managed over coap only",
        PULL + 'stack = "aiocoap"\ntransport = "http"',
    ),
    (
        '[server]\nkind = "aiocoap"\n' + PULL + '[groups.a.credentials]\nkind = "oscore"',
        "groups.a.credentials", "only devices on aiocoap have OSCORE",
        '[server]\nkind = "aiocoap"\n' + PULL + 'stack = "aiocoap"\n[groups.a.credentials]\nkind = "oscore"',
    ),
    (
        PULL + 'stack = "aiocoap"\n[groups.a.credentials]\nkind = "oscore"',
        "groups.a.credentials", "the embedded server has no OSCORE",
        '[server]\nkind = "external"\nhost = "127.0.0.1"\n' + PULL + 'stack = "aiocoap"\n'
        '[groups.a.credentials]\nkind = "oscore"',
    ),
    (
        PULL + 'stack = "aiocoap"\n[groups.a.download_credentials]\nkind = "oscore"',
        "groups.a.download_credentials", "the package origins of a run have no OSCORE",
        PULL + 'stack = "aiocoap"\n[groups.a.download_credentials]\nkind = "psk"',
    ),
    (
        PULL + 'transport = "https"\n[groups.a.credentials]\nkind = "psk"\nwrong = "expired"',
        "groups.a.credentials", "a credential of kind psk cannot be expired",
        PULL + 'transport = "https"\n[groups.a.credentials]\nkind = "x509"\nwrong = "expired"',
    ),
    *(
        (
            PULL + f'transport = "{transport}"\n[[groups.a.faults]]\nkind = "packet-loss"\nrate = "1 %"',
            "groups.a.faults[0].kind", f"the package of this group comes over a {transport} stream",
            PULL + f'transport = "{transport}"\n[[groups.a.faults]]\nkind = "connection-lost"\nhow = "reset"',
        )
        for transport in ("coap+tcp", "http")
    ),
    (
        PUSH + 'management = "coaps+tcp"\n[[groups.a.faults]]\nkind = "packet-loss"\nrate = "1 %"',
        "groups.a.faults[0].kind", "the package of this group comes over a coaps+tcp stream",
        PUSH + 'management = "coaps"\n[[groups.a.faults]]\nkind = "packet-loss"\nrate = "1 %"',
    ),
    (
        PULL + '[[groups.a.faults]]\nkind = "connection-lost"\nhow = "reset"',
        "groups.a.faults[0].how", "no connection over coap that could be reset",
        PULL + 'transport = "http"\n[[groups.a.faults]]\nkind = "connection-lost"\nhow = "reset"',
    ),
    (
        PULL + 'transport = "http"\n[[groups.a.faults]]\nkind = "connection-lost"\nhow = "broken"',
        "groups.a.faults[0].how", "'broken' is not possible here",
        PULL + 'transport = "http"\n[[groups.a.faults]]\nkind = "connection-lost"\nhow = "silent"',
    ),
    (
        PULL + 'profile = "zephyr"\n[[groups.a.faults]]\nkind = "connection-lost"\n[campaign]\ntimeout = "371 s"',
        "groups.a.faults[0].kind", "a device takes up to 372 s to give up",
        PULL + 'pull_retries = 2\n[[groups.a.faults]]\nkind = "connection-lost"\n'
        '[campaign]\ntimeout = "371 s"',
    ),
    (
        PULL + 'transport = "http"\n[[groups.a.faults]]\nkind = "connection-lost"\n[campaign]\ntimeout = "59 s"',
        "groups.a.faults[0].kind", "a device takes up to 60 s to give up",
        PULL + 'transport = "http"\n[[groups.a.faults]]\nkind = "connection-lost"\nhow = "reset"\n'
        '[campaign]\ntimeout = "59 s"',
    ),
    (
        PULL + 'transport = "coap+tcp"\nblock_size = 16\nflash = "1 GiB"\n[firmware]\nsize = "17 MiB"',
        "groups.a.block_size", "at most 2^20 blocks",
        PULL + 'transport = "http"\nblock_size = 16\nflash = "1 GiB"\n[firmware]\nsize = "17 MiB"',
    ),
    (
        PUSH + '[[groups.a.faults]]\nkind = "connection-lost"',
        "groups.a.faults[0].kind", "connection-lost cannot strike a push",
        PULL + '[[groups.a.faults]]\nkind = "connection-lost"',
    ),
    (
        PULL + 'flash = "32 KiB"',
        "groups.a.flash", "32768 bytes cannot take the package of 65536 bytes",
        PULL + 'flash = "32 KiB"\nexpect = { state = 0, result = 2 }',
    ),
    (
        PULL + 'delivery = "none"\n[[groups.a.faults]]\nkind = "install-fails"',
        "groups.a.faults", "faults have no update to act on",
        PULL + 'delivery = "none"',
    ),
    (
        PULL + '[[groups.a.faults]]\nkind = "flash-too-small"\ncapacity = "64 KiB"',
        "groups.a.faults[0].capacity", "the fault never strikes",
        PULL + '[[groups.a.faults]]\nkind = "flash-too-small"\ncapacity = "63 KiB"',
    ),
    (
        PULL + '[[groups.a.faults]]\nkind = "connection-lost"\n[campaign]\ntimeout = "90 s"',
        "groups.a.faults[0].kind", "a device takes up to 93 s to give up",
        PULL + 'coap.max_retransmit = 2\n[[groups.a.faults]]\nkind = "connection-lost"\n[campaign]\ntimeout = "90 s"',
    ),
    (
        PULL + '[[groups.a.faults]]\nkind = "install-fails"\nshare = "60 %"\n'
        '[[groups.a.faults]]\nkind = "image-corrupt"\nshare = "50 %"',
        "groups.a.faults", "shares of 110% in all",
        PULL + '[[groups.a.faults]]\nkind = "install-fails"\nshare = "60 %"\n'
        '[[groups.a.faults]]\nkind = "image-corrupt"\nshare = "40 %"\n'
        '[[groups.a.faults]]\nkind = "packet-loss"\nrate = "1 %"',
    ),
    (
        PULL + '[[groups.a.faults]]\nkind = "uri-not-found"\n[server]\nkind = "external"\nhost = "10.0.0.1"',
        "groups.a.faults[0].kind", "an order that an external server gives itself",
        PULL + '[[groups.a.faults]]\nkind = "install-fails"\n[server]\nkind = "external"\nhost = "10.0.0.1"',
    ),
    (
        PULL + '[server]\nkind = "external"\nhost = "10.0.0.1"\n[campaign]\nconcurrency = 5',
        "campaign.concurrency", "an external server runs its own campaign",
        PULL + '[server]\nkind = "external"\nhost = "10.0.0.1"\n[campaign]\ntimeout = "2 min"',
    ),
    (
        PULL + 'from_version = "2.0.0"', "groups.a.from_version", "devices that run 2.0.0 already",
        PULL + 'from_version = "2.0.0-rc1"',
    ),
    (PULL + '[firmware]\nversion = "1.0.0"', "firmware.version", "the same version",
     PULL + '[firmware]\nversion = "1"'),
    (PULL + '[firmware]\nsize = "127 B"', "firmware.size", "at least 128 bytes", PULL + '[firmware]\nsize = "128 B"'),
    (PUSH + "[firmware]\nprocesses = 2", "firmware.processes", "no group pulls", PUSH + "[firmware]\nprocesses = 1"),
    (
        PULL + 'block_size = 16\nflash = "1 GiB"\n[firmware]\nsize = "17 MiB"',
        "groups.a.block_size", "at most 2^20 blocks",
        PULL + 'block_size = 32\nflash = "1 GiB"\n[firmware]\nsize = "17 MiB"',
    ),
    (PULL + '[campaign]\ngroups = ["b"]', "campaign.groups[0]", "no group 'b'", PULL + '[campaign]\ngroups = ["a"]'),
    (
        PULL + '[groups.b]\ncount = 1\ndelivery = "none"\n[campaign]\ngroups = ["b"]',
        "campaign.groups[0]", "group 'b' has no delivery",
        PULL + '[groups.b]\ncount = 1\ndelivery = "push"\n[campaign]\ngroups = ["b"]',
    ),
    (
        PULL + '[campaign]\nexecute = "all-downloaded"\nconcurrency = 9',
        "campaign.concurrency", "all 10 updates are open at the same time",
        PULL + '[campaign]\nexecute = "all-downloaded"\nconcurrency = 10',
    ),
    (
        PULL + '[campaign]\ntimeout = "10 s"\nrequest_timeout = "11 s"',
        "campaign.request_timeout", "longer than the time of a whole update",
        PULL + '[campaign]\ntimeout = "10 s"\nrequest_timeout = "10 s"',
    ),
    (
        PULL + '[run]\nduration_max = "1 min"\n[campaign]\ntimeout = "2 min"',
        "campaign.timeout", "longer than run.duration_max",
        PULL + '[run]\nduration_max = "2 min"\n[campaign]\ntimeout = "2 min"',
    ),
    (
        PULL + '[arrivals]\nrate = "1/h"', "arrivals.rate", "10 devices take 36000 s to arrive",
        PULL + '[arrivals]\nrate = "1/s"',
    ),
    (
        PULL + '[arrivals]\nkind = "ramp"\nfrom = "0/s"\nto = "1/h"\nover = "1 s"', "arrivals.to", "to arrive",
        PULL + '[arrivals]\nkind = "ramp"\nfrom = "0/s"\nto = "1/s"\nover = "1 s"',
    ),
    (PULL + 'endpoint = "x-{group}"', "groups.a.endpoint", "gives one name to 10 devices",
     '[groups.a]\ncount = 1\nendpoint = "x-{group}"'),
    (PULL + f'endpoint = "{"x" * 250}-{{index}}-{{group}}"', "groups.a.endpoint", "longer than 252 bytes",
     PULL + f'endpoint = "{"x" * 247}-{{index}}-{{group}}"'),
    (
        '[devices]\nendpoint = "{index}{group}"\n[groups.x]\ncount = 9\n[groups.1x]\ncount = 9',
        "groups.1x.endpoint", "may give the same name as the pattern of group `x`",
        '[devices]\nendpoint = "{index}{group}"\n[groups.x]\ncount = 9\n[groups.y]\ncount = 9',
    ),
    (
        '[devices]\nendpoint = "same"\n[groups.x]\ncount = 1\n[groups.y]\ncount = 1',
        "groups.y.endpoint", "may give the same name",
        '[devices]\nendpoint = "vd-{index}"\n[groups.x]\ncount = 9\n[groups.y]\ncount = 9',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "key", "message", "accepted"), CASES)
def test_a_combination_that_cannot_work_is_refused(kinds, refused, key, message, accepted):
    with pytest.raises(ScenarioError) as caught:
        loads(refused, kinds=kinds)
    (problem,) = caught.value.problems
    assert problem.key == key
    assert message in problem.message
    assert problem.mend
    assert problem.line is not None
    assert loads(accepted, kinds=kinds).devices > 0


def test_a_broken_group_hides_no_problem_elsewhere(kinds):
    text = '[groups.a]\ncount = "x"\n[groups.b]\ncount = 1\nflash = "1 kB"\n[campaign]\ngroups = ["a"]\n'
    with pytest.raises(ScenarioError) as caught:
        loads(text, kinds=kinds)
    assert [problem.key for problem in caught.value.problems] == ["groups.a.count", "groups.b.flash"]


def test_a_default_request_timeout_gives_way_to_a_shorter_update():
    scenario = loads(PULL + '[campaign]\ntimeout = "10 s"')
    assert scenario.campaign.request_timeout > scenario.campaign.timeout


@pytest.mark.parametrize("setting", ['profile = "zephyr"', 'lwm2m = "1.0"'])
def test_an_update_cannot_be_deferred_without_version_1_1_of_the_object(setting):
    fault = '[[groups.a.faults]]\nkind = "update-deferred"\n'
    with pytest.raises(ScenarioError, match=r"needs object 5 in version 1\.1"):
        loads(f"[groups.a]\ncount = 3\n{setting}\n{fault}")
    assert loads(f"[groups.a]\ncount = 3\n{fault}").devices == 3


@pytest.mark.parametrize(("transport", "end"), [("coap", (0, 5)), ("coaps", None)])
def test_the_end_of_a_fault_may_depend_on_the_transport(kinds, transport, end):
    text = PULL + f'transport = "{transport}"\n[[groups.a.faults]]\nkind = "block-damage"\n'
    (fault,) = loads(text, kinds=kinds).groups["a"].faults
    assert fault.expected == end


def test_a_profile_that_does_not_exist_is_found_beside_a_fault(kinds):
    with pytest.raises(ScenarioError) as caught:
        loads(PULL + 'profile = "x"\n[[groups.a.faults]]\nkind = "image-corrupt"\n', kinds=kinds)
    assert [problem.key for problem in caught.value.problems] == ["groups.a.profile"]
