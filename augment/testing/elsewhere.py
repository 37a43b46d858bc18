"""The other end of the check that fitted state means the same in a new process.

    python -m augment.testing.elsewhere MODULE QUALNAME FOLDER

reads the folder's `params.json`, `state/`, `train/` and `request/`, and writes `result/` or `result.npy`.
"""

from __future__ import annotations

import importlib
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from augment.data.dataset import Dataset
from augment.plugin.contracts import Context, Filter, Generator, Transform


def outcome(component: Any, request: Dataset, context: Context) -> Dataset | np.ndarray:
    """What a fitted component makes of a request: rows to sample by, to judge or to change."""
    if isinstance(component, Generator):
        return component.sample(request.frame, context)
    if isinstance(component, Filter):
        return component.judge(request, context)
    assert isinstance(component, Transform)
    return component.apply(request)


def main(module: str, qualname: str, folder: Path) -> None:
    """Load the component and write what it makes of the request."""
    cls = reduce(getattr, qualname.split("."), importlib.import_module(module))
    params = cls.Params.model_validate_json((folder / "params.json").read_text(encoding="utf-8"))
    component = cls.load(folder / "state", params)
    scratch = folder / "scratch"
    scratch.mkdir()
    context = Context(int((folder / "seed.txt").read_text()), scratch, train=Dataset.load(folder / "train"))
    result = outcome(component, Dataset.load(folder / "request"), context)
    if isinstance(result, Dataset):
        result.save(folder / "result")
    else:
        np.save(folder / "result.npy", result, allow_pickle=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
