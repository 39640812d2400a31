"""What a kind declares is what comes of it: a whole update in virtual time with each kind, by each delivery."""

import pytest

from simulator.faults.registry import FAULTS
from tests.faults.faulty_device import PACKAGE, update

REQUIRED = {
    "flash-too-small": {"capacity": len(PACKAGE) // 3},
    "buffer-too-small": {"capacity": len(PACKAGE) // 3},
    "install-slow": {"time": 60.0},
    "version-differs": {"version": "2.0-rc1"},
}
OPERATED = ("order", "registration", "notification", "observation", "store")
"""Seams that show where there is an operator alone (test_orders.py, test_device.py, test_notices.py, test_store.py)."""
CASES = [
    (name, delivery)
    for name, kind in FAULTS.items()
    if kind.seam not in OPERATED and name != "push-restart-ignored"  # which needs a second push (test_answers.py)
    for delivery in sorted(kind.deliveries)
]


@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_a_sound_device_updates(delivery):
    end = update(delivery)
    assert (end.state, end.result, end.version, end.struck) == (0, 1, "2.0", [])


@pytest.mark.parametrize(("name", "delivery"), CASES)
def test_each_kind_ends_as_declared(name, delivery):
    kind = FAULTS[name]
    for seed in range(3):
        end = update(delivery, name, seed=seed, **REQUIRED.get(name, {}))
        assert (end.state, end.result) == (kind.expected or (0, 1)), f"seed {seed}"
        named = kind.version and kind.version(REQUIRED.get(name, {}), "1.0")
        assert end.version == (named or ("1.0" if kind.expected else "2.0"))
        # What goes by chance may miss a short transfer; all else must have struck, and tells of it once.
        assert len(end.struck) <= 1
        assert end.struck or {"rate", "every"} & set(kind.parameters)


@pytest.mark.parametrize(
    "name", [name for name, kind in FAULTS.items() if "rate" in kind.parameters and kind.seam not in OPERATED]
)
@pytest.mark.parametrize("delivery", ["pull", "push"])
def test_what_goes_by_chance_strikes_and_is_made_good(name, delivery):
    end = update(delivery, name, rate=0.05)
    assert (end.state, end.result, end.struck) == (0, 1, [name])


SHARED = [
    name
    for name, kind in FAULTS.items()
    if kind.expected and kind.seam != "order" and ({"after", "at"} & set(kind.parameters) or "share" in kind.takes)
]


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("name", SHARED)
def test_shares_of_nothing_and_of_all_strike_too(name, share):
    [*_, parameter] = sorted({"after", "at"} & {*FAULTS[name].parameters, *FAULTS[name].trigger_keys()})
    end = update(max(FAULTS[name].deliveries), name, **{parameter: share})
    assert (end.state, end.result, end.struck) == (*FAULTS[name].expected, [name])


def test_faults_of_several_seams_at_once():
    end = update("pull", "packet-duplicate", "image-corrupt", rate=0.3)
    assert (end.state, end.result) == (0, 5)
    assert sorted(end.struck) == ["image-corrupt", "packet-duplicate"]


def test_the_same_seed_gives_the_same_end():
    assert update("pull", "packet-loss", rate=0.4, seed=7) == update("pull", "packet-loss", rate=0.4, seed=7)
