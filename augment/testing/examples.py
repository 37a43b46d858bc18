"""Small generated datasets of every kind, for the checks of the conformance kit.

All features and the target depend on one latent value per row, so there is something to learn.

Shapes: N rows, H height, W width, C channels, T time steps, F fields.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from augment.data import (
    ArrayDeclaration,
    ColumnDeclaration,
    ColumnType,
    Dataset,
    Modality,
    Schema,
    SchemaDeclaration,
    infer,
    observe,
)
from augment.plugin.accepts import EVERY_COLUMN, EVERY_MODALITY, Accepts

__all__ = ["Recipe", "accepted_recipes", "example"]

Task = Literal["classes", "number", "none"]
_Feature = tuple[ColumnDeclaration, Callable[[np.ndarray, np.random.Generator], np.ndarray | pd.Index]]
Labels = Literal["category", "integer", "boolean"]

MISSING_SHARE = 0.1
CLASS_SHARES = (0.5, 0.3, 0.2)
SIDE_COLUMNS = ("height", "colour")  # what stands beside a payload, where the component can hold it
WORDS = ("slow", "cold", "rain", "plain", "calm", "even", "fast", "warm", "sun")


def example(
    modality: Modality = "table",
    task: Task = "classes",
    rows: int = 120,
    *,
    missing: bool = False,
    labels: Labels = "category",
    constant: bool = False,
    odd: bool = False,
    columns: Iterable[ColumnType] = EVERY_COLUMN,
    seed: int = 0,
) -> Dataset:
    """A small deterministic dataset, with its schema observed on all rows.

    Args:
        modality: the kind of data. Payloads: images (N, 8, 8, 1), series (N, 12, 2), audio (N, 256) at 8 kHz, tokens
            (N, 10) of a vocabulary of 6, texts of a few words.
        task: the kind of target: three classes (two for boolean labels), a number, or no target.
        rows: N.
        missing: whether about a tenth of each feature column is missing, and of the values of series, which then are of
            unequal length as well. Other payloads and the target never are.
        labels: the type of a classed target.
        constant: whether a table also has a number and a category that are the same in every row.
        odd: whether a table has other columns beside `height`: odd names, huge and tiny numbers, an outlier, labels
            that look like numbers, text that is empty or in no alphabet.
        columns: types that feature columns may have; others are left out.
        seed: another seed gives other rows of the same kind.
    """
    rng = np.random.default_rng([seed, 20_240_229])
    level, target = _target(task, labels, rows, rng)
    definitions = {"height": _FEATURES["height"], **_ODD_FEATURES} if odd else _FEATURES
    features = {name: make(level, rng) for name, (_, make) in definitions.items()}
    declared = {name: declaration for name, (declaration, _) in definitions.items()}
    if odd and task == "classes" and labels == "category":
        target = np.array(["1", "1.0", "ja, nein"], dtype=object)[(level + 1).astype(int)]
    if constant:
        features |= {"same": np.full(rows, 1.5), "only": np.full(rows, "x", dtype=object)}
        declared |= {"same": ColumnDeclaration(type="number"), "only": ColumnDeclaration(type="category")}
    allowed = set(columns)
    chosen = [name for name in features if declared[name].type in allowed]
    arrays: dict[str, np.ndarray] = {}
    array_declarations: dict[str, ArrayDeclaration] = {}
    payload = None
    if modality != "table":
        chosen = [name for name in chosen if name in SIDE_COLUMNS]
    frame = pd.DataFrame({name: features[name] for name in chosen}, index=pd.RangeIndex(rows))
    if missing:
        for name in chosen:
            # `mask` keeps whole numbers whole; a column of few rows has one gap at least
            gaps = rng.random(rows) < MISSING_SHARE
            gaps[rng.integers(rows)] = True
            frame[name] = frame[name].convert_dtypes().mask(gaps)
    if modality == "text":
        frame["message"] = _texts(level, rng)
        declared["message"] = ColumnDeclaration(type="text")
        payload = "message"
    elif modality != "table":
        arrays[modality], array_declarations[modality] = _PAYLOADS[modality](level, rng)
    if modality == "tokens" and "integer" in allowed:
        frame["length"] = rng.integers(4, 11, rows)
        declared["length"] = ColumnDeclaration(type="integer", min=1, max=10)
        array_declarations["tokens"] = array_declarations["tokens"].model_copy(update={"length_column": "length"})
        arrays["tokens"][np.arange(10) >= frame["length"].to_numpy()[:, None]] = 0
    if missing and modality == "series":
        series = arrays["series"]
        series[rng.random(series.shape) < MISSING_SHARE] = np.nan
        if "integer" in allowed:
            frame["length"] = rng.integers(3, 13, rows)
            declared["length"] = ColumnDeclaration(type="integer", min=1, max=12)
            array_declarations["series"] = ArrayDeclaration(type="series", length_column="length")
            series[np.arange(12) >= frame["length"].to_numpy()[:, None]] = 0
    if target is not None:
        frame["target"] = target
        kind: ColumnType = "number" if task == "number" else labels
        declared["target"] = ColumnDeclaration(type=kind)
    declaration = SchemaDeclaration(
        target=None if target is None else "target",
        payload=payload,
        columns={name: declared[name] for name in frame.columns},
        arrays=array_declarations,
    )
    schema = infer(frame, arrays, declaration)
    data = Dataset.of(frame, arrays, schema)
    schema, _ = observe(schema, data.frame, data.arrays)
    return Dataset.of(data.frame, arrays, schema)


def _target(
    task: Task, labels: Labels, rows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | pd.Series | None]:
    """The latent value of each row, (N,) float, about -1 to 1, and the target that depends on it."""
    if task == "none":
        return rng.normal(0, 0.8, rows), None
    if task == "number":
        level = rng.normal(0, 0.8, rows)
        return level, np.round(100 + 30 * level + rng.normal(0, 3, rows), 2)
    # shares are met as nearly as N rows can, so that even the rarest class has its rows
    shares = CLASS_SHARES if labels != "boolean" else (0.6, 0.4)
    numbers = rng.permutation(np.searchsorted(np.cumsum(shares), (np.arange(rows) + 0.5) / rows))
    level = numbers - 1.0 if labels != "boolean" else 2.0 * numbers - 1
    if labels == "boolean":
        return level, numbers == 1
    return level, numbers if labels == "integer" else np.array(["a", "b", "c"], dtype=object)[numbers]


def _colours(level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    third = np.clip(np.round(1 + rng.normal(level, 0.6)), 0, 2).astype(int)
    return np.array(["blue", "green", "red"], dtype=object).take(third)


def _texts(level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    third = np.clip(np.round(level + 1), 0, 2).astype(int)
    words = np.array(WORDS, dtype=object).reshape(3, 3)[third[:, None], rng.integers(0, 3, (len(level), 4))]
    return np.array([" ".join(row) for row in words], dtype=object)


def _dates(level: np.ndarray, rng: np.random.Generator) -> pd.DatetimeIndex:
    days = np.round(rng.normal(400 + 100 * level, 30)).astype(int)
    return pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")


_FEATURES: dict[str, _Feature] = {
    "height": (
        ColumnDeclaration(type="number", unit="cm"),
        lambda level, rng: np.round(rng.normal(170 + 8 * level, 3), 1),
    ),
    "income": (
        ColumnDeclaration(type="number", unit="EUR", min=0),
        lambda level, rng: np.round(np.exp(rng.normal(7 + level / 2, 0.5)), 2),
    ),
    "visits": (
        ColumnDeclaration(type="integer", min=0),
        lambda level, rng: rng.poisson(np.exp(1.5 + level / 2)),
    ),
    "colour": (ColumnDeclaration(type="category"), _colours),
    "member": (ColumnDeclaration(type="boolean"), lambda level, rng: rng.random(len(level)) < 1 / (1 + np.exp(-level))),
    "joined": (ColumnDeclaration(type="datetime"), _dates),
    "remark": (ColumnDeclaration(type="text"), _texts),
}


def _outlying(level: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values = np.round(1e9 * rng.normal(level, 0.3), 2)
    values[-1] = 1e13
    return values


def _long_ago(level: np.ndarray, rng: np.random.Generator) -> pd.DatetimeIndex:
    return pd.Timestamp("1899-12-31 23:59:59.5") + pd.to_timedelta(rng.integers(0, 10**9, len(level)), "s")


def _repeating(*values: str) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    """A few values that do not depend on the latent value."""
    return lambda level, rng: np.array(values, dtype=object)[np.arange(len(level)) % len(values)]


# What files from the wild hold. The names are no Python, no YAML and no CSV without quotes.
_ODD_FEATURES: dict[str, _Feature] = {
    "turn over, EUR": (ColumnDeclaration(type="number"), _outlying),
    "größe": (ColumnDeclaration(type="number"), lambda level, rng: 1e-9 * rng.normal(level, 0.3)),
    "class": (ColumnDeclaration(type="integer"), lambda level, rng: 2**40 + rng.integers(0, 2**33, len(level))),
    "x.y[0]": (ColumnDeclaration(type="category"), _repeating("1", "1.0", " x", "ja, nein", '"quoted"')),
    "{}": (ColumnDeclaration(type="text"), _repeating("", "😀 ok", "a\nb", "ελληνικά")),
    "no": (ColumnDeclaration(type="boolean"), lambda level, rng: np.arange(len(level)) == 0),
    "born": (
        ColumnDeclaration(type="datetime"),
        lambda level, rng: (
            pd.Timestamp("1899-12-31 23:59:59.5") + pd.to_timedelta(rng.integers(0, 10**9, len(level)), "s")
        ),
    ),
}


def _images(level: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ArrayDeclaration]:
    """A bright spot whose position depends on the latent value, (N, 8, 8, 1) uint8."""
    rows_H, columns_W = np.arange(8.0), np.arange(8.0)
    across = columns_W - rng.normal(3.5 + 2 * level, 0.3)[:, None]
    down = rows_H - rng.normal(3.5, 0.5, len(level))[:, None]
    blob_NHW = np.exp(-(down[:, :, None] ** 2 + across[:, None, :] ** 2) / 3)
    noisy_NHW = 220 * blob_NHW + rng.normal(15, 5, blob_NHW.shape)
    return np.clip(noisy_NHW, 0, 255).astype(np.uint8)[..., None], ArrayDeclaration(type="image")


def _series(level: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ArrayDeclaration]:
    """Two waves whose amplitude depends on the latent value, (N, 12, 2) float32."""
    phase = rng.uniform(0, 2 * np.pi, (len(level), 1, 1))
    waves = (2 + level[:, None, None]) * np.sin(np.arange(12)[:, None] * np.array([0.5, 0.9]) + phase)
    return (waves + rng.normal(0, 0.1, waves.shape)).astype(np.float32), ArrayDeclaration(type="series")


def _audio(level: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ArrayDeclaration]:
    """A tone whose pitch depends on the latent value, (N, 256) float32 in [-1, 1]."""
    hertz = (600 + 300 * level)[:, None]
    tone = 0.7 * np.sin(2 * np.pi * hertz * np.arange(256) / 8000 + rng.uniform(0, 2 * np.pi, (len(level), 1)))
    noisy = np.clip(tone + rng.normal(0, 0.05, tone.shape), -1, 1).astype(np.float32)
    return noisy, ArrayDeclaration(type="audio", rate=8000, range=(-1, 1))


def _tokens(level: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ArrayDeclaration]:
    """Item numbers that increase with the latent value, (N, 10) int32."""
    numbers = np.clip(np.round(rng.normal(3 + level[:, None], 1, (len(level), 10))), 1, 5).astype(np.int32)
    return numbers, ArrayDeclaration(type="tokens", vocabulary=("nothing", "bread", "milk", "apple", "tea", "soap"))


_PAYLOADS = {"image": _images, "series": _series, "audio": _audio, "tokens": _tokens}


@dataclass(frozen=True)
class Recipe:
    """A kind of data to check a component on: the arguments of `example` except the seed."""

    modality: Modality
    task: Task
    rows: int = 120
    missing: bool = False
    labels: Labels = "category"
    constant: bool = False
    odd: bool = False
    columns: frozenset[ColumnType] = EVERY_COLUMN

    def build(self, seed: int = 0) -> Dataset:
        """The dataset, as a copy that may be modified."""
        data = _built(self, seed)
        arrays = {name: values.copy() for name, values in data.arrays.items()}
        return Dataset(data.frame.copy(), arrays, data.schema)

    def __str__(self) -> str:
        labels = f"{self.labels}-" if self.labels != "category" else ""
        extra = ("-missing" if self.missing else "") + ("-constant" if self.constant else "")
        extra += "-odd" if self.odd else ""
        return f"{self.modality}-{labels}{self.task}{extra}"


@functools.lru_cache(maxsize=256)
def _built(recipe: Recipe, seed: int) -> Dataset:
    return example(
        recipe.modality,
        recipe.task,
        recipe.rows,
        missing=recipe.missing,
        labels=recipe.labels,
        constant=recipe.constant,
        odd=recipe.odd,
        columns=recipe.columns,
        seed=seed,
    )


@functools.cache
def accepted_recipes(accepts: Accepts) -> tuple[Recipe, ...]:
    """Every kind of data that a component accepts, without missing values first."""
    recipes: list[Recipe] = []
    for modality in sorted(EVERY_MODALITY):
        first = Recipe(modality, "classes", max(120, accepts.min_rows), columns=accepts.columns)
        tasks = [replace(first, task=task) for task in ("classes", "number", "none")]
        plain = [recipe for recipe in tasks if _fits(accepts, recipe)]
        recipes += plain
        if plain and plain[0].task == "classes":
            other_labels = [replace(first, labels="integer"), replace(first, labels="boolean")]
            recipes += [recipe for recipe in other_labels if _fits(accepts, recipe)]
        if plain and modality == "table":
            others = [replace(plain[0], constant=True), replace(plain[0], odd=True)]
            recipes += [recipe for recipe in others if _fits(accepts, recipe)]
        if plain and accepts.missing and _has_gaps(replace(plain[0], missing=True)):
            recipes.append(replace(plain[0], missing=True))
    return tuple(recipes)


def _fits(accepts: Accepts, recipe: Recipe) -> bool:
    schema = recipe.build().schema
    return bool(schema.features or schema.arrays) and accepts.refusal(schema, recipe.rows) is None


def _has_gaps(recipe: Recipe) -> bool:
    schema: Schema = recipe.build().schema
    channels = [channel for array in schema.arrays.values() for channel in (array.channels or {}).values()]
    return any(column.nullable for column in [*schema.columns.values(), *channels])
