from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from augment.data import Dataset
from augment.errors import ShortfallError
from augment.plan.chunks import PlanRow, plan
from augment.plan.repeats import Repeats
from augment.runner.fitting import fit_components
from augment.runner.generate import DUPLICATES, Counts, make_rows
from augment.runner.prepare import prepare
from augment.runner.session import opened
from augment.spec.bind import bind

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def mixed(spec):
    """Makes rows by a plan, in this process; returns the mixture and its rows."""

    def mixed(rows, generators=("fake-move",), filters=(), events=None, source=None, schema=None, **options):
        sections = {name: said for name, said in (("source", source), ("schema", schema)) if said}
        path = spec(generators=list(generators), filters=list(filters), **sections)
        with opened(path, workers=0, events=events) as (
            session,
            resolved,
        ):
            prepared = prepare(session, resolved)
            schema = Dataset.load(prepared.train).schema
            components = bind(resolved, schema, None, ("generator", "filter"))
            fitted = fit_components(session, components["generator"], prepared.train, prepared.key)
            judges = fit_components(
                session, components["filter"], prepared.train, prepared.key, prepared.train, "pilot"
            )
            plan_rows = rows(schema) if callable(rows) else rows
            options = {"purpose": "mix", "max_rounds": 10, "repeats": Repeats(Dataset.load(prepared.train)), **options}
            mixture = make_rows(
                session,
                plan_rows,
                [(bound, fitted[bound.id]) for bound in components["generator"]],
                prepared.train,
                session.scratch / "mix",
                filters=[(bound, judges[bound.id]) for bound in components["filter"]],
                **options,
            )
            parts = [Dataset.load(folder) for folder, _ in mixture.parts]
            mixture.remarks = session.remarks
            mixture.classes = mixture.per_class("label")
            data = Dataset.concat(parts) if parts else Dataset.load(prepared.train).take(slice(0, 0))
            return mixture, data.take(slice(None))

    return mixed


def blend(wanted):
    return lambda schema: plan(
        wanted, {"fake-move": 1.0, "fake-free": 1.0}, {"fake-move": True, "fake-free": False}, schema
    )


def test_who_can_be_asked_for_a_class_is_and_who_cannot_is_not(mixed):
    mixture, _ = mixed(blend({"no": 20, "yes": 40}), ["fake-move", "fake-free"])
    assert mixture.counts["fake-move"].kept == mixture.counts["fake-free"].kept == 30
    assert mixture.classes["fake-move"] == {"no": 10, "yes": 20}
    assert mixture.classes["fake-free"] != {"no": 10, "yes": 20}


def test_parts_are_in_the_order_of_the_plan(mixed):
    rows = [PlanRow("fake-move", n, 5) for n in range(3)] + [PlanRow("fake-free", 0, 5)]
    mixture, data = mixed(rows, ["fake-move", "fake-free"])
    assert [(folder.name, origin) for folder, origin in mixture.parts] == [
        ("0-0", "fake-move"),
        ("1-0", "fake-move"),
        ("2-0", "fake-move"),
        ("0-0", "fake-free"),
    ]
    assert len(mixture.of("fake-move")) == 3
    assert len(data) == 20


def test_more_generators_do_not_change_what_one_draws(mixed):
    rows = [PlanRow("fake-move", n, 5) for n in range(3)]
    _, alone = mixed(rows)
    _, beside = mixed([*rows, PlanRow("fake-free", 0, 5)], ["fake-free", "fake-move"])
    assert beside.take(slice(5, None)).equals(alone)


def test_rows_equal_to_earlier_ones_are_drawn_again(mixed):
    rows = [PlanRow("fake-rounded", n, 40, (("no", 30), ("yes", 10))) for n in range(2)]
    free, repeated = mixed(rows, ["fake-rounded"], repeats=None)
    assert pd.Series(repeated.row_hashes()).duplicated().any()
    assert DUPLICATES not in free.judged
    mixture, data = mixed(rows, ["fake-rounded"])
    assert not pd.Series(data.row_hashes()).duplicated().any()
    assert len(data) == mixture.counts["fake-rounded"].kept == 80
    assert mixture.classes == {"fake-rounded": {"no": 60, "yes": 20}}
    assert mixture.rejected[DUPLICATES] > 0
    assert mixture.judged[DUPLICATES] == 80 + mixture.rejected[DUPLICATES]


