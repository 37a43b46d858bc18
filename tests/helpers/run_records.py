"""What `metrics.json` and `run.json` hold, and the folder of a run, with made-up figures, for tests that read runs."""

from __future__ import annotations

from typing import Any

from augment.plugin.run_metrics import RunMetrics
from augment.plugin.trial_results import SearchResult
from augment.statistics.arms import arm_kind
from augment.statistics.verdict_sentence import not_assessable
from augment.storage.publish_run import Place
from augment.storage.run_folder import Run
from augment.storage.run_manifest import RunManifest


def run_metrics(**content: Any) -> RunMetrics:
    """Metrics of a run that did nothing, with some parts replaced; counts that a generator does not name are 0."""
    parts = {
        "rows": {"read": 0, "train": 0, "test": 0, "synthetic": 0},
        "classes": {"train": {}, "test": {}, "synthetic": {}},
        "generators": {},
        "filters": {},
        "search": SearchResult.not_asked().model_dump(),
        "trial": not_assessable("nobody tried").model_dump(),
        "privacy": {"verdict": "not assessed", "sentence": "Privacy was not assessed: nobody tried."},
    }
    merged = {name: {**part, **content.pop(name, {})} for name, part in parts.items()}
    counts = {"origin": "noise", "asked": 0, "kept": 0, "rounds": 1, "rejected": {}, "per_class": {}}
    merged["generators"] = {name: {"use": name, **counts, **given} for name, given in merged["generators"].items()}
    return RunMetrics.model_validate({**merged, "scores": [], "notes": [], **content})


def arm(id: str, mean: float) -> dict[str, Any]:
    """An arm of a trial with one seed, as `metrics.json` holds it."""
    facts = {"mean": mean, "values": [mean], "difference": 0.0, "interval": None, "scores": {}, "classes": {}}
    return {"id": id, "label": id, "rows": 10, "kind": arm_kind(id), **facts}


def manifest(**content: Any) -> RunManifest:
    """The manifest of a run that did nothing, with some entries replaced."""
    nothing = {
        "status": "done",
        "exit_code": 0,
        "reports": [],
        "seconds": 1.0,
        "versions": {},
        "platform": "Linux-x86_64",
        "device": "cpu",
        "threads": 1,
        "seed": 0,
        "reproducible": True,
        "plugins": {},
        "source": {"fingerprint": "", "rows": 0, "without_target": 0},
        "train": "train-0",
        "data": {"origin_column": "origin", "written": {"train": {}, "test": {}}},
        "stages": [],
        "name": "credit",
        "key": "0123456789abcdef",
    }
    return RunManifest.model_validate({**nothing, **content})


def build(place: Place, text: str = "first") -> Run:
    """The folder of a run that did nothing, with a log, metrics and a generator `gan`."""
    with place.building({"name": "credit"}) as draft:
        draft.write_text("log.txt", text)
        draft.write_json("metrics.json", run_metrics(rows={"train": 3}, notes=["a note"]).model_dump())
        model = draft.folder / "models" / "gan"
        model.mkdir()
        (model / "state.safetensors").write_bytes(b"weights")
        draft.finish(manifest(name=place.name, key=place.key, reports=["report.html"]))
    return Run(place.final)
