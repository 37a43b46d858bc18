"""Measures what components use, beside what they declare (`Component.cost`): CPU-seconds of a fit and of rows.

    python bench/costs.py [NAME ...]

Each generator and probe that `augment check` gives a cost for is fitted once on small data of its kind
(`small_data.py`), in this process and on one thread. The table on standard output goes into
bench/results/small_data.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from small_data import DATA

from augment.detect.formats import find_source, read
from augment.onboarding.choose_target import look_at
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context

ROWS = 1_000  # that are drawn or predicted
MEASURED = {
    "table-500x15": ("boosting", "logistic", "smote", "trees", "anchored", "rnn", "vae", "gan", "bootstrap"),
    "table-300x200": ("boosting", "logistic", "smote", "trees", "anchored"),
    "table-500x15-number": ("boosting", "trees", "anchored"),
    "jpegs-117": ("cnn", "albumentations", "vae"),
    "texts-500": ("tfidf", "text-edits", "rnn", "anchored"),
    "series-500x150": ("kernels", "series-edits", "rnn", "vae"),
    "series-500x1000x3": ("kernels", "series-edits", "rnn"),
    "histories-300": ("history-edits", "anchored", "rnn"),
}


def main() -> None:
    torch.set_num_threads(1)
    catalog = Catalog()
    print("| data | component | fit, CPU-s | declared | 1,000 rows, CPU-s | declared |\n| - | - | - | - | - | - |")
    for name in sys.argv[1:] or MEASURED:
        with tempfile.TemporaryDirectory() as folder:
            path = DATA[name][1](Path(folder))
            data = look_at(read(find_source(path, catalog), path)[0], None).dataset
            data = data.drop_columns(data.schema.set_aside)
        for component in MEASURED[name]:
            found = [one for one in catalog.components(component) if one.kind in ("generator", "probe")]
            cls = next(one for one in found if one.accepts.refusal(data.schema) is None)
            with tempfile.TemporaryDirectory() as folder:
                context = Context(1, Path(folder), train=data)
                start = time.process_time()
                fitted = cls(cls.Params()).fit(data, context)
                middle = time.process_time()
                if cls.kind == "generator":
                    rows = data.frame.iloc[np.arange(ROWS) % len(data)].reset_index(drop=True)
                    target = data.schema.target if cls.accepts.conditional != "none" else None
                    fitted.sample(rows[[target]] if target else pd.DataFrame(index=range(ROWS)), context)
                else:
                    fitted.predict(data.take(np.arange(ROWS) % len(data)).drop_columns([data.schema.target]))
                end = time.process_time()
            said = cls.cost(cls.Params(), data.schema, len(data)) if hasattr(cls, "cost") else None
            fit, row = (f"{said.fit:.2g}", f"{1000 * said.row:.2g}") if said else ("not known", "not known")
            words = (DATA[name][0], f"`{component}`", f"{middle - start:.2g}", fit, f"{end - middle:.2g}", row)
            print("| " + " | ".join(words) + " |", flush=True)


if __name__ == "__main__":
    main()
