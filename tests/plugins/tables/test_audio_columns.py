import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from example_data import dataset
from recordings import RATE, tone, wav

from augment.data import ArrayDeclaration, SchemaDeclaration, as_labels
from augment.errors import DataError
from augment.plugin.context import Context
from augment_tables.arrow_sink import ArrowSink
from augment_tables.arrow_source import ArrowSource
from augment_tables.parquet_sink import ParquetSink
from augment_tables.parquet_source import ParquetSource


def put(path, blobs, **columns):
    """A Parquet file as Hugging Face writes recordings."""
    column = [{"bytes": blob, "path": f"{number}.wav"} for number, blob in enumerate(blobs)]
    pq.write_table(pa.table({"audio": column, **columns}), path)
    return path


def read(path, source=ParquetSource, declared=None, **params):
    reader = source(source.Params(path=path, **params))
    return reader.read(Context(seed=0, folder=path.parent, declared=declared or SchemaDeclaration()))


def message(path, **params):
    with pytest.raises(DataError) as caught:
        read(path, **params)
    return str(caught.value)


def test_files_in_a_column_are_recordings_with_their_lengths(tmp_path):
    path = put(tmp_path / "a.parquet", [wav(tone(0.1)), wav(tone(0.05))], label=["cat", "dog"])
    data = read(path)
    array = data.schema.arrays["audio"]
    assert (data.schema.modality, array.shape, array.rate, array.range) == ("audio", (800,), RATE, (-1, 1))
    assert array.length_column == "length"
    assert data.frame.length.tolist() == [800, 400]
    np.testing.assert_allclose(data.arrays["audio"][1], np.r_[tone(0.05), np.zeros(400)], atol=1e-4)


def test_recordings_of_one_length_have_no_column_of_lengths(tmp_path):
    assert list(read(put(tmp_path / "a.parquet", [wav(tone())] * 2, y=[1, 2])).frame) == ["y"]


def test_a_column_of_other_lengths_keeps_its_name(tmp_path):
    data = read(put(tmp_path / "a.parquet", [wav(tone(0.1)), wav(tone(0.05))], length=[0.1, 0.05]))
    assert data.schema.arrays["audio"].length_column == "audio_length"
    assert data.frame.length.tolist() == [0.1, 0.05]


def test_chosen_columns_may_leave_recordings_out_or_the_others(tmp_path):
    path = put(tmp_path / "a.parquet", [wav(tone(0.1)), wav(tone(0.05))], label=["cat", "dog"])
    assert list(read(path, columns=("audio",)).frame) == ["length"]
    assert not read(path, columns=("label",)).arrays


@pytest.mark.parametrize(
    ("blobs", "said"),
    [
        ([wav(tone()), None], "data row 2: has no bytes"),
        ([wav(tone()), wav(tone())[:500]], "data row 2: the recording is cut short"),
        ([wav(tone()), wav(np.zeros(0))], "data row 2: the recording has no samples"),
        ([wav(tone()), wav(tone(rate=16000), rate=16000)], "different rates (Hz): 8,000 (1 rows), 16,000 (1 rows)"),
        ([wav(tone()), wav(np.stack([tone()] * 2, axis=1))], "different numbers of channels: 1 (1 rows), 2 (1 rows)"),
        ([wav(tone()), wav(np.zeros(301 * 1000), rate=1000)], "data row 2: lasts 301 s"),
    ],
    ids=["missing", "cut", "empty", "rates", "channels", "long"],
)
def test_what_is_not_one_recording_a_row_is_refused(tmp_path, blobs, said):
    assert said in message(put(tmp_path / "a.parquet", blobs))


def test_samples_beyond_one_make_all_rows_quieter_by_one_factor(tmp_path, caplog):
    path = put(tmp_path / "a.parquet", [wav(6 * tone(), coding=3, bits=32), wav(tone())])
    audio = read(path).arrays["audio"]
    assert "samples reach 3" in caplog.text
    assert 0.999 < np.abs(audio).max() <= 1
    np.testing.assert_allclose(audio[1], tone() / 3, atol=1e-3)


def test_several_files_are_one_column(tmp_path):
    put(tmp_path / "a.parquet", [wav(tone(0.1))], label=["cat"])
    put(tmp_path / "b.parquet", [wav(tone(0.05))], label=["dog"])
    data = read(tmp_path)
    assert data.arrays["audio"].shape == (2, 800)
    assert data.frame.length.tolist() == [800, 400]
    put(tmp_path / "b.parquet", [wav(tone(rate=16000), rate=16000)], label=["dog"])
    assert "holds recordings at 16,000 Hz, and in" in message(tmp_path)


