"""`rows: auto` and `share: auto`: the trial inside the training part that finds the mix.

A generator is fitted anew for each seed, on what that seed leaves to learn from, and so are filters; none of them sees
the rows that judge. For each seed a generator makes as many rows as the largest amount asks for; smaller amounts are
the first of those.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset
from augment.engine.jobs import Job
from augment.engine.judge_tasks import ArmTask, Pick, encode_truth, predict_arm
from augment.engine.tasks import calling
from augment.errors import DataError
from augment.plan.amounts import training_counts
from augment.plan.candidates import choose_amounts, list_candidates
from augment.plan.choose_winner import (
    Entrant,
    add_seed,
    choose_winner,
    describe_choice,
    drop_unpromising,
    enter,
    is_settled,
    plan_rounds,
)
from augment.plan.chunks import plan
from augment.plan.folds import count_independent, explain_few_units, inner_cut
from augment.plan.repeats import Repeats
from augment.plan.small_classes import find_too_small
from augment.plugin.contracts import Generator, Probe
from augment.plugin.suits import Suits
from augment.plugin.trial_results import MixChoice, SearchResult
from augment.runner.fitting import Fit, component_content, fit_all
from augment.runner.generate import Mixture, fit_filters, make_rows
from augment.runner.prepare import Prepared
from augment.runner.session import Session
from augment.runner.tuning import Tuned, list_variants, tune
from augment.spec.models import Pipeline
from augment.spec.stages import Bound
from augment.statistics.arms import INEXPENSIVE, NONE, SYNTHETIC, THRESHOLD, TUNED
from augment.statistics.priors import move_threshold
from augment.statistics.scores import SCORES, ScoreRule, default_score
from augment.storage.hashes import content_key, source_hash

__all__ = ["Choice", "choose", "list_entrants"]


@dataclass(frozen=True)
class Choice:
    """The mix of a run.

    Attributes:
        arm: what the trial on the hold-out is about: `synthetic`, or what was chosen instead of synthetic rows.
        rows: as `mix.rows`; 0 where real rows alone are written.
        share: generator id to weight.
        result: how it was chosen.
    """

    arm: str
    rows: Any
    share: Mapping[str, float]
    result: SearchResult


def choose(
    session: Session,
    pipeline: Pipeline,
    generators: Sequence[Bound],
    filters: Sequence[Bound],
    probe: Bound | None,
    prepared: Prepared,
) -> Choice:
    """The mix that the pipeline says, or that a search finds, or has found before under the same key."""
    mix = pipeline.mix
    share = {bound.id: mix.weight(bound.id) for bound in generators}
    as_written = Choice(SYNTHETIC, mix.rows, share, SearchResult.not_asked())
    if not mix.is_auto:
        return as_written
    train = Dataset.load(prepared.train)
    if why := _explain_skip(pipeline, probe, train):
        return _skip(session, as_written, f"The search for the mix was skipped, since {why}; the default mix is used")
    assert probe is not None  # or the search is skipped
    entrants = list_entrants(pipeline, generators, probe, train, prepared.num_train + prepared.num_test)
    key = _key(session, pipeline, [*generators, *filters, probe], prepared.key, entrants)
    with session.store.making(key, "the search for the mix") as work:
        if (kept := session.store.get(key, _load_result)) is None:
            result = _Search(session, pipeline, generators, filters, probe, train, entrants).run()
            built = work / "built"
            built.mkdir(exist_ok=True)
            (built / "search.json").write_text(result.model_dump_json(), encoding="utf-8")
            kept = session.store.publish(key, built)
        else:
            session.note("the search for the mix is in the store already")
        result = _load_result(kept)
    session.remark(result.sentence)
    arm = result.chosen if result.chosen in (NONE, *INEXPENSIVE) else SYNTHETIC
    assert result.mix is not None
    return Choice(arm, result.mix.rows, result.mix.share, result)


def list_entrants(
    pipeline: Pipeline, generators: Sequence[Bound], probe: Bound | None, train: Dataset, num_rows: int
) -> list[Entrant]:
    """Everything that a search would try, real rows alone first, and what it leaves out, with the reason; empty where
    there is no search.

    Args:
        pipeline: says how the mix is searched for.
        generators: that may make rows.
        probe: the model that judges.
        train: the training part.
        num_rows: rows of the dataset.

    Raises:
        PluginError: the probe does not accept the settings that it declares.
    """
    if not pipeline.mix.is_auto or probe is None or _explain_skip(pipeline, probe, train):
        return []
    mix, rule, counts = pipeline.mix, _rule(pipeline, train), training_counts(train)
    if mix.search.amounts is None:
        suits = [suits for bound in generators for suits in _suits(bound, train)]
        search = mix.search.model_copy(update={"amounts": choose_amounts(suits, num_rows)})
        mix = mix.model_copy(update={"search": search})
    candidates = list_candidates(mix, _conditional(generators, train), counts, rule, bool(list_variants(probe)))
    assert issubclass(probe.cls, Probe)
    with calling(probe, "measured_gains"):
        gains = tuple(probe.cls.measured_gains(probe.params))
    names = {bound.id: bound.cls.name for bound in generators}
    return enter(candidates, gains, names, rule, counts, count_independent(train, pipeline.split))


def _suits(bound: Bound, train: Dataset) -> list[Suits]:
    assert issubclass(bound.cls, Generator)
    return [one for one in bound.cls.suits if one.modality == train.schema.modality]


def _conditional(generators: Sequence[Bound], train: Dataset) -> dict[str, bool]:
    """Generator id to whether it is asked for classes."""
    classed = train.schema.task == "classes"
    return {bound.id: classed and bound.cls.accepts.conditional != "none" for bound in generators}


def _rule(pipeline: Pipeline, train: Dataset) -> ScoreRule:
    score = pipeline.trial.score if pipeline.trial else None
    return default_score(train.schema.task) if score is None else SCORES[score]


def _explain_skip(pipeline: Pipeline, probe: Bound | None, train: Dataset) -> str:
    """Why there is no search; empty where there is one."""
    if probe is None:
        return "there is no probe to try it with"
    if train.schema.task == "none":
        return "no target is named that a model could predict"
    return explain_few_units(train, pipeline.split)


def _skip(session: Session, choice: Choice, sentence: str) -> Choice:
    session.remark(sentence)
    rows = None if choice.rows == "auto" else choice.rows
    facts = {"asked": True, "sentence": sentence, "mix": MixChoice(rows=rows, share=dict(choice.share))}
    return Choice(choice.arm, rows, choice.share, choice.result.model_copy(update=facts))


def _load_result(folder: Path) -> SearchResult:
    return SearchResult.model_validate_json((folder / "search.json").read_text(encoding="utf-8"))


def _key(
    session: Session, pipeline: Pipeline, bounds: Sequence[Bound], train_key: str, entrants: Sequence[Entrant]
) -> str:
    settings = pipeline.model_dump(mode="json", include={"seed", "mix", "max_rounds"})
    settings["split"] = pipeline.split.model_dump(include={"group", "time", "dedupe"})
    assert pipeline.trial is not None  # `auto` without a trial is refused
    contents = [{**component_content(session, bound), "id": bound.id} for bound in bounds]
    content = {"settings": settings, "score": pipeline.trial.score, "made of": contents, "train": train_key}
    content["host"] = source_hash(__name__)
    content["tried"] = [{"id": one.candidate.id, "prior": one.prior and asdict(one.prior)} for one in entrants]
    return f"search-{content_key(content)}"


@dataclass
class _Seed:
    """One seed: what is learnt from, what judges, the synthetic rows, and the probe tuned on what is learnt from."""

    number: int
    folder: Path
    train: Dataset
    truth: np.ndarray
    held: np.ndarray
    mixture: Mixture = field(default_factory=Mixture)
    tuned: Tuned | None = None

    @property
    def place(self) -> Path:
        return self.folder / "train"


@dataclass
class _Search:
    """A search, round by round."""

    session: Session
    pipeline: Pipeline
    generators: Sequence[Bound]
    filters: Sequence[Bound]
    probe: Bound
    train: Dataset
    entrants: Sequence[Entrant]

    def run(self) -> SearchResult:
        """Find the mix."""
        settings, rule, entrants = self.pipeline.mix.search, _rule(self.pipeline, self.train), self.entrants
        self.conditional = _conditional(self.generators, self.train)
        self.min_class_rows = {b.id: b.cls.accepts.min_class_rows for b in self.generators if self.conditional[b.id]}
        self.repeats = Repeats(self.train)
        rounds, started, complete = plan_rounds(settings.seeds), time.monotonic(), True
        with self.session.stage("search", self.probe.id):
            for number, seeds in enumerate(rounds):
                if number:
                    drop_unpromising(entrants, rule)
                    if is_settled(entrants, rule):
                        break
                if number and settings.budget is not None and time.monotonic() - started > settings.budget:
                    complete = False
                    self.session.remark(f"the search ended after {seeds.start} seeds: its budget of time was used up")
                    break
                self._tell(entrants, rule, seeds.start)
                if not self._round(seeds, entrants, rule):
                    break
            self._tell(entrants, rule, len(entrants[0].values))
        winner = choose_winner(entrants, rule)
        rows = winner.candidate.amount if winner.candidate.share else 0
        rows = dict(rows) if isinstance(rows, Mapping) else rows
        share = dict(winner.candidate.share) or {bound.id: 1.0 for bound in self.generators}
        return SearchResult(
            asked=True,
            sentence=describe_choice(entrants, winner, rule),
            chosen=winner.candidate.id,
            mix=MixChoice(rows=rows, share=share),
            probe=self.probe.id,
            score=rule.name,
            better=rule.better,
            seeds=len(entrants[0].values),
            complete=complete,
            candidates=[entrant.result(entrants[0], rule) for entrant in entrants],
        )

    def _tell(self, entrants: Sequence[Entrant], rule: ScoreRule, num_seeds: int) -> None:
        standing = [entrant.result(entrants[0], rule).model_dump(mode="json") for entrant in entrants]
        facts = {"score": rule.name, "better": rule.better, "seeds": num_seeds, "of": self.pipeline.mix.search.seeds}
        self.session.emit({"event": "candidates", **facts, "candidates": standing})

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
        folder = self.session.scratch / "search" / str(number)
        inner, validation = self.train.take(learnt_from), self.train.take(judged_by)
        inner.save(folder / "train")
        validation.drop_columns([str(self.train.schema.target)]).save(folder / "features")
        return _Seed(number, folder, inner, encode_truth(validation, self.train.schema)[0], judged_by)

    def _make(self, seeds: Sequence[_Seed], inside: Sequence[Entrant]) -> None:
        """Fit the generators that somebody needs, and make as many rows as anybody wants."""
        bounds = self._usable(seeds, inside)
        fits = [Fit(bound, seed.place, f"train-{seed.train.fingerprint()}") for seed in seeds for bound in bounds]
        folders = iter(fit_all(self.session, fits, tell=False))
        for seed in seeds:
            fitted = [(bound, next(folders)) for bound in bounds]
            self._draw(seed, fitted, [one for one in inside if one.left is None and one.candidate.share])

    def _usable(self, seeds: Sequence[_Seed], inside: Sequence[Entrant]) -> list[Bound]:
        """The generators that somebody needs; whoever needs one that so few rows are not enough for leaves."""
        needed = []
        for bound in self.generators:
            users = [one for one in inside if one.candidate.share.get(bound.id)]
            refusals = [bound.cls.accepts.refusal(self.train.schema, len(seed.train)) for seed in seeds]
            for one in users:
                if refusal := next(filter(None, refusals), None):
                    one.leave(f"{bound.id}: {refusal}")
            if any(one.left is None for one in users):
                needed.append(bound)
        return needed

    def _draw(self, seed: _Seed, fitted: Sequence[tuple[Bound, Path]], inside: Sequence[Entrant]) -> None:
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
        folder, purpose = seed.folder, f"search-{seed.number}"
        key = f"train-{seed.train.fingerprint()}"
        filters = fit_filters(self.session, self.filters, fitted, chunks, seed.place, key, folder / "pilot", tell=False)
        seed.mixture = make_rows(
            self.session, chunks, fitted, seed.place, folder / "rows", purpose=purpose, filters=filters, **options
        )
        made = seed.mixture.per_class(self.train.schema.target if classed else None)
        for one in inside:
            for generator, wanted in self._parts(one, counts).items():
                there = {**made[generator], "": seed.mixture.counts[generator].kept}
                short = sum(max(0, rows - there.get(label, 0)) for label, rows in wanted.items())
                if short and one.left is None:
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
            self.session.emit({"event": "progress", "stage": "search", "id": self.probe.id, **step})
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
            picks = tuple(Pick(tuple(seed.mixture.of(generator)), wanted) for generator, wanted in parts)
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
