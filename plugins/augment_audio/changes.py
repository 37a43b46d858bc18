"""The edits of `audio-edits`: what is drawn for each, and what it does to a batch of recordings.

Each change takes recordings (N, T) float32, padded with zeros, their lengths (N,), what was drawn for them, and the
rate in Hz, and gives recordings of the same shape and their lengths. Lengths stay at T or below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from augment.toolkit.audio.moves import apply_gains, at_moments, stretch
from augment.toolkit.audio.spectra import Windows, log_mel, mel_bands, mel_matrix

__all__ = ["CHANGES", "Amounts"]

OVERLAP = 4  # windows that a sample lies in: with two, a stretched sound flutters
NUM_KNOTS = 6  # of an equaliser's curve
SILENCED = -6.0  # nats by which a masked band is softer
LOUDEST_ROOM = (-30.0, -15.0)  # dB of the first reflection, against the sound itself

Drawn = Mapping[str, np.ndarray]
Change = Callable[[np.ndarray, np.ndarray, Drawn, float], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Amounts:
    """How much each edit changes a recording.

    Attributes:
        params: settings of `audio-edits`.
        rate: Hz.
        num_samples: T.
        timing: what `learn_timing` found, (S, S).
    """

    params: Any
    rate: float
    num_samples: int
    timing: np.ndarray

    def draw(self, edit: str, num_rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """What is drawn for each of N rows, row after row, whichever of them is then edited."""
        params = self.params
        draws = {"noise": self._noise, "reverb": self._reverb}
        if edit in draws:
            return draws[edit](num_rows, rng)
        if edit == "timing":
            normal = rng.standard_normal((num_rows, len(self.timing), 1))
            # no matrix product: its bits would depend on how many recordings there are
            return {"by": params.timing * (normal * self.timing).sum(axis=1)}
        if edit == "mix":
            return {"share": rng.random(num_rows) * params.mix}
        if edit == "equaliser":
            return {"gain": rng.normal(0, params.equaliser * np.log(10) / 20, (num_rows, NUM_KNOTS))}
        if edit in ("time-mask", "frequency-mask"):
            widest = params.time_mask if edit == "time-mask" else params.frequency_mask
            drawn = rng.random((num_rows, 2))
            return {"width": drawn[:, 0] * widest, "place": drawn[:, 1]}
        most = getattr(params, edit)
        return {"by": rng.uniform(-most, most, num_rows), "most": np.full(num_rows, most)}

    def _noise(self, num_rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        least, most = self.params.noise
        drawn = np.empty((num_rows, self.num_samples), np.float32)
        level, colour = np.empty(num_rows), np.empty(num_rows)
        for row in range(num_rows):
            level[row], colour[row] = rng.random(2)
            drawn[row] = rng.standard_normal(self.num_samples, np.float32)
        return {"wave": drawn, "level": least + level * (most - least), "colour": colour}

    def _reverb(self, num_rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        shortest, longest = self.params.reverb
        num_samples = min(int(self.rate * longest), self.num_samples) + 1
        drawn = np.empty((num_rows, num_samples), np.float32)
        seconds, level = np.empty(num_rows), np.empty(num_rows)
        for row in range(num_rows):
            seconds[row], level[row] = rng.random(2)
            drawn[row] = rng.standard_normal(num_samples, np.float32)
        low, high = LOUDEST_ROOM
        return {
            "wave": drawn,
            "seconds": shortest + seconds * (longest - shortest),
            "level": low + level * (high - low),
        }


def _windows(rate: float) -> Windows:
    return Windows.at(rate, OVERLAP)


def _pace(waves: np.ndarray, lengths: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factor of each recording's pace, and its new length.

    One for which there is no room to be slower is made quicker instead; one that fills its row loses its end.
    """
    room = waves.shape[1]
    factor = np.exp(by)
    factor = np.where((lengths / factor > room) & (lengths < room), 1 / factor, factor)
    return factor, np.clip(np.round(lengths / factor), 1, room).astype(np.int64)


