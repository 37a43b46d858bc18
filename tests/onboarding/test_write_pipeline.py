from __future__ import annotations

import gzip
import json
import struct
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from slowly import slowly

from augment.data import SchemaDeclaration, infer, observe
from augment.detect.formats import find_source
from augment.errors import DataError, DiskError, SpecError
from augment.onboarding import write_pipeline
from augment.plugin.catalog import Catalog, Offer
from augment.plugin.context import Context
from augment.runner.check import check
from augment.spec import document
from augment.spec.bind import bind
from augment.spec.load import load

NASTY = [
    "yes",
    "a: b",
    "# no",
    "- x",
    "{x}",
    "12",
    "null",
    "é ü",
    "日本",
    "x\ny",
    " padded ",
    '"quoted"',
    "a'b",
    "100%",
    "*",
]


def table(num_rows=100, share=0.2):
    """Rows with two numbers, a word and a lopsided label."""
    rng = np.random.default_rng(0)
    label = np.where(np.arange(num_rows) < share * num_rows, "yes", "no")
    return pd.DataFrame(
        {
            "width": rng.normal(size=num_rows),
            "height": rng.normal(size=num_rows) + (label == "yes"),
            "shape": rng.choice(["round", "square"], num_rows),
            "label": label,
        }
    )


def written(frame, tmp_path, **settings):
    """The pipeline for a table as plain data, and its text."""
    frame.to_parquet(tmp_path / "data.parquet")
    text = write_pipeline.propose(tmp_path / "data.parquet", tmp_path, **settings)
    (tmp_path / "data.yaml").write_text(text)
    return document.read(tmp_path / "data.yaml").tree, text


def bound(path):
    """What every step of a pipeline file turns out to be; raises as a run would."""
    resolved = load(path, Catalog())
    source = resolved.sources()[0]
    data = source.cls(source.params).read(Context(0, path.parent, declared=resolved.pipeline.schema_))
    declared = SchemaDeclaration(
        target=resolved.pipeline.schema_.target or data.schema.target, columns=dict(data.schema.columns)
    )
    schema, _ = observe(infer(data.frame, data.arrays, declared), data.frame)
    return bind(resolved, schema, round(0.8 * len(data)))


def save_csv(path):
    table().to_csv(path / "data.csv", index=False)
    return path / "data.csv"


def save_semicolons(path):
    table().to_csv(path / "data.csv", index=False, sep=";", decimal=",")
    return path / "data.csv"


def save_parquet(path):
    table().to_parquet(path / "data.parquet")
    return path / "data.parquet"


def save_lines(path):
    table().to_json(path / "data.jsonl", orient="records", lines=True)
    return path / "data.jsonl"


def save_npz(path):
    np.savez(
        path / "data.npz",
        **{name: values.to_numpy().astype(str if values.dtype != float else float) for name, values in table().items()},
    )
    return path / "data.npz"


def save_images(path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(12):
        folder = path / "data" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{number}.png")
    return path / "data"


def save_idx(path, part="train"):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (12, 8, 8), dtype=np.uint8), np.arange(12, dtype=np.uint8) % 2
    (path / "data").mkdir()
    for what, values in (("images", images), ("labels", labels)):
        header = struct.pack(f">2xBB{values.ndim}I", 8, values.ndim, *values.shape)
        (path / "data" / f"{part}-{what}-idx{values.ndim}-ubyte").write_bytes(header + values.tobytes())
    return path / "data"


def save_ts(path):
    rng = np.random.default_rng(0)
    lines = [",".join(map(str, rng.normal(size=9 + row % 3).round(2))) + f":{'ab'[row % 2]}" for row in range(24)]
    (path / "data.ts").write_text("@classLabel true a b\n@data\n" + "\n".join(lines) + "\n")
    return path / "data.ts"


def save_arff(path):
    head = ["@relation r", *(f"@attribute t{step} numeric" for step in range(4)), "@attribute class {a,b}", "@data"]
    rows = [f"{row},{row * 2},?,1,{'ab'[row % 2]}" for row in range(24)]
    (path / "data.arff").write_text("\n".join([*head, *rows]) + "\n")
    return path / "data.arff"


