"""Decision trees on bins: how one is grown for each column, and how codes are drawn from their leaves.

All trees of a model lie in one array of nodes, so that rows of different classes are drawn together.

Shapes: N rows, K columns, G groups of rows with trees of their own, M nodes, L rows in leaves, P candidates of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np

__all__ = ["Forest", "Response", "fits_together", "grow"]

LEAF_SIZES = (5, 10, 20, 35, 50, 100, 200)  # rows; which one suits a column is found on rows held back
HELD_BACK, MAX_JUDGED_ROWS = 0.25, 12_000  # the rows that the leaf size is chosen on, and of these the held-back share
LEVELS_AT_ONCE = 4  # that rows go down before those that have reached a leaf are left out
# rows that a leaf is taken to have besides its own, with bins as frequent as in the whole column: no bin is impossible
PRIOR_ROWS_WHEN_JUDGED, PRIOR_ROWS_WHEN_GIVEN = 8.0, 0.1


@dataclass(frozen=True)
class Response:
    """What a tree for one column tells apart.

    Attributes:
        labels: whether bins are labels; otherwise they are places on a line.
        features: what is known of each bin, (num_bins, F) float; a tree for places on a line predicts these.
    """

    labels: bool
    features: np.ndarray

    def of(self, codes: np.ndarray) -> np.ndarray:
        """What a tree learns to predict for these bins: (N,) labels, or (N, F) numbers."""
        if self.labels:
            return codes
        predicted: np.ndarray = self.features[codes]
        differ = np.ptp(predicted, axis=0) > 0
        differ[0] = True
        return predicted[:, differ]


@dataclass(frozen=True)
class Forest:
    """Trees for every group and column, as one array of nodes.

    Attributes:
        roots: the first node of the tree of each group and column, (G, K) int32.
        feature: column that a node looks at, (M,) int16; 0 in leaves.
        threshold: rows whose bin is larger go right, (M,) int16.
        children: left and right child of each node, (M, 2) int32; leaves are their own children.
        start: where a leaf's rows begin among `codes`, (M,) int64.
        size: how many they are, (M,) int64; 0 in inner nodes.
        codes: bins of the training rows leaf after leaf, ascending in each, (L,) int16. They are sorted, so that the
            rows themselves cannot be put together from the leaves of different columns.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    children: np.ndarray
    start: np.ndarray
    size: np.ndarray
    codes: np.ndarray

    @classmethod
    def of_state(cls, tensors: Mapping[str, np.ndarray]) -> Self:
        """The inverse of `state`."""
        return cls(**{field.name: tensors[f"forest/{field.name}"] for field in fields(cls)})

    def state(self) -> dict[str, np.ndarray]:
        """Name to array, as `augment.plugin.write_state` takes them."""
        return {f"forest/{field.name}": getattr(self, field.name) for field in fields(self)}

    def leaves(self, codes_NK: np.ndarray, groups: np.ndarray, column: int) -> np.ndarray:
        """The leaf of each row in the tree of a column, which looks at the columns before it: (N,) int64."""
        feature, children, is_inner = self._walk
        node = self.roots[:, column].take(groups).astype(np.intp)
        num_rows, width = codes_NK.shape
        active, first, at, flat = np.arange(num_rows), np.arange(0, num_rows * width, width), node, codes_NK.ravel()
        while True:
            inner = np.flatnonzero(is_inner.take(at))
            if not len(inner):
                return node
            active, first, at = active.take(inner), first.take(inner), at.take(inner)
            for _ in range(LEVELS_AT_ONCE):
                place = feature.take(at)
                place += first
                right = flat.take(place) > self.threshold.take(at)
                at *= 2
                at += right
                at = children.take(at)
            node[active] = at

    @cached_property
    def _walk(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column of each node, children one after the other, and whether it has any, of the type of an index, so that
        no step on the way down converts them."""
        return self.feature.astype(np.intp), self.children.ravel().astype(np.intp), self.size == 0

    def draw(self, leaves: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
        """A bin for each row, as frequent as in its leaf: (N,) leaves and numbers in [0, 1) to (N,) int16."""
        places: np.ndarray = self.start.take(leaves) + (uniforms * self.size.take(leaves)).astype(np.int64)
        return self.codes.take(places)

    def chances(self, leaves: np.ndarray, codes: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """How likely each leaf makes each bin, (N,); `shares` says how frequent these are in the whole column, (N,)."""
        wanted = leaves.astype(np.int64) << 16 | codes
        counts = np.searchsorted(self._keys, wanted, "right") - np.searchsorted(self._keys, wanted, "left")
        chances: np.ndarray = (counts + PRIOR_ROWS_WHEN_GIVEN * shares) / (
            self.size.take(leaves) + PRIOR_ROWS_WHEN_GIVEN
        )
        return chances

    @cached_property
    def _keys(self) -> np.ndarray:
        """Leaf and bin of each of the rows in leaves as one ascending number, (L,) int64."""
        leaves = np.flatnonzero(self.size)
        keys: np.ndarray = np.repeat(leaves, self.size[leaves]) << 16 | self.codes
        return keys


def grow(
    codes_NK: np.ndarray,
    groups_of_rows: Sequence[np.ndarray],
    responses: Sequence[Response],
    leaf: int | None,
    seed: int,
) -> Forest:
    """Grow a tree for every group of rows and column.

    Args:
        codes_NK: bins of the training rows, int16.
        groups_of_rows: for each group the rows that its trees learn from, at least one.
        responses: what the trees of each column tell apart, K of them.
        leaf: fewest rows of a leaf; None to find it for each tree on rows held back.
        seed: where randomness starts.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    roots = np.empty((len(groups_of_rows), codes_NK.shape[1]), np.int32)
    num_nodes = num_codes = 0
    for group, rows in enumerate(groups_of_rows):
        for column, response in enumerate(responses):
            known, wanted = codes_NK[rows, :column], codes_NK[rows, column]
            size = leaf or _leaf_size(known, wanted, response, seed)
            feature, threshold, children, at = _tree(known, wanted, response, size, seed)
            order = np.lexsort((wanted, at))
            sizes = np.bincount(at, minlength=len(feature))
            starts = np.cumsum(sizes) - sizes + num_codes
            roots[group, column] = num_nodes
            parts.append((feature, threshold, children + num_nodes, starts, sizes, wanted[order]))
            num_nodes += len(feature)
            num_codes += len(wanted)
    return Forest(roots, *(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _tree(
    known: np.ndarray, wanted: np.ndarray, response: Response, leaf: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns, thresholds and children of the nodes of a tree, and the leaf of each row."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if len(wanted) < 2 * leaf or not known.shape[1]:
        one = np.zeros(1, np.int16)
        return one, one, np.zeros((1, 2), np.int32), np.zeros(len(wanted), np.int64)
    make = DecisionTreeClassifier if response.labels else DecisionTreeRegressor
    features = known.astype(np.float32)
    tree = make(min_samples_leaf=leaf, random_state=seed).fit(features, response.of(wanted)).tree_
    is_leaf, own = tree.children_left < 0, np.arange(tree.node_count)
    children = np.stack([tree.children_left, tree.children_right], axis=1)
    return (
        np.where(is_leaf, 0, tree.feature).astype(np.int16),
        np.where(is_leaf, 0, np.floor(tree.threshold)).astype(np.int16),
        np.where(is_leaf[:, None], own[:, None], children).astype(np.int32),
        tree.apply(features),
    )


def _leaf_size(known: np.ndarray, wanted: np.ndarray, response: Response, seed: int) -> int:
    """The fewest rows of a leaf with which rows held back are the likeliest.

    One tree is grown as far as the smallest size allows; a larger size is tried by stopping earlier on the way down.
    """
    rows = np.random.default_rng(seed).permutation(len(wanted))[:MAX_JUDGED_ROWS]
    num_held_back = round(HELD_BACK * len(rows))
    known, wanted = known[rows], wanted[rows]
    if num_held_back < LEAF_SIZES[0] or not known.shape[1]:
        return LEAF_SIZES[0]
    learnt = slice(num_held_back, None)
    feature, threshold, children, at = _tree(known[learnt], wanted[learnt], response, LEAF_SIZES[0], seed)
    sizes = np.bincount(at, minlength=len(feature))
    for node in range(len(feature) - 1, -1, -1):  # children come after their parent
        if children[node, 0] != node:
            sizes[node] = sizes[children[node]].sum()
    share = np.bincount(wanted, minlength=int(wanted.max()) + 1) / len(wanted)
    scores = []
    for size in LEAF_SIZES:
        stops = (sizes[children] < size).any(axis=1) | (children[:, 0] == np.arange(len(feature)))
        leaves = _go_down(known, feature, threshold, children, stops)
        keys = leaves.astype(np.int64) * len(share) + wanted
        counts = np.bincount(keys[learnt], minlength=len(feature) * len(share))
        in_leaf = np.bincount(leaves[learnt], minlength=len(feature))
        judged = slice(0, num_held_back)
        prior = PRIOR_ROWS_WHEN_JUDGED
        chance = (counts[keys[judged]] + prior * share[wanted[judged]]) / (in_leaf[leaves[judged]] + prior)
        scores.append(np.log(chance).mean())
    return LEAF_SIZES[int(np.argmax(scores))]


def _go_down(
    known: np.ndarray, feature: np.ndarray, threshold: np.ndarray, children: np.ndarray, stops: np.ndarray
) -> np.ndarray:
    """The first node on each row's way down at which it stops, (N,)."""
    node = np.zeros(len(known), np.int64)
    while True:
        active = np.flatnonzero(~stops[node])
        if not len(active):
            return node
        at = node[active]
        node[active] = children[at, (known[active, feature[at]] > threshold[at]).astype(np.int64)]


def fits_together(forest: Forest, num_columns: int) -> bool:
    """Whether a stored forest can be walked through: a spoiled one must neither crash nor go round in circles."""
    num_nodes = len(forest.feature)
    if forest.children.shape != (num_nodes, 2) or forest.roots.shape[1:] != (num_columns,):
        return False
    places, is_leaf = np.arange(num_nodes)[:, None], forest.size[:, None] > 0
    deeper = (forest.children > places) & (forest.children < num_nodes)
    return bool(
        ((forest.roots >= 0) & (forest.roots < num_nodes)).all()
        and ((forest.feature >= 0) & (forest.feature < num_columns)).all()
        and (deeper | (is_leaf & (forest.children == places))).all()
        and ((forest.start >= 0) & (forest.start + forest.size <= len(forest.codes))).all()
    )
