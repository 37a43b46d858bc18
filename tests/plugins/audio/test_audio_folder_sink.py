import sys

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from recordings import RATE

from augment.data import ArrayDeclaration, as_labels
from augment.errors import DataError
from augment.plugin.context import Context
from augment_audio.sink import AudioFolderSink
from augment_audio.source import AudioFolderSource


def noise(labels, columns=None, lengths=None, rate=RATE, target="label"):
    frame = pd.DataFrame({"label": labels, **(columns or {})})
    audio = np.random.default_rng(0).integers(-32768, 32768, (len(frame), 700)).astype(np.float32) / 32768
    if lengths is not None:
        frame["length"] = lengths
        audio[np.arange(700) >= np.array(lengths)[:, None]] = 0
    said = ArrayDeclaration(type="audio", rate=rate, length_column=None if lengths is None else "length")
    return dataset(frame, {"audio": audio}, target=target, arrays={"audio": said})


def write(data, folder, name="train", size=3, **params):
    sink = AudioFolderSink(AudioFolderSink.Params(**params))
    return sink.write(name, data.batches(size), data.schema, folder)


def read(folder):
    source = AudioFolderSource(AudioFolderSource.Params(path=folder))
    return source.read(Context(seed=0, folder=folder))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_the_source_reads_back_what_was_written(tmp_path, ending):
    if ending == ".flac":
        pytest.importorskip("soundfile")
    columns = {"age": pd.array([1, None, 3, 4], dtype="Int64"), "origin": ["real", "real", "gan", "gan"]}
    data = noise(["cat", "dog", "cat", "../x"], columns, lengths=[700, 300, 450, 600])
    assert write(data, tmp_path, ending=ending) == [tmp_path / "train"]
    files = contents(tmp_path / "train")
    assert sorted(files) == [f"%2e.%2fx/00000003{ending}", f"cat/00000000{ending}", f"cat/00000002{ending}",
                             f"dog/00000001{ending}", "metadata.csv"]  # fmt: skip
    assert files["metadata.csv"].decode().splitlines()[:2] == [
        "file_name,label,age,origin",
        f"cat/00000000{ending},cat,1,real",
    ]
    back = read(tmp_path / "train")
    np.testing.assert_array_equal(back.arrays["audio"], data.arrays["audio"])
    assert as_labels(back.frame.label).tolist() == ["cat", "dog", "cat", "../x"]
    pd.testing.assert_frame_equal(back.frame[list(data.frame)], data.frame)
    assert back.schema.arrays["audio"].rate == RATE


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_equal_rows_give_equal_bytes_however_they_come(tmp_path, ending):
    if ending == ".flac":
        pytest.importorskip("soundfile")
    data = noise(["a", "b"] * 4)
    for place, size in (("one", 3), ("other", 8)):
        write(data, tmp_path / place, size=size, ending=ending)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_what_is_as_loud_as_can_be_stays_so(tmp_path):
    frame, said = noise(["a", "a"]).frame, ArrayDeclaration(type="audio", rate=RATE)
    loud = {"audio": np.resize(np.array([1, -1], np.float32), (2, 700))}
    write(dataset(frame, loud, target="label", arrays={"audio": said}), tmp_path)
    audio = read(tmp_path / "train").arrays["audio"]
    assert (audio.min(), audio.max()) == (-1, 32767 / 32768)


def test_without_classes_files_lie_beside_the_metadata(tmp_path):
    write(noise(["a", "b"], target=None), tmp_path)
    assert sorted(contents(tmp_path / "train")) == ["00000000.wav", "00000001.wav", "metadata.csv"]


@pytest.mark.parametrize("rate", [None, 44100.5])
def test_a_rate_that_files_cannot_have_is_refused(tmp_path, rate):
    with pytest.raises(DataError, match="need a whole number of Hz"):
        write(noise(["a", "b"], rate=rate), tmp_path)


def test_what_files_cannot_hold_is_refused(tmp_path):
    with pytest.raises(DataError, match="has a column `file_name`"):
        write(noise(["a", "b"], {"file_name": ["x", "y"]}), tmp_path)


def test_flac_files_need_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(DataError, match="needs the extra `audio`"):
        write(noise(["a", "b"]), tmp_path, ending=".flac")
