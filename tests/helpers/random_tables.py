"""Random tables written in random dialects, and what a reader must find in them."""

from __future__ import annotations

import csv
import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd

from augment.data import Dataset
from augment.data.inference import observe
from augment.detect.formats import collected_notes, find_source, read
from augment.errors import DataError
from augment.plugin.catalog import Catalog

MISSING = ["", "NA", "n/a", "?", "-", "NULL", "nan", "NaN", "#N/A", "None", "<NA>", "."]
WORDS = ["red", "dark green", "Zürich", "x,y", 'say "hi"', "a;b", "N", "no", "O'Neil", "+plus", "5th", "1 of 2", "12a"]
WORDS += ["NA", "-", "None"]
DAYS = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%b-%Y", "%Y%m%d", "%b %d, %Y", "%d.%m.%y"]
SLIM_DAYS = ["{d}.{m}.{y}", "{m}/{d}/{y}", "{d}/{m}/{y}", "{y}-{m}-{d}", "{y}/{m}/{d}", "{d}-{m}-{y}"]
CLOCKS = ["", "", " %H:%M", " %H:%M:%S", " %I:%M %p"]
UNITS = ["€", "$", "EUR", "kg", "%", "USD", "£", "°C"]


@dataclass
class RandomColumn:
    """A column: what it is, its cells as they are written, and the values that they stand for (None: missing)."""

    kind: str
    cells: list[str]
    values: list[Any]


@dataclass
class RandomTable:
    """A table in a file, and what was written."""

    columns: dict[str, RandomColumn]
    dialect: dict[str, Any]

    def write(self, path: Path) -> None:
        frame = pd.DataFrame({name: column.cells for name, column in self.columns.items()})
        frame.to_csv(path, index=False, **self.dialect)


