import io
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from recordings import RATE, put, tone, wav

from augment.errors import DataError
from augment.toolkit.audio.decoding import BadRecordingError, TooLongError, decode


def bad(content, max_seconds=30.0):
    with pytest.raises(BadRecordingError) as caught:
        decode(content, max_seconds)
    return str(caught.value)


def of_library(samples=None, ending="flac", **options):
    """The bytes of a file that libsndfile writes."""
    soundfile = pytest.importorskip("soundfile")
    file = io.BytesIO()
    soundfile.write(file, tone() if samples is None else samples, RATE, format=ending, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("options", "coding", "error"),
    [
        ({"bits": 8}, "8-bit PCM", 1 / 128),
        ({}, "16-bit PCM", 1 / 32768),
        ({"bits": 24}, "24-bit PCM", 2**-23),
        ({"bits": 32}, "32-bit PCM", 2**-24),
        ({"coding": 3, "bits": 32}, "32-bit float", 0),
        ({"coding": 3, "bits": 64}, "64-bit float", 0),
        ({"bits": 24, "extensible": True}, "24-bit PCM", 2**-23),
    ],
    ids=["u8", "16", "24", "32", "float", "double", "extensible"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_plain_wav_files_are_read_without_a_library(monkeypatch, options, coding, error, channels):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    samples = np.stack([tone(hertz=200 * (number + 1)) for number in range(channels)], axis=1)
    recording = decode(wav(samples, **options), 30)
    assert (recording.rate, recording.coding) == (RATE, coding)
    assert recording.samples.dtype == np.float32
    np.testing.assert_allclose(recording.samples, samples, atol=error)


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF, 0xFFFFFFF0, 0x7FFFFFFF])
def test_samples_of_unknown_size_last_until_the_end(claimed):
    assert len(decode(wav(tone(), claimed=claimed), 30).samples) == 800


def test_no_samples_and_a_remark_behind_them_are_no_samples():
    remark = b"LIST" + struct.pack("<I", 4) + b"INFO"
    assert len(decode(wav(np.zeros(0)) + remark, 30).samples) == 0


def test_an_odd_chunk_before_the_samples_is_passed_over():
    content = wav(tone())
    content = content[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + content[12:]
    assert len(decode(content, 30).samples) == 800


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (wav(tone())[:1000], "cut short: its header claims 1,600 bytes of samples, and 956 are there"),
        (wav(tone())[:20], "describes no samples"),
        (wav(tone(), rate=0), "claims a rate of 0 Hz"),
        (wav(tone(), rate=2**31 - 1), "claims a rate of 2,147,483,647 Hz"),
        (wav(tone(), channels=0), "claims 0 channels"),
        (wav(tone(), channels=1000), "claims 1,000 channels"),
        (wav([0, np.nan, 0], coding=3, bits=32), "not finite"),
        (wav([0, 1e300, 0], coding=3, bits=64), "not finite"),
        (wav(tone(), head=b"RIFX"), "is not audio that can be read"),
        (b"<html>404 not found</html>" * 20, "holds text, not audio"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "ffmpeg -i"),
    ],
    ids=["empty", "cut", "header", "rate0", "rate", "channels0", "channels", "nan", "huge", "rifx", "html", "m4a"],
)
def test_what_is_no_recording_is_refused_in_words(content, said):
    assert said in bad(content)


def test_the_line_that_converts_a_file_names_it(tmp_path):
    path = put(tmp_path / "talk one.m4a", b"\0\0\0\x20ftypM4A " + bytes(50))
    assert 'ffmpeg -i "talk one.m4a" "talk one.wav"' in bad(path)


def test_a_recording_may_last_so_long_and_no_longer():
    assert len(decode(wav(tone(0.5)), 0.5).samples) == 4000
    with pytest.raises(TooLongError, match=r"lasts 0\.5 s, longer than `max_seconds: 0\.4`") as caught:
        decode(wav(tone(0.5)), 0.4)
    assert caught.value.seconds == 0.5


def test_a_claim_of_many_samples_takes_no_memory():
    # four gigabytes of them are claimed; a file of unknown size holds 100
    assert len(decode(wav(tone()[:100], claimed=0xFFFFFFFF), 1e6).samples) == 100


def test_without_the_extra_other_files_are_refused_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(DataError, match=r"a FLAC file needs the extra `audio`.*'augment-pipeline\[audio\]'"):
        decode(b"fLaC" + bytes(100), 30)
    with pytest.raises(DataError, match="a compressed wav file needs the extra"):
        decode(wav(tone(), coding=7, bits=8), 30)
    assert "without the extra `audio`" in bad(b"\1\2\3\4" * 30)


@pytest.mark.parametrize(
    ("ending", "options", "error"),
    [
        ("flac", {}, 1e-4),
        ("ogg", {}, 0.1),
        ("aiff", {}, 1e-4),
        ("mp3", {}, 0.2),
        ("wav", {"subtype": "ULAW"}, 0.02),
        ("wav", {"subtype": "ALAW"}, 0.02),
        ("wav", {"subtype": "MS_ADPCM"}, 0.05),
    ],
)
def test_what_libsndfile_knows_is_read(ending, options, error):
    recording = decode(of_library(tone(0.5), ending, **options), 30)
    assert recording.rate == RATE
    assert abs(len(recording.samples) - 4000) < 100
    assert np.abs(recording.samples[:4000, 0] - tone(0.5)[: len(recording.samples)]).max() < error


def test_the_content_and_not_the_name_says_what_a_file_is(tmp_path):
    assert decode(put(tmp_path / "a.wav", of_library()), 30).coding == "FLAC PCM_16"
    assert decode(put(tmp_path / "a.mp3", wav(tone())), 30).coding == "16-bit PCM"


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3", "aiff"])
def test_what_was_cut_short_is_refused(ending):
    content = of_library(tone(2.0), ending)
    assert "cut short" in bad(content[: len(content) // 2])


def test_a_compressed_wav_file_that_was_cut_short_is_refused():
    assert "cut short" in bad(of_library(ending="wav", subtype="ULAW")[:500])


def test_a_damaged_flac_file_is_refused():
    content = bytearray(of_library(tone(2.0)))
    content[len(content) // 2] ^= 0xFF
    assert "is a FLAC file that is damaged or cut short" in bad(bytes(content))


def test_a_header_that_claims_days_of_sound_takes_no_memory():
    content = bytearray(of_library())
    content[21] |= 0x0F  # the number of samples has 36 bits
    content[22:26] = b"\xff" * 4
    assert "cut short" in bad(bytes(content))


def test_no_more_is_decoded_than_a_recording_may_last():
    content = of_library(np.zeros(8000 * 600, dtype=np.int16))  # a small file of ten minutes
    with pytest.raises(TooLongError) as caught:
        decode(content, 1)
    assert caught.value.seconds == 600


def test_a_damaged_mp3_file_prints_nothing(tmp_path):
    content = bytearray(of_library(tone(2.0), "mp3"))
    content[1200:1500] = bytes(300)
    path = put(tmp_path / "a.mp3", b"\xff\xfb\x90" + bytes(content))
    code = (
        "import sys, pathlib; from augment.toolkit.audio.decoding import decode, BadRecordingError\n"
        "try: decode(pathlib.Path(sys.argv[1]), 30)\n"
        "except BadRecordingError: pass\n"
        "sys.stderr.write('still open')"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, env=dict(os.environ))
    assert done.stderr == "still open"
