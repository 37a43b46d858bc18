"""Where the rows of a mixed loader come from: a finished run, or a generator that was fitted on data in memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from augment.data import Dataset
from augment.engine.draw_and_filter import Sampling
from augment.engine.jobs import Host
from augment.errors import SpecError
from augment.loaders.encoding import Encode, tensors
from augment.plan.amounts import training_counts
from augment.plan.small_classes import explain
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Generator
from augment.runner.fitted_generator import FittedGenerator
from augment.runner.sample_finished_run import training_part
from augment.runner.search_settings import with_found_settings
from augment.runner.session import opened
from augment.spec.bind import bind
from augment.spec.stages import Bound
from augment.storage.hashes import content_key
from augment.storage.run_folder import Run
from augment.storage.written_rows import REAL

__all__ = ["Origins", "of_generator", "of_run"]

PURPOSE = "loader"


@dataclass(frozen=True)
class Origins:
    """What a loader can mix.

    Attributes:
        train: dataset folder of the real rows.
        data: the same.
        counts: origin to its rows in the mix, `real` first.
        samplings: generator to how its rows are made.
        per_class: generator to label to its rows in the mix; empty where it is not asked for classes.
        filters: ids of the filters that judge synthetic rows.
        host: where generators work.
        identity: equal for equal origins.
        encode: rows as tensors, unless the user says how.
    """

    train: Path
    data: Dataset
    counts: Mapping[str, int]
    samplings: Mapping[str, Sampling]
    per_class: Mapping[str, Mapping[str, int]]
    filters: tuple[str, ...]
    host: Host
    identity: str
    encode: Encode = tensors

    def weights(self, generator: str) -> Mapping[str, float]:
        """Label to weight, as in the mix; those of the training part where it has no rows in the mix."""
        bound = self.samplings[generator].generator[0]
        if not _is_asked_for_classes(bound, self.data) or any(self.per_class[generator].values()):
            return self.per_class[generator]
        return _large_enough(bound, training_counts(self.data))


def of_run(run: Run, scratch: Path, device: str | None, seed: int) -> Origins:
    """The real rows and the generators of a run.

    Args:
        run: a finished run.
        scratch: folder of the loader's own.
        device: instead of the run's.
        seed: of the loader.

    Raises:
        DataError: the folder is not a finished run.
    """
    overrides = ["trial=false", *([f"device={device}"] if device else [])]  # no model of the trial is needed
    with opened(run.resolved, overrides, workers=1, source_needed=False) as (session, resolved):
        train = training_part(run, session, resolved)
        data = Dataset.load(train)
        components = bind(resolved, data.schema, None, ("generator", "filter"))
        host = Host(scratch, session.device, session.threads)
        run_seed = session.seed
    fitted = [bound for bound in components["filter"] if bound.id in run.filters]
    filters = tuple((bound, run.filter(bound.id)) for bound in fitted)
    counts, per_class, samplings = {REAL: run.metrics.rows.train}, {}, {}
    for bound in components["generator"]:
        in_mix = run.metrics.generators[bound.id]
        counts[bound.id] = in_mix.kept
        per_class[bound.id] = in_mix.per_class if _is_asked_for_classes(bound, data) else {}
        samplings[bound.id] = Sampling(
            generator=(with_found_settings(bound, run.metrics.settings), run.model(bound.id)),
            filters=filters,
            train=train,
            seed=derive_seed(run_seed, "loader", seed),
            purpose=PURPOSE,
            max_rounds=resolved.pipeline.max_rounds,
            where={},
        )
    names = tuple(bound.id for bound in components["filter"])
    return Origins(train, data, counts, samplings, per_class, names, host, run.key)


def of_generator(fitted: FittedGenerator, scratch: Path, device: str | None, seed: int) -> Origins:
    """The rows that a generator was fitted on, and as many of its own, in the classes of those.

    Args:
        fitted: the generator.
        scratch: folder of the loader's own.
        device: instead of that of the fit.
        seed: of the loader.
    """
    sampling, host = fitted.lend(scratch / "generator", PURPOSE, seed, device)
    data, bound = Dataset.load(sampling.train), sampling.generator[0]
    per_class = training_counts(data) if _is_asked_for_classes(bound, data) else {}
    least = bound.cls.accepts.min_class_rows
    per_class = {} if min(per_class.values(), default=0) < least else per_class  # left to `weights`, which warns
    identity = content_key([bound.to_json(), data.fingerprint(), sampling.seed])

    def in_its_form(rows: Dataset) -> tuple[torch.Tensor, ...]:
        restored = fitted.form.restore(rows)
        if isinstance(restored, torch.utils.data.TensorDataset):
            return restored.tensors
        return restored if isinstance(restored, tuple) else (restored,)

    return Origins(
        sampling.train,
        data,
        {REAL: len(data), bound.id: len(data)},
        {bound.id: sampling},
        {bound.id: per_class},
        (),
        Host(scratch, host.device, host.threads),
        identity,
        in_its_form if fitted.form.x in ("torch", "torch-dataset") else tensors,
    )


def _is_asked_for_classes(bound: Bound, data: Dataset) -> bool:
    assert issubclass(bound.cls, Generator)
    return data.schema.task == "classes" and bound.cls.accepts.conditional != "none"


def _large_enough(generator: Bound, counts: Mapping[str, int]) -> dict[str, int]:
    """The training rows of each class that a generator can be asked for, with a warning about the others.

    Raises:
        SpecError: all classes are too small for it.
    """
    reasons, left_out = explain(
        counts, {generator.id: 1.0}, {generator.id: generator.cls.accepts.min_class_rows}, counts
    )
    able = {label: count for label, count in counts.items() if label not in left_out}
    why = "; ".join(reasons.values())
    if not any(able.values()):
        raise SpecError(f"mixed: no rows can be made: {why}; give {generator.id!r} no share, or name another generator")
    if reasons:
        warnings.warn(f"{why}: no rows of it are made", stacklevel=4)
    return able
