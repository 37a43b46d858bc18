from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from augment.errors import DataError
from augment.toolkit import data_files
from augment.toolkit.data_files import list_files, plain_name, unpacked
from augment.toolkit.text_files import read_bytes


def _zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zstd,
}


@pytest.mark.parametrize("ending", PACK)
def test_a_compressed_file_is_unpacked_and_its_copy_removed(ending: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    content = b"x,y\n1,2\n"
    path = tmp_path / f"data.csv{ending}"
    path.write_bytes(PACK[ending](content) + PACK[ending](content))  # tools that compress in parallel write several
    assert plain_name(path) == "data.csv"
    with unpacked(path, scratch) as plain:
        assert plain.name == "data.csv"
        assert plain.read_bytes() == 2 * content
    assert list(scratch.iterdir()) == []
    assert read_bytes(path) == 2 * content


def test_a_file_that_is_not_compressed_is_read_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x")
    with unpacked(tmp_path / "data.csv", tmp_path) as plain:
        assert plain == tmp_path / "data.csv"


@pytest.mark.parametrize("ending", PACK)
def test_a_file_that_is_cut_short_or_not_compressed_is_refused(ending: str, tmp_path: Path) -> None:
    packed = PACK[ending](bytes(range(256)) * 50)
    path = tmp_path / f"data.csv{ending}"
    for content in (packed[: len(packed) // 2], b"x,y\n1,2\n"):
        path.write_bytes(content)
        with (
            pytest.raises(DataError, match=rf"data\.csv\{ending}: is not a whole \{ending} file"),
            unpacked(path, tmp_path),
        ):
            pass
        with pytest.raises(DataError, match="is not a whole"):
            read_bytes(path)


@pytest.mark.parametrize("ending", PACK)
def test_a_bomb_is_refused_before_it_fills_the_disk(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "MAX_UNPACKED", 3_000_000)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = tmp_path / f"bomb.csv{ending}"
    path.write_bytes(PACK[ending](bytes(50_000_000)))
    assert path.stat().st_size < 100_000
    message = r"more than 0\.003 GB unpacked; if the file is yours, unpack it"
    with pytest.raises(DataError, match=message), unpacked(path, scratch):
        pass
    assert list(scratch.iterdir()) == []
    with pytest.raises(DataError, match="unpacked"):
        read_bytes(path)


def test_a_refusal_of_the_copy_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"x"))
    with pytest.raises(DataError) as error, unpacked(path, tmp_path) as plain:
        raise DataError(f"{plain}, line 3: wrong; {plain} is")
    assert str(error.value) == f"{path}, line 3: wrong; {path} is"


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_patterns_lists_and_folders_name_files_in_order(tmp_path: Path) -> None:
    _touch(tmp_path, "b.csv", "a.csv", ".hidden.csv", "c.txt", "deep/d.csv", "f/2.parquet", "f/1.parquet.gz", "f/_done")

    def names(path: Path | list[Path], *endings: str) -> list[str]:
        return [file.relative_to(tmp_path).as_posix() for file in list_files(path, endings)]

    assert names(tmp_path / "*.csv") == ["a.csv", "b.csv"]
    assert names(tmp_path / "**/*.csv") == ["a.csv", "b.csv", "deep/d.csv"]
    assert names([tmp_path / "c.txt", tmp_path / "?.csv"]) == ["c.txt", "a.csv", "b.csv"]
    assert names(tmp_path / "f", ".parquet", "/") == ["f/1.parquet.gz", "f/2.parquet"]


def test_a_file_that_looks_like_a_pattern_is_itself(tmp_path: Path) -> None:
    _touch(tmp_path, "data [1].csv", "data 1.csv")
    assert list_files(tmp_path / "data [1].csv", ()) == [tmp_path / "data [1].csv"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("*.tsv", r"\*\.tsv: no file matches this pattern"),
        ("deep", r"deep: holds no file that ends in \.parquet; there are some below, which `.*deep/\*\*/\*\.parquet`"),
        ("splits", r"holds the parts test, train; name those of one, as in `path: .*splits/train-\*\.parquet`"),
    ],
)
def test_what_names_no_file_or_too_much_is_refused(path: str, message: str, tmp_path: Path) -> None:
    _touch(tmp_path, "deep/er/1.parquet")
    _touch(
        tmp_path / "splits",
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "test-00000-of-00001.parquet",
    )
    with pytest.raises(DataError, match=message):
        list_files(tmp_path / path, (".parquet", "/"))


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    _touch(tmp_path, "a.csv", "b.csv")
    with pytest.raises(DataError, match=r"a\.csv: is named twice"):
        list_files([tmp_path / "a.csv", tmp_path / "*.csv"], ())
