"""What crosses the pipe between a host and a worker: tasks, results and errors as JSON.

Types come from the annotations of the task's function. Only functions of `augment.engine` can be named.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter

from augment import errors
from augment.engine.jobs import Call, Emit, Host, Job
from augment.errors import AugmentError

__all__ = ["call_from_json", "error_from_json", "error_to_json", "request_to_json", "result_from_json"]
__all__ += ["result_to_json", "task_from_json"]

PACKAGE = __name__.rpartition(".")[0]
T = TypeVar("T")
R = TypeVar("R")


def request_to_json(job: Job[T, Any], task: T) -> dict[str, Any]:
    """A task of a job as plain data."""
    fn: Any = job.fn
    name = f"{fn.__module__}:{fn.__qualname__}"
    return {"fn": name, "task": _plain(_types(fn)[0], task), "host": _plain(Host, job.host), "what": job.what}


def call_from_json(request: Mapping[str, Any], emit: Emit) -> Call:
    """What the tasks of the request's job are lent."""
    return Call(_typed(Host, request["host"]), emit, request["what"])


def task_from_json(request: Mapping[str, Any]) -> tuple[Callable[[Any, Call], Any], Any]:
    """The function and its argument.

    Raises:
        AugmentError: the request names something that is no task.
    """
    module, _, name = request["fn"].partition(":")
    fn: Any = getattr(importlib.import_module(module), name, None) if module.startswith(f"{PACKAGE}.") else None
    if getattr(fn, "__module__", None) != module or get_type_hints(fn).get("call") is not Call:
        raise AugmentError(f"{request['fn']!r} is not a task of {PACKAGE}")
    return fn, _typed(_types(fn)[0], request["task"])


def result_to_json(fn: Callable[[Any, Call], R], result: R) -> Any:
    """A task's result as plain data."""
    return _plain(_types(fn)[1], result)


def result_from_json(fn: Callable[[Any, Call], R], data: Any) -> R:
    """The inverse of `result_to_json`."""
    result: R = _typed(_types(fn)[1], data)
    return result


@cache
def _types(fn: Callable[..., Any]) -> tuple[Any, Any]:
    """The types of a task's argument and result."""
    hints = get_type_hints(fn)
    return hints["task"], hints["return"]


@cache
def _adapter(type_: Any) -> TypeAdapter[Any]:
    # as the element of a tuple, a dataclass takes settings from outside
    return TypeAdapter(tuple[type_], config=ConfigDict(ser_json_inf_nan="constants"))


def _plain(type_: Any, value: Any) -> Any:
    return _adapter(type_).dump_python((value,), mode="json", exclude_unset=True, warnings="error")[0]


def _typed(type_: Any, data: Any) -> Any:
    return _adapter(type_).validate_python((data,))[0]


class _WorkerTraceback(Exception):
    """The traceback of an error in a worker, as text; shown by `--debug`."""


def error_to_json(error: BaseException, traceback: str) -> dict[str, Any]:
    """An error as plain data."""
    # a plugin may derive its own errors from ours: the nearest of ours stands for it, with its exit code
    ours = next((cls for cls in type(error).__mro__ if cls.__module__ == errors.__name__), None)
    message = str(error) if ours else f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError):
        message = errors.out_of_memory("the task", error)
    return {"type": ours.__name__ if ours else "", "message": message, "traceback": traceback}


def error_from_json(data: Mapping[str, Any], what: str) -> AugmentError:
    """The inverse of `error_to_json`; the worker's traceback becomes the cause.

    Args:
        data: the error.
        what: names the component and what it does, for errors that nobody raised on purpose.
    """
    if data["type"]:
        error: AugmentError = getattr(errors, str(data["type"]))(str(data["message"]))
    else:
        error = AugmentError(f"{what}: {data['message']}")
    error.__cause__ = _WorkerTraceback("\n" + str(data["traceback"]))
    return error
