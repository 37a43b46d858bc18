"""Samples of images, series, texts or table rows, real beside synthetic, not selected by hand.

Shapes: K samples, H height, W width, C channels, T steps, F fields.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from augment.data import Dataset, Schema, as_labels
from augment_report.formatting import cell, clip, number, split_rest
from augment_report.passages import marked_texts
from augment_report.series import channel_ends, series_plots
from augment_report.sounds import MAX_CLIPS, Sounds, nearest_recordings

__all__ = ["example_rows", "nearest", "sample_grid", "show_rejects", "show_rows"]

MAX_OPEN = 4  # classes shown at once; the others are folded
MAX_CLASSES = 12
MAX_GENERATORS = 5
MAX_SIDE = 72  # pixels of an embedded picture
MAX_PICTURES = 300  # of all classes and origins, so that the page stays small
NUM_CLASS_ROWS = 2  # of a class and origin in a table
NUM_NEIGHBORS = 8
MAX_COMPARED = 50_000  # training rows that neighbours are looked for in
NUM_TEXTS = 3  # of a class and origin
NUM_REJECTS = 5  # texts of a filter
MAX_TEXT = 280  # characters
MAX_CELLS = 30  # columns of a table of rows
MAX_SOUND = 1_300_000  # bytes of the page for players of samples
MAX_SOUND_NEAREST = 500_000  # the same, of nearest recordings
MAX_SOUND_REJECTS = 40_000  # the same, of a filter


def sample_grid(
    train: Dataset, synthetic: Dataset, origin: np.ndarray, schema: Schema, num_samples: int
) -> dict[str, Any] | None:
    """One row per class, one column for the real rows and one per generator; None for plain tables."""
    if schema.modality == "table":
        return None
    generators, hidden = split_rest(list(dict.fromkeys(origin.tolist())), MAX_GENERATORS)
    sources = {"real": (train, np.ones(len(train), dtype=bool))}
    sources |= {str(name): (synthetic, origin == name) for name in generators}
    labels = {}
    if schema.task == "classes":
        labels = {id(part): as_labels(part.frame[schema.target]) for part in (train, synthetic)}
        made = set(labels[id(synthetic)].tolist())
        with_rows = [label for label in schema.classes if label in made]
        counts = Counter(labels[id(train)].tolist())
        if len(with_rows) > MAX_OPEN:  # the rarest are what rows are added for
            with_rows.sort(key=lambda label: counts[label])
        classes: Sequence[str | None] = split_rest(with_rows, MAX_CLASSES)[0]
        num_hidden = len(with_rows) - len(classes)
    else:
        classes, num_hidden = [None], 0
    num_samples = min(num_samples, max(1, MAX_PICTURES // (len(classes) * len(sources) or 1)))
    scale: Sounds | np.ndarray | None = None
    if schema.modality == "series":
        scale = channel_ends(train)
    elif schema.modality == "audio":
        scale = Sounds(train, len(classes) * len(sources) * min(num_samples, MAX_CLIPS), MAX_SOUND)
    rows = []
    for label in classes:
        cells = []
        for name, (part, mask) in sources.items():
            chosen = mask if label is None else mask & (labels[id(part)] == label)
            picked = part.take(np.flatnonzero(chosen)[:num_samples])
            text = f"{name} samples" + ("" if label is None else f" of class {clip(label)}")
            cells.append({"source": name, **show_rows(picked, schema, text, name == "real", scale)})
        rows.append({"name": label, "cells": cells})
    shown, folded = split_rest(rows, MAX_OPEN)
    return {
        "sources": list(sources),
        "rows": shown,
        "folded": folded,
        "by_class": classes != [None],
        "hidden_classes": num_hidden,
        "hidden_generators": len(hidden),
        "remarks": scale.remarks if isinstance(scale, Sounds) else None,
    }


def show_rows(
    data: Dataset, schema: Schema, alt: str, is_real: bool = False, scale: Sounds | np.ndarray | None = None
) -> dict[str, Any]:
    """A few rows in the form that suits the dataset: an image, plots, recordings, texts or a table.

    `scale` is what recordings are drawn by, or the ends between which the channels of series are drawn; the rows' own
    where there is none.
    """
    if not len(data):
        return {"kind": "none"}
    modality = schema.modality
    if modality == "image":
        return {"kind": "picture", "picture": _sheet([_image(data, schema)], 4 if len(data) <= 12 else 10, alt)}
    css = "real" if is_real else "synthetic"
    if modality == "series":
        return series_plots(data, scale if isinstance(scale, np.ndarray) else channel_ends(data), css, alt)
    if modality == "audio":
        sounds = scale if isinstance(scale, Sounds) else Sounds(data, MAX_CLIPS, MAX_SOUND_REJECTS)
        return sounds.show(data, alt, is_real)
    if modality == "text":
        return {
            "kind": "texts",
            "texts": [clip(value, MAX_TEXT) for value in data.frame[schema.text_payload][:NUM_TEXTS]],
        }
    if modality == "tokens":
        return {"kind": "texts", "texts": [clip(row, MAX_TEXT) for row in _token_texts(data, schema)[:NUM_TEXTS]]}
    return {"kind": "rows", **_table(data, schema, [""] * len(data))}


def show_rejects(data: Dataset, train: Dataset, schema: Schema, filter_id: str) -> dict[str, Any]:
    """Rows that a filter rejected. In texts, the longest passage shared with a training text is highlighted."""
    if schema.modality == "text":
        return {"kind": "passages", "texts": marked_texts(data.take(slice(NUM_REJECTS)), train)}
    scale = Sounds(train, MAX_CLIPS, MAX_SOUND_REJECTS) if schema.modality == "audio" else None
    return show_rows(data, schema, f"rows rejected by {filter_id}", scale=scale)


def example_rows(
    train: Dataset, synthetic: Dataset, origin: np.ndarray, schema: Schema, num_samples: int
) -> dict[str, Any]:
    """The first real rows and the first of each generator as one table, the same classes below each other.

    Of many classes, those with the fewest real rows are shown, among those that have synthetic ones.
    """
    generators = split_rest(list(dict.fromkeys(origin.tolist())), MAX_GENERATORS)[0]
    sources = [("real", train, np.arange(len(train)))]
    sources += [(str(name), synthetic, np.flatnonzero(origin == name)) for name in generators]
    groups = [[(name, part.take(rows[:num_samples])) for name, part, rows in sources]]
    num_hidden = 0
    if schema.task == "classes":
        labels = {id(part): as_labels(part.frame[schema.target]) for part in (train, synthetic)}
        counts = Counter(labels[id(train)].tolist())
        made = set(labels[id(synthetic)].tolist())
        with_rows = sorted((label for label in schema.classes if label in made), key=lambda label: counts[label])
        classes, hidden = split_rest(with_rows, MAX_OPEN)
        num_hidden = len(hidden)
        groups = [
            [(name, part.take(rows[labels[id(part)][rows] == label][:NUM_CLASS_ROWS])) for name, part, rows in sources]
            for label in classes
        ]
    parts = [part for group in groups for part in group]
    origins = [name for name, rows in parts for _ in range(len(rows))]
    table = _table(Dataset.concat([rows for _, rows in parts]), schema, origins)
    return {**table, "by_class": schema.task == "classes", "hidden_classes": num_hidden}


def _table(data: Dataset, schema: Schema, origins: Sequence[str]) -> dict[str, Any]:
    names = sorted(data.frame.columns, key=lambda name: name != schema.target)  # the target first
    names_shown, hidden = split_rest(names, MAX_CELLS)
    shown = [(name, schema.columns[name].type in ("number", "integer")) for name in names_shown]
    values = [[cell(value) for value in data.frame[name].tolist()] for name, _ in shown]
    rows = list(zip(origins, zip(*values, strict=True), strict=True))
    return {"columns": shown, "rows": rows, "hidden": len(hidden)}


def nearest(
    train: Dataset, test: Dataset, synthetic: Dataset, origin: np.ndarray, schema: Schema
) -> dict[str, Any] | None:
    """The nearest training image for some images of each generator, by root mean square distance of the pixels.

    The median distance of hold-out pictures stands beside it: that is how near new pictures lie by themselves. Of
    recordings, see `nearest_recordings`.
    """
    if schema.modality not in ("image", "audio") or not len(train) or not len(synthetic):
        return None
    generators = list(dict.fromkeys(origin.tolist()))[:MAX_GENERATORS]
    if schema.modality == "audio":
        return nearest_recordings(train, test, synthetic, origin, generators, MAX_SOUND_NEAREST)
    rows = np.unique(np.linspace(0, len(train) - 1, min(len(train), MAX_COMPARED)).astype(int))
    pairs = []
    for name in generators:
        own = np.flatnonzero(origin == name)
        made = synthetic.take(own[np.linspace(0, len(own) - 1, min(len(own), NUM_NEIGHBORS)).astype(int)])
        found, distances = _neighbours(_image(made, schema), train, rows, schema)
        text = f"{name}: samples above, their nearest training images below"
        sheet = _sheet([_image(made, schema), _image(train.take(found), schema)], len(made), text)
        pairs.append({"name": name, "picture": sheet, "distances": ", ".join(number(d) for d in distances)})
    holdout = test.take(np.linspace(0, len(test) - 1, min(len(test), 50)).astype(int)) if len(test) else None
    usual = None
    if holdout is not None:
        usual = number(float(np.median(_neighbours(_image(holdout, schema), train, rows, schema)[1])))
    return {"kind": "images", "pairs": pairs, "usual": usual, "num_compared": len(rows), "num_train": len(train)}


def _image(data: Dataset, schema: Schema) -> np.ndarray:
    """The images of a dataset, (K, H, W, C) uint8, with C of 1, 3 or 4; for other C, only the first channels."""
    name = next(name for name, array in schema.arrays.items() if array.type == "image")
    images = np.asarray(data.arrays[name])
    num_channels = images.shape[-1]
    return images[..., : {1: 1, 2: 1, 3: 3, 4: 4}.get(num_channels, 3)]


def _neighbours(images: np.ndarray, train: Dataset, rows: np.ndarray, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """For each image (K, H, W, C), the nearest training row, (K,), and its distance in grey levels, (K,)."""
    step = max(1, max(images.shape[1:3]) // 32)  # of large pictures every step-th pixel is compared

    def flat(pictures: np.ndarray) -> np.ndarray:
        # float64: sums of squares of uint8 are exact, so the result depends on no order of addition
        return pictures[:, ::step, ::step].reshape(len(pictures), -1).astype(np.float64)

    asked = flat(images)
    best = np.full(len(asked), np.inf)
    found = np.zeros(len(asked), dtype=int)
    for start in range(0, len(rows), 1024):
        part = rows[start : start + 1024]
        known = flat(_image(train.take(part), schema))
        squares = (asked**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * asked @ known.T
        nearer = squares.argmin(axis=1)
        distance = squares[np.arange(len(asked)), nearer]
        found = np.where(distance < best, part[nearer], found)
        best = np.minimum(best, distance)
    return found, np.sqrt(best / asked.shape[1])


def _sheet(groups: Sequence[np.ndarray], num_across: int, text: str) -> Mapping[str, Any]:
    """One PNG of images (K, H, W, C) in rows of `num_across`, with transparent gaps; each group starts a new row."""
    from PIL import Image

    height, width = groups[0].shape[1:3]
    shrink = min(1.0, MAX_SIDE / max(height, width))
    tile = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    # small pictures are blown up by whole factors in the page, so that their pixels stay crisp
    factor = max(1, round(52 / max(tile)))
    gap = max(1, round(4 / factor))
    num_rows = sum(-(-len(group) // num_across) for group in groups)
    num_columns = min(num_across, max(len(group) for group in groups))
    size = (num_columns * (tile[0] + gap) - gap, num_rows * (tile[1] + gap) - gap)
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    line = 0
    for group in groups:
        for position, picture in enumerate(group):
            image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).convert("RGBA")
            if shrink < 1:
                image = image.resize(tile, Image.Resampling.LANCZOS)
            at = line + position // num_across
            sheet.paste(image, (position % num_across * (tile[0] + gap), at * (tile[1] + gap)))
        line += -(-len(group) // num_across)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    shown = min(1.0, 72 / max(tile)) if factor == 1 else factor
    return {
        "src": Markup("data:image/png;base64,") + base64.b64encode(buffer.getvalue()).decode(),
        "width": round(size[0] * shown),
        "height": round(size[1] * shown),
        "alt": text,
        "crisp": factor > 1,
    }


def _token_texts(data: Dataset, schema: Schema) -> list[str]:
    name, array = next((name, array) for name, array in schema.arrays.items() if array.type == "tokens")
    words = array.vocabulary or ()
    lengths = data.lengths(name)
    texts = []
    for position, row in enumerate(data.arrays[name]):
        row = row[: lengths[position]]
        texts.append(" · ".join(words[token] if 0 <= token < len(words) else str(token) for token in row[:100]))
    return texts
