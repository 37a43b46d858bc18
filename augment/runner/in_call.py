"""Errors in the words of whoever calls a function with data in memory: there is no pipeline file, and no path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from augment.data import Schema
from augment.errors import AugmentError, Problem, SpecError
from augment.spec.load import Resolved
from augment.spec.stages import Bound, Stage

__all__ = ["bind_in_call", "in_call"]

# a place in the pipeline that the call stands for, and the argument
ARGUMENTS = (
    (r"generators\.0\.use", "generator"),
    (r"generators\.0(\.with)?", "settings"),
    (r"mix\.rows", "rows"),
    (r"(device|seed|schema|filters)", r"\1"),
)


@contextmanager
def in_call(data: Path | None = None) -> Iterator[None]:
    """Inside, errors name arguments instead of places in a pipeline, and the data instead of the file `data`."""
    try:
        yield
    except AugmentError as error:
        if isinstance(error, SpecError):
            error.problems = [Problem(problem.message, _argument(problem.where)) for problem in error.problems]
            error.args = ("\n".join(map(str, error.problems)),)
        if data is not None and error.args:
            error.args = (str(error.args[0]).replace(str(data), "the data"), *error.args[1:])
        raise


def _argument(where: str) -> str:
    for pattern, argument in ARGUMENTS:
        if match := re.match(pattern + r"(?=\.|$)", where):
            return match.expand(argument) + where[match.end() :]
    return where


def bind_in_call(resolved: Resolved, stages: Sequence[Stage], schema: Schema, num_rows: int) -> list[Bound]:
    """The component of each stage for this data.

    Raises:
        SpecError: none of that name takes the data; the message says why.
    """
    bounds: list[Bound] = []
    problems: list[Problem] = []
    for stage in stages:
        refusals: list[str] = []
        for candidate in stage.candidates_for(schema.modality):
            refusal = candidate.cls.accepts.refusal(schema, num_rows, in_call=True)
            if refusal is None:
                bounds.append(stage.bind(candidate))
                break
            refusals.append(refusal)
        else:
            refused = [one for cls, one in stage.refused if cls.accepts.refusal(schema, num_rows) is None]
            reasons = "; ".join(dict.fromkeys(refusals))
            own = resolved.document.problem(
                (*stage.key_path, "use"), f"{stage.use!r} cannot learn from this data: {reasons}"
            )
            problems += refused[0] if refused else (own,)
    if problems:
        raise SpecError(problems)
    return bounds
