"""Every rule of the conformance kit passes good components and fails on one that breaks it."""

from __future__ import annotations

import itertools
import re
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset, Schema, as_labels, conform, infer
from augment.errors import DataError
from augment.plugin import AttackResult, contracts
from augment.plugin.accepts import Accepts
from augment.plugin.contracts import Filter, Generator, Metric, Probe, Reporter, Sink, Source, Transform
from augment.plugin.score import Score
from augment.plugin.state import read_state, write_state
from augment.testing import ConformanceError, check_component, checks_for, example, example_run
from augment.testing.causes import EXPLAINS

TABLES = Accepts(modalities=frozenset({"table"}))
BLOCK = 512
COUNTER = itertools.count()
REMEMBERED = {}


# -- components that keep every rule


class Jitter(Generator):
    """Training rows, moved a little."""

    name = "jitter"
    origin = "rows"
    accepts = Accepts(modalities=frozenset({"table"}), conditional="any")

    class Params(contracts.Params):
        scale: float = 0.1
        """How far, in standard deviations."""

    def fit(self, data, context):
        self.schema, done, self.drift = data.schema, 0, 0.0
        if kept := context.checkpoint.load():
            done, self.drift = kept[1]["done"], kept[1]["drift"]
            context.rng.bit_generator.state = kept[1]["rng"]
        for step in range(done + 1, 4):
            self.drift += context.rng.normal()
            self.report(context, step)
            context.checkpoint.save({}, self.position(step, context))
        numbers = data.frame.select_dtypes("float")
        self.spread = numbers.std().fillna(0).to_dict()
        return self

    def report(self, context, step):
        context.progress(step, 3, {"drift": abs(self.drift)})

    def position(self, step, context):
        return {"done": step, "drift": self.drift, "rng": context.rng.bit_generator.state}

    def sample(self, given, context):
        train, rng, num_rows = context.train, context.rng, len(given)
        place = rng.random(BLOCK)[:num_rows]
        frame = train.take((place * len(train)).astype(int)).frame
        for name, spread in self.spread.items():
            moved = frame[name] + self.params.scale * spread * rng.normal(self.drift, 1, BLOCK)[:num_rows]
            frame[name] = moved.clip(lower=self.schema.columns[name].min)
        return Dataset.of(frame.assign(**dict(given.items())), {}, self.schema)

    def save(self, folder):
        schema = self.schema.model_dump(mode="json")
        write_state(folder, {}, {"drift": self.drift, "spread": self.spread, "schema": schema})

    @classmethod
    def load(cls, folder, params):
        made, state = cls(params), read_state(folder)[1]
        made.drift, made.spread = state["drift"], state["spread"]
        made.schema = Schema.model_validate(state["schema"])
        return made


class NearMean(Filter):
    """Throws out heights that are far from the mean."""

    name = "near-mean"
    accepts = TABLES

    def fit(self, reference, pilot, context):
        self.mean = float(reference.frame.height.mean())
        self.threshold = -10.0
        return self

    def judge(self, candidates, context):
        return -(candidates.frame.height - self.mean).abs().fillna(0).to_numpy()

    def save(self, folder):
        write_state(folder, {}, {"mean": self.mean, "threshold": self.threshold})

    @classmethod
    def load(cls, folder, params):
        made, state = cls(params), read_state(folder)[1]
        made.mean, made.threshold = state["mean"], state["threshold"]
        return made


class Centre(Transform):
    """Makes heights differences from the mean."""

    name = "centre"
    accepts = TABLES

    def fit(self, data, context):
        self.mean = float(data.frame.height.mean())
        return self

    def apply(self, data):
        return Dataset(data.frame.assign(height=data.frame.height - self.mean), data.arrays, data.schema)

    def save(self, folder):
        write_state(folder, {}, {"mean": self.mean})

    @classmethod
    def load(cls, folder, params):
        made = cls(params)
        made.mean = read_state(folder)[1]["mean"]
        return made


