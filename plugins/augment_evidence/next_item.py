"""The metric `next-item`: are the next items of real users predicted better with synthetic users than without?

Shapes: N users, M events of all users, V tokens, H held-out users.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from augment import plugin
from augment.data import Dataset
from augment.plugin import Accepts, Context, Metric, Score
from augment_evidence.meanings import explain

NUM_RESAMPLES = 1_000
BLOCK = 256  # held-out users whose items are ranked at once


class NextItem(Metric):
    """Predicts the last item of each held-out user from those before it, by a model of real, or of more rows.

    The model is one that shops use: items that come after another are counted, the nearer the more (sequential rules:
    Ludewig and Jannach 2018), and an item is likely next where it came often after the user's latest items. The score
    is the normalised discounted cumulative gain: 1 where the item is ranked first, 1 / log2(1 + rank) further down, 0
    beyond the first `k`. What is gained has a 95 % interval, a bootstrap over held-out users that is paired: the same
    users judge both models. Beside it, what as many repeated real rows gain: the cheap alternative. Where no training
    user has an item twice, items that the user has met already are not predicted. Without a target, or where a trial
    cannot be judged, the verdict of a run is on this gain.
    """

    name = "next-item"
    imports = ("scipy.sparse",)
    accepts = Accepts(modalities=frozenset({"tokens"}))
    default_for = frozenset({"tokens"})

    class Params(plugin.Params):
        renamed = {"most_users": "max_users"}

        k: int = Field(10, ge=1)
        """Number of items that are predicted."""
        reach: int = Field(10, ge=1)
        """How many items back, or ahead, two items are taken to belong together."""
        max_users: int = Field(20_000, ge=10)
        """Maximum number of held-out users to score on, a seeded sample."""

    def score(self, synthetic: Dataset, train: Dataset, holdout: Dataset, context: Context) -> list[Score]:
        items = train.schema.find_array("tokens")
        asked = np.flatnonzero(holdout.lengths(items) > 1)
        asked = np.sort(context.rng.permutation(asked)[: self.params.max_users])
        if not len(asked):
            return []
        repeated = train.take(context.rng.integers(len(train), size=len(synthetic)))
        held = holdout.take(asked)
        num_tokens = 1 + max(int(part.arrays[items].max(initial=0)) for part in (train, synthetic, held))
        excluded = not _repeats(train, items)
        alone, more, control = (
            self._gains([train, *others], held, items, num_tokens, excluded) for others in ([], [synthetic], [repeated])
        )
        name = f"NDCG@{self.params.k} of the next item"
        weights = context.rng.multinomial(len(asked), np.full(len(asked), 1 / len(asked)), NUM_RESAMPLES) / len(asked)

        def compared(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
            interval = np.quantile(weights @ (ours - theirs), [0.025, 0.975]).tolist()
            return {"difference": float((ours - theirs).mean()), "interval": interval}

        gained, oversampling = compared(more, alone), compared(control, alone)

        gain = {
            "score": name,
            "alone": float(alone.mean()),
            "judged": len(asked),
            "oversampling": oversampling,
            "against": compared(more, control),
        }
        reference = {"real rows alone": float(alone.mean()), "oversampling": float(control.mean())}
        gain_reference = {"oversampling": oversampling["difference"]}
        return [
            Score(name, float(more.mean()), detail={"reference": reference}, meaning=explain(name)),
            Score(
                f"gain in {name}",
                gained["difference"],
                interval=tuple(gained["interval"]),
                detail={"reference": gain_reference, "gain": gain},
                meaning=explain(f"gain in {name}"),
            ),
        ]

    def _gains(self, parts: list[Dataset], held: Dataset, items: str, num_tokens: int, excluded: bool) -> np.ndarray:
        """The gain of each held-out user, (H,), by a model of these parts."""
        histories = [(np.asarray(part.arrays[items]), part.lengths(items)) for part in parts]
        follows, popular = _rules(histories, num_tokens, self.params.reach)
        values, lengths = np.asarray(held.arrays[items]), held.lengths(items)
        wanted = values[np.arange(len(held)), lengths - 1]
        ages = np.arange(1, min(self.params.reach, values.shape[1] - 1) + 1)
        gains = np.empty(len(held))
        for start in range(0, len(held), BLOCK):
            block = slice(start, start + BLOCK)
            own = np.arange(len(lengths[block]))
            places = lengths[block, np.newaxis] - 1 - ages
            users, age = np.nonzero(places >= 0)
            recent = _matrix(users, values[block][users, places[users, age]], 1.0 / ages[age], (len(own), num_tokens))
            likely = (recent @ follows).toarray() + popular
            if excluded:
                users, steps = np.nonzero(np.arange(values.shape[1]) < lengths[block, np.newaxis] - 1)
                likely[users, values[block][users, steps]] = -np.inf
            at = likely[own, wanted[block]]
            rank = 1 + (likely > at[:, np.newaxis]).sum(axis=1)
            # what no model has seen is not predicted
            known = (at > 0) & (rank <= self.params.k)
            gains[block] = np.where(known, 1 / np.log2(1.0 + rank), 0.0)
        return gains


def _rules(parts: list[tuple[np.ndarray, np.ndarray]], num_tokens: int, reach: int) -> tuple[Any, np.ndarray]:
    """How likely each item comes after each, a sparse (V, V); and how often it comes at all, far smaller, (V,)."""
    pairs, weights, counts = [], [], np.zeros(num_tokens)
    for values, lengths in parts:
        is_step = np.arange(values.shape[1]) < lengths[:, np.newaxis]
        counts += np.bincount(values[is_step], minlength=num_tokens)
        for apart in range(1, min(reach, values.shape[1] - 1) + 1):
            both = is_step[:, apart:]
            first, second = values[:, :-apart][both].astype(np.int64), values[:, apart:][both]
            rules, times = np.unique(first * num_tokens + second, return_counts=True)
            pairs.append(rules)
            weights.append(times / apart)
    together = np.concatenate(pairs) if pairs else np.zeros(0, np.int64)
    weight = np.concatenate(weights) if weights else np.zeros(0)
    firsts, seconds = np.divmod(together, num_tokens)
    follows = _matrix(firsts, seconds, weight / counts[firsts], (num_tokens, num_tokens))
    return follows, 1e-6 * counts / max(counts.sum(), 1.0)


def _matrix(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_array

    return csr_array((values, (rows, columns)), shape=shape)


def _repeats(data: Dataset, items: str) -> bool:
    """Whether a user has an item twice."""
    values, lengths = np.asarray(data.arrays[items]).astype(np.int64), data.lengths(items)
    values = np.where(np.arange(values.shape[1]) < lengths[:, np.newaxis], values, -1 - np.arange(values.shape[1]))
    ordered = np.sort(values, axis=1)
    return bool((ordered[:, 1:] == ordered[:, :-1]).any())
