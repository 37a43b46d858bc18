"""Picture files that are damaged, or made to do harm: decoded whole or refused in words; memory is bounded."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from augment.errors import DataError
from augment.plugin.context import Context
from augment_images.source import ImageFolderSource
from augment_tables.parquet_source import ParquetSource


def picture(ending: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=ending, **options)
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of a few kilobytes that is 12,000 pixels high and wide, every one of them there."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    packer = zlib.compressobj(9)
    row = bytes(1 + 12_000)
    rows = b"".join(packer.compress(row) for _ in range(12_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


MEASURED = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import numpy as np
import test_hostile_images as images
from augment_images.decoding import BadImageError, decode, pixel_limit
from memory import peak_megabytes
from mutations import mutated_bytes

folder = Path(sys.argv[2])
good = [images.picture(ending) for ending in ("PNG", "PNG", "PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")]
with pixel_limit(1_000_000):
    for blob in good:  # what decoders need once
        (folder / "x.png").write_bytes(blob)
        decode(folder / "x.png", "auto", None)
    before = peak_megabytes()
    num_read = 0
    for seed in range(int(sys.argv[3])):
        (folder / "x.png").write_bytes(mutated_bytes(good[seed % len(good)], np.random.default_rng(seed), most=2))
        try:
            found = decode(folder / "x.png", "auto", None)
        except BadImageError as error:
            assert len(str(error)) < 300, str(error)
        else:
            assert found.pixels.ndim == 3 and found.pixels.dtype == np.uint8
            num_read += 1
print(num_read, peak_megabytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures a process as Linux does")
@pytest.mark.parametrize("count", [80, pytest.param(2400, marks=pytest.mark.slow)])
def test_mutated_pictures_are_decoded_or_refused_in_words_and_in_bounded_memory(count, tmp_path):
    command = [sys.executable, "-W", "error", "-c", MEASURED, str(Path(__file__).parent), str(tmp_path), str(count)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    num_read, megabytes = map(int, done.stdout.split())
    assert count / 16 < num_read < 5 / 8 * count
    assert megabytes < 200


def test_a_small_file_of_144_million_pixels_is_refused_before_it_is_decoded(tmp_path):
    (tmp_path / "images" / "a").mkdir(parents=True)
    (tmp_path / "images" / "a" / "1.png").write_bytes(bomb())
    assert (tmp_path / "images" / "a" / "1.png").stat().st_size < 200_000
    with pytest.raises(DataError, match="144000000 pixels"):
        ImageFolderSource(ImageFolderSource.Params(path=tmp_path / "images")).read(Context(0, tmp_path))
    table = pa.table({"image": [{"bytes": bomb(), "path": "1.png"}], "label": ["a"]})
    pq.write_table(table, tmp_path / "data.parquet")
    with pytest.raises(DataError, match="144000000 pixels"):
        ParquetSource(ParquetSource.Params(path=tmp_path / "data.parquet")).read(Context(0, tmp_path))


@pytest.mark.parametrize(
    "blob", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", picture("PNG")[:200], b"\x89PNG\r\n\x1a\n"]
)
def test_a_broken_picture_inside_a_parquet_file_is_named_with_its_row(blob, tmp_path):
    images = [{"bytes": picture("PNG"), "path": "1"}, {"bytes": blob, "path": "2"}]
    pq.write_table(pa.table({"image": images, "label": ["a", "b"]}), tmp_path / "data.parquet")
    with pytest.raises(DataError, match="column 'image', data row 2 cannot be read as an image"):
        ParquetSource(ParquetSource.Params(path=tmp_path / "data.parquet")).read(Context(0, tmp_path))


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
def test_an_archive_is_no_folder_of_images_and_is_not_unpacked(ending, tmp_path):
    path = tmp_path / f"images.{ending}"
    path.write_bytes(b"PK\x03\x04" + b"../../a/1.png" * 10)
    with pytest.raises(DataError, match="must name the folder"):
        ImageFolderSource(ImageFolderSource.Params(path=path)).read(Context(0, tmp_path))
    assert list(tmp_path.iterdir()) == [path]
