"""How to read data that somebody points at: which installed source, and the settings that it needs.

Sources say themselves what they read (`endings`, `sniff`) and with which settings; nothing is known of them here.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.contracts import Source

__all__ = ["collected_notes", "looks_like_id", "read", "source_of"]

HEAD = 65_536  # bytes
MIN_ROWS_OF_IDS = 20
AMOUNT = r"[+-]?(?:[1-9][0-9]{0,2}(?:[., '][0-9]{3})+|0|[1-9][0-9]*)(?:[.,][0-9]+)?"
MOSTLY_AMOUNTS = 0.9  # share of the cells, among which some have separators
MIN_VALUES, MIN_SHARE = 5, 0.05  # a column with fewer values on both counts may have none in the training part

log = logging.getLogger("augment")


@contextmanager
def collected_notes() -> Iterator[list[str]]:
    """Inside, what sources log is collected, each message once, instead of shown."""
    collector = _Collector()
    handlers, propagate = log.handlers, log.propagate
    log.handlers, log.propagate = [collector], False
    try:
        yield collector.notes
    finally:
        log.handlers, log.propagate = handlers, propagate


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.notes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if (message := record.getMessage()) not in self.notes:
            self.notes.append(message)


def source_of(data: Path, catalog: Catalog) -> type[Source]:
    """The source that is surest to read such a file or folder.

    Raises:
        DataError: no installed source knows such files, or it is neither a file nor a folder.
    """
    if data.exists() and not (data.is_file() or data.is_dir()):  # it is read several times
        raise DataError(f"{data}: it is a pipe or a device; save its content in a file, and name that")
    head = b""
    if data.is_file():
        try:
            with data.open("rb") as file:
                head = file.read(HEAD)
        except OSError:  # whoever reads it says why
            pass
    sources = [cls for cls in catalog.classes("source") if issubclass(cls, Source)]
    sure = {cls: confidence for cls in sources if (confidence := cls.sniff(data, head)) is not None}
    if sure:
        return max(sure, key=lambda cls: sure[cls])  # the first of equals
    known = ", ".join(sorted({ending for cls in sources for ending in cls.endings} - {"/"}))
    what = "folders like this" if data.is_dir() else f"files that end in {data.suffix!r}"
    what = what if data.is_dir() or data.suffix else "files without an ending"
    raise DataError(f"{data}: nothing is known of {what}; {known} or a folder of images or texts is expected")


def read(source: type[Source], data: Path, keep: str | None = None) -> tuple[Dataset, dict[str, Any], dict[str, str]]:
    """The dataset, the settings beside the path that the source needed to read it, and the columns left out, each with
    the reason.

    What the source logs is logged once, as it reads the file with these settings.

    Args:
        source: what reads it.
        data: the file or folder.
        keep: a column that is never left out.

    Raises:
        DataError: it cannot be read.
    """

    def attempt() -> Dataset:
        params = source.Params.model_validate({"path": data.absolute(), **settings})
        with tempfile.TemporaryDirectory() as folder, collected_notes() as notes:
            found = source(params).read(Context(0, Path(folder)))
        final[:] = notes
        return found

    final: list[str] = []
    settings = source.settings_for(data)
    while True:
        dataset, problem = None, None
        try:
            dataset = attempt()
        except DataError as error:
            problem = error
        further = source.further_settings(data, settings, dataset)
        if more := {name: value for name, value in further.items() if name not in settings}:
            settings |= more
        elif problem is not None:
            raise problem
        else:
            break
    assert dataset is not None
    left_out: dict[str, str] = {}
    if "columns" in source.Params.model_fields and "columns" not in settings:
        left_out = {name: why for name, why in _unusable(dataset).items() if name != keep}
    said = [*final]  # also of columns that are left out
    if left_out:
        settings["columns"] = [name for name in dataset.schema.columns if name not in left_out]
        dataset = attempt()
    for note in said:
        log.warning("%s", note)
    return dataset, settings, left_out


def _unusable(dataset: Dataset) -> dict[str, str]:
    """Columns of a table that no generator can use, with the reason: those with hardly any values, and free text
    unless it is the matter."""
    schema = dataset.schema
    if schema.modality != "table":
        return {}
    empty, text = {}, {}
    for name, column in schema.columns.items():
        num_values, num_rows = int(dataset.frame[name].notna().sum()), len(dataset)
        if num_values < min(MIN_VALUES, MIN_SHARE * num_rows):
            empty[name] = "columns of hardly any values"
        elif column.type == "text" and not looks_like_id(dataset, name):
            text[name] = "free text, which would be copied word for word"
    others = [name for name in schema.features if name not in text and name not in empty]
    return {**empty, **(text if len(others) > len(text) else {})}


def looks_like_id(dataset: Dataset, name: str) -> bool:
    """Whether a text column numbers the rows: all cells differ, are short, of one word and hold a digit, and they are
    not nearly all amounts such as `1.250,00`."""
    cells = dataset.frame[name]
    if cells.hasnans or len(cells) < MIN_ROWS_OF_IDS or not cells.is_unique:
        return False
    text = cells.astype("str")
    if text.str.fullmatch(AMOUNT).mean() >= MOSTLY_AMOUNTS and text.str.contains("[., ']").any():
        return False
    return bool((text.str.len() <= 40).all() and not text.str.contains(r"\s").any() and text.str.contains(r"\d").all())
