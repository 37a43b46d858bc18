import logging
import sys

import numpy as np
import pytest
from pydantic import ValidationError
from recordings import put, tone, wav

from augment.data import ArrayDeclaration, SchemaDeclaration, as_labels
from augment.errors import DataError
from augment.plugin.context import Context
from augment_audio.source import AudioFolderSource


def read(folder, declared=None, **params):
    source = AudioFolderSource(AudioFolderSource.Params(path=folder, **params))
    return source.read(Context(seed=0, folder=folder, declared=declared or SchemaDeclaration()))


def message(folder, **params):
    with pytest.raises(DataError) as caught:
        read(folder, **params)
    return str(caught.value)


def labels(data, name="label"):
    return as_labels(data.frame[name]).tolist()


# where rows come from


def test_class_folders_become_labels_in_the_order_of_file_names(tmp_path):
    for name, seconds in {"dog/b.wav": 0.1, "cat/z.WAV": 0.2, "dog/a.wav": 0.3}.items():
        put(tmp_path / name, seconds)
    data = read(tmp_path)
    assert labels(data) == ["cat", "dog", "dog"]
    assert (data.schema.target, data.schema.modality) == ("label", "audio")
    assert data.frame.length.tolist() == [1600, 2400, 800]
    array = data.schema.arrays["audio"]
    assert (array.shape, array.rate, array.range, array.length_column) == ((2400,), 8000, (-1, 1), "length")
    audio = data.arrays["audio"]
    assert audio.dtype == np.float32
    np.testing.assert_allclose(audio[0, :1600], tone(0.2), atol=1e-4)
    assert not audio[0, 1600:].any()


def test_recordings_of_one_length_have_no_column_of_lengths(tmp_path):
    for name in ("a/1.wav", "b/1.wav"):
        put(tmp_path / name, 0.1)
    data = read(tmp_path)
    assert list(data.frame) == ["label"]
    assert data.schema.arrays["audio"].length_column is None


def test_a_metadata_csv_says_what_recordings_are(tmp_path):
    for name in ("x/1.wav", "x/2.wav"):
        put(tmp_path / name, 0.1)
    (tmp_path / "metadata.csv").write_text("file_name,label,age\nx/2.wav,cat,3\nx/1.wav,dog,4\n")
    data = read(tmp_path)
    assert labels(data) == ["cat", "dog"]
    assert data.frame.age.tolist() == [3, 4]
    assert data.schema.target == "label"


def test_a_csv_file_in_a_folder_below_names_recordings(tmp_path):
    # as ESC-50 and UrbanSound8K have it
    lines = ["slice_file_name,fsID,fold,classID,class"]
    for number in range(20):
        name, label = f"{number}.wav", number % 2
        put(tmp_path / "audio" / f"fold{1 + number // 10}" / name, 0.1)
        lines.append(f"{name},{number // 2},{1 + number // 10},{label},{('dog', 'siren')[label]}")
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "UrbanSound8K.csv").write_text("\n".join(lines) + "\n")
    settings = AudioFolderSource.settings_for(tmp_path)
    assert settings == {
        "table": "metadata/UrbanSound8K.csv",
        "file_name": "slice_file_name",
        "label": "class",
        "columns": ["fsID", "fold", "class"],
    }
    data = read(tmp_path, **settings)
    assert data.schema.target == "class"
    assert labels(data, "class")[:3] == ["dog", "siren", "dog"]
    assert AudioFolderSource.group_for(settings, data)[0] == "fsID"
    assert AudioFolderSource.group_for({}, data.drop_columns(["fsID"]))[0] == "fold"


def test_labels_in_words_are_chosen_before_their_numbers(tmp_path):
    lines = ["filename,fold,target,category,esc10,src_file,take"]  # as ESC-50 has it
    for number in range(24):
        name, label = f"{1 + number % 3}-{number // 3}-A-{number % 4}.wav", number % 4
        put(tmp_path / "audio" / name, 0.1)
        lines.append(f"{name},{1 + number % 3},{label},{['dog', 'rain', 'sea', 'cat'][label]},True,{number // 3},A")
    put(tmp_path / "meta" / "esc50.csv", ("\n".join(lines) + "\n").encode())
    settings = AudioFolderSource.settings_for(tmp_path)
    assert settings["table"] == "meta/esc50.csv"
    assert settings["label"] == "category"
    assert "target" not in settings["columns"]
    data = read(tmp_path, **settings)
    assert set(labels(data, "category")) == {"cat", "dog", "rain", "sea"}
    assert AudioFolderSource.group_for(settings, data.drop_columns(["src_file"]))[0] == "fold"


