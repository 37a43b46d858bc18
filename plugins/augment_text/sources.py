"""The sources `text` and `text-folder`: plain text files, without any columns."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import AfterValidator, Field

from augment import plugin
from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError, did_you_mean
from augment.plugin import Context, Source


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"{name!r} is no encoding that Python knows; try utf-8, latin-1, cp1252 or utf-16") from None
    return name


Encoding = Annotated[str, AfterValidator(_known_encoding)]


class TextFile(Source):
    """Reads one plain text file: a text a line, or pieces of equal length.

    Blank lines are left out. The columns are `text`, and `label` where lines begin with one.
    """

    name = "text"
    yields = frozenset({"text"})
    endings = (".txt",)

    class Params(plugin.Params):
        path: Path
        """The file to read."""
        encoding: Encoding = "utf-8"
        """How characters are stored; a byte order mark is accepted."""
        by: Literal["line", "label-line", "block"] = "line"
        """What a text is: a `line`; a line whose first word is its label (`label-line`); or a `block` of `length`
        characters, for one long text."""
        length: int = Field(1_000, ge=1)
        """Characters of a block. The last one may be shorter."""

    def read(self, context: Context) -> Dataset:
        path = self.params.path
        text = _read(path, self.params.encoding)
        if self.params.by == "block":
            length = self.params.length
            texts = [text[start : start + length] for start in range(0, len(text), length)]
            return _dataset({"text": texts}, context, path)
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        if self.params.by == "line":
            return _dataset({"text": [line for _, line in lines]}, context, path)
        pairs = [(number, *line.split(maxsplit=1)) for number, line in lines]
        for pair in pairs:
            if len(pair) != 3:
                raise DataError(
                    f"{path}, line {pair[0]}: holds one word, {pair[1]!r}; a label and a text were expected"
                )
        return _dataset({"text": [pair[2] for pair in pairs], "label": [pair[1] for pair in pairs]}, context, path)


class TextFolder(Source):
    """Reads a folder with a folder for each class, and in it a file for each text.

    The columns are `text` and `label`; texts come in the order of their paths. Hidden files are left out.
    """

    name = "text-folder"
    yields = frozenset({"text"})
    endings = ("/",)

    class Params(plugin.Params):
        path: Path
        """The folder to read."""
        pattern: str = "*.txt"
        """Which files of a class's folder are texts."""
        encoding: Encoding = "utf-8"
        """How characters are stored; a byte order mark is accepted."""

    @classmethod
    def sniff(cls, path: Path, head: bytes) -> float | None:
        """Sure where most files in the folders below are texts; beside images lie notes, or boxes to each of them."""
        endings = [file.suffix.lower() for file in path.glob("*/*") if file.is_file() and file.name[0] != "."]
        return 0.8 if 2 * endings.count(".txt") > len(endings) else None

    def read(self, context: Context) -> Dataset:
        path = self.params.path
        if not path.is_dir():
            what = "is a file" if path.exists() else "no such folder"
            raise DataError(f"{path}: {what}; a folder with a folder for each class is expected")
        folders = sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != ".")
        if not folders:
            raise DataError(f"{path}: holds no folders; one for each class, with its texts in it, is expected")
        files = [file for folder in folders for file in sorted(folder.glob(self.params.pattern)) if file.name[0] != "."]
        if not files:
            raise DataError(
                f"{path}: no file in {', '.join(folder.name for folder in folders[:5])} matches "
                f"{self.params.pattern!r}; set `pattern:` to the files' names"
            )
        texts = [_read(file, self.params.encoding) for file in files]
        return _dataset({"text": texts, "label": [file.parent.name for file in files]}, context, path)


def _read(path: Path, encoding: str) -> str:
    """The text of a file, line ends as `\\n`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataError(f"{path}: no such file{did_you_mean(path.name, siblings)}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: byte {content[error.start]:#04x} at offset {error.start} is not {encoding}; name "
            f"the file's encoding, such as `encoding: cp1252`, `latin-1` or `utf-16`"
        ) from None
    if (place := text.find("\0")) >= 0:
        raise DataError(
            f"{path}, line {text.count(chr(10), 0, place) + 1}: a NUL character, which no text has; the file is "
            "damaged, binary, or of another encoding, such as `encoding: utf-16-le`"
        )
    return text.replace("\r\n", "\n")


def _dataset(columns: dict[str, list[str]], context: Context, path: Path) -> Dataset:
    if not any(text.strip() for text in columns["text"]):
        raise DataError(f"{path}: holds no text but white space; at least one text was expected")
    said = context.declared
    target = said.target or ("label" if "label" in columns else None)
    declared = SchemaDeclaration(target=target, payload=said.payload or "text", columns=said.columns)
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})
    return Dataset.of(frame, {}, infer(frame, {}, declared))
