"""The source `arff`: Weka's format, time series as the UCR and UEA archives come, and tables.

Format: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from augment import plugin
from augment.data import ColumnDeclaration, Dataset
from augment.errors import DataError
from augment.plugin import Context, Source
from augment.toolkit.text_files import decoded, read_bytes
from augment_series.reading import checked, dataset_of, parsed

ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|\S+)\s+(\{.*\}|\S+)\s*("[^"]*"|'[^']*')?""", re.IGNORECASE)
NUMERIC = ("numeric", "real", "integer")
ISO_DATE = "yyyy-MM-dd'T'HH:mm:ss"  # Weka's format of dates where the header has none
SIGNS_OF_DATES = {"yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
NUMBERED = re.compile(r"(.*?)[\W_]*[0-9]+")  # names of attributes that may be steps
TARGETS = ("class", "target", "label", "y", "classlabel", "targetlabel")  # names of a numeric attribute that is no step


@dataclass
class _Attribute:
    name: str
    kind: str  # numeric, relational, string, date, or categories in braces
    date_format: str | None = None  # of dates, as `strftime` has it


class ArffSource(Source):
    """Reads time series or a table from an `.arff` file.

    Numeric attributes whose names differ only in a number, such as `att1` to `att96`, are the steps of one channel, in
    their order. A relational attribute holds series of several channels: a row of it is a channel, divided from the
    next by `\\n`, as in the UEA archive. Nominal, text and date attributes beside them become columns. All other files
    are tables, each attribute a column. The last nominal attribute is the target; where there is none, a last attribute
    that is numeric and called `class`, `target`, `label` or `y`. `?` is a missing value.
    """

    name = "arff"
    yields = frozenset({"series", "table"})
    endings = (".arff",)
    reads_only_paths = True

    class Params(plugin.Params):
        path: Path
        """The file to read."""

    @classmethod
    def settings_to_write(cls, path: Path, settings: Mapping[str, Any], data: Dataset) -> dict[str, Any]:
        target, labels = data.schema.target, []
        relation, relational, steps = None, None, []
        for octets in read_bytes(path).removeprefix(b"\xef\xbb\xbf").splitlines():
            text = octets.decode("utf-8", errors="replace").strip()
            word = text.partition(" ")[0].lower()
            if word == "@data":
                break
            if word == "@relation":
                relation = text.partition(" ")[2].strip().strip("'\"")
            if word == "@attribute":
                attribute = _attribute(text, 0, path)
                if attribute.kind == "relational":
                    relational = attribute.name
                elif attribute.name == target:
                    labels = _known_labels(attribute) if attribute.kind.startswith("{") else []
                elif attribute.kind == "numeric":
                    steps.append(attribute.name)
        return {
            **({"relation": relation} if relation else {}),
            **({"series": relational} if relational else {}),
            **_numbered(steps),
            **({"labels": labels} if labels else {}),
        }

    def read(self, context: Context) -> Dataset:
        path = self.params.path
        attributes, rows, lines = _split(path)
        records = _records(rows, lines, len(attributes), path)
        relational = [place for place, one in enumerate(attributes) if one.kind == "relational"]
        nominal = [one.name for one in attributes if one.kind.startswith("{")]
        last = attributes[-1] if attributes else None
        is_numeric_target = not nominal and last is not None and last.kind == "numeric" and _bare(last.name) in TARGETS
        target = nominal[-1] if nominal else last.name if last is not None and is_numeric_target else None
        if len(relational) > 1:
            raise DataError(f"{path}: there are {len(relational)} relational attributes; one is expected")
        steps = relational or _steps(attributes, target)
        columns = {
            one.name: _column(one, [record[place].strip() for record in records], lines, path)
            for place, one in enumerate(attributes)
            if place not in steps
        }
        frame = pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))
        context = _with_dates(context, attributes)
        if not steps:
            said = context.declared
            return checked(frame, {}, said.model_copy(update={"target": said.target or target}), path)
        bodies = [",".join(record[place] for place in steps) for record in records]
        values, lengths = parsed(bodies, lines, path, "\\n" if relational else "\n")
        channels = {f"channel {number}": ColumnDeclaration() for number in range(1, values.shape[2] + 1)}
        return dataset_of(values, lengths, channels, frame, context, path, target=target)


def _steps(attributes: list[_Attribute], target: str | None) -> list[int]:
    """The places of the numeric attributes where they are steps: two or more that are numbered alike; else none."""
    numeric = {place: one.name for place, one in enumerate(attributes) if one.kind == "numeric" and one.name != target}
    found = [NUMBERED.fullmatch(name) for name in numeric.values()]
    stems = {match and match[1] for match in found}
    return list(numeric) if len(found) > 1 and len(stems) == 1 and None not in stems else []


def _with_dates(context: Context, attributes: list[_Attribute]) -> Context:
    """The context, where the pipeline says how dates are written unless it says otherwise."""
    said = context.declared
    ours = {
        one.name: ColumnDeclaration(type="datetime", date_format=one.date_format)
        for one in attributes
        if one.date_format is not None and one.name not in said.columns
    }
    declared = said.model_copy(update={"columns": {**said.columns, **ours}})
    return Context(context.seed, context.folder, declared=declared)


def _numbered(names: list[str]) -> dict[str, Any]:
    """How the attributes of steps are called, if they are numbered one after the other."""
    match = re.fullmatch(r"([^{}]*?)([0-9]+)", names[0]) if names else None
    if match is None or names != [f"{match[1]}{int(match[2]) + place}" for place in range(len(names))]:
        return {}
    return {"step": f"{match[1]}{{step}}", "first_step": int(match[2])}