def test_names_of_files_become_columns_by_a_pattern(tmp_path):
    for name in ("7_theo_3.wav", "07_lucas_12.wav"):
        put(tmp_path / name, 0.1)
    data = read(tmp_path, pattern="{label}_{speaker}_{take}")
    assert labels(data) == ["07", "7"]
    assert labels(data, "speaker") == ["lucas", "theo"]
    assert data.frame["take"].tolist() == [12, 3]
    assert data.schema.target == "label"
    assert list(read(tmp_path, pattern="{label}_{}_{take}").frame) == ["label", "take"]


def test_a_pattern_of_paths_reads_folders_too(tmp_path):
    for name in ("yes/0a7_nohash_0.wav", "no/0a7_nohash_1.wav"):
        put(tmp_path / name, 0.1)
    data = read(tmp_path, pattern="{label}/{speaker}_nohash_{}")
    assert labels(data) == ["no", "yes"]
    assert list(data.frame) == ["label", "speaker"]


def test_a_pattern_without_a_label_adds_to_the_class_folders(tmp_path):
    for name in ("yes/ann-0.wav", "no/bob-1.wav"):
        put(tmp_path / name, 0.1)
    data = read(tmp_path, pattern="{speaker}-{take}")
    assert (labels(data), labels(data, "speaker")) == (["no", "yes"], ["bob", "ann"])


def test_names_that_do_not_fit_a_pattern_in_one_way_are_refused(tmp_path):
    for name in ("7_theo_3.wav", "7_de_theo_3.wav"):
        put(tmp_path / name, 0.1)
    said = message(tmp_path, pattern="{label}_{speaker}_{take}")
    assert "1 of 2 recordings are not called `{label}_{speaker}_{take}`: '7_de_theo_3.wav'" in said


@pytest.mark.parametrize("pattern", ["label_speaker", "{label}{speaker}", "{label}_{label}", "{label", "a}{label}"])
def test_a_pattern_that_means_nothing_is_refused(tmp_path, pattern):
    with pytest.raises(ValidationError):
        AudioFolderSource.Params(path=tmp_path, pattern=pattern)


def test_a_folder_without_recordings_says_what_is_expected(tmp_path):
    put(tmp_path / "a" / "1.png", b"x")
    assert "no recordings found" in message(tmp_path)
    assert "no recordings found" in message(tmp_path, pattern="{label}_{take}")
    assert "no such folder" in message(tmp_path / "absent")


# what they hold


def test_recordings_of_several_rates_are_refused_with_the_line_to_add(tmp_path, caplog):
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        put(tmp_path / name, 0.1)
    put(tmp_path / "b" / "2.wav", wav(tone(0.1, rate=16000), rate=16000))
    said = message(tmp_path)
    assert "8,000 Hz (3 recordings), 16,000 Hz (1 recordings)" in said
    assert "`rate: 8000`" in said
    with caplog.at_level(logging.INFO, "augment"):
        data = read(tmp_path, rate=8000)
    assert "1 of 4 recordings are resampled to 8000 Hz" in caplog.text
    assert data.schema.arrays["audio"].rate == 8000


@pytest.mark.parametrize("library", ["soxr", "scipy"])
def test_a_tone_is_the_same_at_another_rate(tmp_path, monkeypatch, library):
    if library == "scipy":
        monkeypatch.setitem(sys.modules, "soxr", None)
    else:
        pytest.importorskip("soxr")
    put(tmp_path / "1.wav", wav(tone(0.2, rate=44100), rate=44100))
    audio = read(tmp_path, rate=8000).arrays["audio"]
    assert audio.shape == (1, 1600)
    np.testing.assert_allclose(audio[0, 100:-100], tone(0.2)[100:-100], atol=0.01)


def test_a_rate_that_the_schema_says_otherwise_is_refused(tmp_path):
    put(tmp_path / "1.wav", 0.1)
    declared = SchemaDeclaration(arrays={"audio": ArrayDeclaration(rate=16000)})
    with pytest.raises(DataError, match="rate is 16000, and recordings have 8,000 Hz"):
        read(tmp_path, declared)


def test_channels_are_mixed_or_one_is_taken(tmp_path, caplog):
    put(tmp_path / "1.wav", wav(np.stack([tone(hertz=200), tone(hertz=300)], axis=1)))
    with caplog.at_level(logging.INFO, "augment"):
        mixed = read(tmp_path).arrays["audio"][0]
    assert "of 1 recordings with several channels, their mean is read" in caplog.text
    np.testing.assert_allclose(mixed, (tone(hertz=200) + tone(hertz=300)) / 2, atol=1e-4)
    for channels in ("left", "first"):
        np.testing.assert_allclose(read(tmp_path, channels=channels).arrays["audio"][0], tone(hertz=200), atol=1e-4)


