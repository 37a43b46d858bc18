from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import augment
from augment.errors import Interrupted, SpecError
from augment.resampling import Augmenter
from augment.runner import search_rounds
from augment.runner.check import check
from augment.runner.run import run
from augment.storage.hashes import file_sha256

pytestmark = pytest.mark.usefixtures("fakes")

PLANTED = {"use": "fake-planted", "with": {"rows": 100}}
MIX = {"rows": "2x", "search": {"seeds": 5}}
TRIAL = {"probe": "logistic", "seeds": 1}


def planted(*tells):
    """A generator whose rows are worth something with one setting alone."""
    return {"use": "fake-planted-rows", "with": {"tells": {"search": list(tells)}}}


@pytest.fixture
def found(spec):
    def made(workers=0, events=None, **sections):
        sections = {"source": PLANTED, "generators": [planted(False, True)], "mix": MIX, "trial": TRIAL, **sections}
        done = run(spec(**sections), workers=workers, events=events)
        return done, done.metrics.settings

    return made


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: file_sha256(path) for name, path in named.items() if name not in ("run.json", "log.txt")}


def params_of(done, generator="fake-planted-rows"):
    return json.loads((done.folder / "models" / generator / "generator.json").read_text())["component"]["params"]


@pytest.fixture
def fits(monkeypatch):
    """Of each round of fits in a search, how many were wanted, and how many were made."""
    counted, fit_all = [], search_rounds.fit_all

    def fit(session, wanted, tell=True):
        def kept():
            return {path.name for path in (session.store.root / "objects").glob("generator-*")}

        before = kept()
        folders = fit_all(session, wanted, tell)
        counted.append((len(wanted), len(kept() - before)))
        return folders

    monkeypatch.setattr(search_rounds, "fit_all", fit)
    return counted


def test_a_setting_that_is_clearly_better_is_found_and_used(found):
    done, settings = found()
    result = settings["fake-planted-rows"]
    assert result.settings == {"tells": True}
    assert result.chosen == "settings-2"
    first, second = result.candidates
    assert (first.label, second.label) == ("tells: false", "tells: true")
    assert (first.difference, first.left) == (0.0, None)
    assert second.difference > 2 * second.error > 0
    assert second.chance >= 0.95
    assert params_of(done)["tells"] is True
    assert "chose tells: true of 1 other that was tried" in result.sentence
    assert result.sentence in done.metrics.notes


def test_where_the_first_is_better_it_is_kept_and_that_is_said(found):
    done, settings = found(generators=[planted(True, False)])
    result = settings["fake-planted-rows"]
    assert (result.chosen, result.settings) == ("settings-1", {"tells": True})
    assert (
        "kept the first listed, tells: true: of 1 other that was tried, none is at least 95 % sure" in result.sentence
    )
    assert params_of(done)["tells"] is True


def test_settings_that_change_nothing_leave_the_first(found):
    scales = {"use": "fake-planted-rows", "with": {"scale": {"search": [0.1, 0.2, 0.3]}}}  # which it ignores
    _, settings = found(generators=[scales])
    assert settings["fake-planted-rows"].settings == {"scale": 0.1}
    assert {one.difference for one in settings["fake-planted-rows"].candidates} == {0.0}


def test_where_the_mix_is_searched_for_too_none_stays_a_candidate_and_no_fit_is_made_twice(found, fits):
    done, settings = found(mix={"rows": "auto", "search": {"seeds": 5, "amounts": ["1x"]}})
    assert settings["fake-planted-rows"].settings == {"tells": True}
    assert done.metrics.search.candidates[0].id == "none"
    assert fits == [(10, 10), (5, 0)]  # two settings in five seeds, then those of the chosen one again


def test_each_generator_is_searched_for_alone(found):
    scales = {"use": "fake-free", "with": {"scale": {"search": [0.1, 0.2]}}}
    done, settings = found(generators=[scales, planted(False, True), "fake-move"], mix={**MIX, "rows": 90})
    assert list(settings) == ["fake-free", "fake-planted-rows"]
    for generator, result in settings.items():
        assert {tuple(one.share) for one in result.candidates} == {(generator,)}
        assert {one.synthetic for one in result.candidates} == {90}
    assert {name: counts.kept for name, counts in done.metrics.generators.items()} == {
        "fake-free": 30,
        "fake-planted-rows": 30,
        "fake-move": 30,
    }


