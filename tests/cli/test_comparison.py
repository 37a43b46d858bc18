from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from fake_pipeline import ASSESSED, fake_pipeline

from augment.cli import main
from augment.cli.comparison import _row, compare, text
from augment.errors import DataError, SpecError
from augment.plugin import RunMetrics
from augment.runner.run import run
from augment.storage.run_folder import Run


@pytest.fixture(scope="module")
def runs(tmp_path_factory, fakes):
    """Two finished runs, and a link to the second."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGMENT_STORE", str(folder / "store"))
        patch.chdir(folder)
        return [run(fake_pipeline(**ASSESSED), seed=seed, workers=0).folder for seed in (1, 2)]


def test_runs_stand_side_by_side_in_the_order_given(runs):
    one, other = compare(runs)
    assert (one["folder"], other["folder"]) == tuple(map(str, runs))
    assert one["verdict"]
    assert one["interval"][0] <= one["difference"] <= one["interval"][1]
    lines = text([one, other]).splitlines()
    assert one["key"][:8] in lines[0]
    assert other["key"][:8] in lines[0]
    assert not any("cannot be compared" in line for line in lines)


def test_a_run_that_is_named_by_its_link_too_counts_once(runs):
    one, other = runs
    link = other.parent / "fake"
    assert link.resolve() == other.resolve()
    assert [found["folder"] for found in compare([one, other, link, one])] == [str(one), str(other)]
    with pytest.raises(SpecError, match="at least two runs"):
        compare([other, link])


def test_runs_on_other_data_are_told_apart(runs):
    one, other = compare(runs)
    assert "cannot be compared" in text([one, {**other, "source": "elsewhere"}])


def test_a_run_without_a_verdict_has_dashes(runs):
    bare = dict.fromkeys(("real", "mixed", "difference", "interval", "inexpensive"))
    assert " - " in text([compare(runs)[0] | bare, compare(runs)[1]])


def test_over_several_splits_the_difference_is_the_one_that_the_verdict_is_by(runs):
    first = Run(runs[0])
    over = {"values": [0.1, -0.1], "mean": 0.0, "interval": (-0.3, 0.3)}
    cuts = {"asked": 2, "chosen": ["synthetic"] * 2, "arms": {"synthetic": over}, "overall": over}
    content = first.metrics.model_dump()
    vars(first)["metrics"] = RunMetrics.model_validate(content | {"trial": content["trial"] | {"cuts": cuts}})
    row = _row(first)
    assert (row["difference"], row["interval"], row["splits"]) == (0.0, (-0.3, 0.3), 2)
    one = compare(runs)[1]
    assert "are over all splits" in text([row, one])
    assert "-0.3000 to +0.3000" in text([row, one])
    assert "splits" not in text([one, one])


def test_the_command_says_it_as_json(runs):
    done = CliRunner().invoke(main, ["compare", *map(str, runs), "--json"])
    assert [one["folder"] for one in json.loads(done.stdout)["runs"]] == [str(folder) for folder in runs]


def test_one_run_is_too_few_and_other_folders_are_refused(runs, tmp_path):
    with pytest.raises(SpecError, match="two"):
        compare(runs[:1])
    with pytest.raises(DataError, match="finished run"):
        compare([runs[0], tmp_path])
