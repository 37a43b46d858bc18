"""The gap between the real and the synthetic values of each column, with a small plot of both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from augment.data import Column, Dataset, Schema, as_labels
from augment_report import charts
from augment_report.formatting import clip, count, percent, plain, split_rest

__all__ = ["class_weights", "compare_columns", "numbers_of", "spread", "value_text"]

MAX_SKEW = 20.0  # of a column's range to that below its median, up to which bins are equally wide
MAX_ROWS = 20_000  # of either part: enough for a plot, and the page is made in seconds however large the run
NUM_BINS = 24
NUM_BARS = 6


def compare_columns(train: Dataset, synthetic: Dataset, schema: Schema) -> list[dict[str, Any]]:
    """One card for each comparable column, largest gap first.

    Real rows are weighed to the classes of the synthetic ones. Otherwise a run that lifts a rare class would look
    wrong in every column that depends on the class.
    """
    train, synthetic = spread(train), spread(synthetic)
    weights = class_weights(train, synthetic, schema)
    shown = []
    for name, column in schema.columns.items():
        if column.type == "id" or name not in synthetic.frame or name not in train.frame:
            continue
        if name == schema.target and schema.task == "classes":
            continue
        compare = _compare_labels if column.type in ("category", "boolean") else _compare_numbers
        shown.append(compare(name, column, train.frame[name], weights, synthetic.frame[name]))
    return sorted(shown, key=lambda card: -card["gap"])


def spread(data: Dataset, most: int = MAX_ROWS) -> Dataset:
    """At most so many rows, spread evenly over the data."""
    if len(data) <= most:
        return data
    return data.take(np.linspace(0, len(data) - 1, most).astype(int))


def class_weights(train: Dataset, synthetic: Dataset, schema: Schema) -> np.ndarray:
    """The weight of each real row, (N,), summing to 1."""
    weights: np.ndarray = np.ones(len(train))
    if schema.task == "classes" and schema.target in synthetic.frame:
        real, generated = (pd.Series(as_labels(part.frame[schema.target])) for part in (train, synthetic))
        matched = real.map(generated.value_counts() / real.value_counts()).fillna(0.0).to_numpy(dtype=float)
        weights = matched if matched.sum() > 0 else weights
    shares: np.ndarray = weights / weights.sum()
    return shares


def _card(name: str, column: Column, gap: float, missing: tuple[float, float]) -> dict[str, Any]:
    text = f"missing: real {percent(missing[0])}, synthetic {percent(missing[1])}" if max(missing) > 0 else ""
    what = "length in characters" if column.type == "text" else (column.unit or "")
    gap = round(gap, 12)  # sums of weights leave a last bit
    return {"name": name, "unit": what, "gap": gap, "gap_text": percent(gap), "missing": text}


def _compare_numbers(
    name: str, column: Column, real: pd.Series, weights: np.ndarray, synthetic: pd.Series
) -> dict[str, Any]:
    real_values, made = numbers_of(real, column), numbers_of(synthetic, column)
    present = np.isfinite(real_values)
    missing = (float(weights[~present].sum()), float((~np.isfinite(made)).mean()))
    real_values, weights, made = real_values[present], weights[present], made[np.isfinite(made)]
    if not len(real_values) or not len(made) or weights.sum() == 0:
        return {**_card(name, column, abs(missing[0] - missing[1]), missing), "kind": "empty"}
    weights = weights / weights.sum()
    gap = max(_largest_step(real_values, weights, made), abs(missing[0] - missing[1]))

    pooled = np.concatenate([real_values, made])
    low, high = float(pooled.min()), float(pooled.max())
    inner_low, inner_high = (float(np.quantile(pooled, q)) for q in (0.002, 0.998))
    if high - low > 3 * (inner_high - inner_low) > 0:  # a few far values would press all others into one bin
        low, high = inner_low, inner_high
    # nor should a long tail: where the middle of positive values lies far to the left, a bin is a factor
    is_skewed = low > 0 and column.type != "datetime" and high - low > MAX_SKEW * (np.median(pooled) - low)
    if column.type in ("integer", "text") and high - low < NUM_BINS:
        edges = np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    elif is_skewed:
        edges = np.geomspace(low, high, NUM_BINS + 1)
    else:
        edges = np.linspace(low, high if high > low else low + 1, NUM_BINS + 1)
    shares = []
    for values, weight in ((real_values, weights), (made, np.full(len(made), 1 / len(made)))):
        shares.append(np.histogram(np.clip(values, low, high), bins=edges, weights=weight)[0])
    ends = (
        ("≤ " if pooled.min() < low else "") + value_text(low, column),
        ("≥ " if pooled.max() > high else "") + value_text(high, column),
    )
    scale = "logarithmic scale" if is_skewed else ""
    label = f"{clip(name)}: real and synthetic values from {ends[0]} to {ends[1]}, gap {percent(gap)}"
    plot = charts.histogram(shares[0], shares[1], label)
    return {
        **_card(name, column, gap, missing),
        "kind": "numbers",
        "plot": plot,
        "low": ends[0],
        "high": ends[1],
        "scale": scale,
    }


def numbers_of(values: pd.Series, column: Column) -> np.ndarray:
    """A column as float (N,), missing and infinite values as NaN: dates in days, texts as their length."""
    if column.type == "text":
        values = values.astype("str").str.len()
    if column.type == "datetime":
        days = (values.to_numpy("datetime64[us]") - np.datetime64(0, "us")) / np.timedelta64(1, "D")
        values = pd.Series(days, index=values.index)
    numbers = pd.to_numeric(values).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def value_text(value: float, column: Column) -> str:
    """A value of `numbers_of`, or a mean of them, without separators: it may be a year or a code.

    Whole numbers keep all of their digits, others have four, but none before the point is rounded away.
    """
    if column.type == "datetime":
        moment = pd.Timestamp(np.datetime64(round(value * 86_400_000_000), "us"))
        return str(moment.strftime(column.date_format or "%Y-%m-%d"))
    if not float(value).is_integer():
        value = round(value) if abs(value) >= 1000 else float(f"{value:.4g}")
    return plain(value).replace("-", "−")


def _largest_step(real: np.ndarray, weights: np.ndarray, made: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance: the largest difference between the two cumulative distributions."""
    order = np.argsort(real, kind="stable")
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order])])
    at = np.unique(np.concatenate([real, made]))
    real_share = cumulative[np.searchsorted(real[order], at, side="right")]
    made_share = np.searchsorted(np.sort(made), at, side="right") / len(made)
    return float(np.abs(real_share - made_share).max())


