"""Parts of a table as Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet

from simulator.recorder.files import write_whole

write_table: Any = pyarrow.parquet.write_table


def write_part(path: Path, table: Any, dictionary: list[str], *, fsync: bool = False) -> None:
    """Write one ``pyarrow.Table`` as a Parquet file.

    Args:
        dictionary: the columns whose values are kept once each.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """

    def write(temporary: Path) -> None:
        write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=1,
            use_dictionary=dictionary,
            write_page_checksum=True,
        )

    write_whole(path, write, fsync=fsync)
