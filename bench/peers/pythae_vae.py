"""pythae's VAE on images of 28 x 28 pixels, codes drawn from a mixture for each class: run by bench/images.py.

    python pythae_vae.py FOLDER SECONDS SEED

FOLDER holds train.npz (images, labels, wanted); drawn.npy and figures.json are written there.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from sklearn.mixture import GaussianMixture

BATCH_SIZE = 128


class OutOfTimeError(Exception):
    """Ends pythae's training, which has no limit of its own."""


class Limit(TrainingCallback):
    def __init__(self, seconds: float):
        self.end = time.process_time() + seconds
        self.num_steps = 0

    def on_train_step_end(self, training_config, **_):
        self.num_steps += 1
        if time.process_time() > self.end:
            raise OutOfTimeError


def main() -> None:
    folder, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    given = np.load(folder / "train.npz")
    x_NCHW = torch.tensor(given["images"]).unsqueeze(1).float() / 255
    model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce"))
    config = BaseTrainerConfig(
        output_dir=str(folder / "pythae"),
        num_epochs=1_000,
        per_device_train_batch_size=BATCH_SIZE,
        learning_rate=1e-3,
        no_cuda=True,
        seed=seed,
    )
    start = time.process_time()
    limit = Limit(seconds)
    try:
        data = BaseDataset(x_NCHW, torch.zeros(len(x_NCHW)))
        BaseTrainer(model, train_dataset=data, training_config=config, callbacks=[limit]).train()
    except OutOfTimeError:
        pass
    fit = time.process_time() - start
    model.eval()
    drawn = np.empty((len(given["wanted"]), 28, 28), np.uint8)
    with torch.inference_mode():
        mixtures = {}
        for label in np.unique(given["wanted"]):
            code = torch.cat([model.encoder(part).embedding for part in x_NCHW[given["labels"] == label].split(500)])
            mixtures[label] = GaussianMixture(10, random_state=seed).fit(code.numpy())
        start = time.process_time()
        for label, mixture in mixtures.items():
            rows = np.flatnonzero(given["wanted"] == label)
            code = torch.tensor(mixture.sample(len(rows))[0]).float()
            made = torch.cat([model.decoder(part).reconstruction for part in code.split(500)])
            drawn[rows] = (made.reshape(-1, 28, 28) * 255).round().to(torch.uint8).numpy()
    np.save(folder / "drawn.npy", drawn)
    figures = {"fit": fit, "num trained": limit.num_steps * BATCH_SIZE, "sampling": time.process_time() - start}
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