def save_steps(path):
    rng = np.random.default_rng(0)
    rows = [
        {"Patient": f"p{who}", "day": f"2024-01-{day + 1:02}", "pulse": round(rng.normal(60, 9), 1), "sick": who % 2}
        for who in range(24)
        for day in range(5 + who % 3)
    ]
    pd.DataFrame(rows).to_csv(path / "data.csv", index=False)
    return path / "data.csv"


def save_npz_of_series(path):
    rng = np.random.default_rng(0)
    label = np.array(["a", "b"] * 12)
    np.savez(path / "data.npz", x=rng.normal(size=(24, 7, 2)).astype("float32"), label=label)
    return path / "data.npz"


SERIES_SAVERS = [save_ts, save_arff, save_steps, save_npz_of_series]
SAVERS = [save_csv, save_semicolons, save_parquet, save_lines, save_npz, save_images, save_idx]


@pytest.mark.parametrize("save", SAVERS)
def test_the_pipeline_fits_the_data_as_it_is(save, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_pipeline.write(save(tmp_path))
    assert path == Path("data.yaml")
    steps = bound(tmp_path / "data.yaml")
    assert steps["generator"]
    assert steps["probe"]


def test_rows_without_a_target_are_left_out_and_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = table()
    frame.loc[frame.index % 10 == 3, "label"] = None
    frame.to_csv("data.csv", index=False)
    path = write_pipeline.write(Path("data.csv"), target="label")
    assert "  missing_target: drop  # 10 rows have no value of the target\n" in path.read_text()
    assert "10 of 100 rows have no target and were left out" in check(path, workers=0).notes


def test_a_checked_pipeline_has_no_problems_and_makes_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    found = check(write_pipeline.write(save_csv(tmp_path)), workers=0)
    assert found.schema.target == "label"
    assert {label for _, label, _ in found.plan} == {"yes"}


def test_a_lopsided_table_is_balanced(tmp_path):
    tree, text = written(table(), tmp_path)
    assert [entry["use"] for entry in tree["generators"]] == ["smote"]
    assert "shortfall" not in tree  # of numbers, any number of others can be made
    assert tree["mix"] == {"rows": "balance"}
    assert "from 20 to 80" in text


def test_few_rows_get_the_amount_that_was_measured_to_help(tmp_path):
    tree, text = written(table(num_rows=400, share=0.3), tmp_path)
    assert [entry["use"] for entry in tree["generators"]] == ["anchored"]
    assert "the AUC rose by" in text
    assert tree["mix"] == {"rows": "20x"}


def test_few_rows_of_a_rare_class_are_balanced(tmp_path):
    tree, _ = written(table(num_rows=600, share=0.065), tmp_path)
    assert [entry["use"] for entry in tree["generators"]] == ["anchored"]
    assert tree["mix"] == {"rows": "balance"}


def test_a_generators_settings_for_the_data_are_written_with_the_reason(tmp_path):
    lines = [
        f"{'好坏'[number % 2]},这个{'大小长短高低多少新旧红黄蓝白黑快慢冷热轻'[number]}产品的质量"
        for number in range(20)
    ]
    (tmp_path / "texts.csv").write_text("\n".join(["label,text", *lines]) + "\n", encoding="utf-8")
    text = write_pipeline.propose(tmp_path / "texts.csv", tmp_path)
    assert "  - use: text-edits\n    with:\n      unit: character  # these texts have hardly any spaces" in text


def test_rare_texts_are_gone_on_with_and_balanced(tmp_path):
    lines = [f"{'spam' if n < 40 else 'ham'},word {n} and {n % 7} more words of number {n % 11}" for n in range(300)]
    (tmp_path / "texts.csv").write_text("\n".join(["label,message", *lines]) + "\n")
    text = write_pipeline.propose(tmp_path / "texts.csv", tmp_path)
    assert "- use: anchored" in text
    assert "rows: balance" in text
    assert "shortfall: warn" in text  # few texts cannot become any number of others
    assert "boosted" not in text


def test_an_even_table_is_doubled(tmp_path):
    tree, _ = written(table(share=0.5), tmp_path)
    assert tree["mix"] == {"rows": "1x"}


def test_the_choice_of_the_target_is_explained(tmp_path):
    tree, text = written(table(), tmp_path)
    assert tree["schema"]["target"] == "label"
    assert "chosen for its name" in text
    assert '"no" (80 rows), "yes" (20 rows)' in text


def test_without_a_plausible_target_the_schema_is_a_comment_to_fill_in(tmp_path):
    tree, text = written(table()[["width", "height"]], tmp_path)
    assert "schema" not in tree
    assert "#   target: height" in text
    assert tree["mix"] == {"rows": "1x"}


def save_arrays_alone(path):
    from PIL import Image

    rng = np.random.default_rng(0)
    images, series = rng.integers(0, 256, (12, 8, 8), dtype=np.uint8), rng.normal(size=(24, 9)).round(2)
    np.savez(path / "images.npz", image=images)
    np.savez(path / "series.npz", x=series[..., None].astype("float32"))
    pd.DataFrame(series).add_prefix("t").to_csv(path / "wide.csv", index=False)
    rows = [",".join(map(str, row[: 5 + place % 3])) for place, row in enumerate(series)]
    (path / "data.ts").write_text("\n".join(["@classLabel false", "@data", *rows]) + "\n")
    head = ["@relation r", *(f"@attribute t{step} numeric" for step in range(9)), "@data"]
    (path / "data.arff").write_text("\n".join([*head, *(",".join(map(str, row)) for row in series)]) + "\n")
    (path / "pictures").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(path / "pictures" / f"{number}.png")


@pytest.mark.parametrize("name", ["images.npz", "series.npz", "wide.csv", "data.ts", "data.arff", "pictures"])
def test_arrays_alone_get_a_pipeline_without_a_target(name, tmp_path):
    save_arrays_alone(tmp_path)
    text = write_pipeline.propose(tmp_path / name, tmp_path)
    (tmp_path / "p.yaml").write_text(text)
    assert "No column could be a target. Without one, nothing can tell whether this helps." in text
    assert "target:" not in text
    assert bound(tmp_path / "p.yaml")["generator"]


def test_the_comment_about_the_target_becomes_a_schema_when_uncommented(tmp_path):
    _, text = written(table()[["width", "height"]], tmp_path)
    lines = text.splitlines()
    start = lines.index("# schema:")
    end = lines.index("", start)
    lines[start:end] = [line.removeprefix("# ") for line in lines[start:end]]
    (tmp_path / "uncommented.yaml").write_text("\n".join(lines))
    schema = document.read(tmp_path / "uncommented.yaml").tree["schema"]
    assert schema["target"] == "height"
    assert schema["columns"] == {"width": {"type": "number"}, "height": {"type": "number"}}


def test_a_numeric_target_gets_no_amounts_per_class(tmp_path):
    frame = table().drop(columns="label").assign(price=np.linspace(1, 2, 100))
    tree, text = written(frame, tmp_path)
    assert tree["schema"]["target"] == "price"
    assert tree["mix"] == {"rows": "1x"}
    assert "per_class" not in text


def test_missing_values_are_imputed_and_said_to_be(tmp_path):
    frame = table()
    frame.loc[3, "width"] = np.nan
    tree, text = written(frame, tmp_path)
    assert tree["transforms"] == [{"use": "impute"}] or tree["transforms"] == ["impute"]
    assert "values are missing in width" in text
    assert "1 missing" in text


def test_ids_are_declared(tmp_path):
    tree, _ = written(table().assign(customer_id=np.arange(100)), tmp_path)
    assert tree["schema"]["columns"] == {"customer_id": {"type": "id"}}


def test_a_column_called_origin_gets_company(tmp_path):
    tree, _ = written(table().assign(origin="here"), tmp_path)
    assert tree["origin_column"] == "synthetic_origin"
    bound(tmp_path / "data.yaml")


@pytest.mark.parametrize("name", [*NASTY[::4], *slowly(name for number, name in enumerate(NASTY) if number % 4)])
def test_any_column_name_and_label_can_be_the_target(name, tmp_path):
    frame = table().rename(columns={"label": name})
    frame[name] = frame[name].map({"yes": name, "no": "other"})
    tree, _ = written(frame, tmp_path, target=name)
    assert tree["schema"]["target"] == name


@pytest.mark.parametrize("name", [*NASTY[::4], *slowly(name for number, name in enumerate(NASTY) if number % 4)])
def test_any_column_name_can_stand_in_the_comments(name, tmp_path):
    frame = table().rename(columns={"width": name})
    frame["shape"] = name
    tree, text = written(frame, tmp_path)
    assert "columns" not in tree["schema"]
    uncommented = text.replace("  # columns:", "  columns:").replace("  #   ", "    ")
    (tmp_path / "uncommented.yaml").write_text(uncommented)
    assert name in document.read(tmp_path / "uncommented.yaml").tree["schema"]["columns"]


def test_wide_tables_are_cut_short(tmp_path):
    frame = table().join(pd.DataFrame(np.zeros((100, 100)), columns=[f"c{number}" for number in range(100)]))
    _, text = written(frame, tmp_path)
    assert "and 43 more" in text
    assert len(text.splitlines()) < 120


def test_paths_are_relative_to_the_pipeline(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    write_pipeline.write(save_csv(tmp_path / "data"), Path("specs/mine.yaml"))
    tree = document.read(Path("specs/mine.yaml")).tree
    assert tree["source"]["with"] == {"path": "../data/data.csv"}
    assert tree["name"] == "mine"


def test_several_files_and_patterns_are_written_relative_to_the_pipeline(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    first, second = save_csv(tmp_path / "data"), tmp_path / "data" / "more.csv"
    second.write_bytes(first.read_bytes())
    for data, expected in (
        ([first, second], ["../data/data.csv", "../data/more.csv"]),
        (Path("data/*.csv"), "../data/*.csv"),
    ):
        path = write_pipeline.write(data, Path("specs/all.yaml"))
        assert document.read(path).tree["source"]["with"] == {"path": expected}
        assert bound(path)["source"]
        path.unlink()


def test_a_compressed_file_names_the_pipeline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv.gz").write_bytes(gzip.compress(save_csv(tmp_path).read_bytes()))
    assert write_pipeline.write(Path("data.csv.gz")) == Path("data.yaml")


def test_odd_file_names_make_good_pipeline_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_csv(tmp_path).rename(tmp_path / "Größe & Maß (2).csv")
    path = write_pipeline.write(Path("Größe & Maß (2).csv"))
    assert path == Path("grosse-mass-2.yaml")
    assert load(path, Catalog()).pipeline.name == "grosse-mass-2"


def test_a_file_that_exists_is_left_alone(tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    with pytest.raises(SpecError, match="exists already; name another file with -o"):
        write_pipeline.write(save_csv(tmp_path), tmp_path / "mine.yaml")
    assert (tmp_path / "mine.yaml").read_text() == "precious"


def test_a_folder_that_is_not_there_is_a_disk_error(tmp_path):
    with pytest.raises(DiskError, match="cannot be written"):
        write_pipeline.write(save_csv(tmp_path), tmp_path / "absent" / "mine.yaml")


def test_data_without_rows_is_refused(tmp_path):
    (tmp_path / "data.jsonl").write_text("")
    with pytest.raises(DataError):
        write_pipeline.propose(tmp_path / "data.jsonl", tmp_path)


def test_the_same_data_gives_the_same_pipeline(tmp_path):
    path = save_csv(tmp_path)
    assert write_pipeline.propose(path, tmp_path) == write_pipeline.propose(path, tmp_path)


def test_labels_that_are_long_are_shortened_in_comments(tmp_path):
    frame = table()
    frame["shape"] = "x" * 500
    _, text = written(frame, tmp_path)
    assert max(map(len, text.splitlines())) < 250


def test_values_of_json_lines_keep_their_types(tmp_path):
    rows = [{"x": number, "flag": number % 2 == 0, "label": "ab"[number % 2]} for number in range(40)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    text = write_pipeline.propose(tmp_path / "data.jsonl", tmp_path)
    assert "flag: {type: boolean}" in text
    assert "x: {type: integer}  # 0 to 39; differs in every row" in text


def _customers(folder):
    """A table as offices keep them: not UTF-8, decimal commas, `n/a` among numbers, numbers of customers, remarks."""
    remarks = ["zahlt spät", "zwei Mal angerufen, niemand da", "nichts", "alles gut", "noch offen"]
    rows = [
        f"K-{1000 + i};{i % 97},{i % 10};{'n/a' if i % 9 == 0 else 20 + i % 50};{remarks[i % 5]} {i % 83} {i % 7};"
        f"{'ja' if i % 6 == 0 else 'nein'}"
        for i in range(240)
    ]
    path = folder / "kunden.csv"
    path.write_bytes("\n".join(["Kunde;Betrag;Alter;Notiz;Ausfall", *rows, ""]).encode("latin-1"))
    return path


def _proposed(path):
    (path.parent / "p.yaml").write_text(write_pipeline.propose(path, path.parent), encoding="utf-8")
    return document.read(path.parent / "p.yaml").tree


def test_a_file_that_is_not_utf8_is_read_as_it_is_written(tmp_path):
    tree = _proposed(_customers(tmp_path))
    assert tree["source"]["with"]["encoding"] == "cp1252"
    assert (tree["source"]["with"]["delimiter"], tree["source"]["with"]["decimal"]) == (";", ",")


def test_words_for_missing_values_among_numbers_are_declared_as_such(tmp_path):
    tree = _proposed(_customers(tmp_path))
    assert "n/a" in tree["source"]["with"]["null_values"]


def test_free_text_is_left_out_so_that_more_than_copies_can_be_made(tmp_path):
    tree = _proposed(_customers(tmp_path))
    assert tree["source"]["with"]["columns"] == ["Kunde", "Betrag", "Alter", "Ausfall"]
    assert "copied word for word: Notiz" in (tmp_path / "p.yaml").read_text()
    assert "bootstrap" not in [generator["use"] for generator in tree["generators"]]


def test_words_with_digits_that_all_differ_are_ids(tmp_path):
    assert _proposed(_customers(tmp_path))["schema"]["columns"] == {"Kunde": {"type": "id"}}


def test_text_that_the_dataset_is_about_stays(tmp_path):
    path = tmp_path / "mail.csv"
    path.write_text("\n".join(["text,label", *(f"words of mail number {i},{'ab'[i % 2]}" for i in range(60)), ""]))
    assert "columns" not in _proposed(path)["source"]["with"]


def test_images_of_several_sizes_are_brought_to_the_middle_one(tmp_path):
    from PIL import Image

    for number, (height, width) in enumerate([(40, 60), (48, 64), (480, 640)] * 4):
        place = tmp_path / "photos" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((height, width, 3), 20 * number, dtype=np.uint8)).save(place / f"{number}.png")
    assert _proposed(tmp_path / "photos")["source"]["with"]["size"] == [48, 64]


def test_a_folder_like_mnists_is_read_as_idx(tmp_path):
    assert _proposed(save_idx(tmp_path))["source"] == {"use": "idx", "with": {"path": "data"}}


def test_a_folder_with_only_the_test_part_is_read_as_that(tmp_path):
    assert _proposed(save_idx(tmp_path, part="t10k"))["source"]["with"] == {"path": "data", "part": "test"}


def test_one_idx_file_alone_is_answered_with_the_folder(tmp_path):
    file = save_idx(tmp_path) / "train-images-idx3-ubyte"
    with pytest.raises(DataError, match=r"name the folder, .*data$"):
        _proposed(file)


def test_where_the_settings_of_generators_are_listed_is_said(tmp_path):
    assert "listed by `augment show smote`" in written(table(), tmp_path)[1]


def events(path, header, num_users=300):
    rng = np.random.default_rng(0)
    lines = [f"u{user},i{item},{item % 5}" for user in range(num_users) for item in rng.permutation(20)[:6]]
    path.write_text(header + "\n" + "\n".join(lines) + "\n")
    return path


def test_a_file_of_events_becomes_histories(tmp_path):
    text = write_pipeline.propose(events(tmp_path / "events.csv", "userId,movieId,rating"), tmp_path)
    (tmp_path / "p.yaml").write_text(text)
    tree = document.read(tmp_path / "p.yaml").tree
    assert tree["source"]["use"] == "histories"
    assert [step["use"] for step in tree["generators"]] == ["history-edits", "rnn"]
    assert "metrics" not in tree  # the defaults have `next-item`
    assert "target" not in (tree.get("schema") or {})
    check(tmp_path / "p.yaml", workers=0)


def test_what_tells_whether_histories_help_is_said_and_their_length_is_no_target(tmp_path):
    text = write_pipeline.propose(events(tmp_path / "events.csv", "user,item,rating"), tmp_path)
    assert "how well the next item of held-out users is predicted" in text
    assert "num_" not in text
    assert "auto" not in text


def test_a_folder_of_texts_is_read_as_texts(tmp_path):
    for number in range(12):
        place = tmp_path / "letters" / ("praise", "complaint")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(f"words of letter number {number}")
    assert _proposed(tmp_path / "letters")["source"] == {"use": "text-folder", "with": {"path": "letters"}}


@pytest.mark.parametrize("time", ["when", "measured_at", "Start time"])
def test_steps_are_seen_by_usual_names_of_times(time, tmp_path):
    save_steps(tmp_path)
    pd.read_csv(tmp_path / "data.csv").rename(columns={"day": time}).to_csv(tmp_path / "data.csv", index=False)
    assert find_source(tmp_path / "data.csv", Catalog()).name == "series-csv"


def _days(form, repeated):
    lines = ["series_id,timestamp,value,label"]
    for who in range(12):
        times = pd.date_range("2024-10-26", periods=30, freq="D").strftime(form).tolist()
        times[repeated:repeated] = times[:repeated]
        lines += [f"s{who},{time},{step / 7:.3f},{'ab'[who % 2]}" for step, time in enumerate(times)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("form", "repeated", "settings"),
    [
        ("%Y-%m-%d", 0, {}),
        ("%Y-%m-%d", 2, {"duplicates": "first"}),
        ("%d.%m.%Y", 0, {"date_format": "%d.%m.%Y"}),
        ("%m/%d/%Y %H:%M", 1, {"date_format": "%m/%d/%Y %H:%M", "duplicates": "first"}),
    ],
)
def test_series_with_repeated_times_or_dates_in_another_form_are_series(tmp_path, form, repeated, settings):
    (tmp_path / "data.csv").write_text(_days(form, repeated))
    source = _proposed(tmp_path / "data.csv")["source"]
    said = {"path": "data.csv", "key": "series_id", "time": "timestamp", **settings}
    assert source == {"use": "series-csv", "with": said}


def test_series_of_which_many_rows_share_a_time_are_read_as_a_table_and_that_is_noted(tmp_path, caplog):
    (tmp_path / "data.csv").write_text(_days("%Y-%m-%d", repeated=8))
    text = write_pipeline.propose(tmp_path / "data.csv", tmp_path)
    assert "  use: csv\n" in text
    note = "% of the rows have the series_id and timestamp of an earlier row"
    assert note in caplog.text
    assert [line.strip().startswith("# note: data.csv") for line in text.splitlines() if note in line] == [True]


def test_what_a_source_notes_stands_in_the_pipeline_once_and_without_the_path(tmp_path, caplog):
    (tmp_path / "data.csv").write_text(_days("%d.%m.%Y", repeated=1))
    text = write_pipeline.propose(tmp_path / "data.csv", tmp_path)
    assert text.count("rows repeat an earlier one: the first of each counts") == 1
    assert "  # note: data.csv, line" in text
    assert str(tmp_path) not in text
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("name", ["x.inter", "ratings.csv"])
def test_files_of_recbole_are_histories(name, tmp_path):
    lines = [f"u{who}\ti{who % 5 + step}\t{1_700_000_000 + step}.0" for who in range(30) for step in range(6)]
    (tmp_path / name).write_text("user_id:token\titem_id:token\ttimestamp:float\n" + "\n".join(lines) + "\n")
    proposed = _proposed(tmp_path / name)
    assert proposed["source"] == {"use": "histories", "with": {"path": name, "delimiter": "\t"}}
    assert proposed["schema"]["columns"] == {"user_id:token": {"type": "id"}}


def test_a_table_that_also_has_users_and_products_stays_a_table(tmp_path):
    path = events(tmp_path / "sales.csv", "customer,product,fraud")
    assert "use: csv" in write_pipeline.propose(path, tmp_path)


@pytest.mark.parametrize("save", SERIES_SAVERS)
def test_series_are_seen_as_series(save, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = bound(write_pipeline.write(save(tmp_path)))
    assert [one.cls.name for one in steps["generator"]] == ["series-edits"]
    assert steps["probe"][0].cls.name == "kernels"


def test_columns_of_steps_are_told_from_measures_and_from_what_users_met(tmp_path):
    steps = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 12)))
    events = pd.DataFrame(
        {"user_id": [1, 1, 1, 2, 2, 2], "item": [1, 2, 3] * 2, "time": range(6), "rating": [1, 5] * 3}
    )
    found = {}
    for name, frame in {"t": steps.add_prefix("t"), "x": steps.add_prefix("x"), "events": events}.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        found[name] = find_source(tmp_path / f"{name}.csv", Catalog()).name
    assert found == {"t": "series-csv", "x": "csv", "events": "histories"}


POINTS = """
    import pandas as pd
    from pathlib import Path
    from augment import plugin
    from augment.data import Dataset, infer
    from augment.plugin import Source, hookimpl

    class Points(Source):
        name = "points"
        yields = frozenset({"table"})
        endings = (".pts",)

        class Params(plugin.Params):
            path: Path
            scale: float = 1.0

        @classmethod
        def settings_for(cls, path):
            return {"scale": 2.0}

        def read(self, context):
            values = [self.params.scale * float(line) for line in self.params.path.read_text().split()]
            frame = pd.DataFrame({"x": values, "label": ["a", "b"] * (len(values) // 2)})
            return Dataset.of(frame, {}, infer(frame, {}, context.declared))

    @hookimpl
    def augment_components():
        return [Points]
"""


def test_the_source_of_a_third_party_is_found_by_the_ending_of_a_file(tmp_path, monkeypatch):
    (tmp_path / "somebodys_points.py").write_text(textwrap.dedent(POINTS))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "data.pts").write_text(" ".join(str(n / 7) for n in range(40)))
    catalog = Catalog([*Catalog().offers, Offer("points", "somebodys_points", "somebodys", "1.0")])
    text = write_pipeline.propose(tmp_path / "data.pts", tmp_path, catalog=catalog)
    assert "  use: points\n  with:\n    path: data.pts  # relative to this file\n    scale: 2.0\n" in text
    monkeypatch.delitem(sys.modules, "somebodys_points")


@pytest.mark.parametrize(
    "form",
    [
        *("%d.%m.%Y", "%m/%d/%Y %H:%M", "%H:%M:%S.%f"),
        *slowly(["%m/%d/%y", "%d-%b-%Y", "%d %b %Y", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d", "%m/%d/%Y %I:%M %p"]),
        *slowly(["%Y%m%dT%H%M%SZ", "%a, %d %b %Y %H:%M:%S GMT"]),
    ],
)
def test_dates_of_a_table_are_read_in_the_form_that_fits_all(form, tmp_path):
    days = pd.date_range("2024-01-10 10:05:00.5", periods=60, freq="D1h").strftime(form)
    table(60).assign(day=days).to_csv(tmp_path / "data.csv", index=False)
    text = write_pipeline.propose(tmp_path / "data.csv", tmp_path, "label")
    assert f'date_format: "{form}"  # day' in text
    assert f'#   day: {{type: datetime, date_format: "{form}"}}' in text


OFTEN = ("a letter before", "few doses", "prices")
CODES = {
    "a letter before": ([f"s{i:02}" for i in range(60)], {}),
    "a unit before": ([f"m{i}" for i in range(60)], {}),
    "a target": (["s1", "s2"] * 30, {}),
    "few doses": (["5 mg", "10 mg"] * 30, {}),
    "leading zeros": ([f"{i:03}m" for i in range(60)], {}),
    "weights": ([f"{i} kg" for i in range(60)], {"code": "kg"}),
    "prices": ([f"€ {i}.50" for i in range(60)], {"code": "€"}),
}


@pytest.mark.parametrize(
    "what",
    [
        "a letter before",
        "few doses",
        "prices",
        *slowly(sorted(CODES.keys() - {"a letter before", "few doses", "prices"})),
    ],
)
def test_codes_are_not_taken_for_quantities(what, tmp_path):
    cells, units = CODES[what]
    frame = table(60).assign(code=cells)
    frame.to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "data.yaml").write_text(write_pipeline.propose(tmp_path / "data.csv", tmp_path))
    tree = document.read(tmp_path / "data.yaml").tree
    assert tree["source"]["with"].get("units", {}) == units


@pytest.mark.parametrize("num_sizes", [60, 20])
def test_a_target_keeps_its_unit_and_is_told_what_makes_it_a_number(num_sizes, tmp_path):
    table(60).assign(size=[f"{n % num_sizes} kg" for n in range(60)]).to_csv(tmp_path / "data.csv", index=False)
    text = write_pipeline.propose(tmp_path / "data.csv", tmp_path, "size")
    assert f'target: size  # "0 kg" ({60 // num_sizes} rows)' in text
    assert "say `units: {size: kg}` in the source" in text


def test_a_column_that_loses_its_unit_is_no_target_unless_somebody_says_so(tmp_path):
    frame = table(60).drop(columns=["label", "shape"]).assign(price=[f"€ {i}.50" for i in range(60)])
    frame.to_csv(tmp_path / "data.csv", index=False)
    text = write_pipeline.propose(tmp_path / "data.csv", tmp_path)
    assert 'units: {price: "€"}' in text
    assert "No column without missing values is called like a target" in text


@pytest.mark.parametrize("labels", [["1.0", "2.0"], ["1", "2", "1", "2.0"]], ids=["floats", "floats and integers"])
def test_labels_written_as_floats_are_named_as_a_run_names_them(labels, tmp_path):
    table().assign(label=labels * (100 // len(labels))).to_csv(tmp_path / "data.csv", index=False)
    assert "target: label  # 1 (50 rows), 2 (50 rows)" in write_pipeline.propose(
        tmp_path / "data.csv", tmp_path
    ).replace('"', "")


def test_columns_of_hardly_any_values_are_left_out_so_that_the_pipeline_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table().assign(empty=None, note=["once", *[None] * 99]).to_csv("data.csv", index=False)
    path = write_pipeline.write(Path("data.csv"))
    assert document.read(path).tree["source"]["with"]["columns"] == ["width", "height", "shape", "label"]
    assert "without columns of hardly any values: empty, note" in path.read_text()
    assert set(check(path, workers=0).schema.columns) == {"width", "height", "shape", "label"}


@pytest.mark.parametrize(("form", "duplicates"), [("%Y-%m-%dT%H:%M:%S%z", None), ("%Y-%m-%d %H:%M", "first")])
def test_an_hour_that_comes_twice_in_autumn_is_two_hours_where_the_zone_is_written(form, duplicates, tmp_path, caplog):
    hours = pd.date_range("2024-10-27 00:30", periods=7, freq="h", tz="Europe/Berlin").strftime(form)
    hours = hours.str.replace(r"(\+\d\d)(\d\d)$", r"\1:\2", regex=True)
    lines = [f"s{who},{hour},{place / 7:.3f},{'ab'[who % 2]}" for who in range(12) for place, hour in enumerate(hours)]
    (tmp_path / "data.csv").write_text("\n".join(["series_id,timestamp,value,label", *lines]) + "\n")
    source = _proposed(tmp_path / "data.csv")["source"]
    assert (source["use"], source["with"].get("duplicates")) == ("series-csv", duplicates)
    both_lines = "line 5: series 's0' has two rows with timestamp = 2024-10-27 02:30:00 (the other is line 4)"
    assert (both_lines in caplog.text) == (duplicates is not None)
