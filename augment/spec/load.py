"""The pipeline file: read and checked against the catalog (`load`), then fitted to the data (`bind`).

`load` resolves names and settings against every component still possible; `bind` picks, once the schema is known, the
one for this kind of data. Both report everything they find wrong, each with file and line.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from augment.data.schema import Schema
from augment.errors import PluginError, Problem, SpecError
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import KINDS, Kind, Params
from augment.spec import yaml_tree
from augment.spec.bind import Binder
from augment.spec.bound import Bound, Candidate, Step, bound_from_json, with_paths
from augment.spec.models import SECTIONS, Mix, Pipeline, Split, Trial, Use, cross_check, long_form
from augment.spec.overrides import set_value
from augment.spec.resolve import Resolver
from augment.spec.validation import validate
from augment.spec.yaml_tree import Document

__all__ = [
    "Bound",
    "Candidate",
    "Mix",
    "Pipeline",
    "Resolved",
    "Split",
    "Step",
    "Trial",
    "Use",
    "bind",
    "bound_from_json",
    "json_schema",
    "load",
    "resolved_yaml",
]


@dataclass(frozen=True)
class Resolved:
    """A pipeline whose names and settings are all known to be good.

    Attributes:
        pipeline: the validated file.
        path: the file, or None when the pipeline was made in Python.
        base: the folder that relative paths refer to.
        steps: its components, in the order in which they run.
        text: the file as given, or YAML made of the mapping.
        document: where each part was written.
    """

    pipeline: Pipeline
    path: Path | None
    base: Path
    steps: tuple[Step, ...]
    text: str
    document: Document = field(repr=False, compare=False)

    def of(self, kind: Kind) -> list[Step]:
        """The steps of one kind, in order."""
        return [step for step in self.steps if step.kind == kind]

    def source(self) -> Bound:
        """The source, which is known before any data is read."""
        (step,) = self.of("source")
        return step.bound(step.candidates[0])

    def settings(self, bound: Mapping[Kind, list[Bound]]) -> dict[str, Any]:
        """All settings as plain data for hashing: no paths; files that generators and others name, by content."""

        def dumped(params: Params, kind: Kind) -> dict[str, Any]:
            return _dumped(params, (lambda _: Path("data")) if kind == "source" else _content)

        return _settings(self, bound, dumped)

    def shown(self, bound: Mapping[Kind, list[Bound]]) -> dict[str, Any]:
        """All settings as plain data for people: of a path, the last name alone."""
        return _settings(self, bound, lambda params, _: _dumped(params, lambda path: Path(path.name)))


def load(
    source: Path | str | Mapping[str, Any] | Pipeline,
    catalog: Catalog,
    *,
    overrides: Sequence[str] = (),
    base: Path | None = None,
    source_needed: bool = True,
) -> Resolved:
    """Read a pipeline and check all that can be checked without the data.

    Args:
        source: the file's path, or the pipeline as a mapping.
        catalog: the components there are.
        overrides: such as `generators.0.with.epochs=5`, each changing one value.
        base: the folder that relative paths refer to; the file's own, or the current one for a mapping.
        source_needed: whether the files that the source names must be there.

    Raises:
        SpecError: with everything that is wrong, in the order of the lines.
        PluginError: all is well but for a plugin that cannot be imported.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    if path is not None:
        document = yaml_tree.read(path)
    elif isinstance(source, Pipeline):
        written = source.model_dump(by_alias=True, exclude_unset=True, mode="json")
        document = yaml_tree.from_mapping(written | ({"trial": False} if source.trial is None else {}))
    else:
        document = yaml_tree.from_mapping(cast(Mapping[str, Any], source))
    long_form(document.tree)
    _override(document, overrides)
    tree = document.tree
    tree.setdefault("name", _default_name(path))
    base = Path(os.path.abspath(base or (path.parent if path else Path.cwd())))

    pipeline, complaints = validate(Pipeline, tree)
    complaints += cross_check(tree)
    resolver = Resolver(catalog, document, base, source_needed)
    complaints += resolver.complaints
    if complaints:
        problems = list(dict.fromkeys(document.problem(*complaint) for complaint in complaints))
        order = sorted(problems, key=lambda problem: (problem.file != document.file, problem.line))
        if len(resolver.broken) == len(complaints):
            raise PluginError("\n".join(map(str, order))) from resolver.broken[0]
        raise SpecError(order[: yaml_tree.MAX_PROBLEMS]) from next(iter(resolver.broken), None)
    assert pipeline is not None
    return Resolved(pipeline, path, base, tuple(resolver.steps), document.text, document)


