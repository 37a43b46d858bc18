"""Pipelines whose data is in memory: it becomes a file in the store, which an ordinary source reads.

So everything that holds for files holds for it: workers read it, equal data has an equal key, and the resolved pipeline
runs again as long as the file is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from augment.errors import AugmentError, SpecError
from augment.in_memory import FILE, hold
from augment.plugin.catalog import Catalog
from augment.spec.load import Spec
from augment.spec.models import Pipeline
from augment.storage.atomic_files import remove
from augment.storage.hashes import file_sha256
from augment.storage.store import Store

__all__ = ["as_pipeline", "calling_it_the_data", "merged_schema", "with_files"]


def as_pipeline(
    pipeline: Any, y: Any, target: str | int | None, sections: Mapping[str, Any], rate: float | None = None
) -> Spec:
    """A pipeline as it is; data in memory as the source of one with these sections.

    Raises:
        SpecError: sections, a target or y are given beside a pipeline, or no generator beside data.
    """
    given = {"y": y, "target": target, "rate": rate}
    beside = [*(name for name, value in given.items() if value is not None), *sections]
    if isinstance(pipeline, str | Path | Mapping | Pipeline):
        if beside:
            raise SpecError(f"{', '.join(beside)}: expected with data alone; in a pipeline, write sections into it")
        return pipeline
    if "generators" not in sections:
        raise SpecError('generators: expected the names of one or more, such as generators=["trees"]')
    if "source" in sections:
        raise SpecError("source: the data is the source; leave it out")
    return {"source": _Data(pipeline, y, target, rate), **sections}


class _Data:
    """Data with the target, and the rate of recordings, that were named beside it."""

    def __init__(self, data: Any, y: Any = None, target: str | int | None = None, rate: float | None = None):
        self.data, self.y, self.target, self.rate = data, y, target, rate


def with_files(pipeline: Spec, catalog: Catalog, store: Store) -> tuple[Spec, dict[str, Path]]:
    """The pipeline with data in memory replaced by files, and those files by their keys in the store.

    Data may stand as `source` and as `split: {test: ...}` of a mapping.

    Raises:
        DataError: the data is of a kind that cannot be held.
    """
    if not isinstance(pipeline, Mapping):
        return pipeline, {}
    files: dict[str, Path] = {}
    schema, split = pipeline.get("schema") or {}, pipeline.get("split") or {}
    changed: dict[str, Any] = dict(pipeline)
    source = pipeline.get("source")
    if source is not None and not isinstance(source, str | Path | Mapping):
        changed["source"], changed["schema"] = _kept(source, schema, catalog, store, files)
    test = split.get("test") if isinstance(split, Mapping) else None
    are_values = isinstance(test, list) and all(isinstance(value, str | int | float) for value in test)
    if test is not None and not are_values and not isinstance(test, str | Path | Mapping):
        target = changed.get("schema", {}).get("target")
        # a frame has the target among its columns
        test = _Data(test, None, None if isinstance(test, tuple) else target, getattr(source, "rate", None))
        changed["split"] = {**split, "test": _kept(test, {}, catalog, store, files)[0]}
    return changed, files


def _kept(
    data: Any, schema: Mapping[str, Any], catalog: Catalog, store: Store, files: dict[str, Path]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The source that reads the data, and the section `schema:`; the data's file is among `files` afterwards."""
    given = data if isinstance(data, _Data) else _Data(data, target=schema.get("target"))
    held = hold(given.data, given.y, given.target, given.rate)
    with store.scratch() as scratch:
        key = f"data-{file_sha256(held.write(scratch))}"
        with store.making(key, "the data in memory") as work:
            folder = store.get(key)
            if folder is None:
                built = work / "built"
                remove(built)
                built.mkdir()
                os.replace(scratch / FILE, built / FILE)
                folder = store.publish(key, built)
    files[key] = folder / FILE
    use = {"use": catalog.default_names("source")[0], "with": {"path": str(folder / FILE)}}
    return use, merged_schema(held.declared, held.target, schema)


def merged_schema(declared: Mapping[str, Any], target: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's `schema:` section: what the form of the data says, and what the user says, which wins."""
    merged: dict[str, Any] = {**declared, **({"target": target} if target else {}), **said}
    for part in ("columns", "arrays"):
        ours, theirs = declared.get(part) or {}, said.get(part) or {}
        if ours and isinstance(theirs, Mapping):
            merged[part] = {name: {**ours.get(name, {}), **theirs.get(name, {})} for name in [*ours, *theirs]}
    return merged


@contextmanager
def calling_it_the_data(files: Mapping[str, Path]) -> Iterator[None]:
    """Inside, errors say "the data" instead of the path of a file that was data in memory."""
    try:
        yield
    except AugmentError as error:
        for path in files.values():
            error.args = (str(error).replace(str(path), "the data"), *error.args[1:])
        raise
