"""A second process, for the rules about import time and about loading saved state elsewhere.

Starting Python and importing torch takes seconds, so one process answers several requests in turn.

    python -m augment.testing.elsewhere

reads each request as a line of JSON and answers with a line of JSON.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from augment.data import Dataset
from augment.plugin.context import Context
from augment.plugin.contracts import Filter, Generator, Transform

__all__ = ["heavy_after_import", "outcome", "result_elsewhere"]

HEAVY = ("albumentations", "cv2", "imblearn", "matplotlib", "scipy", "sklearn", "tensorflow", "torch", "transformers")


class _Elsewhere:
    """A process with the same import path that has imported none of the large libraries."""

    def __init__(self) -> None:
        self.path = _path()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "augment.testing.elsewhere"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, "PYTHONPATH": self.path},
        )

    def answer(self, **request: Any) -> dict[str, Any]:
        """The result of a request.

        Raises:
            RuntimeError: the request failed; the message is the traceback or the output of the process.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended; what follows says how
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        if not answer:
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip()
            raise RuntimeError(f"{said}\nit ended with exit code {self._process.returncode}".strip())
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return answer

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()


_running: dict[str, _Elsewhere] = {}  # by task; each has a process of its own, since loading imports what is heavy


def _ask(task: str, **request: Any) -> dict[str, Any]:
    if task in _running and _running[task].path != _path():
        _end(task)
    if task not in _running:
        _running[task] = _Elsewhere()
    try:
        return _running[task].answer(task=task, **request)
    except BaseException:  # Ctrl-C and time limits too: the next answer would be that of this request
        _end(task)
        raise


def _end(task: str) -> None:
    _running.pop(task).end()


@atexit.register
def _end_all() -> None:
    for task in list(_running):
        _end(task)


def _path() -> str:
    return os.pathsep.join(path for path in sys.path if path)


@functools.cache
def heavy_after_import(module: str) -> tuple[str, ...]:
    """The large libraries that a module imports.

    Raises:
        ImportError: it cannot be imported in another process.
    """
    try:
        heavy = tuple(_ask("import", module=module)["heavy"])
    except RuntimeError as error:
        raise ImportError(f"{module} cannot be imported in a new process: {error}") from error
    if heavy:
        _end("import")  # what it has imported, the next module would be cleared of
    return heavy


def result_elsewhere(component: type, folder: Path) -> Dataset | np.ndarray:
    """The result of a saved component for a request, in another process.

    Args:
        component: the class, at the top of a module.
        folder: with `params.json`, `seed.txt`, `state/`, `train/` and `request/`; the result is written into it.

    Raises:
        RuntimeError: it failed there.
    """
    _ask("work", module=component.__module__, qualname=component.__qualname__, folder=str(folder.absolute()))
    array = folder / "result.npy"
    return np.load(array) if array.exists() else Dataset.load(folder / "result")


def outcome(component: Any, request: Dataset, context: Context) -> Dataset | np.ndarray:
    """The result of a fitted component for a request."""
    if isinstance(component, Generator):
        return component.sample(request.frame, context)
    if isinstance(component, Filter):
        return component.judge(request, context)
    assert isinstance(component, Transform)
    return component.apply(request)


# -- the other end


def _imported(module: str) -> dict[str, Any]:
    # what was there before the import, by way of pytest plugins for instance, is not the module's doing
    before = set(sys.modules)
    importlib.import_module(module)
    return {"heavy": sorted(set(HEAVY) & set(sys.modules) - before)}


def _worked(module: str, qualname: str, folder: str) -> dict[str, Any]:
    place = Path(folder)
    cls = functools.reduce(getattr, qualname.split("."), importlib.import_module(module))
    params = cls.Params.model_validate_json((place / "params.json").read_text(encoding="utf-8"))
    component = cls.load(place / "state", params)
    scratch = place / "scratch"
    scratch.mkdir()
    context = Context(int((place / "seed.txt").read_text()), scratch, train=Dataset.load(place / "train"))
    result = outcome(component, Dataset.load(place / "request"), context)
    if isinstance(result, Dataset):
        result.save(place / "result")
    else:
        np.save(place / "result.npy", result, allow_pickle=False)
    return {"done": True}


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a component prints is no answer
    tasks: dict[str, Callable[..., dict[str, Any]]] = {"import": _imported, "work": _worked}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = tasks[request.pop("task")](**request)
        except (Exception, SystemExit):
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
