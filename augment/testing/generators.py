"""Rules for generators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augment.data import Dataset, as_labels, check
from augment.data.conformity import valid_rows
from augment.plugin.context import Checkpoint
from augment.plugin.contracts import Component
from augment.spec.model_errors import validate
from augment.spec.searched_settings import MAX_COMBINATIONS
from augment.testing.learners import saved, use
from augment.testing.rules import Case, Rule, difference, every, one_a_modality

__all__ = ["rules"]

COUNTS = (1, 2, 7, 300)
MOST = max(COUNTS)


def rules(component: type[Component]) -> list[Rule]:
    """The rules that apply to this component."""
    if component.kind != "generator":
        return []
    applicable = [
        Rule(tunes_its_own_settings),
        Rule(rows_fit_the_schema, every),
        Rule(as_many_rows_as_asked, one_a_modality),
        Rule(another_seed_other_rows, one_a_modality),
        Rule(fewer_rows_are_a_prefix_of_more, one_a_modality),
        Rule(chunks_may_come_in_any_order, one_a_modality),
        Rule(works_unconditionally, one_a_modality),
        Rule(origin_is_what_it_says, one_a_modality),
        Rule(works_on_the_fewest_rows, every),
        Rule(progress_is_sensible, one_a_modality),
        Rule(a_killed_fit_goes_on_where_it_was, one_a_modality),
    ]
    if component.accepts.conditional != "none":
        applicable += [
            Rule(the_class_asked_for_comes, lambda recipes: [r for r in recipes if r.task == "classes"]),
            Rule(a_class_of_one_row_can_be_asked_for, _plain_classes),
        ]
    else:
        applicable.append(Rule(what_it_declines_it_cannot_do, _plain_classes))
    if component.accepts.conditional == "any":
        applicable.append(Rule(any_columns_asked_for_come, one_a_modality))
    return applicable


def _plain_classes(recipes: list[Any]) -> list[Any]:
    return [recipe for recipe in one_a_modality(recipes) if recipe.task == "classes"]


def tunes_its_own_settings(case: Case) -> None:
    """The values in `tunes` are valid settings, differ from the default, and have few combinations.

    Otherwise every pipeline with `tune: true` is refused.
    """
    tunes: Mapping[str, Any] = case.component.tunes  # type: ignore[attr-defined]
    fields = {field.alias or name: field for name, field in case.component.Params.model_fields.items()}
    combinations = math.prod(1 + len(values) for values in tunes.values())
    problems = [f"they have {combinations} combinations"] if combinations > MAX_COMBINATIONS else []
    for key, values in tunes.items():
        default = fields[key].get_default(call_default_factory=True)
        for value in values:
            params, violations = validate(case.component.Params, {key: value})
            problems += [f"{key}: {message}" for _, message in violations]
            if params is not None and getattr(params, _field_name(case, key)) == default:
                problems.append(f"{key}: {value!r} is the default, which is tried anyway")
    case.expect(
        not problems,
        done=f"checked the values of `tunes`, {dict(tunes)}",
        happened="; ".join(problems),
        expected=f"values that `Params` accepts beside the default, with at most {MAX_COMBINATIONS} combinations",
        fix="declare few settings, with few values each",
    )


def _field_name(case: Case, key: str) -> str:
    return next(name for name, field in case.component.Params.model_fields.items() if key in (name, field.alias))


def rows_fit_the_schema(case: Case) -> None:
    """Synthetic rows have the columns, types and shapes of the training part, and mostly its bounds.

    Filters, probes and sinks treat synthetic rows like real ones, and the host refuses any other structure.
    """
    rows = case.sampled(MOST)
    schema = case.data.schema
    problems = check(rows.frame, rows.arrays, schema)
    case.expect(
        not problems,
        done=f"sampled {MOST} rows",
        happened="; ".join(problems),
        expected="rows under the schema of the training part",
        fix="end `sample` with Dataset.of(frame, arrays, schema), and let no missing value in where there was none",
    )
    case.expect(
        rows.schema == schema,
        done=f"sampled {MOST} rows",
        happened="rows with another schema than the training part's",
        expected="the schema of the data that `fit` was given",
        fix="keep it in the state: schema.model_dump(mode='json'), and Schema.model_validate after loading",
    )
    valid = valid_rows(rows.frame, rows.arrays, schema).mean()
    case.expect(
        valid >= 0.5,
        done=f"sampled {MOST} rows",
        happened=f"{valid:.0%} of them keep to the bounds and known categories",
        expected="at least half: the host rejects the others and asks again",
        fix="clip to the column's min and max, and draw only known categories",
    )


def as_many_rows_as_asked(case: Case) -> None:
    """`sample` returns one row for each row of `given`, for one or several hundred.

    The plan assigns each requested row to a generator and a position.
    """
    for num_rows in COUNTS:
        case.sampled(num_rows)


def another_seed_other_rows(case: Case) -> None:
    """Another seed gives other rows.

    Chunks differ only in their seed; a generator that ignores it repeats the same chunk.
    """
    rows = case.sample(case.fitted(), case.given(MOST), "another seed")
    case.expect(
        bool(difference(case.sampled(MOST), rows)),
        done=f"sampled {MOST} rows with two seeds",
        happened="the same rows",
        expected="other rows",
        fix="draw from context.rng or context.torch_generator(), made anew from the context of each call",
    )


def fewer_rows_are_a_prefix_of_more(case: Case) -> None:
    """sample(given[:k]) equals sample(given)[:k] under the same seed.

    The last chunk is shorter than the others, which must not change its rows.
    """
    whole = case.sampled(MOST)
    for num_rows in COUNTS[:-1]:
        mismatch = difference(case.sampled(num_rows), whole.take(slice(0, num_rows)))
        case.expect(
            not mismatch,
            done=f"sampled {MOST} rows and, with the same seed, only the first {num_rows} of them",
            happened=f"the {num_rows} rows are not the beginning of the {MOST}: {mismatch}",
            expected="the same rows, to the bit",
            fix="draw and run whole fixed-size batches, pad the last, cut the tail; a network's batch of 1 gives other "
            "bits than one of 2 or more",
        )


def chunks_may_come_in_any_order(case: Case) -> None:
    """A chunk does not depend on the chunks sampled before it.

    Several workers sample chunks in parallel, in random order.
    """
    generator = case.fitted()
    chunks = {purpose: case.given(num_rows) for purpose, num_rows in (("chunk 0", 50), ("chunk 1", 80))}
    one_way = {purpose: case.sample(generator, given, purpose) for purpose, given in chunks.items()}
    for purpose in reversed(chunks):
        mismatch = difference(one_way[purpose], case.sample(generator, chunks[purpose], purpose))
        case.expect(
            not mismatch,
            done="made two chunks, and then again in the other order",
            happened=f"{purpose} came out differently: {mismatch}",
            expected="the same rows: a chunk depends on fitted state, training part, given and seed alone",
            fix="keep nothing on `self` outside `fit`",
        )


def works_unconditionally(case: Case) -> None:
    """`sample` works without given columns.

    The host gives no column if the target has no classes, or if some generators cannot be conditioned on it.
    """
    rows = case.sample(case.fitted(), case.given(20, columns=[]))
    problems = check(rows.frame, rows.arrays, case.data.schema)
    case.expect(
        not problems,
        done="sampled 20 rows with no column given",
        happened="; ".join(problems),
        expected="rows under the schema of the training part, the target included",
        fix="draw the target as often as in the training part where it is not given",
    )


def origin_is_what_it_says(case: Case) -> None:
    """`origin` is correct: with `copies`, all rows are training rows; otherwise, almost none are.

    Filters and reports rely on it: `copies` are not rejected for being copies.
    """
    train = case.data
    hashes = train.row_hashes()
    if pd.Series(hashes).duplicated().any():
        return  # where real rows repeat each other, made ones may well be equal to some
    rows = case.sampled(MOST)
    origin, share = case.component.origin, float(np.isin(rows.row_hashes(), hashes).mean())  # type: ignore[attr-defined]
    case.expect(
        share == 1 if origin == "copies" else share < 0.9,
        done=f"sampled {MOST} rows and looked for them among the training rows",
        happened=f"{share:.0%} of them are training rows, and `origin` is {origin!r}",
        expected="all of them" if origin == "copies" else "new rows",
        fix="give the rows back as they were"
        if origin == "copies"
        else "move or make each row, or say origin='copies'",
    )


def what_it_declines_it_cannot_do(case: Case) -> None:
    """With `conditional="none"`, the generator cannot sample a requested class.

    If it can, it is needlessly excluded from balancing and from amounts per class.
    """
    given = case.given(MOST, [str(case.data.schema.target)])
    try:
        rows = case.sample(case.fitted(), given)
        as_asked = not difference(as_labels(given.iloc[:, 0]), as_labels(rows.frame[given.columns[0]]))
    except Exception:  # it cannot, as it says
        return
    case.expect(
        not as_asked,
        done=f"asked for {MOST} rows of given classes, which `accepts` says it cannot be asked for",
        happened="all of them, as asked",
        expected="a component that says all it can",
        fix='say accepts = Accepts(..., conditional="target")',
    )


def works_on_the_fewest_rows(case: Case) -> None:
    """`accepts.min_rows` rows are enough for a fit.

    The host uses `accepts.min_rows` to refuse smaller data with a message instead of a failing fit.
    """
    min_rows = case.component.accepts.min_rows
    assert case.recipe is not None
    data = replace(case.recipe, rows=min_rows).build()
    if case.component.accepts.refusal(data.schema, min_rows):
        return  # so few rows are of another kind
    generator = case.fit(data)
    given = data.take(np.arange(5) % len(data)).frame[case.given(1).columns]
    rows = case.sample(generator, given, train=data)
    problems = check(rows.frame, rows.arrays, data.schema)
    case.expect(
        not problems,
        done=f"fitted it on {min_rows} rows, as few as `accepts.min_rows` allows, and sampled 5",
        happened="; ".join(problems),
        expected="rows under the schema of the training part",
        fix="mend it, or raise `accepts.min_rows`",
    )


def the_class_asked_for_comes(case: Case) -> None:
    """Synthetic rows have the requested target.

    Balancing requests rows of the rare class; any other class would be a wrong label.
    """
    _expect_given(case, case.sampled(MOST), case.given(MOST))


def any_columns_asked_for_come(case: Case) -> None:
    """Synthetic rows have the requested values in all given columns.

    With `conditional='any'`, `augment sample --where` offers this to users.
    """
    features = case.data.schema.features
    for columns in ([features[0]] if features else [], list(case.data.frame.columns)):
        given = case.given(40, columns)
        _expect_given(case, case.sample(case.fitted(), given), given)


def a_class_of_one_row_can_be_asked_for(case: Case) -> None:
    """A class with a single training row is not an error.

    Imbalanced data is a main use case; after the split, the rarest class often has one or two rows.
    """
    data = case.data
    target, rare = str(data.schema.target), data.schema.classes[-1]
    labels = as_labels(data.frame[target])
    rows = np.flatnonzero(labels != rare).tolist() + np.flatnonzero(labels == rare)[:1].tolist()
    data = data.take(np.array(rows))
    generator = case.fit(data)
    given = data.take(np.full(30, len(data) - 1)).frame[[target]]
    _expect_given(case, case.sample(generator, given, train=data), given)


def _expect_given(case: Case, rows: Dataset, given: pd.DataFrame) -> None:
    for name in given.columns:
        mismatch = (
            difference(as_labels(given[name]), as_labels(rows.frame[name])) if name in rows.frame else "it is missing"
        )
        case.expect(
            not mismatch,
            done=f"gave column {name!r} to `sample`",
            happened=f"other values than asked for: {mismatch}",
            expected="the given columns back, unchanged",
            fix="make rows for what is asked, and write the given columns into the result",
        )


def progress_is_sensible(case: Case) -> None:
    """Progress increases up to its total, and losses are numbers.

    The speed and the remaining time are computed from it, and the report shows the losses.
    """
    seen = use(case, 1).progress
    steps = [step for step, _, _ in seen]
    wrong = [
        (step, total, dict(losses))
        for step, total, losses in seen
        if not (0 <= step <= total and all(math.isfinite(float(loss)) for loss in losses.values()))
    ]
    case.expect(
        not wrong and steps == sorted(steps),
        done="fitted it, and kept what it reported as (step, total, losses)",
        happened=f"{wrong[0] if wrong else f'steps {steps}'}",
        expected="steps that never go back, none beyond the total, and finite losses",
        fix="call context.progress(step, total, {'loss': float(loss)}) with the step just done",
    )


class _Killed(BaseException):
    """Stands for the end of a process: nothing in a component may catch it."""


class _LastSave(Checkpoint):
    """A checkpoint whose process dies once it has been saved."""

    def save(self, tensors: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> None:
        super().save(tensors, values)
        raise _Killed


def a_killed_fit_goes_on_where_it_was(case: Case) -> None:
    """A fit that is killed after a checkpoint and resumed ends with the same state as an undisturbed one.

    After a kill, the same command resumes and must produce the same bytes.
    """
    place = case.folder / "checkpoint"
    for _ in range(2):
        try:
            case.fit(case.data, case.context("fit", train=case.data, checkpoint=_LastSave(place)))
        except _Killed:
            continue
        if not place.exists():
            return  # it keeps no checkpoints: a killed fit begins again
    resumed = case.fit(case.data, case.context("fit", train=case.data, checkpoint=Checkpoint(place)))
    differing = _differing_files(saved(case, case.fitted()), saved(case, resumed))
    case.expect(
        not differing,
        done="killed the fit after its first checkpoint, twice, and let it end; fitted another in one go",
        happened=f"another fitted state in {', '.join(differing)}",
        expected="the same state, to the bit",
        fix="checkpoint everything that the next step depends on: weights, optimiser, random streams, position, losses",
    )


def _differing_files(one: Path, other: Path) -> list[str]:
    names = {path.name for folder in (one, other) for path in folder.iterdir()}
    contents = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (one, other)]
    return sorted(name for name in names if contents[0].get(name) != contents[1].get(name))
