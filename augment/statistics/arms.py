"""The arms of a trial that the host knows by name; any other name is one of real and synthetic rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

__all__ = ["CLASS_WEIGHTS", "COPIES", "INEXPENSIVE", "NONE", "OVERSAMPLING", "SYNTHETIC", "THRESHOLD", "TUNED"]
__all__ += ["PRIOR_CORRECTION", "arm_kind", "label_arms"]

NONE: Final = "none"
THRESHOLD: Final = "threshold"
CLASS_WEIGHTS: Final = "class-weights"
OVERSAMPLING: Final = "oversampling"
COPIES: Final = "copies"
TUNED: Final = "tuned"
SYNTHETIC: Final = "synthetic"
PRIOR_CORRECTION: Final = "prior-correction"

INEXPENSIVE: Final = {
    THRESHOLD: "threshold at the prior",
    CLASS_WEIGHTS: "class weights",
    OVERSAMPLING: "oversampling",
    COPIES: "copies of real rows",
    TUNED: "tuned model",
}


def label_arms(task: str, generators: Sequence[str]) -> dict[str, str]:
    """The arms that a trial on the hold-out can have: id to what people read, the baseline first.

    Args:
        task: `classes` or `number`; without classes there is nothing to balance.
        generators: ids of those that made rows; each is an arm of its own where there are several.
    """
    arms = {NONE: "real rows alone"}
    arms |= {arm: INEXPENSIVE[arm] for arm in (INEXPENSIVE if task == "classes" else (COPIES, TUNED))}
    if generators:
        arms[SYNTHETIC] = "real + synthetic"
        if task == "classes":
            arms[PRIOR_CORRECTION] = "real + synthetic, corrected for the prior"
    if len(generators) > 1:
        arms |= {generator: f"real + {generator} alone" for generator in generators}
    return arms


def arm_kind(arm: str) -> Literal["real", "inexpensive", "synthetic"]:
    """What an arm adds to the real rows."""
    return "real" if arm == NONE else "inexpensive" if arm in INEXPENSIVE else "synthetic"
