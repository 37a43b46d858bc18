"""The source `parquet`: Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from augment.errors import DataError
from augment_tables.arrow_files import ArrowFiles, is_index
from augment_tables.reading import check_names, chosen_columns


class ParquetSource(ArrowFiles):
    """Reads a Parquet file, several of the same columns, or a folder of them or of folders such as `year=2024`.

    A column of `struct<bytes, path>` (as Hugging Face writes images and audio) becomes an image array (N, H, W, C)
    uint8, or recordings (N, T) float32; where their lengths differ, a column `length` says them. Lists of equal length
    become (N, F), lists of lists (N, T, F), floats as float32 and integers as int32.
    """

    name = "parquet"
    endings = (".parquet", "/")

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if path.is_dir():
            return 0.9 if any(path.glob("*.parquet")) or any(path.glob("*=*/**/*.parquet")) else None
        return super().sniff(path, head)

    def _table(self) -> pa.Table:
        path = self.params.path
        try:
            with pq.ParquetFile(path) as file:
                names = [name for name in file.schema_arrow.names if not is_index(name)]
                check_names(path, names, all_needed=self.params.columns is None)
                return file.read(columns=chosen_columns(path, names, self.params.columns), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: is not a whole Parquet file: {str(error)[:200]}") from error
