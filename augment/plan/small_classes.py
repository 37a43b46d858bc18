"""Classes with fewer training rows than a generator needs: who makes no rows of them, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from augment.text import listing

__all__ = ["explain", "find_too_small"]


def find_too_small(min_class_rows: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, frozenset[str]]:
    """Generator id to the classes that it cannot be asked for.

    Args:
        min_class_rows: generator id to the fewest training rows that it needs of a class.
        counts: training rows of each class; one entry with an empty label where the target has no classes.

    >>> find_too_small({"smote": 2, "vae": 0}, {"a": 5, "b": 1})
    {'smote': frozenset({'b'}), 'vae': frozenset()}
    """
    return {
        generator: frozenset(label for label, count in counts.items() if label and count < least)
        for generator, least in min_class_rows.items()
    }


def explain(
    wanted: Mapping[str, int],
    share: Mapping[str, float],
    min_class_rows: Mapping[str, int],
    counts: Mapping[str, int],
) -> tuple[dict[str, str], Collection[str]]:
    """Why generators make no rows of a class that rows are wanted of.

    Args:
        wanted: synthetic rows of each class.
        share: generator id to weight.
        min_class_rows: as for `find_too_small`.
        counts: likewise.

    Returns:
        Class to the reason, in a sentence without its end; and the classes that no generator makes rows of.
    """
    too_small = find_too_small(min_class_rows, counts)
    users = [generator for generator, weight in share.items() if weight > 0]
    reasons, left_out = {}, []
    for label, rows in wanted.items():
        unable = [generator for generator in users if label in too_small.get(generator, ())]
        if not rows or not unable:
            continue
        least = max(min_class_rows[generator] for generator in unable)
        count = counts.get(label, 0)
        reasons[label] = (
            f"class {label!r} has {count} training row{'s' * (count != 1)}, and {listing(unable)} "
            f"need{'s' * (len(unable) == 1)} at least {least} of a class"
        )
        if len(unable) == len(users):
            left_out.append(label)
    return reasons, left_out
