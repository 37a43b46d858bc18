"""How good drawn MNIST digits are, as a judge that no generator has met sees them.

Distances are between the judge's 128 features, so they are not to be compared with Inception's FID.

Shapes: N images, M reference images, D features.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

DATA = Path(os.environ.get("AUGMENT_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
NUM_JUDGED = 10_000
NEAREST = 5


def mnist(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) uint8 and labels (N,) int64 of a part, `train` or `t10k`; exits in words where absent."""
    folder = DATA / "image" / "mnist"
    if not folder.is_dir():
        raise SystemExit(f"skipped: {folder} is not there; set AUGMENT_DATA to a folder with image/mnist/*-ubyte.gz")
    images = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    return (
        np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28),
        np.frombuffer(labels, np.uint8, offset=8).astype(np.int64),
    )


class Judge(nn.Module):
    """A CNN of ordinary size; its last hidden layer gives the features."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * 49, 128), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(128, 10)

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.head(self.body(x_NCHW))


class Student(nn.Module):
    """A smaller CNN, trained on what is to be judged: the model that a user would train."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip

    def forward(self, x_NCHW: Tensor) -> Tensor:
        return self.body(x_NCHW)


def as_tensor(images: np.ndarray) -> Tensor:
    """(N, 1, 28, 28) in [0, 1]."""
    return torch.tensor(images).unsqueeze(1).float() / 255


def trained(network: nn.Module, batches, num_steps: int, rate: float) -> nn.Module:
    """The network after so many Adam steps, the rate falling along half a cosine; `batches(step)` gives (x, y)."""
    network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for step in range(num_steps):
        images, labels = batches(step)
        loss = F.cross_entropy(network(as_tensor(images)), torch.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def outputs(network: nn.Module, images: np.ndarray) -> np.ndarray:
    return np.concatenate([network(as_tensor(part)).numpy() for part in np.array_split(images, len(images) // 500 + 1)])


def accuracy(network: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    return float((outputs(network, images).argmax(1) == labels).mean())


def judge(images: np.ndarray, labels: np.ndarray, seed: int = 0, num_epochs: int = 4) -> Judge:
    """Trained on all real training images, each moved by up to two pixels."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    batch_size = 128

    def batches(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rng.integers(0, len(images), batch_size)
        down, right = rng.integers(-2, 3, 2)
        return np.roll(images[rows], (down, right), (1, 2)), labels[rows]

    return trained(Judge(), batches, num_epochs * len(images) // batch_size, 2e-3)


def frechet_distance(one_ND: np.ndarray, other_MD: np.ndarray) -> float:
    """Between normal distributions of the same means and covariances (Heusel et al. 2017)."""
    one, other = one_ND.astype(np.float64), other_MD.astype(np.float64)
    covariance, other_covariance = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    # the trace of the product's root, from the eigenvalues of a symmetric matrix that has the same ones
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ other_covariance @ root).clip(0)).sum()
    apart = np.square(one.mean(0) - other.mean(0)).sum()
    return float(apart + np.trace(covariance) + np.trace(other_covariance) - 2 * cross)


def density_and_coverage(real_MD: np.ndarray, drawn_ND: np.ndarray) -> tuple[float, float]:
    """Naeem et al. 2020, five neighbours."""
    real, drawn = torch.tensor(real_MD), torch.tensor(drawn_ND)
    radius = torch.cat(
        [torch.cdist(part, real).topk(NEAREST + 1, largest=False).values[:, -1] for part in real.split(500)]
    )
    num_inside, nearest = 0.0, torch.full((len(real),), torch.inf)
    for part in drawn.split(500):
        distance = torch.cdist(part, real)
        num_inside += float((distance < radius).sum())
        nearest = torch.minimum(nearest, distance.min(0).values)
    return num_inside / (NEAREST * len(drawn)), float((nearest < radius).float().mean())


def closeness(images: np.ndarray, train: np.ndarray, num_others: int = 50) -> np.ndarray:
    """Pixel distance to the nearest training image, over the mean one to the next fifty (Carlini et al. 2023): (N,)."""
    x, reference = (torch.tensor(a.reshape(len(a), -1)).float() for a in (images, train))
    found = [
        torch.cdist(part, reference).topk(num_others + 1, largest=False, sorted=True).values for part in x.split(250)
    ]
    distance = torch.cat(found)
    return (distance[:, 0] / distance[:, 1:].mean(1)).numpy()


def copy_rate(images: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int = 0, most: int = 2_000) -> float:
    """Share of images closer to one training image than 99 % of the test images are: .01 for an honest generator."""
    rng = np.random.default_rng(seed)
    shown, held = (a[rng.choice(len(a), min(most, len(a)), replace=False)] for a in (images, test))
    return float((closeness(shown, train) < np.quantile(closeness(held, train), 0.01)).mean())


def scores(
    images: np.ndarray,
    labels: np.ndarray,
    the_judge: Judge,
    train: np.ndarray,
    test: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> dict[str, float]:
    """All figures of drawn images (N, 28, 28) uint8 with their labels (N,)."""
    features = [outputs(the_judge.body, part) for part in (test[0][:NUM_JUDGED], images[:NUM_JUDGED])]
    density, coverage = density_and_coverage(*features)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def batches(step: int) -> tuple[np.ndarray, np.ndarray]:
        rows = rng.integers(0, len(images), 128)
        return images[rows], labels[rows]

    return {
        "FID": frechet_distance(*features),
        "density": density,
        "coverage": coverage,
        "agreement": accuracy(the_judge, images, labels),
        "CAS": accuracy(trained(Student(), batches, 1_000, 1e-3), *test),
        "copies": copy_rate(images, train, test[0]),
    }
