"""Rows as tensors, and the mixed loader: what it promises of shares, seeds, positions and workers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torch.utils.data import Dataset as TorchDataset

import augment
from augment.data import Array, Column, Dataset, Schema
from augment.errors import DiskError, SpecError
from augment.loaders import Rows, mixed, tensors
from augment_smote.smote import Smote


def _made(folder, **sections):
    tree = {
        "name": "wine",
        "source": {"use": "sklearn", "with": {"dataset": "wine", "imbalance": {"class_2": 12}}},
        "generators": ["smote", "bootstrap"],
        "trial": False,
        "metrics": [],
        "reporters": [],
        **sections,
    }
    return augment.run(tree, out=folder / "run", workers=0)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def wine(kept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGMENT_STORE", str(kept / "store"))
        return _made(kept)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGMENT_STORE", str(folder / "store"))
        source = {"use": "sklearn", "with": {"dataset": "digits", "imbalance": {"8": 20}}}
        return _made(folder, source=source, generators=["albumentations"], mix={"rows": "balance"})


def _loader(run, **settings):
    return mixed(run, **{"batch_size": 16, "with_origin": True, "background": False, **settings})


def _same(one, other):
    one, other = list(one), list(other)
    return len(one) == len(other) and all(
        torch.equal(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)
    )


# rows as tensors


def test_images_become_channels_first_between_0_and_1(digits):
    x, y = tensors(digits.test.data)
    images = digits.test.arrays["image"]
    assert x.shape == (len(images), 1, 8, 8)
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x[:, 0].numpy(), images[..., 0].astype(np.float32) / 255)
    assert [digits.schema.classes[label] for label in y] == digits.test.frame["digit"].astype(str).tolist()


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [
        ("series", np.ones((3, 4, 2), np.float32), torch.float32),
        ("audio", np.ones((3, 4), np.float32), torch.float32),
        ("tokens", np.ones((3, 4), np.int32), torch.int64),
        ("vector", np.ones((3, 4), np.float32), torch.float32),
    ],
)
def test_other_payloads_keep_their_shape_and_no_target_is_no_y(kind, values, dtype):
    schema = Schema(columns={}, arrays={"a": Array(type=kind, shape=values.shape[1:], dtype=str(values.dtype))})
    (x,) = tensors(Dataset(pd.DataFrame(index=range(3)), {"a": values}, schema))
    assert (x.shape, x.dtype) == (values.shape, dtype)


def test_a_numeric_target_is_float32():
    schema = Schema(columns={"x": Column(type="number"), "y": Column(type="number")}, target="y")
    _, y = tensors(Dataset.of(pd.DataFrame({"x": [1.0], "y": [2.5]}), {}, schema))
    assert (y.dtype, y.tolist()) == (torch.float32, [2.5])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_rows_of_a_run_work_in_torchs_own_loader(digits, num_workers):
    rows = Rows(digits.test)
    batches = list(DataLoader(rows, batch_size=100, num_workers=num_workers))
    expected = tensors(digits.test.data)
    assert all(
        torch.equal(torch.cat(found), wanted)
        for found, wanted in zip(zip(*batches, strict=True), expected, strict=True)
    )
    assert torch.equal(rows[-1][0], expected[0][-1])
    assert set(rows.origin) == {"real"}
    with pytest.raises(IndexError):
        rows[len(rows)]


# the mixed loader


def test_every_batch_holds_its_share_and_every_real_row_comes_once(wine):
    loader = _loader(wine, proportion={"real": 0.5, "smote": 0.25, "bootstrap": 0.25})
    batches = list(loader)
    assert loader.origins == ("real", "smote", "bootstrap")
    assert len(batches) == len(loader)
    for _, _, origin in batches[:-1]:
        assert np.abs(np.bincount(origin, minlength=3) - [8, 4, 4]).max() <= 1
    real = torch.cat([x[origin == 0] for x, _, origin in batches]).numpy()
    wanted = tensors(wine.real.data)[0].numpy()
    np.testing.assert_array_equal(real[np.lexsort(real.T)], wanted[np.lexsort(wanted.T)])


def test_on_average_only_the_epoch_is_exact(wine):
    batches = list(_loader(wine, proportion={"real": 0.5, "smote": 0.5}, per_batch="average"))
    shares = [int((origin == 0).sum()) for _, _, origin in batches]
    assert sum(shares) == len(wine.real)
    assert np.ptp(shares[:-1]) > 1


def test_repeat_and_choose_count_rows(wine):
    num_smote = len(wine.train.only("smote"))
    assert _loader(wine, repeat={"real": 2, "smote": 3}).counts == {"real": 228, "smote": 3 * num_smote}
    assert _loader(wine, choose={"real": 10, "bootstrap": 6}).counts == {"real": 10, "bootstrap": 6}
    assert sum(_loader(wine).counts.values()) == len(wine.train)


def test_classes_of_synthetic_rows_stand_as_in_the_mix(wine):
    told = wine.metrics.generators["smote"].per_class
    batches = list(_loader(wine, choose={"smote": 10 * sum(told.values())}))
    counts = np.bincount(torch.cat([y for _, y, _ in batches]), minlength=3)
    assert counts.tolist() == [10 * told.get(label, 0) for label in wine.schema.classes]


def test_a_generator_outside_the_mix_is_not_asked_for_classes_that_are_too_small(tmp_path, monkeypatch):
    rows = pd.DataFrame({"x": np.linspace(0, 1, 43), "y": ["a"] * 30 + ["b"] * 12 + ["lone"]})
    rows.to_csv(tmp_path / "rows.csv", index=False)
    source = {"use": "csv", "with": {"path": str(tmp_path / "rows.csv")}}
    mix = {"share": {"smote": 0, "bootstrap": 1}}
    run = _made(tmp_path, source=source, schema={"target": "y"}, mix=mix)
    assert (run.train.frame["y"] == "lone").any()
    with pytest.warns(UserWarning, match="class 'lone' has 1 training row, and 'smote' needs at least 2 of a class"):
        loader = _loader(run, choose={"smote": 40})
    labels = torch.cat([y for _, y, _ in loader])
    assert [run.schema.classes[label] for label in labels.unique()] == ["a", "b"]
    assert len(labels) == 40
    monkeypatch.setattr(Smote, "accepts", replace(Smote.accepts, min_class_rows=100))
    with pytest.raises(SpecError, match=r"mixed: no rows can be made: class 'a' has .*; give 'smote' no share"):
        _loader(run, choose={"smote": 40})


def test_labels_belong_to_their_rows(digits):
    loader = mixed(digits, batch_size=64, choose={"albumentations": 64}, background=False)
    ((x, y),) = list(loader)
    real_x, real_y = tensors(digits.real.data)
    nearest = torch.cdist(x.flatten(1), real_x.flatten(1)).argmin(dim=1)
    assert (real_y[nearest] == y).float().mean() > 0.9


def test_synthetic_rows_are_new_in_every_epoch_and_the_order_too(wine):
    loader = _loader(wine, proportion={"real": 0.5, "smote": 0.5})
    one, other = list(loader), list(loader)
    made = [{tuple(row) for x, _, origin in epoch for row in x[origin == 1].tolist()} for epoch in (one, other)]
    assert len(made[0] & made[1]) <= 2  # rounded rows of a small class may meet
    assert not torch.equal(one[0][0], other[0][0])


def test_the_seed_says_it_all(wine):
    settings = {"proportion": {"real": 0.5, "smote": 0.5}, "seed": 3}
    assert _same(_loader(wine, **settings), _loader(wine, **settings))
    assert not _same(_loader(wine, **settings), _loader(wine, **{**settings, "seed": 4}))


def test_the_stream_does_not_depend_on_workers_or_on_where_rows_are_made(wine):
    settings = {"proportion": {"real": 0.5, "smote": 0.5}}
    there = _loader(wine, **settings, background=True, num_workers=2)
    here = _loader(wine, **settings)
    assert _same(there, here)
    assert _same(there, here)  # the second epoch


def test_a_position_brings_back_the_rest_of_the_epoch_and_the_next(wine):
    settings = {"proportion": {"real": 0.5, "smote": 0.5}}
    whole = _loader(wine, **settings)
    expected = [*whole, *whole]
    first = _loader(wine, **settings, num_workers=2)
    iterator = iter(first)
    for _ in range(5):
        next(iterator)
    second = _loader(wine, **settings)
    second.load_state_dict(first.state_dict())
    assert _same([*second, *second], expected[5:])


def test_a_loop_that_is_left_begins_a_new_epoch(wine):
    loader, whole = _loader(wine), _loader(wine)
    next(iter(loader))
    list(whole)
    assert _same(loader, whole)


def test_a_position_of_another_loader_is_refused(wine):
    with pytest.raises(SpecError, match="another run, or with other"):
        _loader(wine, seed=1).load_state_dict(_loader(wine).state_dict())


def test_batches_are_encoded_as_you_say(wine):
    def encode(data):
        return {"alcohol": torch.tensor(data.frame["alcohol"].to_numpy()), "n": torch.ones(len(data))}

    batch = next(iter(_loader(wine, encode=encode)))
    assert {name: len(values) for name, values in batch.items()} == {"alcohol": 16, "n": 16, "origin": 16}


def test_drop_last_leaves_out_what_is_not_full(wine):
    loader = _loader(wine, choose={"real": 33}, drop_last=True)
    assert [len(x) for x, _, _ in loader] == [16, 16]
    assert len(loader) == 2


def test_chunks_are_removed_when_they_are_done(wine, monkeypatch):
    monkeypatch.setattr("augment.loaders.mixing.chunk_size", lambda schema: 8)
    loader = _loader(wine, choose={"smote": 80}, ahead=1, batch_size=8)
    (stream,) = loader._streams.values()
    left = []
    for _ in loader:
        left.append(len(list(stream._folder.glob("smote-*"))))
    assert max(left) <= 4


def test_the_runs_filters_judge_fresh_rows(kept, wine, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(kept / "store"))
    rule = {"use": "rules", "with": {"rules": ["alcohol > 12.2"]}}
    run = _made(kept / "ruled", generators=["smote"], filters=[rule], mix={"rows": 40})
    loader = _loader(run, choose={"smote": 40})
    assert loader.filters == ("rules",)
    assert all((x[:, 0] > 12.2).all() for x, _, _ in loader)


def test_the_training_part_is_found_without_the_store(wine, tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path))
    assert len(list(_loader(wine, choose={"real": 16}))) == 1
    assert (tmp_path / "objects" / wine.manifest.train).is_dir()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"proportion": {"smot": 1}}, "no generator 'smot'; did you mean 'smote'"),
        ({"proportion": {"real": -1}}, "real is -1"),
        ({"proportion": {"real": 0}}, "leaves no rows"),
        ({"proportion": {"real": 1}, "choose": {"real": 1}}, "proportion and choose are both given"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"shuffle": True}, "shuffle cannot be set"),
    ],
)
def test_mistakes_are_refused_in_words(wine, settings, message):
    with pytest.raises(SpecError, match=message):
        _loader(wine, **settings)


# without a run, and with a dataset of the user's


@pytest.fixture(scope="module")
def edited():
    pixels = torch.randint(0, 256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float() / 255
    data = TensorDataset(pixels, torch.tensor([3] * 30 + [7] * 10))
    return data, augment.fit("bootstrap", data)


def test_a_generator_stands_for_a_run_and_rows_are_as_the_data_was(edited):
    data, generator = edited
    loader = _loader(generator)
    batches = list(loader)
    assert loader.counts == {"real": 40, "bootstrap": 40}
    x, y, origin = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert (x.dtype, x.shape[1:]) == (torch.float32, (1, 8, 8))
    assert y[origin == 1].bincount().nonzero().flatten().tolist() == [3, 7]
    real = {tuple(row) for row in x[origin == 0].flatten(1).tolist()}
    assert real == {tuple(row) for row in data.tensors[0].flatten(1).tolist()}
    assert _same(_loader(generator), batches)
    assert not _same(loader, batches)  # the second epoch


def test_other_data_in_memory_is_encoded_and_small_classes_are_left_out():
    frame = pd.DataFrame({"a": np.arange(41.0), "y": ["u"] * 30 + ["v"] * 10 + ["lone"]})
    with pytest.warns(UserWarning, match="class 'lone' has 1 training row"):
        loader = _loader(augment.fit("smote", frame, target="y"))
    labels = torch.cat([y[origin == 1] for _, y, origin in loader])
    assert labels.unique().tolist() == [1, 2]  # of lone, u, v


@pytest.mark.parametrize("target", [None, "number"])
def test_without_classes_there_are_as_many_rows_as_real_ones_and_a_position_is_of_this_data(target):
    frame = pd.DataFrame({"a": np.arange(24.0), "number": np.arange(24.0)})
    loader = _loader(augment.fit("bootstrap", frame, target=target))
    assert loader.counts == {"real": 24, "bootstrap": 24}
    assert sum(len(batch[0]) for batch in loader) == 48
    with pytest.raises(SpecError, match="another run, or with other"):
        _loader(augment.fit("bootstrap", frame + 1, target=target)).load_state_dict(loader.state_dict())


class Brighter(TorchDataset):
    """Images of another dataset, each with 2 added."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, row):
        return self.data[row][0] + 2, self.data[row][1]


