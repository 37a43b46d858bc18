from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from slowly import slowly

from augment.data import Dataset
from augment.errors import SpecError
from augment.plugin import MeasuredGain, Suits
from augment.runner import fitting, generate, search_rounds
from augment.runner.check import check
from augment.runner.run import run
from augment.runner.sample_finished_run import sample
from augment_tables.table_probes import Logistic

pytestmark = pytest.mark.usefixtures("fakes")

ROWS = {"use": "fake-rows", "with": {"rows": 80}}
TRIAL = {"probe": "fake-centroids", "seeds": 2, "score": "balanced_accuracy"}
SMALL = {"rows": "auto", "search": {"seeds": 2, "amounts": ["balance", "1x"]}}


@pytest.fixture
def found(spec):
    """The run of a pipeline with a search, and what it found."""

    def made(events=None, workers=0, **sections):
        sections = {"source": ROWS, "generators": ["fake-drawn"], "mix": SMALL, "trial": TRIAL, **sections}
        done = run(spec(**sections), workers=workers, events=events)
        return done, done.metrics.search

    return made


def scored(monkeypatch, **gains):
    """Candidates fare as said, whatever they are: id to the gain over real rows alone; others lose."""
    standing = search_rounds.Entrant.standing

    def told(self, none, rule):
        gain = gains.get(self.candidate.id, 0.0 if self is none else -0.1)
        return standing(self, none, rule)._replace(difference=gain, error=0.01, expected=gain, chance=0.96 * (gain > 0))

    monkeypatch.setattr(search_rounds.Entrant, "standing", told)


def rows_of(done):
    return pd.read_csv(done.folder / "data" / "train.csv")


def test_the_winner_is_what_is_written_and_its_generators_go_on(found, monkeypatch, tmp_path):
    scored(monkeypatch, **{"blend-1x": 0.2})
    done, report = found(generators=["fake-drawn", "fake-move"])
    assert report.chosen == "blend-1x"
    assert report.mix.model_dump() == {"rows": "1x", "share": {"fake-drawn": 1.0, "fake-move": 1.0}}
    counts = rows_of(done)["origin"].value_counts()
    assert counts["fake-drawn"] == counts["fake-move"] == counts["real"] / 2
    assert done.metrics.trial.chosen == "synthetic"
    assert done.manifest.reproducible
    sample(done.folder, rows=5, out=tmp_path / "more.csv", generator="fake-move", workers=0)
    assert len(pd.read_csv(tmp_path / "more.csv")) == 5


@pytest.mark.slow
def test_who_has_no_part_in_the_mix_is_not_fitted(found, monkeypatch):
    scored(monkeypatch, **{"fake-move-balance": 0.2})
    done, _ = found(generators=["fake-drawn", "fake-move"])
    assert sorted(path.name for path in (done.folder / "models").iterdir()) == ["fake-move"]
    assert done.metrics.generators["fake-drawn"].asked == 0
    assert set(rows_of(done)["origin"]) == {"real", "fake-move"}


@pytest.mark.parametrize(
    ("winner", "words"),
    [
        ("threshold", "moved threshold"),
        (None, "Do not augment"),
        *slowly([("oversampling", "oversampling"), ("class-weights", "class weights")]),
    ],
)
def test_where_a_cheap_alternative_or_nothing_wins_only_real_rows_are_written(found, monkeypatch, winner, words):
    scored(monkeypatch, **({winner: 0.2} if winner else {}))
    done, report = found()
    assert set(rows_of(done)["origin"]) == {"real"}
    assert report.mix.rows == 0
    trial = done.metrics.trial
    assert trial.chosen == report.chosen == (winner or "none")
    assert words in trial.sentence
    assert [arm.id for arm in trial.arms] == ["none", "threshold", "class-weights", "oversampling"]
    assert list((done.folder / "models").iterdir()) == []
    assert report.sentence in done.metrics.notes


def test_no_fit_of_the_search_sees_a_row_that_judges_it(found, monkeypatch):
    judges, learnt = {}, []
    inner_cut, fit_all = search_rounds.inner_cut, fitting.fit_all

    def cut(train, split, seed, number):
        rows = inner_cut(train, split, seed, number)
        judges[number] = set(train.frame["x"].iloc[rows[1]])
        return rows

    def fit(session, fits, tell=True):
        learnt.extend((fit.bound.id, fit.train) for fit in fits)
        for fit in fits:
            if fit.train.parent.parent.name == "search":
                assert not judges[int(fit.train.parent.name)] & set(Dataset.load(fit.train).frame["x"])
        return fit_all(session, fits, tell)

    monkeypatch.setattr(search_rounds, "inner_cut", cut)
    for module in (fitting, generate, search_rounds):
        monkeypatch.setattr(module, "fit_all", fit)
    done, _ = found(filters=["fake-reject"])
    inner = {(id, place) for id, place in learnt if place.parent.parent.name == "search"}
    assert {id for id, _ in inner} == {"fake-drawn", "fake-reject"}
    held_out = pd.read_csv(done.folder / "data" / "test.csv")["x"]
    assert not set(held_out) & set().union(*judges.values())


