import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from example_data import dataset
from hypothesis import example, given, settings
from hypothesis import strategies as st

from augment.data import Dataset, as_labels, infer, widened
from augment.errors import DataError
from augment.plugin.context import Context
from augment.toolkit.folders.names import class_folder
from augment_images.sink import ImageFolderSink
from augment_images.source import ImageFolderSource

ODD_LABELS = ["../x", "a/b", "con", "x" * 300, "x" * 299 + "y", "été", "test", "valid", "..", ".", "_hid", "A", "a"]
ODD_LABELS += [
    "tail.",
    "tail ",
    "%41",
    "%empty",
    "line\nbreak",
    "carriage\rreturn",
    'quo"te',
    "a,b",
    "__x__",
    "NUL.txt",
]


def noise(labels, columns=None, channels=1, target="label", shape=(4, 3)):
    frame = pd.DataFrame({"label": labels, **(columns or {})})
    images = np.random.default_rng(0).integers(0, 256, (len(frame), *shape, channels), dtype=np.uint8)
    return dataset(frame, {"image": images}, target=target)


def write(data, folder, name="train", size=3):
    return ImageFolderSink().write(name, data.batches(size), data.schema, folder)


def read(folder):
    source = ImageFolderSource(ImageFolderSource.Params(path=folder))
    return source.read(Context(seed=0, folder=folder))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_lie_in_class_folders_under_their_row_number(tmp_path):
    data = noise(["cat", "dog", "cat", "cat"], {"origin": ["real", "real", "gan", "gan"]})
    assert write(data, tmp_path) == [tmp_path / "train"]
    assert sorted(contents(tmp_path / "train")) == [
        "cat/00000000.png",
        "cat/00000002.png",
        "cat/00000003.png",
        "dog/00000001.png",
        "metadata.csv",
    ]
    text = (tmp_path / "train" / "metadata.csv").read_text()
    assert text.splitlines()[:2] == ["file_name,label,origin", "cat/00000000.png,cat,real"]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_source_reads_back_what_was_written(tmp_path, channels):
    data = noise(
        ["cat", "dog", "cat", "dog"],
        {
            "age": pd.array([1, None, 3, 4], dtype="Int64"),
            "weight": [0.1, 2.0, 1 / 3, np.nan],
            "tame": pd.array([True, False, None, True], dtype="boolean"),
            "seen": pd.to_datetime(["2024-01-01", "2024-01-01 10:00:00.000001", None, "2025-01-01"], format="ISO8601"),
            "day": [20240131, 20240229, 20240301, 20240302],
            "origin": ["real", "real", "gan", "gan"],
        },
        channels,
    )
    write(data, tmp_path)
    assert ",20240131," in (tmp_path / "train" / "metadata.csv").read_text()
    back = read(tmp_path / "train")
    np.testing.assert_array_equal(back.arrays["image"], data.arrays["image"])
    pd.testing.assert_frame_equal(back.frame, data.frame)


def test_odd_labels_come_back_exactly_from_safe_folders(tmp_path):
    data = noise(ODD_LABELS)
    write(data, tmp_path)
    assert as_labels(read(tmp_path / "train").frame.label).tolist() == ODD_LABELS
    assert {path.name for path in tmp_path.iterdir()} == {"train"}
    folders = [path.name for path in (tmp_path / "train").iterdir() if path.is_dir()]
    assert len({name.lower() for name in folders}) == len(ODD_LABELS)


def test_a_missing_label_and_an_empty_one_have_folders_of_their_own(tmp_path):
    data = noise(["", None, "a", "a"])
    write(data, tmp_path)
    folders = {path.name for path in (tmp_path / "train").iterdir() if path.is_dir()}
    assert folders == {"%empty", "%missing", "a"}


