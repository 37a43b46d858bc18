"""The arms of a trial that the host knows by name; any other name is one of real and synthetic rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

__all__ = ["CLASS_WEIGHTS", "COPIES", "INEXPENSIVE", "NONE", "OVERSAMPLING", "SYNTHETIC", "THRESHOLD", "TUNED"]
__all__ += ["PRIOR_CORRECTION", "arm_kind", "explain_arm", "label_arms"]

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

MEANINGS: Final = {
    NONE: "The real rows as they are; everything else is compared with this.",
    THRESHOLD: "The model of the real rows alone, which decides for a rare class sooner: when its probability is high "
    "against the share of the class. Nothing is trained.",
    CLASS_WEIGHTS: "The real rows, where errors on rows of rare classes count more during training.",
    OVERSAMPLING: "The real rows, with rows of rare classes repeated until all classes are equally large.",
    COPIES: "The real rows and as many copies of them as there are synthetic rows: more rows, but nothing new.",
    TUNED: "The real rows, with a few settings of the model tuned on them, and its threshold where there are classes.",
    SYNTHETIC: "The real rows and all synthetic rows.",
    PRIOR_CORRECTION: "The model of the real rows and all synthetic rows, with its probabilities corrected for the "
    "changed shares of the classes. Nothing is trained.",
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


def explain_arm(arm: str) -> str:
    """What is trained in an arm, in a sentence for people who have not met it."""
    return MEANINGS.get(arm, "The real rows and the synthetic rows of this generator alone.")
