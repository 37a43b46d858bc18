"""Several files that are read as one table, and compressed ones."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augment.data import Dataset, SchemaDeclaration
from augment.detect.formats import find_source
from augment.detect.formats import read as look_at
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.contracts import Source
from augment_tables.csv_source import CsvSource
from augment_tables.json_lines import JsonLinesSource
from augment_tables.parquet_source import ParquetSource


def read(source: type[Source], path: Any, declared: dict | None = None, **params: Any) -> Dataset:
    folder = Path(path[0] if isinstance(path, list) else path).parent
    context = Context(seed=0, folder=folder, declared=SchemaDeclaration.model_validate(declared or {}))
    return source(source.Params(path=path, **params)).read(context)


def write(folder: Path, **texts: str) -> list[Path]:
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return [folder / f"{name}.csv" for name in texts]


FIRST = {
    "numbers": ("1\n2\n", "0.5\n\n"),
    "codes": ("00123\n7\n", "8\n9\n"),  # zeros in front in one file: text in both
    "words": ("1\n2\n", "a\nb\n"),
    "missing": ('""\n\n', "1\n2\n"),
    "large": ("9007199254740993\n1\n", "0.5\n1\n"),
    "days": ("2024-01-01\n2024-01-02\n", "2024-01-03 10:00:00\n2024-01-04\n"),
    "yes": ("true\nfalse\n", "true\n\n"),
}


@pytest.mark.parametrize("name", FIRST)
def test_columns_have_the_types_that_one_file_would_have(name: str, tmp_path: Path) -> None:
    parts = [[f"{n},{cell}" for n, cell in enumerate(part.splitlines())] for part in FIRST[name]]
    texts = ["n,x\n" + "\n".join(part) + "\n" for part in parts]
    files = write(tmp_path, a=texts[0], b=texts[1], one="n,x\n" + "\n".join([*parts[0], *parts[1]]) + "\n")
    whole, several = read(CsvSource, files[2]), read(CsvSource, files[:2])
    if name == "large":  # which one file rounds
        assert several.frame.x.tolist() == ["9007199254740993", "1", "0.5", "1"]
        return
    assert several.schema == whole.schema
    pd.testing.assert_frame_equal(several.frame, whole.frame)


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    files = write(tmp_path, a="x,y\n1,p\n", b="y,x\nq,2\n")
    assert read(CsvSource, files).frame.to_dict("list") == {"x": [1, 2], "y": ["p", "q"]}


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("x\n1\n", r"b\.csv: has no column 'y', which .*a\.csv has; .* under `columns`"),
        ("x,y,z\n1,p,2\n", r"a\.csv: has no column 'z', which .*b\.csv has"),
        ("x,Y\n1,p\n", r"b\.csv: has no column 'y', which .*a\.csv has"),
        ("x,y\n1\n", r"b\.csv, line 2: the row has 1 field"),
        ("x,y\n1,p\n1e999,q\n", r"b\.csv: column 'x', data row 2: an infinite number"),
        ("x,y\n", r"b\.csv: has a header but no rows"),
        ("", r"b\.csv: the file is empty"),
    ],
)
def test_a_file_that_does_not_fit_is_named(second: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(CsvSource, write(tmp_path, a="x,y\n1,p\n2,q\n", b=second))


def test_columns_that_all_files_have_can_be_chosen(tmp_path: Path) -> None:
    files = write(tmp_path, a="x,y\n1,p\n", b="x,z\n2,q\n")
    assert read(CsvSource, files, columns=["x"]).frame.x.tolist() == [1, 2]


def test_a_compressed_file_is_named_in_messages_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n1,2\n3\n"))
    with pytest.raises(DataError, match=rf"^{path}, line 3: the row has 1 field"):
        read(CsvSource, path)


def test_times_in_one_file_and_words_in_another_are_text_in_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": "2024-01-01 10:00:00"}\n')
    (tmp_path / "b.jsonl").write_text('{"x": "soon"}\n')
    data = read(JsonLinesSource, [tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    assert data.frame.x.tolist() == ["2024-01-01 10:00:00", "soon"]
    (tmp_path / "b.jsonl").write_text('{"x": 5}\n')
    with pytest.raises(DataError, match=r"b\.jsonl: column 'x' holds int64, and in .*a\.jsonl it holds string"):
        read(JsonLinesSource, [tmp_path / "a.jsonl", tmp_path / "b.jsonl"])


def _shards(folder: Path, *columns: dict[str, Any]) -> Path:
    folder.mkdir()
    for number, values in enumerate(columns):
        pq.write_table(pa.table(values), folder / f"train-{number:05}-of-{len(columns):05}.parquet")
    return folder


def test_a_folder_of_parquet_shards_is_one_table(tmp_path: Path) -> None:
    labels = [pa.array(part).dictionary_encode() for part in (["b", "a"], ["c", "a"])]
    folder = _shards(
        tmp_path / "shards",
        {"x": [1, 2], "label": labels[0], "v": [[0.5, 1.0], [2.0, 3.0]], "gap": pa.nulls(2, pa.string())},
        {"x": [0.5, 4], "label": labels[1], "v": [[4.0, 5.0], [6.0, 7.0]], "gap": [1, 2]},
    )
    assert find_source(folder, Catalog()) is ParquetSource
    data = read(ParquetSource, folder)
    assert data.frame.x.tolist() == [1, 2, 0.5, 4]
    assert data.frame.label.tolist() == ["b", "a", "c", "a"]
    assert data.frame.gap.dropna().tolist() == [1, 2]
    assert np.array_equal(data.arrays["v"].ravel(), [0.5, 1, 2, 3, 4, 5, 6, 7])


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"x": [1]}, {"x": ["a"]}, r"00001-of-00002\.parquet: column 'x' holds string, and in .* it holds int64"),
        ({"x": [[1.0]]}, {"x": [[1.0, 2.0]]}, r"holds float32 of shape \(2,\), and in .* float32 of shape \(1,\)"),
        ({"x": [[1.0]]}, {"x": [1.0]}, r"column 'x' holds double, and in .* it holds float32 of shape \(1,\)"),
        ({"x": [2**60 + 1]}, {"x": [0.5]}, r"column 'x' holds double, and in .* it holds int64"),
    ],
)
def test_shards_of_different_types_are_refused(first: dict, second: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(ParquetSource, _shards(tmp_path / "shards", first, second))


def test_the_settings_of_compressed_and_of_several_files_are_found(tmp_path: Path) -> None:
    text = "x;y\n1,5;a\n2;b\n"
    packed = tmp_path / "data.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    files = write(tmp_path, a=text, b=text)
    for data in (packed, files, tmp_path / "?.csv"):
        source = find_source(data, Catalog())
        assert source is CsvSource
        dataset, settings, _ = look_at(source, data)
        assert settings == {"delimiter": ";", "decimal": ","}
        assert dataset.schema.columns["x"].type == "number"


def test_a_source_of_one_file_refuses_several(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        np.savez(tmp_path / name, x=np.arange(3))
    files = [tmp_path / "a.npz", tmp_path / "b.npz"]
    with pytest.raises(DataError, match="npz reads one file, not several"):
        look_at(find_source(files, Catalog()), files)


def test_histories_and_series_are_recognised_in_compressed_files(tmp_path: Path) -> None:
    events = "user_id,item_id,timestamp\n" + "".join(f"{n % 5},{n % 7},{n}\n" for n in range(40))
    (tmp_path / "events.csv.gz").write_bytes(gzip.compress(events.encode()))
    source = find_source(tmp_path / "events.csv.gz", Catalog())
    assert source.name == "histories"
    assert len(look_at(source, tmp_path / "events.csv.gz")[0]) == 5
    (tmp_path / "s.ts.gz").write_bytes(gzip.compress(b"@classLabel true a b\n@data\n1,2,3:a\n4,5,6:b\n"))
    source = find_source(tmp_path / "s.ts.gz", Catalog())
    assert source.name == "ts"
    assert len(look_at(source, tmp_path / "s.ts.gz")[0]) == 2


def write_partitions(folder: Path) -> Path:
    for place, (year, state) in enumerate([("2023", "a%2Fb"), ("2024", "c"), ("2024", "__HIVE_DEFAULT_PARTITION__")]):
        part = folder / "sales" / f"year={year}" / f"state={state}"
        part.mkdir(parents=True)
        pd.DataFrame({"x": [place, place + 0.5]}).to_parquet(part / "part-0.parquet")
    return folder / "sales"


def test_names_of_folders_are_columns(tmp_path: Path) -> None:
    folder = write_partitions(tmp_path)
    assert find_source(folder, Catalog()) is ParquetSource
    for path in (folder, folder / "**" / "*.parquet"):
        frame = read(ParquetSource, path).frame
        assert frame.x.tolist() == [0, 0.5, 2, 2.5, 1, 1.5]
        assert frame.year.tolist() == [2023, 2023, 2024, 2024, 2024, 2024]
        assert frame.state.astype("object").fillna("").tolist() == ["a/b", "a/b", "", "", "c", "c"]
    assert list(read(ParquetSource, folder, columns=("year", "x")).frame) == ["year", "x"]


def test_a_partition_stays_where_columns_are_left_out(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / "d" / f"year={year}").mkdir(parents=True)
        table = pa.table({"x": [1.0, 2.0], "took": pa.array([1, 2], pa.duration("s"))})
        pq.write_table(table, tmp_path / "d" / f"year={year}" / "part.parquet")
    data, settings, _ = look_at(ParquetSource, tmp_path / "d")
    assert settings["columns"] == ["x", "year"]
    assert list(data.frame) == ["x", "year"]


def test_a_key_that_no_object_of_a_file_has_is_missing_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n{"x": 2}\n')
    (tmp_path / "b.jsonl").write_text('{"x": 3, "y": "p"}\n')
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    frame = read(JsonLinesSource, files).frame
    assert frame.y.isna().tolist() == [True, True, False]
    assert caplog.messages == ["a.jsonl: no object has y, which is missing in all its rows"]
    assert read(JsonLinesSource, files, columns=("y", "x")).frame.x.tolist() == [1, 2, 3]
    with pytest.raises(DataError, match=r"a\.jsonl and 1 more: has no column 'yy'"):
        read(JsonLinesSource, files, columns=("yy",))
