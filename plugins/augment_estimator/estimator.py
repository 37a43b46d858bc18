"""The probe `estimator`. Shapes: N rows, C classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, ValidationInfo, field_validator

from augment import plugin
from augment.data import Dataset, Schema, as_labels
from augment.errors import SpecError
from augment.plugin import Accepts, Context, Probe
from augment_estimator.factories import LIBRARIES, check_arguments, is_of_library, library_class, load_factory

NUMBERS_ALONE = ("xgboost:", "xgboost.")  # beginnings of factories whose models take classes as numbers


class Estimator(Probe):
    """A model of your own: whatever has `fit` and `predict` as scikit-learn's models have.

    `trial: {probe: sklearn.ensemble:RandomForestClassifier}` names a class of scikit-learn, imbalanced-learn, XGBoost,
    LightGBM or CatBoost. `trial: {probe: mypackage.models:make}` names a function of yours that returns a model. Its
    module runs only where you trust it: `augment run --trust mypackage`. It is looked for beside the pipeline file
    first, then among what is installed, and imported where the trial judges and nowhere else. `make()` is called for
    every arm and seed. What it returns is fitted on

    * tables: a data frame of the features, in the types of the schema (`float64`, `category`, `boolean`, ...);
    * texts: a list of them, so that a pipeline may begin with `TfidfVectorizer`;
    * images, series, audio, tokens: the array, its first axis the row.

    Labels are text, booleans or whole numbers, as in the data; models of XGBoost get their numbers from 0 on.
    Probabilities come from `predict_proba`; without it, what is predicted counts as certain. Every `random_state` that
    is not set gets the trial's seed. Class weights are given as `sample_weight` to `fit`, or to the last step of a
    scikit-learn pipeline; a model that takes none gets rows drawn in proportion instead.
    """

    name = "estimator"
    imports = ("sklearn.pipeline",)
    accepts = Accepts(targets=frozenset({"classes", "number"}))
    takes_factory = True
    libraries = LIBRARIES

    class Params(plugin.Params):
        """Which model."""

        factory: str = Field(
            "sklearn.ensemble:HistGradientBoostingClassifier", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
        )
        """`module:class` of a library above, or `module:function` of a module that you trust."""
        arguments: dict[str, Any] = Field({}, validate_default=True)
        """Passed to it by name. A library's class takes plain values: no files, folders, machines or functions."""
        tune: list[dict[str, Any]] = []
        """What the arm `tuned` tries, such as `[{min_samples_leaf: 5}, {max_depth: 4}]`: each is a change to
        `arguments`."""
        file: Path | None = None
        """The module's file, where it is not installed; found by itself beside the pipeline file. A run is made again
        when its content changes, though not when only a module does that it imports."""

        @field_validator("factory")
        @classmethod
        def _is_a_model(cls, factory: str) -> str:
            if is_of_library(factory):
                library_class(factory)
            return factory

        @field_validator("arguments")
        @classmethod
        def _are_plain(cls, arguments: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
            factory = info.data.get("factory")  # absent if it was refused already
            if factory is not None and is_of_library(factory):
                check_arguments(factory, arguments)
            return arguments

        @field_validator("tune")
        @classmethod
        def _are_arguments(cls, tune: list[dict[str, Any]], info: ValidationInfo) -> list[dict[str, Any]]:
            for changes in tune:
                cls._are_plain({**info.data.get("arguments", {}), **changes}, info)
            return tune

        @field_validator("file")
        @classmethod
        def _is_no_library(cls, file: Path | None, info: ValidationInfo) -> Path | None:
            factory = info.data.get("factory")
            if file is not None and factory is not None and is_of_library(factory):
                raise ValueError(
                    f"{factory} is a class of an installed library; leave `file` out, or rename the module"
                )
            return file

    @classmethod
    def settings_to_try(cls, params: Params) -> tuple[dict[str, Any], ...]:
        """What the pipeline says."""
        return tuple({"arguments": {**params.arguments, **changes}} for changes in params.tune)

    _schema: Schema
    _model: Any
    _only: int | None = None  # position of the one class that there is
    _numbered: np.ndarray | None = None  # the label of each number, for models that take no labels

    def fit(self, data: Dataset, context: Context, weights: np.ndarray | None = None) -> Self:
        from threadpoolctl import threadpool_limits

        self._schema, self._threads = data.schema, context.threads
        target = _target(data)
        if data.schema.task == "classes" and len(set(target)) == 1:
            self._only = data.schema.classes.index(str(target[0]))
            return self
        if data.schema.task == "classes" and self.params.factory.startswith(NUMBERS_ALONE):
            self._numbered, target = np.unique(target, return_inverse=True)
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
        labels = self._model.classes_ if self._numbered is None else self._numbered[self._model.classes_]
        predicted[:, [classes.index(str(label)) for label in labels]] = probabilities
        return predicted

    def _build(self, context: Context) -> Any:
        factory = load_factory(self.params.factory, self.params.file, context.trusted)
        model = factory(**self.params.arguments)
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
        return np.asarray(data.arrays[schema.find_array(schema.modality)])
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
            return as_labels(values).astype(str)
