"""The sinks `text` and `text-folder`: texts alone, or in folders of their classes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from augment import plugin
from augment.data import Dataset, Schema, as_labels
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment.toolkit.text_files import Encoding

MAX_NAME = 255  # bytes of a folder's name, in most file systems


class TextSink(Sink):
    """Writes `train.txt` and `test.txt`: a text a line; its label is written before it with `by: label-line` alone.

    The files do not say which rows are synthetic.
    """

    name = "text"
    accepts = Accepts(modalities=frozenset({"text"}))
    endings = (".txt",)
    holds_origin = False

    class Params(plugin.SinkParams):
        """What a line is."""

        encoding: Encoding = "utf-8"
        """How characters are stored."""
        by: Literal["line", "label-line", "block"] = "line"
        """What a text is: a `line`; a line whose first word is its label (`label-line`); or a `block`, with nothing
        between it and the next."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.txt`.

        Raises:
            DataError: a text has no line of its own, a label is not one word, or a character is not in the encoding.
        """
        by = self.params.by
        if by == "label-line" and schema.task != "classes":
            raise DataError("sink text: `by: label-line` writes the label of each text, and the target has no classes")
        path = folder / f"{name}.txt"
        with path.open("wb") as file:
            for row, (text, label) in enumerate(_texts(batches, schema), start=1):
                if by != "block" and ("\n" in text or not text.strip()):
                    what = "has several lines" if text.strip() else "is blank"
                    raise DataError(f"sink text: the text of {name} row {row} {what}; use json-lines, csv or parquet")
                if by == "label-line" and (label is None or len(label.split()) != 1):
                    raise DataError(f"sink text: the label {label!r} is not one word; use json-lines, csv or parquet")
                start, end = (f"{label} " if by == "label-line" else ""), ("" if by == "block" else "\n")
                file.write(_encoded(f"{start}{text}{end}", self.params.encoding, self.name))
        return [path]


class TextFolderSink(Sink):
    """Writes `train/<class>/<number>.txt` and `test/<class>/<number>.txt`: a file for each text.

    Numbers count the rows from 0. The files hold the texts alone, and not which rows are synthetic.
    """

    name = "text-folder"
    accepts = Accepts(modalities=frozenset({"text"}), targets=frozenset({"classes"}))
    endings = ("/",)
    holds_origin = False

    class Params(plugin.SinkParams):
        """How characters are stored."""

        encoding: Encoding = "utf-8"
        """How characters are stored."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write a folder for each class.

        Raises:
            DataError: a label cannot be the name of a folder, or a character is not in the encoding.
        """
        top = folder / name
        top.mkdir(parents=True, exist_ok=True)
        made: set[str] = set()
        for row, (text, label) in enumerate(_texts(batches, schema)):
            if label not in made:
                made.add(_folder_name(label, made))
                (top / str(label)).mkdir()
            content = _encoded(text, self.params.encoding, self.name)
            (top / str(label) / f"{row:08d}.txt").write_bytes(content)
        return [top]


def _texts(batches: Iterable[Dataset], schema: Schema) -> Iterator[tuple[str, str | None]]:
    """Each text and its label; a missing text is empty."""
    for batch in batches:
        labels = as_labels(batch.frame[schema.target]).tolist() if schema.target is not None else [None] * len(batch)
        yield from zip(batch.texts(), labels, strict=True)


def _folder_name(label: str | None, others: Iterable[str]) -> str:
    """The label, if it can be the name of a folder beside those of the others, on every system."""
    what = None
    if label is None:
        what = "a text has no label, and"
    elif not label.strip() or label[0] in ". " or label[-1] in ". " or any(sign in label for sign in '/\\:*?"<>|'):
        what = f"the label {label!r}"
    elif not label.isprintable() or len(label.encode()) > MAX_NAME:
        what = f"the label {label[:40]!r}"
    elif label.casefold() in {other.casefold() for other in others}:
        what = f"the label {label!r}, which differs from another in case alone,"
    if what is not None or label is None:
        raise DataError(f"sink text-folder: {what} cannot be the name of a folder; use json-lines, csv or parquet")
    return label


def _encoded(text: str, encoding: str, sink: str) -> bytes:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as error:
        raise DataError(
            f"sink {sink}: {text[error.start : error.start + 1]!r} cannot be written in {encoding}; set "
            "`encoding: utf-8` in the sink"
        ) from None
