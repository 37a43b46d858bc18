from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slowly import slowly

from augment.storage import hashes as content_hashes
from augment.storage.hashes import content_key, file_sha256, library_versions, platform_class, source_hash

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(content=st.dictionaries(st.text(), JSON, max_size=4))
def test_the_order_of_a_mapping_does_not_change_its_key(content):
    assert content_key(content) == content_key(dict(reversed(content.items())))


@pytest.mark.parametrize("other", [{"a": 2}, {"b": 1}, {"a": "1"}, {"a": [1]}, {"a": 1, "b": None}, [["a", 1]]])
def test_other_content_has_another_key(other):
    assert content_key(other) != content_key({"a": 1})


def test_the_order_of_a_list_does_change_its_key():
    assert content_key([1, 2]) != content_key([2, 1])


def test_what_json_cannot_hold_has_no_key():
    with pytest.raises(ValueError, match="JSON compliant"):
        content_key({"a": float("nan")})


def test_a_files_hash_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"some bytes")
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"some bytes").hexdigest()


def test_versions_name_python_and_the_libraries_that_are_there():
    versions = library_versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"augment-pipeline", "numpy", "torch"} <= set(versions)


def test_the_kind_of_machine_holds_no_name_of_it():
    system, _, machine = platform_class().partition("-")
    assert system
    assert machine


# sources


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Writes files into a folder on the path and gives the hash of a module found there."""
    monkeypatch.syspath_prepend(tmp_path)
    source_hash.cache_clear()

    def hashed(files: dict[str, str], module: str) -> str:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        source_hash.cache_clear()
        return source_hash(module)

    yield hashed
    source_hash.cache_clear()


PACKAGE = {"hashed_package/__init__.py": "", "hashed_package/deep/part.py": "x = 1\n"}


def test_a_change_anywhere_in_a_package_changes_its_hash(sources):
    before = sources(PACKAGE, "hashed_package")
    assert sources({"hashed_package/deep/part.py": "x = 2\n"}, "hashed_package") != before
    assert sources(PACKAGE, "hashed_package") == before


def test_a_renamed_file_changes_the_hash(sources, tmp_path):
    before = sources(PACKAGE, "hashed_package")
    (tmp_path / "hashed_package/deep/part.py").rename(tmp_path / "hashed_package/deep/other.py")
    assert sources({}, "hashed_package") != before


def test_a_submodule_has_the_hash_of_its_whole_package(sources):
    assert sources(PACKAGE, "hashed_package.deep") == sources({}, "hashed_package")


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Gives the modules whose hash a line more in a file of `augment` changes."""
    monkeypatch.setattr(content_hashes, "AUGMENT", Path(shutil.copytree(content_hashes.AUGMENT, tmp_path / "augment")))

    def forget():
        for cached in (source_hash, content_hashes._imported, content_hashes._module_file):
            cached.cache_clear()

    def hashes():
        forget()
        return {module: source_hash(module) for module in ("augment_smote", "augment_rnn", "augment.runner.run")}

    def changed(file):
        before = hashes()
        path = tmp_path / "augment" / file
        path.write_text(path.read_text() + "\n# a line more\n")
        return {module for module, digest in hashes().items() if digest != before[module]}

    yield changed
    forget()


EVERYBODY = {"augment_smote", "augment_rnn", "augment.runner.run"}


@pytest.mark.parametrize(
    ("file", "concerned"),
    [
        ("data/schema.py", EVERYBODY),
        ("toolkit/tables/matrix.py", {"augment_smote"}),
        ("toolkit/training.py", {"augment_rnn"}),
        ("statistics/verdict.py", {"augment.runner.run"}),
        ("cli/summaries.py", set()),
        *slowly([("plugin/state.py", EVERYBODY), ("processor.py", {"augment_rnn", "augment.runner.run"})]),
        *slowly([("runner/generate.py", {"augment.runner.run"}), ("cli/commands/cache.py", set())]),
        *slowly((file, set()) for file in ("onboarding/choose_target.py", "testing/kit.py", "__init__.py")),
    ],
)
def test_an_edit_changes_the_keys_of_what_it_may_decide_and_no_other(edited, file, concerned):
    assert edited(file) == concerned


def test_compiled_files_do_not_count(sources):
    before = sources(PACKAGE, "hashed_package")
    assert sources({"hashed_package/__pycache__/part.pyc": "compiled"}, "hashed_package") == before


def test_a_module_of_one_file_is_hashed_without_its_neighbours(sources):
    before = sources({"hashed_module.py": "x = 1\n"}, "hashed_module")
    assert sources({"hashed_neighbour.py": "y = 1\n"}, "hashed_module") == before
    assert sources({"hashed_module.py": "x = 2\n"}, "hashed_module") != before


def test_a_package_without_init_is_hashed_too(sources):
    before = sources({"hashed_namespace/part.py": "x = 1\n"}, "hashed_namespace.part")
    assert sources({"hashed_namespace/part.py": "x = 2\n"}, "hashed_namespace.part") != before
