"""What failures have in common: one cause, such as an exception in `fit`, breaks many rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from augment.testing.rules import Finding, Rule

__all__ = ["by_cause", "earlier", "in_order"]

# a rule -> rules that cannot be kept where it is broken; the first ones are checked before all others
EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "same-seed-same-outcome": (
        "asking-twice-changes-nothing",
        "global-random-state-is-left-alone",
        "loading-brings-back-what-was-saved",
        "a-new-process-loads-the-same",
        "fewer-rows-are-a-prefix-of-more",
        "chunks-may-come-in-any-order",
        "a-killed-fit-goes-on-where-it-was",
    ),
    "rows-fit-the-schema": (
        "a-new-process-loads-the-same",
        "works-unconditionally",
        "origin-is-what-it-says",
        "works-on-the-fewest-rows",
        "the-class-asked-for-comes",
        "any-columns-asked-for-come",
        "a-class-of-one-row-can-be-asked-for",
    ),
    "asking-twice-changes-nothing": ("chunks-may-come-in-any-order", "loading-brings-back-what-was-saved"),
    "loading-brings-back-what-was-saved": ("a-new-process-loads-the-same",),
}


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """The rules, those first that explain why others are broken."""
    names = list(EXPLAINS)
    return sorted(rules, key=lambda rule: names.index(rule.name) if rule.name in names else len(names))


def earlier(rule: str, failure: str, seen: Mapping[str, str]) -> str:
    """The failed check that had the same cause; empty if there was none.

    Args:
        rule: the name of the rule that is broken.
        failure: what identifies the exception in the component; empty if none was raised.
        seen: rules and exceptions of the failed checks, each with the first check that met it.
    """
    if failure and failure in seen:
        return seen[failure]
    explaining = [other for other, explained in EXPLAINS.items() if rule in explained]
    return next((seen[other] for other in [*explaining, *([] if failure else [rule])] if other in seen), "")


def by_cause(findings: Iterable[Finding]) -> list[list[Finding]]:
    """The findings of each cause, the one that explains it first."""
    causes: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        causes.setdefault((finding.component, finding.cause or finding.check), []).append(finding)
    return list(causes.values())
