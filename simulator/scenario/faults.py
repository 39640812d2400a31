"""Reads the faults of a group against the registry of fault kinds: names, parameters, units, expectations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

from pydantic import Field, ValidationError, create_model

from simulator.faults.triggers import Place, When
from simulator.lwm2m.firmware_switches import SWITCHES, conflicts
from simulator.lwm2m.profiles import OMA, PROFILES, Profile, habits_of
from simulator.scenario import units
from simulator.scenario.devices import SUCCESS, End, Fault, ShareOfDevices
from simulator.scenario.ends import declared_end
from simulator.scenario.problems import Finding, Key, did_you_mean, translate
from simulator.scenario.sections import Section
from simulator.scenario.triggers import NEVER, TRIGGERS, misplaced, unseen

_TYPES: Final[Mapping[str, Any]] = {
    "size": units.Size,
    "duration": units.Duration,
    "share": units.Share,
    "int": Annotated[int, Field(ge=1)],
    "str": str,
    "bool": bool,
}


class Parameter(Protocol):
    """A parameter of a fault kind, as the registry declares it."""

    @property
    def type(self) -> str:
        """``size``, ``duration``, ``share``, ``int``, ``str`` or ``bool``."""

    @property
    def required(self) -> bool:
        """Whether a scenario must set it."""

    @property
    def default(self) -> int | float | str | bool | None:
        """Its value where it is not set, in bytes, seconds or as a share; None for none."""

    @property
    def doc(self) -> str:
        """One sentence."""


class FaultKind(Protocol):
    """A kind of fault, as the registry declares it."""

    @property
    def name(self) -> str:
        """The name in a scenario."""

    @property
    def seam(self) -> str:
        """What it wraps; ``order`` where it changes what the operator orders."""

    @property
    def summary(self) -> str:
        """One sentence."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Its parameters by name."""

    @property
    def expected(self) -> tuple[int, int] | None:
        """State and Update Result that it leads to; None where an update should end as without it."""

    def end(self, scheme: str, retries: int, parameters: Mapping[str, Any]) -> tuple[int, int] | None:
        """The same for a transfer by this URI scheme, which is taken up again so often, with these parameters."""

    @property
    def takes(self) -> frozenset[str]:
        """By what a table may say when it strikes."""

    @property
    def same(self) -> Mapping[str, str]:
        """Keys of triggers that are another word for a parameter."""

    def trigger_keys(self) -> list[str]:
        """The keys of triggers that its table may have."""

    def timing(self, complete: Mapping[str, Any]) -> When:
        """When it strikes, out of what a table says."""

    @property
    def schemes(self) -> frozenset[str]:
        """URI schemes of the transfer under which it can strike."""

    @property
    def at_boot(self) -> bool:
        """Whether a failed installation shows only when the old firmware is up again."""

    @property
    def order(self) -> str:
        """What the operator orders; ``good`` where nothing is wrong with it."""

    @property
    def deliveries(self) -> frozenset[str]:
        """``pull``, ``push`` or both."""


Kinds = Mapping[str, FaultKind]


class Carrier(NamedTuple):
    """What the end of an update with a fault depends on, of the group that carries it."""

    habits: Profile = OMA
    scheme: str = "coap"
    """URI scheme by which the package comes."""
    retries: int = 0
    """How often a pull whose connection is lost is taken up again."""
    push: bool = False
    """Whether the package is pushed."""

    @staticmethod
    def of(group: Mapping[str, Any]) -> Carrier:
        """That of a group's table, which nobody has checked yet."""
        push = group.get("delivery") == "push"
        scheme = str(group.get("management" if push else "transport", "coap"))
        retries = group.get("pull_retries", 0)
        return Carrier(_habits(group), scheme, retries if isinstance(retries, int) else 0, push)


def _habits(group: Mapping[str, Any]) -> Profile:
    """The habits of a group; as far as they can be read, the rest is told elsewhere."""
    profile, switches = group.get("profile", "oma"), group.get("switches", [])
    named = profile if isinstance(profile, str) and profile in PROFILES else "oma"
    given = [each for each in switches if isinstance(each, str)] if isinstance(switches, list) else []
    known = tuple(each for each in given if each in SWITCHES)
    return habits_of(named, () if conflicts(known) else known)