def _known_labels(attribute: _Attribute) -> list[str]:
    inside = attribute.kind[1:-1]
    (known,) = csv.reader([inside], quotechar="'" if "'" in inside else '"', skipinitialspace=True)
    return [label.strip() for label in known]


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _split(path: Path) -> tuple[list[_Attribute], list[str], list[int]]:
    """The attributes, the rows, and the line of each row."""
    attributes: list[_Attribute] = []
    rows, lines = [], []
    in_data = in_relation = False
    for number, octets in enumerate(read_bytes(path).removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        line = octets.strip()
        if not line or line.startswith(b"%"):  # comments may be in any encoding
            continue
        text = decoded(line, "utf-8", path, number)
        word = text.split()[0].lower()
        if in_data:
            if text.startswith("{"):
                raise DataError(f"{path}, line {number}: sparse rows are not read; write every value")
            rows.append(text)
            lines.append(number)
        elif word == "@data":
            in_data = True
        elif word == "@end":
            in_relation = False
        elif word == "@attribute" and not in_relation:
            attributes.append(_attribute(text, number, path))
            in_relation = attributes[-1].kind == "relational"
        elif word not in ("@relation", "@attribute"):
            raise DataError(f"{path}, line {number}: @relation, @attribute or @data was expected, came {text[:40]!r}")
    if not in_data:
        raise DataError(f"{path}: there is no line '@data'; the series are expected after it")
    if not rows:
        raise DataError(f"{path}: there are no series after '@data'; at least one was expected")
    return attributes, rows, lines


def _attribute(text: str, number: int, path: Path) -> _Attribute:
    found = ATTRIBUTE.match(text)
    if found is None:
        raise DataError(f"{path}, line {number}: '@attribute NAME TYPE' was expected, came {text[:40]!r}")
    name, kind, date_format = found.groups()
    kind = "numeric" if kind.lower() in NUMERIC else kind if kind.startswith("{") else kind.lower()
    if kind not in ("numeric", "relational", "string", "date") and not kind.startswith("{"):
        raise DataError(
            f"{path}, line {number}: attributes of type {kind!r} are not read; numeric, relational, string, date or "
            "{a,b,...} can be"
        )
    if kind != "date":
        return _Attribute(name.strip("'\""), kind)
    return _Attribute(name.strip("'\""), kind, _strftime((date_format or f'"{ISO_DATE}"')[1:-1], number, path))


def _strftime(java: str, number: int, path: Path) -> str:
    """A format of dates as Java has it, in the signs of `strftime`."""
    parts = re.findall(r"'([^']*)'|([A-Za-z]+)|([^A-Za-z']+)", java)
    if unknown := [letters for _, letters, _ in parts if letters and letters not in SIGNS_OF_DATES]:
        raise DataError(
            f"{path}, line {number}: {unknown[0]!r} in the format of dates is not known; {', '.join(SIGNS_OF_DATES)} "
            "are: say `string` instead of `date`"
        )
    return "".join(SIGNS_OF_DATES.get(letters, "") + quoted + between for quoted, letters, between in parts)


def _records(rows: list[str], lines: list[int], num_attributes: int, path: Path) -> list[list[str]]:
    """The cells of each row; a comma inside quotes divides none."""
    records = []
    for row, line in zip(rows, lines, strict=True):
        cells = row.split(",")
        if len(cells) != num_attributes or "'" in row or '"' in row:
            quote = "'" if "'" in row else '"'
            limit = csv.field_size_limit(max(csv.field_size_limit(), len(row) + 1))
            try:
                (cells,) = csv.reader([row], quotechar=quote, skipinitialspace=True)
            finally:
                csv.field_size_limit(limit)
        if len(cells) != num_attributes:
            raise DataError(
                f"{path}, line {line}: the row has {len(cells)} value{'s' * (len(cells) != 1)}, and the header "
                f"{num_attributes} attributes"
            )
        records.append(cells)
    return records


def _column(attribute: _Attribute, cells: list[str], lines: list[int], path: Path) -> pd.Series:
    values = pd.Series([None if cell == "?" else cell for cell in cells], dtype="str")
    if attribute.kind == "numeric":
        numbers = pd.to_numeric(values, errors="coerce")
        if (odd := (numbers.isna() & values.notna()).to_numpy()).any():
            place = int(odd.argmax())
            raise DataError(f"{path}, line {lines[place]}: {cells[place][:40]!r} in {attribute.name!r} is not a number")
        return numbers
    if attribute.date_format is not None:
        dates = pd.to_datetime(values, format=attribute.date_format, errors="coerce")
        if (odd := (dates.isna() & values.notna()).to_numpy()).any():
            place = int(odd.argmax())
            raise DataError(
                f"{path}, line {lines[place]}: {cells[place][:40]!r} in {attribute.name!r} is not a date as the header "
                f"has them, {attribute.date_format}"
            )
        return dates
    if not attribute.kind.startswith("{"):
        return values
    known = _known_labels(attribute)
    for cell, line in zip(cells, lines, strict=True):
        if cell not in known and cell != "?":
            raise DataError(f"{path}, line {line}: {cell[:40]!r} is not among the labels of {attribute.name!r}")
    return pd.Series(pd.Categorical(values, categories=known))
