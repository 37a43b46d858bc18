from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from run_records import arm, build, manifest, run_metrics

from augment.errors import DataError, DiskError, PluginError
from augment.storage.hashes import file_sha256
from augment.storage.publish_run import Place
from augment.storage.run_folder import Run

KEY = "0123456789abcdef"


@pytest.fixture
def place(tmp_path):
    """Gives the place of a run."""
    return lambda: Place(tmp_path, "credit", KEY, None, False)


# reading


def test_a_run_tells_what_its_manifest_says(place):
    run = build(place())
    assert (run.name, run.key, run.status, run.exit_code) == ("credit", KEY, "done", 0)
    assert run.metrics == run_metrics(rows={"train": 3}, notes=["a note"])
    assert run.report == run.folder / "report.html"
    assert run.resolved == run.folder / "resolved.yaml"


@pytest.mark.parametrize("content", [None, "", "{", "[]", "null", '{"name": "x", "key": "x"}'])
def test_what_is_no_finished_run_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(DataError, match="is not the folder of a finished run"):
        Run(tmp_path)


def test_a_file_is_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is not the folder of a finished run"):
        Run(tmp_path / "file")


def test_a_part_that_cannot_be_read_is_a_disk_error_that_names_it(place):
    run = build(place())
    (run.folder / "metrics.json").write_text("{")
    with pytest.raises(DiskError, match=r"metrics\.json cannot be read"):
        _ = run.metrics


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda content: content.clear(), "rows: field required"),
        (lambda content: content["trial"].pop("arms"), "trial.arms: field required"),
        (lambda content: content["rows"].update(train="many"), "rows.train: input should be a valid integer"),
        (lambda content: content["trial"].update(verdict="splendid"), "trial.verdict: input should be"),
    ],
    ids=["empty", "missing key", "wrong type", "unknown verdict"],
)
def test_metrics_that_no_run_writes_are_refused_with_the_place(place, spoil, where):
    run = build(place())
    content = json.loads((run.folder / "metrics.json").read_text())
    spoil(content)
    (run.folder / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(DiskError, match=rf"metrics\.json is damaged, or another version .*{where}"):
        _ = run.metrics


def test_a_run_shows_its_verdict_and_its_arms(place):
    trial = {"arms": [arm("none", 0.5), arm("synthetic", 0.75)], "score": "accuracy", "sentence": "1 < 2 & so on"}
    with place().building({}) as draft:
        draft.write_json("metrics.json", run_metrics(trial=trial).model_dump())
        draft.finish(manifest())
    run = Run(place().final)
    assert repr(run).startswith("Run('credit', verdict='not assessable'")
    assert repr(run.trial) == "TrialResult('not assessable', arms: none, synthetic; 1 < 2 & so on)"
    assert str(run.metrics).startswith("RunMetrics('not assessable', 0 + 0 training rows, 0 held out; has rows, ")
    html = run._repr_html_()
    assert "1 &lt; 2 &amp; so on" in html
    assert "0.750" in html
    assert "of all splits" not in html
    frame = run.trial.to_frame()
    assert frame["accuracy"].to_dict() == {"none": 0.5, "synthetic": 0.75}
    assert frame["low"].isna().all()
    over = {"values": [0.1, -0.1], "mean": 0.0, "interval": (-0.3, 0.3)}
    cuts = {"asked": 2, "chosen": ["synthetic"] * 2, "arms": {"synthetic": over}, "overall": over}
    arms = [*trial["arms"], arm("tuned", 0.6)]
    vars(run)["metrics"] = run_metrics(trial=trial | {"arms": arms, "cuts": cuts})
    assert "Differences and their intervals are over all splits" in run._repr_html_()
    frame = run.trial.to_frame()
    assert frame.loc["synthetic", ["difference", "low", "high"]].tolist() == [0.0, -0.3, 0.3]
    assert frame.loc["none", "difference"] == 0
    assert frame.loc["tuned", ["difference", "low", "high"]].isna().all()


def test_a_run_shows_its_first_notes(place):
    notes = ["column <id> is left out", "a long one " * 50, *"cdefg"]
    with place().building({}) as draft:
        draft.write_json("metrics.json", run_metrics(notes=notes).model_dump())
        draft.finish(manifest())
    run = Run(place().final)
    assert run.notes == notes
    lines = repr(run).splitlines()
    assert lines[1] == "  note: column <id> is left out"
    assert lines[2].startswith("  note: a long one")
    assert len(lines[2]) < 220
    assert lines[5:] == ["  note: e", "  note: 2 more are in run.notes"]
    assert "<li>column &lt;id&gt; is left out</li>" in run._repr_html_()


def test_a_model_is_given_when_its_files_are_what_was_written(place):
    run = build(place())
    assert run.model("gan") == run.folder / "models" / "gan"


@pytest.mark.parametrize(
    "harm", [lambda path: path.write_bytes(b"weighty"), lambda path: path.unlink()], ids=["changed", "missing"]
)
def test_a_model_that_was_changed_is_refused(place, harm):
    run = build(place())
    harm(run.folder / "models" / "gan" / "state.safetensors")
    with pytest.raises(DiskError, match=r"state\.safetensors is missing or is not what the run wrote"):
        run.model("gan")


def test_a_model_whose_folder_is_gone_is_missing_and_not_unknown(place):
    run = build(place())
    (run.folder / "models" / "gan" / "state.safetensors").unlink()
    (run.folder / "models" / "gan").rmdir()
    (run.folder / "models").rmdir()
    with pytest.raises(DiskError, match="missing"):
        run.model("gan")


@pytest.mark.parametrize("name", ["vae", "../data", "", "."])
def test_a_generator_that_the_run_does_not_have_is_refused_with_those_it_has(place, name):
    with pytest.raises(DataError, match=r"has no generator .*; it has gan"):
        build(place()).model(name)


# writing


def test_the_manifest_has_the_hash_of_every_other_file(place):
    with place().building({}) as draft:
        draft.write_text("log.txt", "lines\n")
        (draft.folder / "data" / "run.json").write_text("a data file of that name")
        draft.finish(manifest())
    run = Run(place().final)
    assert set(run.manifest.files) == {"log.txt", "data/run.json"}
    for name, expected in run.manifest.files.items():
        assert file_sha256(run.folder / name) == expected


def test_arrays_numbers_and_times_are_written_as_plain_json(place):
    content = {"rows": np.arange(2), "share": np.float32(0.5), "when": pd.Timestamp("2024-01-02")}
    with place().building({}) as draft:
        draft.write_json("split.json", content)
        draft.finish(manifest())
    assert Run(place().final).split == {"rows": [0, 1], "share": 0.5, "when": "2024-01-02T00:00:00"}


def test_what_is_no_number_is_never_written(place):
    with pytest.raises(ValueError, match="JSON compliant"), place().building({}) as draft:
        draft.write_json("metrics.json", {"value": float("nan")})


# what components write


@pytest.mark.parametrize(
    ("place_of", "name"),
    [
        ("data", "train.csv"),
        ("data", "TRAIN.CSV"),
        ("", "run.json"),
        ("", "Log.txt"),
        ("", "private.json"),
        ("", "data"),
    ],
)
def test_a_component_does_not_replace_what_another_one_wrote(place, place_of, name):
    with pytest.raises(PluginError, match=rf"sink 'b' wrote '{name}', but the run has"), place().building({}) as draft:
        with draft.lending("sink 'a'", "data") as folder:
            (folder / "train.csv").write_text("first")
        with draft.lending("sink 'b'", place_of) as folder:
            (folder / name).write_text("second")


def test_what_components_write_is_in_the_run(place):
    with place().building({}) as draft:
        for name in ("train.csv", "run.json"):
            with draft.lending("sink 'a'", "data") as folder:
                (folder / name).write_text(name)
        with draft.lending("reporter 'html'") as folder:
            (folder / "pages").mkdir()
            (folder / "pages" / "report.html").write_text("")
        draft.finish(manifest())
    assert set(Run(place().final).manifest.files) == {"data/train.csv", "data/run.json", "pages/report.html"}
