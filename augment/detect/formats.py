"""How to read data that somebody points at: which installed source, and the settings that it needs.

Sources say themselves what they read (`endings`, `sniff`) and with which settings; nothing is known of them here.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.contracts import Source
from augment.toolkit.data_files import is_pattern, list_files, plain_name, unpacked

__all__ = [
    *("Data", "collected_notes", "find_address", "find_source", "infer_settings", "list_sources", "looks_like_id"),
    *("read", "settings_to_write"),
]

HEAD = 65_536  # bytes
ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar")
MIN_ROWS_OF_IDS = 20
AMOUNT = (  # with signs around it, as in -5.00, (5.00) and € 5.00
    r"[^\w\s]{0,2}\s?(?:[1-9][0-9]{0,2}(?:[., '][0-9]{2,3})*[., '][0-9]{3}|0|[1-9][0-9]*)"
    r"(?:[.,][0-9]+)?(?:[eEdD][+-]?[0-9]+)?\s?[^\w\s]{0,2}"
)
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


Data = Path | Sequence[Path]
"""A file, a folder, a pattern such as `parts/*.csv`, or several of them that are read as one; none of a server."""


def find_source(data: Data, catalog: Catalog) -> type[Source]:
    """The first of `list_sources`."""
    return list_sources(data, catalog)[0]


def list_sources(data: Data, catalog: Catalog) -> list[type[Source]]:
    """The sources that may read such a file or folder, the surest first; of several files, the first one counts.

    Raises:
        DataError: no installed source knows such files, or it is neither a file nor a folder.
    """
    sources = [cls for cls in catalog.classes("source") if issubclass(cls, Source)]
    first = _first(data)
    if first.exists() and not (first.is_file() or first.is_dir()):  # it is read several times
        raise DataError(f"{first}: it is a pipe or a device; save its content in a file, and name that")
    sure = _sure(sources, first)
    if not sure:
        with _plain(first) as plain:
            sure = _sure(sources, plain)
    if first.is_dir() and (files := _files_to_name(sources, first)):
        raise DataError(
            f"{first}: it is a folder of files that are read by themselves; name one of them, such as {files[0]}, or a "
            f"pattern such as {first / ('*' + files[0].suffix)} for several of the same columns"
        )
    if sure:
        return sorted(sure, key=lambda cls: -sure[cls])  # equals in the order of the catalog
    known = ", ".join(sorted({ending for cls in sources for ending in cls.endings} - {"/"}))
    ending = Path(plain_name(first)).suffix
    if ending.lower() in ARCHIVES:
        raise DataError(f"{first}: is an archive; unpack it, and name the file or folder that was in it")
    what = "folders like this" if first.is_dir() else f"files that end in {ending!r}"
    what = what if first.is_dir() or ending else "files without an ending"
    raise DataError(f"{first}: nothing is known of {what}; {known} or a folder of images or texts is expected")


def _files_to_name(sources: Sequence[type[Source]], folder: Path) -> list[Path]:
    """All that a folder holds, where sources read each of the files by itself, and none the folder; else nothing."""
    if any(confidence > 0.5 for confidence in _sure(sources, folder).values()):
        return []
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # the source that reads folders says why
        return []
    return inside if all(path.is_file() and _sure(sources, path) for path in inside) else []


def find_address(address: str, catalog: Catalog, given: Mapping[str, Any]) -> tuple[type[Source], Data, dict[str, Any]]:
    """The source of an address such as `postgresql://host/name`, the files that it names, and the settings beside them.

    Args:
        address: what the user has named.
        catalog: the components.
        given: settings that the user has named beside it.

    Raises:
        DataError: no installed source knows such addresses, or it cannot be reached.
    """
    for cls in catalog.classes("source"):
        if issubclass(cls, Source) and (settings := cls.settings_for_address(address, given)) is not None:
            path = settings.pop("path", None)
            return cls, () if path is None else path, settings
    scheme = address.partition("://")[0]
    raise DataError(
        f"nothing is known of addresses that begin with {scheme}://; a file or a folder is expected, or the address of "
        "a database, such as postgresql://user@host/name or sqlite:///file.db"
    )


def infer_settings(source: type[Source], data: Data) -> dict[str, Any]:
    """The settings beside the path that a source needs to read this, as far as they are known before it is read."""
    with _plain(_first(data)) as plain:
        return source.settings_for(plain)


def settings_to_write(
    source: type[Source], data: Data, settings: Mapping[str, Any], dataset: Dataset
) -> dict[str, Any]:
    """The settings with which the sink of the source's name writes files like these, or like the first of them."""
    with _plain(_first(data)) as plain:
        return source.settings_to_write(plain, settings, dataset)


