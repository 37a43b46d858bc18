"""Building blocks of rules: the case under test, its data, and findings."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from augment.data import Dataset
from augment.plugin.context import Checkpoint, Context, derive_seed
from augment.plugin.contracts import Component, Params, Probe
from augment.testing.examples import Recipe

__all__ = [
    "Case",
    "ConformanceError",
    "Finding",
    "Rule",
    "Settings",
    "difference",
    "every",
    "one",
    "one_a_modality",
]

T = TypeVar("T")
Settings = Params | Mapping[str, Any] | Callable[[Path], Mapping[str, Any]] | None


@dataclass(frozen=True)
class Finding:
    """A broken rule, with everything needed to fix it.

    Attributes:
        component: its description, such as `generator 'jitter' (Jitter)`.
        done: what the check did.
        happened: the result.
        expected: the expected result.
        fix: how to fix it.
        data: the kind of example data; empty if the rule needs none.
        rule: the rule's name.
        promise: what the rule requires.
        why: the reason for the rule.
        check: the check that failed: the rule, with the kind of data in brackets.
        cause: the earlier check that failed of the same cause; empty if this is the first.
    """

    component: str
    done: str
    happened: str
    expected: str
    fix: str
    data: str = ""
    rule: str = ""
    promise: str = ""
    why: str = ""
    check: str = ""
    cause: str = ""

    def __str__(self) -> str:
        data = f", on example data of kind {self.data}" if self.data else ""
        if self.cause:
            result = f"  {'what happened:':<15}{self.happened}"
            return f"{self.rule}: {self.component}{data}\n{result}\n  {'the cause:':<15}probably that of {self.cause}"
        parts = {
            "the contract": " ".join(filter(None, [self.promise, self.why])),
            "what was done": self.done,
            "what happened": self.happened,
            "expected": self.expected,
            "how to mend": self.fix,
        }
        lines = [f"  {what + ':':<15}{text}" for what, text in parts.items() if text]
        return "\n".join([f"{self.rule}: {self.component}{data}", *lines])


class ConformanceError(AssertionError):
    """A component breaks rules that the host relies on. `findings` has one entry per broken rule."""

    def __init__(self, *findings: Finding):
        self.findings = findings
        firsts = [finding for finding in findings if not finding.cause] or findings
        others = [finding.check for finding in findings if finding.cause]
        head = [] if len(findings) == 1 else [f"{len(findings)} checks failed"]
        tail = [f"probably of the same causes: {', '.join(others)}"] if len(others) and len(findings) > 1 else []
        super().__init__("\n\n".join([*head, *map(str, firsts), *tail]))


@dataclass(frozen=True)
class Case:
    """One component with its settings and a kind of data.

    Attributes:
        component: the class under check.
        settings: its settings.
        recipe: the kind of data; None if the rule needs no data.
        folder: scratch folder of this check.
        shared: what the checks of one component share, because fits can be slow: by the kind of data and what it is.
    """

    component: type[Component]
    settings: Settings
    recipe: Recipe | None
    folder: Path
    shared: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The component's description, such as `generator 'jitter' (Jitter)`."""
        return f"{self.component.kind} {self.component.name!r} ({self.component.__qualname__})"

    def expect(self, holds: bool, *, done: str, happened: str, expected: str, fix: str) -> None:
        """Fail with an explanation unless the condition holds."""
        if not holds:
            data = str(self.recipe or "")
            raise ConformanceError(Finding(self.name, done, happened, expected, fix, data))

    @cached_property
    def params(self) -> Params:
        """The component's validated settings."""
        return settle(self.component, self.settings, self.folder)

    @property
    def data(self) -> Dataset:
        """The training part, created again on each access, so modifications stay within one check."""
        assert self.recipe is not None
        return self.recipe.build()

    @property
    def other_data(self) -> Dataset:
        """Other rows of the same kind, under the schema of the training part."""
        return self.unseen(seed=1)

    def unseen(self, seed: int) -> Dataset:
        """Rows of another seed, under the schema of the training part."""
        assert self.recipe is not None
        data = self.recipe.build(seed)
        return Dataset.of(data.frame, data.arrays, self.data.schema)

    def context(
        self,
        purpose: str,
        train: Dataset | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
    ) -> Context:
        """A context as the host provides it; the same purpose gives the same seed."""
        scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self.folder))
        said: dict[str, Any] = {} if progress is None else {"progress": progress}
        if issubclass(self.component, Probe) and self.component.takes_factory:  # which whoever checks has named
            said["trusted"] = frozenset({self.params.factory.partition(":")[0].partition(".")[0]})  # type: ignore[attr-defined]
        return Context(
            derive_seed("conformance", purpose),
            scratch,
            train=train,
            checkpoint=checkpoint or Checkpoint(),
            **said,
        )

    def new(self) -> Any:
        """An unfitted component."""
        return self.component(self.params)

    def once(self, what: str, make: Callable[[], T]) -> T:
        """What is made once for all checks on this kind of data."""
        key = str(self.recipe), what
        if key not in self.shared:
            self.shared[key] = make()
        made: T = self.shared[key]
        return made

    def fitted(self) -> Any:
        """A component fitted on `data`, shared by all checks."""
        return self.once("fitted", lambda: self.fit(self.data))

    def sampled(self, num_rows: int) -> Dataset:
        """So many rows of the shared generator for `given(num_rows)`, shared by all checks."""
        return self.once(f"{num_rows} rows", lambda: self.sample(self.fitted(), self.given(num_rows)))

    def fit(self, data: Dataset, context: Context | None = None, other: Dataset | None = None) -> Any:
        """A new component, fitted on these rows; filters also on `other` rows, by default `other_data`."""
        context = context or self.context("fit", train=data)
        component = self.new()
        if self.component.kind == "filter":
            fitted = component.fit(data, self.other_data if other is None else other, context)
        elif hasattr(component, "fit"):
            fitted = component.fit(data, context)
        else:
            return component
        self.expect(
            isinstance(fitted, self.component),
            done="called fit(...)",
            happened=f"it returned {fitted!r}",
            expected="the fitted component itself",
            fix="end `fit` with `return self`",
        )
        return fitted

    def given(self, num_rows: int, columns: list[str] | None = None) -> pd.DataFrame:
        """A sampling request: the target if the component can be conditioned on it, otherwise no column."""
        data = self.data
        if columns is None:
            by_class = data.schema.task == "classes" and self.component.accepts.conditional != "none"
            columns = [data.schema.target] if by_class and data.schema.target else []
        return data.take(np.arange(num_rows) % len(data)).frame[columns]

    def sample(
        self, generator: Any, given: pd.DataFrame, purpose: str = "sample", train: Dataset | None = None
    ) -> Dataset:
        """Synthetic rows; their number is checked."""
        rows: Dataset = generator.sample(given, self.context(purpose, train=self.data if train is None else train))
        self.expect(
            isinstance(rows, Dataset) and len(rows) == len(given),
            done=f"asked `sample` for {len(given)} rows (columns given: {', '.join(given.columns) or 'none'})",
            happened=f"{len(rows)} rows" if isinstance(rows, Dataset) else f"a {type(rows).__name__}",
            expected=f"a Dataset of exactly {len(given)} rows",
            fix="make whole batches until there are enough rows, and cut the tail",
        )
        return rows


