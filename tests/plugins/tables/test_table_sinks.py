from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augment.data import Dataset, Schema, SchemaDeclaration, infer
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables import arrow_sink
from augment_tables.csv_sink import CsvSink
from augment_tables.csv_source import CsvSource
from augment_tables.parquet_sink import ParquetSink
from augment_tables.parquet_source import ParquetSource

NUM_ROWS = 40


def table() -> Dataset:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=NUM_ROWS),
            "n": pd.array([None, *range(NUM_ROWS - 1)], dtype="Int64"),
            "c": rng.choice(["red", "green, or blue", 'a "quoted" one'], NUM_ROWS),
            "b": pd.array([True, None] * (NUM_ROWS // 2), dtype="boolean"),
            "d": pd.Timestamp("2024-01-01 10:00") + pd.to_timedelta(np.arange(NUM_ROWS), unit="s"),
            "t": [f"text {i}\nof two lines" for i in range(NUM_ROWS)],
        }
    )
    return Dataset.of(frame, {}, infer(frame))


def images(num_channels: int = 3) -> Dataset:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"y": rng.choice(["cat", "dog"], NUM_ROWS)})
    arrays = {"image": rng.integers(0, 256, (NUM_ROWS, 6, 5, num_channels), dtype=np.uint8)}
    return Dataset.of(frame, arrays, infer(frame, arrays, SchemaDeclaration(target="y")))


def write(sink, data: Dataset, folder: Path, size: int = 1000) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    [path] = sink.write("train", data.batches(size), data.schema, folder)
    return path


def read_back(source: type, path: Path, schema: Schema, **settings) -> Dataset:
    declared = SchemaDeclaration(columns=schema.columns, arrays=schema.arrays, target=schema.target)
    return source(source.Params(path=path, **settings)).read(Context(seed=0, folder=path.parent, declared=declared))


@pytest.mark.parametrize(("sink", "suffix"), [(CsvSink, "csv"), (ParquetSink, "parquet")])
def test_equal_rows_give_equal_bytes_however_batched(sink: type, suffix: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrow_sink, "ROWS_A_GROUP", 16)
    whole = write(sink(), table(), tmp_path / "whole")
    assert whole.name == f"train.{suffix}"
    for size in (1, 7, 16):
        assert write(sink(), table(), tmp_path / str(size), size).read_bytes() == whole.read_bytes()


def test_labels_that_the_schema_does_not_know_do_not_make_bytes_depend_on_batches(tmp_path: Path) -> None:
    data = table()
    column = data.schema.columns["c"].model_copy(update={"categories": ("red",)})
    schema = data.schema.model_copy(update={"columns": {**data.schema.columns, "c": column}})
    parts = [Dataset.of(part.frame.astype({"c": "str"}), {}, schema) for part in data.batches(3)]
    [pieces] = ParquetSink().write("pieces", parts, schema, tmp_path)
    [whole] = ParquetSink().write("whole", [Dataset.concat(parts)], schema, tmp_path)
    assert pieces.read_bytes() == whole.read_bytes()
    assert pd.read_parquet(whole).c.astype(str).tolist() == data.frame.c.astype(str).tolist()


@pytest.mark.parametrize(("sink", "source"), [(CsvSink, CsvSource), (ParquetSink, ParquetSource)])
def test_a_table_comes_back_as_it_was(sink: type, source: type, tmp_path: Path) -> None:
    data = table()
    assert read_back(source, write(sink(), data, tmp_path, 9), data.schema).equals(data)


@pytest.mark.parametrize(("sink", "suffix"), [(CsvSink, "csv"), (ParquetSink, "parquet")])
@pytest.mark.parametrize("batches", [[], [table().take(slice(0, 0))]], ids=["no batch", "an empty batch"])
def test_no_rows_make_a_file_with_columns(sink: type, suffix: str, batches: list, tmp_path: Path) -> None:
    [path] = sink().write("test", batches, table().schema, tmp_path)
    frame = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert list(frame.columns) == list("xncbdt")
    assert not len(frame)


