"""The probe `estimator`. Shapes: N rows, C classes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema, labels_of
from augment.errors import SpecError, did_you_mean
from augment.plugin import Accepts, Context, Probe


class Estimator(Probe):
    """A model of your own: whatever a function of yours returns that has `fit` and `predict` as scikit-learn's have.

    `trial: {probe: mypackage.models:make}` is short for it. The module is looked for beside the pipeline file first,
    then among what is installed; it is imported where the trial judges and nowhere else. `make()` is called for every
    arm and seed. What it returns is fitted on

    * tables: a data frame of the features, in the types of the schema (`float64`, `category`, `boolean`, ...);
    * texts: a list of them, so that a pipeline may begin with `TfidfVectorizer`;
    * images, series, audio, tokens: the array, its first axis the row.

    Labels are text, booleans or whole numbers, as in the data. Probabilities come from `predict_proba`; without it,
    what is predicted counts as certain. Every `random_state` that is not set gets the trial's seed. Class weights are
    given as `sample_weight` to `fit`, or to the last step of a scikit-learn pipeline; a model that takes none gets rows
    drawn in proportion instead.
    """

    name = "estimator"
    imports = ("sklearn.pipeline",)
    accepts = Accepts(targets=frozenset({"classes", "number"}))
    takes_factory = True

    class Params(plugin.Params):
        """Which model."""

        factory: str = Field(
            "sklearn.ensemble:HistGradientBoostingClassifier", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
        )
        """`module:function`, or a class; called without arguments but for these below."""
        arguments: dict[str, Any] = {}
        """Passed to it by name."""
        file: Path | None = None
        """The module's file, where it is not installed; found by itself beside the pipeline file. A run is made again
        when its content changes, though not when only a module does that it imports."""

    _schema: Schema
    _model: Any
    _only: int | None = None  # position of the one class that there is

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        from threadpoolctl import threadpool_limits

        self._schema, self._threads = data.schema, context.threads
        target = _target(data)
        if data.schema.task == "classes" and len(set(target)) == 1:
            self._only = data.schema.classes.index(str(target[0]))
            return self
        self._model = self._build(context)
        features, options = _features(data), {}
        if weights is not None:
            if (name := _weight_parameter(self._model)) is not None:
                options[name] = weights
            else:
                rows = context.rng.choice(len(data), len(data), p=weights / weights.sum())
                features, target = _features(data.take(rows)), target[rows]
        with threadpool_limits(limits=context.threads):
            self._model.fit(features, target, **options)
        return self

    def predict(self, data: Dataset) -> np.ndarray:
        from threadpoolctl import threadpool_limits

        classes = self._schema.classes
        predicted = np.zeros((len(data), len(classes)))
        if self._only is not None:
            predicted[:, self._only] = 1.0
            return predicted
        features = _features(data)
        with threadpool_limits(limits=self._threads):
            if not classes:
                return np.asarray(self._model.predict(features), dtype=np.float64).reshape(len(data))
            if not hasattr(self._model, "predict_proba"):
                position = {label: number for number, label in enumerate(classes)}
                for row, label in enumerate(self._model.predict(features)):
                    predicted[row, position[str(label)]] = 1.0
                return predicted
            probabilities = np.asarray(self._model.predict_proba(features), dtype=np.float64)
        predicted[:, [classes.index(str(label)) for label in self._model.classes_]] = probabilities
        return predicted

    def _build(self, context: Context) -> Any:
        model = _factory(self.params)(**self.params.arguments)
        missing = [name for name in ("fit", "predict") if not callable(getattr(model, name, None))]
        if missing:
            raise SpecError(
                f"trial.probe: {self.params.factory} gave {type(model).__name__}, which has no "
                f"{' and no '.join(missing)}; expected a model with the interface of scikit-learn"
            )
        if hasattr(model, "get_params"):
            seed = int(context.rng.integers(2**31))
            open_seeds = [
                name
                for name, value in model.get_params(deep=True).items()
                if name.split("__")[-1] == "random_state" and value is None
            ]
            model.set_params(**dict.fromkeys(open_seeds, seed))
        return model


def _factory(params: Any) -> Callable[..., Any]:
    """The user's function; its module is imported anew, and leaves no trace where it is a file of the user's."""
    module_name, _, name = params.factory.partition(":")
    try:
        with _importing_from(params.file, module_name):
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise SpecError(
                f"trial.probe: there is no module {error.name!r}, neither beside the pipeline file nor installed; "
                f"expected `module:function` such as `models:make` for a function `make` in `models.py`"
            ) from error
        raise SpecError(f"trial.probe: importing {module_name} failed: {error}; install what it needs") from error
    except Exception as error:
        raise SpecError(f"trial.probe: importing {module_name} failed: {type(error).__name__}: {error}") from error
    if not callable(factory := getattr(module, name, None)):
        known = [one for one in vars(module) if not one.startswith("_") and callable(getattr(module, one))]
        raise SpecError(
            f"trial.probe: module {module_name} has no function {name!r}{did_you_mean(name, known)}"
            if factory is None
            else f"trial.probe: {params.factory} is {type(factory).__name__}, which cannot be called"
        )
    checked: Callable[..., Any] = factory
    return checked


@contextmanager
def _importing_from(file: Path | None, module_name: str) -> Iterator[None]:
    """Inside, modules beside this file are found first; afterwards none of them stays imported."""
    if file is None:
        yield
        return
    depth = len(module_name.split(".")) + (file.name == "__init__.py")
    root = file.parents[depth - 1]
    path, wrote, modules = list(sys.path), sys.dont_write_bytecode, dict(sys.modules)
    sys.modules.pop(module_name.partition(".")[0], None)  # of that name there may be another, of another pipeline
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, wrote
        for name, module in list(sys.modules.items()):
            said = getattr(module, "__dict__", {})  # some modules make up whatever attribute they are asked for
            places = [said.get("__file__") or "", *(said.get("__path__") or ())]
            if modules.get(name) is not module and any(str(place).startswith(str(root)) for place in places):
                del sys.modules[name]
        top = module_name.partition(".")[0]
        if top in modules:
            sys.modules[top] = modules[top]


def _weight_parameter(model: Any) -> str | None:
    """How `fit` calls the rows' weights, or None where it takes none."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(model, Pipeline):
        name, last = model.steps[-1]
        return f"{name}__sample_weight" if has_fit_parameter(last, "sample_weight") else None
    return "sample_weight" if has_fit_parameter(model, "sample_weight") else None


def _features(data: Dataset) -> Any:
    """What scikit-learn calls X."""
    schema = data.schema
    if schema.modality == "text":
        return data.texts()
    if schema.modality != "table":
        return np.asarray(data.arrays[schema.array_of(schema.modality)])
    frame = data.frame[[name for name in schema.features if schema.columns[name].type != "id"]]
    vectors = [
        pd.DataFrame(values, columns=[f"{name}_{place}" for place in range(values.shape[1])])
        for name, values in data.arrays.items()
    ]
    return pd.concat([frame, *vectors], axis=1)


def _target(data: Dataset) -> np.ndarray:
    """What scikit-learn calls y: labels (N,) as text, bool or int, or values (N,) float."""
    values = data.frame[data.schema.target]
    if data.schema.task == "number":
        return values.to_numpy(dtype=np.float64)
    match data.schema.columns[str(data.schema.target)].type:
        case "boolean":
            return values.to_numpy(dtype=bool)
        case "integer":
            return values.to_numpy(dtype=np.int64)
        case _:
            return labels_of(values).astype(str)