def test_different_numbers_of_channels_are_refused_unless_somebody_says_how(tmp_path):
    put(tmp_path / "1.wav", 0.1)
    put(tmp_path / "2.wav", wav(np.stack([tone()] * 6, axis=1)))
    said = message(tmp_path)
    assert "1 channels (1 recordings), 6 channels (1 recordings)" in said
    assert "`channels: mean`" in said
    assert len(read(tmp_path, channels="mean")) == 2


def test_channels_that_cancel_each_other_out_are_named(tmp_path, caplog):
    put(tmp_path / "1.wav", wav(np.stack([tone(), -tone()], axis=1)))
    read(tmp_path)
    assert "more than 20 dB are lost in their mean: 1.wav" in caplog.text


def test_samples_beyond_one_make_all_recordings_quieter_by_one_factor(tmp_path, caplog):
    put(tmp_path / "1.wav", wav(6 * tone(), coding=3, bits=32))
    put(tmp_path / "2.wav", 0.1)
    audio = read(tmp_path).arrays["audio"]
    assert "samples reach 3, and may be from -1 to 1" in caplog.text
    assert 0.999 < np.abs(audio[0]).max() <= 1
    np.testing.assert_allclose(audio[1], tone() / 3, atol=1e-3)


def test_bad_recordings_are_listed_or_left_out(tmp_path, caplog):
    put(tmp_path / "a" / "good.wav", 0.1)
    put(tmp_path / "a" / "cut.wav", wav(tone())[:1000])
    put(tmp_path / "b" / "good.wav", 0.1)
    put(tmp_path / "b" / "page.mp3", b"<html>" * 20)
    put(tmp_path / "b" / "short.wav", wav(tone()[:1]))
    put(tmp_path / "b" / "none.wav", wav(np.zeros(0)))
    said = message(tmp_path)
    assert "4 of 6 recordings cannot be used" in said
    for problem in ("a/cut.wav: is cut short", "b/page.mp3: holds text", "b/short.wav: lasts 0.000 s, shorter than"):
        assert problem in said
    data = read(tmp_path, on_bad_audio="skip")
    assert labels(data) == ["a", "b"]
    assert "4 of 6 recordings cannot be used and are left out" in caplog.text
    assert len(read(tmp_path, on_bad_audio="skip", min_seconds=0)) == 3


def test_one_long_recording_among_short_ones_is_refused_with_their_lengths(tmp_path):
    for number in range(9):
        put(tmp_path / f"{number}.wav", 0.1)
    put(tmp_path / "long.wav", 2.0)
    said = message(tmp_path, max_seconds=1)
    assert "1 of 10 recordings last longer than `max_seconds: 1`: long.wav (2.0 s)" in said
    assert "half last up to 0.10 s" in said
    assert "`cut: windows`" in said
    assert len(read(tmp_path, max_seconds=1, on_bad_audio="skip")) == 9


def test_long_recordings_are_cut_into_windows_that_know_their_recording(tmp_path):
    put(tmp_path / "a" / "long.wav", 2.7)
    put(tmp_path / "b" / "rest.wav", 1.2)
    put(tmp_path / "b" / "short.wav", 0.2)
    data = read(tmp_path, max_seconds=1, cut="windows")
    assert data.frame.recording.tolist() == ["a/long.wav"] * 3 + ["b/rest.wav", "b/short.wav"]
    assert labels(data) == ["a", "a", "a", "b", "b"]
    assert data.frame.length.tolist() == [8000, 8000, 5600, 8000, 1600]
    assert data.schema.columns["recording"].type == "id"
    assert data.schema.arrays["audio"].group_column == "recording"
    np.testing.assert_allclose(data.arrays["audio"][1], tone(2.7)[8000:16000], atol=1e-4)
    assert AudioFolderSource.group_for({}, data) == ("recording", "windows of one recording are in the same part")


@pytest.mark.parametrize(
    ("samples", "said"),
    [(0 * tone(), "silent"), (np.clip(10 * tone(), -1, 1), "clipped"), (0.3 * tone() + 0.5, "shifted")],
)
def test_odd_recordings_are_kept_and_counted(tmp_path, caplog, samples, said):
    put(tmp_path / "1.wav", wav(samples))
    put(tmp_path / "2.wav", 0.1)
    assert len(read(tmp_path)) == 2
    assert f"1 of 2 recordings are {said}" in caplog.text


