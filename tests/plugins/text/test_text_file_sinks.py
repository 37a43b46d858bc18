"""Texts that are written as plain files."""

from __future__ import annotations

import pandas as pd
import pytest

from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment_text.sinks import TextFolderSink, TextSink


def write(sink, folder, texts, labels=None, **settings):
    columns = {"text": texts} if labels is None else {"text": texts, "label": labels}
    frame = pd.DataFrame(columns)
    target = None if labels is None else "label"
    declared = SchemaDeclaration(target=target, payload="text")
    data = Dataset.of(frame, {}, infer(frame, {}, declared))
    (path,) = sink(sink.Params(**settings)).write("train", data.batches(1), data.schema, folder)
    return path


def test_blocks_have_nothing_between_them(tmp_path):
    assert write(TextSink, tmp_path, ["one\n", "two"], by="block").read_text() == "one\ntwo"


@pytest.mark.parametrize(
    ("texts", "labels", "settings", "message"),
    [
        (["a", "two\nlines"], None, {}, "train row 2 has several lines"),
        (["a", " "], None, {}, "train row 2 is blank"),
        (["a"], None, {"by": "label-line"}, "the target has no classes"),
        (["a", "b"], ["x", "two words"], {"by": "label-line"}, "'two words' is not one word"),
        (["a", "ü"], None, {"encoding": "ascii"}, "'ü' cannot be written in ascii"),
    ],
)
def test_what_no_line_can_hold_is_refused(tmp_path, texts, labels, settings, message):
    with pytest.raises(DataError, match=message):
        write(TextSink, tmp_path, texts, labels, **settings)


@pytest.mark.parametrize("label", ["../up", ".hidden", "", "a/b", "end.", "x" * 300, None, "A"])
def test_labels_that_cannot_be_folders_are_refused(tmp_path, label):
    with pytest.raises(DataError, match="cannot be the name of a folder"):
        write(TextFolderSink, tmp_path / "out", ["one", "two"], ["a", label])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
