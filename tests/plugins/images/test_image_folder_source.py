import logging
import os
import struct
import sys
import zlib

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin
from pydantic import ValidationError

from augment.data import ColumnDeclaration, SchemaDeclaration, as_labels
from augment.errors import DataError
from augment.plugin.context import Context
from augment_images.source import ImageFolderSource


def picture(shape=(6, 5), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def put(path, image=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    if image is None:
        image = picture()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(path, **options)
    return path


def read(folder, declared=None, threads=1, **params):
    source = ImageFolderSource(ImageFolderSource.Params(path=folder, **params))
    return source.read(Context(seed=0, folder=folder, declared=declared or SchemaDeclaration(), threads=threads))


def message(folder, **params):
    with pytest.raises(DataError) as caught:
        read(folder, **params)
    return str(caught.value)


def png_header(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


# class folders


def test_class_folders_become_labels_in_the_order_of_file_names(tmp_path):
    images = {name: picture(seed=seed) for seed, name in enumerate(["dog/b.png", "cat/z.PNG", "dog/a.png"])}
    for name, image in images.items():
        put(tmp_path / name, image)
    data = read(tmp_path)
    assert as_labels(data.frame.label).tolist() == ["cat", "dog", "dog"]
    assert data.schema.target == "label"
    assert data.schema.columns["label"].type == "category"
    assert data.schema.modality == "image"
    expected = np.stack([images[name] for name in ("cat/z.PNG", "dog/a.png", "dog/b.png")])[..., None]
    np.testing.assert_array_equal(data.arrays["image"], expected)
    assert data.arrays["image"].dtype == np.uint8


def test_numeric_folder_names_are_classes(tmp_path):
    put(tmp_path / "0" / "a.png")
    put(tmp_path / "01" / "a.png")
    data = read(tmp_path)
    assert data.schema.task == "classes"
    assert as_labels(data.frame.label).tolist() == ["0", "01"]


def test_odd_folder_names_are_labels_as_they_are(tmp_path):
    names = ["two words", "été", "<b>bold</b>".replace("/", "_"), "..x", "100%", 'a,b"c', "-rf"]
    for name in names:
        put(tmp_path / name / "1.png")
    assert set(read(tmp_path).frame.label) == set(names)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name themselves")
def test_a_folder_name_that_is_not_utf8_is_refused(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff\xfe"
    os.mkdir(folder)
    assert "not UTF-8" in message(tmp_path)


def test_the_label_column_can_be_named(tmp_path):
    put(tmp_path / "cat" / "1.png")
    assert read(tmp_path, label="species").schema.target == "species"


def test_a_declared_target_wins(tmp_path):
    put(tmp_path / "3" / "1.png")
    declared = SchemaDeclaration(target="digit", columns={"digit": ColumnDeclaration(type="integer")})
    data = read(tmp_path, declared=declared, label="digit")
    assert data.schema.columns["digit"].type == "integer"
    with pytest.raises(DataError, match="target 'other' is not in the data"):
        read(tmp_path, declared=SchemaDeclaration(target="other"))


def test_more_threads_give_the_same_rows(tmp_path):
    for number in range(20):
        put(tmp_path / "ab"[number % 2] / f"{number}.png", picture(seed=number))
    assert read(tmp_path, threads=4).equals(read(tmp_path))


@pytest.mark.parametrize("modes", [["RGB", "RGB"], ["L", "RGB", "RGBA", "L"]], ids=["alike", "growing"])
def test_a_large_folder_is_a_memory_map_with_the_same_rows(tmp_path, monkeypatch, modes):
    for number, mode in enumerate(modes):
        image = Image.fromarray(picture((6, 5, 4), seed=number), "RGBA").convert(mode)
        put(tmp_path / "ab"[number % 2] / f"{number}.png", image)
    small = read(tmp_path)
    monkeypatch.setattr("augment_images.stack.IN_MEMORY", 100)
    monkeypatch.setattr("augment_images.stack.BLOCK", 1)
    large = read(tmp_path)
    assert isinstance(large.arrays["image"], np.memmap)
    assert not isinstance(small.arrays["image"], np.memmap)
    assert large.equals(small)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]  # the file has no name


def test_progress_tells_how_many_images_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("augment_images.source.AT_ONCE", 2)
    for number in range(5):
        put(tmp_path / "ab"[number % 2] / f"{number}.png")
    told = []
    source = ImageFolderSource(ImageFolderSource.Params(path=tmp_path))
    source.read(Context(seed=0, folder=tmp_path, progress=lambda step, total, losses: told.append((step, total))))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_other_files_are_counted_and_system_files_are_not(tmp_path, caplog):
    put(tmp_path / "cat" / "1.png")
    for name in ("notes.txt", "cat/readme.md", "cat/Thumbs.db", ".DS_Store", "cat/._1.png"):
        (tmp_path / name).write_bytes(b"x")
    with caplog.at_level(logging.INFO, "augment"):
        assert len(read(tmp_path)) == 1
    assert "2 files that are not images" in caplog.text


def test_hidden_folders_are_no_classes(tmp_path, caplog):
    put(tmp_path / "cat" / "1.png")
    put(tmp_path / ".cache" / "1.png")
    with caplog.at_level(logging.INFO, "augment"):
        assert read(tmp_path).frame.label.tolist() == ["cat"]
    assert "the hidden folder .cache is left out" in caplog.text


def test_a_file_of_several_pages_is_refused_as_such(tmp_path):
    second = Image.fromarray(picture())
    put(tmp_path / "cat" / "1.tif", save_all=True, append_images=[second])
    assert "2 pages, save each on its own" in message(tmp_path)


def test_links_that_leave_the_folder_are_not_followed(tmp_path, caplog):
    outside = put(tmp_path / "outside" / "secret.png")
    put(tmp_path / "in" / "cat" / "1.png")
    (tmp_path / "in" / "cat" / "2.png").symlink_to(outside)
    (tmp_path / "in" / "dog").symlink_to(outside.parent)
    (tmp_path / "in" / "cat" / "3.png").symlink_to(tmp_path / "in" / "cat" / "1.png")
    with caplog.at_level(logging.INFO, "augment"):
        data = read(tmp_path / "in")
    assert as_labels(data.frame.label).tolist() == ["cat", "cat"]
    assert "2 links that leave" in caplog.text


def test_a_missing_folder_a_file_and_an_empty_folder_are_told_apart(tmp_path):
    assert "no such folder" in message(tmp_path / "nowhere")
    assert "is a file" in message(put(tmp_path / "x.png"))
    (tmp_path / "empty").mkdir()
    assert "no images found" in message(tmp_path / "empty")


def test_a_folder_of_images_alone_has_no_labels(tmp_path):
    put(tmp_path / "b.png", picture(seed=1))
    put(tmp_path / "a.png", picture(seed=2))
    data = read(tmp_path)
    assert list(data.frame) == []
    np.testing.assert_array_equal(data.arrays["image"][..., 0], [picture(seed=2), picture(seed=1)])


def test_images_beside_class_folders_are_refused(tmp_path):
    put(tmp_path / "1.png")
    put(tmp_path / "cat" / "1.png")
    assert "1 images lie beside the class folders, such as 1.png" in message(tmp_path)


def test_a_folder_of_splits_is_not_taken_for_classes(tmp_path):
    put(tmp_path / "train" / "cat" / "1.png")
    put(tmp_path / "test" / "cat" / "2.png")
    assert "2 images lie deeper than one folder, such as test/cat/2.png" in message(tmp_path)


# sizes and modes


def test_mixed_sizes_are_listed_with_counts(tmp_path):
    for number, shape in enumerate([(6, 5), (6, 5), (8, 8)]):
        put(tmp_path / "cat" / f"{number}.png", picture(shape))
    text = message(tmp_path)
    assert "6 x 5 (2 images), 8 x 8 (1 images)" in text
    assert "size: [6, 5]" in text


def test_size_is_height_and_width(tmp_path):
    put(tmp_path / "cat" / "1.png", picture((6, 5)))
    put(tmp_path / "cat" / "2.png", picture((30, 10)))
    put(tmp_path / "cat" / "3.png", picture((1, 1)))
    assert read(tmp_path, size=(7, 9)).arrays["image"].shape == (3, 7, 9, 1)


def test_one_pixel_is_an_image(tmp_path):
    put(tmp_path / "cat" / "1.png", picture((1, 1)))
    assert read(tmp_path).arrays["image"].shape == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("modes", "num_channels"),
    [(["L", "1"], 1), (["L", "LA"], 1), (["L", "RGB"], 3), (["L", "P"], 3), (["CMYK"], 3), (["RGB", "RGBA"], 3)],
)
def test_auto_is_the_least_mode_that_holds_all(tmp_path, modes, num_channels):
    for mode in modes:  # the alpha made here is opaque, so it is not used
        put(tmp_path / "cat" / f"{mode}.tif", Image.fromarray(picture((6, 5, 3))).convert(mode))
    assert read(tmp_path).arrays["image"].shape[-1] == num_channels


def test_auto_keeps_alpha_that_is_used_and_widens_the_others(tmp_path):
    put(tmp_path / "cat" / "1.png", picture((6, 5)))
    put(tmp_path / "cat" / "2.png", picture((6, 5, 4)))
    images = read(tmp_path).arrays["image"]
    np.testing.assert_array_equal(images[0], np.dstack([picture((6, 5))] * 3 + [np.full((6, 5), 255)]))
    np.testing.assert_array_equal(images[1], picture((6, 5, 4)))


def test_a_palette_with_a_transparent_colour_has_alpha(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    put(tmp_path / "cat" / "1.gif", image, transparency=1)
    np.testing.assert_array_equal(read(tmp_path).arrays["image"][0, 0, :, 3], [255, 0])
    np.testing.assert_array_equal(read(tmp_path, mode="RGB").arrays["image"][0, 0], [[255, 0, 0], [255, 255, 255]])


@pytest.mark.parametrize(("mode", "num_channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_a_mode_asked_for_is_given(tmp_path, mode, num_channels):
    put(tmp_path / "cat" / "1.png", picture((6, 5, 3)))
    put(tmp_path / "cat" / "2.png", picture((6, 5)))
    assert read(tmp_path, mode=mode).arrays["image"].shape == (2, 6, 5, num_channels)


@pytest.mark.parametrize("file", ["deep.png", "deep.tif"])
def test_16_bits_stay_until_the_training_part_is_known(tmp_path, file):
    values = np.array([[0, 257, 65535, 32768]], dtype=np.uint16)
    put(tmp_path / "cat" / file, values)
    put(tmp_path / "dog" / file, values)
    data = read(tmp_path)
    assert data.arrays["image"].dtype == np.uint16
    assert data.arrays["image"][0, 0, :, 0].tolist() == values[0].tolist()
    assert data.schema.arrays["image"].levels is None


def deep_colours(path, values):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.ascontiguousarray(values[..., ::-1]))[1].tobytes())


@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_colours_of_16_bits_are_read_with_all_of_them(tmp_path, ending):
    values = np.random.default_rng(0).integers(0, 4096, (8, 6, 3)).astype(np.uint16)
    values[0, 0] = 4095
    deep_colours(tmp_path / "cat" / f"1{ending}", values)
    np.testing.assert_array_equal(read(tmp_path).arrays["image"][0], values)
    assert read(tmp_path, levels=[0, 4095]).arrays["image"].max() == 255
    assert read(tmp_path, mode="L").arrays["image"].shape == (1, 8, 6, 1)
    small = read(tmp_path, size=[4, 3]).arrays["image"][0].astype(float)
    assert abs(small.mean() - values.mean()) < 60


def test_images_of_16_bits_are_made_smaller_as_those_of_8_are(tmp_path):
    values = picture((12, 10)).astype(np.uint16)
    put(tmp_path / "deep" / "cat" / "1.png", values * 16)
    put(tmp_path / "flat" / "cat" / "1.png", values.astype(np.uint8))
    deep, flat = (read(tmp_path / name, size=[6, 5]).arrays["image"].astype(float) for name in ("deep", "flat"))
    assert np.abs(deep / 16 - flat).max() <= 1


def test_levels_decide_what_is_black_and_white_in_16_bits(tmp_path, caplog):
    put(tmp_path / "cat" / "1.tif", np.array([[0, 1000, 2000, 3000, 60000]], np.uint16))
    data = read(tmp_path, levels=[1000, 3000])
    assert data.arrays["image"][0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert data.schema.arrays["image"].levels == (1000, 3000)
    with pytest.raises(ValidationError, match="rising"):
        ImageFolderSource.Params(path=tmp_path, levels=[5, 5])


def test_images_of_16_bits_beside_some_of_8_keep_their_brightness(tmp_path):
    put(tmp_path / "cat" / "1.png", np.full((2, 2), 50, np.uint8))
    put(tmp_path / "cat" / "2.png", np.full((2, 2), 50 * 257, np.uint16))
    assert (read(tmp_path).arrays["image"] == 50).all()


def test_transparent_colours_of_which_8_bits_hold_little_are_a_warning(tmp_path, caplog):
    deep = np.random.default_rng(0).integers(0, 4096, (32, 32, 4)).astype(np.uint16)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    assert read(tmp_path).arrays["image"].max() == 15
    assert "only 16 levels are left in the images of 16 bits" in caplog.text


def test_every_ending_of_a_jpeg_is_read(tmp_path):
    for number, ending in enumerate(("jpg", "JPEG", "jfif", "jpe")):
        put(tmp_path / "cat" / f"{number}.{ending}", picture((8, 8)), format="JPEG")
    assert len(read(tmp_path)) == 4


def test_big_endian_16_bits_are_read_alike(tmp_path):
    values = np.array([[0, 257, 65535, 32768]], dtype=">u2")
    put(tmp_path / "cat" / "1.tif", Image.frombytes("I;16B", (4, 1), values.tobytes()))
    assert read(tmp_path).arrays["image"][0, 0, :, 0].tolist() == [0, 257, 65535, 32768]


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    put(tmp_path / "cat" / "1.png", picture((6, 5)), exif=exif)
    np.testing.assert_array_equal(read(tmp_path).arrays["image"][0, :, :, 0], np.rot90(picture((6, 5)), -1))


def test_a_phones_picture_with_a_second_one_behind_it_is_read(tmp_path):
    first, second = Image.fromarray(picture((8, 8, 3))), Image.fromarray(picture((8, 8, 3), seed=1))
    put(tmp_path / "cat" / "1.jpg", first, format="MPO", save_all=True, append_images=[second])
    assert read(tmp_path).arrays["image"].shape == (1, 8, 8, 3)


# bad images


@pytest.fixture
def spoilt(tmp_path):
    """A folder with one good image and one of every kind of bad one; gives the folder and what is said of each."""
    good = put(tmp_path / "cat" / "good.png", picture((40, 40)))
    whole = good.read_bytes()
    (tmp_path / "cat" / "cut.png").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    (tmp_path / "cat" / "flipped.png").write_bytes(bytes(flipped))
    jpeg = put(tmp_path / "cat" / "cut.jpg", picture((40, 40))).read_bytes()
    (tmp_path / "cat" / "cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (tmp_path / "cat" / "zero.png").write_bytes(b"")
    (tmp_path / "cat" / "text.png").write_text("hello")
    (tmp_path / "cat" / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "cat" / "bomb.png").write_bytes(png_header(12_000, 12_000))
    frames = [Image.fromarray(picture((40, 40), seed=seed)) for seed in range(12)]
    put(tmp_path / "cat" / "moving.gif", frames[0], save_all=True, append_images=frames[1:])
    put(tmp_path / "cat" / "float.tif", np.zeros((40, 40), dtype=np.float32))
    said = {
        "cut.png": "cannot be decoded",
        "flipped.png": "cannot be decoded",
        "cut.jpg": "truncated",
        "zero.png": "empty file",
        "text.png": "not an image",
        "script.png": "not an image",
        "bomb.png": "144000000 pixels",
        "moving.gif": "animated, 12 frames",
        "float.tif": "32 bits",
    }
    return tmp_path, said


def test_all_bad_images_are_listed_at_once(spoilt):
    folder, said = spoilt
    text = message(folder)
    assert "9 of 10 images cannot be used" in text
    assert "on_bad_image: skip" in text
    for name, reason in said.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"cat/{name}:")]
        assert reason in line


def test_bad_images_are_skipped_when_asked_and_counted(spoilt, caplog):
    folder, _ = spoilt
    put(folder / "dog" / "1.png", picture((40, 40), seed=1))
    with caplog.at_level(logging.INFO, "augment"):
        data = read(folder, on_bad_image="skip")
    assert as_labels(data.frame.label).tolist() == ["cat", "dog"]
    np.testing.assert_array_equal(data.arrays["image"][1, :, :, 0], picture((40, 40), seed=1))
    (said,) = (record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert said.startswith(f"{folder.name}: 9 of 11 images cannot be used and are left out: ")
    assert "\n" not in said  # it is shown as a note, on one line


def test_of_many_bad_images_ten_are_shown(tmp_path):
    (tmp_path / "cat").mkdir()
    for number in range(25):
        (tmp_path / "cat" / f"{number:02d}.png").write_bytes(b"")
    text = message(tmp_path)
    assert text.count("empty file") == 10
    assert "... and 15 more" in text
    assert "none of the 25 images" in message(tmp_path, on_bad_image="skip")


def test_max_pixels_is_a_limit_on_the_header_and_leaves_pillow_as_it_was(tmp_path):
    put(tmp_path / "cat" / "1.png", picture((10, 10)))
    before = Image.MAX_IMAGE_PIXELS
    assert len(read(tmp_path, max_pixels=100)) == 1
    assert "100 pixels" in message(tmp_path, max_pixels=99)
    assert before == Image.MAX_IMAGE_PIXELS


def test_an_overlong_text_chunk_is_a_bad_image(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("bomb", "x" * 3_000_000, zip=True)
    put(tmp_path / "cat" / "1.png", picture(), pnginfo=text)
    assert "cat/1.png: cannot be decoded" in message(tmp_path)


def test_a_wrong_setting_is_refused():
    for wrong in ({"size": [0, 3]}, {"mode": "CMYK"}, {"on_bad_image": "ask"}, {"max_pixels": 0}):
        with pytest.raises(ValidationError):
            ImageFolderSource.Params(path="x", **wrong)


# metadata.csv


def describe(folder, text):
    (folder / "metadata.csv").write_text(text, encoding="utf-8")


def test_metadata_columns_keep_their_lines_and_types(tmp_path):
    for name in ("b.png", "a.png", "sub/c.png"):
        put(tmp_path / name, picture(seed=ord(name[0])))
    describe(
        tmp_path,
        "file_name,label,age,weight,tame,seen,code\n"
        "b.png,cat,3,1.5,true,2024-05-01,007\n"
        "\n"
        'a.png,"dog, big",,2,false,2024-05-02T10:00:00,012\n'
        "sub/c.png,cat,5,-1e-3,,2024-05-03,100\n",
    )
    data = read(tmp_path)
    columns = {name: column.type for name, column in data.schema.columns.items()}
    assert columns.pop("code") in ("category", "text")  # 007 is not a number
    assert columns == {
        "label": "category",
        "age": "integer",
        "weight": "number",
        "tame": "boolean",
        "seen": "datetime",
    }
    assert data.frame.label.tolist() == ["cat", "dog, big", "cat"]
    assert data.frame.code.tolist() == ["007", "012", "100"]
    assert data.frame.weight.tolist() == [1.5, 2.0, -1e-3]
    assert data.frame.age.isna().tolist() == [False, True, False]
    assert data.frame.seen[1] == pd.Timestamp("2024-05-02 10:00")
    assert data.schema.target == "label"
    np.testing.assert_array_equal(data.arrays["image"][0, :, :, 0], picture(seed=ord("b")))


def test_metadata_without_the_label_column_has_no_target_unless_declared(tmp_path):
    put(tmp_path / "a.png")
    describe(tmp_path, "file_name,age\na.png,3\n")
    assert read(tmp_path).schema.target is None
    assert read(tmp_path, declared=SchemaDeclaration(target="age")).schema.target == "age"


def test_a_declared_category_keeps_its_digits(tmp_path):
    put(tmp_path / "a.png")
    describe(tmp_path, "file_name,code\na.png,1.50\n")
    declared = SchemaDeclaration(columns={"code": ColumnDeclaration(type="category")})
    assert read(tmp_path, declared=declared).frame.code.tolist() == ["1.50"]


def test_metadata_with_nothing_but_names_takes_labels_from_folders(tmp_path):
    put(tmp_path / "cat" / "a.png")
    describe(tmp_path, "file_name\ncat/a.png\n")
    assert read(tmp_path).frame.label.tolist() == ["cat"]
    put(tmp_path / "b.png")
    describe(tmp_path, "file_name\ncat/a.png\nb.png\n")
    assert "no column but `file_name`" in message(tmp_path)


def test_bad_images_named_in_metadata_lose_their_line(tmp_path):
    put(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"")
    describe(tmp_path, "file_name,label\nb.png,x\na.png,y\n")
    assert read(tmp_path, on_bad_image="skip").frame.label.tolist() == ["y"]


def test_images_that_metadata_does_not_name_are_counted(tmp_path, caplog):
    put(tmp_path / "a.png")
    put(tmp_path / "b.png")
    describe(tmp_path, "file_name,label\na.png,y\n")
    with caplog.at_level(logging.INFO, "augment"):
        assert len(read(tmp_path)) == 1
    assert "1 files that are not images (or not in use)" in caplog.text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.png", "there is no file 'missing.png'"),
        ("../x.png", "'../x.png' leaves the folder"),
        ("/etc/x.png", "'/etc/x.png' leaves the folder"),
        ("C:\\x.png", "leaves the folder"),
        ("..\\x.png", "leaves the folder"),
        ("", "the name of the image is empty"),
        ("a.png", "is there already, in line 2"),
        ("link.png", "is a link that leaves the folder"),
    ],
)
def test_a_wrong_file_name_is_told_with_its_line(tmp_path, name, said):
    put(tmp_path / "x.png")
    put(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "link.png").symlink_to(tmp_path / "x.png")
    describe(tmp_path / "in", f"file_name,label\na.png,x\n{name},y\n")
    text = message(tmp_path / "in")
    assert "metadata.csv:3: " in text
    assert said in text


def test_metadata_with_a_nul_character_is_refused(tmp_path):
    put(tmp_path / "a.png")
    describe(tmp_path, "file_name,label\na.png,x\na\0.png,y\n")
    assert "metadata.csv, line 3: a NUL character" in message(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("filename,label\na.png,x\n", "no column `file_name`"),
        ("filename,label\na.png,x\n", "the columns are 'filename', 'label'"),
        ("file_name,label,label\na.png,x,y\n", "column 'label' is there 2 times"),
        ("file_name,\na.png,x\n", "column 2 has no name"),
        ("file_name,label\na.png\n", "metadata.csv:2: 1 fields; the header has 2"),
        ("file_name,label\na.png,x,y\n", "metadata.csv:2: 3 fields; the header has 2"),
        ('file_name,label\na.png,"x\n', "not readable as CSV"),
        ("file_name,label\n", "names no images"),
    ],
)
def test_a_broken_metadata_file_is_refused(tmp_path, text, said):
    put(tmp_path / "a.png")
    describe(tmp_path, text)
    assert said in message(tmp_path)


def test_metadata_that_is_not_utf8_is_refused(tmp_path):
    put(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_bytes(b"file_name,label\na.png,\xff\xfe\n")
    assert "not utf-8" in message(tmp_path)


@pytest.mark.parametrize("folders", [("images", "masks"), ("JPEGImages",), ("train",)])
def test_folders_that_are_called_after_what_they_hold_are_no_classes(folders, tmp_path):
    for folder in folders:
        put(tmp_path / folder / "0.png")
    said = message(tmp_path)
    assert "says what lies there, and not of which class it is" in said
    assert str(tmp_path / folders[0]) in said
    assert not read(tmp_path / folders[0]).frame.columns.size
    put(tmp_path / "cat" / "1.png")
    assert set(read(tmp_path).frame.label) == {"cat", *folders}


# other CSV files that name images


@pytest.mark.parametrize("folder", ["", "images/"])
@pytest.mark.parametrize("ending", [".png", ""])
def test_a_csv_file_of_names_and_labels_is_found(tmp_path, folder, ending):
    images = [picture(seed=seed) for seed in range(4)]
    for number, image in enumerate(images):
        put(tmp_path / folder / f"{number:03}.png", image)
    lines = [f"{number:03}{ending},{'cat' if number % 2 else 'dog'}\n" for number in (2, 0, 3)]
    (tmp_path / "labels.csv").write_text("filename,breed\n" + "".join(lines))
    settings = ImageFolderSource.settings_for(tmp_path)
    assert settings == {"table": "labels.csv", "file_name": "filename", "label": "breed"}
    data = read(tmp_path, **settings)
    assert as_labels(data.frame.breed).tolist() == ["dog", "dog", "cat"]
    assert data.schema.target == "breed"
    np.testing.assert_array_equal(data.arrays["image"][..., 0], np.stack([images[2], images[0], images[3]]))


def test_a_csv_file_beside_class_folders_or_of_other_things_is_not_taken_for_labels(tmp_path):
    for label in ("cat", "dog"):
        put(tmp_path / label / f"{label}.png")
    (tmp_path / "labels.csv").write_text("filename,label\ncat.png,x\ndog.png,y\n")
    assert ImageFolderSource.settings_for(tmp_path) == {}
    assert as_labels(read(tmp_path).frame.label).tolist() == ["cat", "dog"]
    put(tmp_path / "other" / "a.png")
    (tmp_path / "other" / "sales.csv").write_text("day,sum\nmonday,3\n")
    assert ImageFolderSource.settings_for(tmp_path / "other") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "f;l\na.png;x\nb.png;y\n"),
        ("labels.csv", "f\tl\na.png\tx\nb.png\ty\n"),
        ("labels.tsv", "f\tl\na.png\tx\nb.png\ty\n"),
        ("labels.csv", "f;l\nA.PNG;x\nTRAIN/B;y\n"),
        ("Labels.csv", "f,l\nImages/a.png,x\nb,y\n"),
        ("labels.csv", "f,l\nphotos/b,y\nphotos/a,x\na.png,x\nc.jpg,y\nd.jpg,y\n"),
    ],
)
def test_names_of_images_are_found_however_they_are_written(tmp_path, name, text):
    put(tmp_path / "Images" / "a.png")
    put(tmp_path / "Train" / "b.png")
    (tmp_path / "names.csv").write_text("f\na.png\nb.png\n")
    (tmp_path / "empty.csv").write_text("f,l\n")
    assert ImageFolderSource.settings_for(tmp_path) == {}
    (tmp_path / "others.csv").write_text("f,l\na.png,z\n")
    (tmp_path / "ragged.csv").write_text("f,l\na.png\n")
    (tmp_path / name).write_text(text)
    assert ImageFolderSource.settings_for(tmp_path) == {"table": name, "file_name": "f", "label": "l"}
    (tmp_path / "others.csv").unlink()
    assert ImageFolderSource.settings_for(tmp_path) == {"table": name, "file_name": "f", "label": "l"}
    if "photos" not in text:
        data = read(tmp_path, table=name, file_name="f", label="l")
        assert as_labels(data.frame.l).tolist() == ["x", "y"]
    describe(tmp_path, "file_name,label\nImages/a.png,z\n")
    assert ImageFolderSource.settings_for(tmp_path) == {}


