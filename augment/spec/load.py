"""A pipeline read and checked against the catalog, before any data is read.

Names and settings are checked against every component that the name may stand for. Everything wrong is reported at
once, each problem with its file and line.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from augment.errors import PluginError, Problem, SpecError
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Params
from augment.plugin.kinds import Kind
from augment.spec.cross_checks import cross_check
from augment.spec.document import Document, from_mapping, read
from augment.spec.messages import MAX_PROBLEMS
from augment.spec.model_errors import validate
from augment.spec.models import SECTIONS, Pipeline, expand_short_forms
from augment.spec.overrides import set_value
from augment.spec.resolve import Resolver
from augment.spec.stages import Bound, Stage, map_paths
from augment.spec.trust import check_names
from augment.toolkit.yaml_text import dump

__all__ = ["Resolved", "Spec", "load", "resolved_yaml"]

Spec = Path | str | Mapping[str, Any] | Pipeline  # a pipeline: its file, or as a mapping or model


@dataclass(frozen=True)
class Resolved:
    """A pipeline whose names and settings are all known to be good.

    Attributes:
        pipeline: the validated file.
        path: the file, or None when the pipeline was made in Python.
        base: the folder that relative paths refer to.
        stages: its components, in the order in which they run.
        text: the file as given, or YAML made of the mapping.
        document: where each part was written.
        trusted: first names of the modules of the user's that it names, all of them trusted.
    """

    pipeline: Pipeline
    path: Path | None
    base: Path
    stages: tuple[Stage, ...]
    text: str
    document: Document = field(repr=False, compare=False)
    trusted: frozenset[str] = frozenset()

    def select_stages(self, kind: Kind) -> list[Stage]:
        """The stages of one kind, in order."""
        return [stage for stage in self.stages if stage.kind == kind]

    def sources(self) -> list[Bound]:
        """The source, then that of the hold-out if it has one. They are known before any data is read."""
        return [stage.bind(stage.candidates[0]) for stage in self.select_stages("source")]

    def settings(self, components: Mapping[Kind, list[Bound]]) -> dict[str, Any]:
        """All settings as plain data for hashing: no paths; files that generators and others name, by content."""

        def dumped(params: Params, kind: Kind) -> dict[str, Any]:
            return _dumped(params, (lambda _: Path("data")) if kind == "source" else _content)

        return _settings(self, components, dumped)

    def display_settings(self, components: Mapping[Kind, list[Bound]]) -> dict[str, Any]:
        """All settings as plain data for people: of a path, the last name alone."""
        return _settings(self, components, lambda params, _: _dumped(params, lambda path: Path(path.name)))


def load(
    source: Spec,
    catalog: Catalog,
    *,
    overrides: Sequence[str] = (),
    base: Path | None = None,
    source_needed: bool = True,
    trust: Collection[str] = (),
) -> Resolved:
    """Read a pipeline and check all that can be checked without the data.

    Args:
        source: the file's path, or the pipeline as a mapping.
        catalog: the components there are.
        overrides: such as `generators.0.with.epochs=5`, each changing one value.
        base: the folder that relative paths refer to; the file's own, or the current one for a mapping.
        source_needed: whether the files that the source names must be there, as for a run; not for a run that is
            finished, whose searches are over too.
        trust: first names of the modules of the user's own that the pipeline may name, see `augment.spec.trust`.

    Raises:
        SpecError: with everything that is wrong, in the order of the lines.
        PluginError: all is well but for a plugin that cannot be imported.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    if path is not None:
        document = read(path)
    elif isinstance(source, Pipeline):
        written = source.model_dump(by_alias=True, exclude_unset=True, mode="json")
        document = from_mapping(written | ({"trial": False} if source.trial is None else {}))
    else:
        document = from_mapping(cast(Mapping[str, Any], source))
    expand_short_forms(document.tree)
    _override(document, overrides)
    tree = document.tree
    tree.setdefault("name", _default_name(path))
    base = Path(os.path.abspath(base or (path.parent if path else Path.cwd())))

    pipeline, violations = validate(Pipeline, tree)
    violations += cross_check(tree, finished=not source_needed)
    resolver = Resolver(catalog, document, base, source_needed, check_names(trust))
    violations += resolver.violations
    if violations:
        problems = list(dict.fromkeys(document.problem(*violation) for violation in violations))
        order = sorted(problems, key=lambda problem: (problem.file != document.file, problem.line))
        if len(resolver.broken) == len(violations):
            raise PluginError("\n".join(map(str, order))) from resolver.broken[0]
        raise SpecError(order[:MAX_PROBLEMS]) from next(iter(resolver.broken), None)
    assert pipeline is not None
    trusted = frozenset(resolver.trusted)
    return Resolved(pipeline, path, base, tuple(resolver.stages), document.text, document, trusted)


def resolved_yaml(resolved: Resolved, components: Mapping[Kind, list[Bound]], folder: Path) -> str:
    """The pipeline with every default filled in, paths relative to `folder`; loading it from there gives the same."""
    top = os.path.abspath(folder)

    def relative(path: Path) -> Path:
        try:
            return Path(os.path.relpath(path, top))
        except ValueError:  # another drive on Windows
            return path

    return dump(_settings(resolved, components, lambda params, _: _dumped(params, relative)))


def _override(document: Document, overrides: Sequence[str]) -> None:
    problems: list[Problem] = []
    for override in overrides:
        try:
            set_value(document, override)
        except SpecError as error:
            problems += error.problems
        expand_short_forms(document.tree)
    if problems:
        raise SpecError(problems)


def _default_name(path: Path | None) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", path.stem if path else "pipeline").strip("-._")
    return name[:64] or "pipeline"


def _settings(
    resolved: Resolved, components: Mapping[Kind, list[Bound]], dump_params: Callable[[Params, Kind], dict[str, Any]]
) -> dict[str, Any]:
    """The pipeline as plain data in the file's order, every default filled in, components as they are bound."""

    def entry(component: Bound) -> dict[str, Any]:
        limit = {} if component.timeout is None else {"timeout": component.timeout}
        dumped = [dump_params(variant.params, component.kind) for variant in component.variants]
        return {
            "id": component.id,
            "use": component.use,
            **limit,
            "with": component.searched.write(dumped) if component.searched else dumped[0],
        }

    tree = resolved.pipeline.model_dump(mode="json", by_alias=True)
    tree["schema"] = resolved.pipeline.schema_.model_dump(mode="json", exclude_none=True)
    for section, kind in SECTIONS.items():
        entries = [entry(component) for component in components.get(kind, [])]
        tree[section] = entries[0] if section == "source" else entries
        if section == "source" and len(entries) > 1:
            tree["split"]["test"] = entries[1]
    if tree["split"]["test"] is None:
        tree["split"]["holdout"] = resolved.pipeline.split.share
    if tree["trial"] is None:
        tree["trial"] = False
    else:
        tree["trial"]["probe"] = next((entry(component) for component in components.get("probe", [])), None)
    return tree


def _dumped(params: Params, change: Callable[[Path], Path]) -> dict[str, Any]:
    changed: Params = map_paths(params, lambda path, _: change(path))
    return changed.model_dump(mode="json", by_alias=True)


def _content(path: Path) -> Path:
    """What stands for a path where only content counts: the hash of a file, else its last name."""
    if not path.is_file():
        return Path(path.name)
    with path.open("rb") as file:
        return Path("sha256-" + hashlib.file_digest(file, "sha256").hexdigest())
