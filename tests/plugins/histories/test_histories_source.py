from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DataError
from augment.plugin.context import Context
from augment_histories.sink import HistoriesSink
from augment_histories.source import HistoriesSource


@pytest.fixture
def read(tmp_path):
    def read(text, declared=None, name="events.csv", **settings):
        path = tmp_path / name
        if isinstance(text, str):
            path.write_text(text, encoding="utf-8")
        else:
            text.to_parquet(path, index=False)
        source = HistoriesSource(HistoriesSource.Params(path=path, **settings))
        declared = SchemaDeclaration.model_validate(declared or {})
        return source.read(Context(0, tmp_path, declared=declared))

    return read


def flatten_items(data: Dataset) -> list[list[str]]:
    words = data.schema.arrays["items"].vocabulary
    return [
        [words[token] for token in row[:length]]
        for row, length in zip(data.arrays["items"], data.lengths("items"), strict=True)
    ]


def channel(data: Dataset, name: str) -> list[list[float]]:
    place = list(data.schema.arrays["about"].channels).index(name)
    return [
        row[:length, place].tolist() for row, length in zip(data.arrays["about"], data.lengths("about"), strict=True)
    ]


def test_each_user_is_a_row_of_items_in_the_order_of_the_file(read):
    data = read("user,item\nann,tea\nbob,milk\nann,bread\nann,tea\n")
    assert data.frame["user"].tolist() == ["ann", "bob"]
    assert flatten_items(data) == [["tea", "bread", "tea"], ["milk"]]
    assert data.arrays["items"][1].tolist()[1:] == [0, 0]
    assert data.schema.modality == "tokens"
    assert data.schema.columns["user"].type == "id"


def test_times_decide_the_order_and_ties_stay_as_in_the_file(read):
    data = read(
        "user,item,time\na,late,2024-03-01\na,one,2024-01-01T00:00:05\na,two,2024-01-01T00:00:05\na,first,2024-01-01\n"
    )
    assert flatten_items(data) == [["first", "one", "two", "late"]]
    assert channel(data, "gap") == [[0, 5, 0, 5183995]]
    assert data.frame["began"].tolist() == [pd.Timestamp("2024-01-01")]


def test_times_with_a_zone_become_utc_and_that_is_noted(read, caplog):
    read("user,item,time\na,x,2024-03-01T10:00:00+02:00\na,y,2024-03-01T11:00:00+02:00\n")
    assert "times with a zone have become UTC" in caplog.text


@pytest.mark.parametrize("zone", ["UTC", "GMT"])
def test_times_with_utc_behind_are_read_and_written_so(read, zone):
    data = read(f"user,item,time\na,x,2019-11-01 00:00:05 {zone}\na,y,2019-11-01 00:00:00 {zone}\n")
    assert flatten_items(data) == [["y", "x"]]
    assert data.frame["began"].tolist() == [pd.Timestamp("2019-11-01")]
    assert data.schema.columns["began"].date_format == f"%Y-%m-%d %H:%M:%S {zone}"


def test_times_as_numbers_are_seconds_and_usual_names_are_found(read):
    data = read("userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n1,1029,3.0,1260759179\n")
    assert flatten_items(data) == [["31", "1029"]]
    assert channel(data, "rating") == [[2.5, 3.0]]
    assert channel(data, "gap") == [[0, 35]]
    assert data.frame["began"].tolist() == [1260759144.0]


def test_columns_may_be_named(read):
    data = read("who;what\na;x\n", user="who", item="what", delimiter=";")
    assert flatten_items(data) == [["x"]]


def test_what_is_the_same_in_all_of_a_users_lines_is_the_users(read, caplog):
    text = "user,item,country,page\na,x,NO,1\na,y,NO,2\nb,x,SE,1\n"
    data = read(text, {"target": "country"})
    assert data.frame["country"].tolist() == ["NO", "SE"]
    assert data.schema.target == "country"
    assert "page" not in data.frame
    assert "'page' changes within users and is left out" in caplog.text


def test_the_same_event_twice_counts_once_where_times_tell(read, caplog):
    data = read("user,item,time\na,x,1\na,x,1\na,x,2\n")
    assert flatten_items(data) == [["x", "x"]]
    assert "1 events have the user, item and time of an earlier one" in caplog.text


def test_without_times_the_same_item_may_come_again(read):
    assert flatten_items(read("user,item\na,x\na,x\n")) == [["x", "x"]]