def test_real_rows_may_be_items_of_a_dataset(edited):
    data, generator = edited
    loader = _loader(generator, real=Brighter(data), proportion={"real": 0.5, "bootstrap": 0.5})
    x, y, origin = (torch.cat(parts) for parts in zip(*loader, strict=True))
    assert torch.equal(x.amax(dim=(1, 2, 3)) >= 2, origin == 0)
    assert y[origin == 0].bincount()[[3, 7]].tolist() == [30, 10]
    few = _loader(generator, real=Subset(data, range(5)))
    assert few.counts == {"real": 5, "bootstrap": 40}
    assert sum(int((origin == 0).sum()) for _, _, origin in few) == 5


class Endless(IterableDataset):
    """Items one after the other, with a length, of which none can be had by its place."""

    def __len__(self):
        return 40

    def __iter__(self):
        yield from range(40)


def test_items_of_another_form_are_refused(edited):
    data, generator = edited
    other = TensorDataset(data.tensors[0].double(), data.tensors[1])
    with pytest.raises(SpecError, match=r"different forms: .*float32 \(1, 8, 8\).* and .*float64"):
        list(_loader(generator, real=other))
    with pytest.raises(SpecError, match=r"and \(0: tuple\)"):
        list(_loader(generator, real=[("a text",)] * 40))
    for real in (iter([]), [], pd.DataFrame({"x": [1]}), Endless()):
        with pytest.raises(SpecError, match="a torch Dataset with a length"):
            _loader(generator, real=real)


@pytest.mark.parametrize("source", ["trees", TensorDataset(torch.zeros(3)), pd.DataFrame({"x": [1]})])
def test_what_is_no_run_and_no_generator_is_refused(source):
    with pytest.raises(SpecError, match=r"mixed takes a run or a generator of augment\.fit; got .*: fit one first"):
        mixed(source, batch_size=4)


def test_an_error_in_the_background_comes_through(wine, tmp_path):
    loader = _loader(wine, choose={"smote": 16}, background=True)
    (stream,) = loader._streams.values()
    stream._sampling = replace(stream._sampling, generator=(stream._sampling.generator[0], tmp_path))
    with pytest.raises(DiskError, match="the fitted state cannot be read"):
        list(loader)


def test_global_random_state_is_left_alone(wine):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    list(_loader(wine, choose={"smote": 16}))
    assert torch.equal(torch.rand(1), expected)