class Means(Probe):
    """Predicts the class whose mean height is nearest, or the mean target of near heights."""

    name = "means"
    accepts = Accepts(modalities=frozenset({"table"}), targets=frozenset({"classes", "number"}), missing=False)
    deterministic = True

    def fit(self, data, context, weights=None):
        weights = np.ones(len(data)) if weights is None else weights
        heights, self.classes = data.frame.height.to_numpy(), data.schema.classes
        if not self.classes:
            self.line = np.polyfit(heights, data.frame.target.to_numpy(), 1, w=weights)
            return self
        labels = as_labels(data.frame.target)
        members = [np.flatnonzero(labels == label) for label in self.classes]
        self.mass = np.array([weights[rows].sum() for rows in members])
        self.means = np.array([heights[rows].mean() if len(rows) else 0.0 for rows in members])
        return self

    def predict(self, data):
        heights = data.frame.height.to_numpy()
        if not self.classes:
            return np.polyval(self.line, heights)
        near = self.mass * np.exp(-((heights[:, None] - self.means) ** 2) / 30) + 1e-9 * (self.mass > 0)
        return near / near.sum(axis=1, keepdims=True)


class Gap(Metric):
    """How far the mean heights are apart."""

    name = "gap"
    accepts = TABLES

    def score(self, synthetic, train, holdout, context):
        gap = abs(float(synthetic.frame.height.mean() - train.frame.height.mean()))
        return [Score("gap", gap, unit="cm", better="lower", interval=(0.0, gap + 1))]


class Lines(Source):
    """Reads two columns of a text file."""

    name = "lines"
    yields = frozenset({"table"})

    class Params(contracts.Params):
        path: Path
        """The file."""

    def read(self, context):
        frame = pd.read_csv(self.params.path)
        return Dataset.of(frame, {}, infer(frame, declared=context.declared))


class Tabs(Sink):
    """Writes a text file."""

    name = "parquet"  # the installed source of that name is what reads it
    accepts = TABLES

    def write(self, name, batches, schema, folder):
        import pyarrow.parquet

        path, writer = folder / f"{name}.parquet", None
        for batch in batches:
            # plain columns: dictionaries would differ from batch to batch
            frame = batch.frame.astype({n: "str" for n, c in schema.columns.items() if c.type == "category"})
            table = Dataset(frame, {}, schema).to_arrow()
            writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
        writer.close()
        return [path]


class Brief(Reporter):
    """Writes the verdict."""

    name = "brief"
    accepts = TABLES

    def write(self, run, folder):
        path = folder / "brief.txt"
        path.write_text(run.metrics.trial.sentence + f" {len(run.losses()['vae'])} {len(run.rejects())}")
        return [path]


def _file(folder):
    path = folder / "data.csv"
    path.write_text("height,label\n1.5,a\n2.5,b\n3.5,a\n4.5,b\n")
    return {"path": path}


GOOD = [Jitter, NearMean, Centre, Means, Gap, Lines, Tabs, Brief]


def _checks(cls, rule=None):
    checks = checks_for(cls, _file if issubclass(cls, Source) else None)
    return [check for check in checks if rule in (None, check.rule.name)]


@pytest.mark.parametrize("cls", GOOD, ids=lambda cls: cls.__name__)
def test_a_good_component_passes_every_check(cls, tmp_path):
    check_component(cls, _file if issubclass(cls, Source) else None, tmp_path)


# -- one broken component for each rule


class Unnamed(Jitter):
    """Has a name that nobody could type."""

    name = "Not A Name"


class Undocumented(Jitter):
    pass


class Unexplained(Jitter):
    """Has a setting without a word about it."""

    class Params(contracts.Params):
        scale: float = 0.1


class Demanding(Jitter):
    """Has a setting without a default."""

    class Params(contracts.Params):
        scale: float
        """How far."""


class Careless(Jitter):
    """Takes any setting."""

    class Params(contracts.Params):
        model_config = {"extra": "ignore"}
        scale: float = 0.1
        """How far."""


class Loose(Jitter):
    """Takes anything for its scale."""

    class Params(contracts.Params):
        scale: Any = 0.1
        """How far."""


class Tuned(Jitter):
    """Tries what is wrong, and its default."""

    tunes: ClassVar = {"scale": ("much", 0.1)}


class Elsewhere(Jitter):
    """Tries a setting that it does not have."""

    tunes: ClassVar = {"scales": (1,)}


class Overtuned(Jitter):
    """Tries too much."""

    tunes: ClassVar = {"scale": tuple(range(2, 14))}


class Choosy(Jitter):
    """Wants tables without columns."""

    accepts = Accepts(modalities=frozenset({"table"}), columns=frozenset())


class Unseeded(Jitter):
    """Draws from a stream of its own."""

    def sample(self, given, context):
        rows = super().sample(given, context)
        height = rows.frame.height + np.random.default_rng().random(len(given))
        return Dataset(rows.frame.assign(height=height), rows.arrays, rows.schema)


