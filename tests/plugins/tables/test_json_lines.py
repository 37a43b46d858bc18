from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.json_lines import JsonLinesSource, JsonSource


def read(folder: Path, content: str, declared: dict | None = None) -> Dataset:
    path = folder / "data.jsonl"
    path.write_text(content, encoding="utf-8")
    context = Context(seed=0, folder=folder, declared=SchemaDeclaration.model_validate(declared or {}))
    return JsonLinesSource(JsonLinesSource.Params(path=path)).read(context)


def test_texts_of_spaces_among_words_are_noted(tmp_path: Path, caplog) -> None:
    data = read(tmp_path, "\n".join(json.dumps({"c": "  ab"[n % 4], "n": str(n)}) for n in range(8)))
    assert data.frame.c.tolist() == [" ", " ", "a", "b"] * 2
    assert "column 'c': 4 cells hold only spaces, which is taken for a word of its own" in caplog.text
    assert "column 'n'" not in caplog.text


def test_objects_become_rows_and_absent_keys_missing_values(tmp_path: Path) -> None:
    lines = ['{"n": 1, "c": "a", "x": 0.5, "b": true}', "", '{"n": null, "c": "a"}', '{"n": 3, "c": "a", "x": 2}']
    data = read(tmp_path, "\n".join(lines))
    assert {name: column.type for name, column in data.schema.columns.items()} == {
        "n": "integer",
        "c": "category",
        "x": "number",
        "b": "boolean",
    }
    assert data.frame.isna().to_dict("list") == {
        "n": [False, True, False],
        "c": [False] * 3,
        "x": [False, True, False],
        "b": [False, True, True],
    }


def test_text_holds_newlines_and_any_letter(tmp_path: Path) -> None:
    lines = '{"text": "two\\nlines ü 😀", "y": "a"}\n{"text": "b", "y": "a"}\n{"text": "c", "y": "a"}\n'
    data = read(tmp_path, lines, {"target": "y"})
    assert data.frame.text[0] == "two\nlines ü 😀"
    assert data.schema.modality == "text"


@pytest.mark.parametrize("value", ['"00123"', "123"])
def test_a_declared_category_keeps_its_letters(value: str, tmp_path: Path) -> None:
    data = read(tmp_path, f'{{"zip": {value}}}\n', {"columns": {"zip": {"type": "category"}}})
    assert data.frame.zip.tolist() == [value.strip('"')]


