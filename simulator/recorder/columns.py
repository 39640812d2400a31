"""Rows to columns: an Arrow table from a list of event objects, with a schema read off the event class.

This runs on the writer's thread but holds the interpreter lock, so it takes time from the devices. The block
latencies of all transfers of a part become one flat array.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import numpy as np
import pyarrow as pa

from simulator.events import SCHEMA_VERSION, Event

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNREPEATED: Final = frozenset({"endpoint", "detail"})
"""Text columns whose values hardly repeat, for which a dictionary would be work without gain."""

Build = Callable[[Sequence[Any]], Any]


# Arrays are made from buffers: pyarrow.array() imports pandas at its first call, in the middle of a run (0.2 s, 40 MB).


def _array(kind: Any, length: int, *buffers: Any) -> Any:
    return pa.Array.from_buffers(kind, length, [None, *map(pa.py_buffer, buffers)])


def _floats(values: Sequence[Any]) -> Any:
    return _array(pa.float64(), len(values), array("d", values))


def _ints(values: Sequence[Any]) -> Any:
    return _array(pa.int64(), len(values), array("q", values))


def _bools(values: Sequence[Any]) -> Any:
    bits = np.packbits(np.fromiter(values, np.bool_, len(values)), bitorder="little")
    return _array(pa.bool_(), len(values), bits)


def _texts(values: Sequence[Any]) -> Any:
    text = "".join(values)
    data = text.encode("utf-8", "backslashreplace")  # a peer may send half a surrogate pair in its JSON
    pieces: Sequence[Any] = values
    if len(data) != len(text):
        pieces = [value.encode("utf-8", "backslashreplace") for value in values]
        data = b"".join(pieces)
    return _array(pa.string(), len(values), _offsets(pieces), data)


def _int_lists(values: Sequence[Any]) -> Any:
    offsets = _offsets(values)
    flat = array("q")
    for value in values:
        flat.fromlist(value)
    return pa.ListArray.from_arrays(_array(pa.int32(), len(offsets), offsets), _array(pa.int64(), len(flat), flat))


def _offsets(pieces: Sequence[Any]) -> NDArray[np.int32]:
    offsets = np.zeros(len(pieces) + 1, np.int32)
    np.cumsum(list(map(len, pieces)), out=offsets[1:])
    return offsets


_KINDS: Final[dict[Any, tuple[Any, Build]]] = {
    float: (pa.float64(), _floats),
    int: (pa.int64(), _ints),
    bool: (pa.bool_(), _bools),
    str: (pa.string(), _texts),
    list[int]: (pa.list_(pa.int64()), _int_lists),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How the objects of one event class become a table."""

    table: str
    schema: Any
    """The ``pyarrow.Schema``, with ``SCHEMA_VERSION`` in its metadata."""
    columns: tuple[tuple[Callable[[Any], Any], Build], ...]
    dictionary: list[str]
    """Columns that Parquet stores through a dictionary."""

    def build(self, rows: Sequence[Event]) -> Any:
        """A ``pyarrow.Table`` of the rows, in their order.

        Raises:
            TypeError, ValueError, OverflowError: a value is not of the type of its column.
        """
        arrays = [build(list(map(get, rows))) for get, build in self.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)


_LAYOUTS: Final[dict[type[Event], Layout]] = {}


def layout(event_type: type[Event]) -> Layout:
    """The layout of an event class, from its annotations.

    Raises:
        TypeError: a field has a type that ``simulator.events`` does not allow for a column.
    """
    found = _LAYOUTS.get(event_type)
    if found is None:
        found = _LAYOUTS[event_type] = _layout(event_type)
    return found


def _layout(event_type: type[Event]) -> Layout:
    hints = get_type_hints(event_type)
    schema: list[Any] = []
    columns: list[tuple[Callable[[Any], Any], Build]] = []
    for field in fields(event_type):
        kind = _KINDS.get(hints[field.name])
        if kind is None:
            msg = f"{event_type.__name__}.{field.name}: {hints[field.name]} is not a type of column"
            raise TypeError(msg)
        schema.append(pa.field(field.name, kind[0], nullable=False))
        columns.append((operator.attrgetter(field.name), kind[1]))
    return Layout(
        table=event_type.table,
        schema=pa.schema(schema, metadata={"lwm2m-fleet.schema": str(SCHEMA_VERSION)}),
        columns=tuple(columns),
        dictionary=[f.name for f in fields(event_type) if hints[f.name] is str and f.name not in UNREPEATED],
    )