@given(st.sets(st.text(st.characters(codec="utf-8"), max_size=8) | st.text("aA._ %", max_size=4), max_size=6))
@example(set(ODD_LABELS))
@settings(max_examples=150)
def test_folder_names_are_safe_and_different(labels):
    names = [class_folder(label, labels) for label in labels]
    assert len({name.lower() for name in names}) == len(labels)
    for name in names:
        assert name.isascii()
        assert len(name) < 200
        assert not set(name) & set('/\\:*?"<>|\0\r\n\t')
        assert name[0] not in "._ "
        assert name[-1] not in ". "
        assert name.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt1")


@pytest.mark.parametrize("label", ["cat", "Tabby cat", "class-7", "a_b", "v1.2", "falcon"])
def test_plain_labels_keep_their_names(label):
    assert class_folder(label, [label, "other"]) == label


def test_the_same_rows_give_the_same_bytes_however_they_are_cut(tmp_path):
    data = noise(["cat", "dog"] * 5, {"x": np.arange(10) / 7})
    write(data, tmp_path / "one", size=3)
    write(data, tmp_path / "two", size=10)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_without_classes_files_lie_flat_and_are_read_back(tmp_path):
    data = noise([0.5, 1.25, 3.0])
    write(data, tmp_path)
    assert (tmp_path / "train" / "00000002.png").is_file()
    assert read(tmp_path / "train").frame.label.tolist() == [0.5, 1.25, 3.0]


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(DataError, match="column `file_name`"):
        write(noise(["a", "b"], {"file_name": ["x", "y"]}), tmp_path)
    with pytest.raises(DataError, match="2 channels"):
        write(noise(["a", "b"], channels=2), tmp_path)
    data = noise(["a", "a"])
    arrays = {**data.arrays, "code": np.zeros((2, 3), dtype=np.float32)}
    both = Dataset.of(data.frame, arrays, infer(data.frame, arrays))
    with pytest.raises(DataError, match="array 'code'"):
        write(both, tmp_path)


HUGGING_FACE = """
import json, sys
from datasets import load_dataset
parts = load_dataset("imagefolder", data_dir=sys.argv[1], cache_dir=sys.argv[2])
print(json.dumps({
    name: {"columns": part.column_names, "label": part["label"], "origin": part["origin"],
           "sizes": [image.size for image in part["image"]], "first": list(part[0]["image"].tobytes())}
    for name, part in parts.items()
}, default=list))
"""


@pytest.mark.slow
def test_hugging_face_loads_splits_images_labels_and_origins(tmp_path):
    pytest.importorskip("datasets", reason="an extra of the tests")
    labels = ["cat", "test", "valid", "A", "a", "été", "../x"]
    train = noise(labels, {"origin": ["real"] * 4 + ["gan"] * 3})
    test = noise(["cat", "test"], {"origin": ["real"] * 2})
    write(train, tmp_path / "data", "train")
    write(test, tmp_path / "data", "test")
    done = subprocess.run(
        [sys.executable, "-c", HUGGING_FACE, str(tmp_path / "data"), str(tmp_path / "cache")],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"train", "test"}
    assert found["train"]["columns"] == ["image", "label", "origin"]
    rows = dict(zip(found["train"]["label"], found["train"]["origin"], strict=True))
    assert rows == dict(zip(labels, train.frame.origin, strict=True))
    assert sorted(found["test"]["label"]) == ["cat", "test"]
    assert found["train"]["sizes"] == [[3, 4]] * 7
    position = labels.index(found["train"]["label"][0])
    assert found["train"]["first"] == train.arrays["image"][position].reshape(-1).tolist()


def with_levels(data, levels):
    array = data.schema.arrays["image"].model_copy(update={"levels": levels})
    return Dataset(data.frame, data.arrays, data.schema.model_copy(update={"arrays": {"image": array}}))


