"""Draws a fault for a device: a kind of the registry, its parameters, and when it strikes."""

from __future__ import annotations

from simulator.faults.kinds import HEALS, PROBABILITY, TIMES
from simulator.faults.registry import FAULTS
from simulator.faults.triggers import BLOCK, BYTES, MESSAGE, SHARE, STATE, TIME
from simulator.lwm2m.firmware_table import STATES

EXPECTED = {"state": 0, "result": 1}
"""Lets faults meet in one device that each decide how an update ends: none of them is declared to."""
LONG_S = 150.0
CAUSES = {
    "resume-misplaced": "power-cut",
    "resume-etag-differs": "power-cut",
    "push-restart-ignored": "push-block-refused",
}
"""Kinds that strike only after another one, and that one."""


def draw_fault(dice, group) -> dict:
    """The table of a fault that the device of a group may have; its delivery fits."""
    kind = FAULTS[dice.choice([name for name, kind in FAULTS.items() if _can_meet(kind, group)])]
    table = {"kind": kind.name}
    if dice.random() < 0.7:
        table["expect"] = EXPECTED
    for name, parameter in kind.parameters.items():
        if parameter.required or dice.random() < 0.5:
            table[name] = _value(dice, parameter)
    same = {parameter for key, parameter in kind.same.items()}
    for key in kind.trigger_keys():
        if key not in kind.same and key not in same and dice.random() < 0.4:
            value = _trigger(dice, kind, key)
            if value is not None:
                table[key] = value
    if "at" in table and "after" in table:
        del table[dice.choice(("at", "after"))]
    return table


def causes(drawn) -> list:
    """The tables of what has to come first, so that all of the drawn faults may strike."""
    return [{"kind": CAUSES[fault["kind"]], "expect": EXPECTED} for fault in drawn if fault["kind"] in CAUSES]


def _can_meet(kind, group):
    """Whether it is worth drawing: the scenario's checks refuse the rest of what has no meaning."""
    scheme = group["management"] if group["delivery"] == "push" else group["transport"]
    if group["delivery"] not in kind.deliveries or scheme not in kind.schemes:
        return False
    if kind.seam == "datagram" and scheme not in ("coap", "coaps"):
        return False
    return not (group["profile"] == "zephyr" and kind.seam in ("power", "decision"))


def _value(dice, parameter):
    """A value of a parameter, as a scenario writes it."""
    if parameter.choices:
        return dice.choice(parameter.choices)
    least = parameter.minimum or 0
    if parameter.type == "str":
        return f"word-{dice.randint(1, 9)}"
    if parameter.type == "bool":
        return dice.random() < 0.5
    if parameter.type == "share":
        most = 1.0 if parameter.maximum is None else parameter.maximum
        return f"{100 * dice.uniform(least, most):.3g} %"
    if parameter.type == "duration":
        most = LONG_S if parameter.maximum is None else parameter.maximum
        return f"{dice.choice((dice.uniform(least, most), dice.uniform(least, most / 20))):.3g} s"
    if parameter.type == "size":
        return f"{dice.choice((dice.randint(0, 600), dice.randint(0, 4096)))} B"
    most = min(20, int(parameter.maximum)) if parameter.maximum is not None else 20
    return dice.randint(max(1, int(least)), most)


def _trigger(dice, kind, key):
    """A value of ``at``, ``after``, ``probability``, ``times`` or ``heals``, as a scenario writes it."""
    if key == PROBABILITY:
        return f"{dice.uniform(1, 100):.3g} %"
    if key == TIMES:
        return dice.choice(("repeated", 1, 2, dice.randint(1, 9)))
    if key == HEALS:
        return dice.choice(("never", f"{dice.uniform(0, LONG_S):.3g} s"))
    units = sorted(kind.takes & {BYTES, SHARE, BLOCK, TIME, STATE, MESSAGE})
    if not units:
        return None
    unit = dice.choice(units)
    if unit == BYTES:
        return f"{dice.randint(0, 4096)} B"
    if unit == SHARE:
        return f"{dice.randint(0, 100)} %"
    if unit == TIME:
        return f"{dice.uniform(0, 20):.3g} s"
    return {unit: dice.choice(STATES) if unit == STATE else dice.randint(1, 30)}
