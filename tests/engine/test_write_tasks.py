"""What is streamed to sinks and shown to reporters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from run_records import run_metrics

from augment.data import Column
from augment.engine import write_tasks
from augment.engine.jobs import Call, Host
from augment.engine.write_tasks import REAL, ReportTask, WriteTask, filled, report, with_origin, write
from augment.errors import PluginError
from augment.plan.new_ids import NewIds
from augment.plugin.contracts import Reporter, Sink
from augment.spec.stages import Bound


class Kept(Sink):
    """Keeps what it is given."""

    name = "kept"
    batches: list = []

    def write(self, name, batches, schema, folder):
        self.batches[:] = list(batches)
        (folder / name).write_text("rows")
        return [folder / name]


class Hasty(Kept):
    """Stops after the first batch."""

    def write(self, name, batches, schema, folder):
        next(iter(batches))
        return []


class Elsewhere(Kept):
    """Says that it wrote where it may not."""

    def write(self, name, batches, schema, folder):
        list(batches)
        return [folder.parent / "other"]


class Seen(Reporter):
    """Keeps the view of a run."""

    name = "seen"
    views: list = []

    def write(self, run, folder):
        self.views[:] = [run]
        (folder / "seen.txt").write_text("")
        return [folder / "seen.txt"]


def bound(cls):
    return Bound(cls.kind, cls.name, cls.name, None, cls, cls.Params())


@pytest.fixture
def parts(tmp_path):
    """Folders of 3 real and 4 synthetic rows with classes."""
    folders = []
    for name, labels in (("real", ["a", "b", "a"]), ("made", ["b", "a", "b", "b"])):
        data = dataset(pd.DataFrame({"x": np.arange(float(len(labels))), "y": labels}), target="y")
        data.save(tmp_path / name)
        folders.append(tmp_path / name)
    return folders


def written(parts, tmp_path, cls=Kept, **changes):
    real, *made = parts
    columns = {"x": Column(type="number"), "y": Column(type="category", categories=("a", "b"))}
    schema = dataset(pd.DataFrame({"x": [0.0, 1.0], "y": ["a", "b"]}), target="y").schema
    columns = {**columns, **changes.pop("columns", {})}
    schema = with_origin(schema.model_copy(update={"columns": columns}), "origin", [REAL, "gan"])
    (tmp_path / "out").mkdir()
    facts = {"bound": bound(cls), "name": "train", "schema": schema}
    facts["parts"] = ((real, REAL), *((folder, "gan") for folder in made))
    task = WriteTask(**facts, origin_column="origin", out=tmp_path / "out", **{"new_ids": {}, **changes})
    result = Call(Host(tmp_path), lambda event: None, "a sink").do(write, task)
    return result, pd.concat([batch.frame for batch in Kept.batches], ignore_index=True)


def test_parts_come_in_order_with_the_origin_of_each_row(parts, tmp_path):
    result, frame = written(parts, tmp_path)
    assert (result.files, result.rows) == (["train"], 7)
    assert frame["origin"].tolist() == [REAL] * 3 + ["gan"] * 4
    assert frame["x"].tolist() == [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0]
    assert all(batch.schema.columns["origin"].categories == (REAL, "gan") for batch in Kept.batches)


def test_synthetic_rows_get_new_ids_that_count_on_over_batches(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(write_tasks, "MAX_BATCH_ROWS", 3)
    ids = pd.DataFrame({"x": np.arange(3.0), "y": ["a", "b", "a"], "id": [10, 11, 12]})
    dataset(ids, target="y", columns={"id": {"type": "id"}}).save(tmp_path / "with ids")
    columns = {"id": Column(type="id")}
    new_ids = {"id": NewIds.after(ids["id"])}
    _, frame = written([tmp_path / "with ids", parts[1]], tmp_path, columns=columns, new_ids=new_ids)
    assert frame["id"].tolist() == [10, 11, 12, 13, 14, 15, 16]
    assert [len(batch) for batch in Kept.batches] == [3, 3, 1]


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [("7", np.dtype("int64"), ["7", "7"]), ("test", "str", ["test", "test"]), (None, "Int64", [None, None])],
)
def test_a_column_that_synthetic_rows_lack_is_filled_in_the_type_of_the_real_ones(value, dtype, expected):
    column = filled(value, 2, dtype)
    pd.testing.assert_series_equal(
        column, pd.Series(expected, dtype="str").astype("str" if dtype == "str" else "Int64")
    )


def test_small_parts_of_one_origin_are_written_together_and_keep_their_categories(tmp_path):
    rows = dataset(pd.DataFrame({"x": np.arange(3.0), "y": ["a", "b", "a"]}), target="y")
    for name in ("real", "first", "second"):
        rows.save(tmp_path / name)
    _, frame = written([tmp_path / name for name in ("real", "first", "second")], tmp_path)
    assert [len(batch) for batch in Kept.batches] == [3, 6]
    assert frame["y"].tolist() == ["a", "b", "a"] * 3
    assert all(batch.frame["y"].dtype == rows.frame["y"].dtype for batch in Kept.batches)


def test_batches_hold_no_more_rows_than_fit_and_every_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr(write_tasks, "MAX_BATCH_ROWS", 4)
    data = dataset(pd.DataFrame({"x": np.arange(21.0), "y": ["a", "b", "a"] * 7}), target="y")
    sizes = [5, 3, 1, 1, 9, 2]
    for number, (size, end) in enumerate(zip(sizes, np.cumsum(sizes), strict=True)):
        data.take(slice(end - size, end)).save(tmp_path / str(number))
    _, frame = written([tmp_path / str(number) for number in range(6)], tmp_path)
    assert frame["x"].tolist() == data.frame["x"].tolist()
    assert frame["origin"].tolist() == [REAL] * 5 + ["gan"] * 16
    assert [len(batch) for batch in Kept.batches] == [4, 1, 4, 1, 4, 4, 3]


def test_a_sink_that_leaves_rows_out_is_refused_with_their_number(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(write_tasks, "MAX_BATCH_ROWS", 2)
    with pytest.raises(PluginError, match="sink 'kept': write stopped after 2 rows and left the others unwritten"):
        written(parts, tmp_path, Hasty)


def test_a_sink_may_name_only_files_that_it_wrote_in_its_folder(parts, tmp_path):
    (tmp_path / "other").write_text("")
    with pytest.raises(PluginError, match=r"sink 'kept': write returned \[.*other.*; a list of paths .* was expected"):
        written(parts, tmp_path, Elsewhere)


def test_a_reporter_sees_all_parts_and_which_generator_made_a_row(parts, tmp_path):
    real, made = parts
    models = tmp_path / "run" / "models"
    for name, losses in (("gan", "step,loss\n1,0.5\n"), ("bootstrap", "step\n")):
        (models / name).mkdir(parents=True)
        (models / name / "losses.csv").write_text(losses)
    (tmp_path / "out").mkdir()
    task = ReportTask(
        bound=bound(Seen),
        out=tmp_path / "out",
        folder=tmp_path / "run",
        name="mine",
        key="0123",
        pipeline={"seed": 1},
        metrics=run_metrics(),
        train=real,
        test=real,
        synthetic=((made, "gan"), (real, "bootstrap")),
        rejects={"plausible": [made], "none": []},
        seed=1,
    )
    result = Call(Host(tmp_path), lambda event: None, "a reporter").do(report, task)
    assert result.files == ["seen.txt"]
    (view,) = Seen.views
    assert view.synthetic_origin.tolist() == ["gan"] * 4 + ["bootstrap"] * 3
    assert (len(view.train), len(view.test), len(view.synthetic)) == (3, 3, 7)
    assert list(view.losses()) == ["gan"]  # the other one has learned nothing step by step
    assert {name: len(rows) for name, rows in view.rejects().items()} == {"plausible": 4}
