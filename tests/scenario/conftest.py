"""A registry of fault kinds that the tests own, so that they do not move when the real one grows."""

from dataclasses import dataclass, field

import pytest

from simulator.faults.kinds import SCHEMES, FaultKind
from simulator.faults.triggers import ONCE


@dataclass(frozen=True)
class FakeParameter:
    type: str
    required: bool = False
    default: int | float | str | bool | None = None
    doc: str = "A parameter."
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeKind:
    name: str
    expected: tuple[int, int] | None
    parameters: dict[str, FakeParameter] = field(default_factory=dict)
    seam: str = "flash"
    summary: str = "A fault."
    deliveries: frozenset[str] = frozenset({"pull", "push"})
    order: str = "good"
    at_boot: bool = False
    takes: frozenset[str] = frozenset()
    same: dict[str, str] = field(default_factory=dict)
    schemes: frozenset[str] = SCHEMES

    def trigger_keys(self):
        """As the real ones do."""
        return FaultKind.trigger_keys(self)

    def timing(self, parameters):
        """As the real ones do."""
        return FaultKind.timing(self, parameters)

    @property
    def when(self):
        """Once."""
        return ONCE

    def end(self, scheme, retries, parameters):
        """What is expected, but for a damage that depends on the transport."""
        return None if (self.name, scheme) == ("block-damage", "coaps") else self.expected


PULL = frozenset({"pull"})
KINDS = {
    kind.name: kind
    for kind in (
        FakeKind("flash-too-small", (0, 2), {"capacity": FakeParameter("size", required=True)}),
        FakeKind(
            "connection-lost",
            (0, 4),
            {
                "after": FakeParameter("share", default=0.5),
                "how": FakeParameter("str", default="silent", choices=("silent", "reset")),
            },
            "link",
            deliveries=PULL,
        ),
        FakeKind("block-damage", (0, 5), seam="link", deliveries=PULL),
        FakeKind("image-corrupt", (0, 5), {"at": FakeParameter("share"), "bits": FakeParameter("int", default=1)}),
        FakeKind("install-fails", (2, 8), seam="installer"),
        FakeKind("uri-not-found", (0, 7), seam="order", deliveries=PULL, order="not-found"),
        FakeKind("packet-loss", None, {"rate": FakeParameter("share", required=True)}, "datagram"),
        FakeKind(
            "odd", None, {"on": FakeParameter("bool"), "wait": FakeParameter("duration"), "to": FakeParameter("str")}
        ),
    )
}


@pytest.fixture(scope="session")
def kinds():
    return KINDS
