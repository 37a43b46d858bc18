"""What a run finds out: the trial on the hold-out, the metrics, and the counts, as `metrics.json` holds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data.dataset import Dataset
from augment.data.schema import Schema, labels_of
from augment.engine.sample_task import IN_SCHEMA
from augment.errors import DiskError
from augment.plan.amounts import training_counts
from augment.plan.caps import MAX_JUDGED_ROWS
from augment.plugin.context import derive_seed
from augment.plugin.contracts import Generator
from augment.runner.generate import DUPLICATES, Mixture
from augment.runner.prepare import Prepared
from augment.runner.session import Session
from augment.spec.models import Trial
from augment.spec.stages import Bound
from augment.statistics import paired_bootstrap
from augment.statistics.arms import NONE, OVERSAMPLING, SYNTHETIC
from augment.statistics.verdict import LEAST_ROWS, direction, not_assessable, sentence_of

__all__ = [
    "HOST_FILTERS",
    "class_counts",
    "counts_of",
    "gain_of",
    "origins_of",
    "privacy_of",
    "private_of",
    "scores_of",
    "threshold_of",
    "trial_of",
    "truth_of",
]

HOST_FILTERS = {
    IN_SCHEMA: "Throws out rows beyond declared bounds, or with labels that the training part does not have.",
    DUPLICATES: "Throws out rows that equal an earlier synthetic row.",
}


def trial_of(
    session: Session,
    settings: Trial | None,
    probe: Bound | None,
    prepared: Prepared,
    drawn: Callable[[int], Mixture],
    chosen: str = SYNTHETIC,
) -> dict[str, Any]:
    """Train the probe on every arm with every seed, and judge it on the hold-out.

    Args:
        session: does the work.
        settings: the pipeline's `trial:` section, or None where it says `false`.
        probe: what is trained, or None where there is none for this kind of data.
        prepared: the data.
        drawn: gives the synthetic rows of a seed; seed 0 has those that are written.
        chosen: the arm that the verdict is about; where it is not `synthetic`, no rows are drawn.
    """
    train, test = Dataset.load(prepared.train), Dataset.load(prepared.test)
    schema = train.schema
    if settings is None:
        return not_assessable("the pipeline asks for no trial")
    if schema.target is None or schema.task == "none":
        return not_assessable("no target is named that a model could predict")
    if probe is None:
        return not_assessable(f"there is no probe for this kind of data ({schema.modality})")
    if len(test) > MAX_JUDGED_ROWS:
        rows = np.random.default_rng(derive_seed(session.seed, "trial", "cap")).permutation(len(test))[:MAX_JUDGED_ROWS]
        session.remark(f"the trial judges on {MAX_JUDGED_ROWS:,} of the {len(test):,} held-out rows, drawn at random")
        test = test.take(np.sort(rows))
    truth, known = truth_of(test, schema)
    if schema.task == "classes" and len(np.unique(truth)) < 2:
        return not_assessable("the hold-out has rows of one class only")
    test.drop_columns([schema.target]).save(session.scratch / "test-features")
    mixtures = [drawn(number) if chosen == SYNTHETIC else Mixture() for number in range(settings.seeds)]
    makers = [generator for generator in mixtures[0].counts if all(m.of(generator) for m in mixtures)]
    labels = paired_bootstrap.arm_labels(schema.task, makers)
    places = {
        (arm, number): session.scratch / f"arm-{arm}-{number}.npy" for arm in labels for number in range(len(mixtures))
    }
    tasks = [
        {"arm": arm, "trial_seed": number, "out": str(place), "parts": _parts(arm, mixtures[number])}
        for (arm, number), place in places.items()
    ]
    init = {
        "component": probe.to_json(),
        "train": str(prepared.train),
        "test": str(session.scratch / "test-features"),
    }
    trained_on: dict[str, int] = {}
    with session.stage("trial", probe.id) as report:
        job = session.job("trial", probe, "augment.engine.judge_tasks:predict_arm", init, tasks)
        for done, (_, index, result) in enumerate(session.map([job]), start=1):
            if tasks[index]["trial_seed"] == 0:
                trained_on[str(tasks[index]["arm"])] = int(result["rows"])
            step = {"step": done, "total": len(tasks), "losses": {}}
            session.emit({"event": "progress", "stage": "trial", "id": probe.id, **step})
        predictions = {arm: [np.load(places[arm, n])[known] for n in range(len(mixtures))] for arm in labels}
        report["rows"] = len(truth)
        return paired_bootstrap.summarise(
            truth,
            predictions,
            task=schema.task,
            labels=labels,
            rows=trained_on,
            probe=probe.id,
            score=settings.score,
            seed=session.seed,
            classes=schema.classes,
            chosen=chosen,
        )


def truth_of(test: Dataset, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """What is true of the held-out rows, and which of them count: rows of a class nobody could learn do not."""
    values = test.frame[schema.target]
    if schema.task == "number":
        return values.to_numpy(dtype=float), np.ones(len(test), dtype=bool)
    codes = pd.Index(schema.classes, dtype="object").get_indexer(pd.Index(labels_of(values), dtype="object"))
    known = codes >= 0
    return codes[known], known


def _parts(arm: str, mixture: Mixture) -> list[str]:
    if arm == SYNTHETIC:
        return [str(folder) for folder, _ in mixture.parts]
    return [] if arm == NONE else [str(folder) for folder in mixture.of(arm)]


def scores_of(
    session: Session, metrics: Sequence[Bound], prepared: Prepared, mixture: Mixture, origins: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What every metric says of each generator's rows, and of all together where there are several.

    A score may have the key `private`, see `augment.plugin.contracts.Score`; `origins` maps generators to their origin.
    """
    makers = [generator for generator in mixture.counts if mixture.of(generator)]
    groups = {maker: [maker] for maker in makers} | ({"all": makers} if len(makers) > 1 else {})
    rows = [
        {
            "of": name,
            "origins": sorted({origins[maker] for maker in group if maker in origins}),
            "parts": [str(folder) for folder, origin in mixture.parts if origin in group],
        }
        for name, group in groups.items()
    ]
    found: list[dict[str, Any]] = []
    for metric in metrics:
        init = {"component": metric.to_json(), "train": str(prepared.train), "test": str(prepared.test)}
        with session.stage("score", metric.id):
            results = session.map([session.job("score", metric, "augment.engine.judge_tasks:score", init, rows)])
            in_order = sorted(results, key=lambda result: result[1])
            found += [score for _, _, result in in_order for score in result["scores"]]
    return found


