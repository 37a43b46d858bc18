"""DeepEcho's PAR (Patki et al. 2016) on series of one length: run by bench/series_makers.py.

    python par.py FOLDER EPOCHS SEED

FOLDER holds train.npz: series (N, T, F), their labels (N,), and the labels wanted, an array (M,) for each draw. What
was drawn is written to drawn-0.npy and so on, and to figures.json the CPU-seconds of the fit and of each draw.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from deepecho import PARModel


def main() -> None:
    folder, epochs, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 it takes no seed of its own
    given = np.load(folder / "train.npz")
    num_series, num_steps, num_channels = given["series"].shape
    channels = [f"x{place}" for place in range(num_channels)]
    frame = pd.DataFrame(given["series"].reshape(-1, num_channels).astype(float), columns=channels)
    frame["series"] = np.repeat(np.arange(num_series), num_steps)
    frame["label"] = np.repeat(given["labels"], num_steps)
    types = dict.fromkeys(channels, "continuous") | {"label": "categorical"}

    start = time.process_time()
    model = PARModel(epochs=epochs, cuda=False, verbose=False)
    model.fit(frame, entity_columns=["series"], context_columns=["label"], data_types=types)
    figures = {"fit": time.process_time() - start, "draws": []}
    for draw in range(sum(name.startswith("wanted") for name in given.files)):
        start = time.process_time()
        context = pd.DataFrame({"label": given[f"wanted-{draw}"]})
        made = model.sample(context=context, sequence_length=num_steps)
        figures["draws"].append(time.process_time() - start)
        values = made[channels].to_numpy(np.float32).reshape(len(context), num_steps, num_channels)
        np.save(folder / f"drawn-{draw}.npy", values)
    (folder / "figures.json").write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
