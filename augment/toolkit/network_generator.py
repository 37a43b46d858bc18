"""What a generator with networks keeps of its fit, saved and loaded in one way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from augment.data import Schema
from augment.plugin import Generator, read_state, write_state
from augment.toolkit.conditions import Conditions

__all__ = ["NetworkGenerator", "Parts"]

Parts = dict[str, Mapping[str, np.ndarray]]  # part of a model -> name -> array


class NetworkGenerator(Generator):
    """A generator whose fitted state is the weights of a network, and what they were fitted on.

    `fit` sets the attributes. A subclass that keeps more says in `_parts` and `_values` what to save, and sets its own
    attributes from these in `_restore`.

    Attributes:
        schema: of the training part.
        conditions: its classes; None where rows are not drawn class by class.
        weights: of the network, by name.
    """

    schema: Schema
    conditions: Conditions | None = None
    weights: dict[str, np.ndarray]

    def _parts(self) -> Parts:
        """Arrays beside the network's weights."""
        return {}

    def _values(self) -> dict[str, Any]:
        """JSON values beside the schema and the counts of the classes."""
        return {}

    def _restore(self, parts: Parts, values: Mapping[str, Any]) -> None:
        """The inverse of both; the schema and the conditions are there already."""

    def save(self, folder: Path) -> None:
        """Write everything into an existing folder."""
        parts = {"network": self.weights, **self._parts()}
        tensors = {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
        counts = {"counts": self.conditions.counts} if self.conditions else {}
        schema = self.schema.model_dump(mode="json", exclude_none=True)
        write_state(folder, tensors, {"schema": schema, **self._values(), **counts})

    @classmethod
    def load(cls, folder: Path, params: Any) -> Self:
        """The inverse of `save`."""
        generator = cls(params)
        tensors, values = read_state(folder)
        parts: dict[str, dict[str, np.ndarray]] = {}
        for path, array in tensors.items():
            part, _, name = path.partition("/")
            parts.setdefault(part, {})[name] = array
        generator.schema = Schema.model_validate(values["schema"])
        if "counts" in values:
            generator.conditions = Conditions.of_schema(generator.schema, values["counts"])
        generator.weights = parts.pop("network")
        generator._restore({**parts}, values)
        return generator
