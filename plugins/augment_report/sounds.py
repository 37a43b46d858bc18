"""Recordings to see and to hear: mel spectrograms on one scale, each with a player.

Shapes: N recordings, T samples, W windows, B mel bands.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from markupsafe import Markup

from augment.data import Dataset
from augment.toolkit.audio.descriptor import describe
from augment.toolkit.audio.recordings import recordings_of
from augment.toolkit.audio.spectra import Windows, log_mel
from augment.toolkit.audio.wav import encode_wav
from augment_report.formatting import number

__all__ = ["MAX_CLIPS", "Sounds", "nearest_recordings"]

MAX_CLIPS = 3  # of a cell
MAX_SCALE_ROWS = 200  # training recordings that scales are read from
MAX_COLUMNS = 160  # of a picture
MIN_SECONDS = 1.0  # that a player plays; where that is too much for all, some have none
DEPTH = 5.5  # nats (48 dB) from the loudest to what is no longer drawn
NUM_SHADES = 32
REAL, SYNTHETIC = (50, 122, 192), (206, 104, 28)  # seen on light and on dark pages
NUM_NEIGHBORS = 3  # recordings of a generator
MAX_COMPARED = 5_000  # training recordings that neighbours are looked for in
MAX_USUAL = 50  # held-out recordings that the usual distance is read from
BASE64 = 4 / 3
HEADER = 64  # bytes of a wav file that are no samples, and of what base64 fills up


class Sounds:
    """Draws recordings on one scale of time, frequency and loudness, and makes players until their room is used up.

    Args:
        train: the training part, which the scales are read from.
        num_clips: how many recordings will be shown; each player gets an equal share of the room, at least a second.
        max_bytes: the room for all players in the page.
    """

    def __init__(self, train: Dataset, num_clips: int, max_bytes: int):
        some = train.take(np.unique(np.linspace(0, len(train) - 1, min(len(train), MAX_SCALE_ROWS)).astype(int)))
        waves_NT, lengths, self.rate = recordings_of(some)
        self.longest = max(1, int(np.quantile(lengths, 0.95))) if len(some) else 1  # samples that are drawn
        energy = log_mel(waves_NT, lengths, self.rate, normalise=False)
        self.loudest = float(np.quantile(energy, 0.999)) if energy.size else 0.0
        self.max_samples = round(max(MIN_SECONDS * self.rate, (max_bytes / BASE64 / max(num_clips, 1) - HEADER) / 2))
        self.room = max_bytes
        self.num_silent = self.num_cut = 0

    def show(self, data: Dataset, text: str, is_real: bool) -> dict[str, Any]:
        """The first recordings of a dataset: a picture, a player and a length for each.

        Args:
            data: the rows.
            text: what they are, for those who cannot see the picture.
            is_real: whether they are drawn as real rows.
        """
        waves_NT, lengths, _ = recordings_of(data.take(slice(0, MAX_CLIPS)))
        energy_NWB = log_mel(waves_NT, lengths, self.rate, normalise=False)
        clips = [
            {
                "picture": self._picture(energy_WB, length, text, is_real),
                "player": self._player(wave[:length]),
                "length": f"{number(length / self.rate)} s",
                "text": text,
            }
            for energy_WB, wave, length in zip(energy_NWB, waves_NT, lengths.tolist(), strict=True)
        ]
        return {"kind": "sounds", "clips": clips}

    @property
    def remarks(self) -> dict[str, Any]:
        """How many players are left out, how many play only a beginning, and how much of it."""
        seconds = number(self.max_samples / self.rate)
        return {"num_silent": self.num_silent, "num_cut": self.num_cut, "seconds": seconds}

    def _picture(self, energy_WB: np.ndarray, length: int, text: str, is_real: bool) -> dict[str, Any]:
        from PIL import Image

        hop = Windows.at(self.rate).hop
        num_windows = self.longest // hop + 1
        drawn = np.full((num_windows, energy_WB.shape[1]), -np.inf)
        there = min(num_windows, length // hop + 1)
        drawn[:there] = energy_WB[:there]
        shade = np.clip((drawn - self.loudest + DEPTH) / DEPTH, 0, 1)
        starts = np.arange(0, num_windows, -(-num_windows // MAX_COLUMNS))
        shade = np.add.reduceat(shade, starts, axis=0) / np.diff([*starts, num_windows])[:, np.newaxis]
        levels = np.rint(shade.T[::-1] * (NUM_SHADES - 1)).astype(np.uint8)
        picture = Image.fromarray(np.ascontiguousarray(levels), mode="P")
        picture.putpalette(list(REAL if is_real else SYNTHETIC) * NUM_SHADES)
        opacity = bytes(round(255 * level / (NUM_SHADES - 1)) for level in range(NUM_SHADES))
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", optimize=True, transparency=opacity)
        return {
            "src": Markup("data:image/png;base64,") + base64.b64encode(buffer.getvalue()).decode(),
            "width": levels.shape[1],
            "height": levels.shape[0],
            "alt": f"mel spectrogram: {text}",
        }

    def _player(self, wave: np.ndarray) -> Markup | None:
        """A wav file as an address; None where there is no room left, or nothing to hear."""
        content = encode_wav(wave[: self.max_samples], round(self.rate))
        if len(content) * BASE64 > self.room:
            self.num_silent += 1
            return None
        self.room -= round(len(content) * BASE64)
        self.num_cut += len(wave) > self.max_samples
        return Markup("data:audio/wav;base64,") + base64.b64encode(content).decode()


def nearest_recordings(
    train: Dataset, test: Dataset, synthetic: Dataset, origin: np.ndarray, generators: list[str], max_bytes: int
) -> dict[str, Any]:
    """Some recordings of each generator, each beside the training recording that is nearest.

    Distances are those of `describe`, which forgets level, mild noise and when a sound comes. The median distance of
    held-out recordings stands beside them: that is how near new recordings lie by themselves.
    """
    rows = np.unique(np.linspace(0, len(train) - 1, min(len(train), MAX_COMPARED)).astype(int))
    known = describe(*recordings_of(train.take(rows)))
    sounds = Sounds(train, 2 * NUM_NEIGHBORS * len(generators), max_bytes)
    pairs = []
    for name in generators:
        own = np.flatnonzero(origin == name)
        own = own[np.unique(np.linspace(0, len(own) - 1, min(len(own), NUM_NEIGHBORS)).astype(int))]
        made = synthetic.take(own)
        found, distances = _nearest(made, known)
        for place, distance in enumerate(distances.tolist()):
            one = sounds.show(made.take(slice(place, place + 1)), f"{name}, synthetic", is_real=False)
            near = sounds.show(train.take(rows[found[place : place + 1]]), "its nearest training recording", True)
            pairs.append({"name": name, "synthetic": one, "real": near, "distance": number(distance)})
    usual = None
    if len(test):
        some = test.take(np.unique(np.linspace(0, len(test) - 1, min(len(test), MAX_USUAL)).astype(int)))
        usual = number(float(np.median(_nearest(some, known)[1])))
    return {
        "kind": "sounds",
        "pairs": pairs,
        "usual": usual,
        "num_compared": len(rows),
        "num_train": len(train),
        "remarks": sounds.remarks,
    }


def _nearest(data: Dataset, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each recording the place of the nearest point, (N,), and how far it is, (N,)."""
    asked = describe(*recordings_of(data)).astype(np.float64)
    known = known.astype(np.float64)
    squares = (asked**2).sum(1)[:, np.newaxis] + (known**2).sum(1) - 2 * asked @ known.T
    found = squares.argmin(axis=1)
    apart = np.sqrt(np.maximum(squares[np.arange(len(asked)), found], 0))
    return found, np.round(apart, 6)  # equal recordings are at 0
