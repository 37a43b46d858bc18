"""The pipeline file's models, and the checks that look at several of its fields at once.

Those checks are plain functions over the parsed tree rather than model validators, because a validator does not run
where any field is wrong, and loading should name all that is wrong at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from augment.data.schema import SchemaDeclaration
from augment.errors import did_you_mean
from augment.plugin.contracts import Kind
from augment.spec.messages import KeyPath, show_value
from augment.spec.validation import Violation

__all__ = ["SECTIONS", "Mix", "Pipeline", "Search", "Split", "Trial", "Use", "cross_check", "ids_of", "long_form"]

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

MAX_NAME = 64
_SAFE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}")
_SAFE_WORDS = f"1 to {MAX_NAME} letters, digits, `_`, `.` and `-`, beginning with a letter or digit"
_MULTIPLE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?x")
_DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]{1,3})?")
# names that stand for something else in `origin`, in the arms of a trial, or among the filters
_RESERVED = {
    "generators": {"real", "all", "none", "class-weights", "oversampling", "synthetic", "blend"},
    "filters": {"in-schema", "duplicates"},
}
_ROWS = (
    "expected `auto`, `balance`, a multiple of the training rows such as `2x`, a number of rows, `{per_class: 1000}`, "
    "or a number for each class such as `{yes: 400, no: 0}`"
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def _safe(text: str) -> str:
    if not _SAFE.fullmatch(text):
        raise ValueError(f"expected {_SAFE_WORDS}, got {show_value(text)}")
    return text


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text):
        raise ValueError(f"expected auto, cpu, cuda or cuda:N, got {show_value(text)}")
    return text


def _rows(rows: Any) -> Any:
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
                    f"expected a whole number of rows, at least 0, for {label!r}, got {show_value(number)}"
                )
    return rows


def _tried(amount: Any) -> Any:
    if amount == "auto" or isinstance(amount, dict) or amount == 0:
        raise ValueError(f"expected `balance`, a multiple such as `2x`, or a number of rows, got {show_value(amount)}")
    return _rows(amount)


def _trial(trial: Any) -> Any:
    return None if trial is False else trial


class Use(_Model):
    """One component of a pipeline and its settings. A bare name is short for `use:` alone."""

    use: str
    """The name of a component, as `augment plugins` lists it."""
    id: str | None = None
    """What this component is called in the report and in the `origin` column; the name when not given, `name-2` for a
    second one."""
    with_: dict[str, Any] = Field(default={}, alias="with")
    """The component's own settings; `augment show NAME` explains them."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds that one task of this component may take; no limit when not given."""


class Split(_Model):
    """How the hold-out is cut, before anything learns."""

    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the rows that nobody trains on."""
    stratify: str | bool | None = None
    """The column whose classes both parts hold alike, or `false`; the target when it has classes, if not given."""
    group: str | None = None
    """A column: rows with the same value (of one customer, one patient) never fall into both parts."""
    time: str | None = None
    """A column: the hold-out is what comes last by it."""
    dedupe: Literal["keep", "drop", "group"] = "keep"
    """Equal rows: `keep` them as they are, `drop` all but the first, or keep them together (`group`) in one part."""


class Search(_Model):
    """How `auto` looks for the mix: by trials inside the training part. Half leave after 5, 10, 20, ... seeds."""

    seeds: Annotated[int, Field(ge=2, le=1000)] = 10
    """How many seeds the last candidates are tried with. Each is a split of the training part of its own, with
    generators fitted anew."""
    amounts: Annotated[list[Annotated[int | str, BeforeValidator(_tried)]], Field(min_length=1)] = [
        "balance",
        "0.5x",
        "1x",
        "2x",
        "5x",
    ]
    """The amounts that `rows: auto` tries, each as `rows` would say it."""
    budget: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which the search ends with what it knows; looked at only where candidates leave. A search that was
    cut short makes the run one that cannot be made again to the byte. No limit when not given."""


