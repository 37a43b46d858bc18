from __future__ import annotations

import logging
import re

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from pydantic import ValidationError

from augment.data import Dataset, SchemaDeclaration
from augment.detect.formats import find_source
from augment.detect.formats import read as detected
from augment.errors import DataError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment_series.csv_sink import SeriesCsvSink
from augment_series.csv_source import SeriesCsvSource

NAN = np.nan
PLACES = [(machine, time) for machine in range(2) for time in range(4)]
LONG = """patient,day,pulse,state,sex,sick
a,2024-01-01,60,sleep,f,yes
a,2024-01-02,61.5,walk,f,yes
a,2024-01-03,,sleep,f,yes
b,2024-01-01,70,walk,m,no
b,2024-01-02,71,,m,no
"""


def read(folder, text, declared=None, **settings):
    path = folder / "toy.csv"
    path.write_text(text)
    source = SeriesCsvSource(SeriesCsvSource.Params(path=path, **settings))
    return source.read(Context(1, folder, declared=SchemaDeclaration.model_validate(declared or {})))


def of_patients(folder, text=LONG, declared=None, **settings):
    said = {"target": "sick", **(declared or {})}
    return read(folder, text, said, **{"key": "patient", "time": "day", **settings})


def test_rows_of_one_key_are_a_series(tmp_path):
    data = of_patients(tmp_path)
    np.testing.assert_array_equal(data.arrays["series"], [[[60, 0], [61.5, 1], [NAN, 0]], [[70, 1], [71, NAN], [0, 0]]])
    assert data.lengths("series").tolist() == [3, 2]


def test_what_never_changes_within_a_series_stands_beside_it(tmp_path):
    data = of_patients(tmp_path)
    assert data.frame.drop(columns=["length", "day"]).astype("object").to_dict("list") == {
        "patient": ["a", "b"],
        "sex": ["f", "m"],
        "sick": ["yes", "no"],
    }
    assert data.schema.columns["patient"].type == "id"
    channels = data.schema.arrays["series"].channels
    assert [(name, channel.type) for name, channel in channels.items()] == [("pulse", "number"), ("state", "category")]
    assert channels["state"].categories == ("sleep", "walk")


