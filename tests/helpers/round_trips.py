"""Runs of the pipelines that `init` proposes, and what comes back from them."""

from __future__ import annotations

import pandas as pd

import augment
from augment.onboarding import write_pipeline
from augment.spec import document

CHEAP = {
    "generators": ["bootstrap"],
    "transforms": [],
    "mix": {"rows": 12},
    "trial": False,
    "filters": [],
    "metrics": [],
    "reporters": [],
}


def came_back(data, tmp_path, sinks=None, schema=None, source=None, **settings):
    """A run of the pipeline that `init` proposes, with copies for synthetic rows, and what is given instead."""
    text = write_pipeline.propose(data, tmp_path, **settings)
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    tree = {**document.read(tmp_path / "p.yaml").tree, **CHEAP, **({"sinks": sinks} if sinks else {})}
    tree["schema"] = {**(tree.get("schema") or {}), **(schema or {})}
    tree["source"]["with"] |= source or {}
    for place in (tree["source"], tree.get("split", {}).get("test")):
        if isinstance(place, dict):  # a source
            place["with"]["path"] = str(tmp_path / place["with"]["path"])
    for sink in tree.get("sinks") or ():
        if isinstance(sink, dict) and "originals" in sink.get("with", {}):
            named = sink["with"]["originals"]
            named = [named] if isinstance(named, str) else named
            sink["with"]["originals"] = [str(tmp_path / folder) for folder in named]
    return augment.run(tree, out=tmp_path / "run", workers=0)


def check_frames(original, augmented, *, new_ids=None):
    """The same header with the origin behind it, and types that need no cast."""
    assert list(augmented.columns) == [*original.columns, "origin"]
    both = pd.concat([original, augmented.drop(columns="origin")])
    assert both.dtypes.to_dict() == original.dtypes.to_dict()
    if new_ids is not None:
        synthetic = augmented[augmented["origin"] != "real"]
        assert len(synthetic)
        assert not set(synthetic[new_ids]) & set(original[new_ids])


def check_real(original, run, read, order):
    """The real rows of both parts are the original ones."""
    parts = [read(run.folder / "data" / name) for name in run.manifest.data.written]
    augmented = pd.concat(parts)
    real = augmented[augmented["origin"] == "real"].drop(columns="origin")
    pd.testing.assert_frame_equal(
        real.sort_values(order, ignore_index=True), original.sort_values(order, ignore_index=True)
    )