class FaultTable(Section):
    """What every table of ``[[groups.NAME.faults]]`` may have beside the parameters of its kind."""

    kind: str = Field(description="The kind of fault.")
    share: ShareOfDevices = Field(
        default="100 %",
        validate_default=True,
        description="Share of the group's devices that carry it, drawn by the seed; at least one device does.",
    )
    count: int | None = Field(
        default=None, ge=1, description="Number of the group's devices that carry it, instead of `share`."
    )
    expect: End | None = Field(
        default=None, description="How updates with this fault end. Default: what the kind of fault declares."
    )


def _within(parameter: Parameter) -> Any:
    """The type of a parameter with its limits, which a registry may leave out."""
    choices = getattr(parameter, "choices", ())
    if choices:
        return Literal[choices]
    typed = _TYPES[parameter.type]
    least, most = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    return typed if least is None and most is None else Annotated[typed, Field(ge=least, le=most)]


def table_of(kind: FaultKind) -> type[FaultTable]:
    """The model of a fault's table, made from its kind: once, as that takes longer than to read the table."""
    known = _tables.get(id(kind))
    if known is None:
        known = _tables[id(kind)] = kind, _table_of(kind)
    return known[1]


_tables: Final[dict[int, tuple[FaultKind, type[FaultTable]]]] = {}
"""By the identity of the kind, which is kept alive with it."""


def _table_of(kind: FaultKind) -> type[FaultTable]:
    fields: dict[str, Any] = {"kind": (Literal[kind.name], Field(description="The kind of fault."))}
    for name, parameter in kind.parameters.items():
        typed = _within(parameter)
        if parameter.required:
            fields[name] = (typed, Field(description=parameter.doc))
        else:
            fields[name] = (typed | None, Field(default=None, description=parameter.doc))
    for name in kind.trigger_keys():
        typed, doc = TRIGGERS[name]
        if name in kind.same:
            doc = f"Another word for `{kind.same[name]}`."
        fields[name] = (typed | None, Field(default=None, description=doc))
    made: type[FaultTable] = create_model(f"Fault {kind.name}", __base__=FaultTable, __doc__=kind.summary, **fields)
    return made


def read_fault(raw: object, kinds: Kinds, carrier: Carrier, at: Key) -> tuple[Fault | None, list[Finding]]:
    """One fault out of its table, or what is wrong with it."""
    if not isinstance(raw, dict):
        return None, [Finding(at, "a fault is a table", "write it under [[groups.NAME.faults]]")]
    name = raw.get("kind")
    if name is None:
        return None, [Finding(at, "`kind` is missing", f"kinds of fault are {', '.join(sorted(kinds))}")]
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        return None, [Finding((*at, "kind"), f"{name!r} is no kind of fault", did_you_mean(str(name), sorted(kinds)))]
    model = table_of(kind)
    found = list(unseen(kind, raw, kind.parameters, at))
    told = {finding.key[-1] for finding in found}
    try:
        table = model.model_validate({key: value for key, value in raw.items() if key not in told})
    except ValidationError as error:
        return None, [*found, *(translate(each, model, at) for each in error.errors())]
    found += _twice(raw, kind, at)
    known = _known(table, kind)
    places = {key: known[key] for key in ("at", "after") if isinstance(known.get(key), Place)}
    found += misplaced(kind, places, at)
    if found:
        return None, found
    if table.expect is not None:
        expected: tuple[int, int] | None = (table.expect.state, table.expect.result)
    else:
        expected = declared_end(kind, carrier, known)
    alone = table.expect is None and kind.expected == SUCCESS
    return Fault(kind.name, known, table.share, expected, table.count, alone), []


def _twice(raw: Mapping[str, Any], kind: FaultKind, at: Key) -> list[Finding]:
    """Two keys of which a table has one."""
    pairs = {"count": "share", **kind.same}
    return [
        Finding((*at, key), f"`{key}` and `{other}` say the same in two ways", "drop one of them")
        for key, other in pairs.items()
        if key in raw and other in raw
    ]


def _known(table: FaultTable, kind: FaultKind) -> dict[str, Any]:
    """Parameters, given or by default, and the triggers that are given."""
    values = {key: getattr(table, key) for key in (*kind.parameters, *kind.trigger_keys())}
    for key, parameter in kind.same.items():
        value = values.pop(key)
        if value is not None and value != NEVER:
            values[parameter] = value
    for key, parameter_ in kind.parameters.items():
        if values[key] is None:
            values[key] = parameter_.default
    return {key: value for key, value in values.items() if value is not None}