def _speed(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    factor, ends = _pace(waves, lengths, drawn["by"])
    return _ended(at_moments(waves, np.arange(waves.shape[1]) * factor[:, np.newaxis]), ends), ends


def _shift(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    most = lengths // 4
    samples = np.clip(np.round(drawn["by"] * rate).astype(np.int64), -most, np.minimum(most, waves.shape[1] - lengths))
    # a recording that fills its row cannot begin later without losing its end, so it loses as much as another its start
    full = lengths == waves.shape[1]
    samples = np.where(full, np.clip(np.round(drawn["by"] * rate).astype(np.int64), -most, most), samples)
    source = np.arange(waves.shape[1]) - samples[:, np.newaxis]
    inside = (source >= 0) & (source < waves.shape[1])
    moved = np.where(inside, np.take_along_axis(waves, np.clip(source, 0, waves.shape[1] - 1), axis=1), 0)
    ends = np.where(full, lengths, lengths + samples)
    return moved.astype(np.float32), ends


def _stretch(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    factor, ends = _pace(waves, lengths, drawn["by"])
    return _ended(_paced(waves, factor, rate), ends), ends


def _timing(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Stretches of equal length of each recording, each at a pace of its own."""
    num_rows, room = len(waves), waves.shape[1]
    if not drawn["by"].shape[1]:
        return waves, lengths
    took = np.exp(drawn["by"])  # time that each stretch takes, against what it took
    factor, ends = _pace(waves, lengths, -np.log(took.mean(axis=1)))
    passed = np.pad(np.cumsum(took, axis=1), ((0, 0), (1, 0)))
    passed /= passed[:, -1:]
    windows = _windows(rate)
    when = np.arange(windows.count(room)) * windows.hop
    stretches = np.linspace(0, 1, passed.shape[1])
    moments = np.empty((num_rows, len(when)))
    for row in range(num_rows):
        end = lengths[row] / factor[row]
        share = np.interp(when / end, passed[row], stretches)
        moments[row] = (share * lengths[row] + np.maximum(when - end, 0)) / windows.hop
    return _ended(stretch(waves, moments, windows, room), ends), ends


def _mix(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """The other recording's log-mel spectrum at the same share of its length, less the own one: gains."""
    coarse, fine = Windows.at(rate), _windows(rate)
    own = log_mel(waves, lengths, rate, normalise=False)
    other = log_mel(drawn["other"], drawn["other length"], rate, normalise=False)
    when = np.arange(own.shape[1]) * np.maximum(drawn["other length"], 1)[:, np.newaxis] / lengths[:, np.newaxis]
    there = np.minimum(np.round(when).astype(np.int64), own.shape[1] - 1)
    change = np.take_along_axis(other, there[..., np.newaxis], axis=1) - own
    change -= change.mean(axis=(1, 2), keepdims=True)  # not louder or softer as a whole
    gains = change * drawn["share"][:, np.newaxis, np.newaxis].astype(np.float32)
    nearest = np.minimum(np.arange(fine.count(waves.shape[1])) * fine.hop // coarse.hop, own.shape[1] - 1)
    return _ended(apply_gains(waves, gains[:, nearest], fine, rate), lengths), lengths


def _paced(waves: np.ndarray, factor: np.ndarray, rate: float) -> np.ndarray:
    windows = _windows(rate)
    moments = np.arange(windows.count(waves.shape[1])) * factor[:, np.newaxis]
    return stretch(waves, moments, windows, waves.shape[1])


def _pitch(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Slower by a factor at the same pitch, then quicker by it, which raises the pitch."""
    factor = 2.0 ** (drawn["by"] / 12)
    windows = _windows(rate)
    # as long as any could become, whatever else is in the batch: at its end a sound is made of fewer windows
    longest = int(np.ceil(waves.shape[1] * 2.0 ** (drawn["most"].max() / 12))) + 1
    moments = np.arange(windows.count(longest)) / factor[:, np.newaxis]
    slower = stretch(waves, moments, windows, longest)
    return _ended(at_moments(slower, np.arange(waves.shape[1]) * factor[:, np.newaxis]), lengths), lengths


def _formant(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """What the envelope is at other frequencies, less what it is: a gain for each band and window."""
    from scipy.ndimage import gaussian_filter1d

    coarse, fine = Windows.at(rate), _windows(rate)
    num_bands = mel_bands(rate)
    envelope = gaussian_filter1d(log_mel(waves, lengths, rate, normalise=False), 1.0, axis=2)
    filters = mel_matrix(num_bands, coarse.size, rate)
    hertz = filters @ np.linspace(0, rate / 2, filters.shape[1], dtype=np.float32) / filters.sum(axis=1)
    asked = np.clip(hertz * np.exp(drawn["by"])[:, np.newaxis], hertz[0], hertz[-1])
    bands = np.interp(asked, hertz, np.arange(num_bands))
    low = np.minimum(bands.astype(np.int64), num_bands - 2)[:, np.newaxis]
    share = bands[:, np.newaxis] - low
    moved = np.take_along_axis(envelope, low, 2) * (1 - share) + np.take_along_axis(envelope, low + 1, 2) * share
    nearest = np.arange(fine.count(waves.shape[1])) * fine.hop // coarse.hop
    gains = (moved - envelope)[:, np.minimum(nearest, envelope.shape[1] - 1)]
    return _ended(apply_gains(waves, gains, fine, rate), lengths), lengths


def _equaliser(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    place = np.linspace(0, NUM_KNOTS - 1, mel_bands(rate))
    low = np.minimum(place.astype(np.int64), NUM_KNOTS - 2)
    gains = drawn["gain"][:, low] * (1 - (place - low)) + drawn["gain"][:, low + 1] * (place - low)
    return _ended(apply_gains(waves, gains[:, np.newaxis], _windows(rate), rate), lengths), lengths


def _reverb(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Convolution with decaying noise (Moorer 1979), 60 dB softer after the time that was drawn."""
    time = np.arange(drawn["wave"].shape[1], dtype=np.float32) / rate
    room = drawn["wave"] * np.exp(-np.log(1000) * time / drawn["seconds"][:, np.newaxis]).astype(np.float32)
    room *= (10 ** (drawn["level"] / 20))[:, np.newaxis].astype(np.float32)
    room[:, 0] = 1
    size = 1 << (waves.shape[1] + room.shape[1] - 1).bit_length()
    heard = np.fft.irfft(np.fft.rfft(waves, size) * np.fft.rfft(room, size), size)[:, : waves.shape[1]]
    return _ended(heard.astype(np.float32), lengths), lengths


def _noise(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    spectrum = np.fft.rfft(drawn["wave"])
    frequency = np.arange(spectrum.shape[1]) * (rate / drawn["wave"].shape[1])
    spectrum *= ((frequency + 50.0) ** -drawn["colour"][:, np.newaxis]).astype(np.float32)
    noise = _ended(np.fft.irfft(spectrum, waves.shape[1]).astype(np.float32), lengths)
    wanted = _loudness(waves, lengths) / np.maximum(_loudness(noise, lengths), 1e-12)
    return waves + noise * (wanted * 10 ** (-drawn["level"] / 20)).astype(np.float32)[:, np.newaxis], lengths


def _time_mask(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    width = (drawn["width"] * lengths).astype(np.int64)
    start = (drawn["place"] * (lengths - width + 1)).astype(np.int64)
    time = np.arange(waves.shape[1])
    masked = (time >= start[:, np.newaxis]) & (time < (start + width)[:, np.newaxis])
    return np.where(masked, np.float32(0), waves), lengths


def _frequency_mask(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    num_bands = mel_bands(rate)
    width = np.round(drawn["width"] * num_bands).astype(np.int64)
    start = (drawn["place"] * (num_bands - width + 1)).astype(np.int64)
    band = np.arange(num_bands)
    masked = (band >= start[:, np.newaxis]) & (band < (start + width)[:, np.newaxis])
    gains = np.where(masked, SILENCED, 0.0)[:, np.newaxis]
    return _ended(apply_gains(waves, gains, _windows(rate), rate), lengths), lengths


def _gain(waves: np.ndarray, lengths: np.ndarray, drawn: Drawn, rate: float) -> tuple[np.ndarray, np.ndarray]:
    return waves * (10 ** (drawn["by"] / 20)).astype(np.float32)[:, np.newaxis], lengths


def _ended(waves: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Silent behind their ends, in place."""
    waves[np.arange(waves.shape[1]) >= lengths[:, np.newaxis]] = 0
    return waves


def _loudness(waves: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Root mean square of each recording, (N,)."""
    squares = np.einsum("nt,nt->n", waves, waves, dtype=np.float64)
    result: np.ndarray = np.sqrt(squares / np.maximum(lengths, 1))
    return result


# in the order in which they are made: what a voice does, then the room, then the microphone
CHANGES: dict[str, Change] = {
    "mix": _mix,
    "timing": _timing,
    "speed": _speed,
    "stretch": _stretch,
    "pitch": _pitch,
    "formant": _formant,
    "shift": _shift,
    "time-mask": _time_mask,
    "reverb": _reverb,
    "noise": _noise,
    "equaliser": _equaliser,
    "frequency-mask": _frequency_mask,
    "gain": _gain,
}