@pytest.mark.parametrize(("sink", "reader"), [(CsvSink, pd.read_csv), (ParquetSink, pd.read_parquet)])
@pytest.mark.parametrize("ids", [[3, 4], ["r-3", "r-4"]], ids=["integers", "strings"])
def test_ids_are_written_as_they_are(sink: type, reader, ids: list, tmp_path: Path) -> None:
    frame = pd.DataFrame({"key": ids})
    data = Dataset.of(
        frame, {}, infer(frame, declared=SchemaDeclaration.model_validate({"columns": {"key": {"type": "id"}}}))
    )
    assert reader(write(sink(), data, tmp_path)).key.tolist() == ids


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1, max_size=8)
)
def test_any_text_survives_a_csv_file(texts: list[str], tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": pd.Series(texts, dtype="str"), "n": 1})
    declared = SchemaDeclaration.model_validate({"columns": {"t": {"type": "text"}}})
    data = Dataset.of(frame, {}, infer(frame, declared=declared))
    path = write(CsvSink(CsvSink.Params(guard_formulas=False)), data, tmp_path)
    assert read_back(CsvSource, path, data.schema).frame.t.tolist() == texts


def test_words_that_a_spreadsheet_would_run_are_guarded_and_numbers_are_not(tmp_path: Path) -> None:
    cells = ["=1+1", "+cmd", "-x", "@sum", "\tx", "＝x", "-1", "+2.5e3", "a=b", "<=50K", "it's", "'x", "'=1", "'-1"]
    frame = pd.DataFrame({"=c": pd.Categorical(cells), "x": -1.0})
    data = Dataset.of(frame, {}, infer(frame))
    lines = write(CsvSink(), data, tmp_path).read_text().splitlines()
    assert lines[0] == "'=c,x"
    guarded = ["'=1+1", "'+cmd", "'-x", "'@sum", "'\tx", "'＝x", "-1", "+2.5e3", "a=b", "<=50K", "it's", "'x"]
    guarded += ["''=1", "''-1"]  # so that taking one away gives back every word
    assert lines[1:] == [f'"{cell}",-1.0' for cell in guarded]
    texts = Dataset.of(
        frame.astype("str"),
        {},
        infer(frame, declared=SchemaDeclaration.model_validate({"columns": {"=c": {"type": "text"}}})),
    )
    lines = write(CsvSink(), texts, tmp_path).read_text().splitlines()
    assert lines[1:] == [f'"{cell}",-1.0' for cell in [*guarded[:6], "'-1", "'+2.5e3", *guarded[8:]]]
    plain = write(CsvSink(CsvSink.Params(guard_formulas=False)), data, tmp_path).read_text()
    assert plain.startswith('=c,x\n"=1+1",-1.0\n')


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.text("'=+-@\t\r\n＝1.ea, ", min_size=1), min_size=1, max_size=8))
def test_guards_can_be_taken_away_again_and_leave_no_formula(words: list[str], tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": pd.Series(words, dtype="str"), "n": 1})
    declared = SchemaDeclaration.model_validate({"columns": {"t": {"type": "text"}}})
    data = Dataset.of(frame, {}, infer(frame, declared=declared))
    cells = read_back(CsvSource, write(CsvSink(), data, tmp_path), data.schema).frame.t.dropna()
    for cell in cells:
        assert cell[0] not in "=+-@\t\r\n＝"
    assert cells.str.replace(r"^'('*[=+\-@\t\r\n＝＋－＠])", r"\1", regex=True).tolist() == words
    plain = read_back(CsvSource, tmp_path / "train.csv", data.schema, guard_formulas=True)
    assert plain.frame.t.dropna().tolist() == words


@pytest.mark.parametrize(
    ("times", "cells"),
    [
        (["2024-01-01", None, "1700-03-01"], ["2024-01-01", "", "1700-03-01"]),
        (["2024-01-01T10:00:01", None, "2024-01-01"], ["2024-01-01 10:00:01", "", "2024-01-01 00:00:00"]),
        (["2024-01-01T00:00:00.5", "2024-01-01"], ["2024-01-01 00:00:00.500000", "2024-01-01 00:00:00.000000"]),
    ],
    ids=["dates", "seconds", "fractions"],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_times_are_written_as_fine_as_the_whole_column_needs(times: list, cells: list, size: int, tmp_path: Path):
    frame = pd.DataFrame({"d": pd.to_datetime(times, format="ISO8601"), "n": range(len(times))})
    data = Dataset.of(frame, {}, infer(frame))
    path = write(CsvSink(), data, tmp_path, size)
    assert [line.partition(",")[0] for line in path.read_text().splitlines()[1:]] == cells
    assert read_back(CsvSource, path, data.schema).equals(data)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("sink", "source"), [(CsvSink, CsvSource), (ParquetSink, ParquetSource)])
def test_dates_are_written_as_they_were(sink: type, source: type, tmp_path: Path) -> None:
    frame = pd.DataFrame({"ymd": [20240131, 20240229, None], "day": ["31.01.2024", None, "29.02.2024"]})
    said = SchemaDeclaration.model_validate({"columns": {"day": {"date_format": "%d.%m.%Y"}}})
    data = Dataset.of(frame, {}, infer(frame, declared=said))
    path = write(sink(), data, tmp_path)
    if sink is CsvSink:
        assert path.read_text() == 'ymd,day\n20240131,"31.01.2024"\n20240229,\n,"29.02.2024"\n'
    else:
        [empty] = sink().write("none", [], data.schema, tmp_path)
        assert pq.read_schema(path).types == pq.read_schema(empty).types == [pa.int64(), pa.timestamp("us")]
    assert read_back(source, path, data.schema).equals(data)


def test_csv_refuses_arrays(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot hold the array 'image'; use parquet"):
        write(CsvSink(), images(), tmp_path)


def test_pandas_reads_parquet_with_its_own_types(tmp_path: Path) -> None:
    frame = pd.read_parquet(write(ParquetSink(), table(), tmp_path))
    assert isinstance(frame.c.dtype, pd.CategoricalDtype)
    assert str(frame.d.dtype) == "datetime64[us]"
    assert frame.x.dtype == np.float64
    assert frame.t[3] == "text 3\nof two lines"


def test_parquet_is_compressed_and_only_categories_are_dictionaries(tmp_path: Path) -> None:
    group = pq.ParquetFile(write(ParquetSink(), table(), tmp_path)).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert [name for name, column in columns.items() if column.has_dictionary_page] == ["c"]


def test_row_groups_are_cut_by_rows_and_by_payload(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrow_sink, "ROWS_A_GROUP", 16)
    assert pq.ParquetFile(write(ParquetSink(), table(), tmp_path, 9)).num_row_groups == 3
    monkeypatch.setattr(arrow_sink, "PAYLOAD_A_GROUP", 10 * 6 * 5 * 3)
    assert pq.ParquetFile(write(ParquetSink(), images(), tmp_path, 9)).num_row_groups == 4


def test_batches_are_not_all_held_at_once(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrow_sink, "ROWS_A_GROUP", 8)
    data, path = table(), tmp_path / "train.parquet"
    sizes = []

    def batches():
        for batch in data.batches(8):
            sizes.append(path.stat().st_size if path.exists() else 0)
            yield batch

    ParquetSink().write("train", batches(), data.schema, tmp_path)
    assert sizes[-1] > sizes[1] > 0


@pytest.mark.parametrize("num_channels", [1, 3, 4])
def test_images_come_back_to_the_pixel(num_channels: int, tmp_path: Path) -> None:
    data = images(num_channels)
    path = write(ParquetSink(), data, tmp_path, 7)
    assert read_back(ParquetSource, path, data.schema).equals(data)
    blob = pq.read_table(path)["image"][0].as_py()["bytes"]
    assert blob.startswith(b"\x89PNG")
    assert write(ParquetSink(), data, tmp_path / "again", 40).read_bytes() == path.read_bytes()


def test_images_that_png_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 channels"):
        write(ParquetSink(), images(2), tmp_path)


@pytest.mark.parametrize("shape", [(4,), (5, 2)], ids=["vector", "series"])
def test_arrays_of_numbers_come_back(shape: tuple[int, ...], tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(6, *shape)).astype(np.float32)
    frame = pd.DataFrame({"y": list("ababab")})
    data = Dataset.of(frame, {"v": values}, infer(frame, {"v": values}))
    path = write(ParquetSink(), data, tmp_path, 4)
    assert read_back(ParquetSource, path, data.schema).equals(data)
    assert np.asarray(pd.read_parquet(path).v[0].tolist()).shape == shape


def test_tokens_come_back(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.int32).reshape(4, 3)
    frame = pd.DataFrame({"y": list("abab")})
    data = Dataset.of(frame, {"events": values}, infer(frame, {"events": values}))
    assert read_back(ParquetSource, write(ParquetSink(), data, tmp_path), data.schema).equals(data)


@pytest.mark.parametrize("data", [table(), images(1), images(3)], ids=["table", "grey", "colour"])
def test_hugging_face_datasets_reads_it(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    path = write(ParquetSink(), data, tmp_path, 9)
    loaded = datasets.load_dataset("parquet", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")
    assert loaded.num_rows == NUM_ROWS
    assert loaded.column_names == [*data.frame.columns, *data.arrays]
    if data.arrays:
        assert isinstance(loaded.features["image"], datasets.Image)
        pixels = np.asarray(loaded[5]["image"])
        assert np.array_equal(pixels.reshape(6, 5, -1), data.arrays["image"][5])
        assert loaded[5]["y"] == data.frame.y[5]
    else:
        assert loaded["c"][:] == data.frame.c.tolist()
        assert loaded["t"][:] == data.frame.t.tolist()


def test_hugging_face_datasets_reads_every_column_beside_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    arrays = {
        "image": images().arrays["image"],
        "v": np.ones((NUM_ROWS, 3), dtype=np.float32),
        "s": np.ones((NUM_ROWS, 2, 3), dtype=np.float32),
    }
    frame = table().frame
    path = write(ParquetSink(), Dataset.of(frame, arrays, infer(frame, arrays)), tmp_path)
    loaded = datasets.Dataset.from_parquet(str(path), cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded.features["image"], datasets.Image)
    assert loaded[0]["v"] == [1.0, 1.0, 1.0]
    assert loaded[0]["s"] == [[1.0] * 3] * 2
    assert loaded[1]["n"] == 0
    assert loaded[0]["d"] == pd.Timestamp("2024-01-01 10:00")


def read_parquet(path: Path, **params) -> Dataset:
    return ParquetSource(ParquetSource.Params(path=path, **params)).read(Context(seed=0, folder=path.parent))


def test_a_parquet_file_written_by_pandas_is_read_without_its_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["x", None])}, index=pd.Index([5, 9]))
    frame.to_parquet(tmp_path / "f.parquet")
    data = read_parquet(tmp_path / "f.parquet")
    assert list(data.frame.columns) == ["a", "b"]
    assert data.frame.b.isna().tolist() == [False, True]
    assert list(read_parquet(tmp_path / "f.parquet", columns=["b"]).frame.columns) == ["b"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"v": [[1.0, 2.0], [1.0]]}, r"column 'v', data row 2: a list of length 1; the first has 2"),
        ({"v": [[[1.0], [2.0]], [[1.0], [2.0, 3.0]]]}, r"column 'v', data row 2: a list of length 2; the first has 1"),
        ({"v": [[1.0, 2.0], None]}, r"column 'v', data row 2: a list of length nan"),
        ({"v": [["a"], ["b"]]}, r"column 'v' holds lists of string"),
        ({"v": [[1.0, None], [1.0, 2.0]]}, r"column 'v' holds 1 missing numbers"),
        ({"v": [[1.0, float("inf")], [1.0, 2.0]]}, r"column 'v' holds numbers that are not finite"),
        ({"v": [{"bytes": b"no image"}]}, r"column 'v', data row 1 cannot be read as an image"),
        ({"v": [{"bytes": None}]}, r"column 'v', data row 1: has no image bytes"),
        ({"v": [{"a": 1}]}, r"column 'v' holds values of type struct"),
        ({"v": [b"bytes"]}, r"column 'v' holds values of type binary"),
        ({"x": [float("inf")]}, r"column 'x', data row 1: an infinite number"),
        ({"x": []}, r"holds no rows"),
    ],
)
def test_parquet_that_cannot_be_used_is_refused_with_the_place(columns: dict, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match=message):
        read_parquet(path)


def test_images_of_different_sizes_are_refused_with_their_row(tmp_path: Path) -> None:
    from PIL import Image

    def png(size: tuple[int, int]) -> dict:
        blob = io.BytesIO()
        Image.new("L", size).save(blob, "png")
        return {"bytes": blob.getvalue(), "path": None}

    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"image": [png((3, 2)), png((3, 3))]}), path)
    with pytest.raises(DataError, match=r"data row 2: is .*\(3, 3, 1\); the first image is \(2, 3, 1\)"):
        read_parquet(path)


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    path = write(ParquetSink(), table(), tmp_path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(DataError, match="is not a whole Parquet file"):
        read_parquet(path)
    with pytest.raises(DataError, match="no such file"):
        read_parquet(tmp_path / "absent.parquet")
