"""Which files a `path` means, and files that are compressed, unpacked within a limit."""

from __future__ import annotations

import bz2
import glob
import gzip
import lzma
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import Field

from augment.errors import DataError

__all__ = [
    "Files",
    "is_compressed",
    "is_pattern",
    "list_files",
    "listed",
    "naming",
    "plain_name",
    "unpacked",
    "unpacked_chunks",
]

CHUNK = 1 << 20  # bytes read at a time
MAX_UNPACKED = 8 * 10**9  # bytes of one file; a small file can unpack to any size
MANY = 3  # files that a message lists

Files = Path | Annotated[tuple[Path, ...], Field(min_length=1)]
"""The type of a setting that names one file or several, each possibly by a pattern such as `parts/*.csv`."""


def is_pattern(path: Path) -> bool:
    """Whether a path stands for all files that match it, as `*.csv` does, where no file has that very name."""
    return glob.has_magic(str(path)) and not path.exists()


def list_files(path: Path | Sequence[Path], endings: tuple[str, ...]) -> list[Path]:
    """The files that are meant, those of a pattern or folder in the order of their names; hidden files are left out.

    Args:
        path: a file, a pattern, a list of them; or a folder, where `/` is among the endings.
        endings: of the files in a folder, as `Source.endings`.

    Raises:
        DataError: nothing matches, or a file is named twice.
    """
    files: list[Path] = []
    for each in [path] if isinstance(path, Path) else path:
        if each.is_dir() and "/" in endings:
            matching = _in_folder(each, tuple(ending for ending in endings if ending != "/"))
        elif is_pattern(each):
            matching = [file for file in map(Path, sorted(glob.glob(str(each), recursive=True))) if file.is_file()]
            if not matching:
                raise DataError(f"{each}: no file matches this pattern; it is taken relative to the pipeline file")
        else:
            matching = [each]
        files += matching
    twice = {file for file in files if files.count(file) > 1} if len(files) < 1_000 else set()
    if twice or len(set(files)) < len(files):
        raise DataError(f"{min(twice, default=files[0])}: is named twice under `path`; name each file once")
    return files


def listed(files: Sequence[Path]) -> str:
    """What messages call some files: the path of one, the first and the number of several."""
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def is_compressed(path: Path) -> bool:
    """Whether a file's name says that it is compressed in a way that is understood."""
    return path.suffix.lower() in _OPENERS


def plain_name(path: Path) -> str:
    """The file's name without the ending of its compression: `data.csv` for `data.csv.gz`."""
    return path.stem if is_compressed(path) else path.name


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """A file that can be read as it is: the file itself, or, if it is compressed, a copy that is removed afterwards.

    A DataError that is raised meanwhile and names the copy comes out naming the file.

    Args:
        path: the file.
        folder: where the copy may lie: the scratch folder of a Context.

    Raises:
        DataError: the file is damaged, or unpacks to more than `MAX_UNPACKED` bytes.
    """
    if not is_compressed(path) or not path.is_file():
        yield path
        return
    place = Path(tempfile.mkdtemp(prefix="unpacked-", dir=folder))
    copy = place / plain_name(path)
    try:
        with naming(path, copy):
            with copy.open("wb") as file:
                for chunk in unpacked_chunks(path):
                    file.write(chunk)
            yield copy
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def naming(path: Path, copy: Path) -> Iterator[None]:
    """Inside, a DataError that names a copy of a file names the file itself."""
    try:
        yield
    except DataError as error:
        if str(copy) not in str(error):
            raise
        raise DataError(str(error).replace(str(copy), str(path))) from error


def unpacked_chunks(path: Path) -> Iterator[bytes]:
    """The content of a file, unpacked if it is compressed, a piece at a time.

    Raises:
        DataError: the file is damaged, or unpacks to more than `MAX_UNPACKED` bytes.
    """
    if not is_compressed(path):
        with path.open("rb") as plain:
            while chunk := plain.read(CHUNK):
                yield chunk
        return
    suffix, total = path.suffix.lower(), 0
    try:
        with _OPENERS[suffix](path) as packed:
            while chunk := packed.read(CHUNK):
                total += len(chunk)
                if total > MAX_UNPACKED:
                    raise DataError(
                        f"{path}: takes more than {MAX_UNPACKED / 1e9:g} GB unpacked; if the file is yours, unpack it "
                        "yourself and name what comes out"
                    )
                yield chunk
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:  # pyarrow's errors are among them
        raise DataError(
            f"{path}: is not a whole {suffix} file ({str(error)[:200]}); copy it again, or take the ending away if "
            "it is not compressed"
        ) from error


def _zstd(path: Path) -> IO[bytes]:
    import pyarrow as pa

    stream: IO[bytes] = pa.input_stream(str(path), compression="zstd")
    return stream


_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _zstd}


def _in_folder(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    matching = _matching(folder.iterdir(), endings) or _matching(folder.glob("*=*/**/*"), endings)  # year=2024/...
    if not matching:
        deeper = next((path for ending in endings for path in folder.rglob(f"*{ending}")), None)
        below = f"; there are some below, which `{folder / '**' / ('*' + endings[0])}` names" if deeper else ""
        raise DataError(f"{folder}: holds no file that ends in {' or '.join(endings)}{below}")
    parts = {match[1] for path in matching if (match := re.match(r"(.+)-\d+-of-\d+\.", path.name))}
    if len(parts) > 1:
        raise DataError(
            f"{folder}: holds the parts {', '.join(sorted(parts))}; name those of one, as in "
            f"`path: {folder / (max(parts) + '-*' + endings[0])}`"
        )
    return matching


def _matching(paths: Iterable[Path], endings: tuple[str, ...]) -> list[Path]:
    """The files among paths whose names have one of the endings, but for hidden ones, in the order of their names."""
    plain = (path for path in paths if path.is_file() and not path.name.startswith((".", "_")))
    return sorted(path for path in plain if plain_name(path).lower().endswith(endings))
