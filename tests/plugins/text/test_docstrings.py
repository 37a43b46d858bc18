from __future__ import annotations

import sys

import pytest

from augment.errors import DataError
from augment.plugin.context import Context
from augment_text.docstrings import Docstrings


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two packages that must not be run."""
    for name, said in (("shouting", "Shout"), ("whispering", "Whisper")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("raise SystemExit\n")
        functions = [f'def f{n}():\n    """{said} {"very " * n}much.\n\n    More.\n    """\n' for n in range(1, 11)]
        (folder / "a.py").write_text("\n".join(functions))
        (folder / "b.py").write_text('def same():\n    """The same sentence everywhere."""\n')
        (folder / "broken.py").write_text("def (:\n")
    (tmp_path / "silent").mkdir()
    (tmp_path / "silent" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)


def read(folder, **packages):
    source = Docstrings(Docstrings.Params(packages=packages))
    return source.read(Context(seed=1, folder=folder)).frame.astype("object")


def test_first_lines_are_read_without_running_anything(packages, tmp_path):
    frame = read(tmp_path, shouting=100)
    assert len(frame) == 11
    assert frame["text"].iloc[0] == "Shout very much."


def test_so_many_are_taken_as_asked_for_and_none_twice(packages, tmp_path):
    frame = read(tmp_path, shouting=5, whispering=100)
    assert frame["package"].value_counts().to_dict() == {"whispering": 10, "shouting": 5}
    assert frame["text"].is_unique


@pytest.mark.parametrize("name", ["no_such_package", "not a name", "shouting.a"])
def test_packages_that_are_not_there_are_refused(packages, tmp_path, name):
    with pytest.raises(DataError, match=rf"package '{name}' is not installed here"):
        read(tmp_path, **{name: 5})


def test_pythons_main_module_is_no_package(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)  # as in a command
    with pytest.raises(DataError, match="package '__main__' is not installed here"):
        read(tmp_path, __main__=5)


def test_packages_that_say_nothing_are_refused(packages, tmp_path):
    with pytest.raises(DataError, match=r"package 'silent': none of its files has a docstring"):
        read(tmp_path, silent=5)