def test_cells_of_spaces_are_missing_and_do_not_make_a_table_of_series(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("machine,time,heat\n" + "".join(f"{m},{t},{m + t / 2 if m != t else '  '}\n" for m, t in PLACES))
    assert find_source(path, Catalog()).name == "series-csv"
    data, _, _ = detected(SeriesCsvSource, path)
    np.testing.assert_array_equal(data.arrays["series"][..., 0], [[NAN, 0.5, 1, 1.5], [1, NAN, 2, 2.5]])


def test_times_with_utc_behind_are_found(tmp_path):
    path = tmp_path / "toy.csv"
    rows = [f"{machine},2024-01-0{time + 1} 08:00:00 UTC,{machine + time}\n" for machine, time in PLACES]
    path.write_text("machine,time,heat\n" + "".join(rows))
    data, settings, _ = detected(find_source(path, Catalog()), path)
    assert settings == {"key": "machine", "time": "time", "date_format": "%Y-%m-%d %H:%M:%S UTC"}
    assert data.frame["time"].astype("str").tolist() == ["2024-01-01 08:00:00"] * 2


@pytest.mark.parametrize("rows", ['a,1,"2\nb,3,4\n', 'a,"1,2\nb,"3,4\n'])
def test_a_quote_that_is_not_closed_is_refused_with_its_line(rows, tmp_path):
    with pytest.raises(
        DataError, match=r'toy\.csv, line 2: a `"` opened there is not closed at the end of a cell; close'
    ):
        read(tmp_path, "label,t0,t1\n" + rows)


def test_files_with_times_in_one_and_numbers_in_another_are_refused(tmp_path):
    for name, cells in {"a.csv": "2024-01-01,2024-01-02", "b.csv": "7,8"}.items():
        (tmp_path / name).write_text("label,t0,t1\nx," + cells + "\n")
    source = SeriesCsvSource(SeriesCsvSource.Params(path=[tmp_path / "a.csv", tmp_path / "b.csv"]))
    with pytest.raises(DataError, match="column 't0' holds values of several types; write it alike"):
        source.read(Context(1, tmp_path))


def test_a_declared_column_that_is_not_there_is_told_with_the_file(tmp_path):
    with pytest.raises(DataError, match=r"toy\.csv: schema: column 'age' is not in the data, which has 'label'"):
        read(tmp_path, "label,t0,t1\na,1,2\nb,3,4\n", {"columns": {"age": {"type": "integer"}}})


def test_spaces_are_missing_in_a_wide_file(tmp_path):
    data = read(tmp_path, f"label,t0,t1,t2\na,1,{' ' * 64},3\nb,4,5,\u00a0\n")
    np.testing.assert_array_equal(data.arrays["series"][..., 0], [[1, NAN, 3], [4, 5, 0]])


def test_even_times_give_a_rate_and_no_channel(tmp_path):
    array = of_patients(tmp_path).schema.arrays["series"]
    assert array.rate == pytest.approx(1 / 86400)
    assert "time gap" not in array.channels


def test_uneven_times_become_a_channel(tmp_path):
    data = of_patients(tmp_path, LONG.replace("a,2024-01-03", "a,2024-01-05"))
    assert data.schema.arrays["series"].channels["time gap"].unit == "s"
    assert data.arrays["series"][0, :, 2].tolist() == [0, 86400, 3 * 86400]


def test_uneven_times_can_be_left_out(tmp_path):
    data = of_patients(tmp_path, LONG.replace("a,2024-01-03", "a,2024-01-05"), gaps=False)
    assert list(data.schema.arrays["series"].channels) == ["pulse", "state"]


def test_series_of_one_step_each_have_no_channel_until_one_is_named(tmp_path):
    text = "series,step,x,label\n" + "".join(f"s{row},0,{row / 2},{'ab'[row % 2]}\n" for row in range(6))
    with pytest.raises(DataError, match=r"every column has one value .*`channels: \[\.\.\.\]`, or read .*as a table"):
        read(tmp_path, text, {"target": "label"})
    data = read(tmp_path, text, {"target": "label"}, channels=["x"])
    assert data.arrays["series"].shape == (6, 1, 1)


def test_steps_are_put_in_order_and_that_is_said(tmp_path, caplog):
    lines = LONG.splitlines(keepends=True)
    with caplog.at_level(logging.WARNING, "augment"):
        data = of_patients(tmp_path, "".join([lines[0], lines[3], lines[5], lines[1], lines[4], lines[2]]))
    assert data.equals(of_patients(tmp_path))
    assert "do not stand in the order of their times" in caplog.text


DOUBLED = "who,day,x,n,word\nb,1,9,9,no\nb,2,8,8,so\na,2,3,3,so\na,1,1,1,no\na,2,,4,ah\na,3,5,5,so\na,2,6,4,so\n"


@pytest.mark.parametrize(
    ("duplicates", "x", "n", "words"),
    [("first", [1, 3, 5], [1, 3, 5], ["no", "so", "so"]), ("mean", [1, 4.5, 5], [1, 11 / 3, 5], ["no", "so", "so"])],
)
def test_rows_of_one_series_and_time_are_resolved_and_reported(tmp_path, caplog, duplicates, x, n, words):
    data = read(tmp_path, DOUBLED, key="who", time="day", duplicates=duplicates)
    series, channels = data.arrays["series"], data.schema.arrays["series"].channels
    assert data.frame["who"].tolist() == ["b", "a"]
    assert data.lengths("series").tolist() == [2, 3]
    np.testing.assert_allclose(series[1, :, 0], x)
    np.testing.assert_allclose(series[1, :, 1], n, rtol=1e-6)
    assert channels["n"].type == ("integer" if duplicates == "first" else "number")
    assert [channels["word"].categories[int(code)] for code in series[1, :, 2]] == words
    assert "line 6: series 'a' has two rows with day = 2 (the other is line 4); 2 rows repeat" in caplog.text


@pytest.mark.parametrize("date_format", [None, "%Y-%m-%dT%H:%M:%S%z"])
def test_times_with_a_zone_are_said_to_become_utc(tmp_path, caplog, date_format):
    rows = "".join(f"a,2024-10-27T0{hour}:30:00+02:00,{hour}\n" for hour in range(3))
    read(tmp_path, "who,day,x\n" + rows, key="who", time="day", **({"date_format": date_format} if date_format else {}))
    assert "toy.csv: times with a zone in column 'day' have become UTC" in caplog.text


@pytest.mark.parametrize(
    ("days", "date_format"),
    [
        (["01.02.2024", "02.02.2024", "01.03.2024"], "%d.%m.%Y"),
        (["2/1/24", "2/2/24", "3/1/24"], "%m/%d/%y"),
        (["01-02-2024 00:30", "02-02-2024 00:30", "01-03-2024 00:30"], "%d-%m-%Y %H:%M"),
        (["20240201", "20240202", "20240301"], "%Y%m%d"),
    ],
)
def test_dates_are_read_in_the_form_that_is_said(tmp_path, days, date_format):
    rows = "".join(f"a,{day},{place}\n" for place, day in enumerate(days))
    data = read(tmp_path, "who,day,x\n" + rows, key="who", time="day", date_format=date_format)
    np.testing.assert_array_equal(data.arrays["series"][0], [[0, 0], [1, 86_400], [2, 28 * 86_400]])
    assert data.schema.arrays["series"].channels["time gap"].unit == "s"


def test_series_keep_the_order_of_their_first_rows(tmp_path):
    data = read(tmp_path, "who,x\nb,1\nb,2\na,3\na,4\n", key="who")
    assert data.arrays["series"][..., 0].tolist() == [[1, 2], [3, 4]]


def test_whole_numbers_and_truth_values_are_channels_too(tmp_path):
    data = read(tmp_path, "who,steps,on\na,1,true\na,,false\nb,3,\nb,4,true\n", key="who")
    assert [channel.type for channel in data.schema.arrays["series"].channels.values()] == ["integer", "boolean"]
    np.testing.assert_array_equal(data.arrays["series"], [[[1, 1], [NAN, 0]], [[3, NAN], [4, 1]]])


def test_declared_categories_may_look_like_numbers(tmp_path):
    said = {"arrays": {"series": {"channels": {"code": {"type": "category", "categories": ["07", "1"]}}}}}
    data = read(tmp_path, "who,code\na,07\na,1\nb,1\nb,07\n", said, key="who")
    assert data.arrays["series"][..., 0].tolist() == [[0, 1], [1, 0]]


def test_semicolons_and_decimal_commas_are_read(tmp_path):
    data = read(tmp_path, "who;x\na;1,5\na;2,5\n", key="who", delimiter=";", decimal=",")
    assert data.arrays["series"][0, :, 0].tolist() == [1.5, 2.5]


def test_a_wide_file_has_a_row_a_series(tmp_path):
    data = read(tmp_path, "sex,hr_0,hr_1,hr_2,bp_0,bp_1,bp_2\nf,1,2,3,10,20,30\nm,4,,,40,50,\n")
    np.testing.assert_array_equal(data.arrays["series"], [[[1, 10], [2, 20], [3, 30]], [[4, 40], [NAN, 50], [0, 0]]])
    assert data.lengths("series").tolist() == [3, 2]
    assert list(data.schema.arrays["series"].channels) == ["hr", "bp"]
    assert data.frame["sex"].tolist() == ["f", "m"]


def test_steps_of_a_wide_file_may_be_bare_numbers(tmp_path):
    data = read(tmp_path, "label,0,1,2\nx,1,2,3\ny,4,5,6\n", {"target": "label"})
    assert list(data.schema.arrays["series"].channels) == ["value"]
    assert data.arrays["series"].shape == (2, 3, 1)


@pytest.mark.parametrize(
    ("text", "settings", "told"),
    [
        ("who,day,x\na,1,5\na,2,6\na,1,7\n", {"time": "day"}, r"toy.csv, line 4: series 'a' has two rows with day = 1"),
        ("who,day,x\na,1,5\na,1,6\n", {"time": "day"}, r"the other is line 2\); .* set `duplicates: first` or"),
        ("who,day,x\na,1/2/24,5\na,3/2/24,6\n", {"time": "day"}, r"say it as in `date_format: '%d.%m.%Y'`"),
        (
            "who,day,x\na,01.02.2024,5\na,30.02.2024,6\n",
            {"time": "day", "date_format": "%d.%m.%Y"},
            r"line 3: '30.02.2024' in 'day' is not written as '%d.%m.%Y'",
        ),
        ("who,day,x\na,1,5\na,,6\n", {"time": "day"}, r"line 3: no value in 'day'"),
        ("who,day,x\na,one,5\na,two,6\n", {"time": "day"}, r"column 'day' is the time, and holds values such as 'one'"),
        ("who,x\na,5\n,6\n", {}, r"line 3: no value in 'who'"),
        ("who,x\na,5\nb,6\n", {}, r"every column has one value for the whole of each series"),
        ("who,x\na,5\na,6\na,7\na,what\n", {}, r"line 5: 'what' in 'x' is not a number"),
        ("who,x\na,5\na\n", {}, r"line 3: the row has 1 fields, and the header has 2"),
        ("who,x\na,5\na,1e50\n", {}, r"channel 'x', series 1, step 2: a number that is infinite or too large"),
        ("who,x\na,this\na,that\n", {}, r"free text"),
        ("who;x\na;1\n", {}, r"cells seem to be divided by ';'"),
        ("who,x,x\na,1,2\n", {}, r"names twice: 'x'"),
        ("who,,x\na,1,2\n", {}, r"no name for column 2"),
        ("who,x\n", {}, r"a header but no rows"),
        ("who,x\na,1\na,2\n", {"key": "whom"}, r"no column 'whom'.*who"),
        ("who,x,y\na,1,1\na,2,1\n", {"channels": ["z"]}, r"no channel 'z'"),
        ("who,x,y\na,1,1\na,2,2\n", {"channels": ["x"]}, r"column 'y' changes within series 'a'"),
        ("x,day\n1,2\n", {"key": None, "time": "day"}, r"a `time` needs a `key`"),
        ("x,y\n1,2\n", {"key": None}, r"holds no series"),
        ("t0,t2\n1,2\n", {"key": None}, r"no column for step 1 of 't'"),
        ("a0,a1,b0,b1,b2\n1,2,3,4,5\n", {"key": None}, r"'b' has 3 steps and 'a' has 2"),
        ("t0,t1\n1,2\n,\n3,4\n", {"key": None}, r"line 3: the series has no values at all"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, text, settings, told):
    with pytest.raises(DataError, match=told):
        read(tmp_path, text, **{"key": "who", **settings})


def test_a_target_has_one_value_a_series(tmp_path):
    with pytest.raises(DataError, match=r"column 'y' changes within series 'a'; one value .* of a target"):
        read(tmp_path, "who,x,y\na,1,1\na,2,2\n", {"target": "y"}, key="who")


def patients():
    frame = pd.DataFrame({"sex": ["f", "m", None], "age": [1.5, NAN, 3.0], "num_steps": [3, 1, 2], "sick": [1, 0, 1]})
    values = np.zeros((3, 3, 3), np.float32)
    values[0] = [[0.1, 1, 0], [NAN, 0, 1], [-2, NAN, NAN]]
    values[1, :1] = [[5, 0, 0]]
    values[2, :2] = [[7, 1, 1], [8, 1, 0]]
    said = {
        "target": "sick",
        "arrays": {
            "series": {
                "length_column": "num_steps",
                "channels": {"x": {}, "on": {"type": "boolean"}, "state": {"categories": ["=up", "down"]}},
            }
        },
    }
    return dataset(frame, {"series": values}, **said)


def written(folder, data, **settings):
    sink = SeriesCsvSink(SeriesCsvSink.Params(**settings))
    (path,) = sink.write("train", data.batches(2), data.schema, folder)
    return path


def test_a_row_a_step_is_written(tmp_path):
    assert written(tmp_path, patients()).read_text().splitlines() == [
        '"series","step","x","on","state","sex","age","sick"'.replace('"', ""),
        '0,0,0.1,true,"\'=up","f",1.5,1',
        '0,1,,false,"down","f",1.5,1',
        '0,2,-2.0,,,"f",1.5,1',
        '1,0,5.0,false,"\'=up","m",,0',
        '2,0,7.0,true,"down",,3.0,1',
        '2,1,8.0,true,"\'=up",,3.0,1',
    ]


def test_what_is_written_is_read_again(tmp_path):
    data = patients()
    path = written(tmp_path, data)
    read_again = read(tmp_path, path.read_text(), {"target": "sick"})
    np.testing.assert_array_equal(read_again.arrays["series"], data.arrays["series"])
    assert read_again.lengths("series").tolist() == [3, 1, 2]
    assert read_again.frame["sex"].isna().tolist() == [False, False, True]


def test_ids_can_be_the_key(tmp_path):
    data = of_patients(tmp_path)
    lines = written(tmp_path, data, key="patient", time="step").read_text().splitlines()
    assert lines[:2] == ["patient,step,pulse,state,sex,sick", '"a",0,60.0,"sleep","f","yes"']


def test_times_are_written_as_they_were_read(tmp_path):
    text = re.sub(r"2024-01-(..)", r"\1.01.2024", LONG)
    data = of_patients(tmp_path, text, date_format="%d.%m.%Y")
    lines = written(tmp_path, data, key="patient", time="day").read_text().splitlines()
    assert lines[0] == "patient,day,pulse,state,sex,sick"
    assert lines[1:3] == ['"a","01.01.2024",60.0,"sleep","f","yes"', '"a","02.01.2024",61.5,"walk","f","yes"']


def test_names_that_collide_are_refused(tmp_path):
    with pytest.raises(DataError, match="two columns would be called 'x'"):
        written(tmp_path, patients(), time="x")


def test_a_series_without_steps_is_refused(tmp_path):
    data = patients()
    data = Dataset(data.frame.assign(num_steps=[3, 0, 2]), data.arrays, data.schema)
    with pytest.raises(DataError, match="series 2 has no steps"):
        written(tmp_path, data)


@pytest.mark.parametrize("names", ["index,time_index,column,value", "case_id,reading_id,dim_id,value"])
def test_one_value_a_line_is_refused_with_the_way_to_one_step_a_line(tmp_path, names):
    lines = [f"{row},{step},{'x' if 'column' in names else 0},0.5" for row in range(4) for step in range(5)]
    path = tmp_path / "long.csv"
    path.write_text("\n".join([names, *lines]) + "\n")
    with pytest.raises(DataError, match=r"one value a line.*frame.pivot\(index="):
        find_source(path, Catalog())


def test_several_files_are_read_as_one_and_places_name_the_file(tmp_path):
    (tmp_path / "1.csv").write_text("key,time,x\na,1,5\na,2,6\nb,1,7\n")
    (tmp_path / "2.csv").write_text("time,key,x\n2,b,8.5\n3,a,9\n2,b,1\n")
    source = SeriesCsvSource(SeriesCsvSource.Params(path=tmp_path / "[12].csv", key="key", time="time"))
    with pytest.raises(DataError, match=r"2\.csv, line 4: series 'b' has two rows .* \(the other is line 2\)"):
        source.read(Context(1, tmp_path))
    (tmp_path / "2.csv").write_text("time,key,x\n2,b,8.5\n3,a,9\n")
    data = source.read(Context(1, tmp_path))
    assert data.arrays["series"][:, :, 0].tolist() == [[5, 6, 9], [7, 8.5, 0]]
    (tmp_path / "2.csv").write_text("time,key,x\n2,b,wet\n3,a,9\n")
    with pytest.raises(DataError, match=r"2\.csv, line 2: 'wet' in 'x' is not a number"):
        source.read(Context(1, tmp_path))
    (tmp_path / "2.csv").write_text("time,key,y\n2,b,1\n")
    with pytest.raises(DataError, match=r"2\.csv: the column 'x' is here or in .*1\.csv alone"):
        source.read(Context(1, tmp_path))


WRITTEN = {
    "German": (";", str.maketrans(",.", ".,"), {"delimiter": ";", "decimal": ",", "thousands": "."}),
    "American": (",", {}, {"thousands": ","}),
    "spaces": (" ", {",": ""}, {"delimiter": r"\s+"}),
}


@pytest.mark.parametrize("what", WRITTEN)
def test_numbers_of_series_are_found_and_read_as_they_are_written(what, tmp_path):
    delimiter, signs, expected = WRITTEN[what]
    lines = [f'{k}{delimiter}{t}{delimiter}"{f"{1000.5 * t + k:,.1f}".translate(str.maketrans(signs))}"'
             for k in range(4) for t in range(1, 6)]  # fmt: skip
    path = tmp_path / "long.csv"
    path.write_text("\n".join([delimiter.join(["sensor", "time", "load"]), *lines]) + "\n")
    assert SeriesCsvSource.sniff(path, path.read_bytes()) == 0.8
    settings = SeriesCsvSource.settings_for(path)
    assert settings == {"key": "sensor", "time": "time", **expected}
    data = SeriesCsvSource(SeriesCsvSource.Params(path=path, **settings)).read(Context(1, tmp_path))
    assert data.arrays["series"][2, :, 0].tolist() == [1002.5, 2003, 3003.5, 4004, 5004.5]


@pytest.mark.parametrize(
    ("delimiter", "cell", "says"),
    [
        (";", "{:.3f}", '1.234 are taken for 1.234; if they are 1234, say `decimal: ","`'),
        (";", "{:.3f}C", '1,234 are taken for 1.234; if they are 1234, say `decimal: "."`'),
        (",", "{:.3f}C", '12,345 are taken for 12345; if they are 12.345, say `decimal: ","`'),
        (",", "{:.3f}", ""),
        (";", "{:.1f}C", ""),
    ],
)
def test_a_guess_of_what_separates_thousands_is_noted(delimiter, cell, says, tmp_path, caplog):
    cells = [cell.format(1.234 + 3.7 * n) for n in range(24)]
    cells = [each[:-1].replace(".", ",") if "C" in cell else each for each in cells]
    lines = [f'{n // 6}{delimiter}{n % 6}{delimiter}"{each}"' for n, each in enumerate(cells)]
    path = tmp_path / "long.csv"
    path.write_text("\n".join([delimiter.join(["sensor", "time", "load"]), *lines]) + "\n")
    SeriesCsvSource(SeriesCsvSource.Params(path=path, **SeriesCsvSource.settings_for(path))).read(Context(1, tmp_path))
    assert [message.partition("such as ")[2][: len(says)] for message in caplog.messages] == ([says] if says else [])


def test_a_column_without_any_value_does_not_keep_a_file_from_being_looked_at(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("x,empty,label\n" + "1.5,,a\n2.5,,b\n" * 20)
    assert SeriesCsvSource.sniff(path, path.read_bytes()) is None


def long_file(path, key, time, times, channel=None):
    lines = [
        f"{name},{moment},{f'{word},' if word else ''}{number * place % 7},{'ab'[number % 2]}"
        for number, name in enumerate(("n", "o", "p", "q"), start=1)
        for place, moment in enumerate(times)
        for word in channel or [""]
    ]
    header = f"{key},{time},{'sensor,' if channel else ''}value,label"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


SKIPPED = [f"2024-03-31 {hour:02}:00" for hour in (0, 1, 3, 4, 5)]  # the hour that summer time takes away


@pytest.mark.parametrize(
    ("key", "time", "times"),
    [
        ("station", "at", SKIPPED),
        ("shop", "day", ["2024-01-01", "2024-01-02", "2024-01-05"]),
        ("unique_id", "ds", ["2024-01-01", "2024-02-01", "2024-03-01"]),
        ("trial", "seconds", ["0.00", "0.04", "0.08"]),
        ("trial", "time", ["-2", "-1", "0"]),
        ("machine", "time", ["08:00:00", "08:15:00", "08:30:00"]),
    ],
)
def test_series_are_recognised_by_their_names_of_keys_and_times(tmp_path, key, time, times):
    path = long_file(tmp_path / "long.csv", key, time, times)
    source = find_source(path, Catalog())
    data, settings, _ = detected(source, path)
    assert source is SeriesCsvSource
    assert (settings["key"], settings["time"]) == (key, time)
    assert len(data) == 4
    assert data.schema.arrays["series"].shape[0] == len(times)
    assert data.frame["label"].tolist() == ["b", "a", "b", "a"]


def test_one_value_a_line_with_a_label_beside_is_a_table_and_that_is_noted(tmp_path, caplog):
    path = long_file(tmp_path / "long.csv", "id", "time", range(5), channel=["temp", "hum"])
    assert find_source(path, Catalog()).name == "csv"
    assert "frame.pivot(index=['id', 'time'], columns='sensor', values='value')" in caplog.text
    assert "duplicates" not in caplog.text


@pytest.mark.parametrize(
    ("text", "settings", "told"),
    [
        ("key,day,x\na,1,2024-01-01\na,2,2024-01-02\n", {}, "'x' holds values of type .* that change within a series"),
        ("key,day,x\na,1,5\na,2,6\na,3,oops\n", {}, r"toy\.csv, line 4: 'oops' in 'x' is not a number, as most others"),
        ("key,day,x\na,1,p q\na,2,r s\na,3,t u\n", {}, "has 3 different values in 3 rows; a channel can hold labels"),
        ("key,day,x\na,1,5\na,2,6\n", {"columns": ["key", "y"]}, "has no column 'y'"),
        ("key,day,x\na,1,5\na,2,6\n", {"time": None, "gaps": True}, "`gaps` need a `time`"),
        ("key,day,x,time gap\na,1,5,0\na,2,6,1\na,9,6,2\n", {}, "has a column 'time gap' and uneven times; rename it"),
        ("key,day,x,length\na,1,5,9\na,2,6,9\nb,1,7,9\n", {}, "the column 'length' is not the number of steps"),
        ("t0,t1\n1,2\n", {"key": None, "time": None, "channels": ["u"]}, "no names of columns are 'u' and a number"),
    ],
)
def test_what_no_series_can_be_made_of_is_refused_with_the_way_out(tmp_path, text, settings, told):
    with pytest.raises(DataError, match=told):
        read(tmp_path, text, **{"key": "key", "time": "day", **settings})


def test_channels_are_those_that_the_pipeline_names_and_so_are_their_categories(tmp_path):
    def declared(**channels):
        return {"arrays": {"series": {"type": "series", "channels": channels}}}

    with pytest.raises(
        DataError, match=r"its channels are 'pulse', 'state'; schema\.arrays\.series names 'pulse': name the"
    ):
        of_patients(tmp_path, declared=declared(pulse={}))
    walks = {"type": "category", "categories": ["walk"]}
    with pytest.raises(DataError, match=r"toy\.csv, line 2: 'sleep' is not among the categories of 'state'"):
        of_patients(tmp_path, declared=declared(pulse={}, state=walks))


def test_a_column_of_numbers_here_and_dates_there_is_refused(tmp_path):
    (tmp_path / "1.csv").write_text("key,step,x\na,1,5\n")
    (tmp_path / "2.csv").write_text("key,step,x\na,2,2024-01-01\n")
    source = SeriesCsvSource(SeriesCsvSource.Params(path=tmp_path / "[12].csv", key="key", time="step"))
    with pytest.raises(DataError, match=r"column 'x' holds values of several types"):
        source.read(Context(1, tmp_path))


def test_the_sink_refuses_other_arrays_and_names_without_a_step(tmp_path):
    values = np.zeros((2, 3, 1), np.float32)
    data = dataset(pd.DataFrame(index=range(2)), {"series": values, "other": values[:, :, 0]})
    with pytest.raises(DataError, match="holds one series a row, and there are series, other"):
        list(SeriesCsvSink().write("train", data.batches(2), data.schema, tmp_path))
    with pytest.raises(ValidationError, match=r"expected one `\{step\}`"):
        SeriesCsvSink.Params(wide="t{channel}")
