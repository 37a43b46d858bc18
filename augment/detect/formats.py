"""Detect how to read a file or folder: the source and its settings.

Every choice is based on the data, so users do not have to describe the format.
"""

from __future__ import annotations

import csv
import itertools
import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from augment.data.dataset import Dataset
from augment.detect.series_csv import series_settings
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.contracts import Source

__all__ = ["SOURCES", "bare", "looks_like_id", "read", "settings_of", "source_of"]

SOURCES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".jsonl": "json-lines",
    ".ndjson": "json-lines",
    ".npz": "npz",
    ".ts": "ts",
    ".arff": "arff",
    ".txt": "text",
}
IDX = re.compile(r"(train|t10k)-(?:images|labels)[-.]idx\d-ubyte")  # the files of MNIST and its relatives
USER = re.compile(r"(user|customer|visitor|reviewer|member|session)(id)?")
ITEM = re.compile(r"(item|product|movie|film|track|song|book|article|page|sku)(id)?")
KNOWN_OF_EVENTS = re.compile(r"rating|stars|score|time|timestamp|datetime|date|ts")
LINES_LOOKED_AT = 1_000
LARGEST_IMAGE = 128  # pixels on the longer side that images of several sizes are brought to: larger ones train for days
MISSING_WORDS = re.compile(
    r"n\.?/?a\.?|nan|nil|none|null|missing|unknown|unbekannt|keine? angabe|k\.\s?a\.|[-?.#]+", re.IGNORECASE
)
DATE = r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}"
UNIT = r"[€$£¥%‰]|EUR|USD|GBP|CHF|kg|g|mg|km|m|cm|mm|l|ml|h|min|s|ms|°C|kWh|W"  # that may stand beside a number
STANDARD_NULLS = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")  # what is missing in numbers when nothing is said
MOSTLY = 0.6  # share of a column's cells that are numbers or dates, where the others are words for a missing value
LEAST_ROWS_OF_IDS = 20
MOST_IMAGES = 2000  # looked at to find their middle size


def source_of(data: Path) -> str:
    """The name of the source that reads this file or folder.

    Raises:
        DataError: no source reads such files.
    """
    if data.is_dir():
        return "idx" if _idx_parts(data) else "text-folder" if _holds_texts(data) else "image-folder"
    if IDX.match(data.name):
        raise DataError(f"{data}: images and labels lie in two such files; name the folder, {data.parent}")
    try:
        use = SOURCES[data.suffix.lower()]
    except KeyError:
        known = ", ".join(SOURCES)
        such = f"that end in {data.suffix!r}" if data.suffix else "without an ending"
        raise DataError(
            f"{data}: nothing is known of files {such}; {known} or a folder of images or texts is expected"
        ) from None
    if use != "csv" or not data.is_file():
        return use
    if _holds_events(data):
        return "histories"
    return "csv" if series_settings(data, _dialect(data)) is None else "series-csv"


def _holds_texts(folder: Path) -> bool:
    """Whether most files in the subfolders are texts. Image folders can contain notes or annotation files."""
    endings = [path.suffix.lower() for path in folder.glob("*/*") if path.is_file() and path.name[0] != "."]
    return 2 * endings.count(".txt") > len(endings)


def _holds_events(data: Path) -> bool:
    """Whether a CSV file has columns of users, items and event attributes, and several lines for one user."""
    try:
        with data.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            records = csv.reader(itertools.islice(file, LINES_LOOKED_AT))
            names = [bare(name) for name in next(records, [])]
            users = [place for place, name in enumerate(names) if USER.fullmatch(name)]
            items = [place for place, name in enumerate(names) if ITEM.fullmatch(name)]
            others = [name for place, name in enumerate(names) if place not in (*users, *items)]
            if len(users) != 1 or len(items) != 1 or not all(map(KNOWN_OF_EVENTS.fullmatch, others)):
                return False
            found = [cells[users[0]] for cells in records if len(cells) == len(names)]
    except (OSError, csv.Error):
        return False  # whoever reads the file says why
    return len(set(found)) < len(found)


