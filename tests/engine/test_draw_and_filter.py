from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Array, Column, Dataset, Schema, as_labels, observe
from augment.engine import draw_and_filter
from augment.engine.draw_and_filter import Sampled, SampleTask, Sampling, sample
from augment.engine.jobs import Call, Host
from augment.engine.tasks import FitTask, fit, frame_hash
from augment.errors import PluginError
from augment.plan.chunks import PlanRow, given_frame, plan
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.spec.stages import Bound

pytestmark = pytest.mark.usefixtures("fakes")


def bound(kind, use, **params):
    (cls,) = Catalog().candidates(kind, use)
    return Bound(kind, use, use, None, cls, cls.Params(**params))


class Bench:
    """A training part, and components fitted on it."""

    def __init__(self, folder, bounds=None):
        self.folder = folder
        self.call = Call(Host(folder), print, "the work")
        rows = bound("source", "fake-rows", rows=60)
        data = rows.cls(rows.params).read(Context(seed=0, folder=folder))
        schema = data.schema
        if bounds:
            x = schema.columns["x"].model_copy(update=bounds)
            schema = schema.model_copy(update={"columns": {**schema.columns, "x": x}})
        self.train = Dataset.of(data.frame, {}, observe(schema, data.frame)[0])
        self.train.save(folder / "train")

    def fitted(self, component):
        train, out = self.folder / "train", self.folder / component.id
        if not out.exists():
            self.call.do(fit, FitTask(component, train, 1, out, {}, pilot=train))
        return component, out

    def sample(self, generator, row=None, filters=(), name="chunk", **options):
        options = {"seed": 7, "purpose": "mix", "max_rounds": 10, "where": {}, **options}
        judges = tuple(self.fitted(judge) for judge in filters)
        sampling = Sampling(self.fitted(generator), judges, self.folder / "train", **options)
        out = self.folder / name
        result = self.call.do(
            sample, SampleTask(sampling, PlanRow(generator.id, **{"chunk": 0, **(row or CLASSED)}), out)
        )
        return result, Dataset.load(out)


CLASSED = {"rows": 20, "labels": (("no", 12), ("yes", 8))}
FREE = {"rows": 20}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_chunk_has_the_rows_and_labels_that_were_asked_for(bench):
    result, data = bench.sample(bound("generator", "fake-move"))
    assert result == Sampled(rows=20, short=0, rounds=1, judged={"in-schema": 20}, rejected={"in-schema": 0})
    assert as_labels(data.frame["label"]).tolist() == ["no"] * 12 + ["yes"] * 8
    assert data.schema == bench.train.schema


def test_numbers_are_such_as_the_columns_take_but_for_those_that_were_asked_for(tmp_path):
    bench = Bench(tmp_path, bounds={"step": 0.5})
    _, data = bench.sample(bound("generator", "fake-any"), FREE)
    assert (data.frame["x"] % 0.5 == 0).all()
    assert len(set(data.frame["x"])) > 1
    assert (data.frame["y"] % 0.5 != 0).any()
    _, data = bench.sample(bound("generator", "fake-any"), FREE, name="asked", where={"x": "0.3"})
    assert (data.frame["x"] == 0.3).all()


def test_hashes_of_the_rows_lie_beside_them(bench):
    _, data = bench.sample(bound("generator", "fake-move"))
    assert np.load(bench.folder / "chunk" / "hashes.npy").tolist() == data.row_hashes().tolist()


def test_a_chunk_is_the_same_whenever_it_is_made(bench):
    move = bound("generator", "fake-move")
    _, one = bench.sample(move, name="one")
    _, two = bench.sample(move, name="two")
    assert one.equals(two)


@pytest.mark.parametrize("other", [{"seed": 8}, {"purpose": "trial-1"}])
def test_another_seed_or_purpose_gives_other_rows(bench, other):
    move = bound("generator", "fake-move")
    _, one = bench.sample(move, name="one")
    _, two = bench.sample(move, name="two", **other)
    assert not one.equals(two)


def test_another_chunk_gives_other_rows(bench):
    move = bound("generator", "fake-move")
    _, one = bench.sample(move, name="one")
    _, two = bench.sample(move, {**CLASSED, "chunk": 1}, name="two")
    assert not one.equals(two)


