from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.plugin.context import Context
from augment_datasets.sklearn_source import SklearnDataset
from augment_evidence import classifiers
from augment_evidence.fidelity_images import FidelityImages


@pytest.fixture(scope="module", autouse=True)
def trained():
    """Small digits are learnt in a fifth of the steps, and equal ones once: gives what was trained."""
    train, networks = classifiers.train_classifier, {}

    def once(x, classes, num_classes, context):
        key = x.tobytes(), classes.tobytes()
        if key not in networks:
            networks[key] = train(x, classes, num_classes, context, num_steps=100)
        return networks[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classifiers, "train_classifier", once)
        yield networks


@pytest.fixture(scope="module")
def parts():
    """Train, hold-out and fresh digits."""
    source = SklearnDataset(SklearnDataset.Params(dataset="digits"))
    data = source.read(Context(seed=0, folder=None))
    data = Dataset(data.frame, data.arrays, observe(data.schema, data.frame)[0])
    order = np.random.default_rng(0).permutation(len(data))
    return data.take(order[:1000]), data.take(order[1000:1400]), data.take(order[1400:])


def score(synthetic, train, holdout, seed=0):
    found = FidelityImages().score(synthetic, train, holdout, Context(seed=seed, folder=None))
    return {score.name: score for score in found}


def with_images(data, change):
    rng = np.random.default_rng(1)
    images = change(data.arrays["image"].astype(float), rng)
    return Dataset(data.frame, {"image": np.clip(images, 0, 255).astype(np.uint8)}, data.schema)


@pytest.fixture(scope="module")
def fresh_scores(parts):
    train, holdout, fresh = parts
    return score(fresh, train, holdout)


def test_fresh_real_images_score_about_what_the_hold_out_scores(fresh_scores):
    for name, apart in (("Fréchet distance", 0.05), ("density", 0.2), ("coverage", 0.06), ("label agreement", 0.05)):
        found = fresh_scores[name]
        assert found.value == pytest.approx(found.detail["reference"]["hold-out"], abs=apart), name
    assert fresh_scores["label agreement"].value > 0.9
    assert fresh_scores["exact copies"].value == 0


def test_noise_scores_worse_on_everything(parts, fresh_scores):
    train, holdout, fresh = parts
    noise = score(with_images(fresh, lambda images, rng: rng.uniform(0, 255, images.shape)), train, holdout)
    assert noise["Fréchet distance"].value > 3 * fresh_scores["Fréchet distance"].value
    assert noise["coverage"].value < 0.5 * fresh_scores["coverage"].value
    assert noise["label agreement"].value < 0.3


def test_one_image_over_and_over_covers_little(parts, fresh_scores):
    train, holdout, fresh = parts
    same = with_images(fresh, lambda images, rng: np.repeat(images[:1], len(images), axis=0))
    assert score(same, train, holdout)["coverage"].value < 0.3


def test_wrong_labels_lower_the_agreement_and_name_the_class(parts):
    train, holdout, fresh = parts
    threes = fresh.frame["digit"].to_numpy() == "3"
    wrong = fresh.frame.assign(digit=fresh.frame["digit"].where(~threes, "7"))
    found = score(Dataset.of(wrong, fresh.arrays, fresh.schema), train, holdout)["label agreement"]
    assert found.detail["classes"]["7"] < 0.7
    assert found.detail["classes"]["1"] > 0.8


def without_classes(parts):
    return [Dataset(part.frame[[]], part.arrays, infer(part.frame[[]], part.arrays)) for part in parts]


def test_copies_are_named_copies(parts):
    train, holdout, _ = without_classes(parts)
    assert score(train.take(slice(0, 100)), train, holdout)["exact copies"].value == 1


def test_a_class_with_a_tiny_hold_out_is_compared_without_it(parts):
    train, holdout, _ = parts
    ones, held = (part.take(part.frame["digit"].to_numpy() == "1") for part in (train, holdout))
    found = score(ones, train, held.take(slice(0, 4)))
    assert set(found["coverage"].detail["reference"]) == {"bootstrap"}
    assert "hold-out" in found["label agreement"].detail["reference"]


def test_a_single_image_gets_the_scores_that_make_sense(parts):
    train, holdout, fresh = parts
    assert set(score(fresh.take(slice(0, 1)), train, holdout)) == {"label agreement", "exact copies"}


def test_no_images_and_no_hold_out_are_no_error(parts):
    train, holdout, fresh = parts
    nothing = slice(0, 0)
    assert score(fresh.take(nothing), train, holdout) == {}
    assert score(fresh, train, holdout.take(nothing))["label agreement"].detail["reference"] == {}


def test_images_without_classes_are_compared_by_their_pixels(parts):
    train, holdout, fresh = without_classes(parts)
    good = score(fresh, train, holdout)
    noise = score(with_images(fresh, lambda images, rng: rng.uniform(0, 255, images.shape)), train, holdout)
    assert "label agreement" not in good
    assert good["coverage"].value > 0.8
    assert noise["coverage"].value < 0.1
    assert noise["Fréchet distance"].value > 3 * good["Fréchet distance"].value


def test_equal_images_and_a_single_class_are_no_error():
    frame = pd.DataFrame({"label": ["a"] * 40})
    arrays = {"image": np.full((40, 3, 50, 3), 7, np.uint8)}
    schema, _ = observe(infer(frame, arrays, SchemaDeclaration(target="label")), frame)
    data = Dataset.of(frame, arrays, schema)
    found = score(data, data, data)
    assert found["Fréchet distance"].value == pytest.approx(0, abs=1e-6)
    assert found["coverage"].value == 1


@pytest.mark.slow
def test_scores_are_the_same_each_time_plain_json_and_leave_the_global_state(parts, trained):
    import torch

    trained.clear()
    train, holdout, fresh = parts
    before = (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
    first = score(fresh, train, holdout, seed=5)
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before  # noqa: NPY002
    trained.clear()
    assert first == score(fresh, train, holdout, seed=5)
    json.dumps([dict(found.detail) for found in first.values()], allow_nan=False)
