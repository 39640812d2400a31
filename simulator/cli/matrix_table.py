"""What the table of ``lwm2m-fleet matrix`` is made of: columns, rows, and why a cell may have no meaning.

A mechanism is one row: what is injected into a device, or how it is set up. A column is a delivery by a transport.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from simulator.lwm2m.firmware_table import UpdateResult
from simulator.scenario import MANAGEMENT, TRANSPORTS

RESULT_NAMES: Final = {int(result): result.name.lower().replace("_", " ") for result in UpdateResult}


class Column(NamedTuple):
    """A way by which a package comes."""

    delivery: str
    """``pull`` or ``push``."""
    transport: str
    """URI scheme of the package, or of the management server for a push."""


COLUMNS: Final = (
    *(Column("pull", scheme) for scheme in TRANSPORTS),
    *(Column("push", scheme) for scheme in MANAGEMENT),
)

Columns = frozenset[Column]
PULLS: Final[Columns] = frozenset(c for c in COLUMNS if c.delivery == "pull")
PUSHES: Final[Columns] = frozenset(COLUMNS) - PULLS
DATAGRAMS: Final[Columns] = frozenset(c for c in COLUMNS if c.transport in ("coap", "coaps"))
STREAMS: Final[Columns] = frozenset(COLUMNS) - DATAGRAMS
DTLS: Final[Columns] = frozenset(c for c in COLUMNS if c.transport == "coaps")
TLS: Final[Columns] = frozenset(c for c in COLUMNS if c.transport in ("coaps+tcp", "https"))
PLAIN: Final[Columns] = frozenset(COLUMNS) - DTLS - TLS
UDP: Final[Columns] = DATAGRAMS - DTLS
HTTP: Final[Columns] = frozenset(c for c in COLUMNS if c.transport in ("http", "https"))

NO_URI: Final = "a push has no URI that could lead somewhere"
NO_DOWNLOAD: Final = "a push comes over the connection of the management, so that there is no download to cut off"
NO_PUSH: Final = "it is about the blocks of a push, and a pull asks for its own"
NO_STREAM: Final = "there is no connection over datagrams that could be reset or closed"
TCP_HIDES: Final = "packet faults: TCP hides them, since it sends again what is lost"
NO_KEYS: Final = "there are no credentials without DTLS or TLS"
OWN_KEYS: Final = "a push has no credentials of its own: without those of the management nobody registers"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One way to an Update Result."""

    result: int
    """Update Result (/5/0/5)."""
    name: str
    """Of the row, with letters, digits and ``-``; no other row of the same Update Result has it."""
    what: str
    """What happens, in a few words."""
    faults: tuple[Mapping[str, Any], ...] = ()
    """As a scenario has them."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further keys of the group, as a scenario has them."""
    not_over: tuple[tuple[Columns, str], ...] = ()
    """Columns in which it has no meaning, and why."""
    beside: frozenset[str] = frozenset()
    """Kinds of fault that only make room for another one, and need not strike."""

    def reason(self, column: Column) -> str:
        """Why it has no meaning in a column; empty where it has one."""
        return next((why for columns, why in self.not_over if column in columns), "")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of fault that have to strike."""
        return tuple(kind for fault in self.faults if (kind := str(fault["kind"])) not in self.beside)
