"""Propose how the hold-out is split off: as the files say it, or at random."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augment.data import Dataset
from augment.errors import DataError, did_you_mean
from augment.onboarding.choose_effort import Effort
from augment.onboarding.choose_target import SPLIT_NAME, Look
from augment.plan.alignment import align
from augment.plugin.context import Context
from augment.plugin.contracts import Source
from augment.spec.models import HOLDOUT, Trial
from augment.toolkit.yaml_text import dump_flow

__all__ = [
    *(
        "choose_cuts",
        "choose_holdout",
        "choose_trial",
        "find_obstacle",
        "propose_group",
        "random_split",
        "split_as_said",
    )
]

HELD = re.compile(r"test(ing)?|hold-?_?out|true", re.IGNORECASE)
MAX_VALUES = 20
MIN_RARE = 10  # rows of a class on either side of the split
LARGER = (0.25, 0.3, 0.35, 0.4)
NUMBERS = {2: "two", 3: "three", 5: "five"}
FEW_ROWS = 2_000  # up to which a trial over five splits is affordable


def find_obstacle(
    source: type[Source], train: Path, test: Path, settings: Mapping[str, Any], dataset: Dataset, look: Look
) -> str | None:
    """Why a file or folder cannot be the hold-out; None if it can.

    Args:
        source: what reads both.
        train: the file or folder of the training rows.
        test: that of the hold-out.
        settings: of the source, beside the path.
        dataset: the training rows, as read.
        look: what was found in them.
    """
    try:
        params = source.Params.model_validate({"path": test.absolute(), **settings})
        with tempfile.TemporaryDirectory() as folder:
            held = source(params).read(Context(0, Path(folder)))
        target = look.schema.target
        if target is not None and (target not in held.frame or held.frame[target].isna().all()):
            return f"it has no values of the target, {dump_flow(target)}"
        align(dataset, held, train.name, test.name)
    except DataError as error:
        problems = str(error).replace(str(test.absolute()), test.name).split("\n")
        return "; ".join(problem.removeprefix(f"{test.name}: ") for problem in problems)
    return None


def choose_holdout(look: Look) -> float:
    """The share of the rows to hold out: more than usual where that gives a rare class enough rows on both sides."""
    rare = _find_rare(look)
    if rare is None:
        return HOLDOUT
    count = look.counts[rare]
    enough = (share for share in LARGER if min(share, 1 - share) * count >= MIN_RARE)
    return next(enough, HOLDOUT)


def _find_rare(look: Look) -> str | None:
    """The smallest class, if it has less than half its part of the rows, and the usual hold-out has few of it."""
    label = min(look.counts, key=lambda label: look.counts[label], default=None)
    if label is None or look.counts[label] * HOLDOUT >= MIN_RARE:
        return None
    return label if look.counts[label] < sum(look.counts.values()) / len(look.counts) / 2 else None


def choose_cuts(look: Look) -> int:
    """How many splits judge: five where no hold-out has enough rows of a rare class and that is affordable."""
    return 5 if _needs_cuts(look) and len(look.dataset) <= FEW_ROWS else 1


def _needs_cuts(look: Look) -> bool:
    return _find_rare(look) is not None and choose_holdout(look) == HOLDOUT


def choose_trial(look: Look, effort: Effort) -> list[str]:
    """The lines of the trial, where something about it is proposed.

    Args:
        look: what was found in the data.
        effort: what the run may take.
    """
    cuts, seeds = effort.cuts, effort.seeds
    several = "judged by {} hold-outs instead of one, in {} times the time".format(*[NUMBERS.get(cuts, "five")] * 2)
    lines = [f"  cuts: {cuts}  # {several}"] if cuts > 1 else []
    lines += [f"  seeds: {seeds}  # instead of {Trial().seeds}, {effort.why_seeds}"] if seeds != Trial().seeds else []
    few: list[str] = []
    if cuts == 1 and _find_rare(look) is not None:
        few = ["# Few rows of a class are held out. To have more of them:"]
        if not lines:
            return [*few, "# trial:", f"#   cuts: 5  # {several}", ""]
        few = [f"  {few[0]}", f"  # cuts: 5  # {several}"]
    return ["trial:", *few, *lines, ""] if lines else []


def random_split(look: Look) -> list[str]:
    """The lines of a split at random, with a suggestion where a column looks like a split that was made already."""
    share, rare = choose_holdout(look), _find_rare(look)
    lines = [f"holdout: {share}  # held out: these rows only show whether synthetic ones helped"]
    if rare is not None:
        few = f"{round(look.counts[rare] * HOLDOUT)} of the {look.counts[rare]} rows of class {dump_flow(rare)}"
        if share > HOLDOUT:
            lines[0] += f"; {HOLDOUT} would hold out {few}"
        else:
            lines.append(f"# That is {few}, which tells little: see `trial`.")
    for name, values in look.dataset.frame.items():
        column = look.schema.columns[str(name)]
        has_labels = column.type in ("category", "boolean", "integer", "text") and not values.hasnans
        if name == look.schema.target or not has_labels or not SPLIT_NAME.fullmatch(str(name)):
            continue
        labels = sorted(values.unique())
        if 2 <= len(labels) <= MAX_VALUES:
            held = next((label for label in labels if HELD.fullmatch(str(label))), labels[-1])
            own = {"column": str(name), "test": [int(held) if column.type == "integer" else str(held)]}
            lines += [
                f"# Column {dump_flow(str(name))} may be a split of your own. Now it is learned from. To use it:",
                f"# split: {dump_flow(own)}",
            ]
    return lines


def propose_group(source: type[Source], settings: Mapping[str, Any], look: Look) -> list[str]:
    """The line of a split by groups, where the source knows what belongs together."""
    found = source.group_for(settings, look.dataset)
    return [] if found is None else [f"group: {dump_flow(found[0])}  # {found[1]}"]


def split_as_said(look: Look, split_by: Mapping[str, str], is_given: bool = False) -> list[str]:
    """The lines of a split by groups or by time.

    Args:
        look: what was found in the data.
        split_by: `group` or `time` to a column.
        is_given: whether the hold-out is a file of its own.

    Raises:
        DataError: both are named, there is no such column, or it cannot divide the rows.
    """
    why = {"group": "rows with one value here are in the same part", "time": "the last rows are held out"}
    if is_given:
        why = {"group": "rows with one value here belong together", "time": "rows near in time belong together"}
    if len(split_by) > 1:
        raise DataError("--group and --time: the hold-out is split by one of them; leave the other out")
    columns = look.schema.columns
    for key, name in split_by.items():
        if name not in columns:
            raise DataError(f"--{key}: the data has no column {name!r}{did_you_mean(name, columns)}")
        if name == look.schema.target:
            raise DataError(f"--{key}: {name!r} is the target; name another column, or another target with --target")
        num_values, num_rows = look.dataset.frame[name].nunique(), len(look.dataset)
        if key == "group" and not 2 <= num_values < num_rows:
            found = f"{num_values} value{'s' * (num_values != 1)} in {num_rows} rows of kind {look.schema.modality}"
            raise DataError(f"--group: {name!r} has {found}, and divides nothing")
        if key == "time" and columns[name].type not in ("datetime", "number", "integer"):
            raise DataError(f"--time: {name!r} is a {columns[name].type}; a date or a number was expected")
    return [f"{key}: {dump_flow(name)}  # {why[key]}" for key, name in split_by.items()]
