"""What the parts for recordings are worth on spoken digits.

    AUGMENT_DATA=../shared/data python bench/sound.py probes edits speakers made heard [--seeds 8]

Data: the Free Spoken Digit Dataset (Jackson 2018), 3,000 recordings of six speakers at 8 kHz, cut at one second; takes
0 to 14 of each speaker and digit are held out.

`probes`: accuracy of each probe trained on real recordings alone: 5 or 10 of each digit, 10 of each by five speakers
(tested on the sixth), and all 2,100. `edits`: the difference that six edited copies of each of 5 recordings a digit
make, paired over seeds; a fit by itself varies by about 0.03. `speakers`: the same with 10 recordings a digit and a
speaker left out. `made`: recordings drawn from noise, 150 of each digit: the Frechet distance of a network's features
to those of held-out recordings, how often that network hears the asked digit, and the accuracy of a probe that learns
from them alone. `heard`: recordings made anew from their own log-mel spectra. Everything is process CPU time on one
thread.
"""

from __future__ import annotations

import argparse
import io
import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy
import tarfile
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.fft import dct

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.plugin.context import Context
from augment.plugin.contracts import Generator, Probe
from augment.toolkit.audio.spectra import from_log_mel, log_mel
from augment_audio.edits import AudioEdits
from augment_audio.mixture import SpectralMixture
from augment_audio.probes import Mfcc, Spectral
from augment_evidence.similarity import frechet

DATA = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "audio"
RATE, ROOM = 8_000, 8_000
HELD_OUT_TAKES = 15
COPIES = 6
PROBES: dict[str, Callable[[], Probe]] = {"spectral": Spectral, "mfcc": Mfcc}
EDITS = {
    "default": {},
    "stretch": {"edits": {"stretch": 1.0}},
    "timing": {"edits": {"timing": 1.0}},
    "speed, shift, stretch, pitch": {"edits": {"speed": 0.5, "shift": 0.5, "stretch": 0.5, "pitch": 0.5}},
    "mix": {"edits": {"mix": 1.0}},
    "noise": {"edits": {"noise": 1.0}},
}


class Digits:
    """The recordings, and who speaks what."""

    def __init__(self) -> None:
        waves, lengths, names = [], [], []
        for archive in sorted(DATA.glob("fsdd*.tar.gz")):
            with tarfile.open(archive) as files:
                for member in files:
                    if member.name.endswith(".wav") and (file := files.extractfile(member)) is not None:
                        with wave.open(io.BytesIO(file.read())) as recording:
                            samples = np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
                        names.append(Path(member.name).stem.split("_"))
                        lengths.append(min(len(samples), ROOM))
                        waves.append(np.pad(samples[:ROOM], (0, ROOM - lengths[-1])).astype(np.float32) / 32_768)
        order = sorted(range(len(names)), key=lambda row: names[row])
        self.digit, speaker, take = (np.array([names[row][part] for row in order]) for part in range(3))
        self.speaker = np.unique(speaker, return_inverse=True)[1]
        self.is_held_out = take.astype(int) < HELD_OUT_TAKES
        frame = pd.DataFrame({"digit": self.digit, "length": np.array(lengths)[order]})
        arrays = {"audio": np.stack(waves)[order]}
        audio = {"type": "audio", "rate": RATE, "range": (-1, 1), "length_column": "length"}
        said = SchemaDeclaration.model_validate({"target": "digit", "arrays": {"audio": audio}})
        schema, _ = observe(infer(frame, arrays, said), frame, arrays)
        self.data = Dataset.of(frame, arrays, schema)

    def some(self, per_digit: int, seed: int, among: np.ndarray) -> Dataset:
        """So many recordings of each digit among these, (N,) bool."""
        rng = np.random.default_rng(seed)
        rows = [
            rng.choice(np.flatnonzero(among & (self.digit == digit)), per_digit, replace=False)
            for digit in np.unique(self.digit)
        ]
        return self.data.take(np.concatenate(rows))


def accuracy(make: Callable[[], Probe], train: Dataset, test: Dataset, seed: int) -> tuple[float, float]:
    """Of a probe; and the CPU-seconds of its fit."""
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        probe = make().fit(train, Context(seed, Path(folder)))
    seconds = time.process_time() - start
    heard = np.array(test.schema.classes)[probe.predict(test).argmax(axis=1)]
    return float((heard == test.frame["digit"].astype(str)).mean()), seconds


