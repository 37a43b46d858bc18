"""The plugins in docs/examples are distributions of their own, and hold what the pages say of them."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset
from augment.plugin import Context
from augment.plugin.catalog import Catalog
from augment.scaffold import write
from augment.testing import check_component, example

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
PLUGINS = sorted(EXAMPLES.glob("augment-*"))
QUICK = {"augment-keras-gan": {"steps": 3, "width": 8}}
MAX_LINES = {"augment-mixture": 60, "augment-density": 60, "augment-copula": 100, "augment-keras-gan": 100}
KERAS = pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="keras is not installed")


def _files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", "runs", ".pytest_cache"} & set(path.parts)
    }


def _marked(place):
    marks = [KERAS, pytest.mark.slow] if "keras" in place.name else []  # its import takes seconds
    return pytest.param(place, marks=marks, id=place.name)


@pytest.fixture
def component(monkeypatch):
    """Gives the component of a plugin."""
    for one in PLUGINS:  # all of them, for then the kit's other process serves all
        monkeypatch.syspath_prepend(str(one))
    monkeypatch.setenv("KERAS_BACKEND", "torch")

    def find(plugin):
        module = plugin.replace("-", "_")
        for name in [name for name in sys.modules if name.partition(".")[0] == module]:
            monkeypatch.delitem(sys.modules, name)  # the how-to page has one of the same name
        (cls,) = importlib.import_module(module).augment_components()
        return cls

    return find


@pytest.mark.parametrize("place", [_marked(place) for place in PLUGINS])
def test_it_keeps_every_rule(place, component):
    check_component(component(place.name), QUICK.get(place.name))


def test_copula_keeps_distributions_and_how_columns_depend_on_each_other(component, tmp_path):
    cls = component("augment-copula")
    real = example(rows=2000, missing=True, columns=cls.accepts.columns)
    fitted = cls().fit(real, Context(1, tmp_path, train=real))
    made = fitted.sample(pd.DataFrame(index=range(2000)), Context(2, tmp_path, train=real)).frame
    numbers = ["height", "income", "visits"]
    kept, was = (frame[numbers].astype(float) for frame in (made, real.frame))
    assert np.abs(kept.corr("spearman") - was.corr("spearman")).max(axis=None) < 0.1
    assert np.abs(kept.quantile([0.1, 0.5, 0.9]) / was.quantile([0.1, 0.5, 0.9]) - 1).max(axis=None) < 0.15
    assert (made.isna().mean() - real.frame.isna().mean()).abs().max() < 0.03
    tables = [pd.crosstab(frame["target"], frame["colour"], normalize="index") for frame in (made, real.frame)]
    assert np.abs(tables[0] - tables[1]).max(axis=None) < 0.1


def test_what_density_stores_does_not_grow_with_the_training_part(component, tmp_path):
    cls, sizes = component("augment-density"), []
    for rows in (60, 600):
        data = example(rows=rows, columns=cls.accepts.columns)
        place = tmp_path / str(rows)
        place.mkdir()
        cls().fit(data, Context(1, tmp_path, train=data)).save(place)
        sizes.append(sum(path.stat().st_size for path in place.iterdir()))
    assert abs(sizes[0] - sizes[1]) < 100


@pytest.mark.slow
@KERAS
def test_a_keras_gan_draws_bright_pictures_for_the_bright_class(component, tmp_path):
    cls, (dark, bright) = component("augment-keras-gan"), (20, 220)
    data = example("image", columns=[])
    is_bright = (data.frame["target"] == "a").to_numpy()[:, None, None, None]
    images = np.broadcast_to(np.where(is_bright, bright, dark), (len(data), 8, 8, 1)).astype(np.uint8)
    data = Dataset.of(data.frame, {"image": images}, data.schema)
    fitted = cls(cls.Params(steps=300, width=32, learning_rate=2e-3)).fit(data, Context(1, tmp_path, train=data))
    made = fitted.sample(data.frame[["target"]], Context(2, tmp_path, train=data)).arrays["image"]
    means = [made[is_bright.ravel() == wanted].mean() for wanted in (False, True)]
    assert means[1] - means[0] > 100


@pytest.mark.skipif("jitter" in Catalog().names, reason="a plugin called jitter is installed")
def test_jitter_is_what_new_plugin_writes(tmp_path):
    assert _files(write("jitter", folder=tmp_path)) == _files(EXAMPLES / "augment-jitter")


@pytest.mark.parametrize("plugin", MAX_LINES)
def test_it_takes_no_more_lines_than_its_page_says(plugin):
    text = (EXAMPLES / plugin / plugin.replace("-", "_") / "__init__.py").read_text(encoding="utf-8")
    documentation = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    assert len(set(lines) - documentation) < MAX_LINES[plugin]


@pytest.mark.slow
@pytest.mark.parametrize("place", [_marked(place) for place in PLUGINS])
def test_installed_it_passes_its_own_tests(place, wheel):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(place)]
    done = subprocess.run(command, cwd=place, env=wheel(place), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