def test_rejected_rows_are_drawn_again_into_their_own_slots(bench):
    move, reject = bound("generator", "fake-move"), bound("filter", "fake-reject", part=0.4)
    _, free = bench.sample(move, name="free")
    result, data = bench.sample(move, name="judged", filters=[reject])
    passed = (free.row_hashes() % np.uint64(1000)).astype(float) / 1000 >= 0.4
    assert 0 < passed.sum() < 20
    assert data.take(passed).equals(free.take(passed))
    assert not (data.row_hashes()[~passed] == free.row_hashes()[~passed]).any()
    assert as_labels(data.frame["label"]).tolist() == ["no"] * 12 + ["yes"] * 8
    assert result.rounds > 1
    assert result.judged["fake-reject"] == 20 + result.rejected["fake-reject"]


def test_a_later_first_round_makes_other_rows(bench):
    move = bound("generator", "fake-move")
    _, one = bench.sample(move, name="one")
    _, two = bench.sample(move, {**CLASSED, "first_round": 10}, name="two")
    assert not one.equals(two)


def test_after_the_last_round_open_slots_stay_empty(bench):
    move, reject = bound("generator", "fake-move"), bound("filter", "fake-reject", part=0.7)
    result, data = bench.sample(move, filters=[reject], max_rounds=1)
    assert 0 < result.short < 20
    assert len(data) == result.rows == 20 - result.short


def test_a_chunk_may_end_without_rows(bench):
    move, reject = bound("generator", "fake-move"), bound("filter", "fake-reject", part=2.0)
    result, data = bench.sample(move, filters=[reject], max_rounds=3)
    assert (result.rows, result.short, result.rounds, len(data)) == (0, 20, 3, 0)


def test_the_first_rejects_of_a_filter_are_kept(bench):
    move, reject = bound("generator", "fake-move"), bound("filter", "fake-reject", part=2.0)
    bench.sample(move, {"rows": 30}, filters=[reject], max_rounds=3)
    assert len(Dataset.load(bench.folder / "chunk" / "rejects" / "fake-reject")) == 20
    assert not (bench.folder / "chunk" / "rejects" / "in-schema").exists()


def test_a_filter_skips_generators_of_the_origins_it_names(bench):
    move, near = bound("generator", "fake-move"), bound("filter", "fake-near-real", part=2.0)
    result, _ = bench.sample(move, filters=[near])
    assert "fake-near-real" not in result.judged


def test_rows_out_of_bounds_are_rejected_always(tmp_path):
    bench = Bench(tmp_path, {"max": 1.0})
    result, data = bench.sample(bound("generator", "fake-move"), FREE)
    assert result.rejected["in-schema"] > 0
    assert data.frame["x"].max() <= 1.0


def test_further_conditions_are_given_too(bench):
    (row,) = plan({"no": 3}, {"g": 1.0}, {"g": True}, bench.train.schema)
    assert list(given_frame(row, bench.train.schema).columns) == ["label"]
    with pytest.raises(PluginError, match=r"sample did not keep what was given: column 'x' differs in 3 of 3 rows"):
        bench.sample(bound("generator", "fake-move"), {"rows": 3, "labels": (("no", 3),)}, where={"x": "5.5"})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("sample:raise", r" failed in sample: ZeroDivisionError: by nought \(augment_fake\.py, line \d+, in \w+\)$"),
        ("sample:exit", r" failed in sample: SystemExit: 7 \(augment_fake\.py, line \d+, in \w+\)$"),
        ("sample:count", r": sample returned 19 rows; exactly the 20 asked for were expected$"),
        ("sample:columns", r": sample returned rows that do not fit the training part: columns are 'z', 'y', 'label'"),
        ("sample:type", r": sample returned rows .*: column 'x' has pandas type str; type number was expected$"),
        ("of:dropped", r": sample: column 'y' is missing; the data has 'x', 'label'$"),
        ("of:added", r": sample: made columns that the schema lacks: 'z'; leave them out$"),
        ("of:text", r": sample: column 'x', data row 1: '[0-9.-]+' is str, and the column has type number$"),
        ("of:words", r": sample: column 'x', data row 1: 'much' is str, and the column has type number$"),
        ("of:time", r": sample: column 'x', data row 1: Timestamp.* is Timestamp, and the column has type number$"),
        ("sample:nan", r": sample returned rows .*: column 'x' has missing values in 20 rows; it may have none$"),
        ("sample:infinite", r": sample returned rows .*: column 'x' holds infinite numbers$"),
        ("sample:given", r": sample did not keep what was given: column 'label' differs in 8 of 20 rows$"),
        ("sample:given-changed", r": sample changed `given`; it is read only$"),
        ("sample:no-dataset", r": sample returned DataFrame; a Dataset was expected$"),
        ("sample:change-train", r": sample changed the training rows; they are read only$"),
    ],
)
def test_a_return_that_breaks_the_contract_names_the_generator(bench, fault, says):
    with pytest.raises(PluginError, match=rf"^generator 'fake-faulty'{says}"):
        bench.sample(bound("generator", "fake-faulty", fault=fault))
    assert not (bench.folder / "chunk").exists()


