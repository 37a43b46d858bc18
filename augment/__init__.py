"""Plugin-based data augmentation: learn generators on the training part, mix samples in, see whether it helped.

run = augment.run("pipeline.yaml", seed=3)      # the command, in Python
run = augment.load("runs/credit-balance")       # a finished run's folder
augment.check("pipeline.yaml")
augment.sample("runs/credit-balance", rows=1000, out="more.parquet")
augment.loaders.mixed(run, batch_size=64)       # a torch loader: real rows and fresh synthetic ones
augment.resampling.Augmenter("vae")             # an imbalanced-learn sampler
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import augment.loaders as loaders
    import augment.resampling as resampling
    from augment.drawing import sample
    from augment.rundir import Run as load
    from augment.runner import check, run

__all__ = ["__version__", "check", "load", "loaders", "resampling", "run", "sample"]

__version__ = "0.1.0"

# imported when first asked for: `augment --help` must not wait for pandas
_LAZY = {
    "check": ("runner", "check"),
    "load": ("rundir", "Run"),
    "run": ("runner", "run"),
    "sample": ("drawing", "sample"),
}
_MODULES = ("loaders", "resampling")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"augment.{name}")
    if name not in _LAZY:
        raise AttributeError(f"module 'augment' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    return getattr(import_module(f"augment.{module}"), attribute)
