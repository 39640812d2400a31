"""The registry is whole, and the document has the tables of the code.

``python tests/faults/test_registry.py`` writes the tables of docs/faults.md anew.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import simulator.faults
from simulator.faults.kinds import BOTH, FaultKind, Parameter, Scene
from simulator.faults.order import INTERFERENCES
from simulator.faults.plan import NO_FAULTS, FaultPlan
from simulator.faults.registry import FAULTS
from simulator.faults.triggers import PLACES, STATE
from simulator.firmware.variants import VARIANTS
from simulator.lwm2m.firmware_table import State, UpdateResult
from simulator.scenario.faults import Carrier, read_fault, table_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
PARTS = {
    "flash": {"flash"},
    "busy": {"flash", "link", "stream"},
    "link": {"link", "stream"},
    "datagram": {"link"},
    "power": {"flash", "on_state"},
    "store": {"boot"},
    "registration": {"flash", "on_state"},
    "push": {"upload"},
    "notification": {"notify"},
    "answer": {"send", "on_state"},
    "clock": {"flash", "on_state", "clock"},
    "observation": {"flash", "on_state"},
    "installer": {"installer"},
    "decision": {"defers", "on_state"},
    "order": set(),
}
OTHER_PARTS = {
    "link": [{"datagrams", "stream"}, {"datagrams", "stream", "on_state"}, {"link", "stream", "on_state"}],
    "decision": [{"flash", "on_state"}],
    "order": [{"installer"}],
}
"""What kinds of a seam are made of, if not of its ``PARTS``."""
ORDERS = {
    *("good", "not-found", "unparsable", "unresolved", "bad-scheme", "unlisted", "refused", "forbidden"),
    *("unavailable", "stalls", "replaced", "longest", "too-long", "wrong-model", "bad-magic"),
    *INTERFERENCES,
    *VARIANTS,
}
EXAMPLES = {"size": 4096, "duration": 1.5, "share": 0.5, "int": 3, "str": "text", "bool": True}
WRITTEN = {"size": "4 KiB", "duration": "1500 ms", "share": "50 %", "int": 3, "str": "text", "bool": True}


def every_kind():
    """The kinds of all modules of the package, wherever they are."""
    for module in pkgutil.iter_modules(simulator.faults.__path__):
        yield from getattr(importlib.import_module(f"simulator.faults.{module.name}"), "KINDS", ())


def build(kind, given, told=None):
    return FaultPlan.build(
        [SimpleNamespace(kind=kind, parameters=given)],
        package_size=1000,
        dice=lambda _name: random.Random(1),
        struck=lambda *what: told is not None and told.append(what),
    )


def required(kind, examples=EXAMPLES):
    return {name: examples[p.type] for name, p in kind.parameters.items() if p.required}


def test_every_kind_is_in_the_registry_under_its_name():
    assert {kind.name: kind for kind in every_kind()} == dict(FAULTS)
    assert len(list(every_kind())) == len(FAULTS), "two kinds share a name"


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_a_kind_is_consistent(kind):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    assert kind.seam in PARTS
    assert kind.summary.endswith(".")
    assert kind.deliveries
    assert kind.deliveries <= BOTH
    assert kind.order in ORDERS
    assert (kind.seam == "order") == (kind.order != "good")
    if kind.expected is not None:
        state, result = kind.expected
        # A device that never comes back stays in State 3 for whoever looks on, and one that lies tells of a success.
        assert State(state) in (State.IDLE, State.DOWNLOADED) or kind.name == "install-never-returns"
        assert UpdateResult(result) is not UpdateResult.UPDATED_SUCCESSFULLY or kind.name in (
            "install-lies",
            "image-older",
            "version-differs",
        )


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_parameters_are_documented_and_their_defaults_hold(kind):
    for name, parameter in kind.parameters.items():
        assert re.fullmatch(r"[a-z]+", name)
        assert parameter.doc.endswith(".")
        assert parameter.type in EXAMPLES
        assert not (parameter.required and parameter.default is not None)
        assert not parameter.choices or parameter.default in parameter.choices
        if parameter.default is not None:
            assert parameter.problem(parameter.default) == ""


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_a_kind_makes_what_its_seam_says(kind):
    complete = kind.complete(required(kind))
    made = kind.make(Scene(kind.name, 1000, random.Random(1), lambda _detail: None, complete, kind.timing(complete)))
    parts = {name for name in {"datagrams"}.union(*PARTS.values()) if getattr(made, name) is not None}
    assert parts in (PARTS[kind.seam], *OTHER_PARTS.get(kind.seam, ()))


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_a_scenario_can_set_what_the_registry_names(kind):
    written = {name: p.choices[-1] if p.choices else WRITTEN[p.type] for name, p in kind.parameters.items()}
    fault, findings = read_fault({"kind": kind.name, **written}, FAULTS, Carrier(), ())
    assert findings == []
    build(kind.name, fault.parameters)
    assert set(table_of(kind).model_fields) == {
        "kind",
        "share",
        "count",
        "expect",
        *kind.parameters,
        *kind.trigger_keys(),
    }


@pytest.mark.parametrize(
    ("kind", "given", "problem"),
    [
        ("image-corrupt", {"bits": 0}, "image-corrupt: bits is from 1 to 1024, not 0"),
        ("image-corrupt", {"bits": 1025}, "bits is from 1 to 1024, not 1025"),
        ("image-corrupt", {"at": 1.5}, "at is from 0 to 1, not 1.5"),
        ("image-corrupt", {"bits": True}, "bits is not a int: True"),
        ("image-corrupt", {"bits": "1"}, "bits is not a int: '1'"),
        ("image-corrupt", {"byte": 1}, "no parameter 'byte'; there are bits, at, after"),
        ("install-fails", {"time": 1}, "no parameter 'time'; there are times"),
        ("packet-delay", {"time": -1.0}, "time is from 0 to inf, not -1"),
        ("packet-loss", {"rate": float("nan")}, "rate is from 0 to 1, not nan"),
        ("answer-lost", {"number": 0}, "number is from 1 to inf, not 0"),
        ("connection-lost", {"how": "broken"}, "how is silent or reset or closed, not 'broken'"),
        ("connection-lost", {"lasts": -1.0}, "lasts is from 0 to inf, not -1"),
        ("flash-too-small", {}, "capacity is missing"),
        ("flash-too-smal", {}, "'flash-too-smal' is no kind of fault; there are flash-too-small, "),
    ],
)
def test_wrong_parameters_are_refused(kind, given, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        build(kind, given)


@pytest.mark.parametrize("bits", [0, 1025, "1 %"])
def test_a_scenario_with_wrong_bits_is_refused(bits):
    fault, findings = read_fault({"kind": "image-corrupt", "bits": bits}, FAULTS, Carrier(), ("faults", 0))
    assert fault is None
    [finding] = findings
    assert finding.key == ("faults", 0, "bits")


@pytest.mark.parametrize(
    ("kind", "written", "allowed"),
    [("size", "4 KiB", True), ("size", "3 KiB", False), ("duration", "5000 s", False), ("share", "100 %", False)],
)
def test_limits_hold_for_values_with_units_too(kind, written, allowed):
    limits = {"size": (4096, 8192), "duration": (1, 60), "share": (0.1, 0.9)}
    least, most = limits[kind]
    parameter = Parameter(kind, "A parameter.", required=True, minimum=least, maximum=most)
    made = FaultKind("made-up", "flash", "A fault.", lambda _scene: None, parameters={"x": parameter})
    fault, findings = read_fault({"kind": "made-up", "x": written}, {"made-up": made}, Carrier(), ())
    assert (fault is not None, not findings) == (allowed, allowed)


def test_without_faults_everything_is_the_very_same_object():
    flash, installer, network = object(), object(), object()
    sound = FaultPlan.build((), package_size=1, dice=random.Random, struck=print)
    for plan in (sound, NO_FAULTS, build("wrong-model", {})):
        assert plan.wrap_flash(flash) is flash
        assert plan.wrap_installer(installer) is installer
        assert plan.network(network, "management") is network
        assert plan.network(network, "download") is network
        assert plan.wrap_upload(network) is network
        assert plan.wrap_notify(network) is network
        assert plan.wrap_boot(network) is network
        assert not plan.defers_update(1)
    assert sound is NO_FAULTS


@pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)
def test_a_fault_wraps_its_own_seam_alone(kind):
    flash, installer, network = SimpleNamespace(), SimpleNamespace(), SimpleNamespace()
    plan = build(kind.name, required(kind))
    in_state = kind.when.place is not None and kind.when.place.unit == STATE
    counts = "flash" in PARTS[kind.seam] and not in_state
    assert (plan.wrap_flash(flash) is flash) == (not counts)
    assert (plan.wrap_installer(installer) is installer) == (
        kind.seam != "installer" and kind.name != "rollback-refused"
    )
    untouched = all(plan.network(network, purpose) is network for purpose in ("management", "download"))
    assert untouched == (kind.seam not in ("datagram", "link", "busy"))
    upload, notify = object(), object()
    assert (plan.wrap_upload(upload) is upload) == (kind.seam != "push")
    assert (plan.wrap_notify(notify) is notify) == (kind.seam != "notification")
    assert (plan.wrap_send(notify, None) is notify) == (kind.seam != "answer")
    assert plan.leaves_clock == (kind.seam != "clock")
    assert plan.defers_update(1) == (kind.seam == "decision" and kind.name != "user-cancels")


# -- the document ------------------------------------------------------------------------------------------------------


def shown(parameter: Parameter) -> str:
    value = parameter.default
    if parameter.required:
        return "required"
    units = {"share": lambda v: f"{v * 100:g} %", "duration": lambda v: f"{v:g} s", "size": lambda v: f"{v} B"}
    if value is None:
        return "not set"
    limits = "" if parameter.maximum is None else f", {parameter.minimum:g} to {parameter.maximum:g}"
    if parameter.choices:
        limits = "".join(f" or {choice}" for choice in parameter.choices if choice != value)
    return units.get(parameter.type, str)(value) + limits


def triggers(kind: FaultKind) -> list[str]:
    """The keys that say when a kind strikes, and what holds without them."""
    keys = [f"`{key}` (`{kind.same[key]}` by another name)" for key in kind.trigger_keys() if key in kind.same]
    places = ", ".join(unit for unit in PLACES if unit in kind.takes)
    if places:
        keys.append(f"`at`, `after` ({places})")
    keys += [f"`{key}`" for key in kind.trigger_keys() if key in kind.takes]
    told = str(kind.when)
    return [", ".join(keys) + (f": {told}." if told else ".")] if keys else []


def kinds_table() -> str:
    lines = ["| kind | what happens | by | ends in | parameters |", "| --- | --- | --- | --- | --- |"]
    for seam in PARTS:
        for kind in (kind for kind in FAULTS.values() if kind.seam == seam):
            ends = "as without it" if kind.expected is None else f"{kind.expected[0]} / {kind.expected[1]}"
            parameters = [f"`{n}` ({p.type}, {shown(p)}): {p.doc}" for n, p in kind.parameters.items()]
            parameters += triggers(kind)
            by = ", ".join(sorted(kind.deliveries))
            lines.append(f"| `{kind.name}` | {kind.summary} | {by} | {ends} | {'<br>'.join(parameters) or '-'} |")
    return "\n".join(lines)


def results_table() -> str:
    lines = ["| Update Result | faults that end in it |", "| --- | --- |"]
    for result in UpdateResult:
        names = [f"`{kind.name}`" for kind in FAULTS.values() if kind.expected and kind.expected[1] == result]
        lines.append(f"| {int(result)} {result.name.replace('_', ' ').lower()} | {', '.join(names) or '-'} |")
    return "\n".join(lines)


TABLES = {"kinds": kinds_table, "results": results_table}


def with_tables(text: str) -> str:
    for name, render in TABLES.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        match = marks.search(text)
        assert match, f"{DOCUMENT.name} has no place for the table {name!r}"
        text = text[: match.end(1)] + render() + "\n" + text[match.start(2) :]
    return text


def test_the_document_has_the_tables_of_the_code():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text) == text, f"run: python tests/faults/{Path(__file__).name}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
