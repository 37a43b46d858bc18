"""A third party's plugin for tests: light components that work, and some that break every rule on request."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels, infer
from augment.plugin import AttackResult, contracts
from augment.plugin.accepts import Accepts
from augment.plugin.contracts import Filter, Generator, Metric, Probe, Reporter, Sink, Source, Transform
from augment.plugin.hookspecs import hookimpl
from augment.plugin.score import Score
from augment.plugin.state import read_state, write_state


@hookimpl
def augment_components():
    return [
        Rows,
        FaultySource,
        Move,
        AnyColumn,
        Free,
        Peek,
        Rounded,
        Drawn,
        Planted,
        PlantedRows,
        Faulty,
        Reject,
        Order,
        NearReal,
        Centroids,
        Means,
        Alarm,
        Lines,
        FaultySink,
        LinesSink,
    ]


def linger(stage):
    """Take FAKE_SECONDS in the stage FAKE_STAGE (`fit` by default), and write the process id to FAKE_STARTED there."""
    if os.environ.get("FAKE_STAGE", "fit") != stage:
        return
    if started := os.environ.get("FAKE_STARTED"):
        Path(started).write_text(str(os.getpid()))
    end = time.monotonic() + float(os.environ.get("FAKE_SECONDS", "0"))
    while time.monotonic() < end:
        time.sleep(0.02)


class Rows(Source):
    """Two numbers and a label: `yes` in every fourth row."""

    name = "fake-rows"
    yields = frozenset({"table"})

    class Params(contracts.Params):
        rows: int = 60
        target: Literal["label", "y", "none"] = "label"

    def read(self, context):
        linger("read")
        rng = np.random.default_rng(5)
        rows = np.arange(self.params.rows)
        label = np.where(rows % 4 == 0, "yes", "no")
        x, y = rng.normal(size=(2, len(rows)))
        frame = pd.DataFrame({"x": x.round(6) + (label == "yes"), "y": y, "label": label})
        target = None if self.params.target == "none" else self.params.target
        declared = context.declared.model_copy(update={"target": context.declared.target or target})
        return Dataset.of(frame, {}, infer(frame, {}, declared))


class FaultySource(Rows):
    name = "fake-faulty-source"

    class Params(Rows.Params):
        fault: Literal["raise", "no-rows", "no-dataset", "print"] = "raise"

    def read(self, context):
        data = super().read(context)
        if self.params.fault == "raise":
            raise RuntimeError("the disk is on fire")
        if self.params.fault == "no-rows":
            return data.take(slice(0, 0))
        if self.params.fault == "no-dataset":
            return data.frame
        print("x" * 1_000_000)
        return data


class Move(Generator):
    """Training rows of the class asked for, their numbers moved a little."""

    name = "fake-move"
    origin = "rows"
    accepts = Accepts(modalities=frozenset({"table"}), conditional="target")

    class Params(contracts.Params):
        scale: float = 0.1
        notes: Path | None = None

    def fit(self, data, context):
        linger("fit")
        numbers = [name for name, column in data.schema.columns.items() if column.type == "number"]
        self.spread = {name: float(data.frame[name].std()) for name in numbers if name != data.schema.target}
        self.spread = {name: spread if spread > 0 else 1.0 for name, spread in self.spread.items()}
        for step in range(1, 4):
            context.progress(step, 3, {"loss": 1 / step})
        return self

    def sample(self, given, context):
        linger("sample")
        train, rng = context.train, context.rng
        place = rng.random(4096)[: len(given)]
        noise = rng.normal(size=(4096, len(self.spread)))[: len(given)]
        rows = (place * len(train)).astype(int)
        target = train.schema.target
        if target in given:
            labels, asked = as_labels(train.frame[target]), as_labels(given[target])
            for label in set(asked):
                fitting = np.flatnonzero(labels == label)
                rows[asked == label] = fitting[(place[asked == label] * len(fitting)).astype(int)]
        made = train.take(rows)
        frame = made.frame.copy()
        for i, (name, spread) in enumerate(self.spread.items()):
            frame[name] = frame[name] + self.params.scale * spread * noise[:, i]
        return Dataset(frame, made.arrays, made.schema)

    def save(self, folder):
        write_state(folder, {}, self.spread)

    @classmethod
    def load(cls, folder, params):
        made = cls(params)
        made.spread = read_state(folder)[1]
        return made


class Peek(Move):
    """As `fake-move`, but it starts from all rows of a file that it opens by itself: the hold-out too."""

    name = "fake-peek"
    origin = "noise"

    class Params(Move.Params):
        path: Path

    def sample(self, given, context):
        schema = context.train.schema
        whole = Dataset.of(pd.read_csv(self.params.path)[list(schema.columns)], {}, schema)
        return super().sample(given, dataclasses.replace(context, train=whole))


class AnyColumn(Move):
    """As `fake-move`, and can be asked for any value."""

    name = "fake-any"
    accepts = Accepts(modalities=frozenset({"table"}), conditional="any")

    def sample(self, given, context):
        made = super().sample(given[[]], context)
        return Dataset(made.frame.assign(**{name: given[name] for name in given}), {}, made.schema)


class Free(Move):
    """As `fake-move`, and cannot be asked for a class."""

    name = "fake-free"
    origin = "noise"
    accepts = Accepts(modalities=frozenset({"table"}))


class Rounded(Move):
    """Makes few different rows, so that they repeat each other."""

    name = "fake-rounded"
    origin = "noise"

    def sample(self, given, context):
        made = super().sample(given, context)
        return Dataset(made.frame.assign(**{name: made.frame[name].round(1) for name in self.spread}), {}, made.schema)


class Drawn(Move):
    """Rows as `fake-rows` draws them, `right` of them with the label that they were drawn for."""

    name = "fake-drawn"
    origin = "noise"

    class Params(Move.Params):
        right: float = 1.0

    def sample(self, given, context):
        made = super().sample(given, context)
        rng = np.random.default_rng([context.seed, 1])
        x, y, luck = rng.normal(size=4096), rng.normal(size=4096), rng.random(4096)
        label = as_labels(made.frame["label"])
        other = np.where(luck[: len(label)] < 0.5, "yes", "no")  # of a wrong row nobody knows the label
        label = np.where(rng.random(4096)[: len(label)] < self.params.right, label, other)
        frame = made.frame.assign(x=x[: len(label)].round(6) + (label == "yes"), y=y[: len(label)])
        return Dataset(frame, {}, made.schema)


def planted(rng, num_rows, tells):
    """Ten numbers and a label that they tell, or do not."""
    features = rng.normal(size=(num_rows, 10))
    score = features @ np.linspace(0.2, 1.0, 10) + 0.5 * rng.normal(size=num_rows)
    label = np.where((score if tells else rng.normal(size=num_rows)) > 0, "yes", "no")
    return features, label


class Planted(Source):
    """Rows of which one knows whether there is anything to learn."""

    name = "fake-planted"
    yields = frozenset({"table"})

    class Params(contracts.Params):
        rows: int = 100
        tells: bool = True
        draw: int = 0

    def read(self, context):
        features, label = planted(np.random.default_rng(self.params.draw), self.params.rows, self.params.tells)
        frame = pd.DataFrame(features, columns=[f"x{n}" for n in range(10)]).assign(label=label)
        declared = context.declared.model_copy(update={"target": "label"})
        return Dataset.of(frame, {}, infer(frame, {}, declared))


class PlantedRows(Free):
    """More rows of the same kind: as the source draws them, or with labels that mean nothing."""

    name = "fake-planted-rows"

    class Params(Move.Params):
        tells: bool = True

    def sample(self, given, context):
        features, label = planted(np.random.default_rng(context.seed), 4096, self.params.tells)
        frame = pd.DataFrame(features, columns=[f"x{n}" for n in range(10)])
        frame["label"] = pd.Categorical(label, dtype=context.train.frame["label"].dtype)
        schema = context.train.schema
        return Dataset.of(frame[: len(given)][list(schema.columns)].reset_index(drop=True), {}, schema)


class Faulty(Move):
    name = "fake-faulty"

    class Params(Move.Params):
        fault: str = ""
        """`stage:what`."""

    def fit(self, data, context):
        self._act("fit", data)
        if self.params.fault == "fit:other":
            return object()
        return super().fit(data, context)

    def sample(self, given, context):
        self._act("sample", context.train)
        fault = self.params.fault
        if fault == "sample:given-changed":
            given["label"] = given["label"].to_numpy()[::-1]
        made = super().sample(given, context)
        frame = made.frame
        if fault == "sample:count":
            return made.take(slice(1, None))
        if fault == "sample:more":
            return Dataset.concat([made, made])
        if fault == "sample:category":
            words = pd.Categorical(["unheard-of"] * len(frame))
            return Dataset(frame.assign(label=words), {}, made.schema)
        if fault == "sample:columns":
            return Dataset(frame.rename(columns={"x": "z"}), {}, made.schema)
        if fault == "sample:type":
            return Dataset(frame.assign(x=frame["x"].astype(str)), {}, made.schema)
        if fault == "of:dropped":
            return Dataset.of(frame.drop(columns="y"), {}, made.schema)
        if fault == "of:added":
            return Dataset.of(frame.assign(z=1.0), {}, made.schema)
        if fault == "of:text":
            return Dataset.of(frame.assign(x=frame["x"].astype(str)), {}, made.schema)
        if fault == "of:words":
            return Dataset.of(frame.assign(x="much"), {}, made.schema)
        if fault == "of:time":
            return Dataset.of(frame.assign(x=pd.Timestamp("2024-01-01")), {}, made.schema)
        if fault == "sample:nan":
            return Dataset(frame.assign(x=np.nan), {}, made.schema)
        if fault == "sample:infinite":
            return Dataset(frame.assign(x=np.inf), {}, made.schema)
        if fault == "sample:given":
            labels = pd.Categorical(["no"] * len(frame), categories=frame["label"].cat.categories)
            return Dataset(frame.assign(label=labels), {}, made.schema)
        if fault == "sample:no-dataset":
            return frame
        return made

    def save(self, folder):
        self._act("save", None)
        super().save(folder)

    @classmethod
    def load(cls, folder, params):
        if params.fault == "load:raise":
            raise ValueError("bad state")
        return super().load(folder, params)

    def _act(self, stage, train):
        match self.params.fault.partition(":")[::2] if self.params.fault.startswith(f"{stage}:") else (stage, ""):
            case (_, "late"):
                while not list(Path(os.environ["AUGMENT_STORE"]).glob("objects/generator-*")):
                    time.sleep(0.02)
                raise ZeroDivisionError("by nought")
            case (_, "raise"):
                raise ZeroDivisionError("by nought")
            case (_, "exit"):
                sys.exit(7)
            case (_, "os-exit"):
                print("goodbye", file=sys.stderr, flush=True)
                os._exit(0)
            case (_, "segfault"):
                ctypes.string_at(0)
            case (_, "loop"):
                while True:
                    pass
            case (_, "print"):
                for _ in range(20):
                    print("x" * 50_000)
                    os.write(1, b'{"result": {"rows": 1}}\n')
            case (_, "move-away"):
                os.chdir("/")
                os.environ["HOME"] = "/nowhere"
                os.environ["FAKE_LEFT_BEHIND"] = "1"
            case (_, "killed"):
                os.kill(os.getpid(), signal.SIGKILL)
            case (_, "hog"):
                used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
                limit = used + 100_000_000  # as `ulimit -v` would
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
                hoard = []
                while True:
                    hoard.append(bytearray(10_000_000))
            case (_, "meddle"):
                os.chdir("/")
                os.environ["HOME"] = "/nowhere"
                random.seed(0)
                np.random.seed(0)  # noqa: NPY002
            case (_, "change-train"):
                train.frame.loc[0, "x"] = 99.0


class Reject(Filter):
    """Rejects a part of all rows, by a hash of the row."""

    name = "fake-reject"

    class Params(contracts.Params):
        part: float = 0.3
        fault: str = ""

    def fit(self, reference, pilot, context):
        if self.params.fault == "raise":
            raise ZeroDivisionError("by nought")
        self.threshold = self.params.part
        self.pilot_rows = len(pilot)
        return self

    def judge(self, candidates, context):
        if self.params.fault == "shape":
            return np.ones(1 + len(candidates))
        return (candidates.row_hashes() % np.uint64(1000)).astype(float) / 1000

    def save(self, folder):
        write_state(folder, {}, {"threshold": self.threshold, "pilot": self.pilot_rows})

    @classmethod
    def load(cls, folder, params):
        made = cls(params)
        made.threshold = read_state(folder)[1]["threshold"]
        return made


class NearReal(Reject):
    """Does not judge rows that start from real ones."""

    name = "fake-near-real"
    skips = frozenset({"rows", "copies"})


class Order(Transform):
    """The rows in an order of its own, without the first, or scaled by what is shown to `apply`."""

    name = "fake-order"

    class Params(contracts.Params):
        fault: Literal["", "sorted", "dropped", "scaled", "text", "label"] = ""

    def apply(self, data):
        if self.params.fault == "text":
            return Dataset.of(data.frame.assign(x=data.frame["x"].astype(str)), data.arrays, data.schema)
        if self.params.fault == "label":
            return Dataset.of(data.frame.assign(label="unheard-of"), data.arrays, data.schema)
        if self.params.fault == "sorted":
            return data.take(np.argsort(-data.frame["x"].to_numpy()))
        if self.params.fault == "dropped":
            return data.take(slice(1, None))
        if self.params.fault == "scaled":
            return Dataset(data.frame.assign(x=data.frame["x"] - data.frame["x"].mean()), data.arrays, data.schema)
        return data


class Centroids(Probe):
    """The nearest class mean; the mean of the target where it is a number."""

    name = "fake-centroids"

    class Params(contracts.Params):
        fault: str = ""

    def fit(self, data, context, weights=None):
        linger("trial")
        schema = data.schema
        self.names = [name for name in schema.features if schema.columns[name].type == "number"]
        values = data.frame[self.names].fillna(0.0).to_numpy()
        self.classes = schema.classes
        if self.classes:
            labels = as_labels(data.frame[schema.target])
            of_class = [values[labels == label] for label in self.classes]
            self.means = np.stack([(rows if len(rows) else values).mean(axis=0) for rows in of_class])
        else:
            self.mean = float(data.frame[schema.target].mean())
        return self

    def predict(self, data):
        assert data.schema.target is None, "the hold-out's target is withheld"
        if self.params.fault == "change":
            data.frame["x"] *= 2
        if self.params.fault == "shape":
            return np.zeros(3)
        if not self.classes:
            return np.full(len(data), self.mean)
        values = data.frame[self.names].fillna(0.0).to_numpy()
        near = np.exp(-((values[:, None] - self.means) ** 2).sum(axis=2)) + 1e-9
        return near / near.sum(axis=1, keepdims=True)


class Means(Metric):
    """How far the means of the first number are apart."""

    name = "fake-means"

    class Params(contracts.Params):
        fault: str = ""

    def score(self, synthetic, train, holdout, context):
        if self.params.fault == "raise":
            raise ZeroDivisionError("by nought")
        linger("score")
        if self.params.fault == "change":
            holdout.frame.loc[0, "x"] = 123.0
        name = next(name for name, column in train.schema.columns.items() if column.type == "number")
        gap = abs(synthetic.frame[name].mean() - train.frame[name].mean())
        attack = AttackResult(limit=-1.0, finding="no leak found") if self.params.fault == "finding" else None
        value = np.nan if self.params.fault == "nan" else float(gap)
        return [Score("gap between means", value, better="lower", attack=attack)]


class Alarm(Metric):
    """Voids the verdict where a row with this `y` is held out."""

    name = "fake-alarm"
    can_void = True

    class Params(contracts.Params):
        y: float

    def score(self, synthetic, train, holdout, context):
        rings = bool(np.isclose(holdout.frame["y"], self.params.y).any())
        return [Score("alarm", float(rings), voids="1 of 60 rows" if rings else "")]


class Lines(Reporter):
    """Two lines about the run."""

    name = "fake-lines"

    class Params(contracts.Params):
        fault: str = ""

    def write(self, run, folder):
        if self.params.fault == "raise":
            raise ZeroDivisionError("by nought")
        linger("report")
        path = folder / "report.txt"
        text = f"{run.name}: {run.metrics.trial.verdict}\n"
        text += f"{len(run.synthetic)} rows; losses of {sorted(run.losses())}; rejects of {sorted(run.rejects())}\n"
        path.write_text(text)
        return [path]


class FaultySink(Sink):
    name = "fake-faulty-sink"

    class Params(contracts.Params):
        fault: Literal["raise", "stops-early", "elsewhere", "nothing"] = "raise"

    def write(self, name, batches, schema, folder):
        if self.params.fault == "raise":
            raise ZeroDivisionError("by nought")
        if self.params.fault == "stops-early":
            return []
        for _ in batches:
            pass
        return [Path("/etc/passwd")] if self.params.fault == "elsewhere" else None


class LinesSink(Sink):
    """How many rows there are."""

    name = "fake-lines-sink"

    def write(self, name, batches, schema, folder):
        linger("write")
        path = folder / f"{name}.txt"
        path.write_text(f"{sum(len(batch) for batch in batches)} rows\n")
        return [path]
