"""The section `schema:` of a proposed pipeline, with what was found in the columns as comments."""

from __future__ import annotations

from collections.abc import Sequence

from augment.data import MAX_INTEGER_CLASSES, as_written
from augment.data.inference import repeats_words
from augment.onboarding.choose_target import Look
from augment.toolkit.yaml_text import dump_flow

__all__ = ["brief", "schema_section", "section"]

MAX_COLUMNS = 60  # described in the file


def section(head: str, active: Sequence[str], inactive: Sequence[str] = ()) -> list[str]:
    """A mapping in YAML with some lines commented out; entirely commented out if it would be empty otherwise."""
    if not active:
        return [f"# {head}", *(f"#   {line}" for line in inactive)]
    return [head, *(f"  {line}" for line in active), *(f"  # {line}" for line in inactive)]


def schema_section(look: Look) -> list[str]:
    """The lines of the section."""
    ids = [name for name, column in look.schema.columns.items() if column.type == "id"]
    active = [_column(name, look) for name in ids]
    lengths = {array.length_column for array in look.schema.arrays.values()}
    inactive = [_column(name, look) for name in look.schema.features if name not in lengths]
    if len(inactive) > MAX_COLUMNS:
        inactive[MAX_COLUMNS:] = [f"and {len(inactive) - MAX_COLUMNS} more"]
    heading = "# What was found in the columns; where that is wrong, remove the # and correct it."
    payload = look.schema.payload
    named = [] if payload is None else [f"payload: {dump_flow(payload)}  # the texts that the data is about"]
    if look.schema.target is None and look.schema.modality == "tokens":
        why = ["# Without a target, the result is judged by how well the next item of held-out users is predicted."]
        return [*why, *section("schema:", section("columns:", active, inactive))] if active or inactive else why
    if look.schema.target is None:
        why = [f"# {look.why}: name the target if there is one.", "# Without it, nothing can tell whether this helps."]
        possible = [name for name in look.schema.features if name not in lengths]
        if not possible:
            why = ["# No column could be a target. Without one, nothing can tell whether this helps."]
            return [*why, *section("schema:", section("columns:", active))] if active else why
        target = f"target: {dump_flow(possible[-1])}"
        if not active and not named:
            return section("schema:", [], [*why, target, *section("columns:", inactive)])
        return section("schema:", [*why, f"# {target}", *named, heading, *section("columns:", active, inactive)])
    lines = [
        f"# What a model should predict, {look.why}.",
        f"target: {dump_flow(look.schema.target)}  # {_target(look)}",
        *named,
    ]
    if active or inactive:
        lines += [heading, *section("columns:", active, inactive)]
    return section("schema:", lines)


def _column(name: str, look: Look) -> str:
    """One column as a line of the schema with a comment."""
    column, values = look.schema.columns[name], look.dataset.frame[name]
    present = as_written(values.dropna(), column)
    words = []
    if column.type in ("number", "integer", "datetime") and len(present):
        words.append(f"{brief(present.min())} to {brief(present.max())}")
    if column.type == "category":
        labels = column.categories or ()
        shown = ", ".join(brief(label) for label in labels[:5]) + (", ..." if len(labels) > 5 else "")
        words.append(f"{len(labels)} labels: {shown}")
    if column.nullable:
        words.append(f"{len(values) - len(present):,} missing")
    num_distinct = present.nunique()
    if num_distinct == 1:
        words.append("the same in every row")
    elif column.type == "id":
        words.append("differs in every row: nothing learns from it, synthetic rows get new ones")
    elif column.type == "integer" and num_distinct <= MAX_INTEGER_CLASSES:
        words.append(f"only {num_distinct} values: if they are labels, say {{type: category}}")
    elif column.type == "integer" and num_distinct == len(values) > MAX_INTEGER_CLASSES:
        words.append("differs in every row: if it is an id, say {type: id}")
    elif look.schema.modality == "table" and repeats_words(column, present):
        words.append("written out word for word: if these are names or remarks, say {type: id} or leave it out")
    said = f"{column.type}, date_format: {dump_flow(column.date_format)}" if column.date_format else column.type
    return f"{dump_flow(name)}: {{type: {said}}}" + (f"  # {'; '.join(words)}" if words else "")


def _target(look: Look) -> str:
    if not look.counts:
        values = look.dataset.frame[look.schema.target].dropna()
        return (
            f"{brief(values.min())} to {brief(values.max())}" if look.schema.task == "number" else "of no usable type"
        )
    ordered = sorted(look.counts, key=lambda label: -look.counts[label])
    shown = [f"{brief(label)} ({look.counts[label]:,} rows)" for label in ordered[:6]]
    more = [f"and {len(ordered) - 6} more classes"] if len(ordered) > 6 else []
    return ", ".join([*shown, *more])


def brief(value: object) -> str:
    """A value for a comment, shortened to one line."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return dump_flow(text if len(text) <= 40 else text[:37] + "...") if isinstance(value, str) else text
