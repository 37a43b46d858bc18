"""The pipeline file's models, and the short forms of its parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from augment.data import SchemaDeclaration
from augment.errors import did_you_mean
from augment.plugin.kinds import Kind
from augment.spec.messages import show_value

__all__ = [
    "HOLDOUT",
    "NAME",
    "NAME_RULE",
    "SECTIONS",
    "Mix",
    "Pipeline",
    "Search",
    "Split",
    "Trial",
    "Use",
    "expand_short_forms",
    "infer_ids",
]

# the sections that hold components, in the order in which they run
SECTIONS: dict[str, Kind] = {
    "source": "source",
    "transforms": "transform",
    "generators": "generator",
    "filters": "filter",
    "metrics": "metric",
    "reporters": "reporter",
    "sinks": "sink",
}

HOLDOUT = 0.2  # of a split that says nothing else
MAX_NAME = 64
NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}")
NAME_RULE = f"1 to {MAX_NAME} letters, digits, `_`, `.` and `-`, beginning with a letter or digit"
_MULTIPLE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?x")
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
_ROWS = (
    "expected `auto`, `balance`, a multiple of the training rows such as `2x`, a number of rows, `{per_class: 1000}`, "
    "or a number for each class such as `{yes: 400, no: 0}`"
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def _check_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"expected {NAME_RULE}, got {show_value(text)}")
    return text


def _check_device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"expected auto, cpu, cuda or cuda:N, got {show_value(text)}")
    return text


def _check_rows(rows: Any) -> Any:
    if isinstance(rows, str) and rows not in ("auto", "balance") and not _MULTIPLE.fullmatch(rows):
        raise ValueError(f"{_ROWS}, got {show_value(rows)}{did_you_mean(rows, ['auto', 'balance'])}")
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, str | int | dict)):
        raise ValueError(f"{_ROWS}, got {show_value(rows)}")
    if isinstance(rows, int) and rows < 0:
        raise ValueError(f"{_ROWS}, got {rows}")
    if isinstance(rows, dict):
        if not rows:
            raise ValueError(f"{_ROWS}, got an empty mapping")
        for label, number in rows.items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise ValueError(
                    f"expected a whole number of rows, at least 0, for {show_value(label)}, got {show_value(number)}"
                )
    return rows


def _check_search_amount(amount: Any) -> Any:
    if amount == "auto" or isinstance(amount, dict) or amount == 0:
        raise ValueError(f"expected `balance`, a multiple such as `2x`, or a number of rows, got {show_value(amount)}")
    return _check_rows(amount)


def _none_if_false(trial: Any) -> Any:
    return None if trial is False else trial


class Use(_Model):
    """One component of a pipeline and its settings. A bare name is short for `use:` alone."""

    use: str
    """The name of a component, as `augment plugins` lists it."""
    id: str | None = None
    """The name of this component in the report and in the `origin` column. By default the component's name, then
    `name-2` for a second one."""
    with_: dict[str, Any] = Field(default={}, alias="with")
    """The component's own settings; `augment show NAME` explains them. For a setting of a generator,
    `{search: [50, 100]}` in place of a value finds the best of these values inside the training part."""
    tune: bool = False
    """For a generator: search for the settings that it declares to be worth it, except those under `with`."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds that one task of this component may take. No limit by default."""


