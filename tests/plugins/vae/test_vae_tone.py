from __future__ import annotations

import numpy as np

from augment_vae.tone import apply_tone, tone_curve

RNG = np.random.default_rng(0)


def test_greys_of_drawn_pictures_become_those_of_real_ones():
    real = RNG.choice(np.array([0, 200, 255], dtype=np.uint8), 20_000, p=[0.5, 0.2, 0.3])
    drawn = (RNG.permutation(real) / 255) * 0.5 + 0.2 + RNG.uniform(0, 0.05, 20_000)
    toned = apply_tone(tone_curve(drawn, real), drawn)
    shares = np.linspace(0.01, 0.99, 99)
    assert np.mean(np.abs(np.quantile(toned, shares) - np.quantile(real, shares)) > 8) < 0.05


def test_darker_stays_darker():
    curve = tone_curve(RNG.random(500), RNG.integers(0, 256, 700, dtype=np.uint8))
    toned = apply_tone(curve, np.linspace(-0.1, 1.1, 100))
    assert (np.diff(toned.astype(int)) >= 0).all()


def test_constant_pictures_become_the_middle_grey():
    assert apply_tone(tone_curve(np.full(9, 0.5), np.full(9, 40, np.uint8)), np.array([0.5])).tolist() == [40]
