"""The source `arrow`: Feather files, Arrow IPC files, and datasets that Hugging Face `datasets` has saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from augment.data import Dataset
from augment.errors import DataError
from augment_tables.arrow_files import ArrowFiles, is_index
from augment_tables.reading import check_names, chosen_columns

STATE, SPLITS = "state.json", "dataset_dict.json"  # in a folder that `save_to_disk` has written
FEATHER_1 = b"FEA1"


class ArrowSource(ArrowFiles):
    """Reads Arrow IPC files, also called Feather, several of the same columns, or a folder of them.

    A folder that `Dataset.save_to_disk` of Hugging Face `datasets` has written is read in its own order. Columns become
    arrays as in the source `parquet`. Classes of Hugging Face stay the integers that are stored.
    """

    name = "arrow"
    endings = (".feather", ".arrow", "/")

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        if not path.is_dir():
            return super().sniff(path, head)
        if (path / SPLITS).is_file():
            raise _several_splits(path)
        if (path / STATE).is_file():
            return 1.0
        return 0.9 if any(path.glob("*.feather")) or any(path.glob("*.arrow")) else None

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        return {"ending": ".arrow"} if path.is_dir() or path.suffix.lower() == ".arrow" else {}

    def _files(self) -> list[Path]:
        path = self.params.path
        if isinstance(path, Path) and (path / SPLITS).is_file():
            raise _several_splits(path)
        if isinstance(path, Path) and (path / STATE).is_file():
            return _saved_files(path)
        return super()._files()

    def _table(self) -> pa.Table:
        path = self.params.path
        with path.open("rb") as file:
            head = file.read(6)
        if head.startswith(FEATHER_1):
            raise DataError(f"{path}: is Feather in its first version, which is outdated; write it again as version 2")
        try:
            with pa.memory_map(str(path)) as source:
                reader = pa.ipc.open_file(source) if head == b"ARROW1" else pa.ipc.open_stream(source)
                table = reader.read_all()
                names = [name for name in table.column_names if not is_index(name)]
                check_names(path, names, all_needed=self.params.columns is None)
                table = table.select(chosen_columns(path, names, self.params.columns))
                table.validate(full=True)  # a damaged file would lead readers out of its memory
                return table
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: is not a whole Arrow file: {str(error)[:200]}") from error


def _several_splits(folder: Path) -> DataError:
    splits = _json(folder / SPLITS).get("splits")
    names = [name for name in splits if isinstance(name, str)] if isinstance(splits, Sequence) else []
    first = "train" if "train" in names or not names else names[0]
    return DataError(f"{folder}: holds the parts {', '.join(names)[:200]}; name one of them, such as {folder / first}")


def _saved_files(folder: Path) -> list[Path]:
    """The files of a saved dataset, in its order."""
    state = _json(folder / STATE)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise DataError(f"{folder}: its rows are a selection; call `flatten_indices()` and save the dataset again")
    listed = state.get("_data_files")
    entries = listed if isinstance(listed, list) else []
    names = [entry.get("filename") if isinstance(entry, dict) else None for entry in entries]
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise DataError(f"{folder / STATE}: does not list the files of a dataset in this folder; save it again")
    return [folder / str(name) for name in names]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON: {str(error)[:200]}") from error
    return content if isinstance(content, dict) else {}
