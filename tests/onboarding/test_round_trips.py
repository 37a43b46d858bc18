"""Data that is brought comes back in its form: `init` writes sinks for that."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pandas as pd
import PIL.Image
import pytest
import scipy.io.arff
from round_trips import CHEAP, came_back, check_frames, check_real
from slowly import slowly

import augment


def of_sensors(stamps, key="sensor"):
    rng = np.random.default_rng(0)
    num_steps = len(stamps)
    return pd.DataFrame(
        {
            "when": np.tile(stamps, 20),
            key: np.repeat([f"s{number:02}" for number in range(20)], num_steps),
            "temp": rng.normal(20, 1, 20 * num_steps).round(1),
            "count": rng.integers(0, 9, 20 * num_steps),
            "label": np.repeat(["ok", "bad"] * 10, num_steps),
        }
    )


EVEN = pd.date_range("2024-03-01", periods=6, freq="h")
UNEVEN = pd.to_datetime([f"2024-03-01 {clock}" for clock in ("00:00:00", "00:10:00", "03:00:00", "23:00:07")])


@pytest.mark.parametrize(
    ("stamps", "dialect"),
    [
        *slowly([(EVEN.strftime("%Y-%m-%dT%H:%M:%S"), {})]),
        (EVEN.strftime("%d.%m.%Y %H:%M"), {"sep": ";", "decimal": ","}),
        *slowly([(UNEVEN.strftime("%Y-%m-%d %H:%M:%S"), {})]),
        (UNEVEN.strftime("%Y-%m-%dT%H:%M:%SZ"), {"sep": "\t"}),
        *slowly([(np.array([3, 5, 9]), {})]),
    ],
    ids=["even", "day first", "uneven", "zone and tabs", "numbers"],
)
def test_a_long_file_of_sensors(tmp_path, stamps, dialect):
    original = of_sensors(stamps)
    original.to_csv(tmp_path / "data.csv", index=False, **dialect)
    original = pd.read_csv(tmp_path / "data.csv", **dialect)
    run = came_back(tmp_path / "data.csv", tmp_path, target="label")

    def read(part):
        return pd.read_csv(f"{part}.csv", **dialect)

    check_frames(original, read(run.folder / "data/train"), new_ids="sensor")
    check_real(original, run, read, ["sensor", "when"])
    assert run.synthetic.data.lengths("series").tolist() == [len(stamps)] * 12  # it is read again, too


@pytest.mark.parametrize("names", ["t{}", "step_{:02}"])
def test_a_wide_file(tmp_path, names):
    rng = np.random.default_rng(0)
    original = pd.DataFrame({"age": rng.integers(20, 90, 20)})
    original = original.assign(**{names.format(step + 1): rng.normal(size=20).round(4) for step in range(9)})
    original["label"] = ["up", "down"] * 10
    original.to_csv(tmp_path / "data.csv", index=False)
    run = came_back(tmp_path / "data.csv", tmp_path)

    def read(part):
        return pd.read_csv(f"{part}.csv")

    check_frames(original, read(run.folder / "data/train"))
    check_real(original, run, read, [names.format(1)])
    assert run.synthetic.data.lengths("series").tolist() == [9] * 12  # it is read again, too


def test_a_table_in_its_dialect_with_two_forms_of_dates(tmp_path):
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=40, freq="37h")
    original = pd.DataFrame(
        {
            "born": days.strftime("%d.%m.%Y"),
            "seen": days.strftime("%Y-%m-%dT%H:%M"),
            "größe": rng.normal(170, 9, 40).round(1),
            "whole": rng.integers(1, 9, 40).astype(float),
            "count": rng.integers(0, 99, 40),
            "label": ["jä", "nein"] * 20,
        }
    )
    dialect = {"sep": ";", "decimal": ",", "encoding": "cp1252"}
    original.to_csv(tmp_path / "data.csv", index=False, **dialect)
    run = came_back(tmp_path / "data.csv", tmp_path, target="label")

    def read(part):
        return pd.read_csv(f"{part}.csv", **dialect)

    check_frames(original, read(run.folder / "data/train"))
    check_real(original, run, read, ["seen"])
    assert set(run.synthetic.frame["born"]) <= set(pd.to_datetime(original["born"], format="%d.%m.%Y"))


@pytest.mark.parametrize("yes", ["true", "True", "TRUE"])
def test_truth_values_come_back_as_they_were_written(tmp_path, yes):
    no = {"true": "false", "True": "False", "TRUE": "FALSE"}[yes]
    lines = [f"{n / 2},{yes if n % 3 else no},{'ab'[n % 2]}" for n in range(40)]
    (tmp_path / "data.csv").write_text("\n".join(["x,paid,label", *lines]) + "\n")
    run = came_back(tmp_path / "data.csv", tmp_path)
    written = pd.read_csv(run.folder / "data" / "train.csv", dtype="str")
    assert set(written["paid"]) == {yes, no}


def test_the_unnamed_index_of_a_frame_stays_unnamed(tmp_path):
    original = pd.DataFrame({"x": np.arange(40) % 7 + 0.5, "label": ["yes", "no"] * 20})
    original.to_csv(tmp_path / "data.csv")
    original = pd.read_csv(tmp_path / "data.csv")
    run = came_back(tmp_path / "data.csv", tmp_path, target="label")

    def read(part):
        return pd.read_csv(f"{part}.csv")

    check_frames(original, read(run.folder / "data/train"))
    check_real(original, run, read, ["Unnamed: 0"])
    assert len(run.synthetic.frame)  # it is read again, too


@pytest.mark.slow
def test_synthetic_rows_alone(tmp_path):
    frame = pd.DataFrame({"x": range(20), "label": ["a", "b"] * 10})
    frame.to_csv(tmp_path / "data.csv", index=False)
    sinks = [
        {"use": "csv", "with": {"rows": "synthetic"}},
        {"use": "csv"},
        {"use": "npz", "with": {"rows": "synthetic"}},
    ]
    source = {"use": "csv", "with": {"path": str(tmp_path / "data.csv")}}
    tree = {"name": "alone", "source": source, "schema": {"target": "label"}, **CHEAP}
    run = augment.run({**tree, "sinks": sinks}, out=tmp_path / "run", workers=0)
    assert {path.name for path in (run.folder / "data").iterdir()} == {
        *("train.csv", "test.csv", "synthetic.csv", "synthetic.npz")
    }
    train, synthetic = (pd.read_csv(run.folder / f"data/{name}.csv") for name in ("train", "synthetic"))
    pd.testing.assert_frame_equal(synthetic, train[train["origin"] == "bootstrap"].reset_index(drop=True))
    alone = augment.run({**tree, "sinks": sinks[:1]}, out=tmp_path / "alone", workers=0)
    assert alone.synthetic.frame.drop(columns="origin").equals(run.synthetic.frame.drop(columns="origin"))
    none = augment.run({**tree, "mix": {"rows": 0}, "sinks": sinks[:1]}, out=tmp_path / "none", workers=0)
    assert (none.folder / "data/synthetic.csv").read_text() == "x,label,origin\n"


@pytest.mark.parametrize("form", ["movielens", "recbole", "dated"])
def test_ratings(tmp_path, form):
    rng = np.random.default_rng(0)
    names = {
        "movielens": ["userId", "movieId", "rating", "timestamp"],
        "recbole": ["item_id:token", "user_id:token", "timestamp:float", "rating:float"],
        "dated": ["date", "customer", "stars", "product"],
    }[form]
    time = rng.integers(0, 9_000_000, 120) + 978_300_000
    time = time.astype(float) if form == "recbole" else time
    if form == "dated":
        time = pd.to_datetime(time, unit="s").strftime("%Y-%m-%dT%H:%M:%S")
    columns = {
        "user": np.repeat(np.arange(20) * 3 + 1, 6),
        "item": rng.integers(1, 30, 120),
        "rating": rng.integers(1, 11, 120) / 2,
        "time": time,
    }
    order = {
        "movielens": ["user", "item", "rating", "time"],
        "recbole": ["item", "user", "time", "rating"],
        "dated": ["time", "user", "rating", "item"],
    }[form]
    original = pd.DataFrame({name: columns[what] for name, what in zip(names, order, strict=True)})
    original = original.drop_duplicates([names[order.index(what)] for what in ("user", "item", "time")])
    file = tmp_path / ("ratings.inter" if form == "recbole" else "ratings.csv")
    separator = "\t" if form == "recbole" else ","
    original.to_csv(file, index=False, sep=separator)
    run = came_back(file, tmp_path)
    user = names[order.index("user")]

    def read(part):
        frame = pd.read_csv(f"{part}{file.suffix}", sep=separator)
        return frame.rename(columns={"origin:token": "origin"})

    check_frames(original, read(run.folder / "data/train"), new_ids=user)
    check_real(original, run, read, [user, names[order.index("time")], names[order.index("item")]])
    assert len(run.synthetic) == 12


TS = """@problemName Demo
@timeStamps false
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true up down
@data
"""


def test_a_ts_file(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        steps = 5 + number % 3
        channels = [",".join(map(str, rng.normal(size=steps).round(3))) for _ in range(2)]
        rows.append(f"{channels[0]}:{channels[1]}:{['up', 'down'][number % 2]}")
    rows[3] = "?," + rows[3].partition(",")[2]
    (tmp_path / "demo.ts").write_text(TS + "\n".join(rows) + "\n")
    run = came_back(tmp_path / "demo.ts", tmp_path)
    written = [(run.folder / f"data/{part}.ts").read_text() for part in ("train", "test")]
    assert written[0].startswith(TS)
    lines = [text.partition("@data\n")[2].splitlines() for text in written]
    assert len(lines[0]) + len(lines[1]) == 32
    assert sorted({*lines[0], *lines[1]}) == sorted(rows)  # synthetic ones are copies
    assert len(run.synthetic) == 12  # of the file that the default sink has written


def test_a_file_of_the_ucr_archive(tmp_path):
    rng = np.random.default_rng(0)
    rows = [[number % 2 + 1, *rng.normal(size=9).round(3)] for number in range(20)]
    rows[4][-2:] = rows[7][-1:] = [np.nan]
    rows[4].append(np.nan)
    original = pd.DataFrame(rows)
    original.to_csv(tmp_path / "Demo_TRAIN.tsv", sep="\t", header=False, index=False, na_rep="NaN")
    run = came_back(tmp_path / "Demo_TRAIN.tsv", tmp_path)
    parts = [pd.read_csv(run.folder / f"data/{part}.tsv", sep="\t", header=None) for part in ("train", "test")]
    assert pd.concat([original, *parts]).dtypes.to_dict() == original.dtypes.to_dict()
    whole = pd.concat(parts).drop_duplicates()
    pd.testing.assert_frame_equal(
        whole.sort_values([1, 2], ignore_index=True), original.sort_values([1, 2], ignore_index=True)
    )


@pytest.mark.parametrize("sinks", [None, ["series-csv"]])
def test_labels_that_look_like_formulas_come_back_as_they_were(tmp_path, sinks):
    frame = of_sensors(pd.date_range("2024-01-01", periods=6, freq="h"))
    frame["label"] = np.where(frame["sensor"].str[1:].astype(int) % 2, "=x", "-y")
    frame.to_csv(tmp_path / "s.csv", index=False)
    run = came_back(tmp_path / "s.csv", tmp_path, **({} if sinks is None else {"sinks": sinks}))
    assert "'=x" in (run.folder / "data" / "train.csv").read_text()
    assert set(run.train.frame["label"]) == {"=x", "-y"}


def test_a_file_that_does_not_hold_times_is_read_back_without_them(tmp_path):
    of_sensors(pd.date_range("2024-01-01", periods=6, freq="h")).to_csv(tmp_path / "s.csv", index=False)
    run = came_back(tmp_path / "s.csv", tmp_path, sinks=["series-csv"])
    assert "when" not in run.train.frame
    assert run.train.data.schema.arrays["series"].start_column is None


def test_items_that_look_like_formulas_come_back_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    items = np.array(["=a", "+b", "-c", "'d", "e"])[rng.integers(0, 5, 200)]
    users, times = np.repeat(np.arange(40), 5), np.arange(200) + 10**9
    frame = pd.DataFrame({"user_id": users, "item_id": items, "timestamp": times})
    frame.to_csv(tmp_path / "r.csv", index=False)
    run = came_back(tmp_path / "r.csv", tmp_path)
    (array,) = (one for one in run.schema.arrays.values() if one.type == "tokens")
    (read,) = (one for one in run.train.data.schema.arrays.values() if one.type == "tokens")
    assert read.vocabulary == array.vocabulary
    assert {"=a", "+b", "-c", "'d", "e"} <= set(read.vocabulary)
    assert "'=a" in (run.folder / "data" / "train.csv").read_text()


def test_a_table_without_a_header_and_with_amounts_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    amounts = rng.integers(100, 9_000_000, 40) / 100
    original = pd.DataFrame(
        {
            0: np.arange(40) % 7 + 1000,
            1: [f"{amount:,.2f}" for amount in amounts],
            2: [f"€{amount:,.2f}" for amount in -amounts],
            3: ["a", "b"] * 20,
        }
    )
    original.to_csv(tmp_path / "data.csv", index=False, header=False)
    run = came_back(tmp_path / "data.csv", tmp_path, target="column4")
    parts = [pd.read_csv(run.folder / f"data/{part}.csv", header=None) for part in ("train", "test")]
    both = pd.concat([original, *(part.drop(columns=4) for part in parts)])
    assert both.dtypes.to_dict() == original.dtypes.to_dict()
    whole = pd.concat(parts)
    real = whole[whole[4] == "real"].drop(columns=4)
    pd.testing.assert_frame_equal(
        real.sort_values([0, 1], ignore_index=True), original.sort_values([0, 1], ignore_index=True)
    )
    assert set(run.synthetic.frame["column2"]) <= set(amounts)  # it is read again, too


def test_amounts_and_units_of_a_german_file(tmp_path):
    amounts = [1_100_200 + 37.5 * row for row in range(40)]
    cells = [f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) for amount in amounts]
    original = pd.DataFrame({"umsatz": cells, "preis": [f"{cell} €" for cell in cells], "label": ["1,0", "0,0"] * 20})
    original["kurs"] = [f"{row},{row % 7}0" for row in range(40)]
    original.to_csv(tmp_path / "data.csv", index=False, sep=";")
    run = came_back(tmp_path / "data.csv", tmp_path, target="label")

    def read(part):
        return pd.read_csv(f"{part}.csv", sep=";")

    check_frames(original, read(run.folder / "data/train"))
    check_real(original, run, read, ["umsatz"])
    assert set(run.synthetic.frame["preis"]) <= set(amounts)


@pytest.mark.parametrize("by", ["line", "label-line"])
def test_a_file_of_texts(tmp_path, by):
    texts = [f"the {word} number {row} is here, isn't it" for row in range(20) for word in ("first", "“zweite”")]
    lines = [f"{'up' if row % 2 else 'down'} {text}" if by == "label-line" else text for row, text in enumerate(texts)]
    (tmp_path / "data.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = came_back(
        tmp_path / "data.txt", tmp_path, source={"by": by}, sinks=["parquet", {"use": "text", "with": {"by": by}}]
    )
    written = [(run.folder / f"data/{part}.txt").read_text(encoding="utf-8").splitlines() for part in ("train", "test")]
    assert len(written[0]) + len(written[1]) == 40 + 12
    assert {*written[0], *written[1]} == set(lines)  # synthetic ones are copies


def test_a_folder_of_texts(tmp_path):
    for row in range(40):
        folder = tmp_path / "texts" / ("good things" if row % 2 else "bad")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row}.txt").write_text(f"text {row} of\n two lines", encoding="utf-8")
    run = came_back(tmp_path / "texts", tmp_path)

    def read(folder):
        return [(path.parent.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*/*.txt"))]

    written = [*read(run.folder / "data/train"), *read(run.folder / "data/test")]
    assert len(written) == 52
    assert set(written) == set(read(tmp_path / "texts"))
    assert len(run.synthetic) == 12  # of the file that the default sink has written


def test_texts_in_json_lines(tmp_path):
    original = pd.DataFrame({"text": [f"text {row}\nof lines" for row in range(40)], "label": ["a", "b"] * 20})
    original.to_json(tmp_path / "data.jsonl", orient="records", lines=True)
    run = came_back(tmp_path / "data.jsonl", tmp_path)

    def read(part):
        return pd.read_json(f"{part}.jsonl", lines=True)

    check_frames(original, read(run.folder / "data/train"))
    check_real(original, run, read, ["text"])


@pytest.mark.parametrize("num_channels", [1, 2])
def test_an_arff_file(tmp_path, num_channels):
    rng = np.random.default_rng(0)
    steps = "".join(f"@attribute t{step} numeric\n" for step in range(6))
    steps = steps if num_channels == 1 else f"@attribute bag relational\n{steps}@end bag\n"
    label = "a" if num_channels == 1 else "'a b'"  # which scipy cannot read
    header = f"@relation Demo\n{steps}@attribute target {{2,1,{label}}}\n@data\n"
    rows = []
    for row in range(24):
        channels = [",".join(map(str, rng.normal(size=6).round(3))) for _ in range(num_channels)]
        series = channels[0] if num_channels == 1 else "'" + r"\n".join(channels) + "'"
        rows.append(",".join([series, ["1", "2", label][row % 3]]))
    (tmp_path / "demo.arff").write_text(header + "\n".join(rows) + "\n")
    run = came_back(tmp_path / "demo.arff", tmp_path)
    written = [(run.folder / f"data/{part}.arff").read_text().replace("  @", "@") for part in ("train", "test")]
    for text in written:
        assert text.startswith(header)
    lines = [text.partition("@data\n")[2].splitlines() for text in written]
    assert len(lines[0]) + len(lines[1]) == 36
    assert {*lines[0], *lines[1]} == set(rows)
    if num_channels == 1:
        limit = csv.field_size_limit()
        loaded, meta = scipy.io.arff.loadarff(run.folder / "data/train.arff")
        csv.field_size_limit(limit)  # SciPy lifts it for the whole process
        assert (len(loaded), meta.names()) == (len(lines[0]), [*(f"t{step}" for step in range(6)), "target"])


DEEP = {"I;16": 1, "RGB;16": 3}


def pictures(folder, ending, mode, parts=("",)):
    """Twenty pictures a part in two classes, and the content of the files."""
    rng = np.random.default_rng(0)
    num_channels = {"L": 1, "RGB": 3, "RGBA": 4, **DEEP}[mode]
    contents = []
    for part in parts:
        for number in range(20):
            values = rng.integers(700, 4016, (9, 8, num_channels)) if mode in DEEP else rng.integers(0, 256, (9, 8, 4))
            values = values[..., :num_channels].astype(np.uint16 if mode in DEEP else np.uint8)
            place = folder / part / ("cat" if number % 2 else "dog") / f"{number}{ending}"
            place.parent.mkdir(parents=True, exist_ok=True)
            options = {"lossless": True} if ending == ".webp" else {}
            if mode == "RGB;16":
                place.write_bytes(cv2.imencode(ending, values)[1].tobytes())
            else:
                PIL.Image.fromarray(values[..., 0] if num_channels == 1 else values).save(place, **options)
            contents.append(place.read_bytes())
    return contents


def pixels_of(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(
    ("ending", "mode", "parts"),
    [
        (".png", "L", ["train", "test"]),
        (".tif", "I;16", [""]),
        (".jpg", "RGB", ["train", "test"]),
        *slowly([(".bmp", "RGB", [""]), (".png", "I;16", [""]), (".png", "RGB;16", [""]), (".png", "RGBA", [""])]),
        *slowly([(".webp", "RGB", [""]), (".jpeg", "L", [""])]),
    ],
)
def test_a_folder_of_images(tmp_path, ending, mode, parts):
    original = pictures(tmp_path / "images", ending, mode, parts)
    run = came_back(tmp_path / "images", tmp_path)
    written = ".jpg" if ending == ".jpeg" else ending
    files = [path for part in ("train", "test") for path in sorted((run.folder / "data" / part).rglob(f"*{written}"))]
    assert len(files) == len(original) + 12
    assert {path.parent.name for path in files} == {"cat", "dog"}
    contents = [path.read_bytes() for path in files]
    pixels = [pixels_of(content) for content in contents]
    assert {each.dtype for each in pixels} == {np.dtype(np.uint16 if mode in DEEP else np.uint8)}
    if mode in DEEP or ending in (".jpg", ".jpeg"):  # the rest of the files is encoded anew, and lossless
        assert set(original) <= set(contents)
    else:
        assert {each.tobytes() for each in pixels} == {pixels_of(each).tobytes() for each in original}
    assert len(run.synthetic) == 12  # it is read again, too


def test_black_and_white_of_deep_images_come_from_the_training_part_alone(tmp_path):
    for number in range(20):
        values = np.full((4, 4), 1000 + 10 * number, np.uint16)
        values[0, 0] = 60_000 if number == 19 else 500 if number == 18 else 1000
        place = tmp_path / "images" / ("cat" if number % 2 else "dog") / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(values).save(place)
    (tmp_path / "images" / "metadata.csv").write_text(
        "file_name,label,part\n"
        + "".join(f"{'cat' if n % 2 else 'dog'}/{n}.png,{n % 4 > 1},{n > 14}\n" for n in range(20))
    )
    tree = {
        "name": "deep",
        "source": {"use": "image-folder", "with": {"path": str(tmp_path / "images"), "label": "label"}},
        "schema": {"target": "label"},
        "split": {"column": "part", "test": ["True"]},
        **CHEAP,
    }
    run = augment.run(tree, out=tmp_path / "run", workers=0)
    assert run.schema.arrays["image"].levels == (1000, 1140)
    assert any("1000 becomes 0 and 1140 becomes 255, the range of the training part" in n for n in run.metrics.notes)
