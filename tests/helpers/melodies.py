"""Recordings whose class can be heard: three short tones each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from example_data import dataset

from augment.data import Dataset

RATE = 4_000
PITCH = {"low": 300.0, "high": 900.0}  # Hz


def melodies(num_rows: int, seed: int, speakers: bool = False) -> Dataset:
    """Three short tones each, about a pitch of their class, 0.3 s long among 0.5 s; a speaker has overtones or none."""
    rng = np.random.default_rng(seed)
    label = rng.choice(list(PITCH), num_rows)
    speaker = rng.choice(["ann", "bob"], num_rows)
    time = np.arange(RATE // 10) / RATE
    rise_and_fall = np.sin(np.pi * time * 10)
    waves = np.zeros((num_rows, RATE // 2), np.float32)
    for row in range(num_rows):
        parts = []
        for _ in range(3):
            phase = 2 * np.pi * PITCH[label[row]] * rng.uniform(0.8, 1.25) * time
            tone = np.sin(phase) + (speaker[row] == "bob") * 0.7 * np.sin(2 * phase)
            parts.append(rise_and_fall * tone * rng.uniform(0.1, 0.4))
        waves[row, : 3 * len(time)] = np.concatenate(parts)
    waves[:, : 3 * len(time)] += 0.001 * rng.standard_normal((num_rows, 3 * len(time)), np.float32)
    frame = pd.DataFrame({"label": label, **({"speaker": speaker} if speakers else {})})
    return dataset(
        frame, {"sound": waves}, target="label", arrays={"sound": {"type": "audio", "rate": RATE, "range": (-1, 1)}}
    )


def with_waves(data: Dataset, waves: np.ndarray) -> Dataset:
    """The same rows with other recordings, (N, T)."""
    return replace(data, arrays={"sound": waves.astype(np.float32)})


def disguised(data: Dataset, seconds: float = 0.04, gain: float = 0.5, noise: float = 0.05) -> Dataset:
    """The same recordings later, softer, and with noise of a share of their loudness."""
    rng = np.random.default_rng(9)
    waves = np.roll(data.arrays["sound"], round(seconds * RATE), axis=1) * gain
    loudness = np.sqrt((waves**2).mean(axis=1, keepdims=True))
    return with_waves(data, waves + noise * loudness * rng.standard_normal(waves.shape))
