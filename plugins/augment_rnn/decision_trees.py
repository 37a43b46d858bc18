"""Fitted decision trees of scikit-learn as arrays, which can be stored and evaluated without it.

Shapes: T trees, M nodes of all trees together, B rows, G inputs, V values of a leaf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from augment.errors import DiskError


@dataclass(frozen=True)
class DecisionTrees:
    """Trees, one after the other. A leaf is its own child.

    Attributes:
        roots: int32 (T,).
        inputs: which input a node asks for, int32 (M,).
        thresholds: up to which value its first child is next, float64 (M,).
        children: int32 (M, 2).
        values: float64 (M, V); only those of leaves count.
    """

    roots: np.ndarray
    inputs: np.ndarray
    thresholds: np.ndarray
    children: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, fitted: Sequence[Any], values: Sequence[np.ndarray]) -> Self:
        """From scikit-learn's `tree_` of each tree, and the values (nodes, V) of its nodes."""
        roots = np.cumsum([0, *(tree.node_count for tree in fitted)])[:-1]
        inputs, thresholds, children = [], [], []
        for tree, root in zip(fitted, roots, strict=True):
            pairs = np.stack([tree.children_left, tree.children_right], axis=1)
            is_leaf = pairs[:, :1] < 0
            inputs.append(np.maximum(tree.feature, 0))
            thresholds.append(tree.threshold)
            children.append(root + np.where(is_leaf, np.arange(len(pairs))[:, None], pairs))
        return cls(
            roots=roots.astype(np.int32),
            inputs=np.concatenate(inputs).astype(np.int32),
            thresholds=np.concatenate(thresholds).astype(np.float64),
            children=np.concatenate(children).astype(np.int32),
            values=np.concatenate(values).astype(np.float64),
        )

    @classmethod
    def of_state(cls, arrays: Mapping[str, np.ndarray], num_inputs: int) -> Self:
        """From its attributes by name, for rows of so many inputs.

        Raises:
            DiskError: a tree leads out of the arrays, or asks for an input that there is not.
        """
        trees = cls(**arrays)
        num_nodes = len(trees.values)
        are_as_many = all(len(part) == num_nodes for part in (trees.inputs, trees.thresholds, trees.children))
        nodes = np.concatenate([trees.roots, trees.children.ravel()])
        are_nodes = bool(((nodes >= 0) & (nodes < num_nodes)).all())
        are_inputs = bool(((trees.inputs >= 0) & (trees.inputs < num_inputs)).all())
        if not (are_as_many and are_nodes and are_inputs):
            raise DiskError("the stored trees do not fit together; fit the generator again")
        return trees

    def total(self, inputs_BG: np.ndarray, depth: int) -> np.ndarray:
        """What the leaves that rows come to have in all trees together: (B, V). No tree is deeper than `depth`."""
        nodes = np.broadcast_to(self.roots, (len(inputs_BG), len(self.roots)))
        firsts = np.arange(len(inputs_BG))[:, None] * inputs_BG.shape[1]
        flat, children = inputs_BG.ravel(), self.children.ravel()
        for _ in range(depth):
            is_second = flat.take(firsts + self.inputs.take(nodes)) > self.thresholds.take(nodes)
            nodes = children.take(2 * nodes + is_second)
        total: np.ndarray = self.values.take(nodes, axis=0).sum(axis=1)
        return total