@dataclass(frozen=True)
class Rule:
    """A rule for components: a function that raises ConformanceError, and the data it runs on.

    `on` selects from the kinds of data that a component accepts. Without it, the rule needs no data.
    """

    function: Callable[[Case], None]
    on: Callable[[list[Recipe]], list[Recipe]] | None = None

    @property
    def name(self) -> str:
        """The function's name with hyphens."""
        return self.function.__name__.strip("_").replace("_", "-")

    @property
    def promise(self) -> str:
        """The requirement: the first paragraph of the function's docstring."""
        return self._paragraphs[0]

    @property
    def why(self) -> str:
        """The reason: the second paragraph."""
        return self._paragraphs[1]

    @property
    def _paragraphs(self) -> list[str]:
        return [" ".join(part.split()) for part in inspect.cleandoc(self.function.__doc__ or "").split("\n\n")]


def every(recipes: list[Recipe]) -> list[Recipe]:
    """All kinds of data that the component accepts."""
    return recipes


def one_a_modality(recipes: list[Recipe]) -> list[Recipe]:
    """The first kind of data of each modality, with classes if the component accepts them."""
    firsts: dict[str, Recipe] = {}
    for recipe in recipes:
        firsts.setdefault(recipe.modality, recipe)
    return list(firsts.values())


