"""The house has floors: a package of augment/ imports only from floors below its own, and nothing goes in a circle."""

from __future__ import annotations

import ast
import functools
import graphlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AUGMENT = ROOT / "augment"
# From the bottom up: a package imports from those before it, and from nothing after it, for typing neither.
PACKAGES = [
    {"errors", "lazy", "processor", "text"},
    {"data"},
    {"plugin"},
    {"toolkit"},
    {"statistics", "detect"},
    {"spec"},
    {"plan"},
    {"storage"},
    {"in_memory"},
    {"engine"},
    {"runner"},
    {"onboarding", "testing"},
    {"loaders", "resampling", "scaffold"},
    {"cli"},
    {"__main__"},
]
PUBLIC = {"data", "plugin", "toolkit"}  # what a plugin may import, beside `augment.errors`
TOP = len(PACKAGES)  # of `augment` itself, which offers what scripts call
FLOOR_OF = {package: number for number, packages in enumerate(PACKAGES) for package in packages}
PLUGIN_PACKAGES = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()}
FILES = sorted(AUGMENT.rglob("*.py"))
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))


def _module(path):
    """The dotted name of a file below augment/ or plugins/."""
    base = ROOT if path.is_relative_to(AUGMENT) else ROOT / "plugins"
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in FILES + PLUGIN_FILES}


@functools.cache
def _imports(path):
    """The modules of ours that a file imports: at its top, inside functions, or for typing."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide which package is meant"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found |= {name for name in (inner if inner in MODULES else node.module,) if name in MODULES}
    return frozenset(found - {_module(path)})


def _package(module):
    """The floor of a module of augment/: its package, or its own name where it lies on top."""
    return module.split(".")[1] if "." in module else "__init__"


def test_every_package_has_its_floor():
    assert {_package(_module(path)) for path in FILES} - {"__init__"} == set(FLOOR_OF)


def test_a_package_imports_only_from_those_below_it():
    wrong = []
    for path in FILES:
        own = _package(_module(path))
        if own == "__init__":  # it offers what scripts call
            continue
        others = {_package(name) for name in _imports(path)} - {own}
        wrong += [f"{_module(path)} imports {other}" for other in others if FLOOR_OF.get(other, TOP) >= FLOOR_OF[own]]
    assert not sorted(wrong)


def test_no_modules_import_each_other_in_a_circle():
    graph = {name: _imports(path) for name, path in MODULES.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_core_imports_no_plugin():
    found = {_module(path): {name.split(".")[0] for name in _imports(path)} & PLUGIN_PACKAGES for path in FILES}
    assert not {module: plugins for module, plugins in found.items() if plugins}


def test_a_plugin_imports_only_what_is_public():
    wrong = [
        f"{_module(path)} imports {name}"
        for path in PLUGIN_FILES
        for name in sorted(_imports(path) - {"augment", "augment.errors"})
        if name.split(".")[0] == "augment"
        and (_package(name) not in PUBLIC or (_package(name) != "toolkit" and name.count(".") > 1))
    ]
    assert not wrong, "not public; see augment.data, augment.plugin and augment.toolkit"


HEAVY = ["albumentations", "cv2", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "torch"]


def _loaded_by(statement):
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_the_command_starts_without_the_large_libraries():
    assert not _loaded_by("import augment.cli") & set(HEAVY)


def test_the_contracts_come_without_torch():
    assert not _loaded_by("import augment.plugin.catalog") & {
        "torch",
        "sklearn",
        "scipy",
        "matplotlib",
        "albumentations",
    }


def test_the_kit_comes_without_pytest_and_torch():
    assert not _loaded_by("import augment.testing") & {"pytest", "_pytest", "torch", "sklearn"}


# What could run code that a stranger wrote into a file.


# Component names that are words of something else too: kinds of data, files, functions, keys of metrics.json.
WORDS = {"items", "privacy", "text"}
ALLOWED = {
    ("augment/storage/hashes.py", "albumentations"),  # the library
    ("augment/resampling/augmenter.py", "vae"),  # what scripts get that name no generator: a default in a signature
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMPONENTS = set(PROJECT["entry-points"]["augment"])


def _named_components(source):
    """Component names that stand as whole strings, or after `use`, in the strings of a module, docstrings apart."""
    tree = ast.parse(source)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    documentation |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # of attributes
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            if node.value in COMPONENTS - WORDS:
                yield node.value
            yield from (name for name in re.findall(r"\buse:? ?`?([a-z][a-z0-9-]*)", node.value) if name in COMPONENTS)
            yield from (name for name in re.findall(r"`([a-z][a-z0-9-]*)`", node.value) if name in COMPONENTS - WORDS)


def test_the_core_names_no_component():
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in FILES
        if path.relative_to(AUGMENT).parts[0] not in ("testing", "scaffold")
        for name in _named_components(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('x = {"rows": "smote"}', ["smote"]),
        ('x = f"{y}; use rnn"', ["rnn"]),
        ('x = "add `- use: impute` to transforms"', ["impute"]),
        ('def f():\n    """Like `smote`."""', []),
        ('x = "text"', []),
    ],
)
def test_names_of_components_would_be_found(code, names):
    assert list(_named_components(code)) == names