def test_the_search_is_kept_and_taken_from_the_store(found, spec, monkeypatch):
    done, first = found()
    monkeypatch.setattr(search_rounds.Rounds, "run", None)
    path = spec("again", source=ROWS, generators=["fake-drawn"], mix=SMALL, trial=TRIAL, sinks=["csv"], seed=3)
    again = run(path, workers=0)
    assert again.metrics.search == first
    assert again.folder != done.folder


def test_a_search_does_not_depend_on_the_number_of_workers(found, monkeypatch, tmp_path):
    reports = []
    for workers in (0, 2):
        monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / f"store-{workers}"))
        done, report = found(workers=workers, name=f"workers-{workers}", filters=["fake-reject"])
        reports.append((report, rows_of(done).to_csv()))
    assert reports[0] == reports[1]


def test_half_leaves_at_each_barrier_and_its_standing_is_told(found, monkeypatch):
    ids = ("threshold", "class-weights", "oversampling", "fake-drawn-balance", "fake-drawn-1x")
    scored(monkeypatch, **{id_: 0.1 * (1 + place) for place, id_ in enumerate(ids)})
    events = []
    _, report = found(events=events.append, mix={**SMALL, "search": {**SMALL["search"], "seeds": 6}})
    told = [event for event in events if event["event"] == "candidates"]
    assert [event["seeds"] for event in told] == [0, 5, 6]
    seen = {one.id: len(one.values) for one in report.candidates}
    assert seen == {"none": 6, **dict.fromkeys(ids[:2], 5), **dict.fromkeys(ids[2:], 6)}
    assert all((one.left is None) == (len(one.values) == 6) for one in report.candidates)


@pytest.mark.slow
def test_a_search_that_is_settled_ends_at_a_barrier(found, monkeypatch):
    scored(monkeypatch)
    done, report = found(mix={**SMALL, "search": {**SMALL["search"], "seeds": 10}})
    assert (report.seeds, report.complete, report.chosen) == (5, True, "none")
    assert done.manifest.reproducible


@pytest.fixture
def measured(monkeypatch):
    """The probe knows that `fake-drawn` hardly gains."""
    from augment_fake import Centroids

    gain = MeasuredGain("fake-drawn", "balanced_accuracy", True, -0.02, 0.005, 30)
    monkeypatch.setattr(Centroids, "measured_gains", classmethod(lambda cls, params: (gain,)))


def test_of_a_generator_that_will_hardly_gain_as_other_tables_say_one_amount_is_tried(found, measured):
    _, report = found(generators=["fake-drawn", "fake-move"], mix=SMALL)
    untried = {one.id: one.reason for one in report.candidates if not one.values}
    said = "fake-drawn gained -0.020 on 30 tables like this, so a gain is unlikely"
    assert untried == {"fake-drawn-1x": said, "blend-balance": said, "blend-1x": said}
    assert "of 6 candidates" in report.sentence
    assert report.sentence.endswith("3 more were not tried.")


def test_a_search_is_made_anew_where_the_probe_knows_more(found, request):
    _, before = found()
    request.getfixturevalue("measured")
    _, after = found(name="again")
    assert all(one.values for one in before.candidates)
    assert not all(one.values for one in after.candidates)


def test_what_init_would_propose_is_among_the_amounts(spec, monkeypatch):
    from augment_fake import Drawn

    monkeypatch.setattr(Drawn, "suits", (Suits("table", amounts=((1_000, "20x"),)),))
    tried = check(spec(source=ROWS, generators=["fake-drawn"], mix={"rows": "auto"}, trial=TRIAL), workers=0).candidates
    assert tried[3:] == ("fake-drawn, balance", "fake-drawn, 1x", "fake-drawn, 5x", "fake-drawn, 20x")


def test_check_says_what_will_be_tried_and_what_not_and_why(spec, measured):
    said = str(check(spec(source=ROWS, generators=["fake-drawn", "fake-move"], mix=SMALL, trial=TRIAL), workers=0))
    assert "searched for with up to 2 seeds within the training part, among 6 candidates" in said
    assert "not tried: fake-drawn, 1x (fake-drawn gained -0.020 on 30 tables like this, so a gain is unlikely)" in said


def test_who_cannot_make_the_rows_leaves_and_the_run_goes_on(found):
    reject = {"use": "fake-reject", "with": {"part": 1.0}}
    done, report = found(filters=[reject], max_rounds=2)
    lost = [one for one in report.candidates if one.kind == "generator"]
    assert lost
    for one in lost:
        assert (one.left, one.values, one.mean) == (0, [], None)
        assert "rows that fake-drawn was asked for could not be made" in one.reason
    assert report.mix.rows == 0
    assert done.status == "done"


