"""Reads the parts of one table into one frame: what is damaged or of another shape is named, and left out."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from reports.versions import of_part, stranger
from simulator.events import TransferEnded

arrow: Any = pa  # no types of its own, so Any
compute: Any = pyarrow.compute
open_part: Any = pyarrow.parquet.ParquetFile

BLOCK_FROM: Final = "block_from"
BLOCK_COUNT: Final = "block_count"
THREADS: Final = 4

_PART: Final = re.compile(r"(?P<process>.+)-(?P<seq>\d{6,})\.parquet")
_TYPES: Final[dict[Any, Any]] = {
    float: arrow.float64(),
    int: arrow.int64(),
    bool: arrow.bool_(),
    str: arrow.large_string(),
    list[int]: arrow.list_(arrow.int64()),
}
_FITS: Final[dict[Any, Any]] = {
    float: arrow.types.is_floating,
    int: arrow.types.is_integer,
    bool: arrow.types.is_boolean,
    str: lambda found: arrow.types.is_string(found) or arrow.types.is_large_string(found),
    list[int]: lambda found: arrow.types.is_list(found) and arrow.types.is_integer(found.value_type),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part file, after it was read."""

    table: str
    process: str
    seq: int
    name: str
    rows: int | None
    """None where it could not be read."""
    stranger: str
    """Why this program does not know what it means; empty where it does."""


class Table(NamedTuple):
    """A table that was read."""

    frame: pd.DataFrame
    """In order of time. The block latencies of ``transfers`` are not in it."""
    blocks_us: NDArray[np.int64]
    """They are here, and ``block_from`` and ``block_count`` of the frame point to them."""
    parts: list[Part]


def read_table(directory: Path, event_type: Any) -> Table:
    """Read the parts of a table, and let go of them as soon as its frame is there.

    Args:
        directory: of the parts of all tables; where the table has none, the frame has its columns and no rows.
        event_type: the class of its rows.
    """
    # The default one keeps what was let go of, a quarter of the tables of a large run.
    arrow.set_memory_pool(arrow.system_memory_pool())
    shape = _shape(event_type)
    found = [
        (file, match)
        for file in sorted((directory / event_type.table).glob("*.parquet"))
        if (match := _PART.fullmatch(file.name))
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        read = list(pool.map(lambda each: _read_part(each[0], shape), found))
    parts = [
        Part(event_type.table, match["process"], int(match["seq"]), file.name, None if data is None else len(data), why)
        for (file, match), (data, why) in zip(found, read, strict=True)
    ]
    pieces = [data for data, _ in read if data is not None]
    del read
    frame, blocks_us = _framed(pieces, shape, event_type)
    arrow.default_memory_pool().release_unused()
    return Table(frame, blocks_us, parts)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the columns of a table must be."""

    schema: Any
    kinds: dict[str, Any]
    later: dict[str, Any]
    """Columns that programs before did not write yet, and what stands in their place."""


def _shape(event_type: Any) -> _Shape:
    hints = get_type_hints(event_type)
    kinds = {f.name: hints[f.name] for f in fields(event_type)}
    schema = arrow.schema([(name, _TYPES[kind]) for name, kind in kinds.items()])
    return _Shape(schema, kinds, {f.name: f.default for f in fields(event_type) if f.default is not MISSING})


def _read_part(file: Path, shape: _Shape) -> tuple[Any, str]:
    """The table of a part, or None where it is damaged or of another shape; and why its version is not known.

    Columns that are not of the vocabulary are passed over: what a later program adds changes nothing that is there, or
    it raises the version.
    """
    try:
        with open_part(file, page_checksum_verification=True) as part:
            there = part.schema_arrow
            why = stranger(of_part(there.metadata), file)
            if why:
                return None, why
            names = [name for name in shape.schema.names if name in there.names]
            if not all(_FITS[shape.kinds[name]](there.field(name).type) for name in names):
                return None, ""
            table = part.read(columns=names, use_threads=False)
        for name in shape.later.keys() - set(names):
            table = table.append_column(name, arrow.array([shape.later[name]] * len(table)))
        table = table.select(shape.schema.names).cast(shape.schema)
        table.validate(full=True)
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError):
        return None, ""
    return (table if all(map(_is_whole, table.columns)) and _is_in_time(table) else None), ""


def _is_whole(column: Any) -> bool:
    """Whether every row has a value, and each number is one with which one can count."""
    finite = not arrow.types.is_floating(column.type) or compute.all(compute.is_finite(column), min_count=0).as_py()
    return column.null_count == 0 and bool(finite)


def _is_in_time(table: Any) -> bool:
    """Whether nothing is before the start of the run, and nothing ends before it begins."""
    begun = table["started"] if "started" in table.column_names else table["t"]
    late = compute.any(compute.less(table["t"], begun), min_count=0).as_py()
    # An update that was never begun has -1 there; what was due is in its row, too.
    times = [table["t"]] if "due" in table.column_names else [table["t"], begun]
    return not late and all((compute.min(column).as_py() or 0.0) >= 0 for column in times)


def _framed(pieces: list[Any], shape: _Shape, event_type: Any) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """One frame of some Arrow tables, in order of time, and their block latencies in this order; empties the list."""
    table = arrow.concat_tables(pieces) if pieces else shape.schema.empty_table()
    pieces.clear()
    blocks_us, counts = np.zeros(0, np.int64), np.zeros(len(table), np.int64)
    if event_type is TransferEnded:
        lists = table["block_us"].combine_chunks()
        table = table.drop_columns(["block_us"])
        counts = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        blocks_us = lists.flatten().to_numpy(zero_copy_only=False)
    # The columns are let go of one by one, as they are in the frame.
    frame = table.to_pandas(self_destruct=True)
    del table
    if not frame["t"].is_monotonic_increasing:
        order = np.argsort(frame["t"].to_numpy(), kind="stable")
        frame = frame.take(order).reset_index(drop=True)
        blocks_us, counts = gathered(blocks_us, (np.cumsum(counts) - counts)[order], counts[order]), counts[order]
    if event_type is TransferEnded:
        frame[BLOCK_FROM] = np.cumsum(counts) - counts
        frame[BLOCK_COUNT] = counts
    return frame, blocks_us


def gathered(values: NDArray[np.int64], begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Stretches of an array, each of ``counts`` values from ``begins`` on, one after the other.

    Not a copy where they are the array as it is, and so not to be written to.
    """
    after = np.cumsum(counts)
    firsts = begins - after + counts
    if not firsts.any() and int(counts.sum()) == len(values):
        return values
    return values[np.repeat(firsts, counts) + np.arange(int(counts.sum()))]
