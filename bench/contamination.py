"""Does the metric `contamination` find held-out rows among synthetic ones, and leave clean rows alone?

    AUGMENT_DATA=../shared/data python bench/contamination.py [--seeds 20] [--sets wine adult ...]

For each data set and seed the rows are cut anew into a training part and a hold-out, and each generator of that kind of
data is fitted on the training part. Its rows are clean. Then a tenth of the rows of `bootstrap`, and of another
generator, are replaced by held-out rows: equal ones, and changed ones (numbers moved, one value of another row put in,
images made noisy or shifted by a pixel, words or items edited, series made noisy). Reported: how many seeds are
flagged, and CPU-seconds of the metric alone for a set of rows.

`categories` and `counts` have few distinct rows, so that equal ones are natural; in `repeats` 15 % of the rows occur
twice, on either side of the cut; in `twins` every row has a near twin, and `moved` are training rows moved by about as
much as twins differ. `small` is 240 rows of Adult with 60 held out. Sets that are not there are skipped.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn import datasets

from augment.data import Dataset, SchemaDeclaration, infer, observe
from augment.plugin.context import Context
from augment.plugin.contracts import Source
from augment_controls.bootstrap import Bootstrap
from augment_evidence.contamination import Contamination
from augment_histories.edits import HistoryEdits
from augment_histories.shoppers import Shoppers
from augment_images.classical import Albumentations
from augment_rnn.histories import HistoryRnn
from augment_rnn.text import TextRnn
from augment_series.cylinder_bell_funnel import CylinderBellFunnel
from augment_series.edits import SeriesEdits
from augment_smote.smote import Smote
from augment_text.edits import TextEdits
from augment_trees.trees import Trees
from augment_vae.images import ImageVae
from augment_vae.series import SeriesVae
from augment_vae.tables import TableVae

DATA = Path(os.environ.get("AUGMENT_DATA", Path(__file__).parents[2] / "shared" / "data"))
SHARE = 0.1  # of the synthetic rows that are planted
Draw = Callable[[Dataset, int, int], Dataset]  # training part, number of rows, seed


def of(frame: pd.DataFrame, arrays: dict[str, np.ndarray] | None = None, **declared: Any) -> Dataset:
    schema = infer(frame, arrays or {}, SchemaDeclaration(**declared))
    data = Dataset.of(frame, arrays or {}, schema)
    return Dataset.of(data.frame, data.arrays, observe(schema, data.frame, data.arrays)[0])


def read(source: Source) -> Dataset:
    """What a source reads, without ids."""
    data = source.read(Context(seed=0, folder=Path()))
    data = data.drop_columns([name for name, column in data.schema.columns.items() if column.type == "id"])
    return Dataset.of(data.frame, data.arrays, observe(data.schema, data.frame, data.arrays)[0])


def wine() -> Dataset:
    frame = datasets.load_wine(as_frame=True).frame
    return of(frame.assign(target="c" + frame["target"].astype(str)), target="target")


def cancer() -> Dataset:
    frame = datasets.load_breast_cancer(as_frame=True).frame
    return of(frame.assign(target="c" + frame["target"].astype(str)), target="target")


def diabetes() -> Dataset:
    """A number to predict."""
    return of(datasets.load_diabetes(as_frame=True, scaled=False).frame, target="target")


def adult() -> Dataset:
    return of(pd.read_csv(DATA / "table" / "adult.csv", skipinitialspace=True), target="income")


def repeats() -> Dataset:
    frame = pd.read_csv(DATA / "table" / "adult.csv", skipinitialspace=True)[:3_000]
    frame = pd.concat([frame, frame[:450]]).sample(frac=1, random_state=0, ignore_index=True)
    return of(frame, target="income")


def twins() -> Dataset:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=(500, 6)), 2, axis=0)
    values = (values + 0.05 * rng.normal(size=values.shape))[rng.permutation(len(values))]
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(6)])
    return of(frame.assign(label=np.where(values[:, 0] > 0, "yes", "no")), target="label")


def categories() -> Dataset:
    """Six columns of four values, which three hidden groups have in other shares."""
    rng = np.random.default_rng(1)
    shares, group = rng.dirichlet(np.full(4, 0.7), size=(6, 3)), rng.integers(0, 3, 3_000)
    frame = pd.DataFrame({f"c{i}": ["abcd"[rng.choice(4, p=shares[i, k])] for k in group] for i in range(6)})
    return of(frame.assign(label=np.where(rng.random(3_000) < 0.2 + 0.3 * group, "u", "v")), target="label")


def counts() -> Dataset:
    """Four columns of small whole numbers."""
    rng = np.random.default_rng(2)
    hidden = rng.normal(size=3_000)
    frame = pd.DataFrame({f"n{i}": rng.poisson(np.exp(0.4 * hidden * (i % 2) + 0.3 * i - 0.3)) for i in range(4)})
    return of(frame.assign(label=np.where(hidden + rng.normal(size=3_000) > 0, "u", "v")), target="label")


def digits() -> Dataset:
    images, labels = datasets.load_digits(return_X_y=True)
    frame = pd.DataFrame({"digit": [f"d{label}" for label in labels]})
    return of(frame, {"image": (images * 15).astype(np.uint8).reshape(-1, 8, 8, 1)}, target="digit")


def mnist() -> Dataset:
    with gzip.open(DATA / "image" / "mnist" / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)[:10_000]
    with gzip.open(DATA / "image" / "mnist" / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:10_000]
    return of(pd.DataFrame({"digit": [f"d{label}" for label in labels]}), {"image": images}, target="digit")


def sms() -> Dataset:
    lines = (DATA / "text" / "SMSSpamCollection.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t", 1) for line in lines if "\t" in line]
    return of(pd.DataFrame(rows, columns=["label", "text"]), target="label", payload="text")


def trec() -> Dataset:
    lines = (DATA / "text" / "TREC.train.all").read_text(encoding="latin-1").splitlines()
    frame = pd.DataFrame([line.split(" ", 1) for line in lines], columns=["label", "text"])
    return of(frame, target="label", payload="text")


def cylinders() -> Dataset:
    params = CylinderBellFunnel.Params(rows={"cylinder": 600, "bell": 600, "funnel": 600})
    return read(CylinderBellFunnel(params))


def energy() -> Dataset:
    windows = np.load(DATA / "series" / "energy_windows24.npz")
    values = windows[windows.files[0]].astype(np.float32)
    return of(pd.DataFrame(index=range(len(values))), {"series": values})


def shoppers() -> Dataset:
    return read(Shoppers(Shoppers.Params(users=1_500)))


def drawn(cls: Any, **params: Any) -> Draw:
    def draw(train: Dataset, num_rows: int, seed: int) -> Dataset:
        with tempfile.TemporaryDirectory() as folder:
            context = Context(seed=seed, folder=Path(folder), train=train)
            generator = cls(cls.Params(**params)).fit(train, context)
            given = pd.DataFrame(index=pd.RangeIndex(num_rows))
            if train.schema.task == "classes" and cls.accepts.conditional != "none":
                rows = np.random.default_rng(seed).integers(len(train), size=num_rows)
                given = train.frame[[train.schema.target]].iloc[rows].reset_index(drop=True)
            return generator.sample(given, context)

    return draw


def numbers_moved(share: float) -> Draw:
    def draw(rows: Dataset, num_rows: int, seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        chosen = rows.take(rng.integers(0, len(rows), num_rows))
        frame = chosen.frame.copy()
        for name in chosen.schema.features:
            kind = chosen.schema.columns[name].type
            if kind in ("number", "integer"):
                values = frame[name].astype(float) + rng.normal(
                    0, share * rows.frame[name].astype(float).std(), num_rows
                )
                frame[name] = values.round().astype("int64") if kind == "integer" else values
        return Dataset.of(frame, {}, rows.schema)

    return draw


def one_value_changed(rows: Dataset, num_rows: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    frame = rows.frame.iloc[rng.integers(0, len(rows), num_rows)].reset_index(drop=True)
    columns = rng.integers(0, len(rows.schema.features), num_rows)
    for place, name in enumerate(rows.schema.features):
        other = rows.frame[name].sample(num_rows, replace=True, random_state=seed).reset_index(drop=True)
        frame[name] = frame[name].mask(columns == place, other)
    return Dataset.of(frame, {}, rows.schema)


def noisy(share: float) -> Draw:
    """Noise on images and series, in standard deviations of all their values."""

    def draw(rows: Dataset, num_rows: int, seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        chosen = rows.take(rng.integers(0, len(rows), num_rows))
        ((name, values),) = chosen.arrays.items()
        values = np.asarray(values)
        moved = values + rng.normal(size=values.shape) * share * values.std(axis=tuple(range(values.ndim - 1)))
        if values.dtype == np.uint8:
            moved = moved.clip(0, 255).round()
        return Dataset(chosen.frame, {name: moved.astype(values.dtype)}, chosen.schema)

    return draw


def shifted(rows: Dataset, num_rows: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    chosen = rows.take(rng.integers(0, len(rows), num_rows))
    images = np.asarray(chosen.arrays["image"])
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    places = np.array([(0, 1), (2, 1), (1, 0), (1, 2)])[rng.integers(4, size=num_rows)]
    side = images.shape[1]
    moved = [image[a : a + side, b : b + side] for image, (a, b) in zip(padded, places, strict=True)]
    return Dataset(chosen.frame, {"image": np.stack(moved)}, chosen.schema)


@dataclass(frozen=True)
class Kind:
    clean: dict[str, Draw]
    other: str  # the generator among whose rows held-out rows are planted, beside `bootstrap`
    changes: dict[str, Draw]  # of held-out rows


BOOTSTRAP = drawn(Bootstrap)
KINDS = {
    "table": Kind(
        {
            "bootstrap": BOOTSTRAP,
            "smote": drawn(Smote),
            "trees": drawn(Trees),
            "vae": drawn(TableVae, steps=300),
            "moved": numbers_moved(0.05),
        },
        "trees",
        {"numbers moved by .05": numbers_moved(0.05), "one value changed": one_value_changed},
    ),
    "image": Kind(
        {"bootstrap": BOOTSTRAP, "albumentations": drawn(Albumentations), "vae": drawn(ImageVae, steps=150)},
        "vae",
        {"noise of .2": noisy(0.2), "shifted by a pixel": shifted},
    ),
    "text": Kind(
        {"bootstrap": BOOTSTRAP, "text-edits": drawn(TextEdits), "rnn": drawn(TextRnn, steps=60)},
        "text-edits",
        {"words edited": drawn(TextEdits)},
    ),
    "series": Kind(
        {"bootstrap": BOOTSTRAP, "series-edits": drawn(SeriesEdits), "vae": drawn(SeriesVae, steps=100)},
        "vae",
        {"noise of .1": noisy(0.1)},
    ),
    "tokens": Kind(
        {"bootstrap": BOOTSTRAP, "history-edits": drawn(HistoryEdits), "rnn": drawn(HistoryRnn, steps=60)},
        "history-edits",
        {"items edited": drawn(HistoryEdits, share=0.2)},
    ),
}
SETS: dict[str, tuple[Callable[[], Dataset], int, int]] = {  # training and held-out rows
    "wine": (wine, 118, 60),
    "cancer": (cancer, 400, 169),
    "diabetes": (diabetes, 300, 142),
    "small": (adult, 240, 60),
    "adult": (adult, 800, 250),
    "repeats": (repeats, 800, 250),
    "twins": (twins, 700, 300),
    "categories": (categories, 800, 250),
    "counts": (counts, 800, 250),
    "digits": (digits, 500, 200),
    "mnist": (mnist, 500, 200),
    "sms": (sms, 500, 200),
    "trec": (trec, 500, 200),
    "cylinders": (cylinders, 300, 150),
    "energy": (energy, 500, 200),
    "shoppers": (shoppers, 500, 200),
}


def planted(clean: Dataset, rows: Dataset) -> Dataset:
    return Dataset.concat([clean.take(slice(len(rows), None)), rows])


def cases(kind: Kind, train: Dataset, held: Dataset, seed: int, wanted: list[str] | None) -> dict[str, Dataset]:
    """Name of a case to its rows."""
    clean = {}
    for name, draw in kind.clean.items():
        fits = name != "smote" or train.schema.task == "classes"
        if fits and (wanted is None or name in wanted):
            clean[name] = draw(train, len(train), seed)
    rows = {f"clean: {name}": made for name, made in clean.items()}
    num = round(SHARE * len(train))
    changed = {name: change(held, num, seed) for name, change in {"equal": BOOTSTRAP, **kind.changes}.items()}
    for name in ("bootstrap", kind.other):
        if name in clean:
            rows |= {f"{change}, among {name}": planted(clean[name], part) for change, part in changed.items()}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--clean", nargs="+", help="generators; all by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    for name in options.sets:
        load, num_train, num_held = SETS[name]
        try:
            whole = load()
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error.filename} is not there", file=sys.stderr)
            continue
        flagged: dict[str, list[bool]] = {}
        blind: dict[str, list[bool]] = {}  # whether the metric says that it could not have found a tenth of copies
        seconds = []
        for seed in range(options.seeds):
            rows = np.random.default_rng([seed, 7]).permutation(len(whole))[: num_train + num_held]
            train, held = (whole.take(part) for part in np.split(rows, [num_train]))
            for case, made in cases(KINDS[whole.schema.modality], train, held, seed, options.clean).items():
                begun = time.process_time()
                (score,) = Contamination().score(made, train, held, Context(seed=seed, folder=Path()))
                seconds.append(time.process_time() - begun)
                flagged.setdefault(case, []).append(bool(score.voids))
                blind.setdefault(case, []).append(
                    not score.detail["copies in place of a tenth of the rows would be found"]
                )
        for case, found in flagged.items():
            print(f"| {name} | {case} | {sum(found)} of {len(found)} | {sum(blind[case])} |", flush=True)
        print(f"| {name} | CPU-seconds | {np.mean(seconds):.2f} |", flush=True)
    print(f"{time.process_time() - start:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
