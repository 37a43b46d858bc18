"""Text files that people wrote: their encoding, and refusals that name the file, the line and the next step."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from augment.errors import DataError, did_you_mean
from augment.toolkit.data_files import unpacked_chunks

__all__ = ["check_file", "check_text", "decoded", "read_bytes", "tolerating_mark"]

SAVE = "save the table as a CSV file"
# the first bytes of files that are no text: what they are, and what to do
FORMATS = {
    b"\x1f\x8b": ("compressed with gzip", "let its name end in .csv.gz or the like, or unpack it"),
    b"BZh91AY&SY": ("compressed with bzip2", "let its name end in .csv.bz2 or the like, or unpack it"),
    b"\xfd7zXZ\0": ("compressed with xz", "let its name end in .csv.xz or the like, or unpack it"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "let its name end in .csv.zst or the like, or unpack it"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it"),
    b"PAR1": ("Parquet", "let its name end in .parquet"),
    b"ARROW1": ("an Arrow or Feather file", "save it as Parquet"),
    b"\x93NUMPY": ("an array of numpy", "save it with numpy.savez, as .npz"),
    b"SQLite format 3\0": ("an SQLite database", "export the table as a CSV file"),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an old Excel or other office file", SAVE),
    b"%PDF-": ("a PDF document", SAVE),
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", SAVE),
    b"\x89PNG\r\n": ("a PNG image", "name the folder of the images"),
    b"\xff\xd8\xff": ("a JPEG image", "name the folder of the images"),
}
CHUNK = 1 << 20  # bytes read at a time


def _known_encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(
            f"{name!r} is not an encoding that Python knows; try utf-8, latin-1, cp1252 or utf-16"
        ) from None
    return name


Encoding = Annotated[str, AfterValidator(_known_encoding)]
"""The type of a setting that names an encoding."""


def check_file(path: Path) -> None:
    """Refuse what is not a readable file with something in it.

    Raises:
        DataError: there is no such file, it is a folder, it is empty, or may not be read.
    """
    try:
        if path.is_dir():
            raise DataError(f"{path}: is a folder; give the path of one file in it")
        with path.open("rb") as file:
            if not file.read(1):
                raise DataError(f"{path}: the file is empty")
    except FileNotFoundError:
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        where = "" if siblings else f"; nor is there a folder {path.parent}"
        raise DataError(
            f"{path}: no such file{where}{did_you_mean(path.name, siblings)}; a path is taken relative to "
            "the pipeline file"
        ) from None
    except PermissionError:
        raise DataError(f"{path}: may not be read by this user; change its permissions, or copy it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def check_text(path: Path, encoding: str) -> int:
    """Refuse bytes of another encoding, and NUL characters, in a file of any size; returns its number of double quotes.

    Raises:
        DataError: with the line.
    """
    _refuse_other_formats(path)
    decoder = codecs.getincrementaldecoder(encoding)()
    position, num_quotes, num_lines = 0, 0, 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = num_lines + error.object[: error.start].count(b"\n")
                raise _wrong_byte(path, line, error, position - pending + error.start, encoding) from None
            if (place := text.find("\0")) >= 0:
                raise _nul(path, num_lines + text.count("\n", 0, place))
            if not chunk:
                return num_quotes
            num_quotes += text.count('"')
            num_lines += text.count("\n")
            position += len(chunk)


def read_bytes(path: Path) -> bytes:
    """The content of a file, unpacked if it is compressed; refused as by `check_file` and `unpacked_chunks`."""
    check_file(path)
    return b"".join(unpacked_chunks(path))


def decoded(content: bytes, encoding: str, path: Path, line: int = 1) -> str:
    """The text of some bytes that begin on this line of a file; a byte order mark is left out.

    Raises:
        DataError: the bytes are of another encoding, or hold a NUL character; with the line.
    """
    try:
        text = content.decode(tolerating_mark(encoding))
    except UnicodeDecodeError as error:
        raise _wrong_byte(path, line + error.object[: error.start].count(b"\n"), error, error.start, encoding) from None
    if (place := text.find("\0")) >= 0:
        raise _nul(path, line + text.count("\n", 0, place))
    return text


def tolerating_mark(encoding: str) -> str:
    """The encoding, for UTF-8 the one that leaves out a byte order mark."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _refuse_other_formats(path: Path) -> None:
    """Say what a file is whose first bytes are those of another format, before they are taken for a wrong encoding."""
    with path.open("rb") as file:
        head = file.read(512)
    if head[257:262] == b"ustar":
        raise DataError(f"{path}: is a tar archive, whatever its ending says; unpack it")
    if head.startswith(b"PK\x03\x04"):
        office = any(name in head for name in (b"[Content_Types].xml", b"_rels/", b"xl/", b"mimetype"))
        kind, remedy = ("an Excel or other office file", SAVE) if office else ("a zip archive", "unpack it")
        raise DataError(f"{path}: is {kind}, whatever its ending says; {remedy}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html")):
        raise DataError(f"{path}: is a web page, perhaps a login or a server's error message; download the file again")
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise DataError(f"{path}: is a pointer of Git LFS to the data, not the data; run `git lfs pull`")
    for mark, (kind, remedy) in FORMATS.items():
        if head.startswith(mark):
            raise DataError(f"{path}: is {kind}, whatever its ending says; {remedy}")


def _wrong_byte(path: Path, line: int, error: UnicodeDecodeError, offset: int, encoding: str) -> DataError:
    return DataError(
        f"{path}, line {line}: byte {error.object[error.start]:#04x} at offset {offset} is not {encoding}; name the "
        "file's encoding, such as `encoding: cp1252`, `latin-1` or `utf-16`, or save the file as UTF-8"
    )


def _nul(path: Path, line: int) -> DataError:
    return DataError(
        f"{path}, line {line}: a NUL character, which no text has; the file is damaged, binary, or of another "
        "encoding, such as `encoding: utf-16-le`"
    )
