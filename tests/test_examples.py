"""The plugins in docs/examples are distributions of their own, and hold what the pages say of them."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from augment.plugin.catalog import Catalog
from augment.scaffold import write
from augment.testing import check_component

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
PLUGINS = sorted(EXAMPLES.glob("augment-*"))


def _files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", "runs", ".pytest_cache"} & set(path.parts)
    }


@pytest.mark.parametrize("place", PLUGINS, ids=lambda place: place.name)
def test_it_keeps_every_rule(place, monkeypatch):
    for one in PLUGINS:  # all of them, for then the kit's other process serves all
        monkeypatch.syspath_prepend(str(one))
    module = place.name.replace("-", "_")
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)  # the how-to page has one of the same name
    (cls,) = importlib.import_module(module).augment_components()
    check_component(cls)


@pytest.mark.skipif("jitter" in Catalog().names, reason="a plugin called jitter is installed")
def test_jitter_is_what_new_plugin_writes(tmp_path):
    assert _files(write("jitter", folder=tmp_path)) == _files(EXAMPLES / "augment-jitter")


def test_a_generator_of_another_library_takes_fewer_than_60_lines():
    text = (EXAMPLES / "augment-mixture" / "augment_mixture" / "__init__.py").read_text(encoding="utf-8")
    documentation = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    assert len(set(lines) - documentation) < 60


@pytest.mark.slow
@pytest.mark.parametrize("place", PLUGINS, ids=lambda place: place.name)
def test_installed_it_passes_its_own_tests(place, wheel):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(place)]
    done = subprocess.run(command, cwd=place, env=wheel(place), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
