"""Run the conformance kit on a plugin, for `augment check-plugin`, and describe the results."""

from __future__ import annotations

import re
import signal
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from augment.errors import PluginError, SpecError, did_you_mean
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Component, Params
from augment.spec.stages import map_paths
from augment.testing.causes import by_cause
from augment.testing.kit import Check, checks_for
from augment.testing.rules import ConformanceError, Finding

__all__ = ["Verdict", "as_json", "as_text", "examine"]

WIDTH = 110
Events = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Verdict:
    """The results of one component's checks.

    Attributes:
        component: the class.
        checks: the names of all checks that were run.
        broken: findings, in the order of the checks.
        excepted: expected failures, with their reasons.
    """

    component: type[Component]
    checks: list[str] = field(default_factory=list)
    broken: list[Finding] = field(default_factory=list)
    excepted: dict[str, str] = field(default_factory=dict)


def examine(
    name: str,
    *,
    catalog: Catalog | None = None,
    settings: Mapping[str, Any] | None = None,
    exceptions: Mapping[str, str] | None = None,
    rule: str | None = None,
    timeout: float = 300.0,
    events: Events = lambda event: None,
) -> list[Verdict]:
    """Run every rule on every component of a plugin.

    Args:
        name: an entry point's, or a distribution's, which stands for all its entry points.
        catalog: the components. Default: those that are installed.
        settings: for the components that have them, where defaults take long or are none; relative paths begin here.
        exceptions: rules that may be broken, each with the reason; see `augment.testing.checks_for`.
        rule: this rule alone.
        timeout: seconds that one check may take.
        events: told of progress, as a run's are.

    Raises:
        PluginError: nobody or several offer the name, or the plugin cannot be imported or registered.
        SpecError: a setting, an exception or the rule fits none of the components.
    """
    catalog = catalog or Catalog()
    classes: dict[type[Component], None] = {}
    for offer in catalog.named(name):
        report = catalog.report(offer)
        if report.error:
            raise PluginError(report.error)
        if report.components:
            classes |= dict.fromkeys(catalog.components(offer.name))
    if not classes:
        raise PluginError(f"{name!r} offers no components, and so there is nothing to check: it only observes runs")
    given = _settings(list(classes), settings or {})
    verdicts = []
    planned = {cls: _checks(cls, given[cls], exceptions or {}, rule) for cls in classes}
    _refuse_unused(planned, exceptions or {}, rule)
    for cls, checks in planned.items():
        if checks:
            verdicts.append(_verdict(cls, checks, timeout, events))
    return verdicts


def _settings(classes: Sequence[type[Component]], values: Mapping[str, Any]) -> dict[type[Component], Params]:
    """The settings of each class, selected from the given ones."""
    known = {key: cls for cls in classes for key in _keys(cls)}
    for key in values:
        if key not in known:
            hint = did_you_mean(key, known) or f"; it has {', '.join(known) or 'none'}"
            raise SpecError(f"--set {key}: no component of this plugin has that setting{hint}")
    settings = {}
    for cls in classes:
        try:
            params = cls.Params.model_validate({key: value for key, value in values.items() if key in _keys(cls)})
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            what = f"{cls.kind} {cls.name!r}: setting {key!r}"
            raise SpecError(f"{what}: {first['msg'].lower()}; say --set {key}=VALUE") from error
        settings[cls] = map_paths(params, lambda path, trail: path.absolute())
    return settings


def _keys(cls: type[Component]) -> list[str]:
    return [setting.alias or name for name, setting in cls.Params.model_fields.items()]


def _checks(cls: type[Component], params: Params, exceptions: Mapping[str, str], rule: str | None) -> list[Check]:
    checks = checks_for(cls, params)
    names = {check.name for check in checks} | {check.rule.name for check in checks}
    own = {name: reason for name, reason in exceptions.items() if name in names and reason.strip()}
    checks = checks_for(cls, params, own)
    return [check for check in checks if rule in (None, check.rule.name, check.name)]


