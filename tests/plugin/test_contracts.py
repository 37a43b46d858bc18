from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pydantic import Field, ValidationError

from augment.data.dataset import Dataset
from augment.data.schema import Column, Schema
from augment.plugin import contracts
from augment.plugin.contracts import Accepts, Checkpoint, Context, Params, Source, Transform, derive_seed
from augment.testing import example


def test_a_derived_seed_never_changes():
    # runs made with an older version must come out the same: this number is a promise
    assert derive_seed(7, "gan", "sample", 3, 0) == 6440990942222749817


def test_different_paths_have_different_seeds():
    paths = [(1, 23), (12, 3), ("1", "23"), ("12", "3"), ("123",), (123,), ("12", 3), (3, "12")]
    assert len({derive_seed(*path) for path in paths}) == len(paths)


def test_seeds_fit_into_63_bits():
    assert all(0 <= derive_seed(i) < 2**63 for i in range(200))


def test_a_context_has_one_stream_of_random_numbers(tmp_path):
    context = Context(5, tmp_path)
    drawn = [context.rng.random(), context.rng.random()]
    assert drawn == list(np.random.default_rng(5).random(2))


def test_torch_generators_of_one_context_give_the_same_stream(tmp_path):
    import torch

    context, other = Context(5, tmp_path), Context(6, tmp_path)
    drawn = [torch.rand(4, generator=c.torch_generator()).tolist() for c in (context, context, other)]
    assert drawn[0] == drawn[1] != drawn[2]


class _Settings(Params):
    size: int = Field(3, ge=1)
    """How many."""
    rate: float = 0.5
    """How fast."""
    path: Path | None = None
    """Where."""


def test_docstrings_of_settings_are_their_descriptions():
    assert _Settings.model_fields["size"].description == "How many."


@pytest.mark.parametrize("wrong", [{"sizes": 3}, {"size": 0}, {"rate": float("nan")}, {"rate": float("inf")}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        _Settings.model_validate(wrong)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        _Settings().size = 4


# -- checkpoints


def _tensors(value):
    return {"weights": np.full(3, value)}


def test_a_checkpoint_brings_back_what_was_saved_last(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "checkpoint")
    assert checkpoint.load() is None
    for step in (1, 2):
        checkpoint.save(_tensors(step), {"step": step})
    tensors, values = checkpoint.load()
    assert values == {"step": 2}
    assert tensors["weights"].tolist() == [2, 2, 2]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["checkpoint"]


def test_a_checkpoint_without_a_folder_keeps_nothing():
    checkpoint = Checkpoint()
    checkpoint.save(_tensors(1), {})
    assert checkpoint.load() is None


class _Killed(BaseException):
    pass


def _save_twice(checkpoint):
    for _ in range(2):
        checkpoint.save(_tensors(2), {"step": 2})


@pytest.mark.parametrize("moment", range(6))
def test_a_process_killed_while_saving_leaves_a_whole_checkpoint(tmp_path, monkeypatch, moment):
    """Whatever step of `save` the process dies at, the old or the new checkpoint is there, and saving goes on."""
    import shutil

    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(_tensors(1), {"step": 1})
    steps_left = [moment]

    def dying(function):
        def step(path, *args, **kwargs):
            if steps_left[0] == 0:
                if function is real_rmtree and Path(path).is_dir():  # dies half way
                    (Path(path) / "state.json").unlink(missing_ok=True)
                raise _Killed
            steps_left[0] -= 1
            return function(path, *args, **kwargs)

        return step

    real_rmtree, real_replace, real_write = shutil.rmtree, os.replace, contracts.write_state
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", dying(real_rmtree))
        patched.setattr(os, "replace", dying(real_replace))
        patched.setattr(contracts, "write_state", dying(real_write))
        with pytest.raises(_Killed):
            _save_twice(checkpoint)
    _, values = checkpoint.load()
    assert values["step"] in (1, 2)
    checkpoint.save(_tensors(3), {"step": 3})
    assert checkpoint.load()[1] == {"step": 3}


# -- what a component accepts


def _schema(target_type="category", feature_type="number", nullable=False, target="y"):
    columns = {"x": Column(type=feature_type, nullable=nullable), "z": Column(type="number", nullable=False)}
    if target:
        columns[target] = Column(type=target_type, categories=("a", "b") if target_type == "category" else None)
    return Schema(columns=columns, target=target)


def test_data_that_fits_is_not_refused():
    assert Accepts().refusal(_schema(), 1) is None


@pytest.mark.parametrize(
    ("accepts", "schema", "num_rows", "words"),
    [
        (Accepts(modalities=frozenset({"image", "audio"})), _schema(), 9, ["works on audio or image", "kind table"]),
        (
            Accepts(targets=frozenset({"classes"})),
            _schema("number"),
            9,
            ["needs a target with classes", "a numeric target", "'y'"],
        ),
        (Accepts(targets=frozenset({"classes"})), _schema(target=None), 9, ["no target", "schema: {target: ...}"]),
        (Accepts(columns=frozenset({"number"})), _schema(feature_type="text"), 9, ["type text", "'x'", "{type: id}"]),
        (Accepts(missing=False), _schema(nullable=True), 9, ["missing values", "'x'", "use: impute"]),
        (Accepts(min_rows=10), _schema(), 9, ["at least 10", "9"]),
    ],
    ids=["modality", "task", "no target", "column", "missing", "rows"],
)
def test_a_refusal_says_what_is_needed_and_what_there_is(accepts, schema, num_rows, words):
    refusal = accepts.refusal(schema, num_rows)
    assert all(word in refusal for word in words), refusal


def test_the_number_of_rows_may_be_unknown():
    assert Accepts(min_rows=10).refusal(_schema()) is None


def test_the_type_of_the_target_is_no_matter_of_columns():
    assert Accepts(columns=frozenset({"number"})).refusal(_schema("category"), 9) is None


# -- what the bases do by themselves


class _Rows(Source):
    name = "rows"

    def read(self, context):
        return example(rows=10)


class _Doubled(Transform):
    name = "doubled"

    def apply(self, data):
        return Dataset(data.frame.assign(height=data.frame.height * 2), data.arrays, data.schema)


def test_a_source_gives_batches_of_what_it_reads(tmp_path):
    batches = list(_Rows().batches(Context(1, tmp_path)))
    assert Dataset.concat(batches).equals(example(rows=10))


def test_a_transform_that_learns_nothing_can_be_kept(tmp_path):
    data = example(rows=10)
    transform = _Doubled().fit(data, Context(1, tmp_path))
    transform.save(tmp_path)
    assert _Doubled.load(tmp_path, transform.params).apply(data).equals(transform.apply(data))


def test_a_component_without_settings_has_the_default_ones():
    assert _Doubled().params == Params()