class Split(_Model):
    """How the hold-out is split off, before any component learns from the data."""

    holdout: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the rows that no component is trained on. By default 0.2, unless `test` says which rows these are."""
    test: Use | Annotated[list[str | int | float | bool], Field(min_length=1)] | None = None
    """The hold-out, if you have split the data yourself: a source of its own, such as
    `{use: csv, with: {path: test.csv}}`, or the values of `column` that mark its rows, such as `[4]`. `group` and
    `time` then only decide how `auto` splits the training part, and `dedupe: drop` drops training rows only."""
    column: str | None = None
    """The column that `test` refers to. No component sees it. Real rows are written with it; synthetic rows get its
    value if all training rows have the same one, and none otherwise."""
    stratify: str | bool | None = None
    """The column whose classes have the same shares in both parts, or `false`. By default the target, if it has
    classes."""
    group: str | None = None
    """A column whose value identifies a group, such as a customer or a patient. All rows of a group are in the same
    part."""
    time: str | None = None
    """A column to sort by. The last rows are the hold-out."""
    dedupe: Literal["keep", "drop", "group"] = "keep"
    """What to do with equal rows: `keep` them, `drop` all but the first, or `group` them in one part."""
    missing_target: Literal["refuse", "drop"] = "refuse"
    """What to do with rows without a value of the target: `refuse` the data, or `drop` them. How many were dropped is
    in the log, the report and `run.json`."""

    @property
    def share(self) -> float:
        """The share of the rows to hold out, where `test` does not say which."""
        return HOLDOUT if self.holdout is None else self.holdout

    @property
    def test_values(self) -> list[str] | None:
        """The values of `column` that mark held-out rows, as text; None if `test` is not a list of values."""
        return [str(value) for value in self.test] if isinstance(self.test, list) else None


class Search(_Model):
    """How `auto` searches for the mix: by trials within the training part. Half of the candidates, and all that promise
    nothing, are dropped after 5, 10, 20, ... seeds."""

    seeds: Annotated[int, Field(ge=2, le=1000)] = 20
    """How many seeds the last candidates are tried with; fewer, once it is settled which is best. Each seed splits the
    training part differently and fits the generators again."""
    amounts: (
        Annotated[list[Annotated[int | str, BeforeValidator(_check_search_amount)]], Field(min_length=1)] | None
    ) = None
    """The amounts that `rows: auto` tries, each in the form that `rows` accepts. By default `balance`, `1x`, `5x`, and
    what `augment init` would propose for these generators and so many rows, such as `20x`."""
    budget: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which the search stops and uses the results so far. It is checked whenever candidates are dropped.
    A run whose search stopped early cannot be reproduced byte for byte. No limit by default."""


class Mix(_Model):
    """How many synthetic rows are added, of which classes, and by which generators."""

    rows: Annotated[int | str | dict[str, int] | None, BeforeValidator(_check_rows)] = None
    """`balance` (every class gets as many rows as the largest), `2x` (twice as many rows as the training part has), a
    number of rows, `{per_class: 1000}`, or a number for each class such as `{yes: 400, no: 0}`. `auto` searches for the
    best amount, which may be 0. By default `balance` for a target with classes, and `1x` otherwise."""
    share: dict[str, Annotated[float, Field(ge=0)]] | Literal["auto"] = {}
    """Generator id to weight. `auto` tries each generator alone, and all with equal weights. By default equal weights,
    or `auto` if `rows` is `auto`."""
    search: Search = Search()
    """How `auto` searches."""

    @property
    def is_auto(self) -> bool:
        """Whether the amounts or the weights have to be searched for."""
        return "auto" in (self.rows, self.share)

    def weight(self, generator: str) -> float:
        """The weight of a generator, by its id."""
        return 1.0 if self.share == "auto" else self.share.get(generator, 1.0)


class Trial(_Model):
    """The experiment on the hold-out: the same probe trained with and without the synthetic rows."""

    probe: Use | None = None
    """The model that is trained; by default, the one for the kind of data (`augment show NAME` says what a probe is the
    default for). `package.module:factory` is a function of your own that returns a model with the interface of
    scikit-learn."""
    score: str | None = None
    """The score that decides the verdict, such as `balanced_accuracy`. The default depends on the target."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many times every arm is trained, each time with another seed."""
    cuts: Annotated[int, Field(ge=1, le=100)] = 1
    """How many times the data is split. In each split but the first, which is written, the generators, filters,
    transforms and `auto` start anew on another training part and are judged on another hold-out, so that the interval
    of the verdict covers other training parts as well. The cost grows in proportion; 5 is a good number."""
    min: float | None = None
    """The required minimum of the difference to real data alone. Below it, the run is written and the command exits
    with 5."""


