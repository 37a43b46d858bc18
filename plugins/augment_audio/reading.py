"""All recordings of a folder as rows of one rate: what does not fit is refused in words, what looks odd is said.

Shapes: N rows, T samples in time, C channels.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from augment.errors import DataError
from augment.plugin import Context
from augment.toolkit.audio.decoding import SUFFIXES, BadRecordingError, Recording, TooLongError, decode
from augment.toolkit.audio.waves import Channels, factor_for, resample, to_mono
from augment.toolkit.folders.class_folders import shown
from augment.toolkit.folders.kinds import FileKind
from augment.toolkit.folders.listing import MAX_LISTED, report_bad
from augment_audio.stack import IN_MEMORY, ITEM, Stack

logger = logging.getLogger("augment")

RECORDINGS = FileKind(
    "recording", "recordings", SUFFIXES, frozenset({"audio", "wav", "wavs", "sound", "sounds", "clips", "recordings"})
)
MAX_CUT_SECONDS = 4 * 3600  # of a recording that is cut into windows
MIN_REST = 0.5  # share of a window that the rest of a recording must have to be one
LOST_IN_MIX = 0.1  # 20 dB below the channels: they cancel each other out
LOUDEST = 0.999  # from which the largest samples are as large as they can be
MIN_FLAT = 10  # samples at the largest value that follow another one, of a clipped recording
MIN_OFFSET = 0.05  # of the mean from zero
AT_ONCE = 256  # recordings between two reports of progress
MOSTLY_PADDING = 4  # rows together as large as this times the samples in them are worth a warning


@dataclass(frozen=True)
class Policy:
    """How recordings are read. The source's settings of the same names say what each is."""

    rate: int | None
    channels: Channels
    min_seconds: float
    max_seconds: float
    cut: Literal["windows"] | None
    on_bad_audio: Literal["fail", "skip"]


@dataclass
class Rows:
    """What was read.

    Attributes:
        audio: (N, T) float32 in [-1, 1], zeros behind each row's samples.
        lengths: the number of samples of each row, (N,) int64.
        files: the position of the file that each row is from, (N,) int64.
        rate: in Hz.
    """

    audio: np.ndarray
    lengths: np.ndarray
    files: np.ndarray
    rate: int


@dataclass
class _Found:
    """What is worth a message."""

    bad: list[str] = field(default_factory=list)
    too_long: dict[str, float] = field(default_factory=dict)  # name to seconds
    seconds: list[float] = field(default_factory=list)  # of the good ones
    rates: Counter[int] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    codings: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  # names of those whose channels cancel each other out
    peak: float = 0.0


def read_recordings(root: Path, names: Sequence[str], policy: Policy, context: Context, room: int = 0) -> Rows:
    """The recordings of a folder, in the order of their names; bad ones are left out if they are to be skipped.

    Args:
        root: the folder.
        names: paths of the files below it.
        policy: how they are read.
        context: with the scratch folder and the progress.
        room: the least T.

    Raises:
        DataError: files cannot be used, or differ in rate or channels where nothing says what to do about it.
    """
    found, files = _Found(), list[int]()
    with Stack(context.folder) as stack:
        for place, name in enumerate(names):
            if place and place % AT_ONCE == 0:
                context.progress(place, len(names), {})
            recording = _decoded(root, name, policy, found)
            if recording is None:
                continue
            rate = policy.rate or recording.rate
            samples = resample(_one_channel(recording, name, policy, found), recording.rate, rate)
            _look_at(samples, found)
            for window in _windows(samples, int(policy.max_seconds * rate)) if policy.cut else [samples]:
                stack.add(window)
                files.append(place)
        context.progress(len(names), len(names), {})
        _refuse(root, len(names), policy, found)
        rate = policy.rate or next(iter(found.rates))
        _say(root, policy, found)
        _say_sizes(root, stack.lengths, rate, found)
        return Rows(stack.array(factor_for(found.peak), room), stack.lengths, np.array(files, dtype=np.int64), rate)


def _decoded(root: Path, name: str, policy: Policy, found: _Found) -> Recording | None:
    """A recording that can be used; why another one cannot is noted."""
    try:
        recording = decode(root / name, MAX_CUT_SECONDS if policy.cut else policy.max_seconds)
        seconds = len(recording.samples) / recording.rate
        if seconds < policy.min_seconds or not len(recording.samples):
            raise BadRecordingError(f"lasts {seconds:.3f} s, shorter than `min_seconds: {policy.min_seconds:g}`")
    except TooLongError as error:
        found.too_long[name] = error.seconds
        return None
    except BadRecordingError as error:
        found.bad.append(f"{shown(name)}: {error}")
        return None
    found.seconds.append(seconds)
    found.rates[recording.rate] += 1
    found.channels[recording.samples.shape[1]] += 1
    found.codings[recording.coding] += 1
    return recording


def _one_channel(recording: Recording, name: str, policy: Policy, found: _Found) -> np.ndarray:
    """The samples (T,) as `channels` says."""
    samples = to_mono(recording.samples, policy.channels)
    if recording.samples.shape[1] > 1 and policy.channels in ("auto", "mean"):
        before = float(np.sqrt(np.mean(np.square(recording.samples))))
        if float(np.sqrt(np.mean(np.square(samples)))) < LOST_IN_MIX * before:
            found.lost.append(name)
    return samples


