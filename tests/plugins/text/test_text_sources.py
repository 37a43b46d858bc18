from __future__ import annotations

import pytest

from augment.errors import DataError
from augment.plugin.context import Context
from augment_text.sources import TextFile, TextFolder


def read(source, tmp_path, **settings):
    return source(source.Params(**settings)).read(Context(seed=1, folder=tmp_path))


@pytest.fixture
def written(tmp_path):
    def write(content, name="texts.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_each_line_is_a_text_and_blank_ones_are_none(written, tmp_path):
    data = read(TextFile, tmp_path, path=written("\ufeffone line\r\n\r\n  \nanother\u2028line\n"))
    assert data.frame["text"].tolist() == ["one line", "another\u2028line"]
    assert data.schema.modality == "text"


def test_a_line_may_begin_with_its_label(written, tmp_path):
    data = read(TextFile, tmp_path, path=written("0 What is it ?\n1 Who was it ?\n0 Why ?\n"), by="label-line")
    assert data.frame["text"].tolist() == ["What is it ?", "Who was it ?", "Why ?"]
    assert data.schema.target == "label"
    assert data.frame["label"].tolist() == ["0", "1", "0"]
    assert data.schema.modality == "text"


def test_a_label_without_a_text_is_named_with_its_line(written, tmp_path):
    with pytest.raises(DataError, match=r"line 3: one word, 'alone'; expected a label and a text"):
        read(TextFile, tmp_path, path=written("a text\n\nalone\n"), by="label-line")


def test_blocks_hold_the_whole_text(written, tmp_path):
    text = "To be, or not to be.\n" * 9
    texts = read(TextFile, tmp_path, path=written(text), by="block", length=50).frame["text"].tolist()
    assert "".join(texts) == text
    assert {len(part) for part in texts[:-1]} == {50}


def test_a_declared_encoding_is_used(written, tmp_path):
    path = written("caf\u00e9\n".encode("latin-1"))
    assert read(TextFile, tmp_path, path=path, encoding="latin-1").frame["text"].tolist() == ["caf\u00e9"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\ncaf\xe9\n", r"line 2: byte 0xe9 at offset 8 is not utf-8; name the file's encoding"),
        (b"good\nb\0d\n", r"line 2: a NUL character, which no text has"),
        (b" \n\t\n", r"holds no text but white space"),
        (b"", r"the file is empty"),
    ],
)
def test_files_that_hold_no_text_are_refused_in_words(written, tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read(TextFile, tmp_path, path=written(content))


def test_a_missing_file_is_named_with_one_like_it(written, tmp_path):
    written("text")
    with pytest.raises(DataError, match=r"no such file; did you mean 'texts.txt'"):
        read(TextFile, tmp_path, path=tmp_path / "text.txt")


def test_a_folder_a_class(written, tmp_path):
    for name in ("spam/2.txt", "spam/1.txt", "ham/1.txt", "ham/.hidden.txt", "ham/readme.md"):
        written(f"text of\n{name}", f"all/{name}")
    frame = read(TextFolder, tmp_path, path=tmp_path / "all").frame
    assert frame["label"].tolist() == ["ham", "spam", "spam"]
    assert frame["text"].tolist() == ["text of\nham/1.txt", "text of\nspam/1.txt", "text of\nspam/2.txt"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", r"no such folder; a folder with a folder for each class is expected"),
        ("file.txt", r"is a file"),
        ("empty", r"holds no folders"),
        ("other", r"no file in a matches '\*.txt'; set `pattern:`"),
    ],
)
def test_folders_without_texts_are_refused_in_words(written, tmp_path, place, message):
    written("x", "file.txt")
    (tmp_path / "empty").mkdir()
    written("x", "other/a/1.md")
    with pytest.raises(DataError, match=message):
        read(TextFolder, tmp_path, path=tmp_path / place)


def test_labels_as_fasttext_has_them_are_found(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("__label__pos a good film\n\n__label__neg a bad one\n")
    assert TextFile.settings_for(path) == {"by": "label-line"}
    path.write_text("__label__pos a good film\na bad one\n")
    assert TextFile.settings_for(path) == {}
