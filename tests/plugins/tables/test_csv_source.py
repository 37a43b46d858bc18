from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.csv_source import CsvSource


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


def read(path: Path, content: bytes | str | None = None, declared: dict | None = None, **params) -> Dataset:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    context = Context(seed=0, folder=path.parent, declared=SchemaDeclaration.model_validate(declared or {}))
    return CsvSource(CsvSource.Params(path=path, **params)).read(context)


def types(data: Dataset) -> dict[str, str]:
    return {name: column.type for name, column in data.schema.columns.items()}


def test_each_type_is_read_as_what_it_is(file: Path) -> None:
    data = read(file, "x,n,c,b,d\n0.5,1,a,true,2024-01-31\n1.5,2,a,false,2024-02-01\n")
    assert types(data) == {"x": "number", "n": "integer", "c": "category", "b": "boolean", "d": "datetime"}
    assert data.frame.d[0] == pd.Timestamp("2024-01-31")


def test_a_type_is_inferred_from_every_row_however_late_it_shows(file: Path) -> None:
    rows = "".join(f"{i},padding padding padding\n" for i in range(100_000))
    data = read(file, "x,c\n" + rows + "0.5,late\n")
    assert types(data)["x"] == "number"
    assert data.frame.x.iloc[-1] == 0.5


def test_missing_cells_are_missing_and_large_integers_stay_exact(file: Path) -> None:
    data = read(file, "n,c,b,x\n9223372036854775807,a,true,1.5\n,,,NA\n1,a,false,\n")
    assert types(data) == {"n": "integer", "c": "category", "b": "boolean", "x": "number"}
    assert data.frame.n[0] == 9223372036854775807
    assert data.frame.iloc[1].isna().all()


def test_the_words_none_and_na_are_labels(file: Path) -> None:
    data = read(file, "c\nNone\nNA\nNone\nNA\n")
    assert data.frame.c.tolist() == ["None", "NA", "None", "NA"]


def test_a_unit_beside_numbers_is_taken_away_and_kept_in_the_schema(file: Path) -> None:
    data = read(file, 'p,c\n"1,250.00 €",a\n,b\n€-3.5,a\n', units={"p": "€"})
    assert types(data) == {"p": "number", "c": "text"}
    assert data.frame.p.dropna().tolist() == [1250.0, -3.5]
    assert data.schema.columns["p"].unit == "€"


