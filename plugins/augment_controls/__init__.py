"""Controls: generators that add no information, which every claim is held against."""

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> list[type]:
    from augment_controls.bootstrap import Bootstrap

    return [Bootstrap]
