"""What the host provides for one call of a component: seed, threads, scratch folder, checkpoints."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset, SchemaDeclaration
from augment.errors import DiskError
from augment.plugin.state import read_state, write_state

__all__ = ["Checkpoint", "Context", "derive_seed"]

logger = logging.getLogger("augment")


def derive_seed(*parts: str | int) -> int:
    """A 63-bit seed from a sequence of names, such as (run seed, component id, purpose, chunk, round).

    >>> derive_seed(7, "gan", "fit") == derive_seed(7, "gan", "fit") != derive_seed(7, "gan", "sample")
    True
    """
    text = "\0".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Checkpoint:
    """The position of a long fit, so that a killed run resumes in the middle of training.

    Without a folder, `save` does nothing and `load` returns None.
    """

    folder: Path | None = None

    def save(self, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> None:
        """Atomically replace the saved position."""
        if self.folder is None:
            return
        fresh = self.folder / ("b" if self._current() == "a" else "a")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        write_state(fresh, tensors, values)
        pointer = self.folder / "current.new"
        pointer.write_text(fresh.name, encoding="utf-8")
        os.replace(pointer, self.folder / "current")

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The last saved position, or None. A resumed fit reports its earlier progress again."""
        if not self.exists:
            return None
        assert self.folder is not None
        try:
            return read_state(self.folder / str(self._current()))
        except DiskError as error:  # a machine that went down while it was saved
            logger.warning("a checkpoint cannot be read, so the fit starts anew: %s", error)
            return None

    @property
    def exists(self) -> bool:
        """Whether a position was saved, from which a fit resumes."""
        return self._current() is not None

    def _current(self) -> str | None:
        pointer = self.folder / "current" if self.folder else None
        return pointer.read_text(encoding="utf-8") if pointer and pointer.is_file() else None


def _no_progress(step: int, total: int, losses: Mapping[str, float]) -> None:
    pass


@dataclass(frozen=True)
class Context:
    """What the host provides for one call of a component.

    Attributes:
        seed: the seed of this call, derived from (run seed, component id, purpose, chunk, round). Use `rng` and
            `torch_generator()`, never a global random state.
        folder: scratch folder of this call, deleted afterwards.
        device: torch device name: `cpu`, `cuda`, `cuda:1`.
        threads: number of threads that this call may use.
        train: the training part, for generators that start from real rows. Read-only.
        declared: the pipeline's `schema:` section, for sources that parse text.
        progress: call it as `progress(step, total, losses)`; `losses` maps names to floats, for `losses.csv`.
        checkpoint: the position of a long fit.
        origins: for metrics, what the generators of the scored rows start from (`Generator.origin`); empty if
            unknown.
        trusted: first names of the modules that the pipeline names and the user trusts. No other code that a pipeline
            names may be imported.
    """

    seed: int
    folder: Path
    device: str = "cpu"
    threads: int = 1
    train: Dataset | None = None
    declared: SchemaDeclaration = field(default_factory=SchemaDeclaration)
    progress: Callable[[int, int, Mapping[str, float]], None] = _no_progress
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    origins: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    @cached_property
    def rng(self) -> np.random.Generator:
        """The stream of random numbers of this call."""
        return np.random.default_rng(self.seed)

    def torch_generator(self, device: str = "cpu") -> Any:
        """A new `torch.Generator` on this device, seeded for this call. Each one gives the same stream."""
        import torch

        return torch.Generator(device=device).manual_seed(derive_seed(self.seed, "torch"))