def test_16_bits_are_for_files_that_have_them(tmp_path):
    data = with_levels(noise(["a", "b"]), (0, 4095))
    with pytest.raises(DataError, match=r"images have 16 bits a value, which \.bmp has not; say `ending: \.png`"):
        ImageFolderSink(ImageFolderSink.Params(ending=".bmp")).write("train", [data], data.schema, tmp_path)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_what_had_16_bits_is_written_with_16_bits(tmp_path, channels, ending):
    data = with_levels(noise(["a", "b"], channels=channels), (100, 4095))
    ImageFolderSink(ImageFolderSink.Params(ending=ending)).write("train", [data], data.schema, tmp_path)
    back = read(tmp_path / "train").arrays["image"]
    assert back.dtype == np.uint16
    np.testing.assert_array_equal(back, widened(data.arrays["image"], (100, 4095)))


def test_images_that_nothing_changed_are_written_as_the_files_that_they_came_from(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x010E] = "a holiday"
    rng = np.random.default_rng(0)
    for number in range(4):
        (tmp_path / "in" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        image = PIL.Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8))
        image.save(tmp_path / "in" / "ab"[number % 2] / f"{number}.jpeg", exif=exif)
    data = read(tmp_path / "in")
    changed = data.take(slice(0, 1))
    changed = Dataset(changed.frame, {"image": 255 - changed.arrays["image"]}, changed.schema)
    settings = {"ending": ".jpg", "originals": tmp_path / "in"}
    sink = ImageFolderSink(ImageFolderSink.Params(**settings))
    sink.write("train", [data, changed], data.schema, tmp_path / "out")
    before = set(contents(tmp_path / "in").values())
    after = {name: content for name, content in contents(tmp_path / "out").items() if name.endswith(".jpg")}
    assert {name for name, content in after.items() if content not in before} == {"train/a/00000004.jpg"}
    assert len(after) == 5
    best = ImageFolderSink(ImageFolderSink.Params(ending=".jpg", quality=100))
    best.write("best", [changed], data.schema, tmp_path / "out")
    sizes = [(tmp_path / "out" / name / "a" / f"0000000{number}.jpg").stat().st_size for name, number in
             (("train", 4), ("best", 0))]  # fmt: skip
    assert sizes[0] < sizes[1]


def test_originals_of_another_form_or_that_are_gone_are_not_used(tmp_path, caplog):
    (tmp_path / "in" / "a").mkdir(parents=True)
    for name in ("1.png", "2.jpg"):
        PIL.Image.new("RGB", (4, 4), "red").save(tmp_path / "in" / "a" / name)
    data = read(tmp_path / "in")
    sink = ImageFolderSink(ImageFolderSink.Params(ending=".webp", originals=(tmp_path / "in", tmp_path / "gone")))
    sink.write("train", [data], data.schema, tmp_path)
    assert {path.read_bytes()[:4] for path in (tmp_path / "train" / "a").iterdir()} == {b"RIFF"}
    assert "gone is no folder any more; its images are encoded anew" in caplog.text


def test_jpeg_files_cannot_be_transparent(tmp_path):
    data = noise(["a", "b"], channels=4)
    with pytest.raises(DataError, match=r"cannot be transparent, and images are; say `ending: \.png`"):
        ImageFolderSink(ImageFolderSink.Params(ending=".jpg")).write("train", [data], data.schema, tmp_path)


@pytest.mark.parametrize(
    ("ending", "settings"),
    [(".jpg", {"ending": ".jpg"}), (".jfif", {"ending": ".jpg"}), (".gif", {}), (".tiff", {"ending": ".tiff"})],
)
def test_images_come_back_in_the_form_of_their_files(tmp_path, ending, settings):
    for label in "ab":
        (tmp_path / label).mkdir()
        PIL.Image.new("RGB", (4, 4), "red").save(tmp_path / label / f"1{ending}", "JPEG" if ending == ".jfif" else None)
    settings |= {"originals": tmp_path} if settings.get("ending") == ".jpg" else {}
    assert ImageFolderSource.settings_to_write(tmp_path, {}, read(tmp_path)) == settings
