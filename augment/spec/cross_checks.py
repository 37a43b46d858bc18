"""The checks that look at several fields of the pipeline file at once.

They are plain functions over the parsed tree rather than model validators, because a validator does not run where any
field is wrong, and loading should name all that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from augment.errors import did_you_mean
from augment.spec.messages import KeyPath, show_value
from augment.spec.model_errors import Violation
from augment.spec.models import NAME, NAME_RULE, SECTIONS, infer_ids
from augment.spec.searched_settings import find_lists
from augment.statistics.arms import INEXPENSIVE, NONE, PRIOR_CORRECTION, SYNTHETIC

__all__ = ["cross_check"]

# names that stand for something else in `origin`, in the arms of a trial, or among the filters
_RESERVED_IDS = {
    "generators": {"real", "all", "blend", NONE, SYNTHETIC, PRIOR_CORRECTION, *INEXPENSIVE},
    "filters": {"in-schema", "duplicates"},
}


def cross_check(tree: Mapping[str, Any], finished: bool = False) -> list[Violation]:
    """What is wrong between fields of a tree in its long form, whatever else is wrong with it.

    Args:
        tree: the pipeline.
        finished: whether it has run, and so has found what it searched for. No trial is needed any more.
    """
    searches = () if finished else (_check_search, _check_settings)
    checks = (_check_ids, _check_share, *searches, _check_cuts, _check_split, _check_schema, _check_observers)
    return [violation for check in checks for violation in check(tree)]


def _part(tree: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    node: Any = tree
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def _check_ids(tree: Mapping[str, Any]) -> Iterator[Violation]:
    for section in SECTIONS:
        entries = tree.get(section)
        if not isinstance(entries, list):
            continue
        first: dict[str, int] = {}
        for position, (entry, name) in enumerate(zip(entries, infer_ids(entries), strict=True)):
            if not isinstance(entry, Mapping) or not isinstance(entry.get("id") or entry.get("use"), str):
                continue
            key_path: KeyPath = (section, position, "id") if entry.get("id") is not None else (section, position)
            # files and folders are named after ids, and some file systems do not tell `a` from `A`
            folded = name.casefold()
            if not NAME.fullmatch(name):
                yield key_path, f"expected an id of {NAME_RULE}, got {show_value(name)}"
            if folded in _RESERVED_IDS.get(section, ()):
                yield key_path, f"the id {name!r} is reserved; choose another `id:`"
            if folded in first:
                same = f"{section}.{first[folded]}"
                yield key_path, f"the id {name!r} is already used by {same}; ids must differ by more than case"
            first.setdefault(folded, position)


def _check_share(tree: Mapping[str, Any]) -> Iterator[Violation]:
    share = _part(tree, "mix", "share")
    ids = infer_ids(tree.get("generators"))
    if not share or not ids or not all(map(NAME.fullmatch, ids)):  # reported elsewhere
        return
    for name in share:
        if name not in ids:
            known = did_you_mean(name, ids) or f"; the ids are {', '.join(ids)}"
            yield ("mix", "share", name), f"no generator has this id{known}"
    absent = [name for name in ids if name not in share]
    if absent and all(name in ids for name in share):
        yield ("mix", "share"), f"expected a weight for every generator; {', '.join(absent)} has none (0 is allowed)"
    if all(isinstance(weight, int | float) and weight == 0 for weight in share.values()):
        yield ("mix", "share"), "all weights are 0; at least one must be greater than 0"


def _check_search(tree: Mapping[str, Any]) -> Iterator[Violation]:
    mix = _part(tree, "mix")
    for key in ("rows", "share"):
        if mix.get(key) == "auto" and tree.get("trial") is False:
            yield (
                ("mix", key),
                "`auto` needs trials, and `trial: false` turns them off; write a value here, or remove `trial: false`",
            )


def _check_settings(tree: Mapping[str, Any]) -> Iterator[Violation]:
    others = [section for section in SECTIONS if section != "generators"]
    entries: list[tuple[KeyPath, Any]] = [(("trial", "probe"), _part(tree, "trial").get("probe"))]
    entries += [((section,), tree.get(section)) for section in others]
    entries += [
        ((section, at), one)
        for section in others
        if isinstance(tree.get(section), list)
        for at, one in enumerate(tree[section])
    ]
    for key_path, entry in entries:
        if isinstance(entry, Mapping) and entry.get("tune"):
            yield (*key_path, "tune"), "only generators have settings to search for; remove it"
    generators = tree.get("generators")
    for at, entry in enumerate(generators if isinstance(generators, list) else []):
        if tree.get("trial") is False and isinstance(entry, Mapping):
            places: list[KeyPath] = [("with", *place) for place in find_lists(entry.get("with"))]
            places += [("tune",)] if entry.get("tune") is True else []
            for place in places:
                need = "settings are searched for by the trials of a run, and there are none here"
                yield ("generators", at, *place), f"{need} (`trial: false`); write one value"


def _check_cuts(tree: Mapping[str, Any]) -> Iterator[Violation]:
    cuts, split = _part(tree, "trial").get("cuts", 1), _part(tree, "split")
    if cuts == 1:
        return
    for key, held in (("test", "the rows that `split.test` names"), ("time", "the last rows by `split.time`")):
        if split.get(key) is not None:
            yield ("trial", "cuts"), f"{held} are held out, so there is only one way to split; remove one of the two"


def _check_split(tree: Mapping[str, Any]) -> Iterator[Violation]:
    split = _part(tree, "split")
    if split.get("test") is not None or split.get("column") is not None:
        yield from _check_own_split(tree, split)
    if split.get("time") and split.get("stratify"):
        yield ("split", "stratify"), "a hold-out split by `time` cannot be stratified; remove one of the two"
    for key, refused in (("group", split.get("group")), ("dedupe", split.get("dedupe") == "group")):
        if split.get("time") and refused:
            yield ("split", key), "a hold-out split by `time` cannot keep groups whole; remove one of the two"
    if split.get("stratify") is True and not _part(tree, "schema").get("target"):
        yield (
            ("split", "stratify"),
            "`true` means the target, but the schema has none; add `target:` there, or name a column here",
        )


def _check_own_split(tree: Mapping[str, Any], split: Mapping[str, Any]) -> Iterator[Violation]:
    test, column = split.get("test"), split.get("column")
    if test is None:
        yield ("split", "column"), "add `test:`, the values of this column that mark the held-out rows, such as `[4]`"
    elif column is None and isinstance(test, list):
        yield ("split", "test"), "these are values of a column; add `column:`, or name a source with `use:`"
    elif column is not None and isinstance(test, Mapping):
        yield ("split", "column"), "the held-out rows have a source of their own, `test`; remove one of the two"
    if test is None:
        return
    for key in ("holdout", "stratify"):
        if split.get(key):
            yield ("split", key), "`test` says which rows are held out; remove one of the two"
    if split.get("dedupe") == "group":
        yield ("split", "dedupe"), "`test` says which rows are held out, so equal rows cannot be grouped; write `drop`"
    uses = {
        "schema.target": _part(tree, "schema").get("target"),
        "schema.payload": _part(tree, "schema").get("payload"),
    }
    uses |= {f"split.{key}": split.get(key) for key in ("group", "time")}
    for place, name in uses.items():
        if column is not None and name == column:
            yield ("split", "column"), f"nothing learns from the column of the split, but `{place}` names it too"


def _check_schema(tree: Mapping[str, Any]) -> Iterator[Violation]:
    schema = _part(tree, "schema")
    if schema.get("target") and schema.get("target") == schema.get("payload"):
        yield ("schema", "payload"), "the payload is what the target is predicted from; it cannot be the target"
    for name, column in _part(schema, "columns").items():
        if isinstance(column, Mapping):
            yield from _check_bounds(("schema", "columns", name), column.get("min"), column.get("max"))
            categories = column.get("categories")
            if isinstance(categories, list):
                for double in sorted({str(label) for label in categories if categories.count(label) > 1}):
                    yield ("schema", "columns", name, "categories"), f"{double!r} is listed twice"
    for name, array in _part(schema, "arrays").items():
        if isinstance(array, Mapping) and isinstance(bounds := array.get("range"), list) and len(bounds) == 2:
            yield from _check_bounds(("schema", "arrays", name, "range"), *bounds)


def _check_bounds(key_path: KeyPath, low: Any, high: Any) -> Iterator[Violation]:
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield key_path, f"the minimum, {low}, is larger than the maximum, {high}"


def _check_observers(tree: Mapping[str, Any]) -> Iterator[Violation]:
    observers = tree.get("observers")
    observers = observers if isinstance(observers, list) else []
    for position, name in enumerate(observers):
        if name in observers[:position]:
            yield ("observers", position), f"{name!r} is listed twice"