def test_a_declared_text_that_looks_like_a_date_stays_text(tmp_path: Path) -> None:
    line = '{"d": "2024-01-01 10:00:00"}\n'
    assert read(tmp_path, line).frame.d[0] == pd.Timestamp("2024-01-01 10:00:00")
    assert read(tmp_path, line, {"columns": {"d": {"type": "text"}}}).frame.d[0] == "2024-01-01 10:00:00"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ('{"a": 1}\n{"a": 1, "a": 2}\n', "line 2: .* has the key 'a' twice"),
        ('{"a": 1}\n{"a": 2\n', r"line 2: is not JSON"),
        ('[{"a": 1}, {"a": 2}]\n', r"line 1: holds a list; one JSON object a line"),
        ('[\n{"a": 1}]\n', r"line 1: is not JSON.*use the source `json-records`"),
        ('{"a": 1}\n{"a": nan}\n', r"line 2: is not JSON"),
        ('{"a": 1}\n{"a": "x"}\n', r"line 2: 'a' holds a text, and a number on line 1"),
        ('{"a": {"b": 1}}\n', r"column 'a' holds values of type struct"),
        ('{"a": [1, 2]}\n', r"column 'a' holds values of type list"),
        ('{"": 1}\n', r"no name for column 1"),
        ('{"a": 1}\n{"a": 1\x00}\n', r"line 2: a NUL character"),
        ('{"a": 1e999}\n', r"line 1: 'a' holds a number too large"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_a_declared_column_that_no_line_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'zip' is not in the data"):
        read(tmp_path, '{"a": 1}\n', {"columns": {"zip": {"type": "category"}}})


def test_bytes_that_are_not_utf8_are_refused_with_their_offset(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(DataError, match="line 1: byte 0xff at offset 7 is not utf-8"):
        JsonLinesSource(JsonLinesSource.Params(path=path)).read(Context(seed=0, folder=tmp_path))


def test_declared_ids_stay_integers_or_texts(tmp_path: Path) -> None:
    ids = {"columns": {name: {"type": "id"} for name in ("n", "day")}}
    data = read(tmp_path, '{"n": 7, "day": "2024-01-31"}\n{"n": 8, "day": "2024-02-01"}\n', ids).frame
    assert data.n.tolist() == [7, 8]
    assert data.day.tolist() == ["2024-01-31", "2024-02-01"]


def read_json(folder: Path, content: str, declared: dict | None = None) -> Dataset:
    path = folder / "data.json"
    path.write_text(content, encoding="utf-8")
    context = Context(seed=0, folder=folder, declared=SchemaDeclaration.model_validate(declared or {}))
    return JsonSource(JsonSource.Params(path=path)).read(context)


RECORDS = [
    '{"n": 1, "c": "00123", "x": 0.1, "b": true, "d": "2024-01-01"}',
    '{"n": null, "c": "ü\\n😀", "x": 12345678901234567, "d": "2024-01-02"}',
]


@pytest.mark.parametrize(
    "content", ["[" + ",\n ".join(RECORDS) + "]\n", "\n".join(RECORDS), " [" + ",".join(RECORDS) + "]"]
)
def test_a_list_of_objects_is_read_as_lines_of_them_are(content: str, tmp_path: Path) -> None:
    expected, data = read(tmp_path, "\n".join(RECORDS)), read_json(tmp_path, content)
    assert data.schema == expected.schema
    pd.testing.assert_frame_equal(data.frame, expected.frame)


def test_one_object_on_a_line_is_one_row(tmp_path: Path) -> None:
    assert read_json(tmp_path, '{"a": 1}\n').frame.a.tolist() == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", r"data\.json: the list is empty"),
        ("[1, 2]", r"data\.json, object 1: holds a number; a list of objects"),
        ('[{"a": 1}, {"a": "x"}]', r"data\.json, object 2: 'a' holds a text, and a number on object 1"),
        ('[{"a": 1}, {"a": 2}', r"data\.json: is not JSON"),
        ('[{"a": NaN}]', r"data\.json: is not JSON: NaN is no JSON value"),
        ('[{"a": 1, "a": 2}]', r"data\.json: is not JSON: an object has the key 'a' twice"),
        ("[" * 100_000, r"data\.json: is not JSON"),
        ('[{"a": {"b": 1}}]', r"data\.json: column 'a' holds values of type struct"),
        ('{\n "a": [1, 2]\n}', r"data\.json: holds one object, and a list of objects"),
        ('{"data": [{"a": 1}]}', r"data\.json: holds one object, and a list of objects"),
        ('{"a": 1}\n{"a": 2', r"data\.json, line 2: is not JSON"),
    ],
)
def test_a_bad_list_is_refused_with_the_place(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as error:
        read_json(tmp_path, content)
    assert str(tmp_path / "data.json") in str(error.value)


def test_integers_that_floats_cannot_hold_are_refused_with_the_line(tmp_path: Path) -> None:
    content = '{"a": 1, "b": 0.5}\n\n{"a": 9223372036854775809, "b": 1e300}\n'
    with pytest.raises(DataError, match=r"data\.jsonl, line 2: 'a' holds an integer above 2⁶³ - 1.* as texts"):
        read(tmp_path, content)
    assert read(tmp_path, content.replace("9223372036854775809", "9223372036854775807")).frame.a[1] == 2**63 - 1


@pytest.mark.parametrize("lines", [True, False])
def test_the_settings_leave_out_keys_that_hold_lists_and_objects(
    lines: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    objects = ['{"n": 1, "user": {"age": 3}}', '{"n": 2, "tags": ["x"]}']
    path = tmp_path / ("data.jsonl" if lines else "data.json")
    path.write_text("\n".join(objects) if lines else f"[{','.join(objects)}]")
    source = JsonLinesSource if lines else JsonSource
    assert source.further_settings(path, {}, None) == {"columns": ["n"]}
    assert sorted(record.args[0] for record in caplog.records) == ["tags", "user"]  # type: ignore[index]
    assert source.further_settings(path, {"columns": ["n"]}, None) == {}
