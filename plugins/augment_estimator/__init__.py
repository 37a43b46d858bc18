"""The probe `estimator`: a model of the user's own, with the interface of scikit-learn."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_estimator.estimator import Estimator

    return [Estimator]