def drawn(generator: Generator, train: Dataset, digits: np.ndarray, seed: int) -> tuple[Dataset, float, float]:
    """Recordings of these digits, and CPU-seconds of the fit and the sample."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        generator.fit(train, Context(seed, Path(folder), train=train))
        fitted = time.process_time()
        made = generator.sample(pd.DataFrame({"digit": digits}), Context(seed + 1_000, Path(folder), train=train))
    return made, fitted - start, time.process_time() - fitted


def with_copies(train: Dataset, settings: dict[str, object], seed: int) -> Dataset:
    digits = np.tile(train.frame["digit"].astype(str), COPIES)
    made, *_ = drawn(AudioEdits(AudioEdits.Params.model_validate(settings)), train, digits, seed)
    frame = pd.concat([train.frame, made.frame], ignore_index=True)
    return Dataset.of(frame, {"audio": np.concatenate([train.arrays["audio"], made.arrays["audio"]])}, train.schema)


def show(what: str, values: list[float], seconds: list[float] | None = None) -> None:
    spread = np.std(values, ddof=1) if len(values) > 1 else 0
    took = f"{np.mean(seconds):7.2f} CPU-s" if seconds else ""
    print(f"{what:42} {np.mean(values):+.3f}  sd {spread:.3f}  se {spread / len(values) ** 0.5:.3f} {took}", flush=True)


def probes(digits: Digits, num_seeds: int) -> None:
    pool, test = ~digits.is_held_out, digits.data.take(digits.is_held_out)
    for name, make in PROBES.items():
        for count in (5, 10):
            found = [accuracy(make, digits.some(count, seed, pool), test, seed) for seed in range(num_seeds)]
            show(f"{name}, {count} a digit", *(list(part) for part in zip(*found, strict=True)))
        left_out = []
        for speaker in range(6):
            others = digits.some(10, speaker, pool & (digits.speaker != speaker))
            left_out.append(accuracy(make, others, digits.data.take(digits.speaker == speaker), speaker)[0])
        show(f"{name}, a speaker left out, each of 6", left_out)
        found = [accuracy(make, digits.data.take(pool), test, seed) for seed in range(2)]
        show(f"{name}, all", *(list(part) for part in zip(*found, strict=True)))


def edits(digits: Digits, num_seeds: int) -> None:
    test = digits.data.take(digits.is_held_out)
    gains: dict[tuple[str, str], list[float]] = {}
    for seed in range(num_seeds):
        train = digits.some(5, seed, ~digits.is_held_out)
        alone = {name: accuracy(make, train, test, seed)[0] for name, make in PROBES.items()}
        for arm, settings in EDITS.items():
            more = with_copies(train, settings, seed)
            for name, make in PROBES.items():
                gains.setdefault((name, arm), []).append(accuracy(make, more, test, seed)[0] - alone[name])
    for (name, arm), values in gains.items():
        show(f"{name}, {arm}", values)


def speakers(digits: Digits, num_seeds: int) -> None:
    gains: dict[str, list[float]] = {}
    for speaker in range(6):
        train = digits.some(10, speaker, ~digits.is_held_out & (digits.speaker != speaker))
        test = digits.data.take(digits.speaker == speaker)
        alone = accuracy(Spectral, train, test, speaker)[0]
        for arm in ("default", "speed, shift, stretch, pitch"):
            more = with_copies(train, EDITS[arm], speaker)
            gains.setdefault(arm, []).append(accuracy(Spectral, more, test, speaker)[0] - alone)
    for arm, values in gains.items():
        show(f"spectral, a speaker left out, {arm}", values)


def made(digits: Digits, num_seeds: int) -> None:
    train, test = digits.data.take(~digits.is_held_out), digits.data.take(digits.is_held_out)
    with tempfile.TemporaryDirectory() as folder:
        judge = Spectral(Spectral.Params(steps=600, networks=1)).fit(train, Context(5, Path(folder)))
    real = features(judge, test)
    print(f"{'real: training to held-out':42} Frechet {frechet(features(judge, train), real):.2f}")
    asked = np.repeat(np.unique(digits.digit), 150)
    for seed in range(2):
        rows, fit, sample = drawn(SpectralMixture(), train, asked, seed)
        heard = np.array(test.schema.classes)[judge.predict(rows).argmax(axis=1)]
        alone, _ = accuracy(Spectral, rows, test, seed)
        print(
            f"{'spectral-mixture':42} Frechet {frechet(features(judge, rows), real):.2f}, agreement "
            f"{(heard == asked).mean():.3f}, accuracy from them alone {alone:.3f}, fit {fit:.1f} and 1,500 drawn in "
            f"{sample:.1f} CPU-s",
            flush=True,
        )


def features(judge: Spectral, data: Dataset) -> np.ndarray:
    """What the last layer of the judge sees, (N, 128)."""
    spectra = log_mel(data.arrays["audio"], data.lengths("audio"), RATE) / 2
    with torch.inference_mode():
        found: np.ndarray = judge.networks[0].features(torch.from_numpy(spectra).transpose(1, 2)).numpy()
    return found.astype(np.float64)


def heard(digits: Digits, num_seeds: int) -> None:
    train, test = digits.data.take(~digits.is_held_out), digits.data.take(np.flatnonzero(digits.is_held_out)[::6])
    waves, lengths = test.arrays["audio"], test.lengths("audio")
    start = time.process_time()
    again = from_log_mel(log_mel(waves, lengths, RATE, normalise=False, overlap=4), RATE, ROOM)
    took = (time.process_time() - start) / len(waves)
    with tempfile.TemporaryDirectory() as folder:
        judge = Spectral().fit(train, Context(0, Path(folder)))
    other = Dataset.of(test.frame, {"audio": np.clip(again, -1, 1)}, test.schema)
    agreement = (judge.predict(test).argmax(1) == judge.predict(other).argmax(1)).mean()
    cepstra = [
        dct(log_mel(each, lengths, RATE, normalise=False), axis=2, norm="ortho")[..., 1:20] for each in (waves, again)
    ]
    there = np.arange(cepstra[0].shape[1]) <= lengths[:, np.newaxis] // 128
    distance = 10 / np.log(10) * np.sqrt(2 * ((cepstra[0] - cepstra[1]) ** 2).sum(axis=2))[there].mean()
    print(f"from log-mel and back: agreement {agreement:.3f}, {distance:.2f} dB, {took * 1e3:.1f} ms per second")


if __name__ == "__main__":
    what = {"probes": probes, "edits": edits, "speakers": speakers, "made": made, "heard": heard}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=list(what))
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    if not list(DATA.glob("fsdd*.tar.gz")):
        raise SystemExit(f"skipped: there is no data in {DATA}")
    torch.set_num_threads(1)
    all_digits = Digits()
    for name in options.what:
        print(f"--- {name}", flush=True)
        what[name](all_digits, options.seeds)