def test_of_long_histories_the_latest_are_kept_and_short_ones_can_be_left_out(read, caplog):
    text = "user,item\n" + "".join(f"a,{n}\n" for n in range(5)) + "b,1\n"
    data = read(text, max_length=3, min_length=2)
    assert flatten_items(data) == [["2", "3", "4"]]
    assert "of 1 users with more than 3 events the latest are kept" in caplog.text
    assert "1 users with fewer than 2 events are left out" in caplog.text


def test_a_cut_history_begins_with_the_first_event_that_is_kept(read):
    data = read("user,item,time\na,x,10\na,y,20\na,z,50\n", max_length=2)
    assert data.frame["began"].tolist() == [20]
    assert channel(data, "gap") == [[0, 30]]


def test_a_missing_rating_is_missing(read):
    assert np.isnan(channel(read("user,item,rating\na,x,\na,y,3\n"), "rating")[0][0])


@pytest.mark.parametrize("blank", [" " * 64, "\t", "\u00a0"])
def test_a_rating_of_spaces_is_missing_and_a_user_of_spaces_refused(read, blank):
    data = read(f"user,item,rating\na,x,4\na,y,{blank}\n")
    np.testing.assert_array_equal(channel(data, "rating"), [[4, np.nan]])
    with pytest.raises(DataError, match="line 3: the user is missing; fill it in"):
        read(f"user,item,rating\na,x,4\n{blank},y,3\n")


