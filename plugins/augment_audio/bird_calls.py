"""The source `bird-calls`: recordings made by code, to try things on without a download.

Shapes: T samples of a call.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import ArrayDeclaration, ColumnDeclaration, Dataset, infer
from augment.plugin import Context, Source

Call = Literal["rise", "fall", "trill", "cuckoo", "chatter"]

RATE = 8_000  # Hz
SECONDS = 1.0
LOUDNESS = (0.05, 0.7)  # of a call, its peak
HARMONICS = 3


class BirdCalls(Source):
    """Makes recordings of invented birds. The call is the class, and each bird is a voice of its own.

    `rise` and `fall` glide by a third to an octave, a `trill` goes back and forth between two pitches, a `cuckoo` sings
    two notes, the second lower, and a `chatter` is a row of short notes. How high, how quickly and how brightly a bird
    sings is its own, and so are the noise around it and the microphone; each call differs a little besides, in level
    too. Pitches lie between 700 and 2,500 Hz. The target is the column `call`, the voice the column `bird`. Recordings
    last up to one second, at 8,000 samples per second. Equal settings make equal recordings, whatever the run's seed.
    """

    name = "bird-calls"
    yields = frozenset({"audio"})
    reads_only_paths = True

    class Params(plugin.Params):
        """Settings of the source `bird-calls`."""

        rows: dict[Call, Annotated[int, Field(ge=1)]] = Field(
            {"rise": 60, "fall": 60, "trill": 60, "cuckoo": 60, "chatter": 60},
            min_length=1,
            examples=[{"rise": 60, "fall": 60, "trill": 12}],
        )
        """Class to how many recordings of it are made."""
        birds: int = Field(12, ge=1, le=1_000)
        """How many voices there are. They take turns, so that each sings every call."""
        seed: int = Field(0, ge=0)
        """Another number makes other recordings of the same kind."""

    def read(self, context: Context) -> Dataset:
        voices, calls = np.random.default_rng(self.params.seed).spawn(2)
        birds = [_Bird(voices) for _ in range(self.params.birds)]
        kinds = [kind for kind, count in self.params.rows.items() for _ in range(count)]
        turns = [turn % len(birds) for count in self.params.rows.values() for turn in range(count)]
        waves = [birds[turn].sing(kind, calls) for kind, turn in zip(kinds, turns, strict=True)]
        lengths = np.array([len(wave) for wave in waves])
        audio = np.zeros((len(waves), int(RATE * SECONDS)), np.float32)
        for row, wave in zip(audio, waves, strict=True):
            row[: len(wave)] = np.round(wave * 32_767) / 32_768  # as files of 16 bits hold it
        frame = pd.DataFrame(
            {
                "call": pd.Categorical(kinds, categories=list(self.params.rows)),
                "bird": [f"bird {turn + 1}" for turn in turns],
                "length": lengths,
            }
        )
        length = ColumnDeclaration(type="integer", unit="samples", min=1, max=audio.shape[1])
        array = ArrayDeclaration(type="audio", rate=RATE, range=(-1.0, 1.0), length_column="length")
        said = context.declared
        declared = said.model_copy(
            update={
                "target": said.target or "call",
                "columns": {"length": length, **said.columns},
                "arrays": {"audio": array, **said.arrays},
            }
        )
        return Dataset.of(frame, {"audio": audio}, infer(frame, {"audio": audio}, declared))


class _Bird:
    """One voice, and the place where it was recorded."""

    def __init__(self, rng: np.random.Generator):
        self.pitch = 700 * 2 ** rng.uniform(0, 1)
        self.pace = np.exp(rng.uniform(-0.35, 0.35))
        self.brightness = rng.uniform(0.1, 0.6)
        self.noise = 10 ** rng.uniform(-3.2, -2.2)
        self.tilt = rng.uniform(-0.5, 0.5)  # of the microphone: dB are this times frequency in half octaves, about

    def sing(self, kind: str, rng: np.random.Generator) -> np.ndarray:
        """One call, (T,) in [-1, 1]."""
        seconds = np.clip(rng.uniform(0.35, 0.6) / self.pace, 0.2, SECONDS - 0.1)
        time = np.arange(int(seconds * RATE)) / (seconds * RATE)  # 0 at the start of the call, 1 at its end
        octaves, loud = _melody(kind, time, rng)
        pitch = self.pitch * 2 ** (octaves + rng.normal(0, 0.08))
        turns = np.cumsum(pitch) / RATE
        tones = [self.brightness**order * np.sin(2 * np.pi * (order + 1) * turns) for order in range(HARMONICS)]
        tones = [tone * (pitch * (order + 1) < RATE / 2) for order, tone in enumerate(tones)]
        wave = np.sum(tones, axis=0) * loud
        before = int(rng.uniform(0, 0.1) * RATE)
        wave = np.pad(wave, (before, min(int(rng.uniform(0, 0.1) * RATE), int(RATE * SECONDS) - before - len(wave))))
        spectrum = np.fft.rfft(wave)
        spectrum *= (1 + np.arange(len(spectrum))) ** (self.tilt / 2)
        wave = np.fft.irfft(spectrum, len(wave))
        level = LOUDNESS[0] * (LOUDNESS[1] / LOUDNESS[0]) ** rng.random()
        wave = wave / max(np.abs(wave).max(), 1e-9) * level + rng.normal(0, self.noise, len(wave))
        result: np.ndarray = np.clip(wave, -1, 1)
        return result


def _melody(kind: str, time: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The pitch in octaves above the bird's own, and the loudness, at each moment."""
    wide = rng.uniform(0.35, 0.8)
    fade = np.minimum(1, np.minimum(time, 1 - time) / 0.08)
    if kind in ("rise", "fall"):
        bent = time ** rng.uniform(0.7, 1.4)
        return wide * (bent if kind == "rise" else 1 - bent), fade
    if kind == "trill":
        turns = rng.integers(4, 8)
        return wide * (0.5 + 0.5 * np.sin(2 * np.pi * turns * time)), fade
    if kind == "cuckoo":
        change = rng.uniform(0.4, 0.6)
        gap = np.minimum(1, np.abs(time - change) / 0.06)
        return np.where(time < change, wide, 0), fade * gap
    notes = rng.integers(4, 8)
    within = time * notes % 1
    return wide * (1 - within) * 0.5, fade * np.sin(np.pi * within) ** 2
