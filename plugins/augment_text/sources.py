"""The sources `text` and `text-folder`: plain text files, without any columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment.plugin import Context, Source
from augment.toolkit.text_files import Encoding, decoded, read_bytes


class TextFile(Source):
    """Reads one plain text file: a text a line, or pieces of equal length.

    Blank lines are left out. The columns are `text`, and `label` where lines begin with one.
    """

    name = "text"
    yields = frozenset({"text"})
    endings = (".txt",)
    reads_only_paths = True

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

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any]:
        """`by: label-line` where every line begins as fastText has its labels."""
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines() if path.is_file() else []
        labelled = [line.startswith(b"__label__") for line in lines if line.strip()]
        return {"by": "label-line"} if labelled and all(labelled) else {}

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
        columns: dict[str, list[str]] = {"text": [], "label": []}
        for number, line in lines:
            label, *rest = line.split(maxsplit=1)
            if not rest:
                raise DataError(f"{path}, line {number}: one word, {label!r}; expected a label and a text")
            columns["label"].append(label)
            columns["text"] += rest
        return _dataset(columns, context, path)


class TextFolder(Source):
    """Reads a folder with a folder for each class, and in it a file for each text.

    The columns are `text` and `label`; texts come in the order of their paths. Hidden files are left out.
    """

    name = "text-folder"
    yields = frozenset({"text"})
    endings = ("/",)
    reads_only_paths = True

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
    return decoded(read_bytes(path), encoding, path).replace("\r\n", "\n")


def _dataset(columns: dict[str, list[str]], context: Context, path: Path) -> Dataset:
    if not any(text.strip() for text in columns["text"]):
        raise DataError(f"{path}: holds no text but white space; at least one text was expected")
    said = context.declared
    target = said.target or ("label" if "label" in columns else None)
    declared = SchemaDeclaration(target=target, payload=said.payload or "text", columns=said.columns)
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in columns.items()})
    return Dataset.of(frame, {}, infer(frame, {}, declared))