class Drawing(Jitter):
    """Draws from numpy's global state, which it puts back."""

    def sample(self, given, context):
        rows, state = super().sample(given, context), np.random.get_state()  # noqa: NPY002
        height = rows.frame.height + np.random.random(len(given))  # noqa: NPY002
        np.random.set_state(state)  # noqa: NPY002
        return Dataset(rows.frame.assign(height=height), rows.arrays, rows.schema)


class Counting(Jitter):
    """Remembers how often it was asked."""

    calls = 0

    def sample(self, given, context):
        self.calls += 1
        rows = super().sample(given, context)
        return Dataset(rows.frame.assign(height=rows.frame.height + self.calls), rows.arrays, rows.schema)


class Meddling(Jitter):
    """Changes the training part."""

    def fit(self, data, context):
        super().fit(data, context)
        data.frame["height"] += 1
        return self


class Seeding(Jitter):
    """Seeds numpy for everybody."""

    def fit(self, data, context):
        np.random.seed(0)  # noqa: NPY002
        return super().fit(data, context)


class Stamping(Jitter):
    """Writes another state each time."""

    def save(self, folder):
        super().save(folder)
        (folder / "when.json").write_text(str(next(COUNTER)))


class Pickling(Jitter):
    """Writes a file of a foreign kind."""

    def save(self, folder):
        super().save(folder)
        (folder / "model.pkl").write_bytes(b"")


class Rounding(Jitter):
    """Loses digits when it is loaded."""

    @classmethod
    def load(cls, folder, params):
        made = super().load(folder, params)
        made.drift = round(made.drift, 1)
        return made


class Remembering(Jitter):
    """Keeps what it learnt in its module."""

    def fit(self, data, context):
        super().fit(data, context)
        REMEMBERED["drift"] = self.drift
        return self

    @classmethod
    def load(cls, folder, params):
        made = super().load(folder, params)
        made.drift = REMEMBERED["drift"]
        return made


class Coarse(Jitter):
    """Gives numbers in another type."""

    def sample(self, given, context):
        rows = super().sample(given, context)
        return Dataset(rows.frame.assign(height=rows.frame.height.astype("float32")), rows.arrays, rows.schema)


class Boundless(Jitter):
    """Gives numbers below the smallest allowed."""

    def sample(self, given, context):
        rows = super().sample(given, context)
        return Dataset(rows.frame.assign(income=-1.0), rows.arrays, rows.schema)


class Copying(Jitter):
    """Calls copies moved rows."""

    def sample(self, given, context):
        train, rng = context.train, context.rng
        return train.take((rng.random(len(given)) * len(train)).astype(int))


class Moving(Jitter):
    """Calls moved rows copies."""

    origin = "copies"


class Modest(Jitter):
    """Can be asked for classes, and does not say so."""

    accepts = TABLES


class Parsing(Jitter):
    """Takes labels for numbers where they look like some."""

    def fit(self, data, context):
        for name in data.schema.columns:
            data.frame.eval(name)
        return super().fit(data, context)


