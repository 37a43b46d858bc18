"""How the timing of recordings of one class differs, learnt from pairs of them.

Shapes: P pairs, N recordings, T samples, W frames, B mel bands, S stretches of a recording.
"""

from __future__ import annotations

import numpy as np

from augment.toolkit.audio.spectra import Windows, log_mel

__all__ = ["NUM_STRETCHES", "learn_timing"]

NUM_STRETCHES = 5
NUM_PAIRS = 300
NUM_FRAMES = 50  # that a recording is brought to for the alignment; stretches are ten times as long
MAX_LOG_PACE = 1.0  # of the logarithm of a stretch's pace: three times as quick, or as slow
PENALTY = 0.5  # of a step that is not diagonal, in mean distances between frames: pauses pull at nothing


def learn_timing(
    waves_NT: np.ndarray, lengths: np.ndarray, rate: float, classes: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """How much longer or shorter stretches of a recording are in another one of its class.

    Pairs are aligned by dynamic time warping of their log-mel spectra.

    Args:
        waves_NT: float (N, T).
        lengths: samples without padding, (N,).
        rate: Hz.
        classes: of each recording, (N,); -1 where the label is missing.
        rng: chooses the pairs.

    Returns:
        float32 (S, S). Standard normal numbers (S,) times it are logarithms of what each of S equal stretches takes in
        the other recording, against what it takes in the first. Zero where no class has two recordings.
    """
    pairs_P2 = _pairs(classes, lengths, rng)
    if not len(pairs_P2):
        return np.zeros((NUM_STRETCHES, NUM_STRETCHES), np.float32)
    used, places = np.unique(pairs_P2, return_inverse=True)
    frames_NWB = _frames(waves_NT[used], lengths[used], rate)
    first_P, second_P = places.reshape(-1, 2).T
    took_PS = _durations(frames_NWB[first_P], frames_NWB[second_P])
    longer_P1 = np.log(lengths[pairs_P2[:, 1]] / lengths[pairs_P2[:, 0]])[:, np.newaxis]
    logs_PS = np.clip(np.log(np.maximum(took_PS, 1e-3)) + longer_P1, -MAX_LOG_PACE, MAX_LOG_PACE)
    # about zero: a pair could as well have been aligned the other way round
    _, sizes, directions = np.linalg.svd(logs_PS / np.sqrt(len(logs_PS)), full_matrices=False)
    factor = np.zeros((NUM_STRETCHES, NUM_STRETCHES))
    factor[: len(sizes)] = sizes[:, np.newaxis] * directions
    result: np.ndarray = factor.astype(np.float32)
    return result


def _pairs(classes: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pairs of different recordings of one class, int64 (P, 2)."""
    usable = np.flatnonzero((classes >= 0) & (lengths > 0))
    firsts = rng.permutation(np.resize(usable, NUM_PAIRS)) if len(usable) else usable
    pairs = []
    for first in firsts:
        others = usable[(classes[usable] == classes[first]) & (usable != first)]
        if len(others):
            pairs.append((first, others[rng.integers(len(others))]))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _frames(waves_NT: np.ndarray, lengths: np.ndarray, rate: float) -> np.ndarray:
    """Log-mel spectra brought to one number of frames, (N, 50, B)."""
    spectra_NWB = log_mel(waves_NT, lengths, rate)
    last = np.maximum(lengths, 1)[:, np.newaxis] // Windows.at(rate).hop
    moments = np.linspace(0, 1, NUM_FRAMES) * last
    low = np.minimum(moments.astype(np.int64), spectra_NWB.shape[1] - 2 if spectra_NWB.shape[1] > 1 else 0)
    share = (moments - low)[..., np.newaxis].astype(np.float32)
    high = np.minimum(low + 1, spectra_NWB.shape[1] - 1)
    rows = np.arange(len(spectra_NWB))[:, np.newaxis]
    result: np.ndarray = spectra_NWB[rows, low] * (1 - share) + spectra_NWB[rows, high] * share
    return result


def _durations(first_PWB: np.ndarray, second_PWB: np.ndarray) -> np.ndarray:
    """What each stretch of the first takes in the second, as a share of a stretch's length, (P, S)."""
    num_pairs, num_frames = first_PWB.shape[:2]
    squares = (first_PWB**2).sum(2)[:, :, np.newaxis] + (second_PWB**2).sum(2)[:, np.newaxis]
    cost_PWW = np.sqrt(np.maximum(squares - 2 * np.einsum("pib,pjb->pij", first_PWB, second_PWB), 0))
    penalty = PENALTY * cost_PWW.mean(axis=(1, 2))
    total = np.full((num_pairs, num_frames + 1, num_frames + 1), np.inf)
    total[:, 0, 0] = 0
    step = np.zeros(total.shape, np.int8)
    for i in range(1, num_frames + 1):
        for j in range(1, num_frames + 1):
            ways = np.stack([total[:, i - 1, j - 1], total[:, i - 1, j] + penalty, total[:, i, j - 1] + penalty])
            step[:, i, j] = ways.argmin(axis=0)
            total[:, i, j] = ways.min(axis=0) + cost_PWW[:, i - 1, j - 1]
    # back along the best way: the last frame of the second that each frame of the first is aligned with
    when_PW = np.zeros((num_pairs, num_frames + 1))
    pairs, last = np.arange(num_pairs), np.full(num_pairs, num_frames)
    at, beside = last, last
    for _ in range(2 * num_frames):
        going = at > 0
        when_PW[pairs[going], at[going]] = np.maximum(when_PW[pairs[going], at[going]], beside[going])
        way = step[pairs, at, beside]
        at = np.where(going & (way != 2), at - 1, at)
        beside = np.where(going & (way != 1), beside - 1, beside)
    ends = np.linspace(0, num_frames, NUM_STRETCHES + 1).round().astype(np.int64)
    result: np.ndarray = np.diff(when_PW[:, ends], axis=1) * NUM_STRETCHES / num_frames
    return result