def test_the_first_of_equal_rows_stays_where_it_was(mixed):
    rows = [PlanRow("fake-rounded", n, 40) for n in range(2)]
    _, repeated = mixed(rows, ["fake-rounded"], repeats=None)
    _, data = mixed(rows, ["fake-rounded"])
    first = repeated.take(~pd.Series(repeated.row_hashes()).duplicated().to_numpy())
    assert data.take(slice(0, len(first))).equals(first)


def test_copies_are_meant_to_be_equal(mixed):
    mixture, data = mixed([PlanRow("bootstrap", 0, 200)], ["bootstrap"])
    assert len(data) == 200
    assert mixture.rejected[DUPLICATES] == 0


def test_missing_rows_name_who_lacks_them_and_the_worst_filter(mixed):
    reject = {"use": "fake-reject", "with": {"part": 2.0}}
    with pytest.raises(ShortfallError) as caught:
        mixed([PlanRow("fake-move", 0, 20)], filters=[reject], max_rounds=3, shortfall="fail")
    message = str(caught.value)
    assert "20 synthetic rows are missing after 3 rounds (fake-move 0 of 20)" in message
    assert "filter 'fake-reject' rejected most, 60 of 60. Loosen that filter" in message


def test_a_generator_that_runs_out_of_different_rows_is_told_so(mixed):
    still = {"use": "fake-rounded", "with": {"scale": 0.0}}
    with pytest.raises(ShortfallError, match=r"'duplicates' rejected most.*equal to earlier rows: choose"):
        mixed([PlanRow("fake-rounded", 0, 200)], [still], max_rounds=3, shortfall="fail")


def test_repeats_are_kept_and_noted_where_so_many_real_rows_would_repeat(mixed, spec, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.permutation(40) / 10, "label": ["no", "no", "no", "yes"] * 10})
    frame.to_csv(tmp_path / "few.csv", index=False)
    few = {"use": "csv", "with": {"path": "few.csv"}}
    rows = [PlanRow("fake-rounded", n, 14, (("no", 4), ("yes", 10))) for n in range(2)]
    mixture, data = mixed(rows, ["fake-rounded"], source=few, schema={"target": "label"}, shortfall="fail")
    repeated = data.frame.duplicated()
    assert data.frame["label"][repeated].unique().tolist() == ["yes"]
    (note,) = mixture.remarks[-1:]
    assert note.startswith(f"{repeated.sum()} synthetic rows equal an earlier synthetic row and were kept")
    assert "fake-rounded, class 'yes'" in note
    assert "class 'no'" not in note


def test_missing_rows_can_be_accepted(mixed):
    reject = {"use": "fake-reject", "with": {"part": 0.9}}
    mixture, data = mixed([PlanRow("fake-move", 0, 40)], filters=[reject], max_rounds=1, shortfall="warn")
    assert mixture.short == 40 - len(data) > 0
    assert "rejected most" in mixture.remarks[-1]


def test_missing_rows_can_be_ignored(mixed):
    reject = {"use": "fake-reject", "with": {"part": 0.9}}
    mixture, _ = mixed([PlanRow("fake-move", 0, 40)], filters=[reject], max_rounds=1, shortfall="ignore")
    assert mixture.short > 0
    assert mixture.remarks == []


def test_some_rejected_rows_are_kept_by_filter(mixed):
    mixture, _ = mixed([PlanRow("fake-move", n, 40) for n in range(2)], filters=["fake-reject"])
    assert list(mixture.rejects) == ["fake-reject"]
    assert len(mixture.rejects["fake-reject"]) == 2


def test_an_empty_plan_makes_nothing(mixed):
    mixture, data = mixed([])
    assert (mixture.parts, mixture.short, len(data)) == ([], 0, 0)
    assert mixture.counts == {"fake-move": Counts()}


def test_progress_is_told_chunk_by_chunk(mixed):
    events = []
    mixed([PlanRow("fake-move", n, 5) for n in range(3)], events=events.append)
    told = [(e["step"], e["total"]) for e in events if e["event"] == "progress" and e["stage"] == "sample"]
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_another_purpose_gives_other_rows(mixed):
    rows = [PlanRow("fake-move", 0, 10)]
    _, one = mixed(rows)
    _, other = mixed(rows, purpose="trial-1")
    assert not np.isin(one.row_hashes(), other.row_hashes()).any()
