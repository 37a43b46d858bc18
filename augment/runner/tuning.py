"""The arm `tuned`: the probe with the settings and the threshold that do best inside the training part.

A cross-validation of real rows alone, with the folds of a search for the mix. It takes `NUM_FOLDS` fits of each of the
settings that the probe declares, and of the pipeline's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset
from augment.engine.judge_tasks import ArmTask, encode_truth, predict_arm
from augment.engine.tasks import calling
from augment.errors import DataError, PluginError
from augment.plan.amounts import training_counts
from augment.plan.folds import NUM_FOLDS, inner_cut
from augment.plugin.contracts import Probe
from augment.runner.session import Session
from augment.spec.model_errors import validate
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics.arms import NONE
from augment.statistics.priors import move_threshold
from augment.statistics.scores import ScoreRule

__all__ = ["Tuned", "list_variants", "tune"]

STRENGTHS = (1.0, 0.5, 0.0, 1.5)  # how far decisions are moved to the prior; of equals the first is taken


@dataclass(frozen=True)
class Tuned:
    """A probe with the settings that did best.

    Attributes:
        bound: the probe.
        settings: those that differ from the pipeline's.
        strength: how far its decisions are moved to the prior, see `move_threshold`.
    """

    bound: Bound
    settings: Mapping[str, Any]
    strength: float


def list_variants(probe: Bound) -> list[Tuned]:
    """The probe as it is, then with each of the settings that it declares; empty where it declares none.

    Raises:
        PluginError: it does not accept the settings that it declares.
    """
    assert issubclass(probe.cls, Probe)
    with calling(probe, "settings_to_try"):
        settings = [dict(one) for one in probe.cls.settings_to_try(probe.params)]
    variants = [Tuned(probe, {}, 0.0)]
    for one in settings:
        tree = probe.params.model_dump(mode="json", by_alias=True) | one
        params, violations = validate(probe.cls.Params, tree)
        if params is None:
            raise PluginError(f"{probe.what} cannot be tuned with {one}: {violations[0][1]}")
        if params != probe.params:
            variants.append(Tuned(replace(probe, params=params), one, 0.0))
    return variants if len(variants) > 1 else []


@dataclass(frozen=True)
class _Fold:
    """One fold of one training part: its rows that judge, as class numbers or values, and which of them count."""

    folder: Path
    truth: np.ndarray
    known: np.ndarray
    counts: np.ndarray  # training rows of each class (C,)

    def score(self, number: int, rule: ScoreRule, strength: float) -> float:
        """What the predictions of a variant score."""
        predictions = np.load(self.folder / f"{number}.npy")[self.known]
        if strength:
            predictions = move_threshold(predictions, self.counts, strength)
        return float(rule.score(self.truth, predictions, np.ones((1, len(self.truth))))[0])


def tune(
    session: Session, pipeline: Pipeline, probe: Bound, rule: ScoreRule, parts: Sequence[tuple[Dataset, Path]]
) -> list[Tuned | None]:
    """For each training part the variant with the best mean score over its folds.

    Args:
        session: does the work.
        pipeline: says how the rows are split, for groups, time and equal rows.
        probe: what is tuned.
        rule: the score that decides. Where it scores decisions, they are tuned too; otherwise they are moved to the
            prior.
        parts: training parts, each with a folder for its folds.

    Returns:
        None for a part that cannot be cut, or where the score is not defined in any fold.
    """
    variants = list_variants(probe)
    folds = [_cut(session, pipeline, train, folder) if variants else [] for train, folder in parts]
    jobs = [
        session.job(
            "tune",
            probe,
            predict_arm,
            [
                ArmTask(
                    bound=variant.bound,
                    train=fold.folder / "train",
                    test=fold.folder / "features",
                    seed=session.seed,
                    arm=NONE,
                    trial_seed=position,
                    out=fold.folder / f"{number}.npy",
                )
                for number, variant in enumerate(variants)
            ],
        )
        for of_part in folds
        for position, fold in enumerate(of_part)
    ]
    for _ in session.map(jobs):
        pass
    return [_choose(variants, of_part, rule) for of_part in folds]


def _cut(session: Session, pipeline: Pipeline, train: Dataset, folder: Path) -> list[_Fold]:
    """The folds of a training part; none where it cannot be cut."""
    folds = []
    for number in range(NUM_FOLDS):
        try:
            learnt_from, judged_by = inner_cut(train, pipeline.split, session.seed, number)
        except DataError:
            return []
        if not len(learnt_from) or not len(judged_by):
            return []
        inner, validation, place = train.take(learnt_from), train.take(judged_by), folder / str(number)
        inner.save(place / "train")
        validation.drop_columns([str(train.schema.target)]).save(place / "features")
        counts = np.array(list(training_counts(inner).values()))
        folds.append(_Fold(place, *encode_truth(validation, train.schema), counts))
    return folds


def _choose(variants: Sequence[Tuned], folds: Sequence[_Fold], rule: ScoreRule) -> Tuned | None:
    """The best by its mean over the folds; of equals the first."""
    strengths = STRENGTHS if rule.kind == "decision" else (1.0,) if rule.task == "classes" else (0.0,)
    sign = 1 if rule.better == "higher" else -1
    best, most = None, -np.inf
    for number, variant in enumerate(variants):
        for strength in strengths:
            scores = np.array([fold.score(number, rule, strength) for fold in folds])
            known = scores[np.isfinite(scores)]
            if len(known) and sign * known.mean() > most + 1e-12:
                best, most = replace(variant, strength=strength), sign * known.mean()
    return best