def _compare_labels(
    name: str, column: Column, real: pd.Series, weights: np.ndarray, synthetic: pd.Series
) -> dict[str, Any]:
    codes, found = pd.factorize(np.concatenate([as_labels(real), as_labels(synthetic)]), use_na_sentinel=True)
    codes = np.where(codes < 0, len(found), codes)  # missing values are the last label
    real_codes, made_codes = codes[: len(real)], codes[len(real) :]
    real_shares = np.bincount(real_codes, weights, minlength=len(found) + 1)
    made_shares = np.bincount(made_codes, minlength=len(found) + 1) / len(synthetic)
    gap = float(np.abs(real_shares - made_shares).sum() / 2)  # total variation distance

    largest = sorted(range(len(found)), key=lambda code: (-max(real_shares[code], made_shares[code]), found[code]))
    bars, rest = split_rest(largest, NUM_BARS)
    rows = [(found[code], real_shares[code], made_shares[code]) for code in bars]
    if rest:
        rows.append((f"{count(len(rest))} others", real_shares[rest].sum(), made_shares[rest].sum()))
    top = max((max(a, b) for _, a, b in rows), default=0.0) or 1.0
    drawn = [
        {"name": label, "plot": _pair(label, a, b, top), "real": percent(a), "synthetic": percent(b)}
        for label, a, b in rows
    ]
    missing = (float(real_shares[-1]), float(made_shares[-1]))
    return {**_card(name, column, gap, missing), "kind": "labels", "rows": drawn}


def _pair(label: Any, real: float, synthetic: float, top: float) -> Markup:
    text = f"{clip(label)}: real {percent(real)}, synthetic {percent(synthetic)}"
    return charts.bars([[("real", real / top)], [("synthetic", synthetic / top)]], text, thickness=7)