def one(recipes: list[Recipe]) -> list[Recipe]:
    """A single kind of data, for rules that need another process."""
    return [recipe for recipe in recipes if recipe.modality == "table"][:1] or recipes[:1]


def settle(component: type[Component], settings: Settings, folder: Path) -> Params:
    """The component's validated settings."""
    if isinstance(settings, Params):
        return settings
    if callable(settings):
        settings = settings(folder)
    try:
        return component.Params.model_validate(settings or {})
    except ValidationError as error:
        raise ConformanceError(
            Finding(
                f"{component.kind} {component.name!r} ({component.__qualname__})",
                done=f"made its Params from {dict(settings or {})}",
                happened=str(error),
                expected="valid settings; every field has a default, but for those that only a user can know",
                fix="give the fields defaults, or pass settings: checks_for(..., params={...}); a function of a folder "
                "may write the files that a source reads",
            )
        ) from error


def difference(one: Any, other: Any) -> str:
    """A description of how two results differ; empty if they are bit-identical."""
    if isinstance(one, Dataset) and isinstance(other, Dataset):
        if one.schema != other.schema:
            return "their schemas differ"
        if len(one) != len(other):
            return f"{len(one)} rows and {len(other)} rows"
        if list(one.frame.columns) != list(other.frame.columns) or set(one.arrays) != set(other.arrays):
            named = [f"{list(data.frame)} {sorted(data.arrays)}" for data in (one, other)]
            return f"columns and arrays are {named[0]} and {named[1]}"
        for name in one.frame.columns:
            if one.frame[name].dtype != other.frame[name].dtype:
                return f"column {name!r} has pandas type {one.frame[name].dtype} and {other.frame[name].dtype}"
            if place := _first_difference(one.frame[name].to_numpy(object), other.frame[name].to_numpy(object)):
                return f"column {name!r}, {place}"
        for name in one.arrays:
            if place := _first_difference(np.asarray(one.arrays[name]), np.asarray(other.arrays[name])):
                return f"array {name!r}, {place}"
        return ""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return _first_difference(one, other)
    return "" if one == other else f"{one!r} and {other!r}"


def _first_difference(one: np.ndarray, other: np.ndarray) -> str:
    if one.shape != other.shape or one.dtype != other.dtype:
        return f"{one.dtype} {one.shape} and {other.dtype} {other.shape}"
    if one.dtype == object:
        missing = pd.isna(one)
        unequal = (missing != pd.isna(other)) | np.array([bool(a != b) for a, b in _present(one, other)], dtype=bool)
    else:
        octets = [np.ascontiguousarray(values).view(np.uint8).reshape(*values.shape, -1) for values in (one, other)]
        unequal = (octets[0] != octets[1]).any(axis=-1) if one.size else np.zeros(one.shape, dtype=bool)
    if not unequal.any():
        return ""
    rows = unequal.reshape(len(unequal), -1).any(axis=1)
    first = int(rows.argmax())
    return f"{int(rows.sum())} of {len(rows)} rows; the first is row {first}: {one[first]!r} and {other[first]!r}"


def _present(one: np.ndarray, other: np.ndarray) -> Iterator[tuple[Any, Any]]:
    for a, b in zip(one, other, strict=True):
        yield (None, None) if pd.isna(a) or pd.isna(b) else (a, b)
