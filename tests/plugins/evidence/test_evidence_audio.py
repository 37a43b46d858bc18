from __future__ import annotations

import numpy as np
import pytest
from melodies import disguised, melodies, with_waves

from augment.data import Dataset
from augment.errors import DataError
from augment.plugin.context import Context
from augment_evidence.contamination import find_repeats
from augment_evidence.equal_rows import row_hashes
from augment_evidence.fidelity_audio import FidelityAudio
from augment_evidence.label_agreement import LabelAgreement
from augment_evidence.meanings import explain
from augment_evidence.not_a_copy import NotACopy
from augment_evidence.plausible import Plausible
from augment_evidence.privacy import Privacy
from augment_evidence.sound_properties import sound_properties

HERE = Context(seed=0, folder=None)


@pytest.fixture(scope="module")
def parts():
    """Train, hold-out and fresh recordings."""
    data = melodies(420, 0, speakers=True)
    return data.take(slice(200)), data.take(slice(200, 320)), data.take(slice(320, None))


def fit(cls, train, pilot=None, **params):
    return cls(cls.Params(**params)).fit(train, train.take(slice(0, 0)) if pilot is None else pilot, HERE)


def kept(judge, data):
    return judge.judge(data, HERE) >= judge.threshold


def test_not_a_copy_rejects_copies_that_were_shifted_softened_and_made_noisy_and_keeps_fresh_ones(parts, tmp_path):
    train, _, fresh = parts
    judge = fit(NotACopy, train)
    assert kept(judge, disguised(train)).mean() < 0.05
    assert kept(judge, fresh).mean() > 0.95
    judge.save(tmp_path)
    again = NotACopy.load(tmp_path, NotACopy.Params())
    assert np.array_equal(again.judge(fresh, HERE), judge.judge(fresh, HERE))


def test_recordings_are_equal_where_16_bits_are():
    sounds = melodies(5, 0)
    waves = np.round(sounds.arrays["sound"] * 32_768) / 32_768
    one, nearly = with_waves(sounds, waves), with_waves(sounds, waves + 1e-6)
    assert np.array_equal(row_hashes(one), row_hashes(nearly))
    assert not np.isin(row_hashes(with_waves(sounds, waves + 1e-4)), row_hashes(one)).any()


def test_repeated_held_out_recordings_are_found_in_disguise(parts):
    train, holdout, fresh = parts
    assert not find_repeats(fresh, train, holdout).is_contaminated
    some = Dataset.concat([fresh.take(slice(80)), disguised(holdout.take(slice(20)))])
    found = find_repeats(some, train, holdout)
    assert found.is_contaminated
    assert set(range(80, 100)) <= set(found.rows)


def test_privacy_finds_disguised_training_recordings_and_no_leak_in_fresh_ones(parts):
    train, holdout, fresh = parts
    leaked = {score.name: score for score in Privacy().score(disguised(train.take(slice(100))), train, holdout, HERE)}
    assert leaked["near copies"].attack.finding == "leak found"
    for score in Privacy().score(fresh, train, holdout, HERE):
        assert score.attack.finding == "no leak found", score.name


def test_label_agreement_hears_the_wrong_class(parts, tmp_path):
    train, _, fresh = parts
    judge = fit(LabelAgreement, train, steps=40)
    other = fresh.frame["label"].map({"low": "high", "high": "low"})
    wrong = Dataset.of(fresh.frame.assign(label=other), fresh.arrays, fresh.schema)
    assert kept(judge, fresh).mean() > 0.8
    assert kept(judge, wrong).mean() < 0.2
    judge.save(tmp_path)
    again = LabelAgreement.load(tmp_path, LabelAgreement.Params(steps=40))
    assert np.array_equal(again.judge(fresh, HERE), judge.judge(fresh, HERE))


