"""What components of every kind have: settings, declarations, and a state if they learn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from augment.data import Modality, Schema
from augment.plugin.accepts import Accepts
from augment.plugin.cost import Cost
from augment.plugin.kinds import Kind

__all__ = ["Component", "Fitted", "Params"]


class Params(BaseModel):
    """The settings of a component, used for the pipeline's `with:`, the help and the reference.

    Give each field a type, a default and a docstring. A field annotated `pathlib.Path` is relative to the pipeline
    file, and the component receives it as an absolute path. Unknown keys are refused. `renamed` maps former names of
    settings to their present ones, which the message then suggests.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
    renamed: ClassVar[Mapping[str, str]] = {}


class Component(ABC):
    """A class that does one job. Derive from one of the base classes of the eight kinds, not from this one.

    Attributes:
        name: what users write after `use:`. It is also the name of the entry point.
        accepts: the data that it accepts.
        default_for: kinds of data for which it is used if a pipeline lists no component of its kind (filters, probes,
            metrics, reporters and sinks). The name must then also be in the entry-point group `augment.default.KIND`,
            so that defaults are found without importing every plugin. Built-in defaults take precedence.
        imports: modules that its methods always import, such as `torch`. A run imports those of built-in components
            once for all its processes.
        Params: its settings.
        params: the settings of this instance, validated by the host.
    """

    kind: ClassVar[Kind]
    name: ClassVar[str]
    accepts: ClassVar[Accepts] = Accepts()
    default_for: ClassVar[frozenset[Modality]] = frozenset()
    imports: ClassVar[tuple[str, ...]] = ()
    Params: ClassVar[type[Params]] = Params

    def __init__(self, params: Any = None) -> None:
        self.params: Any = self.Params() if params is None else params

    @classmethod
    def cost(cls, params: Any, schema: Schema, num_rows: int) -> Cost | None:
        """What it uses on such data, for the estimate of `augment check`; None, the default, if that is not known.

        Args:
            params: its settings.
            schema: of the rows that it is fitted on.
            num_rows: how many they are.
        """
        return None


class Fitted(Component):
    """The base of components with a fitted state that can be saved and loaded."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the fitted state into an existing empty folder, as safetensors and JSON only.

        Use `augment.plugin.write_state`. Equal state must give equal bytes.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, params: Any) -> Self:
        """Read what `save` has written; `params` are the settings of the fit."""