def gain_of(
    trial: dict[str, Any], scores: Sequence[Mapping[str, Any]], num_train: int, made: Mapping[str, int]
) -> dict[str, Any]:
    """The trial; where it could judge nothing and a metric says what rows are worth, that in the same form.

    Args:
        trial: as `trial_of` gives it.
        scores: as `scores_of` does.
        num_train: real rows.
        made: generator to its rows.
    """
    found = {score["of"]: score for score in scores if "gain" in score["detail"]}
    judged = found.get("all") or next(iter(found.values()), None)
    if trial["assessable"] or judged is None:
        return trial
    gain = judged["detail"]["gain"]
    if gain["judged"] < LEAST_ROWS:
        few = f"{gain['judged']} held-out rows that {judged['metric']} can judge by are too few"
        return trial if trial["arms"] else not_assessable(f"{few}; {LEAST_ROWS} are the least")

    def arm(name: str, label: str, rows: int, difference: float, interval: Sequence[float] | None) -> dict[str, Any]:
        mean = gain["alone"] + difference
        values = {"mean": mean, "difference": difference, "interval": interval, "values": [mean]}
        return {"id": name, "label": label, "rows": num_train + rows, **values, "scores": {}, "classes": {}}

    total = sum(made.values())
    arms = [
        arm(NONE, "real rows alone", 0, 0.0, None),
        arm(OVERSAMPLING, "oversampling", total, **gain["oversampling"]),
        arm(SYNTHETIC, "real + synthetic", total, judged["value"], judged["interval"]),
    ]
    for maker, score in found.items():
        if score is not judged:
            arms.append(arm(maker, f"real + {maker} alone", made[maker], score["value"], score["interval"]))
    against = {**gain["against"], "verdict": direction(gain["against"]["interval"], judged["better"])}
    held = {
        "assessable": True,
        "reason": "",
        "probe": judged["metric"],
        "score": gain["score"],
        "better": judged["better"],
        "seeds": 1,
        "rows": gain["judged"],
        "chosen": SYNTHETIC,
        "against": {"arm": OVERSAMPLING, **against},
        "arms": arms,
    }
    verdict, sentence = sentence_of(held, gain["score"], ".3f")
    return {**held, "verdict": verdict, "sentence": sentence}


