import gzip
import struct

import numpy as np
import pytest

from augment.errors import DataError
from augment.plugin.context import Context
from augment_images.idx import IdxSource

IMAGES = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
LABELS = np.array([0, 1, 2, 1, 0], np.uint8)


def _idx(values, kind=8):
    return struct.pack(f">2xBB{values.ndim}I", kind, values.ndim, *values.shape) + values.tobytes()


def _folder(path, images=None, labels=None, stem="train"):
    (path / f"{stem}-images-idx3-ubyte").write_bytes(_idx(IMAGES) if images is None else images)
    (path / f"{stem}-labels-idx1-ubyte").write_bytes(_idx(LABELS) if labels is None else labels)
    return path


def _read(path, **params):
    return IdxSource(IdxSource.Params(path=path, **params)).read(Context(seed=0, folder=path))


def test_images_and_labels_come_as_they_stand_in_the_files(tmp_path):
    data = _read(_folder(tmp_path))
    np.testing.assert_array_equal(data.arrays["image"][..., 0], IMAGES)
    assert data.frame["label"].tolist() == LABELS.tolist()
    assert data.schema.modality == "image"
    assert data.schema.target == "label"


def test_packed_files_give_the_same(tmp_path):
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.mkdir()
    packed.mkdir()
    for file in _folder(plain).iterdir():
        (packed / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
    assert _read(plain).equals(_read(packed))


def test_the_test_part_is_another_pair_of_files(tmp_path):
    _folder(tmp_path)
    _folder(tmp_path, images=_idx(IMAGES[:2]), labels=_idx(LABELS[:2]), stem="t10k")
    assert len(_read(tmp_path, part="test")) == 2


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG....", "not an IDX file"),
        (_idx(IMAGES)[:-1], "only 59"),
        (_idx(IMAGES) + b"x", "there are more"),
        (_idx(IMAGES)[:9], "on 3 axes"),
        (_idx(IMAGES, kind=13), "type 13"),
        (_idx(LABELS), "on 1 axes"),
        (_idx(IMAGES[:4]), "4 images and 5 labels"),
        (_idx(IMAGES[:0]), "nothing in it"),
        (struct.pack(">2xBB3I", 8, 3, 2**31, 2**20, 2**20), "GB; at most 8"),
        (gzip.compress(_idx(IMAGES), mtime=0)[:-9], "cannot be read"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, images, message):
    _folder(tmp_path, images=images)
    with pytest.raises(DataError, match=message) as caught:
        _read(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_files_that_are_missing_or_twice_there_are_named(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        _read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="starts with train-images"):
        _read(tmp_path)
    _folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"")
    with pytest.raises(DataError, match="both there"):
        _read(tmp_path)