def read(
    source: type[Source],
    data: Data,
    target: str | None = None,
    given: Mapping[str, Any] | None = None,
    payload: str | None = None,
) -> tuple[Dataset, dict[str, Any], dict[str, str]]:
    """The dataset, the settings beside the path that the source needed to read it, and the columns left out, each with
    the reason.

    What the source logs is logged once, as it reads the file with these settings.

    Args:
        source: what reads it.
        data: the file or folder, or several files.
        target: the target, if the user has set it; it is never left out.
        given: settings that are known; then no others are looked for before it is read.
        payload: the column of texts that the data is about, if the user has set it.

    Raises:
        DataError: it cannot be read.
    """
    path = data.absolute() if isinstance(data, Path) else tuple(each.absolute() for each in data)
    place = {"path": path} if path else {}
    for name in given or ():
        if name not in source.Params.model_fields:
            raise DataError(f"{_first(data)}: {source.name} has no setting {name!r}, which databases have")
    try:
        source.Params.model_validate({**place, **(given or {})})
    except ValidationError as error:
        if isinstance(path, tuple) or is_pattern(path):
            raise DataError(f"{source.name} reads one file, not several such as {_first(data)}") from error
    settings = dict(given) if given else infer_settings(source, data)

    def attempt() -> Dataset:
        params = source.Params.model_validate({**place, **settings})
        with tempfile.TemporaryDirectory() as folder, collected_notes() as notes:
            declared = SchemaDeclaration(target=target, payload=payload)
            rows = source(params).read(Context(0, Path(folder), declared=declared))
        final[:] = notes
        return rows

    final: list[str] = []
    with _plain(_first(data)) as plain:
        while True:
            dataset, problem = None, None
            try:
                dataset = attempt()
            except DataError as error:
                problem = error
            further = source.further_settings(plain, settings, dataset)
            if more := {name: value for name, value in further.items() if name not in settings}:
                settings |= more
            elif problem is not None:
                raise problem
            else:
                break
    assert dataset is not None
    left_out: dict[str, str] = {}
    if "columns" in source.Params.model_fields:
        left_out = {name: why for name, why in _unusable(dataset).items() if name != target}
    said = [*final]  # also of columns that are left out
    if left_out:
        names = settings.get("columns") or [*dataset.schema.columns, *dataset.schema.arrays]
        settings["columns"] = [name for name in names if name not in left_out]
        dataset = attempt()
    for note in said:
        log.warning("%s", note)
    return dataset, settings, left_out


def _first(data: Data) -> Path:
    if not isinstance(data, Path) and not data:
        return Path()
    first = data if isinstance(data, Path) else data[0]
    return list_files(first, ())[0] if is_pattern(first) else first


@contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """The file or folder; if it is a compressed file, an unpacked copy."""
    with tempfile.TemporaryDirectory() as folder, unpacked(path, Path(folder)) as plain:
        yield plain


def _sure(sources: Sequence[type[Source]], data: Path) -> dict[type[Source], float]:
    """The sources that can read a file or folder, and how sure each is of it."""
    head = b""
    if data.is_file():
        try:
            with data.open("rb") as file:
                head = file.read(HEAD)
        except OSError:  # whoever reads it says why
            pass
    return {cls: confidence for cls in sources if (confidence := cls.sniff(data, head)) is not None}


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
