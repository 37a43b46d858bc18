"""Declarations of generators about suitable data, used by `augment init`."""

from __future__ import annotations

from dataclasses import dataclass

from augment.data import Modality

__all__ = ["Suits"]


@dataclass(frozen=True)
class Suits:
    """A kind of data that a generator was made for, or measured to help with.

        suits = (Suits("table", min_rows=200, max_rows=5_000, reason="it was measured to help boosted trees most"),)

    `augment init` proposes the first of each origin, `noise` and `rows`, by `rank` and then by name; one that makes
    `copies` where there is no other. A comment in the pipeline says why a generator with data out of its bounds is not
    proposed. A generator without any is never proposed.

    Attributes:
        modality: the kind of data.
        rank: its place in the order of proposals; ours have 10 to 60.
        targets: `classes`, `number`, `none`: what the target is.
        min_rows: fewest rows of the dataset.
        max_rows: most rows of the dataset, or None.
        min_class_rows: fewest rows of the rarest class. For a generator that starts from noise it counts only beside
            one that moves rows: without it, such classes would get nothing but copies.
        max_class_rows: most rows of the rarest class, or None.
        max_shape: largest shape of a row of the payload array, such as (64, 64, 1) for small grey images, or None.
        reason: why it is chosen, as it was measured; follows "Chosen because, ".
        otherwise: what was measured out of these bounds; follows the bound that was not kept.
        alone: why nothing that starts from noise is proposed beside it; empty where something may be.
        amounts: most rows of a dataset to the `mix: {rows: ...}` proposed for it, smallest first.
        amounts_reason: why so many.
    """

    modality: Modality
    rank: int = 100
    targets: frozenset[str] = frozenset({"classes", "number", "none"})
    min_rows: int = 1
    max_rows: int | None = None
    min_class_rows: int = 1
    max_class_rows: int | None = None
    max_shape: tuple[int, ...] | None = None
    reason: str = ""
    otherwise: str = ""
    alone: str = ""
    amounts: tuple[tuple[int, str], ...] = ()
    amounts_reason: str = ""

    def suited_amount(self, num_rows: int) -> str:
        """The `mix: {rows: ...}` to propose for a dataset of so many rows; empty where none is declared."""
        return next((amount for most, amount in self.amounts if num_rows <= most), (("", ""), *self.amounts)[-1][1])