def random_table(random: Random, num_rows: int | None = None) -> RandomTable:
    """A table of two to six columns in one dialect: delimiter, separators, quotes, encoding, words for missing."""
    num_rows = num_rows or random.choice([25, 40, 60])
    decimal = random.choice([".", ".", ","])
    thousands = random.choice(["", "", {".": ",", ",": "."}[decimal], " ", "'"])
    delimiter = random.choice([",", ",", ";", ";", "\t", "|"])
    dialect = {
        "sep": delimiter,
        "quoting": random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "encoding": random.choice(["utf-8", "utf-8", "utf-8-sig", "cp1252"]),
        "lineterminator": random.choice(["\n", "\r\n"]),
    }
    missing = random.choice(MISSING)
    makers: list[Callable[[], RandomColumn]] = [
        lambda: _numbers(random, num_rows, decimal, thousands),
        lambda: _numbers(random, num_rows, decimal, thousands),
        lambda: _whole(
            random, num_rows, "" if (delimiter, thousands) == (",", ".") else thousands
        ),  # or it is decimals
        lambda: _amounts(random, num_rows, decimal, thousands),
        lambda: _dates(random, num_rows),
        lambda: _slim_dates(random, num_rows),
        lambda: _months(random, num_rows),
        lambda: _periods(random, num_rows),
        lambda: _words(random, num_rows),
        lambda: _scientific(random, num_rows, decimal),
        lambda: _booleans(random, num_rows),
        lambda: _codes(random, num_rows),
        lambda: _zoned(random, num_rows),
        lambda: _mixed_amounts(random, num_rows, decimal, thousands),
        lambda: _like_labels(random, num_rows),
        lambda: _signed_behind(random, num_rows, decimal, thousands),
        lambda: _blank(num_rows),
    ]
    columns = {}
    for number in range(random.randint(2, 6)):
        column = random.choice(makers)()
        if column.kind in ("number", "amount", "date", "period", "boolean") and random.random() < 0.3:
            for row in random.sample(range(num_rows), random.randint(1, num_rows // 6)):
                column.cells[row], column.values[row] = missing, None
        if random.random() < 0.1:  # cells aligned by spaces
            column.cells = [cell.rjust(12) for cell in column.cells]
        columns[f"c{number}"] = column
    return RandomTable(columns, dialect)


def _grouped(number: float, decimals: int | None, decimal: str, thousands: str) -> str:
    text = f"{number:,.{decimals}f}" if decimals is not None else f"{number:,}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def _numbers(random: Random, n: int, decimal: str, thousands: str) -> RandomColumn:
    scale, decimals = 10.0 ** random.randint(-2, 7), random.randint(1, 4)
    signed = random.random() < 0.3
    values = [round(random.random() * scale * (random.choice([-1, 1]) if signed else 1), decimals) for _ in range(n)]
    values = [0.0 if value == 0 else value for value in values]
    cells = [_grouped(value, decimals, decimal, thousands) for value in values]
    sign = random.choice(["-", "-", "−", "("])
    if signed and sign != "-":
        form = "({})" if sign == "(" else "−{}"
        cells = [form.format(cell[1:]) if cell[0] == "-" else cell for cell in cells]
    return RandomColumn("number", cells, values)


def _scientific(random: Random, n: int, decimal: str) -> RandomColumn:
    cells = [f"{random.uniform(-9, 9):.{random.randint(1, 5)}e}" for _ in range(n)]
    return RandomColumn("number", [cell.replace(".", decimal) for cell in cells], [float(cell) for cell in cells])


def _booleans(random: Random, n: int) -> RandomColumn:
    pair = random.choice([("true", "false"), ("True", "False"), ("yes", "no"), ("1", "0"), ("Y", "N"), ("T", "F")])
    cells = [random.choice(pair) for _ in range(n)]
    return RandomColumn("boolean", cells, list(cells))


def _whole(random: Random, n: int, thousands: str) -> RandomColumn:
    low, high = sorted(random.choice([0, 9, 99, 950, 5000, 99_000, 10**7, 10**10]) for _ in range(2))
    values = [random.randint(low, high + 1) for _ in range(n)]
    return RandomColumn("number", [_grouped(value, None, ".", thousands) for value in values], values)


def _amounts(random: Random, n: int, decimal: str, thousands: str) -> RandomColumn:
    unit, before, gap = random.choice(UNITS), random.random() < 0.4, random.choice(["", " "])
    before = before and unit in ("€", "$", "EUR", "USD", "£")
    column = _numbers(random, n, decimal, thousands)
    cells = [f"{unit}{gap}{cell}" if before else f"{cell}{gap}{unit}" for cell in column.cells]
    return RandomColumn("amount", cells, column.values)


def _moments(random: Random, n: int) -> list[dt.datetime]:
    start, span = dt.datetime(random.randint(1950, 2030), 1, 1), random.choice([20, 400, 9000])
    return [start + dt.timedelta(days=random.randint(0, span), minutes=random.randint(0, 1439)) for _ in range(n)]


def _dates(random: Random, n: int) -> RandomColumn:
    form = random.choice(DAYS) + random.choice(CLOCKS)
    form = form if not form.startswith("%Y%m%d ") else "%Y%m%d"
    cells = [moment.strftime(form) for moment in _moments(random, n)]
    return RandomColumn("date", cells, [dt.datetime.strptime(cell, form) for cell in cells])


def _slim_dates(random: Random, n: int) -> RandomColumn:
    """Days and months without leading zeros."""
    form, clock = random.choice(SLIM_DAYS), random.choice(CLOCKS)
    moments = [each if clock else each.replace(hour=0) for each in _moments(random, n)]
    moments = [each if "%S" in clock or clock else each.replace(hour=0, minute=0) for each in moments]
    cells = [form.format(d=each.day, m=each.month, y=each.year) + each.strftime(clock) for each in moments]
    return RandomColumn("date", cells, moments)


def _zoned(random: Random, n: int) -> RandomColumn:
    """Times with a zone behind them, of which UTC is read and a note says so."""
    form = random.choice(
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S"]
    )
    zone = random.choice([" UTC", "Z", "+01:00", " GMT", " +0000", "+02", " CET"])
    moments = [dt.datetime.strptime(moment.strftime(form), form) for moment in _moments(random, n)]
    shift = {"+01:00": 1, "+02": 2}.get(zone, 0)
    cells = [f"{moment.strftime(form)}{zone}" for moment in moments]
    return RandomColumn("date", cells, [moment - dt.timedelta(hours=shift) for moment in moments])


def _mixed_amounts(random: Random, n: int, decimal: str, thousands: str) -> RandomColumn:
    """Amounts in two currencies or units, which no number is and no class should be."""
    pair = random.choice([("€", "$"), ("EUR", "USD"), ("kg", "g"), ("m", "km"), ("%", "")])
    cells = [f"{cell} {random.choice(pair)}".strip() for cell in _numbers(random, n, decimal, thousands).cells]
    return RandomColumn("mixed", cells, list(cells))


def _like_labels(random: Random, n: int) -> RandomColumn:
    """Labels that differ by a trailing point, as in UCI's `adult.test`."""
    words = random.choice([[">50K", ">50K.", "<=50K"], ["yes", "yes.", "no", "no."], ["1st", "1st.", "2nd"]])
    cells = words + [random.choice(words) for _ in range(n - len(words))]
    return RandomColumn("alike", cells, list(cells))


def _signed_behind(random: Random, n: int, decimal: str, thousands: str) -> RandomColumn:
    cells = _numbers(random, n, decimal, thousands)
    numbers = [(cell.strip("-−()"), random.random() < 0.3) for cell in cells.cells]
    cells = [f"{cell}-" if is_negative else cell for cell, is_negative in numbers]
    return RandomColumn("mixed", cells, list(cells))


def _blank(n: int) -> RandomColumn:
    return RandomColumn("number", ["   "] * n, [None] * n)


def _months(random: Random, n: int) -> RandomColumn:
    form = random.choice(["%Y-%m", "%m/%Y", "%b %Y", "%Y/%m", "%B %Y"])
    cells = [moment.strftime(form) for moment in _moments(random, n)]
    return RandomColumn("date", cells, [dt.datetime.strptime(cell, form) for cell in cells])


def _periods(random: Random, n: int) -> RandomColumn:
    """Weeks and quarters, which stay words."""
    form = random.choice(["{iy}-W{iw:02}", "{y}Q{q}", "{y}-Q{q}", "Q{q} {y}"])
    days = [moment.date() for moment in _moments(random, n)]
    years = [{"iy": day.isocalendar()[0], "iw": day.isocalendar()[1], "y": day.year} for day in days]
    cells = [form.format(**year, q=(day.month + 2) // 3) for year, day in zip(years, days, strict=True)]
    return RandomColumn("period", cells, list(cells))


def _words(random: Random, n: int) -> RandomColumn:
    some = random.sample(WORDS, random.randint(1, len(WORDS)))
    cells = [random.choice(some) for _ in range(n)]
    return RandomColumn("words", cells, list(cells))


def _codes(random: Random, n: int) -> RandomColumn:
    make: Callable[[], str] = random.choice(
        [
            lambda: f"{random.randint(0, 99999):05}",
            lambda: f"{random.choice('smhkg')}{random.randint(0, 99)}",
            lambda: f"{random.randint(1, 9)}.{random.randint(0, 12)}.{random.randint(0, 12)}",
            lambda: f"{random.randint(0, 255):#04x}",
            lambda: f"{random.randint(0, 9)}-{random.randint(10, 19)}",
            lambda: f"{random.randint(0, 999):03}.{random.randint(0, 999):03}",
            lambda: f"{random.choice('ABC')}-{random.randint(1000, 9999)}",
            lambda: f"{random.randint(1, 9)}E{random.randint(1, 9)}X",
            lambda: f"({random.randint(1, 5)})",
            lambda: f"0{random.randint(100, 999)} {random.randint(100, 999)} {random.randint(100, 999)}",
            lambda: f"{random.randint(1, 99)}{random.choice(['m', 'g', 'l'])}{random.randint(1, 9)}",
        ]
    )
    cells = [make() for _ in range(n)]
    if re.fullmatch(r"[0-9.]+", cells[0]) and not any(re.match("0[0-9]", cell) for cell in cells):
        cells[0] = "0" + cells[0][1:]  # without any leading zero they would be numbers
    return RandomColumn("words", cells, list(cells))


def misread(table: RandomTable, path: Path) -> list[str]:
    """What is silently another value than was written, or kept as words without a note; one sentence each.

    A refusal, a column that `init` leaves out with the reason, and a note with the column's name are no such things.
    """
    try:
        with collected_notes() as notes:
            source = find_source(path, Catalog())
            data, settings, left_out = read(source, path)
    except DataError:
        return []
    said = " ".join([*notes, *observe(data.schema, data.frame)[1]])  # as `check` says them
    found = []
    for name, column in table.columns.items():
        if name in left_out:
            continue
        if name not in data.frame:
            found.append(f"{name} is not there ({source.name}, {settings})")
            continue
        how = _compare(column, data, name)
        if how and f"'{name}'" not in said:
            found.append(f"{name} ({column.kind}): {how}; written {column.cells[:4]}; read with {settings}")
    return found


def _compare(column: RandomColumn, data: Dataset, name: str) -> str:
    values = data.frame[name]
    kind = data.schema.columns[name].type
    present = [None if pd.isna(value) else value for value in values.tolist()]
    few = values.nunique() <= min(20, values.count() // 2)  # doses, which are labels
    if column.kind == "alike" or (column.kind == "mixed" and not few):
        return f"read as {kind}"  # a note is due
    if column.kind == "boolean" and kind in ("boolean", "integer"):
        written = {"1": 1, "0": 0, "true": True, "false": False}
        expected = [None if value is None else written.get(value.lower()) for value in column.values]
        return "" if present == expected else f"read as {kind}"
    if kind in ("category", "text", "id") and not pd.api.types.is_numeric_dtype(values):
        changed = [pair for pair in zip(column.values, present, strict=True) if (pair[0] is None) != (pair[1] is None)]
        changed += [
            pair for pair in zip(column.cells, present, strict=True) if pair[1] is not None and len({*pair}) > 1
        ]
        if changed:
            return f"other words {changed[:3]}"
        if column.kind in ("words", "boolean") or (column.kind in ("amount", "mixed") and few):
            return ""
        return f"kept as {kind}"
    expected = {"number": ("number", "integer", "id"), "amount": ("number", "integer"), "date": ("datetime",)}
    if kind not in expected.get(column.kind, ()):
        return f"read as {kind} {present[:3]}"
    differ = [
        (expected, value)
        for expected, value in zip(column.values, present, strict=True)
        if (expected is None) != (value is None)
        or (expected is not None and expected != value and not (kind != "datetime" and math.isclose(expected, value)))
    ]
    return f"other values {differ[:3]}" if differ else ""
