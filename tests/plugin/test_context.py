from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from augment.plugin import context as module
from augment.plugin.context import Checkpoint, Context, derive_seed


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


@pytest.mark.parametrize("damaged", ["current", "a/state.safetensors", "a/state.json"])
def test_a_damaged_checkpoint_is_none_and_is_written_over(tmp_path, damaged, caplog):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(_tensors(1), {})
    (tmp_path / damaged).write_text("")
    assert checkpoint.load() is None
    assert "a checkpoint cannot be read, so the fit starts anew" in caplog.text
    checkpoint.save(_tensors(2), {"step": 2})
    assert checkpoint.load()[1] == {"step": 2}


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

    real_rmtree, real_replace, real_write = shutil.rmtree, os.replace, module.write_state
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", dying(real_rmtree))
        patched.setattr(os, "replace", dying(real_replace))
        patched.setattr(module, "write_state", dying(real_write))
        with pytest.raises(_Killed):
            _save_twice(checkpoint)
    _, values = checkpoint.load()
    assert values["step"] in (1, 2)
    checkpoint.save(_tensors(3), {"step": 3})
    assert checkpoint.load()[1] == {"step": 3}
