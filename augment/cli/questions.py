"""The questions of `augment init --interactive`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import click

from augment.errors import did_you_mean
from augment.onboarding.inspect_data import Found, Wishes

__all__ = ["ask", "can_ask"]

NONE = "-"
MAX_SHOWN = 20  # columns


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(found: Found, wishes: Wishes) -> Wishes:
    """Ask for the kind of the data, the target, groups and time; what was guessed is the default.

    Args:
        found: what was guessed.
        wishes: what the command line says.
    """
    schema, columns = found.look.schema, [*found.look.schema.columns, *found.left_out]
    kinds = list(found.kinds)
    click.echo("Return takes the guess in brackets.")
    kind = click.prompt("Kind of data", type=click.Choice(kinds), default=kinds[0]) if len(kinds) > 1 else kinds[0]
    source = found.kinds[kind]
    if source is not found.source:  # its columns are others
        return replace(wishes, source=source)
    if columns:
        more = ", ..." if len(columns) > MAX_SHOWN else ""
        click.echo(f"Columns: {', '.join(columns[:MAX_SHOWN])}{more}. Enter {NONE} for none.")
    text = wishes.text
    if kind == "text" and schema.modality != "text":
        texts = [*found.left_out, *(name for name, column in schema.columns.items() if column.type == "text")]
        text = _ask_column("Column of texts", columns, next(iter(texts), None), required=True)
    others = [name for name in columns if name != text]
    target = _ask_column("What a model should predict", others, schema.target, required=schema.target is not None)
    if target == schema.target:
        target = wishes.target  # so that the reason of the guess is kept
    split_by: dict[str, str] = {}
    for key, question in (("group", "Rows of one value stay together, by"), ("time", "The last rows are held out, by")):
        features = [name for name in others if name != target]
        column = _ask_column(question, features, wishes.split_by.get(key))
        split_by |= {key: column} if column else {}
    return replace(wishes, text=text, target=target, split_by=split_by)


def _ask_column(question: str, columns: Sequence[str], guess: str | None, required: bool = False) -> str | None:
    """The column that is named, or None."""
    while True:
        answer = str(click.prompt(question, default=NONE if guess is None else guess))
        if answer in columns:
            return answer
        if answer == NONE and not required:
            return None
        click.echo(f"There is no column {answer!r}{did_you_mean(answer, columns)}.")
