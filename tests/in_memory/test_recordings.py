"""Recordings in memory, with the rate that somebody names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from augment.data import SchemaDeclaration
from augment.errors import DataError, SpecError
from augment.in_memory import Form, hold
from augment.plugin import Context
from augment.runner.check import check
from augment.runner.fitted_generator import fit
from augment.runner.run import run
from augment_tables.parquet_source import ParquetSource

RNG = np.random.default_rng(0)
CLIPS = [RNG.uniform(-1, 1, length).astype(np.float32) for length in (300, 200, 250, 300, 270, 220) * 5]
LABELS = ["cat", "dog"] * 15


def read(held, folder):
    declared = SchemaDeclaration.model_validate({**held.declared, "target": held.target})
    path = held.write(folder)
    return ParquetSource(ParquetSource.Params(path=path)).read(Context(0, folder, declared=declared))


def test_a_list_of_arrays_has_lengths_and_comes_back_as_it_was(tmp_path):
    held = hold(CLIPS, LABELS, rate=8000)
    data = read(held, tmp_path)
    array = data.schema.arrays["audio"]
    assert (data.schema.modality, array.rate, array.length_column) == ("audio", 8000, "length")
    assert data.frame.length.tolist()[:3] == [300, 200, 250]
    rows, labels = Form.model_validate_json(held.form.model_dump_json()).restore(data)
    assert labels == LABELS
    for row, clip in zip(rows, CLIPS, strict=True):
        np.testing.assert_array_equal(row, clip)


@pytest.mark.parametrize("container", ["numpy", "torch"])
def test_an_array_of_rows_is_recordings_of_one_length(tmp_path, container):
    clips = np.stack([clip[:200] for clip in CLIPS])
    held = hold(torch.from_numpy(clips) if container == "torch" else clips, np.array(LABELS), rate=8000)
    data = read(held, tmp_path)
    assert data.schema.arrays["audio"].length_column is None
    rows, _ = held.form.restore(data)
    assert isinstance(rows, torch.Tensor if container == "torch" else np.ndarray)
    np.testing.assert_array_equal(np.asarray(rows), clips)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([np.zeros((2, 9), np.float32)], r"recording 0 has shape \(2, 9\): mix channels"),
        ([np.zeros(0, np.float32)], r"recording 0 has shape \(0,\)"),
        ([np.zeros(9, np.int16)], "got int16 up to 0: divide 16-bit integers by 32768"),
        ([np.full(9, 1.5)], "got float64 up to 1.5"),
        ([np.full(9, np.nan)], "samples are finite floats"),
        (np.zeros((2, 3, 4)), r"an array \(N, T\), or a list of arrays \(T,\); got shape \(2, 3, 4\)"),
        ({"a": 1}, "got dict"),
        ([], "has no rows"),
    ],
    ids=["channels", "empty", "integers", "loud", "nan", "axes", "dict", "none"],
)
def test_what_is_not_recordings_is_refused(data, said):
    with pytest.raises(DataError, match=said):
        hold(data, rate=8000)


def test_a_rate_is_above_zero():
    with pytest.raises(DataError, match="above 0; got 0"):
        hold(CLIPS, rate=0)


def test_a_generator_is_fitted_on_recordings():
    clips, labels = fit("bootstrap", CLIPS, LABELS, rate=8000).sample(4, given={"target": "cat"})
    assert labels == ["cat"] * 4
    known = {clip.tobytes() for clip in CLIPS[::2]}
    assert all(clip.tobytes() in known for clip in clips)


def test_arrays_without_a_rate_are_asked_for_it():
    clips = [np.zeros(300 + row, np.float32) for row in range(4)]
    with pytest.raises(SpecError, match="if these are recordings, give their rate, as in `rate=16_000`"):
        fit("audio-edits", clips, ["a", "b"] * 2)


def test_a_run_takes_recordings_and_a_hold_out_of_its_own(tmp_path):
    held = [np.full(350, 0.1, np.float32), np.full(350, 0.2, np.float32)]
    done = run(
        CLIPS, rate=8000, generators=["bootstrap"], mix={"rows": "1x"}, split={"test": held}, out=tmp_path / "run",
        workers=0,
    )  # fmt: skip
    assert done.schema.arrays["audio"].rate == 8000
    assert done.test.data.lengths("audio").tolist() == [350, 350]
    assert len(done.train) == 60
    assert check(CLIPS, rate=8000, generators=["bootstrap"], workers=0).rows == {"read": 30, "train": 24, "test": 6}


def test_a_rate_beside_a_pipeline_is_refused():
    with pytest.raises(SpecError, match="rate: expected with data alone"):
        run({"spec": 1}, rate=8000)
