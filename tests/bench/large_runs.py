"""Run directories that are too large to be run for a benchmark: tables of NumPy arrays, written as the recorder does.

An event is a row of a table. The mix is that of a campaign over devices that stay on for long: each has 99 rows, of
which 44 are registrations (by both accounts), 24 reports of the server, 23 steps of the operator, 4 states; one device
in 20 carries a fault, one in 100 ends in what nobody can tell. Latencies of blocks are no rows: a transfer has 128 of
them, but for HTTP, which has none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from simulator.recorder.manifest import Manifest, Usage
from simulator.recorder.parts import write_part
from tests.bench.large_tables import (
    BLOCK_BYTES,
    BLOCKS,
    GROUPS,
    NETWORK,
    ROWS_EACH,
    ROWS_OF_A_PART,
    TABLES,
    Fleet,
    Make,
    fleet_of,
    table_of,
    transport_of,
)


@dataclass(frozen=True, slots=True)
class Large:
    """What was written."""

    path: Path
    devices: int
    rows: int
    blocks: int
    """Latencies of blocks."""


def write(path: Path, rows: int, seed: int = 1) -> Large:
    """Write a run directory of about ``rows`` rows, and of one device at least.

    Raises:
        OSError: it cannot be written.
    """
    fleet = fleet_of(max(1, rows // ROWS_EACH), seed)
    manifest = Manifest(
        path, scenario=_scenario(fleet), seed=seed, t0=100.0,
        command=["lwm2m-fleet", "run", "scenarios/large.toml"],
        server={"kind": "embedded", "uri": "coap://127.0.0.1:5683"},
    )  # fmt: skip
    manifest.add_process("fleet-0", "fleet", 11)
    manifest.add_process("operator", "operator", 12)
    manifest.add_process("server", "server", 13, records=False)
    written = {name: _write_process(path, name, fleet, tables) for name, tables in TABLES.items()}
    usage = [Usage("fleet-0", "fleet", 20.0, 50_000_000), Usage("server", "server", 30.0, 40_000_000)]
    manifest.end("complete", "", usage)
    blocks = int((transport_of(fleet) != "http").sum()) * BLOCKS
    return Large(path, len(fleet.k), sum(written.values()), blocks)


def _scenario(fleet: Fleet) -> dict[str, Any]:
    groups = {
        name: {
            "count": int((fleet.group == place).sum()), "delivery": delivery, "profile": "oma",
            "block_size": BLOCK_BYTES, "network": NETWORK if far else {}, "lifetime_s": 86400.0,
            "download_credentials": None,
        }
        for place, (name, _, delivery, far) in enumerate(GROUPS)
    }  # fmt: skip
    return {"run": {"name": "large"}, "groups": groups, "criteria": {"failed_max": 0}}


def _write_process(path: Path, process: str, fleet: Fleet, tables: Sequence[Make]) -> int:
    note: dict[str, Any] = {"process": process, "lost": 0, "error": None, "tables": {}}
    for make in tables:
        kind, columns = make(fleet)
        table = table_of(kind, columns)
        directory = path / "parts" / kind.table
        directory.mkdir(parents=True, exist_ok=True)
        parts = range(-(-table.num_rows // ROWS_OF_A_PART))
        texts = [f.name for f in table.schema if pa.types.is_string(f.type)]
        for seq in parts:
            piece = table.slice(seq * ROWS_OF_A_PART, ROWS_OF_A_PART)
            write_part(directory / f"{process}-{seq:06d}.parquet", piece, texts)
        note["tables"][kind.table] = {"rows": table.num_rows, "parts": len(parts)}
    (path / "parts" / f"{process}.closed.json").write_text(json.dumps(note))
    return sum(table["rows"] for table in note["tables"].values())