def _windows(samples: np.ndarray, length: int) -> Iterator[np.ndarray]:
    """Parts of at most that length, the rest too where it is long enough; a shorter recording as it is."""
    for start in range(0, len(samples), length):
        part = samples[start : start + length]
        if not start or len(part) >= MIN_REST * length:
            yield part


def _look_at(samples: np.ndarray, found: _Found) -> None:
    size = np.abs(samples)
    peak = float(size.max(initial=0))
    found.peak = max(found.peak, peak)
    if peak == 0:
        found.odd["silent (all samples are 0)"] += 1
    elif peak >= LOUDEST and np.count_nonzero((size[1:] == peak) & (size[:-1] == peak)) >= MIN_FLAT:
        found.odd["clipped (samples in a row are at the largest value)"] += 1
    elif abs(float(samples.mean())) > MIN_OFFSET:
        found.odd[f"shifted (their mean is more than {MIN_OFFSET} from 0)"] += 1


def _refuse(root: Path, num_files: int, policy: Policy, found: _Found) -> None:
    if found.too_long and policy.on_bad_audio == "fail":
        raise DataError(_too_long(root, num_files, policy, found))
    late = [f"{shown(name)}: {TooLongError(seconds, policy.max_seconds)}" for name, seconds in found.too_long.items()]
    report_bad(root, [*found.bad, *late], num_files, policy.on_bad_audio, "on_bad_audio", RECORDINGS)
    if policy.rate is None and len(found.rates) > 1:
        common = found.rates.most_common(1)[0][0]
        raise DataError(
            f"{root}: recordings have different rates: {_counted(found.rates, 'Hz')}; one rate is needed: add, for "
            f"example, `rate: {common}` under `with:`, and all are resampled to it"
        )
    if policy.channels == "auto" and len(found.channels) > 1:
        raise DataError(
            f"{root}: recordings have different numbers of channels: {_counted(found.channels, 'channels')}; add "
            "`channels: mean` under `with:` to mix those of each recording, or `channels: first` to take the first one"
        )


def _too_long(root: Path, num_files: int, policy: Policy, found: _Found) -> str:
    listed = ", ".join(
        f"{shown(name)} ({seconds:,.1f} s)" for name, seconds in list(found.too_long.items())[:MAX_LISTED]
    )
    others = ""
    if found.seconds:
        half, most, longest = np.quantile(found.seconds, [0.5, 0.95, 1])
        others = f" Of the others, half last up to {half:.2f} s, 95 % up to {most:.2f} s, all up to {longest:.2f} s."
    return (
        f"{root}: {len(found.too_long)} of {num_files} recordings last longer than `max_seconds: "
        f"{policy.max_seconds:g}`: {listed}.{others} Every row has room for the longest one. Say `cut: windows` to cut "
        "recordings into windows of `max_seconds`, choose another `max_seconds`, or leave long ones out with "
        "`on_bad_audio: skip`"
    )


def _counted(counts: Counter[int], unit: str) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{value:,} {unit} ({count:,} recordings)" for value, count in ranked[:MAX_LISTED])
    return listed + (f" and {len(ranked) - MAX_LISTED} more" if len(ranked) > MAX_LISTED else "")


def _say(root: Path, policy: Policy, found: _Found) -> None:
    if set(found.codings) != {"16-bit PCM"}:
        codings = ", ".join(f"{count:,} of {coding}" for coding, count in found.codings.most_common())
        logger.info("%s: of %d recordings, %s", root.name, len(found.seconds), codings)
    others = sum(count for rate, count in found.rates.items() if rate != policy.rate)
    if policy.rate is not None and others:
        logger.info(
            "%s: %d of %d recordings are resampled to %d Hz", root.name, others, len(found.seconds), policy.rate
        )
    several = sum(count for number, count in found.channels.items() if number > 1)
    if several:
        what = "their mean" if policy.channels in ("auto", "mean") else "the first one"
        logger.info("%s: of %d recordings with several channels, %s is read", root.name, several, what)
    if found.lost:
        listed = ", ".join(map(shown, found.lost[:MAX_LISTED])) + (", ..." if len(found.lost) > MAX_LISTED else "")
        logger.warning(
            "%s: the channels of %d recordings cancel each other out, and more than 20 dB are lost in their mean: %s; "
            "`channels: first` reads one of them",
            *(root.name, len(found.lost), listed),
        )
    for what, count in found.odd.items():
        logger.warning("%s: %d of %d recordings are %s", root.name, count, len(found.seconds), what)
    if found.peak > 1:
        logger.warning(
            "%s: samples reach %.4g, and may be from -1 to 1: all recordings are made quieter by the same factor, %.4g",
            *(root.name, found.peak, 1 / found.peak),
        )


def _say_sizes(root: Path, lengths: np.ndarray, rate: int, found: _Found) -> None:
    if len(lengths) > len(found.seconds):
        logger.info("%s: %d recordings are cut into %d windows", root.name, len(found.seconds), len(lengths))
    size = len(lengths) * int(lengths.max()) * ITEM
    if size > IN_MEMORY and size > MOSTLY_PADDING * int(lengths.sum()) * ITEM:
        logger.warning(
            "%s: rows are as long as the longest recording (%.1f s), and so mostly padding (%.1f GB); half the "
            "recordings last up to %.1f s: a smaller `max_seconds`, or `cut: windows` with it, makes them smaller",
            *(root.name, lengths.max() / rate, size / 1e9, float(np.median(found.seconds))),
        )
