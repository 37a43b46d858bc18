"""The text of what `augment check` found."""

from __future__ import annotations

import augment

PIPELINE = {
    "name": "wine",
    "source": {"use": "sklearn", "with": {"dataset": "wine"}},
    "generators": [{"use": "bootstrap", "id": "repeats"}],
    "filters": [],
    "mix": {"rows": "balance"},
}


def test_check_says_what_a_run_would_do(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    text = repr(augment.check(PIPELINE, workers=0))
    lines = [line.split() for line in text.splitlines()]
    assert ["run", "wine,", "seed", "0"] in lines
    assert any(line[:4] == ["data", "178", "rows", "of"] for line in lines)
    assert "cultivar, 3 classes: class_0, class_1, class_2" in text
    assert ["split", "142", "training", "rows,", "36", "held", "out"] in lines
    assert ["generator", "repeats:", "bootstrap"] in lines
    assert ["synthetic", "rows", "repeats"] in lines
    assert lines[-1] == ["no", "problems", "found"]
    (cost,) = (line for line in text.splitlines() if line.startswith("cost"))
    assert "about 10 CPU-seconds (boosting 7) and 400 MB of memory a worker, within a factor of two or three" in cost
    assert "not known for 'contamination'" in cost


def test_check_without_data_says_what_can_be_known():
    text = repr(augment.check(PIPELINE, data=False))
    assert "20% of the rows held out" in text
    assert "synthetic rows" not in text
    assert text.endswith("no problems found")