class Pipeline(_Model):
    """A pipeline: the data, the generators that learn from it, how many rows they add, and how these are assessed."""

    spec: Literal[1] = 1
    """Version of this format."""
    name: Annotated[str, AfterValidator(_check_name)]
    """The name of the run. By default the file's name without its extension."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """The seed of all random numbers. The same seed gives the same bytes."""
    device: Annotated[str, AfterValidator(_check_device)] = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:1`."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """Threads of one task. The number can change the last digits of network weights, so it is part of the run's key."""
    origin_column: Annotated[str, Field(min_length=1)] = "origin"
    """The column that says where each written row came from."""
    source: Use
    """Where the real rows come from. Paths are relative to the pipeline file."""
    schema_: SchemaDeclaration = Field(default=SchemaDeclaration(), alias="schema")
    """What you know about the columns. The rest is inferred."""
    split: Split = Split()
    """How the hold-out is split off."""
    transforms: list[Use] = []
    """Changes to the real rows, fitted on the training part and applied to both parts, in this order."""
    generators: Annotated[list[Use], Field(min_length=1)]
    """The components that generate synthetic rows."""
    mix: Mix = Mix()
    """How many synthetic rows each generator adds."""
    filters: list[Use] | None = None
    """The components that reject synthetic rows; by default, those for the kind of data. Rows outside the schema are
    always rejected."""
    max_rounds: Annotated[int, Field(ge=1, le=1000)] = 10
    """How many times rejected rows are sampled again."""
    shortfall: Literal["fail", "warn"] = "fail"
    """What happens if rows are still missing after that: the run fails, or continues with fewer rows."""
    trial: Annotated[Trial | None, BeforeValidator(_none_if_false)] = Trial()
    """The experiment on the hold-out, or `false` for none."""
    metrics: list[Use] | None = None
    """The metrics computed on the synthetic rows; by default, those for the kind of data."""
    reporters: list[Use] | None = None
    """The reports to write; by default, the one for the kind of data."""
    sinks: list[Use] | None = None
    """The formats in which the data is written; by default, the one for the kind of data."""
    observers: list[str] = []
    """Plugins that are notified during the run."""


def expand_short_forms(tree: dict[str, Any]) -> None:
    """Spell out, in place, what may be written short: bare names become `use:`, keys left blank go away."""

    def entry(value: Any) -> Any:
        if isinstance(value, str):
            return {"use": value}
        if isinstance(value, dict) and value.get("with", 0) is None:
            del value["with"]
        return value

    for key in [key for key, value in tree.items() if value is None]:
        del tree[key]
    for section in SECTIONS:
        if isinstance(entries := tree.get(section), list):
            entries[:] = [entry(value) for value in entries]
        elif section == "source" and section in tree:
            tree[section] = entry(tree[section])
    split = tree.get("split")
    if isinstance(split, dict) and isinstance(split.get("test"), str | int | float):
        split["test"] = entry(split["test"]) if split.get("column") is None else [split["test"]]
    trial = tree.get("trial")
    if isinstance(trial, dict) and "probe" in trial:
        trial["probe"] = entry(trial["probe"])


def infer_ids(entries: Any) -> list[str]:
    """The id of every entry of a section: as written, else the name, else the name with `-2`, `-3`, ..."""
    entries = [entry if isinstance(entry, Mapping) else {} for entry in entries] if isinstance(entries, list) else []
    taken = {str(entry["id"]).casefold() for entry in entries if entry.get("id") is not None}
    counts: Counter[str] = Counter()  # how often a name was counted up, so that thousands of entries take no time
    ids = []
    for entry in entries:
        name = written = entry.get("id")
        if written is None:
            base = name = str(entry.get("use", ""))
            while name.casefold() in taken:
                counts[base] += 1
                name = f"{base}-{counts[base] + 1}"
            taken.add(name.casefold())
        ids.append(str(name))
    return ids
