"""Rules for components of every kind: class, settings, documentation, import time."""

from __future__ import annotations

import inspect

from pydantic import ValidationError

from augment.plugin.catalog import component_problem
from augment.plugin.contracts import Component
from augment.testing.elsewhere import heavy_after_import
from augment.testing.rules import Case, Rule

__all__ = ["rules"]


def rules(component: type[Component]) -> list[Rule]:
    """The rules that apply to this component."""
    common = [
        Rule(class_is_complete),
        Rule(has_a_docstring),
        Rule(settings_are_documented),
        Rule(unknown_settings_are_refused),
        Rule(settings_have_types),
        Rule(imports_nothing_heavy),
    ]
    return common if component.kind == "source" else [*common, Rule(accepts_some_data)]


def class_is_complete(case: Case) -> None:
    """Name, kind, `accepts` and `Params` are valid, and every required method exists.

    Otherwise the catalog refuses the component before a pipeline starts.
    """
    problem = component_problem(case.component)
    case.expect(
        problem is None,
        done="looked at the class",
        happened=str(problem),
        expected="a class that the catalog can offer",
        fix="see the base class in augment.plugin",
    )


def has_a_docstring(case: Case) -> None:
    """The class has a docstring.

    `augment show` and the reference are generated from it, and users choose components by it.
    """
    case.expect(
        bool((case.component.__dict__.get("__doc__") or "").strip()),
        done="looked for the class's own docstring",
        happened="none",
        expected="a first sentence that says what the component does, and the source of its method",
        fix="write one under the class line",
    )


def settings_are_documented(case: Case) -> None:
    """Every setting has a docstring, and a default unless only the user can know the value.

    The docstring is the help text in editors, in `augment show` and in the reference.
    """
    for name, setting in case.component.Params.model_fields.items():
        case.expect(
            bool(setting.description),
            done=f"looked at the setting {name!r}",
            happened="it has no docstring",
            expected="a sentence with its unit and range: the help and the reference come from it",
            fix='write a """docstring""" under the field',
        )
        case.expect(
            case.component.kind == "source" or not setting.is_required(),
            done=f"looked at the setting {name!r}",
            happened="it has no default",
            expected=f"a default, so that `use: {case.component.name}` alone is a beginning",
            fix="give it the default that serves most people",
        )


def unknown_settings_are_refused(case: Case) -> None:
    """A misspelled setting is an error.

    If it were ignored, a fit could train for hours with the default value.
    """
    try:
        case.component.Params.model_validate({"no_such_setting": 1})
    except ValidationError as error:
        refused = any(problem["type"] == "extra_forbidden" for problem in error.errors())
    else:
        refused = False
    case.expect(
        refused,
        done="made its Params with a setting `no_such_setting`",
        happened="it was taken",
        expected="pydantic's `extra_forbidden` error",
        fix="derive Params from augment.plugin.Params and leave `extra` in its model_config alone",
    )


def settings_have_types(case: Case) -> None:
    """A setting with a value of the wrong type is an error before anything runs.

    Otherwise the fit fails hours later, and it looks like a bug in the component.
    """
    for name, setting in case.component.Params.model_fields.items():
        key = setting.alias or name
        taken = []
        for nonsense in ({"no such": ["thing"]}, [[{"no such": "thing"}]]):
            try:
                case.component.Params.model_validate({key: nonsense})
                taken.append(nonsense)
            except ValidationError as error:
                if not any(problem["loc"][:1] == (key,) for problem in error.errors()):
                    taken.append(nonsense)
        case.expect(
            len(taken) < 2,
            done=f"gave the setting {name!r} a mapping, and a list of lists",
            happened="it took both",
            expected="an error that says what type it has",
            fix="annotate the field with the type that it needs, and bounds where it has some: Field(0.1, ge=0)",
        )


def imports_nothing_heavy(case: Case) -> None:
    """Importing the plugin and the component's module is fast.

    `augment check`, `plugins` and every worker import it, even if they do not use it.
    """
    module = case.component.__module__
    if module == "__main__":
        return
    heavy = heavy_after_import(module)
    case.expect(
        not heavy,
        done=f"imported {module} in a new process",
        happened=f"it imported {', '.join(heavy)}",
        expected="none of the large libraries: `augment check` imports every plugin that a pipeline names",
        fix="import them inside the methods that use them, or in a submodule that those import",
    )


def accepts_some_data(case: Case) -> None:
    """`accepts` accepts some kind of data.

    The host checks `accepts` before every call; a component that accepts nothing is never called.
    """
    from augment.testing.examples import accepted_recipes

    case.expect(
        bool(accepted_recipes(case.component.accepts)),
        done=f"looked for example data that {case.component.accepts} lets through",
        happened="none",
        expected="data of one kind at least",
        fix="name modalities, column types and targets that occur together",
    )


def is_importable(component: type[Component]) -> bool:
    """Whether a new process can find the class by its module and name."""
    return "<locals>" not in component.__qualname__ and inspect.getmodule(component) is not None
