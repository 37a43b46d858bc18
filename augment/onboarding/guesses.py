"""What `augment init` tells of its guesses: few lines, each with the reason; the pipeline's comments say more."""

from __future__ import annotations

from collections.abc import Mapping

from augment.onboarding.choose_generators import Choice
from augment.onboarding.choose_target import Look
from augment.text import listing

__all__ = ["list_guesses"]

MAX_CLASSES = 4


def list_guesses(source: str, look: Look, left_out: Mapping[str, str], choice: Choice) -> list[tuple[str, str]]:
    """Each guess as what it is about, and what was guessed and why.

    Args:
        source: name of the source that reads the data.
        look: what was found in the data.
        left_out: column to why it is left out.
        choice: the generators.
    """
    schema, num_rows = look.schema, len(look.dataset)
    guesses = [("data", f"{num_rows:,} rows of kind {schema.modality}, read by {source}")]
    if schema.target is None:
        guesses.append(("target", "none found; name one with --target: without one, only metrics judge synthetic rows"))
    else:
        guesses.append(("target", f"{schema.target}, {_values(look)}; {look.why} (another: --target)"))
    if look.num_without_target:
        guesses.append(("", f"{look.num_without_target:,} rows without it are left out"))
    ids = [name for name, column in schema.columns.items() if column.type == "id"]
    guesses += [("ids", f"{listing(ids)}: not learned, and new in synthetic rows")] if ids else []
    for why in dict.fromkeys(left_out.values()):
        guesses.append(("left out", f"{listing([name for name in left_out if left_out[name] == why])}: {why}"))
    for cls, suits in choice.generators:
        guesses.append(("generator", cls.name + (f", because, {suits.reason}" if suits.reason else "")))
    return guesses


def _values(look: Look) -> str:
    """The classes of the target, the largest first; or that it is a number."""
    if not look.counts:
        return "a number" if look.schema.task == "number" else look.schema.task
    ordered = sorted(look.counts, key=lambda label: -look.counts[label])
    shown = [f"{label} ({look.counts[label]:,} rows)" for label in ordered[:MAX_CLASSES]]
    more = f" and {len(ordered) - MAX_CLASSES} more" if len(ordered) > MAX_CLASSES else ""
    return f"{len(ordered)} classes: {', '.join(shown)}{more}"
