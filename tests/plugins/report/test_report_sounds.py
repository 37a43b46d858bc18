from __future__ import annotations

import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from melodies import RATE, disguised, melodies, with_waves
from PIL import Image
from report_fakes import assemble
from test_report import read_safely, write

from augment.toolkit.audio.wav import find_layout, read_samples, to_16_bits
from augment_report import samples
from augment_report.sounds import Sounds, nearest_recordings


@pytest.fixture(scope="module")
def sounds():
    return melodies(40, 0)


def played(page):
    """The samples of every player, (T,) each."""
    found = []
    for address in re.findall(r'<audio [^>]*src="data:audio/wav;base64,([^"]+)"', page):
        file = io.BytesIO(base64.b64decode(address))
        layout = find_layout(file)
        assert layout.rate == RATE
        found.append(read_samples(file, layout, 10**9)[:, 0])
    return found


def opacity(picture):
    """How much a spectrogram shows, (B, W), the highest band first."""
    with Image.open(io.BytesIO(base64.b64decode(picture["src"].split(",")[1]))) as image:
        return np.asarray(image.convert("RGBA"))[..., 3].astype(float)


def test_recordings_can_be_seen_and_heard(sounds, tmp_path):
    made = disguised(sounds.take(slice(10)))
    page = write(assemble(sounds, sounds, {"edits": made}), tmp_path)
    read_safely(page)
    heard = played(page)
    # two classes, three of each, real and synthetic; and three synthetic ones beside their nearest
    assert len(heard) == 2 * 3 * 2 + 3 * 2
    assert page.count("data:image/png") == len(heard)
    first = sounds.arrays["sound"][sounds.frame["label"] == sounds.schema.classes[0]][0]
    assert any(np.array_equal(to_16_bits(one), to_16_bits(first)) for one in heard)


def test_the_policy_of_the_page_lets_players_play_what_the_page_holds_and_no_more(sounds, tmp_path):
    page = write(assemble(sounds, sounds, {"edits": sounds}), tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert "media-src data:;" in policy
    assert not re.search(r'<audio[^>]*src="(?!data:)', page)


def test_all_recordings_are_drawn_on_one_scale(sounds):
    scale = Sounds(sounds, 6, 10**6)
    full, soft, high = (
        opacity(scale.show(one.take([0]), "", is_real=False)["clips"][0]["picture"])
        for one in (
            sounds,
            with_waves(sounds, 0.2 * sounds.arrays["sound"]),
            sounds.take(np.flatnonzero(sounds.frame["label"] == "high")),
        )
    )
    assert 0 < soft.sum() < 0.8 * full.sum()
    low = opacity(
        scale.show(sounds.take(np.flatnonzero(sounds.frame["label"] == "low")[:1]), "", True)["clips"][0]["picture"]
    )
    rows = np.arange(len(low))
    assert (high.sum(axis=1) @ rows) / high.sum() < (low.sum(axis=1) @ rows) / low.sum()  # high ones are drawn above
    assert full[:, : len(full[0]) // 2].sum() > full[:, len(full[0]) // 2 :].sum()  # from left to right


def test_long_recordings_play_their_beginning_and_the_page_says_so(tmp_path):
    waves = np.random.default_rng(0).uniform(-0.5, 0.5, (12, 60 * RATE)).astype(np.float32)
    long = dataset(
        pd.DataFrame({"label": ["a", "b"] * 6}),
        {"sound": waves},
        target="label",
        arrays={"sound": {"type": "audio", "rate": RATE, "range": (-1, 1)}},
    )
    page = write(assemble(long, long, {"edits": long}), tmp_path)
    assert sum(len(one) for one in played(page)) * 2 * 4 / 3 < 2_000_000
    assert re.search(r"12 players\s+play only the first [\d.]+ s", read_safely(page).text)


def test_recordings_for_which_there_is_no_room_are_counted(sounds, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "MAX_SOUND", 25_000)
    text = read_safely(write(assemble(sounds, sounds, {"edits": sounds}), tmp_path)).text
    assert "8 recordings have no player" in " ".join(text.split())


def test_the_nearest_recording_is_the_one_that_a_copy_was_made_of(sounds):
    copies = disguised(sounds.take(np.array([7, 12, 30])))
    origin = np.array(["edits"] * 3)
    found = nearest_recordings(sounds, melodies(30, 5), copies, origin, ["edits"], 10**6)
    near = [pair["real"]["clips"][0]["player"] for pair in found["pairs"]]
    scale = Sounds(sounds, 6, 10**6)
    assert near == [scale.show(sounds.take([row]), "", True)["clips"][0]["player"] for row in (7, 12, 30)]
    assert max(float(pair["distance"]) for pair in found["pairs"]) < 0.6 * float(found["usual"])


def test_an_equal_recording_is_at_distance_0(sounds):
    found = nearest_recordings(sounds, sounds, sounds.take([3]), np.array(["bootstrap"]), ["bootstrap"], 10**6)
    assert [pair["distance"] for pair in found["pairs"]] == ["0"]


def test_silence_is_drawn_and_played(sounds):
    silent = with_waves(sounds, np.zeros_like(sounds.arrays["sound"]))
    shown = Sounds(silent, 3, 10**5).show(silent, "", is_real=True)
    assert len(shown["clips"]) == 3