def test_a_rate_that_the_schema_says_otherwise_is_refused(tmp_path):
    declared = SchemaDeclaration(arrays={"audio": ArrayDeclaration(rate=16000)})
    with pytest.raises(DataError, match="rate is 16000, and the recordings have 8,000 Hz"):
        read(put(tmp_path / "a.parquet", [wav(tone())]), declared=declared)


def test_rows_have_the_room_that_the_schema_says(tmp_path):
    declared = SchemaDeclaration(arrays={"audio": ArrayDeclaration(shape=(1000,), length_column="samples")})
    data = read(put(tmp_path / "a.parquet", [wav(tone())] * 2), declared=declared)
    assert data.arrays["audio"].shape == (2, 1000)
    assert data.frame.samples.tolist() == [800, 800]


def rows(rate=RATE):
    frame = pd.DataFrame({"label": ["cat", "dog", "cat"], "length": [700, 300, 450]})
    audio = np.random.default_rng(0).integers(-32768, 32768, (3, 700)).astype(np.float32) / 32768
    audio[np.arange(700) >= frame.length.to_numpy()[:, None]] = 0
    said = ArrayDeclaration(type="audio", rate=rate, length_column="length")
    return dataset(frame, {"audio": audio}, target="label", arrays={"audio": said})


@pytest.mark.parametrize(("sink", "source"), [(ParquetSink, ParquetSource), (ArrowSink, ArrowSource)])
def test_what_is_written_is_read_back(tmp_path, sink, source):
    data = rows()
    (path,) = sink().write("train", data.batches(2), data.schema, tmp_path)
    back = read(path, source, SchemaDeclaration(target="label"))
    np.testing.assert_array_equal(back.arrays["audio"], data.arrays["audio"])
    assert as_labels(back.frame.label).tolist() == ["cat", "dog", "cat"]
    assert back.frame.length.tolist() == [700, 300, 450]
    assert (back.schema.arrays["audio"].rate, back.schema.arrays["audio"].length_column) == (RATE, "length")


def test_hugging_face_knows_what_is_written_for_audio(tmp_path):
    datasets = pytest.importorskip("datasets")
    data = rows()
    (path,) = ParquetSink().write("train", data.batches(2), data.schema, tmp_path)
    features = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]
    assert features["audio"] == {"sampling_rate": RATE, "_type": "Audio"}
    known = datasets.Features.from_arrow_schema(pq.read_schema(path))
    assert isinstance(known["audio"], datasets.Audio)
    assert known["audio"].sampling_rate == RATE
    stored = datasets.Audio(decode=False).cast_storage(pq.read_table(path)["audio"].combine_chunks())
    assert [len(row["bytes"]) for row in stored.to_pylist()] == [44 + 2 * length for length in (700, 300, 450)]


def test_hugging_face_columns_without_decoding_are_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    audio = datasets.Audio(sampling_rate=RATE, decode=False)
    features = datasets.Features({"audio": audio, "label": datasets.ClassLabel(names=["cat", "dog"])})
    column = pa.array([{"bytes": wav(tone()), "path": None}, {"bytes": wav(tone()), "path": None}])
    table = pa.table({"audio": column, "label": pa.array([0, 1])})
    table = table.replace_schema_metadata(features.arrow_schema.metadata)
    pq.write_table(table, tmp_path / "a.parquet")
    data = read(tmp_path / "a.parquet")
    assert data.arrays["audio"].shape == (2, 800)
    assert data.frame.label.tolist() == [0, 1]


def test_recordings_without_a_rate_are_written_as_lists(tmp_path):
    data = rows(rate=None)
    (path,) = ParquetSink().write("train", data.batches(2), data.schema, tmp_path)
    assert pa.types.is_fixed_size_list(pq.read_schema(path).field("audio").type)


def test_images_in_a_column_are_no_recordings(tmp_path):
    from PIL import Image

    blobs = []
    for ending in ("PNG", "WEBP"):  # a WEBP file begins as a wav file does
        file = io.BytesIO()
        Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).convert("RGB").save(file, ending)
        blobs.append(file.getvalue())
    for blob in blobs:
        assert read(put(tmp_path / "a.parquet", [blob])).schema.modality == "image"