def test_parquet_is_read_as_well(read):
    frame = pd.DataFrame({"user": [7, 7], "item": [1, 2], "date": pd.to_datetime(["2024-01-02", "2024-01-01"])})
    data = read(frame, name="events.parquet")
    assert data.frame["user"].tolist() == ["7"]
    assert flatten_items(data) == [["2", "1"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty; a header and a line for each event were expected"),
        ('user,item\na,"x\nb,y\n', 'line 2: a `"` opened there is not closed at the end of a cell; close it'),
        ('user,item\na,x\nb,"y\nc,"z\n', 'line 3: a `"` opened there is not closed at the end of a cell; close it'),
        ("user,item\n", "has a header but no events"),
        ("user,item\na,x\na,\n", "line 3: the item is missing"),
        ("user,item\n\n,x\n", "line 3: the user is missing"),
        ("user,item,time\na,x,2024-01-01\na,y,yesterday\n", "line 3: the time 'yesterday' cannot be read"),
        ("user,item,time\na,x,2024-01-01\na,y,\n", "line 3: the time is missing"),
        ("user,item,rating\na,x,good\n", "line 2: the rating 'good' is not a number"),
        ("user,item\na,x,y\n", "line 2: has 3 cells, and the header 2"),
        ("user,thing\na,x\n", "called as one of items usually is"),
        ("user,user\na,x\n", "the name 'user' twice"),
        ("user,item,began\na,x,1\n", "a column is called 'began'"),
        ('user,item\n"a\nb",x\na,\n', "line 4: the item is missing"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(read, text, told):
    with pytest.raises(DataError, match=r"events\.csv") as error:
        read(text)
    assert told in str(error.value)


def test_a_declared_column_that_is_not_there_is_told_with_the_file(read):
    with pytest.raises(DataError, match=r"events\.csv: schema: column 'age' is not in the data, which has"):
        read("user,item\na,x\na,y\n", {"columns": {"age": {"type": "integer"}}})


def test_the_sink_refuses_names_that_clash(read, tmp_path):
    data = read("user,item\na,x\na,y\n")
    sink = HistoriesSink(HistoriesSink.Params(user="item"))
    with pytest.raises(DataError, match="two columns would be called 'item'; set another name"):
        sink.write("train", [data], data.schema, tmp_path)


def test_the_sink_refuses_items_that_have_no_names(tmp_path):
    data = dataset(pd.DataFrame({"user": ["a", "b"]}), {"items": np.zeros((2, 3), np.int32)})
    with pytest.raises(DataError, match="the array 'items' has no vocabulary that says what its tokens are"):
        HistoriesSink(HistoriesSink.Params()).write("train", [data], data.schema, tmp_path)


def test_no_user_left_is_told(read):
    with pytest.raises(DataError, match="no user has 2 events or more"):
        read("user,item\na,x\nb,y\n", min_length=2)


def test_a_column_that_is_not_there_is_told(read):
    with pytest.raises(DataError, match=r"no column 'whom'.*user"):
        read("user,item\na,x\n", user="whom")


def test_a_vocabulary_that_is_known_keeps_its_places(read):
    said = {"arrays": {"items": {"vocabulary": ["", "z", "x"]}}}
    data = read("user,item\na,x\na,b\n", said)
    assert data.schema.arrays["items"].vocabulary == ("", "z", "x", "b")
    assert data.arrays["items"].tolist() == [[2, 3]]


@pytest.mark.parametrize("times", [("2024-01-01T10:00:00", "2024-01-02", "2024-01-01T10:00:07.5"), ("5", "90000", "7")])
def test_what_is_written_reads_as_it_was(read, times, tmp_path):
    events = [("a", "x", 0.1, "NO"), ("b", "y", "", "SE"), ("a", '"z,"""', 5, "NO")]
    lines = [f"{u},{item},{rating},{time},{land}" for (u, item, rating, land), time in zip(events, times, strict=True)]
    text = "user,item,rating,time,country\n" + "\n".join(lines)
    data = read(text)
    (path,) = HistoriesSink().write("train", data.batches(1), data.schema, tmp_path)
    back = read(path.read_text(encoding="utf-8"), name="again.csv")
    assert back.row_hashes().tolist() == data.row_hashes().tolist()


def test_synthetic_users_without_ids_are_numbered(read, tmp_path):
    data = read("user,item\na,x\nb,y\nb,z\n").drop_columns(["user"])
    (path,) = HistoriesSink().write("train", data.batches(1), data.schema, tmp_path)
    assert path.read_text() == 'user,item\n0,"x"\n1,"y"\n1,"z"\n'


def test_items_that_a_spreadsheet_would_run_are_written_as_words(read, tmp_path):
    data = read("user,item,=2+2\na,=1+1,x\na,-3,x\n")
    (path,) = HistoriesSink().write("train", [data], data.schema, tmp_path)
    assert path.read_text().splitlines() == ["user,item,'=2+2", '"a","\'=1+1","x"', '"a","-3","x"']


@pytest.mark.parametrize(("first", "unit"), [(1_700_000_000, "s"), (1_700_000_000_000, "ms"), (1, "s")])
def test_the_unit_of_numbers_follows_from_their_size(read, first, unit):
    data = read(f"user,item,time\nu,a,{first}\nu,b,{first + 5}\n")
    assert data.schema.arrays["about"].channels["gap"].unit == unit
    assert channel(data, "gap") == [[0, 5]]


def test_sessions_with_the_times_of_events_are_histories(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("session_id,item_id,event_time\n" + "s1,a,2024-01-01\ns1,b,2024-01-02\ns2,a,2024-01-01\n")
    assert HistoriesSource.sniff(path, path.read_bytes()) == 1.0


@pytest.mark.parametrize(("name", "delimiter"), [("u.data", "\t"), ("ratings.dat", "::")])
def test_ratings_of_movielens_without_a_header_are_histories(name, delimiter, tmp_path):
    lines = [delimiter.join([str(n // 3), str(n), str(n % 5 + 1), str(978300760 + n)]) for n in range(30)]
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert HistoriesSource.sniff(path, path.read_bytes()) == 1.0
    params = HistoriesSource.Params(path=path, **HistoriesSource.settings_for(path))
    data = HistoriesSource(params).read(Context(0, tmp_path))
    assert data.frame["user"].tolist() == [str(n) for n in range(10)]
    assert flatten_items(data)[0] == ["0", "1", "2"]
    assert channel(data, "rating")[0] == [1, 2, 3]


def test_other_numbers_without_a_header_are_no_ratings(tmp_path):
    path = tmp_path / "scan.data"
    path.write_text("".join(f"{n // 3} {n} {n + 8} 978300760\n" for n in range(30)), encoding="utf-8")
    assert HistoriesSource.sniff(path, path.read_bytes()) is None


def test_several_files_are_read_as_one_and_a_wrong_cell_is_named_with_its_file(read, tmp_path):
    (tmp_path / "a.csv").write_text("user,item,rating\nann,tea,1\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("item,user,rating\nmilk,ann,2\nbread,bob,x\n", encoding="utf-8")
    source = HistoriesSource(HistoriesSource.Params(path=tmp_path / "[ab].csv"))
    with pytest.raises(DataError, match=r"b\.csv, line 3: the rating 'x' is not a number"):
        source.read(Context(0, tmp_path))
    (tmp_path / "b.csv").write_text("item,user,rating\nmilk,ann,2\nbread,bob,3\n", encoding="utf-8")
    data = source.read(Context(0, tmp_path))
    assert flatten_items(data) == [["tea", "milk"], ["bread"]]
    (tmp_path / "b.csv").write_text("item,user\nmilk,ann\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"b\.csv: the column 'rating' is here or in .*a\.csv alone"):
        source.read(Context(0, tmp_path))


def test_numbers_and_characters_are_read_as_the_file_has_them(tmp_path):
    path = tmp_path / "events.csv"
    text = "user;item;rating;spent\nann;Käse;4,5;1.250,5\nann;tea;3,0;1.250,5\nbob;tea;1,5;7,0\n"
    path.write_text(text, encoding="cp1252")
    settings = HistoriesSource.settings_for(path)
    assert settings == {"encoding": "cp1252", "delimiter": ";", "decimal": ",", "thousands": "."}
    data = HistoriesSource(HistoriesSource.Params(path=path, **settings)).read(Context(0, tmp_path))
    assert channel(data, "rating") == [[4.5, 3.0], [1.5]]
    assert data.frame["spent"].tolist() == [1250.5, 7.0]
    assert flatten_items(data)[0] == ["Käse", "tea"]


@pytest.mark.parametrize(
    ("delimiter", "rating", "settings", "first", "says"),
    [
        (";", "4,5", {"delimiter": ";", "decimal": ","}, 4.5, None),
        (",", "4,5", {"decimal": ","}, 4.5, None),
        (";", "3,187", {"delimiter": ";", "decimal": ","}, 3.187, "1,234 are taken for 1.234"),
        (",", "3,187", {"thousands": ","}, 3187, "12,345 are taken for 12345"),
    ],
)
def test_german_ratings_are_found_and_doubts_noted(delimiter, rating, settings, first, says, tmp_path, caplog):
    path, lines = tmp_path / "events.csv", ["user_id,item_id,rating".replace(",", delimiter)]
    lines += [f'{n % 5}{delimiter}{n}{delimiter}"{rating}"' for n in range(20)]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert HistoriesSource.settings_for(path) == settings
    data = HistoriesSource(HistoriesSource.Params(path=path, **settings)).read(Context(0, tmp_path))
    assert channel(data, "rating")[0][0] == pytest.approx(first)
    assert (says or "") in caplog.text
    assert bool(caplog.messages) == bool(says)


def test_one_event_a_user_is_noted_and_refused_as_histories(read, tmp_path, caplog):
    text = "user_id,item_id\n" + "".join(f"{n},{n % 7}\n" for n in range(30))
    with pytest.raises(DataError, match=r"every user in 'user_id' has one event, .* `use: csv`"):
        read(text)
    path = tmp_path / "events.csv"
    assert HistoriesSource.sniff(path, path.read_bytes()) is None
    assert "is read as a table, not as histories: every user has one event" in caplog.text


@pytest.mark.parametrize(
    ("text", "settings", "told"),
    [
        ("", {}, "the file is empty"),
        ("a,b,5\n", {"names": ["user", "item"]}, "has 3 columns, and `names` has 2"),
    ],
)
def test_a_file_without_a_name_for_each_column_is_refused(read, text, settings, told):
    with pytest.raises(DataError, match=told):
        read(text, **settings)


def test_files_that_differ_in_columns_or_types_are_refused(tmp_path):
    def both(other):
        (tmp_path / "1.csv").write_text("user,item,rating\na,x,5\n")
        (tmp_path / "2.csv").write_text(other)
        source = HistoriesSource(HistoriesSource.Params(path=tmp_path / "[12].csv"))
        return source.read(Context(0, tmp_path))

    with pytest.raises(DataError, match=r"2\.csv: the column 'rating' is here or in .*1\.csv alone"):
        both("user,item\na,x\n")
    for number, rating in enumerate(([5], [[5]]), start=1):
        frame = pd.DataFrame({"user": ["a"], "item": ["x"], "rating": rating})
        frame.to_parquet(tmp_path / f"{number}.parquet")
    with pytest.raises(DataError, match="a column holds values of several types"):
        HistoriesSource(HistoriesSource.Params(path=tmp_path / "[12].parquet")).read(Context(0, tmp_path))


def test_a_file_that_is_not_parquet_is_refused(read):
    with pytest.raises(DataError, match="the events cannot be read"):
        read("user,item\na,x\n", name="events.parquet")
