"""Small real datasets that come with scikit-learn: for first steps, examples and tests, without a download."""

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> list[type]:
    from augment_datasets.sklearn_source import SklearnDataset

    return [SklearnDataset]
