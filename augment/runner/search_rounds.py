"""The rounds of a search: a trial inside the training part, for the mix or for the settings of a generator.

A generator is fitted anew for each seed, on what that seed leaves to learn from, and so are filters; none of them sees
the rows that judge. For each seed a generator makes as many rows as the largest amount asks for; smaller amounts are
the first of those.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset
from augment.engine.jobs import Job
from augment.engine.judge_tasks import ArmTask, Pick, encode_truth, predict_arm
from augment.errors import DataError, ShortfallError
from augment.plan.amounts import training_counts
from augment.plan.choose_winner import Entrant, add_seed, choose_winner, drop_unpromising, is_settled, plan_rounds
from augment.plan.chunks import plan
from augment.plan.folds import explain_few_units, inner_cut
from augment.plan.repeats import Repeats
from augment.plan.small_classes import find_too_small
from augment.plugin.trial_results import SearchResult
from augment.runner.fitting import Fit, component_content, fit_all
from augment.runner.generate import Mixture, fit_filters, make_rows
from augment.runner.session import Session
from augment.runner.tuning import Tuned, tune
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics.arms import NONE, THRESHOLD, TUNED
from augment.statistics.priors import move_threshold
from augment.statistics.scores import SCORES, ScoreRule, default_score
from augment.storage.hashes import content_key, source_hash

__all__ = ["Rounds", "explain_skip", "find_conditional", "find_rule", "search_once"]

MIX = "mix"  # the id of the stage


def find_conditional(generators: Sequence[Bound], train: Dataset) -> dict[str, bool]:
    """Generator id to whether it is asked for classes."""
    classed = train.schema.task == "classes"
    return {bound.id: classed and bound.cls.accepts.conditional != "none" for bound in generators}


def find_rule(pipeline: Pipeline, train: Dataset) -> ScoreRule:
    """The score that decides."""
    score = pipeline.trial.score if pipeline.trial else None
    return default_score(train.schema.task) if score is None else SCORES[score]


def explain_skip(pipeline: Pipeline, probe: Bound | None, train: Dataset) -> str:
    """Why there is no search; empty where there is one."""
    if probe is None:
        return "there is no probe to try it with"
    if train.schema.task == "none":
        return "no target is named that a model could predict"
    return explain_few_units(train, pipeline.split)


def search_once(
    rounds: Rounds, train_key: str, content: Mapping[str, Any], describe: Callable[[Rounds, Entrant], dict[str, Any]]
) -> SearchResult:
    """The result of a search, or of one before under the same key.

    Args:
        rounds: the search.
        train_key: what stands for the training part in the key.
        content: what else decides, for the key.
        describe: what the result says of the winner.
    """
    session, store = rounds.session, rounds.session.store
    key = _key(rounds, train_key, content)
    what = "the search for the mix" if rounds.of is None else f"the search for settings of {rounds.of}"
    with store.making(key, what) as work:
        if (kept := store.get(key, _load_result)) is None:
            winner, (none, *_) = rounds.run(), rounds.entrants
            result = SearchResult(
                asked=True,
                chosen=winner.candidate.id,
                probe=rounds.probe.id,
                score=rounds.rule.name,
                better=rounds.rule.better,
                seeds=len(none.values),
                complete=rounds.complete,
                candidates=[entrant.result(none, rounds.rule) for entrant in rounds.entrants],
                **describe(rounds, winner),
            )
            built = work / "built"
            built.mkdir(exist_ok=True)
            (built / "search.json").write_text(result.model_dump_json(), encoding="utf-8")
            kept = store.publish(key, built)
        else:
            session.note(f"{what} is in the store already")
        return _load_result(kept)


def _load_result(folder: Path) -> SearchResult:
    return SearchResult.model_validate_json((folder / "search.json").read_text(encoding="utf-8"))


def _key(rounds: Rounds, train_key: str, content: Mapping[str, Any]) -> str:
    pipeline, bounds = rounds.pipeline, [bound for variant in rounds.variants for bound in variant]
    settings = pipeline.model_dump(mode="json", include={"seed", "mix", "max_rounds"})
    settings["split"] = pipeline.split.model_dump(include={"group", "time", "dedupe"})
    assert pipeline.trial is not None  # a search without a trial is refused
    bounds += [*rounds.filters, rounds.probe]
    contents = [{**component_content(rounds.session, bound), "id": bound.id} for bound in bounds]
    content = {"settings": settings, "score": pipeline.trial.score, "made of": contents, "train": train_key, **content}
    return f"search-{content_key({**content, 'of': rounds.of, 'host': source_hash(__name__)})}"


@dataclass
class _Seed:
    """One seed: what is learnt from, what judges, the synthetic rows of each variant of the generators, and the probe
    tuned on what is learnt from."""

    number: int
    folder: Path
    train: Dataset
    truth: np.ndarray
    held: np.ndarray
    mixtures: dict[int, Mixture] = field(default_factory=dict)
    tuned: Tuned | None = None

    @property
    def place(self) -> Path:
        return self.folder / "train"


@dataclass
class Rounds:
    """A search, round by round.

    Attributes:
        session: does the work.
        pipeline: says how rows are split, and how the search goes.
        of: id of the generator whose settings are searched for; None for the mix.
        variants: all generators with the settings of each variant; a candidate names its variant.
        filters: that judge the rows.
        probe: the model that judges the candidates.
        train: the training part.
        entrants: the candidates; all are compared with the first, which stays to the end.
        started: when the time of the budget began, on the clock `time.monotonic`.
        complete: false once the budget has ended the search.
    """

    session: Session
    pipeline: Pipeline
    of: str | None
    variants: Sequence[Sequence[Bound]]
    filters: Sequence[Bound]
    probe: Bound
    train: Dataset
    entrants: Sequence[Entrant]
    started: float
    complete: bool = True

    @property
    def rule(self) -> ScoreRule:
        """The score that decides."""
        return find_rule(self.pipeline, self.train)

    def run(self) -> Entrant:
        """Find the winner."""
        bounds = self.variants[0]
        self.conditional = find_conditional(bounds, self.train)
        self.min_class_rows = {b.id: b.cls.accepts.min_class_rows for b in bounds if self.conditional[b.id]}
        self.repeats = Repeats(self.train)
        settings, rule, entrants = self.pipeline.mix.search, self.rule, self.entrants
        with self.session.stage("search", self.of or MIX):
            for number, seeds in enumerate(plan_rounds(settings.seeds)):
                if number:
                    drop_unpromising(entrants, rule)
                    if is_settled(entrants, rule):
                        break
                if number and settings.budget is not None and time.monotonic() - self.started > settings.budget:
                    self.complete = False
                    self.session.remark(f"the search ended after {seeds.start} seeds: its budget of time was used up")
                    break
                self._tell(entrants, rule, seeds.start)
                if not self._round(seeds, entrants, rule):
                    break
            self._tell(entrants, rule, len(entrants[0].values))
        return choose_winner(entrants, rule)

    def _tell(self, entrants: Sequence[Entrant], rule: ScoreRule, num_seeds: int) -> None:
        standing = [entrant.result(entrants[0], rule).model_dump(mode="json") for entrant in entrants]
        facts = {"score": rule.name, "better": rule.better, "seeds": num_seeds, "of": self.pipeline.mix.search.seeds}
        self.session.emit({"event": "candidates", "id": self.of or MIX, **facts, "candidates": standing})

    def _round(self, numbers: range, entrants: Sequence[Entrant], rule: ScoreRule) -> bool:
        """Score everybody who is in with these seeds; false where the rows cannot be cut for that."""
        try:
            seeds = [self._cut(number) for number in numbers]
        except DataError as error:
            self.session.remark(f"the search can try nothing: {error}")
            return False
        self._make(seeds, [entrant for entrant in entrants if entrant.left is None])
        self._tune(seeds, [entrant for entrant in entrants if entrant.left is None], rule)
        self._judge(seeds, [entrant for entrant in entrants if entrant.left is None], rule)
        return True

    def _cut(self, number: int) -> _Seed:
        learnt_from, judged_by = inner_cut(self.train, self.pipeline.split, self.session.seed, number)
        if not len(learnt_from) or not len(judged_by):
            raise DataError(f"{len(self.train)} training rows cannot be split once more")
        folder = self.session.scratch / ("search" if self.of is None else f"search-{self.of}") / str(number)
        inner, validation = self.train.take(learnt_from), self.train.take(judged_by)
        inner.save(folder / "train")
        validation.drop_columns([str(self.train.schema.target)]).save(folder / "features")
        return _Seed(number, folder, inner, encode_truth(validation, self.train.schema)[0], judged_by)

    def _make(self, seeds: Sequence[_Seed], inside: Sequence[Entrant]) -> None:
        """Fit the generators that somebody needs, and make as many rows as anybody wants."""
        users = {
            number: [one for one in inside if one.candidate.share and one.candidate.variant == number]
            for number in range(len(self.variants))
        }
        bounds = {
            number: self._usable(seeds, self.variants[number], of_variant) for number, of_variant in users.items()
        }
        fits = [
            Fit(bound, seed.place, f"train-{seed.train.fingerprint()}")
            for seed in seeds
            for of_variant in bounds.values()
            for bound in of_variant
        ]
        folders = iter(fit_all(self.session, fits, tell=False))
        for seed in seeds:
            for number, of_variant in bounds.items():
                fitted = [(bound, next(folders)) for bound in of_variant]
                self._draw(seed, number, fitted, [one for one in users[number] if one.left is None])

    def _usable(self, seeds: Sequence[_Seed], bounds: Sequence[Bound], users: Sequence[Entrant]) -> list[Bound]:
        """The generators that somebody needs; whoever needs one that so few rows are not enough for leaves."""
        needed = []
        for bound in bounds:
            makers = [one for one in users if one.candidate.share.get(bound.id)]
            refusals = [bound.cls.accepts.refusal(self.train.schema, len(seed.train)) for seed in seeds]
            if refusal := next(filter(None, refusals), None):
                for one in makers:
                    one.leave(f"{bound.id}: {refusal}")
            if any(one.left is None for one in makers):
                needed.append(bound)
        return needed

    def _draw(self, seed: _Seed, variant: int, fitted: Sequence[tuple[Bound, Path]], inside: Sequence[Entrant]) -> None:
        counts = training_counts(seed.train)
        classed = self.train.schema.task == "classes"
        most: dict[str, dict[str, int]] = {bound.id: {} for bound, _ in fitted}
        for one in inside:
            for generator, wanted in self._parts(one, counts).items():
                for label, rows in wanted.items():
                    most[generator][label] = max(rows, most[generator].get(label, 0))
        chunks = [
            chunk
            for generator, wanted in most.items()
            for chunk in plan(wanted, {generator: 1.0}, {generator: self.conditional[generator]}, self.train.schema)
        ]
        options: dict[str, Any] = {"repeats": self.repeats, "max_rounds": self.pipeline.max_rounds}
        folder, purpose = seed.folder / f"variant-{variant}", f"search-{seed.number}"
        key = f"train-{seed.train.fingerprint()}"
        at = (self.session, self.filters, fitted, chunks, seed.place, key, folder / "pilot")
        try:
            filters = fit_filters(*at, tell=False)
        except ShortfallError as error:  # who is compared with the first needs it: it stays, as real rows alone
            seed.mixtures[variant] = Mixture()
            for one in (one for one in inside if one is not self.entrants[0]):
                one.leave(str(error))
            return
        mixture = make_rows(
            self.session, chunks, fitted, seed.place, folder / "rows", purpose=purpose, filters=filters, **options
        )
        seed.mixtures[variant] = mixture
        made = mixture.per_class(self.train.schema.target if classed else None)
        for one in inside:
            for generator, wanted in self._parts(one, counts).items():
                there = {**made[generator], "": mixture.counts[generator].kept}
                short = sum(max(0, rows - there.get(label, 0)) for label, rows in wanted.items())
                # the first stays with the rows that there are
                if short and one.left is None and one is not self.entrants[0]:
                    asked = sum(wanted.values())
                    one.leave(f"{short} of the {asked} rows that {generator} was asked for could not be made")

    def _parts(self, one: Entrant, counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
        """Generator to label to the rows that a candidate takes of it; all under an empty label without classes."""
        parts: dict[str, dict[str, int]] = {}
        wanted_rows, too_small = one.candidate.wanted(counts), find_too_small(self.min_class_rows, counts)
        for row in plan(wanted_rows, one.candidate.share, self.conditional, self.train.schema, too_small):
            wanted = parts.setdefault(row.generator, {})
            for label, rows in row.labels or (("", row.rows),):
                wanted[label] = wanted.get(label, 0) + rows
        return parts

    def _tune(self, seeds: Sequence[_Seed], inside: Sequence[Entrant], rule: ScoreRule) -> None:
        """Tune the probe on what each seed leaves to learn from: the rows that judge have no part in it."""
        for one in (one for one in inside if one.candidate.kind == TUNED):
            parts = [(seed.train, seed.folder / "tuning") for seed in seeds]
            for seed, tuned in zip(seeds, tune(self.session, self.pipeline, self.probe, rule, parts), strict=True):
                seed.tuned = tuned
                if tuned is None and one.left is None:
                    one.leave("so few rows cannot be split once more to tune the probe")

    def _judge(self, seeds: Sequence[_Seed], inside: Sequence[Entrant], rule: ScoreRule) -> None:
        jobs = [self._job(seed, inside) for seed in seeds]
        total = sum(len(job.tasks) for job in jobs)
        for done, _ in enumerate(self.session.map(jobs), start=1):
            step = {"step": done, "total": total, "losses": {}}
            self.session.emit({"event": "progress", "stage": "search", "id": self.of or MIX, **step})
        for seed in seeds:
            predictions = (self._predictions(seed, one, rule) for one in inside)
            add_seed(inside, predictions, seed.truth, seed.held, len(self.train), rule)
            for one in (one for one in inside if len(one.values) == 1):
                one.synthetic = sum(one.candidate.wanted(training_counts(seed.train)).values())

    def _predictions(self, seed: _Seed, one: Entrant, rule: ScoreRule) -> np.ndarray:
        kind = one.candidate.kind
        predictions = np.load(seed.folder / f"{NONE if kind == THRESHOLD else one.candidate.id}.npy")
        strength = 1.0 if kind == THRESHOLD else seed.tuned.strength if seed.tuned and kind == TUNED else 0.0
        if not strength or rule.kind != "decision":
            return np.asarray(predictions)
        return move_threshold(predictions, np.array(list(training_counts(seed.train).values())), strength)

    def _job(self, seed: _Seed, inside: Sequence[Entrant]) -> Job[ArmTask, int]:
        counts = training_counts(seed.train)
        tasks = []
        for one in (one for one in inside if one.candidate.kind != THRESHOLD):  # which is the model of real rows alone
            is_tuned = one.candidate.kind == TUNED
            parts = self._parts(one, counts).items()
            made = {generator: seed.mixtures[one.candidate.variant].of(generator) for generator, _ in parts}
            picks = tuple(Pick(tuple(made[generator]), wanted) for generator, wanted in parts if made[generator])
            tasks.append(
                ArmTask(
                    bound=seed.tuned.bound if is_tuned and seed.tuned else self.probe,
                    train=seed.place,
                    test=seed.folder / "features",
                    seed=self.session.seed,
                    # a fold may be balanced where the training part is not quite: then there is nothing to add
                    arm=NONE if is_tuned or (one.candidate.share and not picks) else one.candidate.kind,
                    trial_seed=seed.number,
                    out=seed.folder / f"{one.candidate.id}.npy",
                    picks=picks,
                )
            )
        return self.session.job("search", self.probe, predict_arm, tasks)
