"""From a folder of recordings to the pipeline that `augment init` writes, and what a run makes of it."""

import numpy as np
import pytest
from recordings import RATE, put, wav

from augment import loaders
from augment.errors import DataError, SpecError
from augment.onboarding import write_pipeline
from augment.runner.check import check
from augment.runner.evaluate import evaluate
from augment.runner.run import run
from augment.spec.document import read


def spoken(folder, speakers=("ann", "bob", "cyd", "dan", "eve"), takes=2):
    rng = np.random.default_rng(0)
    for digit in range(2):
        for place, speaker in enumerate(speakers):
            for take in range(takes):
                samples = 0.3 * rng.uniform(-1, 1, 400 + 10 * place)
                put(folder / f"{digit}_{speaker}_{take}.wav", wav(samples))


def test_init_proposes_to_hold_out_speakers_and_says_why(tmp_path):
    spoken(tmp_path / "digits")
    path = write_pipeline.write(tmp_path / "digits", tmp_path / "digits.yaml")
    text, tree = path.read_text(), read(path).tree
    assert tree["source"] == {
        "use": "audio-folder",
        "with": {"path": "digits", "pattern": "{label}_{speaker}_{take}"},
    }
    assert tree["split"]["group"] == "speaker"
    assert "group: speaker  # its values recur in most classes, as voices do" in text
    assert "- use: audio-folder" in text
    assert check(path, workers=0).rows == {"read": 20, "train": 16, "test": 4}


def test_init_is_told_another_group(tmp_path):
    spoken(tmp_path / "digits")
    path = write_pipeline.write(tmp_path / "digits", tmp_path / "a.yaml", split_by={"group": "take"})
    assert read(path).tree["split"]["group"] == "take"


def proposed(folder, tmp_path):
    path = write_pipeline.write(folder, tmp_path / "proposed.yaml")
    return read(path).tree, path.read_text()


def test_init_brings_recordings_together_that_differ(tmp_path):
    for number in range(12):
        samples = np.random.default_rng(number).uniform(-0.5, 0.5, (4000, 1 + number % 2))
        put(tmp_path / "sounds" / "ab"[number // 6] / f"{number}.wav", wav(samples, rate=8000 if number % 6 else 16000))
    tree, text = proposed(tmp_path / "sounds", tmp_path)
    assert tree["source"]["with"] == {"path": "sounds", "rate": 8000, "channels": "mean"}
    assert "rate: 8000  # Hz: recordings have several rates" in text


@pytest.mark.parametrize(
    ("num_long", "settings"),
    [(1, {"on_bad_audio": "skip"}), (6, {"cut": "windows", "max_seconds": 10.0})],
)
def test_init_leaves_a_few_long_recordings_out_and_cuts_many(tmp_path, num_long, settings):
    for number in range(30):
        samples = np.random.default_rng(number).uniform(-0.5, 0.5, 31_000 if number < num_long else 500)
        put(tmp_path / "sounds" / "ab"[number % 2] / f"{number}.wav", wav(samples, rate=1000))
    tree, _ = proposed(tmp_path / "sounds", tmp_path)
    assert tree["source"]["with"] == {"path": "sounds", **settings}
    assert tree["split"].get("group") == ("recording" if "cut" in settings else None)


def test_windows_of_one_recording_are_never_on_both_sides_of_a_split(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(10):
        put(tmp_path / "sounds" / "ab"[number % 2] / f"{number}.wav", wav(0.5 * rng.uniform(-1, 1, 4 * 400)))
    spec = {
        "spec": 1,
        "name": "windows",
        "source": {
            "use": "audio-folder",
            "with": {"path": str(tmp_path / "sounds"), "cut": "windows", "max_seconds": 400 / RATE},
        },
        "generators": ["bootstrap"],
    }
    with pytest.raises(SpecError, match=r"rows with one 'recording' are parts of the same one.*`group: recording`"):
        check(spec, workers=0)
    rows = check({**spec, "split": {"group": "recording"}}, workers=0).rows
    assert rows == {"read": 40, "train": 32, "test": 8}


def test_a_run_writes_recordings_that_loaders_mix(tmp_path):
    spoken(tmp_path / "digits")
    source = {"path": str(tmp_path / "digits"), "pattern": "{label}_{speaker}_{take}"}
    spec = {
        "spec": 1,
        "name": "digits",
        "source": {"use": "audio-folder", "with": source},
        "split": {"column": "speaker", "test": ["eve"]},
        "generators": ["bootstrap"],
        "mix": {"rows": "1x"},
        "trial": {"probe": "mfcc", "seeds": 2},
        "sinks": ["audio-folder"],
        "reporters": [],
    }
    done = run(spec, out=tmp_path / "run", workers=0)
    assert len(done.train) == 32  # as many synthetic ones as real
    assert set(done.train.origin) == {"real", "bootstrap"}
    assert len(list((tmp_path / "run" / "data" / "train").glob("*/*.wav"))) == 32
    x, y = next(iter(loaders.mixed(done, batch_size=8, proportion={"real": 0.5, "bootstrap": 0.5})))
    assert (x.shape, y.shape) == ((8, 440), (8,))
    # what was held out is longer, and has the same room
    assert [part.data.arrays["audio"].shape for part in (done.train, done.test)] == [(32, 440), (4, 440)]
    assert done.train.data.lengths("audio").max() < 440


def test_a_hold_out_of_its_own_may_be_longer(tmp_path):
    spoken(tmp_path / "data" / "train")
    put(tmp_path / "data" / "test" / "0_fay_0.wav", wav(np.full(900, 0.1)))
    put(tmp_path / "data" / "test" / "1_fay_0.wav", wav(np.full(900, 0.2)))
    named = {"pattern": "{}_{speaker}_{take}"}
    sources = [
        {"use": "audio-folder", "with": {"path": str(tmp_path / "data" / part), **named}} for part in ("train", "test")
    ]
    spec = {"spec": 1, "name": "own", "source": sources[0], "split": {"test": sources[1]}, "generators": ["bootstrap"]}
    done = run(spec, out=tmp_path / "run", workers=0)
    assert done.test.data.arrays["audio"].shape == (2, 900)
    assert done.test.data.lengths("audio").tolist() == [900, 900]


def test_a_hold_out_at_another_rate_is_refused(tmp_path):
    for part, rate in (("train", 8000), ("test", 16000)):
        for number in range(6):
            samples = np.random.default_rng(number).uniform(-0.5, 0.5, 800)
            put(tmp_path / part / f"{number}.wav", wav(samples, rate=rate))
    sources = [{"use": "audio-folder", "with": {"path": str(tmp_path / part)}} for part in ("train", "test")]
    spec = {"spec": 1, "name": "own", "source": sources[0], "split": {"test": sources[1]}, "generators": ["bootstrap"]}
    with pytest.raises(DataError, match=r"'audio' has another rate: 8000.0 in .*, 16000.0 in it"):
        check(spec, workers=0)


def test_synthetic_recordings_of_other_lengths_are_compared_and_too_long_ones_rejected(tmp_path):
    rng = np.random.default_rng(0)
    for part, longest in (("real", 500), ("shorter", 450), ("longer", 560)):
        for number in range(12):
            put(tmp_path / part / f"{number}.wav", wav(rng.uniform(-0.5, 0.5, longest - 10 * number)))
    counts = [
        evaluate(tmp_path / "real", tmp_path / part, share=0.25, workers=0).metrics.rows.synthetic
        for part in ("shorter", "longer")
    ]
    assert counts == [12, 6]