def _refuse_unused(
    planned: Mapping[type[Component], Sequence[Check]], exceptions: Mapping[str, str], rule: str | None
) -> None:
    if rule is not None:
        known = {check.rule.name for cls in planned for check in checks_for(cls)}
        if not any(planned.values()):
            raise SpecError(f"--rule {rule}: no component of this plugin has that rule{did_you_mean(rule, known)}")
        return
    known = {name for checks in planned.values() for check in checks for name in (check.name, check.rule.name)}
    for name, reason in exceptions.items():
        if name not in known:
            raise SpecError(f"--except {name}: no component of this plugin has that rule{did_you_mean(name, known)}")
        if not reason.strip():
            raise SpecError(f"--except {name}: a reason was expected, as in --except '{name}=its library cannot'")


def _verdict(cls: type[Component], checks: Sequence[Check], timeout: float, events: Events) -> Verdict:
    verdict = Verdict(cls)
    place = {"stage": "check", "id": f"{cls.kind} {cls.name}"}
    start = time.monotonic()
    events({"event": "stage-started", **place})
    for number, check in enumerate(checks):
        events({"event": "progress", **place, "step": number, "total": len(checks), "losses": {}})
        verdict.checks.append(check.name)
        with tempfile.TemporaryDirectory() as folder:
            try:
                with _limited(timeout):
                    check(Path(folder))
            except ConformanceError as error:
                verdict.broken.extend(error.findings)
            else:
                if check.exception:
                    verdict.excepted[check.name] = check.exception
    events({"event": "stage-finished", **place, "seconds": time.monotonic() - start, "rows": 0, "from_store": False})
    return verdict


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Fail if the body takes too long. This needs a system with alarms and the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"not done after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def as_text(verdicts: Sequence[Verdict]) -> str:
    """The output of `augment check-plugin`: one line per component, then every cause of failures once."""
    lines = []
    for verdict in verdicts:
        num_kept = len(verdict.checks) - len(verdict.broken) - len(verdict.excepted)
        kinds = {match[1] for name in verdict.checks if (match := re.search(r"\[(.*)\]", name))}
        on = f" on {len(kinds)} kinds of data" if len(kinds) > 1 else ""
        what = f"{verdict.component.kind} {verdict.component.name} ({verdict.component.__qualname__})"
        lines.append(f"{what}: {num_kept} of {len(verdict.checks)} checks kept{on}")
        lines += [f"  excepted: {name}, because {reason}" for name, reason in verdict.excepted.items()]
    found = [findings for verdict in verdicts for findings in by_cause(verdict.broken)]
    for number, findings in enumerate(found, start=1):
        lines += ["", *_explained(number, findings)]
    return "\n".join(lines)


def _explained(number: int, findings: Sequence[Finding]) -> list[str]:
    """One cause, from its first finding, with a list of the other checks that failed of it."""
    first, *others = findings
    what = f"does not keep the rule {first.rule!r}" if first.promise else "fails"
    lines = [f"{number}. {first.component} {what}"]
    same = [finding.data for finding in others if finding.rule == first.rule]
    more = f", and {len(same)} more: {', '.join(same)}" if same else ""
    rules = dict.fromkeys(finding.rule for finding in others if finding.rule != first.rule)
    parts = {
        "data": f"{first.data}{more}" if first.data else "",
        "check": first.done,
        "result": first.happened,
        "expected": first.expected,
        "contract": first.promise,
        "reason": first.why,
        "fix": first.fix,
        "also broken": f"{', '.join(rules)}; probably of the same cause" if rules else "",
    }
    for what, text in parts.items():
        if not text:
            continue
        head, *rest = text.splitlines()
        indent = " " * 17
        wrapped = textwrap.wrap(
            head, WIDTH, initial_indent=f"   {what:<14}", subsequent_indent=indent, break_on_hyphens=False
        )
        lines += wrapped or [f"   {what}"]
        lines += [f"{indent}{line}" for line in rest]
    return lines


def as_json(name: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "plugin": name,
        "kept": not any(verdict.broken for verdict in verdicts),
        "components": [
            {
                "kind": verdict.component.kind,
                "name": verdict.component.name,
                "class": f"{verdict.component.__module__}.{verdict.component.__qualname__}",
                "checks": verdict.checks,
                "broken": [asdict(finding) for finding in verdict.broken],
                "excepted": verdict.excepted,
            }
            for verdict in verdicts
        ],
    }
