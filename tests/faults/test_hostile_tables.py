"""Tables that are damaged, or made to do harm: read as they are written, or refused in words; memory is bounded."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated_bytes

from augment.data import Dataset, check
from augment.errors import DataError
from augment.plugin.context import Context
from augment_arrays.npz_source import NpzSource
from augment_tables.arrow_source import ArrowSource
from augment_tables.csv_missing import MISSING_NUMBERS
from augment_tables.csv_source import CsvSource
from augment_tables.json_lines import JsonLinesSource
from augment_tables.parquet_source import ParquetSource

LONGEST = 1000  # characters of a message


def read(source: type, path: Path, **options: object) -> Dataset | None:
    """What a source makes of a file: a whole dataset, or None where it is refused in one message that names it."""
    try:
        data = source(source.Params(path=path, **options)).read(Context(seed=0, folder=path.parent))
    except DataError as error:
        message = str(error)
        data = None
    if data is None:
        assert str(path) in message
        assert len(message) < LONGEST
        return None
    assert check(data.frame, data.arrays, data.schema) == []
    return data


# CSV: another reader, Python's own, says what stands where


def is_what_was_written(cell: str, value: object, kind: str) -> bool:
    if value is None:
        return cell == "" or (kind not in ("category", "text", "id") and cell in MISSING_NUMBERS)
    match kind:
        case "number":
            return float(cell) == value
        case "integer":
            return (int(cell) if cell.strip(" +-").isdigit() else float(cell)) == value  # 1.0 beside a gap is 1
        case "boolean":
            return cell.lower() in {True: ("true", "1"), False: ("false", "0")}[bool(value)]
        case "datetime":
            moment = pd.Timestamp(cell)
            return (moment.tz_convert(None) if moment.tz else moment) == value
        case _:
            return cell == str(value)


def expect_every_cell_in_its_column(data: Dataset, blob: bytes, delimiter: str) -> None:
    text = io.StringIO(blob.decode("utf-8-sig"), newline="")
    header, *rows = [row for row in csv.reader(text, delimiter=delimiter) if row]
    assert list(data.frame.columns) == header
    assert len(data) == len(rows)
    for position, name in enumerate(header):
        values = data.frame[name].astype(object).where(data.frame[name].notna(), None)
        kind = data.schema.columns[name].type
        if {row[position] for row in rows} <= set(MISSING_NUMBERS):
            kind = "number"  # nothing says what such a column holds: it is missing altogether
        others = [row[position] for row in rows if not re.fullmatch("[ \t\u00a0]*", row[position])]
        has_words = any(not re.search("[0-9]", cell) for cell in others)
        is_padded = len({len(row[position]) for row in rows} - {0}) == 1
        for row, value in zip(rows, values, strict=True):
            if value is None and row[position].isspace() and row[position] not in others:
                assert is_padded or not has_words, (name, row[position])  # spaces alone are missing there
                continue
            assert is_what_was_written(row[position], value, kind), (name, kind, row[position], value)


PEOPLE = "name,age,score,when,ok,note\n" + "".join(
    f'n{i},{i},{i * 0.37:.2f},2020-01-{i % 28 + 1:02d},{i % 2 == 0},"a, {i} ""q"" b"\n' for i in range(9)
)
NUMBERS = "x,y,label\n" + "".join(f"{i},{i * 1.5},{'ab'[i % 2]}\n" for i in range(12))
CSV_FILES = [(PEOPLE, ","), (NUMBERS, ","), ("a;b\r\n" + '1;"2,5"\r\n3;4\r\n' * 4, ";")]


FEW_AND_MANY = pytest.mark.parametrize(
    "seeds", [range(150), pytest.param(range(150, 1000), marks=pytest.mark.slow)], ids=["few", "many"]
)


@FEW_AND_MANY
def test_mutated_csv_files_are_read_cell_by_cell_or_refused_in_words(seeds, tmp_path):
    path, num_read = tmp_path / "data.csv", 0
    for seed in seeds:
        text, delimiter = CSV_FILES[seed % len(CSV_FILES)]
        blob = mutated_bytes(text.encode(), np.random.default_rng(seed), most=2)
        path.write_bytes(blob)
        data = read(CsvSource, path, delimiter=delimiter)
        if data is not None:
            expect_every_cell_in_its_column(data, blob, delimiter)
            num_read += 1
    assert len(seeds) / 5 < num_read < 4 / 5 * len(seeds)


INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TRICKY = ["", "NA", "nan", "null", "00", "007", "1e5", "-1", "+1", "0x1", "1_0", "true", "TRUE", "yes", "12:30", "=1+1"]
TRICKY += [
    "2020-01-01",
    "2020-01-01T10:00:00Z",
    "1,5",
    "a;b",
    '"',
    '""',
    "'",
    " 1",
    "1 ",
    "\t",
    "a\nb",
    "\r",
    "é",
    "x" * 500,
]
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(TRICKY)
DATES = st.dates(pd.Timestamp("1700-01-01").date(), pd.Timestamp("2200-01-01").date()).map(str)
CELLS = [INTEGERS.map(str), FLOATS.map(repr), st.booleans().map(str), DATES, TEXTS, st.sampled_from(["a", ""])]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6).filter(str.strip)


@st.composite
def tables(draw) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    num_rows = draw(st.integers(1, 8))
    kinds = [draw(st.sampled_from(CELLS)) for _ in header]
    return header, [[draw(kind) for kind in kinds] for _ in range(num_rows)]


def expect_a_table_comes_back(path: Path, table: tuple[list[str], list[list[str]]]) -> None:
    header, rows = table
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    blob = text.getvalue().encode()
    path.write_bytes(blob)
    data = read(CsvSource, path)
    if data is not None:
        expect_every_cell_in_its_column(data, blob, ",")


HERE = settings(derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(HERE, max_examples=15)
@given(table=tables())
def test_any_table_comes_back_cell_by_cell_or_is_refused_in_words(tmp_path, table):
    expect_a_table_comes_back(tmp_path / "data.csv", table)


@pytest.mark.slow
@settings(HERE, max_examples=2000)
@given(table=tables())
def test_2000_tables_come_back_cell_by_cell_or_are_refused_in_words(tmp_path, table):
    expect_a_table_comes_back(tmp_path / "data.csv", table)


# JSON lines: Python's own reader says what stands where


JSON_LINES = "".join(
    json.dumps({"name": f"n{i}", "age": i, "score": i * 0.5, "ok": i % 2 == 0, "note": None if i % 3 else "é\n"}) + "\n"
    for i in range(8)
)


def json_objects(text: str) -> list[dict[str, object]]:
    """One after the other: where a line is broken between two values, the object goes on in the next line."""
    decoder, rows, start = json.JSONDecoder(), [], 0
    while text[start:].strip():
        start += len(text[start:]) - len(text[start:].lstrip())
        row, start = decoder.raw_decode(text, start)
        rows.append(row)
    return rows


def plain(value: object) -> object:
    return None if value is None or value is pd.NA or value != value else value


@FEW_AND_MANY
def test_mutated_files_of_json_lines_are_read_value_by_value_or_refused_in_words(seeds, tmp_path):
    path, num_read = tmp_path / "data.jsonl", 0
    for seed in seeds:
        blob = mutated_bytes(JSON_LINES.encode(), np.random.default_rng(seed), most=2)
        path.write_bytes(blob)
        data = read(JsonLinesSource, path)
        if data is None:
            continue
        num_read += 1
        rows = json_objects(blob.decode("utf-8-sig"))
        assert len(rows) == len(data)
        assert set().union(*rows) == set(data.frame.columns)
        for name in data.frame.columns:
            kind = data.schema.columns[name].type
            for row, value in zip(rows, data.frame[name].astype(object), strict=True):
                written = row.get(name)
                if plain(value) is None or written is None:
                    assert plain(value) is None
                    assert written in (None, "")
                elif kind == "datetime":
                    assert pd.Timestamp(written) == value
                else:
                    assert written == value or str(written) == str(value)
    assert len(seeds) / 10 < num_read < 9 / 10 * len(seeds)


# binary files: no other reader; read or refused, in a process whose memory is measured


def write_parquet(path: Path) -> None:
    rng = np.random.default_rng(0)
    words = {"c": rng.choice(["a", "b"], 50), "t": [f"text {i}" for i in range(50)]}
    pq.write_table(
        pa.table({"x": rng.normal(size=50), "n": range(50), **words, "v": list(rng.normal(size=(50, 4)))}), path
    )


def write_npz(path: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (20, 8, 8, 1), dtype=np.uint8)
    np.savez_compressed(path, image=image, x=rng.normal(size=20), label=np.array(["a", "b"] * 10))


def write_arrow(path):
    write_parquet(path)
    pa.feather.write_feather(pq.read_table(path), path, compression="uncompressed")


MEASURED = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import numpy as np
import test_hostile_tables as tables
from memory import peak_megabytes
from mutations import mutated_bytes

for name in sys.argv[4:]:
    source = getattr(tables, name)
    path = Path(sys.argv[2]) / f"data{source.endings[0]}"
    blob = path.read_bytes()
    tables.read(source, path)
    before = peak_megabytes()
    num_read = 0
    for seed in range(int(sys.argv[3])):
        path.write_bytes(mutated_bytes(blob, np.random.default_rng(seed), most=2))
        num_read += tables.read(source, path) is not None
    print(name, num_read, peak_megabytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures a process as Linux does")
@pytest.mark.parametrize("count", [70, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_binary_files_are_read_or_refused_in_words_and_in_bounded_memory(count, tmp_path):
    made = {ParquetSource: write_parquet, ArrowSource: write_arrow, NpzSource: write_npz}
    for source, make in made.items():
        make(tmp_path / f"data{source.endings[0]}")
    names = [source.__name__ for source in made]
    arguments = [str(Path(__file__).parent), str(tmp_path), str(count), *names]  # one process, for its imports' sake
    done = subprocess.run([sys.executable, "-W", "error", "-c", MEASURED, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    results = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _, _ in results] == names
    assert all(int(num_read) < count for _, num_read, _ in results)
    assert all(int(megabytes) < 300 for _, _, megabytes in results), done.stdout


# bombs and archives


def test_a_header_that_claims_a_huge_array_takes_no_memory(tmp_path):
    path = tmp_path / "data.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 8)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + b"\0" * 64)
    assert read(NpzSource, path) is None


def test_a_small_archive_that_unpacks_to_more_than_is_allowed_is_refused_before_it_does(tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (50_000_000,)})
        for _ in range(50):
            member.write(bytes(1_000_000))
    assert path.stat().st_size < 100_000
    assert read(NpzSource, path, max_gigabytes=0.02) is None


@pytest.mark.parametrize("name", ["../out.npy", "/etc/out.npy", "a/../../out.npy", "C:\\out.npy"])
def test_members_of_an_archive_are_never_unpacked_to_where_they_say(name, tmp_path):
    path = tmp_path / "in" / "data.npz"
    path.parent.mkdir()
    member = io.BytesIO()
    np.save(member, np.arange(5))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, member.getvalue())
    data = read(NpzSource, path)
    assert data is None or list(data.frame.columns) == [name.removesuffix(".npy")]
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "npz"])
def test_a_packed_file_whose_name_hides_it_is_refused_without_unpacking_it(ending, tmp_path):
    path = tmp_path / f"data.{ending}"
    content = b"x,y\n1,2\n" if ending == "csv" else b'{"x": 1}\n'
    path.write_bytes(gzip.compress(content + b"1,2\n" * 1_000_000))
    source = {"csv": CsvSource, "jsonl": JsonLinesSource, "parquet": ParquetSource, "npz": NpzSource}
    assert read(source[ending], path) is None