def test_changes_are_looked_for_after_the_1st_4th_16th_chunk(bench, monkeypatch):
    """Each look reads all training rows."""
    looks, chunks = [], [0]
    monkeypatch.setattr(draw_and_filter, "frame_hash", lambda data: looks.append(len(chunks) - 1) or frame_hash(data))
    component, folder = bench.fitted(bound("generator", "fake-move"))
    sampler = draw_and_filter.Sampler(component, component.cls.load(folder, component.params), bench.train)
    for _ in range(17):
        chunks.append(len(chunks))
        assert not sampler.is_train_changed()
    assert looks == [0, 1, 4, 16]
    sampler.train.frame.loc[0, "x"] = 99.0
    assert [sampler.is_train_changed() for _ in range(47)] == [False] * 46 + [True]


def test_a_hash_tells_changed_columns_and_arrays_that_can_be_written_to():
    arrays = {"v": np.zeros((3, 2), np.float32)}
    vector = Array(type="vector", shape=(2,), dtype="float32")
    schema = Schema(columns={"x": Column(type="number")}, arrays={"v": vector})
    data = Dataset.of(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), arrays, schema)
    hashes = {frame_hash(data)}
    arrays["v"][1, 1] = 1.0
    hashes.add(frame_hash(data))
    data.frame.loc[0, "x"] = 2.0
    hashes.add(frame_hash(data))
    assert len(hashes) == 3


def test_a_hash_tells_every_type_of_column():
    def hash_of(name="k", **changed):
        frame = {"k": pd.Categorical(["a", None], ["a", "b"]), "t": ["x", None], "n": pd.array([1, None], "Int64")}
        frame = pd.DataFrame({**frame, **changed}).rename(columns={"k": name})
        return frame_hash(Dataset(frame, {}, Schema(columns={})))

    changes = [
        {"name": "other"},
        {"k": pd.Categorical(["a", None], ["a", "c"])},
        {"k": pd.Categorical(["b", None], ["a", "b"])},
        {"t": ["y", None]},
        {"t": ["x", ""]},
        {"n": pd.array([2, None], "Int64")},
        {"n": pd.array([1, 1], "Int64")},
        {"n": pd.array([1, None], "Int32")},
    ]
    assert len({hash_of(), hash_of(), *(hash_of(**change) for change in changes)}) == 1 + len(changes)


def test_labels_that_are_all_invented_are_the_generators_mistake(bench):
    says = (
        r"^generator 'fake-faulty': sample invented all labels of column 'label': 'unheard-of'; the training part has"
    )
    with pytest.raises(PluginError, match=says):
        bench.sample(bound("generator", "fake-faulty", fault="sample:category"), FREE, max_rounds=2)


def test_a_judgement_of_the_wrong_shape_names_the_filter(bench):
    judge = bound("filter", "fake-reject", fault="shape")
    with pytest.raises(PluginError, match=r"^filter 'fake-reject': judge returned float64 \(21,\); float \(20,\) was"):
        bench.sample(bound("generator", "fake-move"), filters=[judge])
