"""The tables that `tables.py` measures generators on, their rows apart in training and test rows."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from league import load_sets
from sklearn import datasets
from sklearn.model_selection import train_test_split
from table_makers import read

TITLES = {"adult": "Adult", "breast-cancer": "Breast cancer", "diabetes": "Diabetes", "digits": "Digits: an eight?"}
TITLES |= {name: name.capitalize() for name in ("australian", "crx", "german", "heart", "mammographic", "phoneme")}
TITLES |= {"saheart": "South African heart disease", "twonorm": "Twonorm"}


@dataclass(frozen=True)
class Table:
    """Real rows, apart in training and test rows."""

    train: pd.DataFrame
    test: pd.DataFrame
    discrete: list[str]
    target: str
    without: tuple[str, ...] = ()  # left out when near copies are counted: what tells nearly every row from all others


def adult(seed: int) -> Table:
    """Census income, 32,561 rows of 15 columns; always the same test rows."""
    path = Path(os.environ.get("AUGMENT_DATA", "../shared/data")) / "table" / "adult.csv"
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: set AUGMENT_DATA to the folder that holds table/adult.csv")
    frame = pd.read_csv(path, skipinitialspace=True, keep_default_na=False)
    discrete = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    return _parted(frame.astype(dict.fromkeys(discrete, object)), discrete, "income", 0.25, 0, ("fnlwgt",))


def breast_cancer(seed: int) -> Table:
    """569 rows of 30 numbers, most of which nearly follow from others."""
    frame = datasets.load_breast_cancer(as_frame=True).frame
    return _parted(_labelled(frame, frame["target"] == 0, "malignant", "benign"), ["target"], "target", 0.5, seed)


def diabetes(seed: int) -> Table:
    """442 rows of nine numbers and the sex: is the disease, a year later, worse than in half of the patients?"""
    frame = datasets.load_diabetes(as_frame=True, scaled=False).frame
    frame["sex"] = np.where(frame["sex"] == 1, "one", "other").astype(object)
    worse = frame["target"] > frame["target"].median()
    return _parted(_labelled(frame, worse, "worse", "better"), ["sex", "target"], "target", 0.5, seed)


def digits(seed: int) -> Table:
    """1,797 rows of 64 whole numbers: is the digit an eight?"""
    frame = datasets.load_digits(as_frame=True).frame
    return _parted(_labelled(frame, frame["target"] == 8, "eight", "other"), ["target"], "target", 0.4, seed)


def of_league(name: str, seed: int) -> Table:
    """A table of the league with two classes, 30 % of its rows to judge by."""
    folder, about = load_sets()
    frame = read(str(folder / f"{name}.csv"), about[name]["discrete"])
    return _parted(frame, about[name]["discrete"], about[name]["target"], 0.3, seed)


def _labelled(frame: pd.DataFrame, is_one: pd.Series, one: str, other: str) -> pd.DataFrame:
    return frame.assign(target=np.where(is_one, one, other).astype(object))


def _parted(
    frame: pd.DataFrame, discrete: list[str], target: str, share: float, seed: int, without: tuple[str, ...] = ()
) -> Table:
    train, test = train_test_split(frame, test_size=share, random_state=seed, stratify=frame[target])
    return Table(train.reset_index(drop=True), test.reset_index(drop=True), discrete, target, without)


LEAGUE = ("australian", "crx", "german", "heart", "mammographic", "phoneme", "saheart", "twonorm")
SETS: dict[str, Callable[[int], Table]] = {
    "adult": adult,
    "breast-cancer": breast_cancer,
    "diabetes": diabetes,
    "digits": digits,
    **{name: functools.partial(of_league, name) for name in LEAGUE},
}
