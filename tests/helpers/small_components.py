"""Small components of most kinds, their catalog, and pipelines of them: this module is their plugin."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from augment.data import Array, Column, Schema
from augment.errors import SpecError
from augment.plugin import contracts
from augment.plugin.accepts import Accepts
from augment.plugin.catalog import Catalog, Offer
from augment.plugin.hookspecs import hookimpl
from augment.plugin.kinds import KINDS
from augment.spec.bind import bind
from augment.spec.load import load

TABLE = frozenset({"table"})
IMAGE = frozenset({"image"})
TOKENS = frozenset({"tokens"})
AUDIO = frozenset({"audio"})


class Csv(contracts.Source):
    name = "csv"
    yields = TABLE

    class Params(contracts.Params):
        path: Path
        """The file to read."""
        missing: tuple[str, ...] = ()
        """Words for a missing value."""

    def read(self, context):
        raise NotImplementedError


class Anything(contracts.Source):
    name = "anything"

    def read(self, context):
        raise NotImplementedError


class Steps(BaseModel, extra="forbid"):
    rate: Annotated[float, Field(gt=0)] = 0.001
    """Step size."""


class State:
    def fit(self, *data):
        return self

    def sample(self, given, context):
        raise NotImplementedError

    def judge(self, candidates, context):
        raise NotImplementedError

    def save(self, folder):
        pass

    @classmethod
    def load(cls, folder, params):
        return cls(params)


class TableGan(State, contracts.Generator):
    name = "gan"
    accepts = Accepts(modalities=TABLE, conditional="target", min_rows=10)

    class Params(contracts.Params):
        epochs: Annotated[int, Field(ge=1)] = 10
        """Passes over the training rows."""
        steps: Steps = Steps()
        """The optimiser."""
        weights: Path | None = None
        """Weights to begin with."""
        mode: Literal["plain", "anchored"] = "plain"
        """Where rows start from."""


class ImageGan(State, contracts.Generator):
    name = "gan"
    accepts = Accepts(modalities=IMAGE, conditional="target")

    class Params(contracts.Params):
        epochs: Annotated[int, Field(ge=1)] = 30
        """Passes over the training images."""
        channels: int = 8
        """Width of the network."""


class Smote(State, contracts.Generator):
    name = "smote"
    accepts = Accepts(modalities=TABLE, conditional="target", missing=False, targets=frozenset({"classes"}))


class Plain(State, contracts.Generator):
    name = "plain"


class Fragile(State, contracts.Generator):
    name = "fragile"

    class Params(contracts.Params):
        size: int = 1

        @field_validator("size")
        @classmethod
        def fail(cls, size):
            raise KeyError(size)


class NotACopy(State, contracts.Filter):
    name = "not-a-copy"
    accepts = Accepts(modalities=TABLE)
    default_for = TABLE


class Boosting(contracts.Probe):
    name = "boosting"
    accepts = Accepts(modalities=TABLE)
    default_for = TABLE

    def fit(self, data, context, weights=None):
        return self

    def predict(self, data):
        raise NotImplementedError


class Cnn(Boosting):
    name = "cnn"
    accepts = Accepts(modalities=IMAGE)
    default_for = IMAGE


class Scan(Boosting):
    name = "scan"
    accepts = Accepts(modalities=IMAGE | TABLE | AUDIO)
    default_for = IMAGE | AUDIO


class Echo(Scan):
    name = "echo"


class Fidelity(contracts.Metric):
    name = "fidelity"
    accepts = Accepts(modalities=TABLE)
    default_for = TABLE

    def score(self, synthetic, train, holdout, context):
        return []


class Privacy(Fidelity):
    name = "privacy"


class NextItem(Fidelity):
    name = "next-item"
    accepts = Accepts(modalities=TOKENS)
    default_for = TOKENS


class PlainLines(contracts.Reporter):
    name = "plain-lines"

    class Params(contracts.Params):
        samples: int = 1

    def write(self, run, folder):
        return []


class Html(PlainLines):
    name = "html"
    default_for = contracts.Reporter.accepts.modalities
    files = ("report.html",)


class Page(PlainLines):
    name = "page"
    files = ("style.css", "Report.html")


class Parquet(contracts.Sink):
    name = "parquet"
    default_for = TABLE | IMAGE

    def write(self, name, batches, schema, folder):
        return []


OFFERED = [
    *(Csv, Anything, TableGan, ImageGan, Smote, Plain, Fragile),
    *(NotACopy, Boosting, Cnn, Scan, Echo, Fidelity, Privacy, NextItem, PlainLines, Html, Page, Parquet),
]


@hookimpl
def augment_components():
    return OFFERED


CATALOG = Catalog(
    [
        Offer(cls.name, __name__, "augment-pipeline", "1", frozenset({cls.kind} if cls.default_for else ()))
        for cls in {cls.name: cls for cls in OFFERED}.values()
        if cls not in (Scan, Echo)
    ]
    + [Offer(name, __name__, "others", "1", frozenset({"probe"})) for name in ("echo", "scan")]
    + [Offer("broken", "no_such_module_anywhere", "broken-plugin", "2")]
)

COLUMNS = {
    "x": Column(type="number"),
    "customer": Column(type="integer"),
    "y": Column(type="category", categories=("no", "yes")),
}
CLASSED = Schema(columns=COLUMNS, target="y")
NUMERIC = Schema(columns=COLUMNS, target="x")
UNLABELLED = Schema(columns=COLUMNS)
IMAGES = Schema(
    columns={"y": COLUMNS["y"]}, arrays={"image": Array(type="image", shape=(8, 8, 1), dtype="uint8")}, target="y"
)
SOUNDS = Schema(
    columns={"y": COLUMNS["y"]}, arrays={"sound": Array(type="audio", shape=(16,), dtype="float32")}, target="y"
)


SMALLEST = """\
source: {use: csv, with: {path: credit.csv}}
schema: {target: y}
generators: [gan]
"""


def problems_of(path, *overrides):
    with pytest.raises(SpecError) as caught:
        load(path, CATALOG, overrides=overrides)
    return [str(problem).removeprefix(f"{path.parent}/") for problem in caught.value.problems]


def problem_of(path, *overrides):
    (problem,) = problems_of(path, *overrides)
    return problem


def generators(*entries):
    return SMALLEST.replace("[gan]", f"[{', '.join(entries)}]")


def bound_of(path, schema, kinds=KINDS, num_rows=None):
    return bind(load(path, CATALOG), schema, num_rows, kinds)