@pytest.mark.parametrize("target", ["p", "c"])
def test_a_target_that_loses_its_unit_is_named(target: str, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(file, "p,c\n5 kg,a\n6 kg,b\n", {"target": target}, units={"p": "kg"})
    assert [message.startswith("target 'p' is a number") for message in caplog.messages] == [True] * (target == "p")


def test_a_target_that_keeps_its_unit_is_told_the_setting(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = read(file, "p,c\n5 kg,a\n6 kg,b\n", {"target": "p"})
    assert data.frame.p.tolist() == ["5 kg", "6 kg"]
    assert "to predict the numbers, say `units: {p: kg}` in the source" in caplog.text


def test_a_unit_stands_beside_decimal_commas_too(file: Path) -> None:
    assert read(file, "p\n1.250,5 kg\n3 kg\n", units={"p": "kg"}, decimal=",", delimiter=";").frame.p.sum() == 1253.5


def test_what_is_no_number_with_that_unit_is_refused_with_its_row(file: Path) -> None:
    with pytest.raises(DataError, match=r"column 'p', data row 2: '3 \$' is not a number with '€'"):
        read(file, "p\n1 €\n3 $\n", units={"p": "€"})


def test_words_that_mean_missing_can_be_named(file: Path) -> None:
    data = read(file, "x,c\n1,?\n?,a\n2,a\n3,NA\n", null_values=["?"])
    assert data.frame.x.isna().tolist() == [False, True, False, False]
    assert data.frame.c.isna().tolist() == [True, False, False, False]


@pytest.mark.parametrize("code", ["0x1F", "0X0", "-007", "9223372036854775808", "12345678901234567890123"])
def test_codes_that_could_be_taken_for_numbers_stay_as_they_are(file: Path, code: str) -> None:
    data = read(file, f"code,n\n{code},1\n5,2\n{code},3\n5,4\n")
    assert data.frame.code.tolist() == [code, "5", code, "5"]


def test_codes_with_leading_zeros_keep_them(file: Path) -> None:
    data = read(file, "zip,n\n00123,0\n00123,10\n99999,20\n99999,3\n")
    assert data.frame.zip.tolist() == ["00123", "00123", "99999", "99999"]
    assert types(data) == {"zip": "category", "n": "integer"}


def test_declared_types_win(file: Path) -> None:
    said = {"columns": {"code": {"type": "category"}, "day": {"type": "datetime"}, "n": {"type": "number"}}}
    data = read(file, "code,day,n\n7,20240131,1\n1.0,2024-02-01T10:00:00,2\n", said)
    assert data.frame.code.tolist() == ["7", "1.0"]
    assert data.frame.day.tolist() == [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-01 10:00:00")]
    assert types(data)["n"] == "number"


def test_times_of_day_stay_as_they_are_written(file: Path) -> None:
    assert read(file, "t\n9:30\n10:45\n9:30\n10:45\n".replace("9:", "09:")).frame.t.tolist()[0] == "09:30"


def test_dates_are_read_in_the_format_that_is_named(file: Path) -> None:
    data = read(file, "d,e,word\n31.12.2024,2024-01-01,x\n,2024-01-02,y\n1.2.2024,,z\n", date_format="%d.%m.%Y")
    assert types(data) == {"d": "datetime", "e": "datetime", "word": "text"}
    assert data.frame["d"].tolist() == [pd.Timestamp("2024-12-31"), pd.NaT, pd.Timestamp("2024-02-01")]
    assert {name: column.date_format for name, column in data.schema.columns.items()} == {
        "d": "%d.%m.%Y",
        "e": None,
        "word": None,
    }


AMBIGUOUS = "d,x\n01/02/2024,1\n03/04/2024,2\n01/02/2024,3\n03/04/2024,4\n"


def test_dates_that_may_be_read_two_ways_are_labels_and_named(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert types(read(file, AMBIGUOUS))["d"] == "category"
    (message,) = caplog.messages
    assert "column 'd', such as '01/02/2024', may have the day or the month first" in message
    assert '`d: {date_format: "%d/%m/%Y"}` or `"%m/%d/%Y"`' in message


@pytest.mark.parametrize("said", [{"date_format": "%m/%d/%Y"}, {"type": "category"}])
def test_dates_that_are_declared_are_not_ambiguous(file: Path, said: dict, caplog: pytest.LogCaptureFixture) -> None:
    data = read(file, AMBIGUOUS, {"columns": {"d": said}})
    assert types(data)["d"] == said.get("type", "datetime")
    assert not caplog.messages


def test_a_column_may_have_dates_of_its_own_format(file: Path) -> None:
    declared = {"columns": {"e": {"date_format": "%m/%d/%Y"}}}
    data = read(file, "d,e\n31.12.2024,12/31/2024\n01.02.2024,02/01/2024\n", declared, date_format="%d.%m.%Y")
    assert data.frame["d"].equals(data.frame["e"].rename("d"))


def test_a_date_that_does_not_exist_is_refused_and_never_another_date(file: Path) -> None:
    with pytest.raises(DataError, match=r"column 'd', data row 2: '31.02.2023' is not a date written '%d.%m.%Y'"):
        read(file, "d\n31.12.2024\n31.02.2023\n", date_format="%d.%m.%Y")


def test_a_column_declared_as_words_stays_words_under_a_date_format(file: Path) -> None:
    declared = {"columns": {"d": {"type": "category"}}}
    data = read(file, "d\n31.12.2024\n31.01.2023\n", declared, date_format="%d.%m.%Y")
    assert data.frame["d"].tolist() == ["31.12.2024", "31.01.2023"]


@pytest.mark.parametrize("date_format", ["%Q", "dd.mm.yyyy", "%d.%d"])
def test_what_is_no_date_format_is_refused(file: Path, date_format: str) -> None:
    with pytest.raises(ValidationError, match="is not a way of writing dates"):
        read(file, "d\n31.12.2024\n", date_format=date_format)


def test_times_with_a_zone_become_utc(file: Path) -> None:
    data = read(file, "d\n2024-01-01T12:00:00+02:00\n2024-01-02T12:00:00+02:00\n")
    assert data.frame.d[0] == pd.Timestamp("2024-01-01 10:00:00")


@pytest.mark.parametrize(
    ("content", "params"),
    [
        (b"\xef\xbb\xbfname,n\nAda,1\n", {}),
        ("name,n\nAda,1\n".encode("utf-16"), {"encoding": "utf-16"}),
        (b"name;n\nAda;1\n", {"delimiter": ";"}),
        (b"name\tn\r\nAda\t1\r\n", {"delimiter": "\t"}),
        (b"\n\nname,n\nAda,1\n\n", {}),
        (b'"name","n"\n"Ada","1"\n', {}),
    ],
    ids=["byte order mark", "utf-16", "semicolons", "tabs and CRLF", "blank lines", "everything quoted"],
)
def test_dialects(file: Path, content: bytes, params: dict) -> None:
    data = read(file, content, {"target": "name"}, **params)
    assert data.frame.to_dict("list") == {"name": ["Ada"], "n": [1]}


def test_other_encodings_and_decimal_commas(file: Path) -> None:
    data = read(file, "name;x\nJürgen;1,5\n".encode("latin-1"), encoding="latin-1", delimiter=";", decimal=",")
    assert data.frame.to_dict("list") == {"name": ["Jürgen"], "x": [1.5]}


def test_quoted_cells_hold_newlines_delimiters_and_quotes(file: Path) -> None:
    data = read(
        file, 'text,n\n"two\nlines, and ""quotes""",1\nplain 5" pipe,2\n', {"columns": {"text": {"type": "text"}}}
    )
    assert data.frame.text.tolist() == ['two\nlines, and "quotes"', 'plain 5" pipe']


def test_only_the_columns_asked_for_are_read(file: Path) -> None:
    assert list(read(file, "a,b,c\n1,2,3\n", columns=["c", "a"]).frame.columns) == ["c", "a"]
    with pytest.raises(DataError, match=r"no column 'ab'.*it has a, b, c"):
        read(file, columns=["ab"])


BAD = {
    "empty": (b"", "the file is empty"),
    "blank lines only": (b"\n\n", "only blank lines"),
    "header only": (b"a,b\n", "header but no rows"),
    "too many cells": (b"a,b\n1,2\n1,2,3\n", r"line 3: the row has 3 fields, and the header has 2"),
    "too few cells": (b'a,b\n"x\ny",2\n1\n', r"line 4: the row has 1 field, and the header has 2"),
    "one more cell in every row": (b"a,b\n0,1,2\n1,3,4\n", r"line 2: every row has 3 fields, one more than the 2"),
    "double names": (b"a,b,a\n1,2,3\n", r"names twice: 'a' \(columns 1 and 3\)"),
    "blank names": (b"a,,b,\n1,2,3,4\n", r"no name for column 2, 4 of 4"),
    "not utf-8": ("a,b\n1,x\n2,Jürgen\n".encode("latin-1"), r"line 3: byte 0xfc at offset 11 is not utf-8.*encoding:"),
    "cut within a character": ("a\nJü".encode()[:-1], r"line 2: byte 0xc3 at offset 3 is not utf-8"),
    "utf-16": ("a,b\n1,2\n".encode("utf-16"), r"line 1: byte 0xff at offset 0.*utf-16"),
    "NUL": (b"a,b\n1,x\n2,\x00\n", r"line 3: a NUL character"),
    "an open quote": (b'a,b\n1,x\n2,"y\n3,z\n', r'line 3: a `"` opened there is never closed'),
    "a quote open for long": (b'a,b\n1,x\n2,"' + b"y\n" * 99_999, r"line 3: a cell is too long"),
    "a zip archive": (b"PK\x03\x04\x14\x00\x00\xff", "is a zip archive, whatever its ending says; unpack it"),
    "an Excel workbook": (
        b"PK\x03\x04\x14\x00\x00\xff[Content_Types].xml",
        "is an Excel or other office file.*CSV file",
    ),
    "an old Excel workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "is an old Excel or other office file"),
    "a PDF": (b"%PDF-1.7\n1 0 obj\n", "is a PDF document, whatever its ending says; save the table as a CSV file"),
    "SQLite": (b"SQLite format 3\0\x10\0", "is an SQLite database, whatever its ending says; export the table"),
    "a web page": (b"\n<!DOCTYPE html>\n<html>", "is a web page, .*download the file again"),
    "a tar archive": (b"a.csv".ljust(257, b"\0") + b"ustar\x0000", "is a tar archive"),
    "gzip": (b"\x1f\x8b\x08\x00\xff", "is compressed with gzip"),
    "Parquet": (b"PAR1\x15\x04", "is Parquet, whatever its ending says"),
    "infinite": (b"a,x\n1,0.5\n2,inf\n", r"column 'x', data row 2: an infinite number"),
    "semicolons": (b"a;b\n1;2\n", r'set `delimiter: ";"`'),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_the_place_and_the_next_step(what: str, file: Path) -> None:
    content, message = BAD[what]
    with pytest.raises(DataError, match=message) as caught:
        read(file, content)
    assert str(caught.value).startswith(str(file))


def test_a_value_that_does_not_fit_its_declared_type_is_refused_with_its_row(file: Path) -> None:
    with pytest.raises(DataError, match=r"data\.csv: column 'n', data row 2: 'two' is not of type integer"):
        read(file, "n\n1\ntwo\n", {"columns": {"n": {"type": "integer"}}})


def test_a_missing_file_is_refused_and_a_near_one_suggested(file: Path) -> None:
    (file.parent / "date.csv").touch()
    with pytest.raises(DataError, match=r"no such file; did you mean 'date\.csv'\?.*relative to the pipeline file"):
        read(file)
    with pytest.raises(DataError, match="nor is there a folder"):
        read(file.parent / "nowhere" / "data.csv")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)


def test_a_file_without_permission_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("a\n1\n")

    def refuse(*_args, **_kwargs):  # the tests may run as root, whom no file mode stops
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match="may not be read"):
        read(file)


def test_an_offset_is_right_far_into_the_file(file: Path) -> None:
    content = b"a,b\n" + b"1,word\n" * 300_000 + b"2,\xff\n"
    with pytest.raises(DataError, match=rf"line 300002: byte 0xff at offset {len(content) - 2} "):
        read(file, content)


def test_an_unknown_encoding_is_refused_by_the_settings(file: Path) -> None:
    with pytest.raises(ValidationError, match="not an encoding that Python knows"):
        CsvSource.Params(path=file, encoding="utf-9")


def test_reading_twice_gives_the_same_rows(file: Path) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame({"x": rng.normal(size=500), "c": rng.choice(list("ab"), 500)}).to_csv(file, index=False)
    assert read(file).equals(read(file))


def test_declared_ids_stay_integers_or_are_kept_as_they_are_written(file: Path) -> None:
    ids = {name: {"type": "id"} for name in ("n", "code", "day", "sum")}
    content = 'n,code,day,sum\n7,007,2024-01-31,"1,234.5"\n,8,2024-02-01,2\n'
    data = read(file, content, {"columns": ids}, thousands=",", date_format="%Y-%m-%d").frame
    assert str(data.n.dtype) == "Int64"
    assert data.code.tolist() == ["007", "8"]
    assert data.day.tolist() == ["2024-01-31", "2024-02-01"]
    assert data["sum"].tolist() == ["1,234.5", "2"]


SPACED = {
    "aligned": "   x    y label\n 1.25   3 a\n  2.5  14 b\n   -1   5 a\n  0.1   6 b\n",
    "tabs, too": '1.25 3\t"a"\n2.5\t14  b\n-1 5 "a"\n0.1  6 b\n 7.5 3 a\n 8.5 3 a\n 1.5 2 a\n',
}


@pytest.mark.parametrize("what", SPACED)
def test_cells_between_spaces_are_read_as_init_finds_them(what: str, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text(SPACED[what], encoding="utf-8")
    assert CsvSource.sniff(path, path.read_bytes()) == 0.6
    settings = CsvSource.settings_for(path)
    assert settings["delimiter"] == r"\s+"
    data = read(path, **settings)
    assert list(types(data).values()) == ["number", "integer", "category"]
    assert data.frame.iloc[:3].to_numpy().tolist() == [[1.25, 3, "a"], [2.5, 14, "b"], [-1, 5, "a"]]
    assert CsvSource.settings_to_write(path, settings, data)["delimiter"] == "\t"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1.5", " ", "2"], [1.5, None, 2.0]),
        (["€ 1.50", "   ", "€ 2"], ["€ 1.50", None, "€ 2"]),
        (["2024-01-31", " ", "2024-02-01"], [pd.Timestamp("2024-01-31"), None, pd.Timestamp("2024-02-01")]),
        (["  yes", "     ", "   no"], ["  yes", None, "   no"]),
        (["a", " ", "a"], ["a", " ", "a"]),
    ],
    ids=["numbers", "amounts", "dates", "aligned", "words"],
)
def test_spaces_alone_are_a_missing_value_where_a_column_has_no_words(cells, expected, tmp_path, caplog) -> None:
    path = tmp_path / "data.csv"
    path.write_text("x,n\n" + "".join(f"{cell},{number}\n" for number, cell in enumerate(4 * cells)), encoding="utf-8")
    values = read(path, date_format="%Y-%m-%d").frame.x
    assert [None if pd.isna(value) else value for value in values] == 4 * expected
    assert ("column 'x': 4 cells hold only spaces" in caplog.text) == (cells[0] == "a")


def test_lines_of_fasttext_with_equally_many_words_are_no_table(tmp_path: Path) -> None:
    lines = "".join(f"__label__{'ab'[n % 2]} what a film {n} it was\n" for n in range(9)).encode()
    assert CsvSource.sniff(tmp_path / "data.txt", lines) is None
    assert CsvSource.sniff(tmp_path / "data.txt", lines.replace(b"__label__", b"")) == 0.6


def test_columns_of_fixed_width_with_blank_cells_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("name      n\n" + "Rome      3\n          4\n" * 9, encoding="utf-8")
    assert CsvSource.sniff(path, path.read_bytes()) == 0.6
    with pytest.raises(DataError, match=r"data\.txt, line 3: the row has 1 field, .* `pandas.read_fwf\(path\)"):
        read(path, **CsvSource.settings_for(path))


def test_cells_between_double_colons_are_read(tmp_path: Path) -> None:
    path = tmp_path / "movies.dat"
    path.write_text("".join(f"{n}::Film «{n}» (1995)::Drama|War\n" for n in range(1, 10)), encoding="latin-1")
    data = read(path, **CsvSource.settings_for(path))
    assert data.frame.iloc[8].tolist() == [9, "Film «9» (1995)", "Drama|War"]


REVIEWS = [
    "text\tlabel",
    '"the film was fine\tgood',
    "a long one\tbad",
    '"so" they say\tbad',
    'it is "it"\tgood',
    '"a sequel\tbad',
]


def test_quotes_that_are_parts_of_texts_swallow_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "reviews.tsv"
    path.write_text("\n".join(REVIEWS) + "\n")
    with pytest.raises(
        DataError, match=r'reviews\.tsv, line 2: a `"` opened there is closed in line 4.*`quotes: false`'
    ):
        read(path, delimiter="\t")
    settings = CsvSource.settings_for(path)
    assert settings == {"delimiter": "\t", "quotes": False}
    data = read(path, **settings)
    assert data.frame.text.tolist() == [line.split("\t")[0] for line in REVIEWS[1:]]


def test_quoted_cells_of_several_lines_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('text,n\n"two\n""lines"", all",1\n"say \n", 2\n5" pipe,3\n')
    assert "quotes" not in CsvSource.settings_for(path)
    assert read(path).frame.text.tolist() == ['two\n"lines", all', "say \n", '5" pipe']


def test_a_quote_that_closes_a_cell_opens_none(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('text,n\n"first\n",1\n"second\n",2\n')
    assert "quotes" not in CsvSource.settings_for(path)
    assert read(path).frame.text.tolist() == ["first\n", "second\n"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1E1", "4E12", "2E3"], "number"),
        (["1E1", "12E4", "2E3"], "category"),
        (["10e12345", "99e00001", "17e04242"], "category"),
        (["1E1", "1.5E4", "12E3"], "number"),
        (["1E+05", "12E+04", "2E+03"], "number"),
        (["1000.0", "NA", "1001.0"], "integer"),
    ],
)
def test_codes_of_digits_and_an_e_are_no_numbers(cells, kind, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = read(tmp_path / "data.csv", "room,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells * 2)))
    assert data.schema.columns["room"].type == kind
    if kind == "category":
        assert data.frame.room.tolist() == cells * 2
    assert ("cells such as '1E1' are read as numbers; if they are codes" in caplog.text) == (cells[1] == "4E12")