def bind(
    resolved: Resolved, schema: Schema, num_rows: int | None = None, kinds: Collection[Kind] = KINDS
) -> dict[Kind, list[Bound]]:
    """Pick the component of every step for this data, and check what the pipeline says of its columns and classes.

    Args:
        resolved: the pipeline.
        schema: of the data that these kinds get: before the transforms for transforms, after them for the others.
        num_rows: training rows, when known.
        kinds: bind these only. Columns of `split` are looked at with transforms, `mix` with generators, the score of
            `trial` with probes.

    Returns:
        Kind to its components, in order; every kind that was asked for is a key. Defaults that cannot work with this
        data are left out.

    Raises:
        SpecError: a component refuses the data, or the pipeline names columns or classes that are not there.
    """
    binder = Binder(resolved.pipeline, resolved.steps, resolved.document, schema, num_rows)
    bound = {kind: [resolved.source()] if kind == "source" else binder.bound(kind) for kind in KINDS if kind in kinds}
    if "transform" in kinds:
        binder.check_columns()
    if "generator" in kinds:
        binder.check_rows(bound["generator"])
    if "probe" in kinds:
        binder.check_score()
    if binder.problems:
        raise SpecError(sorted(binder.problems, key=lambda problem: problem.line))
    return bound


def resolved_yaml(resolved: Resolved, bound: Mapping[Kind, list[Bound]], folder: Path) -> str:
    """The pipeline with every default filled in, paths relative to `folder`; loading it from there gives the same."""
    top = os.path.abspath(folder)

    def relative(path: Path) -> Path:
        try:
            return Path(os.path.relpath(path, top))
        except ValueError:  # another drive on Windows
            return path

    return yaml_tree.dump(_settings(resolved, bound, lambda params, _: _dumped(params, relative)))


def json_schema(catalog: Catalog) -> dict[str, Any]:
    """A JSON Schema of pipeline files for editors: what may stand where, with the settings of every component."""
    from augment.spec.json_schema import json_schema as made

    return made(catalog)


def _override(document: Document, overrides: Sequence[str]) -> None:
    problems: list[Problem] = []
    for override in overrides:
        try:
            set_value(document, override)
        except SpecError as error:
            problems += error.problems
        long_form(document.tree)
    if problems:
        raise SpecError(problems)


def _default_name(path: Path | None) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", path.stem if path else "pipeline").strip("-._")
    return name[:64] or "pipeline"


def _settings(
    resolved: Resolved, bound: Mapping[Kind, list[Bound]], dump: Callable[[Params, Kind], dict[str, Any]]
) -> dict[str, Any]:
    """The pipeline as plain data in the file's order, every default filled in, components as they are bound."""

    def entry(step: Bound) -> dict[str, Any]:
        limit = {} if step.timeout is None else {"timeout": step.timeout}
        return {"id": step.id, "use": step.use, **limit, "with": dump(step.params, step.kind)}

    tree = resolved.pipeline.model_dump(mode="json", by_alias=True)
    tree["schema"] = resolved.pipeline.schema_.model_dump(mode="json", exclude_none=True)
    for section, kind in SECTIONS.items():
        entries = [entry(step) for step in bound.get(kind, [])]
        tree[section] = entries[0] if section == "source" else entries
    if tree["trial"] is None:
        tree["trial"] = False
    else:
        tree["trial"]["probe"] = next((entry(step) for step in bound.get("probe", [])), None)
    return tree


def _dumped(params: Params, change: Callable[[Path], Path]) -> dict[str, Any]:
    changed: Params = with_paths(params, lambda path, _: change(path))
    return changed.model_dump(mode="json", by_alias=True)


def _content(path: Path) -> Path:
    """What stands for a path where only content counts: the hash of a file, else its last name."""
    if not path.is_file():
        return Path(path.name)
    with path.open("rb") as file:
        return Path("sha256-" + hashlib.file_digest(file, "sha256").hexdigest())
