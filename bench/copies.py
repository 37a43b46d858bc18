"""Which changed copies of training images the filter `not-a-copy` finds, and how many fresh images it loses.

    AUGMENT_DATA=../shared/data python bench/copies.py

2,000 MNIST images to learn from, 2,000 others that are fresh, and 500 of the first, changed. Beside the features that
the filter learns stand plain pixels, judged in the same way. Skipped, and said so, where AUGMENT_DATA has no MNIST.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from image_scores import mnist

from augment.data import Dataset, SchemaDeclaration, infer
from augment.plugin.context import Context
from augment_evidence.nearest_neighbors import distance_ratio, leave_one_out, nearest
from augment_evidence.not_a_copy import NotACopy
from augment_evidence.space import pixels

SEEDS = range(3)
NUM_NEIGHBOURS = 11


def moved(turn: float = 0, zoom: float = 1, along: float = 0) -> Callable[[np.ndarray], np.ndarray]:
    def one(image: np.ndarray) -> np.ndarray:
        matrix = cv2.getRotationMatrix2D((13.5, 13.5), turn, zoom)
        matrix[0, 2] += along
        return cv2.warpAffine(image[..., 0], matrix, (28, 28))[..., None]

    return lambda images: np.stack([one(image) for image in images])


def changes(rng: np.random.Generator) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    return {
        "noise of 20 grey levels": lambda x: x + rng.normal(0, 20, x.shape),
        "30 grey levels brighter": lambda x: x + 30.0,
        "at 60 % of its brightness": lambda x: x * 0.6,
        "blurred (0.8 pixels)": lambda x: np.stack([cv2.GaussianBlur(one, (0, 0), 0.8)[..., None] for one in x]),
        "shifted by 1 pixel": moved(along=1),
        "shifted by 2 pixels": moved(along=2),
        "rotated by 5 degrees": moved(turn=5),
        "rotated by 10 degrees": moved(turn=10),
        "7 % larger": moved(zoom=1.07),
    }


def dataset(images: np.ndarray) -> Dataset:
    frame, arrays = pd.DataFrame(index=range(len(images))), {"image": images}
    return Dataset.of(frame, arrays, infer(frame, arrays, SchemaDeclaration()))


def by_pixels(train: np.ndarray, images: np.ndarray) -> float:
    """The share under the threshold where plain pixels are compared."""
    reference, queries = (pixels(part, 16).reshape(len(part), -1) for part in (train, images))
    usual = distance_ratio(leave_one_out(reference, np.arange(len(reference)), NUM_NEIGHBOURS))
    return float((distance_ratio(nearest(queries, reference, NUM_NEIGHBOURS)) < np.quantile(usual, 0.01)).mean())


def main() -> None:
    every = mnist("train")[0][..., None]
    found: dict[str, list[tuple[float, float]]] = {}
    seconds = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(every))
        train, fresh = every[order[:2000]], every[order[2000:4000]]
        context = Context(seed=seed, folder=Path())
        started = time.process_time()
        judge = NotACopy(NotACopy.Params()).fit(dataset(train), dataset(train[:1]), context)
        seconds.append(time.process_time() - started)
        parts = {name: np.clip(change(train[:500]), 0, 255).astype(np.uint8) for name, change in changes(rng).items()}
        for name, images in {"unseen images": fresh, **parts}.items():
            thrown_out = (judge.judge(dataset(images), context) < judge.threshold).mean()
            found.setdefault(name, []).append((float(thrown_out), by_pixels(train, images)))
    print(f"fit: {min(seconds):.1f} to {max(seconds):.1f} CPU-s\n")
    print("| rejected | features | plain pixels |\n| --- | --- | --- |")
    for name, shares in found.items():
        cells = [f"{np.mean(s):.3f} ({min(s):.3f} to {max(s):.3f})" for s in zip(*shares, strict=True)]
        print(f"| {name} | {cells[0]} | {cells[1]} |")


if __name__ == "__main__":
    main()
