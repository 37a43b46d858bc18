"""The `html` reporter: one self-contained page about a finished run, the verdict first."""

from collections.abc import Iterable

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> Iterable[type]:
    """The reporter."""
    from augment_report.reporter import Html

    return [Html]
