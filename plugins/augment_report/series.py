"""Series as small plots, with one plot per series or per channel, all on the same scales.

Shapes: N series of a part, K of them shown, T steps, F channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from augment.data import Dataset
from augment_report import charts

__all__ = ["channel_ends", "series_plots", "thinned"]

MAX_SERIES = 4  # of a cell
MAX_CHANNELS = 6
MAX_STEPS = 240  # drawn
MAX_SCALE_ROWS = 2_000  # training series that the scales are read from
ENDS = (0.002, 0.998)  # quantiles between which a channel is drawn


def channel_ends(train: Dataset) -> np.ndarray:
    """The range of values drawn for each channel, (2, F), which covers nearly all of the training part."""
    values = _values(train.take(slice(0, MAX_SCALE_ROWS)))
    known = [one[np.isfinite(one)] for one in np.moveaxis(values, 2, 0)]
    ends = [np.quantile(one, ENDS) if len(one) else np.array([0.0, 1.0]) for one in known]
    return np.stack(ends, axis=1)


def series_plots(data: Dataset, ends: np.ndarray, css: str, text: str) -> dict[str, Any]:
    """The first few series as plots with the names of their channels.

    Args:
        data: K series or more.
        ends: see `channel_ends`.
        css: the class that colours the lines.
        text: what stands for the plot where it cannot be seen.
    """
    array = data.schema.arrays[data.schema.find_array("series")]
    values, names = _values(data.take(slice(0, MAX_SERIES))), list(array.channels or {})
    if len(names) == 1:
        plots = [{"name": "", "plot": _plot(row, ends[:, 0], css, text)} for row in values]
        return {"kind": "plots", "plots": plots, "hidden": 0}
    plots = [
        {"name": name, "plot": _plot(values[..., position].T, ends[:, position], css, f"{text}, {name}")}
        for position, name in enumerate(names[:MAX_CHANNELS])
    ]
    return {"kind": "plots", "plots": plots, "hidden": len(names) - len(plots)}


def _plot(lines: np.ndarray, ends: np.ndarray, css: str, text: str) -> Any:
    return charts.spark(thinned(lines), css, text, ends=(float(ends[0]), float(ends[1])))


def thinned(lines: np.ndarray, most: int = MAX_STEPS) -> np.ndarray:
    """Lines (T, L) with a limited number of points, keeping the minimum and maximum of each stretch."""
    if len(lines) <= most:
        return lines
    thin = []
    for part in np.array_split(lines, most // 2):
        for missing, end in ((np.inf, np.min), (-np.inf, np.max)):
            found = end(np.where(np.isnan(part), missing, part), axis=0)
            thin.append(np.where(np.isfinite(found), found, np.nan))
    return np.stack(thin)


def _values(data: Dataset) -> np.ndarray:
    """(N, T, F) float64, with NaN for missing values and beyond the end of a series."""
    name = data.schema.find_array("series")
    values = np.asarray(data.arrays[name], dtype=np.float64)
    is_there = data.step_mask(name)
    return np.where(is_there[..., np.newaxis], values, np.nan)