def test_the_same_bytes_with_one_worker_and_two_after_a_stop_and_from_the_store(found, fits, monkeypatch, tmp_path):
    pipeline = {"name": "same", "filters": ["fake-reject"], "trial": {"probe": "fake-centroids", "seeds": 1}}
    pipeline |= {"mix": {"rows": "1x", "search": {"seeds": 2}}}
    first = contents(found(workers=1, **pipeline)[0].folder)
    shutil.move(tmp_path / "runs", tmp_path / "first")
    assert contents(found(workers=1, **pipeline)[0].folder) == first  # all from the store
    shutil.move(tmp_path / "runs", tmp_path / "second")
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "other"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_rounds.Rounds, "_judge", interrupt)
        with pytest.raises(Interrupted):
            found(workers=2, **pipeline)
    fits.clear()
    assert contents(found(workers=2, **pipeline)[0].folder) == first
    assert fits[0] == (4, 0)  # those before the stop were kept


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.slow
def test_after_a_kill_in_the_search_the_same_command_ends_with_the_same_bytes(found, spec, store, tmp_path):
    undisturbed = contents(found(workers=2, name="killed")[0].folder)
    shutil.move(tmp_path / "runs", tmp_path / "undisturbed")
    shutil.rmtree(store)
    path = spec(name="killed", source=PLANTED, generators=[planted(False, True)], mix=MIX, trial=TRIAL)
    command = [sys.executable, "-c", "from augment.cli import main; main(prog_name='augment')", "run", str(path)]
    with subprocess.Popen([*command, "-q", "--workers", "2"]) as process:
        while len(list(store.glob("objects/generator-*"))) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert contents(found(workers=2, name="killed")[0].folder) == undisturbed


def test_settings_that_cannot_make_the_rows_leave_and_the_first_stays_to_be_compared_with(found):
    def far(*scales):
        return [{"use": "fake-move", "with": {"scale": {"search": list(scales)}}}]

    columns = {name: {"type": "number", "min": -10, "max": 10} for name in "xy"}
    sections = {"source": {"use": "fake-rows", "with": {"rows": 80}}, "schema": {"columns": columns}, "max_rounds": 2}
    _, settings = found(generators=far(0.1, 1e6), **sections)
    _, left = settings["fake-move"].candidates
    assert (left.left, left.values) == (0, [])
    assert "rows that fake-move was asked for could not be made" in left.reason
    assert settings["fake-move"].settings == {"scale": 0.1}
    _, settings = found(generators=far(1e6, 0.1), name="reversed", shortfall="warn", **sections)
    first, other = settings["fake-move"].candidates
    assert (len(first.values), first.left) == (5, None)
    assert len(other.values) == 5
    _, settings = found(
        generators=far(0.1, 1e6), name="filtered", filters=["fake-reject"], shortfall="warn", **sections
    )
    assert "filters cannot be fitted" in settings["fake-move"].candidates[1].reason


@pytest.mark.parametrize(
    ("sections", "why"),
    [
        (
            {"source": {"use": "fake-rows", "with": {"target": "none"}}, "trial": {"seeds": 1}},
            "there is no probe to try it with",
        ),
        ({"mix": {"rows": 0}}, "it would make no rows"),
    ],
)
def test_where_nothing_can_be_tried_the_first_is_kept_and_it_says_why(found, sections, why):
    generator = {"use": "fake-free", "with": {"scale": {"search": [0.2, 0.1]}}}
    done, settings = found(generators=[generator], **sections)
    result = settings["fake-free"]
    assert (result.candidates, result.settings) == ([], {"scale": 0.2})
    assert why in result.sentence
    assert result.sentence.endswith("the first listed are kept: scale: 0.2")
    assert result.sentence in done.metrics.notes


