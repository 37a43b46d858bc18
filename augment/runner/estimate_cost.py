"""What a run would use: an order of size, from what its components say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from augment.data import Dataset
from augment.engine.judge_tasks import missing_rows
from augment.engine.tasks import calling
from augment.plan.amounts import training_counts
from augment.plan.candidates import Candidate
from augment.plan.folds import NUM_FOLDS
from augment.plugin.contracts import Probe
from augment.plugin.cost import Cost
from augment.plugin.kinds import Kind
from augment.runner.tuning import list_variants
from augment.spec.models import Search, Trial
from augment.spec.stages import Bound

__all__ = ["Estimate", "estimate_cost"]

BASE_SECONDS = 3.0  # of a run that learns nothing, with its report
BASE_BYTES = 3.5e8  # of a process with the libraries
COPIES = 4  # of the data, or of the rows that an arm is trained on, that lie in memory at once


@dataclass
class Estimate:
    """What a run would use.

    Attributes:
        seconds: id of a component to its CPU-seconds.
        memory: bytes of the largest process.
        unknown: ids of those that do not say what they use.
        at_most: whether a search for the mix may need less.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    memory: float = BASE_BYTES
    unknown: list[str] = field(default_factory=list)
    at_most: bool = False

    @property
    def total(self) -> float:
        """CPU-seconds of what is known."""
        return BASE_SECONDS + sum(self.seconds.values())

    def add(self, bound: Bound, cost: Cost | None, fits: float, rows: float) -> None:
        """Count fits of a component, and the rows that it makes, judges or predicts in all."""
        if cost is None:
            if bound.id not in self.unknown:
                self.unknown.append(bound.id)
            return
        self.seconds[bound.id] = self.seconds.get(bound.id, 0.0) + fits * cost.fit + rows * cost.row
        self.memory = max(self.memory, BASE_BYTES + cost.memory)


def estimate_cost(
    trial: Trial | None,
    search: Search,
    components: Mapping[Kind, Sequence[Bound]],
    train: Dataset,
    num_test: int,
    made: Mapping[str, int],
    searches: Sequence[tuple[Sequence[Sequence[Bound]], Sequence[Candidate]]],
) -> Estimate:
    """Add up what a run would fit, sample, train and predict.

    Args:
        trial: says how often the probe is trained.
        search: says how often candidates are tried.
        components: bound to the training part.
        train: the training part.
        num_test: held-out rows.
        made: generator id to the rows that it would make; empty where the mix is searched for.
        searches: of each, the variants of the generators, and the candidates that it would try.
    """
    schema, found = train.schema, Estimate()
    probe = next(iter(components.get("probe", ())), None) if trial is not None and schema.task != "none" else None
    seeds, cuts = (1, 1) if probe is None or trial is None else (trial.seeds, trial.cuts)
    num_train, counts = len(train), training_counts(train)

    def cost(bound: Bound, num_rows: int = num_train) -> Cost | None:
        with calling(bound, "cost"):
            return bound.cls.cost(bound.params, schema, num_rows)

    tries = cuts * search.seeds / 2  # half of the candidates leave after a quarter of the seeds
    for variants, candidates in searches if probe else ():
        assert probe is not None
        found.at_most = True
        rows = {one.id: sum(one.wanted(counts).values()) for one in candidates}
        for number, bounds in enumerate(variants):
            for bound in bounds:
                users = [one for one in candidates if one.variant == number and one.share.get(bound.id)]
                most = max((rows[one.id] for one in users), default=0)
                found.add(bound, cost(bound), tries, tries * most)
                if len(variants) == 1:  # the mix is what is searched for
                    made = {**made, bound.id: most // len(components["generator"])}
        for one in candidates:
            found.add(probe, cost(probe, num_train + rows[one.id]), tries, tries * num_train / NUM_FOLDS)
    num_made = sum(made.values())
    for bound in components["generator"]:
        most_expensive = max(bound.variants, key=lambda one: getattr(cost(one), "fit", 0.0))
        found.add(bound, cost(most_expensive), cuts, cuts * seeds * made.get(bound.id, 0))
    for bound in components.get("filter", ()):
        found.add(bound, cost(bound), cuts, cuts * seeds * num_made)
    for bound in components.get("metric", ()):
        found.add(bound, cost(bound, num_train + num_made), 1 + len(made) * (len(made) > 1), 0)
    for num_rows, fits in _list_fits(probe, counts, made, seeds) if probe else ():
        assert probe is not None
        found.add(probe, cost(probe, num_rows), cuts * fits, cuts * fits * num_test)
    row_bytes = sum(array.nbytes for array in train.arrays.values()) + train.frame.memory_usage(deep=True).sum()
    found.memory += COPIES * float(row_bytes) / max(1, num_train) * (num_train + num_made)
    return found


def _list_fits(
    probe: Bound, counts: Mapping[str, int], made: Mapping[str, int], seeds: int
) -> Iterator[tuple[int, int]]:
    """The rows that the probe is trained on in the arms of a trial, each with the number of such fits."""
    assert issubclass(probe.cls, Probe)
    num_train, num_made = sum(counts.values()), sum(made.values())
    once = 1 if probe.cls.deterministic else seeds
    yield num_train, once
    if "" not in counts:
        yield num_train, once  # with class weights
        yield num_train + sum(missing_rows(counts).values()), seeds
    if variants := list_variants(probe):
        yield num_train - num_train // NUM_FOLDS, NUM_FOLDS * len(variants)
        yield num_train, once
    yield num_train + num_made, 2 * seeds  # of synthetic rows, and of copies
    if len(made) > 1:
        for count in made.values():
            yield num_train + count, seeds
