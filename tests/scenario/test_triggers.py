"""When a fault strikes, as a scenario says it: what is read, and what is refused with which reason."""

import json

import pytest

from simulator.faults.kinds import FaultKind, Parameter
from simulator.faults.triggers import Place, When
from simulator.fleet.population import Population
from simulator.scenario import ScenarioError, loads

ALL = frozenset({"bytes", "share", "block", "time", "state", "message", "probability", "times", "heals"})


def nothing(_scene):
    """No test here makes a fault."""


KINDS = {
    kind.name: kind
    for kind in (
        FaultKind("anywhere", "flash", "A fault.", nothing, takes=ALL, when=When(times=None)),
        FaultKind("cells", "flash", "A fault.", nothing, (0, 5), takes=frozenset({"bytes", "share", "block"})),
        FaultKind("whole", "installer", "A fault.", nothing, (2, 8)),
        FaultKind("records", "link", "A fault.", nothing, schemes=frozenset({"coaps"})),
        FaultKind(
            "loss",
            "datagram",
            "A fault.",
            nothing,
            parameters={"rate": Parameter("share", "A rate.", default=0.1), "lasts": Parameter("duration", "A time.")},
            same={"probability": "rate", "heals": "lasts"},
        ),
    )
}


def scenario(fault, group="", rest=""):
    return loads(f"{rest}\n[groups.a]\ncount = 10\n{group}\n[[groups.a.faults]]\n{fault}", kinds=KINDS)


@pytest.mark.parametrize(
    ("written", "when"),
    [
        ("", When(times=None)),
        ('at = "20 KiB"', When(Place("bytes", 20_480), times=1)),
        ('after = "60 %"', When(Place("share", 0.6), times=None)),
        ('after = "5 s"', When(Place("time", 5.0), times=None)),
        ('after = "1.5 min"', When(Place("time", 90.0), times=None)),
        ("at = { block = 12 }", When(Place("block", 12), times=1)),
        ("after = { message = 7 }\ntimes = 3", When(Place("message", 7), times=3)),
        ('at = { state = "updating" }', When(Place("state", "updating"), times=1)),
        ('after = { bytes = "1 kB" }', When(Place("bytes", 1000), times=None)),
        ('after = { share = "5 %" }', When(Place("share", 0.05), times=None)),
        ('after = { time = "5 s" }', When(Place("time", 5.0), times=None)),
        ('times = "repeated"\nheals = "never"', When(times=None)),
        ('times = 2\nheals = "10 s"\nprobability = "20 %"', When(None, 0.2, 2, 10.0)),
    ],
)
def test_what_is_read(written, when):
    [fault] = scenario(f'kind = "anywhere"\n{written}').groups["a"].faults
    assert KINDS["anywhere"].timing(KINDS["anywhere"].complete(fault.parameters)) == when


def test_another_word_for_a_parameter():
    [fault] = scenario('kind = "loss"\nprobability = "5 %"\nheals = "3 s"').groups["a"].faults
    assert fault.parameters == {"rate": 0.05, "lasts": 3.0}
    [fault] = scenario('kind = "loss"\nheals = "never"').groups["a"].faults
    assert fault.parameters == {"rate": 0.1}


