"""Rules between columns that synthetic rows must keep."""

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> list[type]:
    from augment_rules.rules import Rules

    return [Rules]
