"""Records as Parquet, by pyarrow, which only this module knows: one row group for each 10,000 records."""

# pyarrow brings no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no types

GROUP = 10_000
_TYPES = {
    "id": pa.int64(),
    "at": pa.timestamp("ms", tz="UTC"),
    "seq": pa.int64(),
    "allowed": pa.bool_(),
    "violation": pa.bool_(),
    "count": pa.int64(),
    "touched": pa.list_(pa.string()),
}


class Table:
    """A file that is being written."""

    def __init__(self, stream: IO[bytes], fields: Sequence[str]) -> None:
        self._schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in fields])
        self._writer = pq.ParquetWriter(stream, self._schema)
        self._rows: list[Mapping[str, object]] = []

    def put(self, row: Mapping[str, object]) -> None:
        """Take a row; it is written with its group."""
        self._rows.append({**row, "at": datetime.fromisoformat(str(row["at"]))})
        if len(self._rows) >= GROUP:
            self._flush()

    def close(self) -> None:
        """Write the last group and the file's index."""
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()