def test_a_loud_recording_is_not_taken_for_a_clipped_one(tmp_path, caplog):
    put(tmp_path / "1.wav", wav(tone(level=1.0)))
    put(tmp_path / "2.wav", wav(6 * tone(), coding=3, bits=32))
    read(tmp_path)
    assert "clipped" not in caplog.text


def test_how_recordings_are_stored_is_said_where_it_is_not_as_usual(tmp_path, caplog):
    put(tmp_path / "1.wav", 0.1)
    with caplog.at_level(logging.INFO, "augment"):
        read(tmp_path)
        assert not caplog.text
        put(tmp_path / "2.wav", wav(tone(), bits=24))
        read(tmp_path)
    assert f"{tmp_path.name}: of 2 recordings, 1 of 16-bit PCM, 1 of 24-bit PCM" in caplog.text
    assert str(tmp_path) not in caplog.text  # reports have no paths of a machine


def test_a_column_of_the_name_of_one_of_ours_is_refused(tmp_path):
    put(tmp_path / "1.wav", 0.1)
    put(tmp_path / "2.wav", 0.2)
    (tmp_path / "metadata.csv").write_text("file_name,length\n1.wav,3\n2.wav,4\n")
    assert "there is a column 'length'" in message(tmp_path)
    (tmp_path / "metadata.csv").write_text("file_name,length,label\n1.wav,3,a\n2.wav,4,b\n")
    assert read(tmp_path, columns=("label",)).frame.length.tolist() == [800, 1600]
    assert "has no column 'labl'" in message(tmp_path, columns=("labl",))


def test_a_large_folder_is_a_memory_map_with_the_same_rows(tmp_path, monkeypatch):
    for number in range(4):
        put(tmp_path / f"{number}.wav", wav((1 + number) * tone(0.4 - 0.1 * number), coding=3, bits=32))
    small = read(tmp_path)
    monkeypatch.setattr("augment_audio.stack.IN_MEMORY", 1000)
    large = read(tmp_path)
    assert isinstance(large.arrays["audio"], np.memmap)
    assert not isinstance(small.arrays["audio"], np.memmap)
    assert large.equals(small)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{number}.wav" for number in range(4)]


def test_progress_tells_how_many_recordings_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("augment_audio.reading.AT_ONCE", 2)
    for number in range(5):
        put(tmp_path / f"{number}.wav", 0.1)
    told = []
    source = AudioFolderSource(AudioFolderSource.Params(path=tmp_path))
    source.read(Context(seed=0, folder=tmp_path, progress=lambda step, total, losses: told.append((step, total))))
    assert told == [(2, 5), (4, 5), (5, 5)]


# what is found without being said


def test_a_folder_of_recordings_is_known_and_one_of_images_is_not(tmp_path):
    put(tmp_path / "sounds" / "a" / "1.wav", 0.1)
    put(tmp_path / "pictures" / "a" / "1.png", b"x")
    assert AudioFolderSource.sniff(tmp_path / "sounds", b"") == 0.9
    assert AudioFolderSource.sniff(tmp_path / "pictures", b"") is None
    assert AudioFolderSource.sniff(tmp_path / "sounds" / "a" / "1.wav", b"") is None


def flat(folder, speakers=("ann", "bob"), takes=3, digits=3):
    for digit in range(digits):
        for speaker in speakers:
            for take in range(takes):
                put(folder / f"{digit}_{speaker}_{take}.wav", wav(tone()))


def test_names_that_look_alike_give_a_pattern_with_the_speaker(tmp_path):
    flat(tmp_path)
    settings = AudioFolderSource.settings_for(tmp_path)
    assert settings == {"pattern": "{label}_{speaker}_{take}"}
    data = read(tmp_path, **settings)
    group, why = AudioFolderSource.group_for(settings, data)
    assert group == "speaker"
    assert "recur in most classes" in why


def test_speakers_with_numbers_are_not_taken_for_takes(tmp_path):
    flat(tmp_path, speakers=("01", "02", "03"))
    assert AudioFolderSource.settings_for(tmp_path) == {"pattern": "{label}_{speaker}_{take}"}


def test_a_part_that_is_the_same_everywhere_is_no_column(tmp_path):
    for label in ("no", "yes"):
        for speaker in ("0a7", "1b3"):
            for take in range(3):
                put(tmp_path / label / f"{speaker}_nohash_{take}.wav", wav(tone()))
    assert AudioFolderSource.settings_for(tmp_path) == {"pattern": "{speaker}_nohash_{take}"}


def test_names_that_say_nothing_give_no_pattern(tmp_path):
    for number in range(12):
        put(tmp_path / "ab"[number % 2] / f"clip_{number}.wav", wav(tone()))
    assert AudioFolderSource.settings_for(tmp_path) == {}