class Mix(_Model):
    """How many synthetic rows are added, of which class, and who makes them."""

    rows: Annotated[int | str | dict[str, int] | None, BeforeValidator(_rows)] = None
    """`balance` (every class is lifted to the largest), `2x` (twice the training rows are added), a number of rows,
    `{per_class: 1000}` or rows for each class such as `{yes: 400, no: 0}`; `auto` finds out, and may add none.
    `balance` for a target with classes and `1x` otherwise, if not given."""
    share: dict[str, Annotated[float, Field(ge=0)]] | Literal["auto"] = {}
    """Generator id to weight; `auto` tries each alone and all alike. When not given, equal weights, or `auto` where the
    rows are."""
    search: Search = Search()
    """How `auto` goes about it."""

    @property
    def is_auto(self) -> bool:
        """Whether a search has to find something."""
        return "auto" in (self.rows, self.share)

    def weight(self, generator: str) -> float:
        """The weight of a generator, by its id."""
        return 1.0 if self.share == "auto" else self.share.get(generator, 1.0)


class Trial(_Model):
    """The experiment on the hold-out: the same probe trained with and without the synthetic rows."""

    probe: Use | None = None
    """The model that is trained: `boosting` for tables and `cnn` for images, if not given. `package.module:factory` is
    a function of your own that returns a model with the interface of scikit-learn; see `augment show estimator`."""
    score: str | None = None
    """The score that the verdict looks at, such as `balanced_accuracy`; chosen by the target when not given."""
    seeds: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many times every arm is trained, each with a seed of its own."""
    min: float | None = None
    """Smallest difference to real data alone that counts as success; below it the run is written and exits with 5."""


class Pipeline(_Model):
    """A pipeline: where the data is, what learns from it, how much is added, and how that is judged."""

    spec: Literal[1] = 1
    """Version of this format."""
    name: Annotated[str, AfterValidator(_safe)]
    """What the run is called; the file's name without its ending when not given."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Where all randomness starts. The same seed gives the same bytes."""
    device: Annotated[str, AfterValidator(_device)] = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:1`."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """Threads of one task. It can change the last digits of what a network learns, so it is part of the run's key."""
    origin_column: Annotated[str, Field(min_length=1)] = "origin"
    """The column that says where each written row came from."""
    source: Use
    """Where the real rows come from. Paths are relative to the pipeline file."""
    schema_: SchemaDeclaration = Field(default=SchemaDeclaration(), alias="schema")
    """What is known of the columns; the rest is inferred."""
    split: Split = Split()
    """How the hold-out is cut."""
    transforms: list[Use] = []
    """Changes to the real rows, learnt from the training part and applied to both parts, in this order."""
    generators: Annotated[list[Use], Field(min_length=1)]
    """Who makes synthetic rows."""
    mix: Mix = Mix()
    """How many synthetic rows there are, and whose."""
    filters: list[Use] = [Use(use="not-a-copy")]
    """Who throws out synthetic rows. Rows outside the schema are thrown out in any case."""
    max_rounds: Annotated[int, Field(ge=1, le=1000)] = 10
    """How often rejected rows are drawn again."""
    shortfall: Literal["fail", "warn"] = "fail"
    """What happens when rows are still missing then: the run fails, or goes on with fewer."""
    trial: Annotated[Trial | None, BeforeValidator(_trial)] = Trial()
    """The experiment on the hold-out; `false` for none."""
    metrics: list[Use] = [Use(use="fidelity"), Use(use="next-item"), Use(use="privacy")]
    """What is measured of the synthetic rows. Of the defaults, those that cannot work with the data are left out."""
    reporters: list[Use] = [Use(use="html")]
    """What is written for people to read."""
    sinks: list[Use] = [Use(use="parquet")]
    """In which formats the data is written."""
    observers: list[str] = []
    """Plugins that follow the run."""


def long_form(tree: dict[str, Any]) -> None:
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
        if isinstance(found := tree.get(section), list):
            found[:] = [entry(value) for value in found]
        elif section == "source" and section in tree:
            tree[section] = entry(tree[section])
    trial = tree.get("trial")
    if isinstance(trial, dict) and "probe" in trial:
        trial["probe"] = entry(trial["probe"])


def ids_of(entries: Any) -> list[str]:
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


def cross_check(tree: Mapping[str, Any]) -> list[Violation]:
    """What is wrong between fields of a tree in its long form, whatever else is wrong with it."""
    checks = (_check_ids, _check_share, _check_search, _check_split, _check_schema, _check_observers)
    return [violation for check in checks for violation in check(tree)]


def _part(tree: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    node: Any = tree
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _check_ids(tree: Mapping[str, Any]) -> Iterator[Violation]:
    for section in SECTIONS:
        entries = tree.get(section)
        if not isinstance(entries, list):
            continue
        first: dict[str, int] = {}
        for position, (entry, name) in enumerate(zip(entries, ids_of(entries), strict=True)):
            if not isinstance(entry, Mapping) or not isinstance(entry.get("id") or entry.get("use"), str):
                continue
            key_path: KeyPath = (section, position, "id") if entry.get("id") is not None else (section, position)
            # files and folders are named after ids, and some file systems do not tell `a` from `A`
            folded = name.casefold()
            if not _SAFE.fullmatch(name):
                yield key_path, f"an id is {_SAFE_WORDS}; got {show_value(name)}"
            if folded in _RESERVED.get(section, ()):
                yield key_path, f"the id {name!r} means something else in the report; give this entry another `id:`"
            if folded in first:
                same = f"{section}.{first[folded]}"
                yield key_path, f"the id {name!r} is used twice, here and by {same}; ids differ by more than case"
            first.setdefault(folded, position)


def _check_share(tree: Mapping[str, Any]) -> Iterator[Violation]:
    share = _part(tree, "mix", "share")
    ids = ids_of(tree.get("generators"))
    if not share or not ids or not all(map(_SAFE.fullmatch, ids)):  # which is complained of elsewhere
        return
    for name in share:
        if name not in ids:
            known = did_you_mean(name, ids) or f"; there are {', '.join(ids)}"
            yield ("mix", "share", name), f"there is no generator with that id{known}"
    absent = [name for name in ids if name not in share]
    if absent and all(name in ids for name in share):
        yield ("mix", "share"), f"expected a weight for every generator; {', '.join(absent)} has none (0 is a weight)"
    if all(isinstance(weight, int | float) and weight == 0 for weight in share.values()):
        yield ("mix", "share"), "all weights are 0; expected at least one generator that makes rows"


def _check_search(tree: Mapping[str, Any]) -> Iterator[Violation]:
    mix = _part(tree, "mix")
    for key in ("rows", "share"):
        if mix.get(key) == "auto" and tree.get("trial") is False:
            yield ("mix", key), "`auto` finds out by trials, and `trial: false` allows none; say it here, or allow them"


def _check_split(tree: Mapping[str, Any]) -> Iterator[Violation]:
    split = _part(tree, "split")
    if split.get("time") and split.get("stratify"):
        yield ("split", "stratify"), "a hold-out that comes last by `time` cannot be stratified; write one of the two"
    for key, refused in (("group", split.get("group")), ("dedupe", split.get("dedupe") == "group")):
        if split.get("time") and refused:
            yield ("split", key), "a hold-out that comes last by `time` cannot keep groups whole; write one of the two"
    if split.get("stratify") is True and not _part(tree, "schema").get("target"):
        yield ("split", "stratify"), "true means the target, and the schema names none; name it, or a column here"


def _check_schema(tree: Mapping[str, Any]) -> Iterator[Violation]:
    schema = _part(tree, "schema")
    if schema.get("target") and schema.get("target") == schema.get("payload"):
        yield ("schema", "payload"), "the payload is what the target is predicted from; it cannot be the target"
    for name, column in _part(schema, "columns").items():
        if isinstance(column, Mapping):
            yield from _check_bounds(("schema", "columns", name), column.get("min"), column.get("max"))
            categories = column.get("categories")
            if isinstance(categories, list):
                for double in sorted({str(label) for label in categories if categories.count(label) > 1}):
                    yield ("schema", "columns", name, "categories"), f"{double!r} is listed twice"
    for name, array in _part(schema, "arrays").items():
        if isinstance(array, Mapping) and isinstance(bounds := array.get("range"), list) and len(bounds) == 2:
            yield from _check_bounds(("schema", "arrays", name, "range"), *bounds)


def _check_bounds(key_path: KeyPath, low: Any, high: Any) -> Iterator[Violation]:
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield key_path, f"the smallest value allowed, {low}, is larger than the largest, {high}"


def _check_observers(tree: Mapping[str, Any]) -> Iterator[Violation]:
    observers = tree.get("observers")
    observers = observers if isinstance(observers, list) else []
    for position, name in enumerate(observers):
        if name in observers[:position]:
            yield ("observers", position), f"{name!r} is listed twice"
