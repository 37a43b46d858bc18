"""Settings that a search finds: `with: {epochs: {search: [50, 100]}}`, or what a generator declares, `tune: true`.

Every combination of the values is checked as if it were written so, before anything runs.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

from augment.plugin.contracts import Component, Generator, Params
from augment.spec.messages import KeyPath, show_value
from augment.spec.model_errors import Violation

__all__ = ["MAX_COMBINATIONS", "SEARCH", "SearchedSettings", "add_declared", "check_lists", "combine", "find_lists"]

SEARCH = "search"
MAX_COMBINATIONS = 12  # each is fitted five times at least


@dataclass(frozen=True)
class SearchedSettings:
    """The settings of a generator that a search finds.

    Attributes:
        places: where they stand under `with:`.
        variants: all settings with each combination of the values, in the order listed. The first is kept where no
            other does better.
    """

    places: tuple[KeyPath, ...]
    variants: tuple[Params, ...]

    def values(self, dumped: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that are searched for, by their names, from one of the variants as plain data."""
        return {".".join(map(str, place)): _get(dumped, place) for place in self.places}

    def write(self, dumped: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """All variants, as plain data, in the form in which a pipeline states them."""
        tree = json.loads(json.dumps(dumped[0]))
        for place in self.places:
            values = [_get(variant, place) for variant in dumped]
            distinct = [value for position, value in enumerate(values) if value not in values[:position]]
            _get(tree, place[:-1])[place[-1]] = {SEARCH: distinct}
        return dict(tree)


def find_lists(settings: Any, key_path: KeyPath = ()) -> dict[KeyPath, Any]:
    """Where a search is asked for, to what stands behind `search`."""
    if isinstance(settings, Mapping) and key_path and set(settings) == {SEARCH}:
        return {key_path: settings[SEARCH]}
    inside: Any = settings.items() if isinstance(settings, Mapping) else ()
    inside = enumerate(settings) if isinstance(settings, list) else inside
    found: dict[KeyPath, Any] = {}
    for key, value in inside:
        found |= find_lists(value, (*key_path, key))
    return found


def check_lists(lists: Mapping[KeyPath, Any]) -> list[Violation]:
    """What is wrong with what stands behind `search`, whatever the types of the settings."""
    violations: list[Violation] = []
    for place, values in lists.items():
        where = (*place, SEARCH)
        if not isinstance(values, list):
            violations.append((where, f"expected a list of values to try, such as `[1, 2]`, got {show_value(values)}"))
        elif len(values) < 2:
            violations.append((where, "expected at least two values to try; write a single value without `search`"))
        elif len(values) <= MAX_COMBINATIONS:  # more are refused below, and looking for equal ones takes time
            texts = [json.dumps(value) for value in values]
            doubles = [position for position, text in enumerate(texts) if text in texts[:position]]
            violations += [
                ((*where, position), f"{show_value(values[position])} is listed twice") for position in doubles
            ]
    if violations:
        return violations
    combinations = math.prod(len(values) for values in lists.values())
    if combinations > MAX_COMBINATIONS:
        most = f"at most {MAX_COMBINATIONS} are tried, since each is fitted five times or more"
        return [((), f"the searched settings have {combinations} combinations; {most}. List fewer values")]
    return []


def combine(
    settings: Mapping[str, Any], lists: Mapping[KeyPath, Any]
) -> Iterator[tuple[dict[str, Any], dict[KeyPath, int]]]:
    """The settings with each combination of the values, and of each value its position in its list."""
    for positions in itertools.product(*(range(len(values)) for values in lists.values())):
        tree = json.loads(json.dumps(settings))
        chosen = dict(zip(lists, positions, strict=True))
        for place, position in chosen.items():
            _get(tree, place[:-1])[place[-1]] = lists[place][position]
        yield tree, chosen


def add_declared(cls: type[Component], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with a search for those that a generator declares worth one, and that are not written.

    The default is the first value of each.
    """
    assert issubclass(cls, Generator)
    fields = {field.alias or name: field for name, field in cls.Params.model_fields.items()}
    added = {}
    for key, others in cls.tunes.items():
        if key not in settings:
            default = to_jsonable_python(fields[key].get_default(call_default_factory=True))
            added[key] = {SEARCH: [default, *(value for value in others if value != default)]}
    return {**settings, **added}


def _get(tree: Any, place: KeyPath) -> Any:
    for key in place:
        tree = tree[key]
    return tree