class Lavish(Jitter):
    """Gives whole batches only."""

    def sample(self, given, context):
        padded = given.reindex(range(-(-len(given) // 4) * 4)).ffill()
        return super().sample(padded, context)


class Stubborn(Jitter):
    """Gives the same rows whatever the seed."""

    def sample(self, given, context):
        return super().sample(given, contracts.Context(1, context.folder, train=context.train))


class Ragged(Jitter):
    """Draws as many numbers as rows."""

    def sample(self, given, context):
        rows = super().sample(given, context)
        shift = context.rng.random(len(given)).sum()
        return Dataset(rows.frame.assign(height=rows.frame.height + shift), rows.arrays, rows.schema)


class Insisting(Jitter):
    """Wants a class to be given."""

    def sample(self, given, context):
        if "target" not in given:
            raise DataError("no class is given")
        return super().sample(given, context)


class Hungry(Jitter):
    """Needs more rows than it says."""

    def fit(self, data, context):
        if len(data) < 10:
            raise DataError("too few rows")
        return super().fit(data, context)


class Overshooting(Jitter):
    """Reports more steps than there are."""

    def report(self, context, step):
        context.progress(step + 1, 3, {})


class Diverging(Jitter):
    """Reports a loss that is not a number."""

    def report(self, context, step):
        context.progress(step, 3, {"loss": float("nan")})


class Forgetting(Jitter):
    """Begins its random stream again after a checkpoint."""

    def position(self, step, context):
        fresh = np.random.default_rng(context.seed).bit_generator.state
        return {**super().position(step, context), "rng": fresh}


class Deaf(Jitter):
    """Makes the classes that it likes."""

    def sample(self, given, context):
        return super().sample(given[[]], context)


class Neighbourly(Jitter):
    """Needs two rows of a class."""

    def fit(self, data, context):
        if data.schema.classes and data.frame.target.value_counts().min() < 2:
            raise DataError("a class has one row, which has no neighbours")
        return super().fit(data, context)


class HalfDeaf(Jitter):
    """Hears the class, but no other column."""

    def sample(self, given, context):
        return super().sample(given[[name for name in given if name == "target"]], context)


class Wordy(NearMean):
    """Judges with words."""

    def judge(self, candidates, context):
        return np.array(["fine"] * len(candidates), dtype=object)


class Undecided(NearMean):
    """Judges with NaN."""

    def judge(self, candidates, context):
        return candidates.frame.height.to_numpy() * np.nan


class Comparing(NearMean):
    """Judges rows by the rows beside them."""

    def judge(self, candidates, context):
        return candidates.frame.height.rank(pct=True).fillna(0).to_numpy()


class Harsh(NearMean):
    """Keeps nothing."""

    def fit(self, reference, pilot, context):
        super().fit(reference, pilot, context)
        self.threshold = 1.0
        return self


class Lenient(NearMean):
    """Forgets its threshold."""

    @classmethod
    def load(cls, folder, params):
        made = super().load(folder, params)
        made.threshold = 0.5
        return made


class Drifting(Centre):
    """Gives each part a schema of its own."""

    def apply(self, data):
        column = data.schema.columns["height"].model_copy(update={"max": float(data.frame.height.max())})
        schema = data.schema.model_copy(update={"columns": {**data.schema.columns, "height": column}})
        return Dataset(data.frame, data.arrays, schema)


class Unconformed(Centre):
    """Gives integers under a schema that says numbers."""

    def apply(self, data):
        return Dataset(data.frame.assign(height=1), data.arrays, data.schema)


class Flat(Means):
    """Predicts labels instead of probabilities."""

    def predict(self, data):
        found = super().predict(data)
        return found.argmax(axis=1).astype(float) if self.classes else found[:, None]


class Unnormalised(Means):
    """Predicts probabilities that sum to two."""

    def predict(self, data):
        return super().predict(data) * (2 if self.classes else np.nan)


class Reversed(Means):
    """Has the classes the wrong way round."""

    def predict(self, data):
        found = super().predict(data)
        return found[:, ::-1] if self.classes else -found


class Shrinking(Means):
    """Leaves absent classes out."""

    def predict(self, data):
        found = super().predict(data)
        return found[:, self.mass > 0] if self.classes else found


class Shifting(Means):
    """Puts absent classes last."""

    def predict(self, data):
        found = super().predict(data)
        return found[:, np.argsort(self.mass == 0, kind="stable")] if self.classes else found


class Weightless(Means):
    """Takes weights and leaves them."""

    def fit(self, data, context, weights=None):
        return super().fit(data, context)


class Batchwise(Means):
    """Standardises by what it predicts."""

    def predict(self, data):
        height = data.frame.height - data.frame.height.mean() + 170
        return super().predict(Dataset(data.frame.assign(height=height), data.arrays, data.schema))


class Hopeful(Means):
    """Would try settings that it does not have."""

    @classmethod
    def settings_to_try(cls, params):
        return [{"leaves": 6}]


class Fickle(Means):
    """Says that it is deterministic."""

    def fit(self, data, context, weights=None):
        self.trust = context.rng.random()
        return super().fit(data, context, weights)

    def predict(self, data):
        found = super().predict(data)
        return self.trust * found + (1 - self.trust) * (1 / len(self.classes) if self.classes else found.mean())


class Bare(Gap):
    """Gives numbers, not scores."""

    def score(self, synthetic, train, holdout, context):
        return [1.0]


class Endless(Gap):
    """Scores with NaN."""

    def score(self, synthetic, train, holdout, context):
        return [Score("gap", float("nan"))]


class Inverted(Gap):
    """Has its interval the wrong way round."""

    def score(self, synthetic, train, holdout, context):
        return [Score("gap", 1.0, interval=(2.0, 0.0))]


class Alarmed(Gap):
    """Calls a score above its limit harmless."""

    def score(self, synthetic, train, holdout, context):
        return [Score("gap", 1.0, attack=AttackResult(limit=0.5, finding="no leak found"))]


class Unwritable(Gap):
    """Has a detail that JSON cannot hold."""

    def score(self, synthetic, train, holdout, context):
        return [Score("gap", 1.0, detail={"at": np.arange(2)})]


class Twofold(Gap):
    """Has two scores of one name."""

    def score(self, synthetic, train, holdout, context):
        return [Score("gap", 1.0), Score("gap", 2.0)]


class Spread(Gap):
    """Needs three rows."""

    def score(self, synthetic, train, holdout, context):
        return [Score("skew", float(synthetic.frame.height.skew()))]


class Shuffling(Lines):
    """Reads in another order each time."""

    def read(self, context):
        data = super().read(context)
        return data.take(np.roll(np.arange(len(data)), next(COUNTER)))


class Raw(Lines):
    """Gives texts where the schema says categories."""

    def read(self, context):
        data = super().read(context)
        return Dataset(data.frame.astype({"label": "str"}), data.arrays, data.schema)


class Misnamed(Lines):
    """Says that it reads images."""

    yields = frozenset({"image"})


class Inattentive(Lines):
    """Does not look at what is declared."""

    def read(self, context):
        return super().read(contracts.Context(1, context.folder))


class Silent(Tabs):
    """Does not say what it wrote."""

    def write(self, name, batches, schema, folder):
        super().write(name, batches, schema, folder)
        return []


class Littering(Tabs):
    """Leaves a scratch file."""

    def write(self, name, batches, schema, folder):
        (folder / f"{name}.tmp").write_text("")
        return super().write(name, batches, schema, folder)


class Dated(Tabs):
    """Writes the time."""

    def write(self, name, batches, schema, folder):
        path = folder / f"{name}.txt"
        path.write_text(f"{sum(len(batch) for batch in batches)} {time.perf_counter_ns()}")
        return [path]


class Hoarding(Tabs):
    """Holds all batches."""

    def write(self, name, batches, schema, folder):
        return super().write(name, list(batches), schema, folder)


class Cutting(Tabs):
    """Writes the first batch alone."""

    def write(self, name, batches, schema, folder):
        return super().write(name, itertools.islice(batches, 1), schema, folder)


class Relabelling(Tabs):
    """Writes other labels."""

    def write(self, name, batches, schema, folder):
        changed = (Dataset(b.frame.assign(origin="real").astype({"origin": "category"}), {}, schema) for b in batches)
        return super().write(name, changed, schema, folder)


class Astray(Brief):
    """Writes beside the folder."""

    def write(self, run, folder):
        return super().write(run, folder.parent)


class Forgetful(Brief):
    """Does not write what it declares."""

    files = ("brief.txt", "long.txt")


class Placed(Brief):
    """Writes where the run lies."""

    def write(self, run, folder):
        path = folder / "brief.txt"
        path.write_text(str(run.folder))
        return [path]


class Cocksure(Lines):
    """Claims every file for certain, and then some."""

    def sniff(self, path, head):
        return 2.0


BROKEN = [
    (Unnamed, "class-is-complete", "no usable `name`"),
    (Undocumented, "has-a-docstring", "docstring"),
    (Unexplained, "settings-are-documented", "'scale'"),
    (Demanding, "settings-are-documented", "no default"),
    (Careless, "unknown-settings-are-refused", "it was taken"),
    (Loose, "settings-have-types", "'scale'"),
    (Elsewhere, "class-is-complete", "`tunes` names scales, which is not a setting with a default"),
    (Tuned, "tunes-its-own-settings", "scale: expected a number, got 'much'"),
    (Tuned, "tunes-its-own-settings", "scale: 0.1 is the default, which is tried anyway"),
    (Overtuned, "tunes-its-own-settings", "they have 13 combinations"),
    (Choosy, "accepts-some-data", "none"),
    (Unseeded, "same-seed-same-outcome", "column 'height', 64 of 64 rows"),
    (Drawing, "same-seed-same-outcome", "context.rng"),
    (Counting, "asking-twice-changes-nothing", "nothing on `self`"),
    (Meddling, "inputs-are-left-as-they-were", "training part changed"),
    (Seeding, "global-random-state-is-left-alone", "numpy's global random state"),
    (Stamping, "saving-twice-gives-the-same-bytes", "when.json"),
    (Pickling, "state-is-safetensors-and-json", "model.pkl"),
    (Rounding, "loading-brings-back-what-was-saved", "save everything"),
    (Lenient, "loading-brings-back-what-was-saved", "thresholds -10.0 and 0.5"),
    (Remembering, "a-new-process-loads-the-same", "KeyError"),
    (Coarse, "rows-fit-the-schema", "float32"),
    (Boundless, "rows-fit-the-schema", "0% of them"),
    (Parsing, "rows-fit-the-schema", "table-classes-odd"),
    (Copying, "origin-is-what-it-says", "100% of them"),
    (Moving, "origin-is-what-it-says", "`origin` is 'copies'"),
    (Modest, "what-it-declines-it-cannot-do", 'conditional="target"'),
    (Lavish, "as-many-rows-as-asked", "4 rows"),
    (Stubborn, "another-seed-other-rows", "the same rows"),
    (Ragged, "fewer-rows-are-a-prefix-of-more", "fixed-size batches"),
    (Counting, "chunks-may-come-in-any-order", "chunk 1"),
    (Insisting, "works-unconditionally", "no class is given"),
    (Hungry, "works-on-the-fewest-rows", "too few rows"),
    (Overshooting, "progress-is-sensible", "(4, 3, {})"),
    (Diverging, "progress-is-sensible", "nan"),
    (Forgetting, "a-killed-fit-goes-on-where-it-was", "state.json"),
    (Deaf, "the-class-asked-for-comes", "column 'target'"),
    (Neighbourly, "a-class-of-one-row-can-be-asked-for", "no neighbours"),
    (HalfDeaf, "any-columns-asked-for-come", "column 'height'"),
    (Wordy, "gives-each-row-a-number", "object (120,)"),
    (Undecided, "gives-each-row-a-number", "without NaN"),
    (Comparing, "judges-each-row-by-itself", "other candidates"),
    (Harsh, "keeps-some-real-rows", "threshold of 1"),
    (Drifting, "both-parts-get-the-same-schema", "different schemas"),
    (Unconformed, "both-parts-get-the-same-schema", "int64"),
    (Flat, "predictions-have-the-right-shape", "float64 (120,)"),
    (Unnormalised, "predictions-have-the-right-shape", "sum to one"),
    (Reversed, "predicts-better-than-chance", "balanced accuracy"),
    (Shrinking, "a-class-may-be-missing-in-training", "(120, 2)"),
    (Shifting, "a-class-may-be-missing-in-training", "own columns"),
    (Weightless, "weights-count", "sample_weight"),
    (Batchwise, "predicts-a-single-row", "the same prediction"),
    (Hopeful, "takes-the-settings-to-try", "leaves"),
    (Fickle, "predicts-the-same-with-every-seed", "different predictions"),
    (Bare, "scores-are-finite-numbers", "augment.plugin.Score"),
    (Endless, "scores-are-finite-numbers", "finite value"),
    (Inverted, "scores-are-finite-numbers", "lower to its upper"),
    (Alarmed, "scores-are-finite-numbers", "agrees with its value and limit"),
    (Unwritable, "scores-are-finite-numbers", "JSON"),
    (Twofold, "scores-are-finite-numbers", "'gap'"),
    (Spread, "two-synthetic-rows-are-enough", "2 synthetic rows"),
    (Shuffling, "reading-twice-gives-the-same-rows", "different data"),
    (Raw, "what-is-read-fits-its-schema", "'label'"),
    (Misnamed, "gives-the-kind-of-data-it-names", "of kind table"),
    (Inattentive, "says-what-is-declared", "'furlong'"),
    (Silent, "writes-what-it-says", "it lists nothing"),
    (Littering, "writes-what-it-says", "train.tmp"),
    (Dated, "equal-data-gives-equal-bytes", "train.txt"),
    (Hoarding, "never-holds-all-batches", "12 of them"),
    (Cutting, "the-source-of-the-same-name-reads-it", "25 rows"),
    (Relabelling, "the-source-of-the-same-name-reads-it", "'origin'"),
    (Cocksure, "reads-what-it-sniffs", "a number above 0, up to 1"),
    (Astray, "reports-what-it-says", "brief.txt"),
    (Forgetful, "reports-what-it-says", "long.txt"),
    (Placed, "equal-runs-give-equal-bytes", "brief.txt"),
]


def _failures(cls, rule, tmp_path):
    failures = []
    for position, check in enumerate(_checks(cls, rule)):
        place = tmp_path / str(position)
        place.mkdir()
        try:
            check(place)
        except ConformanceError as error:
            failures.append(str(error))
    return failures


@pytest.mark.parametrize(("cls", "rule", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_component_fails_the_check_for_what_it_breaks(cls, rule, words, tmp_path):
    failures = _failures(cls, rule, tmp_path)
    assert failures
    assert words in "\n".join(failures)
    first, *others = failures
    assert re.search(r"what was done: .*what happened: .*expected: .*how to mend: ", first, re.DOTALL)
    assert all("the cause:     probably that of " in f or "how to mend: " in f for f in others)


def test_every_rule_has_a_component_that_breaks_it():
    elsewhere = {"imports-nothing-heavy"}
    rules = {check.rule.name for cls in [*GOOD, Modest] for check in _checks(cls)}
    assert rules == {rule for _, rule, _ in BROKEN} | elsewhere


@pytest.mark.slow
def test_a_module_that_imports_a_large_library_is_found(tmp_path, monkeypatch):
    (tmp_path / "heavy_plugin.py").write_text("import scipy\nfrom test_kit import Jitter\nclass Heavy(Jitter): pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import heavy_plugin

    heavy = _failures(heavy_plugin.Heavy, "imports-nothing-heavy", tmp_path)
    assert "it imported scipy" in heavy[0]
    del sys.modules["heavy_plugin"]


def test_a_fit_that_returns_nothing_is_told_so(tmp_path):
    class Absent(Jitter):
        """Forgets to return itself."""

        def fit(self, data, context):
            super().fit(data, context)

    assert "end `fit` with `return self`" in _failures(Absent, "as-many-rows-as-asked", tmp_path)[0]


def test_a_class_inside_a_function_cannot_be_loaded_elsewhere(tmp_path):
    class Hidden(Jitter):
        """Nobody can import it."""

    assert "top of its module" in _failures(Hidden, "a-new-process-loads-the-same", tmp_path)[0]


def test_a_source_without_the_settings_it_needs_is_told_to_get_them(tmp_path):
    check = next(check for check in checks_for(Lines) if check.rule.name == "reading-twice-gives-the-same-rows")
    with pytest.raises(ConformanceError, match=r"pass settings: checks_for\(..., params=\{...\}\)"):
        check(tmp_path)


def test_settings_can_be_a_mapping_or_params(tmp_path):
    for settings in ({"scale": 0.0}, Jitter.Params(scale=0.0)):
        check = next(c for c in checks_for(Jitter, settings) if c.rule.name == "another-seed-other-rows")
        folder = tmp_path / type(settings).__name__
        folder.mkdir()
        check(folder)


def test_all_failures_of_a_component_are_told_at_once(tmp_path):
    class Doubly(Jitter):
        name = "Not A Name"

    with pytest.raises(ConformanceError, match=r"^\d+ checks failed") as caught:
        check_component(Doubly, tmp_path=tmp_path)
    assert "class-is-complete" in str(caught.value)
    assert "has-a-docstring" in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "causes"),
    [
        (Unseeded, ["same-seed-same-outcome", "any-columns-asked-for-come"]),  # it moves a height that is given, too
        (Boundless, ["rows-fit-the-schema"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_each_cause_is_explained_once(cls, causes, tmp_path):
    with pytest.raises(ConformanceError) as caught:
        check_component(cls, tmp_path=tmp_path)
    text, findings = str(caught.value), caught.value.findings
    assert [finding.rule for finding in findings if not finding.cause] == causes
    assert text.count("how to mend: ") == len(causes)
    others = [finding.check for finding in findings if finding.cause]
    assert len(others) > 1
    assert text.endswith(f"probably of the same causes: {', '.join(others)}")


def test_rules_that_explain_others_are_rules():
    rules = {check.rule.name for cls in [*GOOD, Modest] for check in _checks(cls)}
    assert set(EXPLAINS) | {name for names in EXPLAINS.values() for name in names} <= rules


def test_the_cause_of_a_failure_is_kept(tmp_path):
    check = next(iter(_checks(Hungry, "works-on-the-fewest-rows")))
    with pytest.raises(ConformanceError) as caught:
        check(tmp_path)
    assert isinstance(caught.value.__cause__, DataError)


def test_every_rule_says_what_the_contract_is_and_why():
    for rule in {check.rule for cls in [*GOOD, Modest] for check in _checks(cls)}:
        assert rule.promise.endswith("."), rule.name
        assert rule.why.endswith("."), rule.name


def test_a_failure_says_what_the_contract_is_and_why(tmp_path):
    (told, *_) = _failures(Seeding, "global-random-state-is-left-alone", tmp_path)
    assert "the contract:  The global random states of Python, numpy and torch stay unchanged." in told


def test_a_failure_in_the_component_names_the_line(tmp_path):
    (told, *_) = _failures(Hungry, "works-on-the-fewest-rows", tmp_path)
    assert re.search(r"DataError: too few rows \(test_kit.py, line \d+, in fit\)", told)


def test_a_component_that_leaves_the_process_is_told_so(tmp_path):
    class Leaving(Jitter):
        """Exits."""

        def sample(self, given, context):
            sys.exit(3)

    assert "SystemExit: 3" in _failures(Leaving, "as-many-rows-as-asked", tmp_path)[0]


def _excepted(cls, exceptions):
    return [check for check in checks_for(cls, None, exceptions) if check.exception]


def test_a_rule_may_be_broken_with_a_reason(tmp_path):
    (check,) = _excepted(Seeding, {"global-random-state-is-left-alone": "its library seeds numpy"})
    check(tmp_path)


def test_an_exception_for_a_rule_that_is_kept_is_an_error(tmp_path):
    (check,) = _excepted(Jitter, {"global-random-state-is-left-alone": "it used to"})
    with pytest.raises(ConformanceError, match=r"(?s)it used to.*take it out of the exceptions"):
        check(tmp_path)


def test_an_exception_can_be_for_one_kind_of_data():
    (check,) = _excepted(Jitter, {"rows-fit-the-schema[table-classes-odd]": "no such names"})
    assert check.name == "rows-fit-the-schema[table-classes-odd]"


@pytest.mark.parametrize(("name", "reason"), [("no-such-rule", "because"), ("has-a-docstring", " ")])
def test_an_exception_needs_a_rule_and_a_reason(name, reason):
    with pytest.raises(ValueError, match="a rule, and a reason, were expected"):
        checks_for(Jitter, None, {name: reason})


def test_checks_are_named_by_rule_and_data():
    names = [str(check) for check in _checks(Jitter)]
    assert len(set(names)) == len(names)
    assert "same-seed-same-outcome[table-classes]" in names
    assert "rows-fit-the-schema[table-classes-missing]" in names


def test_a_component_is_tried_on_nothing_that_it_refuses():
    names = " ".join(map(str, _checks(Means)))
    assert "missing]" not in names
    assert "none]" not in names
    assert "image" not in names


# -- example data


@pytest.mark.parametrize("modality", sorted(contracts.EVERY_MODALITY))
@pytest.mark.parametrize("task", ["classes", "number", "none"])
def test_examples_are_of_the_kind_asked_for(modality, task):
    data = example(modality, task, 30)
    assert (data.schema.modality, data.schema.task, len(data)) == (modality, task, 30)
    assert conform(data.frame, data.schema).equals(data.frame)


@pytest.mark.parametrize("num_rows", [1, 2, 3, 200])
def test_examples_may_have_any_number_of_rows(num_rows):
    assert len(example(rows=num_rows, missing=True)) == num_rows


def test_examples_are_made_again_and_differ_by_seed():
    assert example().equals(example())
    assert example().fingerprint() != example(seed=1).fingerprint()


def test_examples_hold_the_columns_asked_for_alone():
    types = {column.type for column in example(task="none", columns=["number", "boolean"]).schema.columns.values()}
    assert types == {"number", "boolean"}


@pytest.mark.parametrize("labels", ["category", "integer", "boolean"])
def test_every_class_has_rows(labels):
    data = example(labels=labels, rows=60)
    counts = pd.Series(as_labels(data.frame.target)).value_counts()
    assert set(counts.index) == set(data.schema.classes)
    assert counts.min() >= 12


def test_missing_values_are_in_features_alone():
    data = example(missing=True)
    assert data.frame.isna().any()[data.schema.features].all()
    assert not data.frame.target.isna().any()


def test_an_example_run_counts_the_rows_that_it_holds(tmp_path):
    run = example_run(tmp_path)
    assert len(run.synthetic_origin) == len(run.synthetic) == run.metrics.rows.synthetic
