"""The source `sklearn`: datasets that are installed with scikit-learn."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, ValidationInfo, field_validator

from augment import plugin
from augment.data import ColumnDeclaration, Dataset, SchemaDeclaration, as_labels, infer
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source

__all__ = ["SklearnDataset"]

CLASSES: dict[str, tuple[str, ...]] = {
    "breast-cancer": ("malignant", "benign"),
    "diabetes": (),
    "digits": tuple("0123456789"),
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("class_0", "class_1", "class_2"),
}
DIABETES_UNITS = {
    "age": "years",
    "bmi": "kg/m²",
    "bp": "mmHg",
    "s1": "mg/dL",
    "s2": "mg/dL",
    "s3": "mg/dL",
    "s6": "mg/dL",
}


class SklearnDataset(Source):
    """A real dataset that is installed with scikit-learn, read without a download.

    | dataset | rows | what a row is | target |
    |---|---|---|---|
    | `breast-cancer` | 569 | 30 measures of cell nuclei | `diagnosis`: malignant, benign |
    | `diabetes` | 442 | 10 measures of a patient | `progression` after a year, a number |
    | `digits` | 1,797 | an 8x8 grey image of a hand-written digit | `digit`: 0 to 9 |
    | `iris` | 150 | 4 measures of a flower, in cm | `species`: setosa, versicolor, virginica |
    | `wine` | 178 | 13 chemical measures | `cultivar`: class_0, class_1, class_2 |

    The digits' grey levels 0 to 16 are spread over 0 to 255. Another target can be named with `schema: {target: ...}`.
    """

    name = "sklearn"
    imports = ("sklearn.datasets",)
    yields = frozenset({"table", "image"})
    reads_only_paths = True

    class Params(plugin.Params):
        dataset: Literal["breast-cancer", "diabetes", "digits", "iris", "wine"]
        """Which dataset."""
        imbalance: dict[str, Annotated[int, Field(ge=1)]] = {}
        """Makes the dataset lopsided: label to the number of rows to keep of it, such as `{malignant: 20}`. The first
        rows of the label are kept, in the dataset's order; labels that are not named keep all theirs."""

        @field_validator("imbalance", mode="before")
        @classmethod
        def _labels_as_text(cls, value: object) -> object:
            # YAML reads the label of `{3: 20}` as a number
            return {str(label): count for label, count in value.items()} if isinstance(value, dict) else value

        @field_validator("imbalance")
        @classmethod
        def _labels_exist(cls, value: dict[str, int], info: ValidationInfo) -> dict[str, int]:
            dataset = info.data.get("dataset")
            if dataset is None:  # refused already, with its own message
                return value
            known = CLASSES[dataset]
            if value and not known:
                raise ValueError(f"the target of {dataset!r} is a number; only a dataset with classes can be lopsided")
            for label in value:
                if label not in known:
                    hint = did_you_mean(label, known)
                    raise ValueError(f"{dataset!r} has no class {label!r}; its classes are {', '.join(known)}{hint}")
            return value

    def read(self, context: Context) -> Dataset:
        """The dataset in scikit-learn's order.

        Raises:
            DataError: `imbalance` asks for more rows than a class has.
        """
        frame, arrays, target, ours = _load(self.params.dataset)
        declared = _merge(ours, context.declared, target)
        if self.params.imbalance:
            rows = _first_rows(frame[target], self.params.imbalance)
            frame = frame.iloc[rows].reset_index(drop=True)
            arrays = {name: values[rows] for name, values in arrays.items()}
        return Dataset.of(frame, arrays, infer(frame, arrays, declared))


def _load(name: str) -> tuple[pd.DataFrame, dict[str, np.ndarray], str, dict[str, ColumnDeclaration]]:
    """Frame, arrays, name of the target, and what is known of the columns."""
    from sklearn import datasets

    if name == "digits":
        bunch = datasets.load_digits()
        image = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]  # (N, 8, 8, 1)
        return _classes("digit", bunch.target, name), {"image": image}, "digit", {}
    if name == "diabetes":
        bunch = datasets.load_diabetes(scaled=False)
        frame = pd.DataFrame(bunch.data, columns=bunch.feature_names)
        frame["sex"] = frame["sex"].astype(int).astype("str")
        frame["progression"] = bunch.target
        known = {column: ColumnDeclaration(unit=unit) for column, unit in DIABETES_UNITS.items()}
        return frame, {}, "progression", known
    if name == "iris":
        bunch = datasets.load_iris()
        columns = [column.removesuffix(" (cm)").replace(" ", "_") for column in bunch.feature_names]
        known = {column: ColumnDeclaration(unit="cm") for column in columns}
        target = "species"
    elif name == "wine":
        bunch = datasets.load_wine()
        columns, known, target = list(bunch.feature_names), {}, "cultivar"
    else:
        bunch = datasets.load_breast_cancer()
        columns, known, target = [str(column).replace(" ", "_") for column in bunch.feature_names], {}, "diagnosis"
    frame = pd.DataFrame(bunch.data, columns=columns)
    return pd.concat([frame, _classes(target, bunch.target, name)], axis=1), {}, target, known


def _classes(target: str, codes: np.ndarray, dataset: str) -> pd.DataFrame:
    return pd.DataFrame({target: pd.Categorical.from_codes(codes, categories=pd.Index(CLASSES[dataset]))})


def _merge(known: dict[str, ColumnDeclaration], declared: SchemaDeclaration, target: str) -> SchemaDeclaration:
    """What the pipeline says, on top of what is known of the dataset."""
    columns = dict(known)
    for name, said in declared.columns.items():
        ours = known.get(name, ColumnDeclaration())
        columns[name] = ours.model_copy(update=said.model_dump(exclude_none=True))
    return declared.model_copy(update={"columns": columns, "target": declared.target or target})


def _first_rows(labels: pd.Series, wanted: dict[str, int]) -> np.ndarray:
    text = as_labels(labels)
    keep = np.ones(len(text), dtype=bool)
    for label, count in wanted.items():
        rows = np.flatnonzero(text == label)
        if len(rows) < count:
            raise DataError(f"imbalance: {count} rows of {label!r} are asked for; the dataset has {len(rows)}")
        keep[rows[count:]] = False
    return np.flatnonzero(keep)