def test_a_fold_that_is_balanced_where_the_training_part_is_not_quite_has_nothing_to_add(found, tmp_path):
    labels = ["yes"] * 21 + ["no"] * 20
    rows = np.arange(41)
    frame = pd.DataFrame({"x": rows + 0.5, "y": rows % 7 + 0.5, "label": labels})
    frame.to_csv(tmp_path / "nearly.csv", index=False)
    source = {"use": "csv", "with": {"path": str(tmp_path / "nearly.csv")}}
    _, report = found(source=source, schema={"target": "label"}, split={"holdout": 0.49})
    none, balance = (next(one for one in report.candidates if one.id == id_) for id_ in ("none", "fake-drawn-balance"))
    assert len(balance.values) > 1
    assert set(balance.values) & set(none.values)


@pytest.mark.slow
def test_a_used_up_budget_ends_the_search_at_a_barrier_and_is_told(found):
    done, report = found(mix={**SMALL, "search": {"seeds": 8, "amounts": ["1x"], "budget": 1e-9}})
    assert (report.seeds, report.complete) == (5, False)
    assert done.manifest.reproducible is False
    assert any("budget of time was used up" in note for note in done.metrics.notes)


def test_a_numeric_target_is_searched_by_its_own_score(found):
    _, report = found(
        source={"use": "fake-rows", "with": {"rows": 60, "target": "y"}},
        generators=["fake-move"],
        trial={"probe": "fake-centroids", "seeds": 2},
        mix={"rows": "auto", "search": {"seeds": 2}},
    )
    assert report.score == "r2"
    assert [one.id for one in report.candidates][:2] == ["none", "fake-move-1x"]


def test_a_generator_that_cannot_be_asked_for_classes_is_searched_too(found):
    _, report = found(generators=["fake-free"])
    assert [one.id for one in report.candidates][4:] == ["fake-free-1x"]
    assert len(report.candidates[4].values) >= 2


def test_without_a_target_auto_is_skipped_and_says_so(found):
    source = {"use": "fake-rows", "with": {"rows": 60, "target": "none"}}
    done, report = found(source=source, generators=["fake-move"], trial={"seeds": 2}, metrics=[])
    assert "search for the mix was skipped" in report.sentence
    assert report.candidates == []
    assert done.metrics.trial.verdict == "not assessable"
    assert (rows_of(done)["origin"] == "fake-move").sum() == done.metrics.rows.train


def test_without_a_search_nothing_is_asked(spec):
    report = run(spec(), workers=0).metrics.search
    assert (report.asked, report.candidates, report.mix) == (False, [], None)


def test_auto_without_a_trial_is_refused(spec):
    with pytest.raises(SpecError, match="`auto` needs trials, and `trial: false` turns them off"):
        run(spec(mix={"rows": "auto"}, trial=False), workers=0)


def test_check_says_that_the_mix_will_be_found(spec):
    result = check(spec(mix=SMALL, trial=TRIAL), workers=0)
    assert result.plan == ()
    assert "searched for with" in str(result)


LOPSIDED = {"use": "sklearn", "with": {"dataset": "breast-cancer", "imbalance": {"malignant": 40}}}


def test_a_tuned_model_that_wins_is_what_the_verdict_is_about(found, monkeypatch):
    scored(monkeypatch, tuned=0.2)
    monkeypatch.setattr(Logistic, "settings_to_try", classmethod(lambda cls, params: ({"C": 0.1},)))
    trial = {"probe": "logistic", "seeds": 2}
    done, report = found(source=LOPSIDED, trial=trial, generators=["fake-move"], mix=SMALL, metrics=[])
    assert set(rows_of(done)["origin"]) == {"real"}
    assert done.metrics.trial.chosen == report.chosen == "tuned"
    assert done.metrics.trial.sentence.lower().count("tuning the model ") == 1
    assert "Tune your model" in done.metrics.trial.sentence


@pytest.mark.slow
def test_threshold_and_tuned_model_are_scored_by_what_the_seed_leaves_to_learn_from(found, monkeypatch):
    tuned_on, tune = [], search_rounds.tune

    def spy(session, pipeline, probe, rule, parts):
        tuned_on.extend(train.equals(Dataset.load(folder.parent / "train")) for train, folder in parts)
        return tune(session, pipeline, probe, rule, parts)

    monkeypatch.setattr(search_rounds, "tune", spy)
    mix = {"rows": "auto", "search": {"seeds": 2, "amounts": ["1x"]}}
    _, report = found(source=LOPSIDED, trial={"probe": "logistic", "seeds": 2}, generators=["fake-move"], mix=mix)
    by_id = {one.id: one for one in report.candidates}
    assert list(by_id) == ["none", "threshold", "class-weights", "oversampling", "tuned", "fake-move-1x"]
    trained = {id_ for id_, one in by_id.items() if len(one.values) == 2}
    assert trained >= {"none", "threshold", "tuned", "fake-move-1x"}
    assert all(by_id[id_].reason for id_ in set(by_id) - trained)
    assert by_id["threshold"].difference > 0
    assert tuned_on == [True, True]
