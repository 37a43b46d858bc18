"""Checks: a check runs one rule on one component with one kind of data."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from augment.errors import AugmentError, did_you_mean, place
from augment.plugin.contracts import Component
from augment.testing import causes, data_in_out, every_kind, generators, judges, learners
from augment.testing.examples import Recipe, accepted_recipes
from augment.testing.rules import Case, ConformanceError, Finding, Rule, Settings

__all__ = ["Check", "check_component", "checks_for"]

MODULES = (learners, generators, judges, data_in_out)


@dataclass(frozen=True)
class Check:
    """A rule to run on a component. Call it with an empty folder.

    Attributes:
        name: the rule, with the kind of data in brackets.
        rule: the rule, with its requirement and reason.
        component: the class.
        settings: its settings.
        recipe: the kind of data; None if the rule needs none.
        exception: the reason why the component may break the rule; empty if it may not.
        shared: what the checks of one component share.
    """

    name: str
    rule: Rule
    component: type[Component]
    settings: Settings
    recipe: Recipe | None
    exception: str
    shared: dict[tuple[str, str], Any] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.name

    def __call__(self, tmp_path: Path) -> None:
        """Run the check. A rule with an exception must be broken, so that outdated exceptions are noticed.

        Raises:
            ConformanceError: the component breaks the rule, or keeps it despite an exception.
        """
        case = Case(self.component, self.settings, self.recipe, tmp_path, self.shared)
        try:
            self._try(case)
        except ConformanceError as error:
            if self.exception:
                return
            (finding,) = error.findings
            raise ConformanceError(self._explained(finding, error.__cause__)) from error.__cause__
        case.expect(
            not self.exception,
            done=f"tried {self.name}, which it may break because {self.exception}",
            happened="it keeps the rule",
            expected="exceptions for what cannot be otherwise, and no others",
            fix="take it out of the exceptions",
        )

    def _explained(self, finding: Finding, error: BaseException | None) -> Finding:
        """The finding with its rule, and with the earlier check that failed of the same cause."""
        seen: dict[str, str] = self.shared.setdefault(("", "failed"), {})
        failure = ""
        if error:  # the text may differ from one kind of data to the next
            failure = f"{type(error).__name__}{place(error, self.component.__module__) or error}"
        cause = causes.earlier(self.rule.name, failure, seen)
        if failure or not cause:
            seen.setdefault(failure or self.rule.name, cause or self.name)
        finding = replace(finding, rule=self.rule.name, check=self.name, cause=cause)
        # an exception says nothing about the rule that was tried
        return finding if error else replace(finding, promise=self.rule.promise, why=self.rule.why)

    def _try(self, case: Case) -> None:
        with _one_thread(), _warnings_named(self):
            try:
                self.rule.function(case)
            except ConformanceError:
                raise
            except (Exception, SystemExit) as error:
                # a user's mistake is an AugmentError; nobody made one here
                how = "refused it" if isinstance(error, AugmentError) else "failed"
                where = place(error, self.component.__module__)
                raise ConformanceError(
                    Finding(
                        case.name,
                        done=f"ran the check {self.name}",
                        happened=f"the component {how}: {type(error).__name__}: {error}{where}",
                        expected="it works, since `accepts` says that the component takes such data",
                        fix="mend it, or let `accepts` say what it cannot take",
                        data=str(self.recipe or ""),
                    )
                ) from error


def checks_for(
    component: type[Component], params: Settings = None, exceptions: Mapping[str, str] | None = None
) -> list[Check]:
    """All checks for a component, for `pytest.mark.parametrize`: see `augment.testing`.

    Args:
        component: the class.
        params: its settings, if the defaults are not enough: a mapping, its Params, or a function that receives an
            empty folder and returns a mapping (and can write the files that the settings refer to).
        exceptions: rules that it may break, with reasons, by the name of a rule or a check (`rule[kind of data]`). Such
            a check passes if the rule is broken and fails if it is kept.

    Raises:
        ValueError: an exception does not match a rule of this component, or has no reason.
    """
    recipes = [] if component.kind == "source" else list(accepted_recipes(component.accepts))
    rules = every_kind.rules(component)
    rules += causes.in_order(rule for module in MODULES for rule in module.rules(component))
    excepted = dict(exceptions or {})
    shared: dict[tuple[str, str], Any] = {}
    checks = []
    for rule in rules:
        for recipe in [None] if rule.on is None else rule.on(recipes):
            name = f"{rule.name}[{recipe}]" if recipe else rule.name
            reason = excepted.get(name, excepted.get(rule.name, ""))
            checks.append(Check(name, rule, component, params, recipe, reason, shared))
    known = {check.name for check in checks} | {rule.name for rule in rules}
    for name, reason in excepted.items():
        if name not in known or not reason.strip():
            raise ValueError(f"exception {name!r}: a rule, and a reason, were expected{did_you_mean(name, known)}")
    return checks


def check_component(
    component: type[Component],
    params: Settings = None,
    tmp_path: Path | None = None,
    exceptions: Mapping[str, str] | None = None,
) -> None:
    """Run all checks for a component: see `checks_for`.

    Raises:
        ConformanceError: some checks failed; the message explains each.
    """
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as own_folder:
        folder = tmp_path or Path(own_folder)
        for position, check in enumerate(checks_for(component, params, exceptions)):
            place = folder / str(position)
            place.mkdir()
            try:
                check(place)
            except ConformanceError as error:
                findings += error.findings
    if findings:
        raise ConformanceError(*findings)


@contextmanager
def _warnings_named(check: Check) -> Iterator[None]:
    """Add the check's name to warnings, and give each once for all checks of a component."""
    with warnings.catch_warnings(record=True) as caught:
        yield
    for warning in caught:
        key = "warning", f"{warning.filename}:{warning.lineno}: {warning.message}"
        if key not in check.shared:
            check.shared[key] = None
            message: Any = warning.message  # the object itself: some classes cannot be made from a text
            message.args = (f"{message} (in the check {check.name})",)
            warnings.warn_explicit(message, warning.category, warning.filename, warning.lineno)


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
