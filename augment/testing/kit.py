"""What a check is: a rule, tried on one component with one kind of data."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augment.components import Component
from augment.errors import AugmentError
from augment.testing import data_in_out, every_kind, generators, judges, learners
from augment.testing.examples import Recipe, accepted_recipes
from augment.testing.rules import Case, ConformanceError, Settings, explanation

__all__ = ["Check", "check_component", "checks_for"]

MODULES = (every_kind, learners, generators, judges, data_in_out)


@dataclass(frozen=True)
class Check:
    """A rule to be tried on a component: call it with an empty folder.

    Attributes:
        name: the rule, and in brackets the kind of data.
        rule: the rule's name alone.
    """

    name: str
    rule: str
    function: Callable[[Case], None]
    component: type[Component]
    settings: Settings
    recipe: Recipe | None
    kept: dict[str, Any] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.name

    def __call__(self, tmp_path: Path) -> None:
        """Try it.

        Raises:
            ConformanceError: the component does not keep the rule.
        """
        with _one_thread():
            case = Case(self.component, self.settings, self.recipe, tmp_path, self.kept)
            try:
                self.function(case)
            except ConformanceError as error:
                raise ConformanceError(f"{self.rule}: {error}") from error.__cause__
            except Exception as error:
                # a user's mistake is an AugmentError; nobody made one here
                kind = "refused it" if isinstance(error, AugmentError) else "failed"
                raise ConformanceError(
                    self.rule
                    + ": "
                    + explanation(
                        case.name,
                        self.recipe,
                        (self.function.__doc__ or self.rule).split("\n")[0],
                        f"the component {kind}: {type(error).__name__}: {error}",
                        "it works, since `accepts` says that the component takes such data",
                        "mend it (the cause stands above), or let `accepts` say what it cannot take",
                    )
                ) from error


def checks_for(component: type[Component], params: Settings = None) -> list[Check]:
    """All checks for a component, to be parametrised over: see `augment.testing`.

    Args:
        component: the class.
        params: its settings, where its defaults will not do: a mapping, its Params, or a function of an empty folder
            that returns a mapping (and may write the files which the settings name).
    """
    recipes = [] if component.kind == "source" else list(accepted_recipes(component.accepts))
    kept: dict[str, Any] = {}
    checks = []
    for module in MODULES:
        for rule in module.rules(component):
            for recipe in [None] if rule.on is None else rule.on(recipes):
                name = f"{rule.name}[{recipe}]" if recipe else rule.name
                checks.append(Check(name, rule.name, rule.function, component, params, recipe, kept))
    return checks


def check_component(component: type[Component], params: Settings = None, tmp_path: Path | None = None) -> None:
    """Run all checks for a component.

    Raises:
        ConformanceError: some failed; the message explains each.
    """
    with tempfile.TemporaryDirectory() as own_folder:
        folder = tmp_path or Path(own_folder)
        failures = []
        for position, check in enumerate(checks_for(component, params)):
            place = folder / str(position)
            place.mkdir()
            try:
                check(place)
            except ConformanceError as error:
                failures.append(str(error))
    if failures:
        raise ConformanceError(f"{len(failures)} checks failed\n\n" + "\n\n".join(failures))


@contextmanager
def _one_thread() -> Iterator[None]:
    """As the host runs components: the number of threads changes the last bits of a network's numbers."""
    settings = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    before = {name: os.environ.get(name) for name in settings}
    torch: Any = sys.modules.get("torch")
    num_threads = torch.get_num_threads() if torch else None
    os.environ.update(settings)  # torch, if it is imported only now, reads them
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch:
            torch.set_num_threads(num_threads)