def read(catalog: Catalog, use: str, data: Path, keep: str | None = None) -> tuple[Dataset, dict[str, Any], list[str]]:
    """The dataset, the settings beside the path that the source needs, and the columns to leave out.

    Args:
        catalog: the installed components.
        use: its name.
        data: the file or folder.
        keep: a column that must not be left out.

    Raises:
        DataError: it cannot be read.
    """
    (source,) = catalog.candidates("source", use)
    assert issubclass(source, Source)

    def attempt(**settings: object) -> Dataset:
        params = source.Params.model_validate({"path": data.absolute(), **settings})
        with tempfile.TemporaryDirectory() as folder:
            return source(params).read(Context(0, Path(folder)))

    settings, left_out = settings_of(data), []
    try:
        dataset = attempt(**settings)
        if use == "csv" and (words := _words_for_missing(dataset, settings.get("decimal", "."))):
            settings["null_values"] = [*STANDARD_NULLS, *words]
            dataset = attempt(**settings)
        if use == "csv" and (units := _units(dataset, settings.get("decimal", "."))):
            settings["units"] = units
            dataset = attempt(**settings)
        if use == "csv" and (date_format := _date_format(dataset)):
            settings["date_format"] = date_format
            dataset = attempt(**settings)
        if "columns" in source.Params.model_fields and (
            left_out := [name for name in _free_text(dataset) if name != keep]
        ):
            settings["columns"] = [name for name in dataset.schema.columns if name not in left_out]
            dataset = attempt(**settings)
        return dataset, settings, left_out
    except DataError:
        if use != "image-folder":
            raise
        # most likely photographs of several sizes; if they are not the trouble, this fails in the same way
        settings = {"size": _median_size(data)}
        return attempt(**settings), settings, []


def settings_of(data: Path) -> dict[str, Any]:
    """The settings beside the path that follow from the file itself, such as the dialect of a CSV file."""
    if data.is_dir():
        return {"part": "test"} if _idx_parts(data) == {"t10k"} else {}
    use = source_of(data) if data.is_file() else ""
    dialect = _dialect(data) if use in ("csv", "series-csv") else {}
    found = series_settings(data, dialect) if use == "series-csv" else None
    return {**(found or {}), **dialect}


