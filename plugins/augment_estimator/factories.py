"""What the probe `estimator` may call: looked at before anything is called.

Importing a module runs it, so the module's name decides first. The libraries below are imported, and a class of theirs
with `fit` and `predict` is called with plain settings of its own. A module of any other name is imported where the
person who started the run trusts it (`Context.trusted`).
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from augment.errors import SpecError, did_you_mean

__all__ = ["LIBRARIES", "check_arguments", "is_of_library", "library_class", "load_factory"]

LIBRARIES = frozenset({"catboost", "imblearn", "lightgbm", "sklearn", "xgboost"})
PRIVATE = re.compile(r"_.*|tests?|testing|conftest")  # in the path of a module: not a library's public interface
# settings that name a file, a folder, another machine or a function; joblib unpickles what is in the folder `memory`
NOT_PLAIN = frozenset({"callback", "callbacks", "client", "memory"})
NOT_PLAIN |= {"input_borders", "output_borders", "save_snapshot", "snapshot_file", "snapshot_interval", "train_dir"}
MODELS = frozenset({"estimator", "estimators", "final_estimator", "regressor", "steps"})  # settings that hold a model
YOUR_OWN = "write a function of your own that returns the model, and name it as `models:make`"
TAKE_LABELS = frozenset({"imblearn", "sklearn"})  # whose settings hold names of columns and labels: any text
# the others hand text to parsers of their own: LightGBM reads "binary save_binary=true" as two settings
WORD = re.compile(r"[\w.:;,=+()\[\]-]*")


def is_of_library(factory: str) -> bool:
    """Whether `module:name` belongs to one of the known libraries."""
    return _top(factory) in LIBRARIES


def library_class(factory: str) -> type:
    """The class that `module:name` means in a known library.

    Raises:
        ValueError: the library is not installed, or that is not a public class of its own with `fit` and `predict`.
    """
    module_name, _, name = factory.partition(":")
    library = _top(factory)
    if any(PRIVATE.fullmatch(part) for part in [*module_name.split("."), name]):
        raise ValueError(
            f"{factory} is not in the public interface of {library}; name a class with `fit` and `predict`"
        )
    if not _is_installed(library):
        raise ValueError(f"{library} is not installed; install it, or name a model of another library")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        known = [loaded for loaded in sys.modules if loaded.startswith(f"{library}.")]
        hint = did_you_mean(module_name, known) if error.name == module_name else f": {error}"
        raise ValueError(f"there is no module {module_name!r}{hint}") from error
    except Exception as error:
        raise ValueError(f"importing {module_name} failed: {type(error).__name__}: {error}") from error
    model = getattr(module, name, None)
    if model is None:
        models = [known for known, thing in vars(module).items() if _is_model(thing)]
        raise ValueError(f"module {module_name} has no class {name!r}{did_you_mean(name, models)}")
    if not _is_model(model) or model.__module__.partition(".")[0] not in LIBRARIES:
        raise ValueError(
            f"{factory} is not a class with `fit` and `predict`, and a pipeline calls nothing else of it; {YOUR_OWN}"
        )
    checked: type = model
    return checked


def check_arguments(factory: str, arguments: Mapping[str, Any]) -> None:
    """See that a class of a known library takes these settings, that they are plain, and that none is missing.

    Raises:
        ValueError: there is no such setting, one is missing, or it takes a model, a file, a machine or a function.
    """
    cls, library = library_class(factory), _top(factory)
    known = _settings(cls)
    for name, value in arguments.items():
        if name not in known:
            raise ValueError(f"{cls.__name__} has no setting {name!r}{did_you_mean(name, known)}")
        if name in NOT_PLAIN:
            raise ValueError(f"{name}: a pipeline cannot set files, folders, machines or functions; {YOUR_OWN}")
        if name in MODELS and value is not None:
            raise ValueError(f"{name}: a pipeline cannot put a model into a model; {YOUR_OWN}")
        if library not in TAKE_LABELS and (text := next((t for t in _texts(value) if not WORD.fullmatch(t)), None)):
            raise ValueError(f"{name}: expected a number or a word without spaces and slashes, got {text[:60]!r}")
    for name, one in inspect.signature(cls).parameters.items():
        if one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
            if name in MODELS:
                raise ValueError(f"{cls.__name__} needs another model as its `{name}`; {YOUR_OWN}")
            if name not in arguments:
                raise ValueError(f"{cls.__name__} needs the setting {name!r}")


def load_factory(factory: str, file: Path | None, trusted: frozenset[str]) -> Callable[..., Any]:
    """What makes the model. A module of the user's is imported anew, and leaves no trace where it is a file.

    Args:
        factory: `module:name`.
        file: the module's file, if it is not installed.
        trusted: the first names of the modules that may be imported, beside those of the known libraries.

    Raises:
        SpecError: the module is not trusted or cannot be imported, or what it has of that name makes no model.
    """
    module_name, _, name = factory.partition(":")
    if is_of_library(factory):
        try:
            return library_class(factory)
        except ValueError as error:
            raise SpecError(f"trial.probe: {error}") from error
    if (top := _top(factory)) not in trusted:
        raise SpecError(f"trial.probe: the module {top!r} is not trusted, so {factory} is not imported; trust {top!r}")
    module = _imported(module_name, file)
    named = getattr(module, name, None)
    if not callable(named):
        known = [one for one in vars(module) if not one.startswith("_") and callable(getattr(module, one))]
        raise SpecError(
            f"trial.probe: module {module_name} has no function {name!r}{did_you_mean(name, known)}"
            if named is None
            else f"trial.probe: {factory} is {type(named).__name__}, which cannot be called"
        )
    called = named
    while isinstance(called, functools.partial):
        called = called.func
    origin = str(getattr(called, "__module__", None) or type(called).__module__)
    if not _is_model(called) and origin.partition(".")[0] != top:
        raise SpecError(
            f"trial.probe: {factory} comes from {origin}, and makes no model; name a class with `fit` and `predict`, "
            f"or a function that {module_name} defines"
        )
    checked: Callable[..., Any] = named
    return checked


def _top(factory: str) -> str:
    return factory.partition(":")[0].partition(".")[0]


def _is_model(thing: Any) -> bool:
    return inspect.isclass(thing) and all(callable(getattr(thing, name, None)) for name in ("fit", "predict"))


def _is_installed(library: str) -> bool:
    """Whether the library is there, and not as a file or folder of that name in the current folder."""
    spec = importlib.util.find_spec(library)
    return spec is not None and spec.origin is not None and Path.cwd() not in Path(spec.origin).parents[:2]


def _settings(cls: type) -> list[str]:
    """The settings that a class names itself: what it merely passes on (`**kwargs`) can be anything."""
    names: list[str] = []
    for base in cls.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            names += [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
            if not any(one.kind is one.VAR_KEYWORD for one in parameters):
                break
    return [name for name in dict.fromkeys(names) if name != "self"]


def _texts(value: Any) -> Iterator[str]:
    """All text in a plain value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (str(key), *_texts(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def _imported(module_name: str, file: Path | None) -> ModuleType:
    if file is not None:
        path = file.parent if file.name == "__init__.py" else file.with_suffix("")
        if list(path.parts[-len(parts := module_name.split(".")) :]) != parts:
            raise SpecError(
                f"trial.probe: {file} is not the file of a module {module_name!r}; write the file's own name"
            )
    try:
        with _importing_from(file, module_name):
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
    place = getattr(module, "__file__", None)
    if file is not None and not (place and Path(place).samefile(file)):
        raise SpecError(f"trial.probe: {module_name!r} is a module of Python's own; give {file} another name")
    return module


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
