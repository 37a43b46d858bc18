from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augment.errors import SpecError
from augment.spec.document import MAX_BYTES, Document, from_mapping, read
from augment.spec.yaml_reader import parse


@pytest.fixture
def written(tmp_path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "p.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def message_of(path):
    with pytest.raises(SpecError) as caught:
        read(path, path.name)
    return str(caught.value)


def test_a_problem_is_placed_at_the_nearest_part_that_was_written():
    tree, places, _ = parse("x: 1\na:\n  - b: 1\n", "p.yaml")
    document = Document(tree, "p.yaml", "", places)
    assert str(document.problem(("a", 0, "with", "path"), "missing")) == "p.yaml:3: a.0.with.path: missing"
    assert str(document.problem(("new",), "missing")) == "p.yaml: new: missing"


def test_an_empty_file_is_refused(written):
    assert message_of(written("# nothing\n")).startswith("p.yaml: the file is empty")


def test_a_list_at_the_top_is_refused(written):
    assert message_of(written("- a\n")).startswith("p.yaml:1: the file holds a list")


def test_a_binary_file_is_refused(written):
    assert "binary" in message_of(written(b"PK\x03\x04\x00\x00"))


def test_a_file_in_utf16_is_refused(written):
    assert "UTF-16" in message_of(written("a: 1".encode("utf-16")))


def test_bytes_that_are_not_utf8_are_named_with_offset_and_line(written):
    assert message_of(written(b"a: 1\nb: caf\xe9\n")).startswith("p.yaml:2: byte 11 (0xe9) is not UTF-8")


def test_a_byte_order_mark_and_windows_line_ends_are_fine(written):
    assert read(written(b"\xef\xbb\xbfa: 1\r\nb: x\r\n")).tree == {"a": 1, "b": "x"}


def test_a_large_file_is_refused(written):
    assert "larger than" in message_of(written(b"#" * (MAX_BYTES + 1)))


def test_a_missing_file_is_reported_with_its_likely_name(written):
    path = written("a: 1")
    assert "did you mean 'p.yaml'?" in message_of(path.with_name("p.yml"))


def test_a_folder_is_no_pipeline(tmp_path):
    assert "this is a folder" in message_of(tmp_path)


def test_python_values_become_plain():
    made = from_mapping({"a": (np.int64(3), np.float32(0.5)), "p": Path("x") / "y", 1: {"deep": True}})
    assert made.tree == {"a": [3, 0.5], "p": str(Path("x") / "y"), "1": {"deep": True}}
    assert type(made.tree["a"][0]) is int


def test_python_values_that_yaml_cannot_hold_are_all_named():
    with pytest.raises(SpecError) as caught:
        from_mapping({"a": object(), "b": [float("nan")], "c": "\0"})
    assert [problem.where for problem in caught.value.problems] == ["a", "b.0", "c"]


def test_a_mapping_that_holds_itself_is_refused():
    endless: dict = {}
    endless["a"] = endless
    with pytest.raises(SpecError, match="nested deeper"):
        from_mapping(endless)