def _idx_parts(folder: Path) -> set[str]:
    """The parts of an MNIST-like dataset in the folder, `train` or `t10k`; empty for other folders."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:  # the source says so in words
        return set()
    return {found[1] for name in names if (found := IDX.match(name))}


def _dialect(data: Path) -> dict[str, Any]:
    """The dialect of a CSV file, where it differs from UTF-8 with commas as delimiters and decimal points."""
    encoding = _encoding(data)
    with data.open(encoding=encoding or "utf-8-sig", errors="replace") as file:
        head = file.read(65_536)
    found: dict[str, Any] = {"encoding": encoding} if encoding else {}
    header = head.partition("\n")[0]
    delimiter = max(",;\t|", key=header.count)  # the first of equals
    if delimiter == ",":
        return found
    edge = re.escape(delimiter)
    cell = re.compile(rf"(?:^|{edge})-?[0-9.]*[0-9],[0-9]+(?:\s?(?:{UNIT}))?(?:{edge}|$)", re.MULTILINE)
    return {**found, "delimiter": delimiter, **({"decimal": ","} if cell.search(head) else {})}


def _encoding(data: Path) -> str:
    """The likely encoding of a text file that is not UTF-8; empty for UTF-8."""
    with data.open("rb") as file:
        if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            with data.open(encoding=encoding) as text:
                while text.read(1 << 20):
                    pass
        except UnicodeDecodeError:
            continue
        return "" if encoding == "utf-8" else encoding
    return "latin-1"


def _words_for_missing(dataset: Dataset, decimal: str) -> list[str]:
    """Markers of missing values, such as `n/a` or `?`, in columns of numbers or dates."""
    found: set[str] = set()
    for name, column in dataset.schema.columns.items():
        if column.type not in ("category", "text"):
            continue
        cells = dataset.frame[name].dropna().astype("str").str.strip()
        numbers = pd.to_numeric(cells.str.replace(decimal, ".", regex=False), errors="coerce").notna()
        known = numbers | cells.str.fullmatch(DATE)
        others = set(cells[~known])
        if known.mean() >= MOSTLY and others and all(MISSING_WORDS.fullmatch(word) for word in others):
            found |= others
    return sorted(found - set(STANDARD_NULLS))


def _units(dataset: Dataset, decimal: str) -> dict[str, str]:
    """Column to the unit, one of `UNIT`, that precedes or follows all its numbers."""
    group = re.escape("." if decimal == "," else ",")
    number = rf"[+-]?[0-9]+(?:{group}[0-9]{{3}})*(?:{re.escape(decimal)}[0-9]+)?"
    pattern = rf"(?P<before>{UNIT})?\s?{number}\s?(?P<after>{UNIT})?"
    found = {}
    for name, column in dataset.schema.columns.items():
        if column.type not in ("category", "text"):
            continue
        cells = dataset.frame[name].dropna().astype("str").str.strip()
        if not len(cells) or not cells.str.fullmatch(pattern).all():
            continue
        signs = cells.str.extract(f"^{pattern}$").fillna("")
        units = set(signs["before"]) | set(signs["after"])
        if len(units - {""}) == 1 and ((signs["before"] == "") != (signs["after"] == "")).all():
            found[name] = (units - {""}).pop()
    return found


def _date_format(dataset: Dataset) -> str | None:
    """The format of dates that are not ISO 8601; None if there are none, or if day and month are ambiguous."""
    formats = [
        f"{order}{year}" for year in ("%Y", "%y") for order in ("%d.%m.", "%d/%m/", "%m/%d/", "%d-%m-", "%m-%d-")
    ]
    for name, column in dataset.schema.columns.items():
        if column.type not in ("category", "text"):
            continue
        cells = dataset.frame[name].dropna().astype("str").str.strip()
        if len(cells) < 2 or not cells.str.fullmatch(DATE).all():
            continue
        fitting = [fmt for fmt in formats if pd.to_datetime(cells, format=fmt, errors="coerce").notna().all()]
        if len(fitting) == 1:
            return fitting[0]
    return None


def _free_text(dataset: Dataset) -> list[str]:
    """Columns of free text in a table, which generators for tables cannot reproduce; none in a text dataset."""
    schema = dataset.schema
    text = [
        name for name, column in schema.columns.items() if column.type == "text" and not looks_like_id(dataset, name)
    ]
    others = [name for name in schema.features if name not in text]
    return text if schema.modality == "table" and len(others) > len(text) else []


def looks_like_id(dataset: Dataset, name: str) -> bool:
    """Whether a text column looks like an id: all cells are different, short, one word, and contain a digit."""
    cells = dataset.frame[name]
    if cells.hasnans or len(cells) < LEAST_ROWS_OF_IDS or not cells.is_unique:
        return False
    text = cells.astype("str")
    return bool((text.str.len() <= 40).all() and not text.str.contains(r"\s").any() and text.str.contains(r"\d").all())


def _median_size(folder: Path) -> list[int]:
    """Height and width of the middle image, with the longer side limited to `LARGEST_IMAGE`."""
    from PIL import Image, UnidentifiedImageError

    sizes = []
    for path in sorted(folder.rglob("*"))[:MOST_IMAGES]:
        try:
            with Image.open(path) as image:
                sizes.append((image.height, image.width))
        except (OSError, UnidentifiedImageError):
            continue
    if not sizes:
        return [LARGEST_IMAGE // 2] * 2
    height, width = (float(pd.Series(side).median()) for side in zip(*sizes, strict=True))
    shrunk = min(1.0, LARGEST_IMAGE / max(height, width))
    return [max(8, 8 * round(side * shrunk / 8)) for side in (height, width)]


def bare(name: str) -> str:
    """A column's name in lower case, without spaces and underscores."""
    return re.sub(r"[\W_]+", "", name.casefold())