@pytest.mark.slow
def test_a_used_up_budget_ends_the_search_and_the_run_says_that_it_cannot_be_repeated(found):
    scales = {"use": "fake-planted-rows", "with": {"tells": False, "scale": {"search": [0.1, 0.2]}}}
    mix = {"rows": "1x", "search": {"seeds": 20, "budget": 1e-9}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_rounds, "is_settled", lambda *_: False)
        done, settings = found(generators=[scales], mix=mix)
    assert (settings["fake-planted-rows"].seeds, settings["fake-planted-rows"].complete) == (5, False)
    assert done.manifest.reproducible is False


def test_other_cuts_search_anew(found, fits):
    done, _ = found(
        source={"use": "fake-planted", "with": {"rows": 160}},
        split={"holdout": 0.4},
        trial={**TRIAL, "seeds": 2, "cuts": 2},
    )
    assert [made for _, made in fits] == [10, 10]
    assert done.metrics.trial.cuts.asked == 2


def test_from_python_with_data_in_memory():
    frame = pd.DataFrame({"x": range(60), "y": [number % 7 for number in range(60)], "label": ["a", "b", "c"] * 20})
    generator = {"use": "smote", "with": {"n_neighbors": {"search": [5, 2]}}}
    sections = {"mix": {"rows": "1x", "search": {"seeds": 2}}, "trial": {"probe": "logistic", "seeds": 1}}
    done = augment.run(frame, target="label", generators=[generator], metrics=[], reporters=[], workers=0, **sections)
    assert [one.label for one in done.metrics.settings["smote"].candidates] == ["n_neighbors: 5", "n_neighbors: 2"]


def test_where_there_is_no_trial_a_search_is_refused():
    frame = pd.DataFrame({"x": range(60), "label": ["a", "b", "c"] * 20})
    search = {"search": [5, 2]}
    with pytest.raises(
        SpecError, match=r"^settings.n_neighbors: settings are searched for by the trials of a run.*write one value"
    ):
        augment.fit("smote", frame, target="label", settings={"n_neighbors": search})
    with pytest.raises(ValueError, match=r"searched for by the trials of a run.*write one value"):
        Augmenter("smote", settings={"n_neighbors": search}).fit_resample(frame[["x"]], frame["label"])


def test_check_lists_the_settings_and_counts_what_each_takes(spec):
    generator = {"use": "smote", "with": {"n_neighbors": {"search": [5, 2, 3]}}}
    sections = {"source": {"use": "sklearn", "with": {"dataset": "wine"}}, "mix": {"rows": "1x"}, "trial": TRIAL}
    result = check(spec(generators=[generator], **sections), workers=0)
    assert result.settings == {"smote": ("n_neighbors: 5", "n_neighbors: 2", "n_neighbors: 3")}
    said = str(result)
    assert "of smote, searched for with up to 20 seeds: n_neighbors: 5; n_neighbors: 2; n_neighbors: 3" in said
    assert "smote {n_neighbors: {search: [5, 2, 3]}" in said
    alone = check(spec(name="alone", generators=["smote"], **sections), workers=0)
    assert result.cost.at_most
    assert result.cost.seconds["logistic"] > 2 * alone.cost.seconds["logistic"]


def test_a_finished_run_goes_on_making_rows_with_what_its_search_has_found(found, monkeypatch, tmp_path):
    from augment_fake import PlantedRows

    done, _ = found()
    seen, load = [], PlantedRows.load.__func__
    told = classmethod(lambda cls, folder, params: seen.append(params.tells) or load(cls, folder, params))
    monkeypatch.setattr(PlantedRows, "load", told)
    augment.sample(done.folder, rows=5, out=tmp_path / "more.csv", workers=0)
    assert len(pd.read_csv(tmp_path / "more.csv")) == 5
    next(iter(augment.loaders.mixed(done, batch_size=8)))
    assert set(seen) == {True}


def test_a_generator_may_be_called_mix(found):
    generator = {**planted(False, True), "id": "mix"}
    mix = {"rows": "auto", "search": {"seeds": 5, "amounts": ["1x"]}}
    done, settings = found(generators=[generator], mix=mix)
    assert settings["mix"].settings == {"tells": True}
    other = found(name="other", mix=mix)[0].metrics.search
    assert [one.values for one in done.metrics.search.candidates][:2] == [one.values for one in other.candidates][:2]