@pytest.mark.parametrize(
    ("fault", "group", "key", "message"),
    [
        ('kind = "anywhere"\nat = "20 apples"', "", "at", "no place in an update"),
        ('kind = "anywhere"\nat = 5', "", "at", "no place in an update"),
        ('kind = "anywhere"\nat = "101 %"', "", "at", "too much"),
        ('kind = "anywhere"\nat = { block = 0 }', "", "at", "block is from 1"),
        ('kind = "anywhere"\nat = { block = "1" }', "", "at", "is no block"),
        ('kind = "anywhere"\nat = { state = "asleep" }', "", "at", "state is idle, downloading"),
        ('kind = "anywhere"\nat = { state = 3 }', "", "at", "3 is no state"),
        ('kind = "anywhere"\nat = { block = 1, message = 2 }', "", "at", "a place has one of the keys"),
        ('kind = "anywhere"\nat = "1 %"\nafter = "2 %"', "", "after", "two places"),
        ('kind = "anywhere"\ntimes = 0', "", "times", "0 is no number of times"),
        ('kind = "anywhere"\ntimes = "often"', "", "times", "'often'"),
        ('kind = "anywhere"\nheals = "soon"', "", "heals", "duration"),
        ('kind = "anywhere"\nprobability = "0 %"', "", "probability", "never strikes"),
        ('kind = "anywhere"\ncount = 11', "", "count", "the group has 10"),
        ('kind = "anywhere"\ncount = 1\nshare = "5 %"', "", "count", "say the same in two ways"),
        ('kind = "anywhere"\nat = "2 MiB"', 'flash = "4 MiB"', "at", "the fault never strikes"),
        ('kind = "anywhere"\nat = "5 s"', 'delivery = "push"\nprofile = "anjay"', "at", "no State 1"),
        ('kind = "cells"\nat = "5 s"', "", "at", "sees no times after the start of the transfer"),
        ('kind = "cells"\nat = { message = 1 }', "", "at", "it sees bytes, shares of the package, blocks"),
        ('kind = "cells"\nheals = "5 s"', "", "heals", "cannot be told when by `heals`"),
        ('kind = "whole"\nat = "5 %"', "", "at", "a fault of the installer, cannot be told when by `at`"),
        ('kind = "records"', "", "kind", "records cannot strike over coap"),
        ('kind = "loss"\nrate = "1 %"\nprobability = "1 %"', "", "probability", "say the same in two ways"),
    ],
)  # fmt: skip
def test_what_is_refused(fault, group, key, message):
    with pytest.raises(ScenarioError) as caught:
        scenario(fault, group)
    [problem] = caught.value.problems
    assert problem.key == f"groups.a.faults[0].{key}"
    assert message in str(problem)
    assert problem.mend


def test_everything_at_once():
    with pytest.raises(ScenarioError) as caught:
        scenario('kind = "whole"\nat = "5 %"\nheals = "1 s"\nshare = "101 %"')
    assert {problem.key.rpartition(".")[2] for problem in caught.value.problems} == {"at", "heals", "share"}


def test_a_share_of_a_package_that_nobody_knows():
    server = '[server]\nkind = "external"\nhost = "127.0.0.1"\n'
    with pytest.raises(ScenarioError, match="nobody knows what 50 % of a package are"):
        scenario('kind = "cells"\nat = "50 %"', rest=server)
    scenario('kind = "cells"\nat = "50 %"', rest=server + '[firmware]\nsize = "64 KiB"')
    scenario('kind = "cells"\nat = "5 KiB"', rest=server)


def test_a_number_of_devices_carries_it():
    found = scenario('kind = "cells"\nat = "5 KiB"\ncount = 3')
    plans = [Population(found, 1).device(k) for k in range(10)]
    assert [plan.fault for plan in plans].count("cells") == 3
    written = json.loads(json.dumps(found.to_dict()))["groups"]["a"]["faults"][0]
    assert written == {
        "kind": "cells",
        "count": 3,
        "expect": {"state": 0, "result": 5},
        "parameters": {"at": {"bytes": 5120}},
    }


def test_what_only_looks_like_a_success_meets_no_other_end():
    lie = {"lie": FaultKind("lie", "installer", "A fault.", nothing, (0, 1)), "cells": KINDS["cells"]}
    text = "[groups.a]\ncount = 10\n" + "".join(
        f'[[groups.a.faults]]\nkind = "{kind}"\nshare = "50 %"\n' for kind in lie
    )
    found = loads(text, kinds=lie)
    assert [fault.decisive for fault in found.groups["a"].faults] == [True, True]
    plans = [Population(found, 1).device(k) for k in range(10)]
    assert sorted(plan.fault for plan in plans) == ["cells"] * 5 + ["lie"] * 5
    with pytest.raises(ScenarioError, match="a device ends one way only"):
        loads(text.replace("50 %", "60 %"), kinds=lie)


@pytest.mark.parametrize(("flash", "fits"), [("65599 B", False), ("65600 B", True)])
def test_garbage_behind_a_package_needs_its_room(flash, fits):
    kinds = {"garbage": FaultKind("garbage", "order", "A fault.", nothing, (0, 5), order="trailing")}
    text = (
        f'[firmware]\nsize = "64 KiB"\n[groups.a]\ncount = 1\nflash = "{flash}"\n[[groups.a.faults]]\nkind = "garbage"'
    )
    if fits:
        loads(text, kinds=kinds)
    else:
        with pytest.raises(ScenarioError, match="has no room for what is behind the package"):
            loads(text, kinds=kinds)
