"""Generators with networks: what they keep of a fit, and how those of images and series are trained and sampled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from augment.data import Dataset, Schema
from augment.plugin import Context, Generator, read_state, write_state
from augment.toolkit.conditions import Conditions, in_full_batches

if TYPE_CHECKING:
    import torch

__all__ = ["ArrayGenerator", "NetworkGenerator", "Parts"]

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


class ArrayGenerator(NetworkGenerator):
    """A generator of one array and no columns, class by class, such as images or series.

    Attributes:
        sample_batch: rows of a batch when sampling.
    """

    sample_batch: ClassVar[int]
    conditions: Conditions

    @property
    def array_name(self) -> str:
        """The name of the array."""
        (name,) = self.schema.arrays
        return name

    @abstractmethod
    def _sampler(self, context: Context, random: torch.Generator) -> Callable[[np.ndarray], np.ndarray]:
        """What makes a batch of rows in human units, (B, ...), of classes (B,); its random numbers are those given."""

    def _learn_schema(self, data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Set the schema and the conditions: the array (N, ...), the classes (N,) and the rows to train on (M,)."""
        self.schema = data.schema
        self.conditions, classes = Conditions.of(data)
        return data.arrays[self.array_name], classes, self.conditions.training_rows(classes)

    def sample(self, given: pd.DataFrame, context: Context) -> Dataset:
        """Rows of the classes given, or of classes as frequent as in the training part."""
        import torch

        from augment.toolkit.training import reproducible

        classes = self.conditions.draw(given, context.rng)
        random = context.torch_generator()  # on the CPU, so that the numbers are the same on every device
        with reproducible(context), torch.inference_mode():
            values = in_full_batches(self._sampler(context, random), classes, self.sample_batch)
        return Dataset.of(self.conditions.frame(given, classes), {self.array_name: values}, self.schema)