def private_of(scores: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the scores have to keep private, taken out of them."""
    private = [(score, score.pop("private", None)) for score in scores]
    return [{**{key: score[key] for key in ("metric", "of", "name")}, **found} for score, found in private if found]


def privacy_of(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the attacks among the scores found, in a sentence, as `metrics.json` holds it.

    Nothing is ever called safe: where no attack succeeds, that is what is said.
    """
    attacks = [score for score in scores if {"limit", "finding"} <= score["detail"].keys()]
    above = [score for score in attacks if score["value"] > score["detail"]["limit"]]
    near = {score["of"] for score in attacks if "by design" in score["detail"]["finding"]}
    leaks = [score for score in above if score["of"] not in near]
    if not attacks:
        why = "no metric attacks them, or there are too few rows to attack"
        verdict, sentence = "not assessed", f"Whether synthetic rows give real ones away was not looked at: {why}."
    elif leaks:
        worst = "; ".join(
            f"{score['of']}: {score['name']} {score['value']:.2%}, chance keeps to {score['detail']['limit']:.2%}"
            for score in leaks
        )
        verdict, sentence = "leak found", f"Synthetic rows give training rows away ({worst})."
    else:
        verdict, sentence = "no leak found", "No leak found by these attacks, which is no promise that there is none."
    if near and verdict != "not assessed":
        own = sorted(near - {"all"})  # the mix is near by design because of those
        whose = f"Rows of {', '.join(own)}" if own else "Some synthetic rows"
        sentence += f" {whose} start from real rows, so they are near them by design."
        verdict = "near by design" if not leaks else verdict
    return {"verdict": verdict, "sentence": sentence}


def counts_of(
    prepared: Prepared,
    mixture: Mixture,
    generators: Sequence[Bound],
    filters: Sequence[Bound],
    thresholds: Mapping[str, float],
) -> dict[str, Any]:
    """How many rows were read, cut, made and thrown out: the counts of `metrics.json`."""
    train, test = Dataset.load(prepared.train), Dataset.load(prepared.test)
    target = train.schema.target if train.schema.task == "classes" else None
    per_class = mixture.per_class(target)
    classes = {name: class_counts(part) for name, part in (("train", train), ("test", test))}
    made = {label: sum(labels.get(label, 0) for labels in per_class.values()) for label in classes["train"]}
    uses = {bound.id: bound.use for bound in filters}
    whats = HOST_FILTERS | {bound.id: _first_line(bound.cls) for bound in filters}
    origins = origins_of(generators)
    return {
        "rows": {
            "read": prepared.num_read,
            "train": prepared.num_train,
            "test": prepared.num_test,
            "synthetic": sum(counts["kept"] for counts in mixture.counts.values()),
        },
        "classes": {**classes, "synthetic": made},
        "generators": {
            bound.id: {
                "use": bound.use,
                "origin": origins[bound.id],
                **mixture.counts[bound.id],
                "per_class": per_class[bound.id],
            }
            for bound in generators
        },
        "filters": {
            name: {
                "use": uses.get(name, name),
                "what": whats.get(name, ""),
                "threshold": thresholds.get(name, 1.0),
                "judged": judged,
                "rejected": mixture.rejected[name],
            }
            for name, judged in mixture.judged.items()
        },
    }


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def origins_of(generators: Sequence[Bound]) -> dict[str, str]:
    """Generator id to where its rows start from."""
    return {bound.id: bound.cls.origin for bound in generators if issubclass(bound.cls, Generator)}


def class_counts(data: Dataset) -> dict[str, int]:
    """Label to rows; empty where the target has no classes."""
    return training_counts(data) if data.schema.task == "classes" else {}


def threshold_of(folder: Path) -> float:
    """The threshold that a fitted filter wrote down."""
    path = folder / "filter.json"
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["threshold"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DiskError(f"{path}: what a fitted filter says of itself cannot be read: {error}") from error
