"""The components of a pipeline: as stages before the data is known, and bound to one class afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from augment.data import Modality
from augment.errors import PluginError, Problem
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Component, Params
from augment.plugin.kinds import Kind
from augment.spec.messages import KeyPath
from augment.spec.model_errors import validate
from augment.spec.searched_settings import SearchedSettings

__all__ = ["Bound", "Candidate", "Stage", "bound_from_json", "class_name", "map_paths", "paths_in"]


@dataclass(frozen=True)
class Candidate:
    """A component that a stage may turn out to be, with the settings it would have; paths are absolute.

    Where a search finds some of the settings, `params` has the first value of each.
    """

    cls: type[Component]
    params: Params
    searched: SearchedSettings | None = None

    @property
    def all_params(self) -> tuple[Params, ...]:
        """The settings; where some are searched for, with each combination of the values."""
        return self.searched.variants if self.searched else (self.params,)


@dataclass(frozen=True)
class Stage:
    """One component of a pipeline, before the data is known.

    Attributes:
        kind: which of the eight kinds.
        id: unique among the stages of its kind.
        use: the name after `use:`.
        timeout: seconds that one task may take, or None.
        candidates: what it may turn out to be, at least one.
        where: its place in the file: `generators.0`.
        default_for: the kinds of data for which it is there, though not written, as their default; it is left out where
            it cannot work with the data. None where it is written.
        refused: components of that name whose settings were not accepted, and why.
    """

    kind: Kind
    id: str
    use: str
    timeout: float | None
    candidates: tuple[Candidate, ...]
    where: str
    default_for: frozenset[Modality] | None = None
    refused: tuple[tuple[type[Component], tuple[Problem, ...]], ...] = ()

    @property
    def key_path(self) -> KeyPath:
        """`where` as keys and positions."""
        return tuple(int(key) if key.isdecimal() else key for key in self.where.split("."))

    def candidates_for(self, modality: Modality) -> Sequence[Candidate]:
        """The candidates that work on this kind of data, so that messages name their reasons; all where none does."""
        return [one for one in self.candidates if modality in one.cls.accepts.modalities] or self.candidates

    def bind(self, candidate: Candidate) -> Bound:
        """This stage with one of its candidates chosen."""
        cls = candidate.cls
        return Bound(self.kind, self.id, cls.name, self.timeout, cls, candidate.params, candidate.searched)


@dataclass(frozen=True)
class Bound:
    """A stage whose component is known. Where a search finds some of its settings, `params` has the first value of
    each until then."""

    kind: Kind
    id: str
    use: str
    timeout: float | None
    cls: type[Component]
    params: Params
    searched: SearchedSettings | None = None

    @property
    def what(self) -> str:
        """How messages name it: `generator 'gan'`."""
        return f"{self.kind} {self.id!r}" + (f" ({self.use})" if self.use != self.id else "")

    @property
    def variants(self) -> list[Bound]:
        """The component with each combination of the settings that are searched for; alone where none are."""
        variants = self.searched.variants if self.searched else (self.params,)
        return [replace(self, params=params, searched=None) for params in variants]

    def to_json(self) -> dict[str, Any]:
        """As plain data that `bound_from_json` takes back, in another process too."""
        return {
            "kind": self.kind,
            "use": self.use,
            "id": self.id,
            "timeout": self.timeout,
            "class": class_name(self.cls),
            "params": self.params.model_dump(mode="json", by_alias=True),
        }


def bound_from_json(data: Mapping[str, Any], catalog: Catalog) -> Bound:
    """The inverse of `Bound.to_json`.

    Raises:
        PluginError: the component is no longer offered, or has other settings by now.
    """
    for cls in catalog.candidates(data["kind"], data["use"]):
        if class_name(cls) == data["class"]:
            params, violations = validate(cls.Params, data["params"])
            if params is None:
                (key_path, reason), *_ = violations
                raise PluginError(
                    f"{data['use']} has other settings than in the version that stored it: "
                    f"{'.'.join(map(str, key_path))}: {reason}; fit it again"
                )
            return Bound(data["kind"], data["id"], data["use"], data["timeout"], cls, params)
    raise PluginError(f"{data['use']!r} no longer offers {data['class']}; was its plugin changed during the run?")


def class_name(cls: type[Component]) -> str:
    """`module:qualname`, which tells classes of one name apart."""
    return f"{cls.__module__}:{cls.__qualname__}"


def map_paths(value: Any, change: Callable[[Path, KeyPath], Path], key_path: KeyPath = ()) -> Any:
    """The same settings with every path in them changed."""
    if isinstance(value, Path):
        return change(value, key_path)
    if isinstance(value, BaseModel):
        fields = {name: (field.alias or name, getattr(value, name)) for name, field in type(value).model_fields.items()}
        return value.model_copy(
            update={name: map_paths(inner, change, (*key_path, key)) for name, (key, inner) in fields.items()}
        )
    if isinstance(value, dict):
        return {key: map_paths(inner, change, (*key_path, str(key))) for key, inner in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map_paths(inner, change, (*key_path, position)) for position, inner in enumerate(value))
    return value


def paths_in(value: Any) -> list[Path]:
    """Every path in the settings of a component."""
    paths: list[Path] = []

    def keep(path: Path, _: KeyPath) -> Path:
        paths.append(path)
        return path

    map_paths(value, keep)
    return paths
