"""All kinds of fault by name. A new one is a file of its family and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from simulator.faults import (
    answers,
    busy,
    clock,
    decision,
    device,
    flash,
    image,
    installer,
    keepalive,
    link,
    memory,
    nat,
    notices,
    order,
    pace,
    radio,
    resume,
    sleep,
    slow,
    store,
    uris,
)
from simulator.faults.kinds import FaultKind

FAULTS: Final[Mapping[str, FaultKind]] = MappingProxyType(
    {
        kind.name: kind
        for family in (
            flash,
            memory,
            busy,
            link,
            radio,
            nat,
            keepalive,
            pace,
            sleep,
            device,
            answers,
            slow,
            clock,
            notices,
            store,
            resume,
            installer,
            decision,
            order,
            uris,
            image,
        )
        for kind in family.KINDS
    }
)
