"""The finished scenario: its normalised form, its scaling, its faults."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario import loads
from simulator.scenario.scenario import _proportional


def test_the_normalised_form_names_its_units(kinds):
    text = """
[run]
seed = 7
[groups.a]
count = 4
boot_time = { min = "1 s", max = "3 s" }
[[groups.a.faults]]
kind = "flash-too-small"
capacity = "1 KiB"
share = "25 %"
[arrivals]
kind = "ramp"
from = "1/s"
to = "60/min"
over = "10 s"
[campaign]
start = { after = "5 s" }
[criteria]
update_p95_max = "2 s"
as_declared_min = "99.5 %"
throughput_min = { "coap/pull" = "1 MB/s" }
"""
    found = loads(text, kinds=kinds, file="dir/name.toml").to_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["run"] == {"name": "name", "seed": 7, "duration_max_s": 600.0}
    assert found["firmware"]["size_bytes"] == 65536
    assert found["arrivals"] == {"kind": "ramp", "from_per_s": 1.0, "to_per_s": 1.0, "over_s": 10.0}
    assert found["campaign"]["start"] == {"event": "after", "seconds": 5.0}
    assert found["campaign"]["timeout_s"] == 180.0
    group = found["groups"]["a"]
    assert (group["flash_bytes"], group["lifetime_s"], group["block_size"]) == (2097152, 86400.0, 1024)
    assert group["boot_time_s"] == {"min": 1.0, "max": 3.0}
    assert group["coap"]["ack_timeout_s"] == 2.0
    assert group["faults"] == [
        {
            "kind": "flash-too-small",
            "share": 0.25,
            "expect": {"state": 0, "result": 2},
            "parameters": {"capacity": 1024},
        }
    ]
    assert found["criteria"] == {
        "failed_max": 0,
        "unknown_max": 0,
        "as_declared_min": 0.995,
        "update_p95_max_s": 2.0,
        "throughput_min_bytes_per_s": {"coap/pull": 1e6},
    }


def test_parameters_of_faults_are_read_with_their_types(kinds):
    text = '[groups.a]\ncount = 1\n[[groups.a.faults]]\nkind = "odd"\non = true\nwait = "250 ms"\nto = "x"\n'
    text += '[[groups.a.faults]]\nkind = "connection-lost"\n[[groups.a.faults]]\nkind = "packet-loss"\nrate = "5 %"'
    odd, lost, loss = loads(text, kinds=kinds).groups["a"].faults
    assert (odd.parameters, odd.expected, odd.decisive) == ({"on": True, "wait": 0.25, "to": "x"}, None, False)
    assert (lost.parameters, lost.expected, lost.decisive) == ({"after": 0.5, "how": "silent"}, (0, 4), True)
    assert loss.parameters == {"rate": 0.05}


@pytest.mark.parametrize(
    ("profile", "kind", "expected"),
    [("oma", "install-fails", (2, 8)), ("zephyr", "install-fails", (0, 8)), ("anjay", "uri-not-found", (0, 7)),
     ("zephyr", "uri-not-found", (0, 4)), ("zephyr", "image-corrupt", (0, 5))],
)  # fmt: skip
def test_the_declared_end_follows_the_profile(kinds, profile, kind, expected):
    text = f'[devices]\nprofile = "{profile}"\n[groups.a]\ncount = 1\n[[groups.a.faults]]\nkind = "{kind}"\n'
    assert loads(text, kinds=kinds).groups["a"].faults[0].expected == expected
    declared = loads(text + "expect = { state = 2, result = 11 }", kinds=kinds)
    assert declared.groups["a"].faults[0].expected == (2, 11)


def test_the_hosts_of_a_scenario_are_named(kinds):
    group = "[groups.a]\ncount = 1\n[server]\n"
    for server, hosts in (
        ('kind = "external"\nhost = "fd00::1"', ("fd00::1",)),
        ('kind = "leshan-demo"', ()),
        ('kind = "leshan-demo"\nurl = "http://[::1]:8080/x"', ("::1",)),
    ):
        assert loads(group + server, kinds=kinds).target_hosts == hosts


def test_scaling_keeps_proportions(kinds):
    text = "[groups.a]\ncount = 700\n[groups.b]\ncount = 290\n[groups.c]\ncount = 10\n[groups.d]\ncount = 0\n"
    scenario = loads(text, kinds=kinds)
    counts = {n: [g.count for g in scenario.scaled(n).groups.values()] for n in (1, 2, 10, 100, 2000)}
    assert counts == {
        1: [1, 0, 0, 0], 2: [1, 1, 0, 0], 10: [6, 3, 1, 0], 100: [70, 29, 1, 0], 2000: [1400, 580, 20, 0]
    }  # fmt: skip
    with pytest.raises(ValueError, match="at least one device"):
        scenario.scaled(0)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any), st.integers(1, 5000))
def test_shares_add_up_and_no_group_vanishes_without_need(counts, total):
    named = {str(at): count for at, count in enumerate(counts)}
    found = _proportional(named, total)
    assert sum(found.values()) == total
    assert all(found[name] == 0 for name, count in named.items() if count == 0)
    inhabited = [name for name, count in named.items() if count]
    if total >= len(inhabited):
        assert all(found[name] >= 1 for name in inhabited)
    exact = {name: count * total / sum(counts) for name, count in named.items()}
    if all(exact[name] >= 1 for name in inhabited):
        assert all(abs(found[name] - exact[name]) < 1 for name in named)