def test_plausible_rejects_noise(parts):
    train, _, fresh = parts
    rng = np.random.default_rng(0)
    noise = with_waves(fresh, 0.1 * rng.standard_normal(fresh.arrays["sound"].shape))
    judge = fit(Plausible, train, noise, steps=30, max_rejected=0.9)
    assert kept(judge, fresh).mean() > 0.85
    assert kept(judge, noise).mean() < 0.3


@pytest.fixture(scope="module")
def fidelity(parts):
    """Scores of synthetic recordings by name; networks learn in few steps."""
    train, holdout, _ = parts

    def of(synthetic):
        return {
            score.name: score
            for score in FidelityAudio(FidelityAudio.Params(steps=40)).score(synthetic, train, holdout, HERE)
        }

    return of


@pytest.fixture(scope="module")
def fresh_scores(fidelity, parts):
    return fidelity(parts[2])


def test_fresh_recordings_score_about_what_the_hold_out_scores(fresh_scores):
    for name in ("Fréchet distance", "loudness similarity", "spectral centroid similarity", "nearest-neighbour ratio"):
        found = fresh_scores[name]
        assert found.value == pytest.approx(found.detail["reference"]["hold-out"], abs=0.15), name
    assert fresh_scores["label agreement"].value > 0.9
    assert fresh_scores["classification accuracy"].value > 0.9
    assert fresh_scores["speaker entropy"].value > 0.95
    assert fresh_scores["exact copies"].value == 0


def test_copies_with_noise_stand_beside_every_score_and_show_in_the_nearest_neighbour_ratio_alone(fresh_scores):
    for score in fresh_scores.values():
        assert "copies with noise" in score.detail["reference"], score.name
        assert explain(score.name).endswith("."), score.name
    ratio = fresh_scores["nearest-neighbour ratio"]
    assert ratio.detail["reference"]["copies with noise"] < 0.5 * ratio.value


def test_noise_wrong_labels_and_a_single_speaker_each_show(fidelity, parts):
    fresh = parts[2]
    rng = np.random.default_rng(3)
    noise = fidelity(with_waves(fresh, 0.1 * rng.standard_normal(fresh.arrays["sound"].shape)))
    assert noise["Fréchet distance"].value > 10 * noise["Fréchet distance"].detail["reference"]["hold-out"]
    assert noise["spectral centroid similarity"].value < 0.5
    assert noise["classification accuracy"].value < 0.7
    other = fresh.frame["label"].map({"low": "high", "high": "low"})
    wrong = fidelity(Dataset.of(fresh.frame.assign(label=other), fresh.arrays, fresh.schema))
    assert wrong["label agreement"].value < 0.2
    assert wrong["classification accuracy"].value < 0.2
    ann = fidelity(fresh.take(np.flatnonzero(fresh.frame["speaker"] == "ann")))
    assert ann["speaker entropy"].value < 0.4


def test_a_speaker_column_that_is_not_there_is_refused_with_those_that_are(parts):
    train, holdout, fresh = parts
    with pytest.raises(DataError, match=r"no column 'singer'.*'label', 'speaker'"):
        FidelityAudio(FidelityAudio.Params(speaker="singer")).score(fresh, train, holdout, HERE)


def test_properties_are_those_of_the_sound():
    sounds = melodies(3, 0)
    length = sounds.arrays["sound"].shape[1]
    tone = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(length) / 4_000 + 0.1)
    half = np.where(np.arange(length) < length // 2, tone, 0.01 * tone)  # 40 dB softer
    found = sound_properties(with_waves(sounds, np.stack([tone, half, np.sign(tone)])))
    assert found["loudness"][0] == pytest.approx(-9.03, abs=0.05)
    assert found["length"] == pytest.approx(0.5)
    assert found["silence"] == pytest.approx([0, 0.5, 0], abs=0.07)
    assert found["clipping"] == pytest.approx([0, 0, 1])
    assert found["spectral centroid"][0] == pytest.approx(1_000, rel=0.02)
    silent = sound_properties(with_waves(sounds, np.zeros((3, length))))
    assert all(np.isfinite(values).all() for values in silent.values())
