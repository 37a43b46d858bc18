"""Plugin-based data augmentation: fit generators on training data, mix synthetic rows in, measure whether they helped.

run = augment.run("pipeline.yaml", seed=3)      # as `augment run`
run = augment.load("runs/credit-balance")       # a finished run's folder, or that of a saved generator
generator = augment.fit("trees", df, target="y")    # one generator, on data in memory: generator.sample(500)
augment.check("pipeline.yaml")
augment.sample("runs/credit-balance", rows=1000, out="more.parquet")
augment.loaders.mixed(run, batch_size=64)       # a torch loader: real and new synthetic rows
augment.resampling.Augmenter("vae")             # an imbalanced-learn sampler

Also public: `augment.data` and `augment.plugin` for plugin authors, `augment.toolkit` with building blocks for plugins,
and `augment.testing` for their tests. Every other package is internal and may change at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from augment.lazy import exporting

if TYPE_CHECKING:
    import augment.loaders as loaders
    import augment.resampling as resampling
    from augment.runner.check import check as check
    from augment.runner.fitted_generator import FittedGenerator as FittedGenerator
    from augment.runner.fitted_generator import fit as fit
    from augment.runner.load_results import load as load
    from augment.runner.run import run as run
    from augment.runner.sample_finished_run import sample as sample
    from augment.storage.run_folder import Run as Run

__all__ = [
    "FittedGenerator",
    "Run",
    "__version__",
    "check",
    "fit",
    "load",
    "loaders",
    "resampling",
    "run",
    "sample",
]

__version__ = "0.1.0"

__getattr__, __dir__ = exporting(
    __name__,
    {
        "FittedGenerator": "runner.fitted_generator:FittedGenerator",
        "Run": "storage.run_folder:Run",
        "check": "runner.check:check",
        "fit": "runner.fitted_generator:fit",
        "load": "runner.load_results:load",
        "loaders": "loaders",
        "resampling": "resampling",
        "run": "runner.run:run",
        "sample": "runner.sample_finished_run:sample",
    },
)