def test_of_names_that_differ_in_case_the_one_that_is_spelled_so_is_meant(tmp_path):
    images = [picture(seed=seed) for seed in range(2)]
    put(tmp_path / "x" / "a.png", images[0])
    put(tmp_path / "y" / "A.PNG", images[1])
    (tmp_path / "labels.csv").write_text("f,l\nA,0\na,1\n")
    data = read(tmp_path, table="labels.csv", file_name="f", label="l")
    np.testing.assert_array_equal(data.arrays["image"][..., 0], np.stack(images[::-1]))
    put(tmp_path / "A", picture(seed=2), format="PNG")
    (tmp_path / "labels.csv").write_text("f,l;m\nA,0\nA.PNG,1\n")
    data = read(tmp_path, table="labels.csv", file_name="f", label="l;m")
    np.testing.assert_array_equal(data.arrays["image"][..., 0], np.stack([picture(seed=2), images[1]]))
    (tmp_path / "labels.csv").write_text("f,l\na.Png,0\n")
    assert "there is no file 'a.Png' below" in message(tmp_path, table="labels.csv", file_name="f")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("b.png", "labels.csv:2: there is no file 'b.png' below"),
        ("../a.png", "labels.csv:2: '../a.png' leaves the folder"),
        ("/etc/passwd", "leaves the folder"),
        ("same", "there is no file 'same' below"),
        ("", "labels.csv:2: the name of the image is empty"),
    ],
)
def test_names_that_are_no_image_of_the_folder_are_refused(tmp_path, name, said):
    put(tmp_path / "a.png")
    put(tmp_path / "x" / "same.png")
    put(tmp_path / "y" / "same.png")
    (tmp_path / "labels.csv").write_text(f"image,label\n{name},x\n")
    assert said in message(tmp_path, table="labels.csv", file_name="image")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"labels.csv": "a.png,cat\na.png,dog\n"}, "begins with 'a.png', which is an image; write a line with names"),
        (
            {"one.csv": "f,l\na.png,x\n", "two.csv": "f,l\na.png,y\n"},
            "one.csv and two.csv name images, and one is read",
        ),
        (
            {"labels.csv": "f,l\na.png,x\n", "train.csv": "f,l\na.png,y\n"},
            "labels.csv and train.csv name images, and one is read",
        ),
        ({"labels.csv": "A.png;cat\na.png;dog\n"}, "begins with 'A.png', which is an image"),
        (
            {"labels.csv": "f,l\na.png,x\nb.png,y\nc.PNG,y\n"},
            "labels.csv: names images that are not below .*, such as 'c.PNG'; mend the file if it has the labels",
        ),
        ({"labels.csv": "f,l\na.png\n"}, "labels.csv:2: 1 fields; the header has 2; mend the file if it has"),
    ],
)
def test_csv_files_that_are_not_clear_are_refused_by_init(tmp_path, files, said):
    put(tmp_path / "a.png")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=said):
        ImageFolderSource.settings_for(tmp_path)


def test_labels_for_training_are_taken_before_other_files_with_a_note(tmp_path, caplog):
    put(tmp_path / "a.png")
    for name in ("sample_submission.csv", "train.csv"):
        (tmp_path / name).write_text("id,breed,age\na,cat,3\n")
    assert ImageFolderSource.settings_for(tmp_path) == {"table": "train.csv", "file_name": "id"}
    assert "labels are read from train.csv; other CSV files name images, too" in caplog.text


def test_a_table_is_a_file_of_the_folder(tmp_path):
    put(tmp_path / "a.png")
    assert "has no file 'labels.csv', which `table` names" in message(tmp_path, table="labels.csv")
    with pytest.raises(ValidationError, match="table"):
        ImageFolderSource.Params(path=tmp_path, table="../labels.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere refuse such names")
def test_a_folder_whose_name_is_no_text_is_refused(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/\xff")
    assert r"the folder name \udcff is not UTF-8 and can be no label; rename it" in message(tmp_path)
