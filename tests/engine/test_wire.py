from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from augment.engine.tasks_of_tests import wrong
from pydantic_core import PydanticSerializationError

from augment import errors
from augment.data import Column, Schema, SchemaDeclaration
from augment.engine.draw_and_filter import Sampled, SampleTask, Sampling, sample
from augment.engine.jobs import Host, Job
from augment.engine.judge_tasks import ArmTask, Pick, Scored, ScoreTask, predict_arm, score
from augment.engine.tasks import ApplyTask, FitTask, ReadTask, Saved, apply, devices, fit, read
from augment.engine.wire import (
    call_from_json,
    error_from_json,
    error_to_json,
    request_to_json,
    result_from_json,
    result_to_json,
    task_from_json,
)
from augment.engine.write_tasks import ReportTask, WriteTask, Written, report, write
from augment.errors import AugmentError, DataError, PluginError
from augment.plan.chunks import PlanRow
from augment.plan.new_ids import NewIds
from augment.plugin.catalog import Catalog
from augment.plugin.run_metrics import MetricScore
from augment.spec.stages import Bound
from augment.testing.runs import example_run


def bound(kind, use, **params):
    (cls,) = Catalog().candidates(kind, use)
    return Bound(kind, f"{use}-2", use, 2.5, cls, cls.Params(**params))


HERE = Path("/here")
HOST = Host(HERE, "cuda:1", 3)
SCHEMA = Schema(columns={"y": Column(type="category", categories=("é", "b"))}, target="y")
NEW_IDS = NewIds(type="text", first=4, prefix="synthetic-")
PARTS = ((HERE / "0", "real"), (HERE / "1", "gan"))
SCORE = {"metric": "m", "of": "gan", "name": "distance", "unit": "", "better": "lower", "interval": (0.1, 0.3)}


def requests():
    """Each task with an argument that has something in every field, and a result."""
    trees = bound("generator", "fake-move", notes=HERE / "notes")
    judge = bound("filter", "fake-reject", part=0.1 + 0.2)
    sampling = Sampling((trees, HERE), ((judge, HERE / "f"),), HERE, 2**62, "mix", 10, {"x": "5.5"})
    chunk = SampleTask(sampling, PlanRow("gan", 3, 30, (("é", 10), ("b", 20)), 7), HERE)
    picks = (Pick((HERE / "0", HERE / "1"), {"é": 3}),)
    arm = {"bound": bound("probe", "fake-centroids"), "train": HERE, "test": HERE, "seed": 1, "out": HERE}
    scores = Scored([MetricScore(**SCORE, value=0.1 + 0.2, detail={"n": [1, None]})], [{"metric": "m", "rows": [3]}])
    metrics = example_run(HERE).metrics
    return {
        "read": (read, ReadTask(bound("source", "fake-rows"), SchemaDeclaration(target="y"), 1, HERE), Saved(3, "f")),
        "fit": (fit, FitTask(trees, HERE, 1, HERE, {"seed": 1, "plugin": "p"}, HERE / "c", HERE / "p"), None),
        "apply": (apply, ApplyTask(bound("source", "fake-rows"), HERE, HERE, HERE, True), Saved(3, "f")),
        "sample": (sample, chunk, Sampled(28, 2, 10, {"in-schema": 30}, {"in-schema": 2})),
        "arm": (predict_arm, ArmTask(**arm, arm="gan", trial_seed=2, parts=(HERE,), picks=picks), 12),
        "score": (
            score,
            ScoreTask(bound("metric", "fake-means"), HERE, HERE, 1, "gan", frozenset({"noise", "rows"}), (HERE,)),
            scores,
        ),
        "write": (
            write,
            WriteTask(bound("sink", "csv"), "train", PARTS, SCHEMA, "origin", {"id": NEW_IDS}, HERE),
            Written(["train.csv"], 30),
        ),
        "report": (
            report,
            ReportTask(
                bound("reporter", "fake-lines"), HERE, HERE, "n", "k", {"spec": [1, {}]}, metrics, HERE, HERE, PARTS,
                {"in-schema": [HERE]}, 1,
            ),
            Written(["report.html"]),
        ),
        "devices": (devices, None, 2),
    }  # fmt: skip


@pytest.mark.usefixtures("fakes")
def test_tasks_and_results_come_back_from_json_as_they_were():
    for name, (fn, task, result) in requests().items():
        request = json.loads(json.dumps(request_to_json(Job(fn, [task], HOST, "what"), task)))
        assert task_from_json(request) == (fn, task), name
        assert call_from_json(request, print).host == HOST
        answer = json.loads(json.dumps(result_to_json(fn, result)))
        assert result_from_json(fn, answer) == result, name
        assert type(result_from_json(fn, answer)) is type(result)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e308])
def test_a_number_that_json_has_not_does_not_become_nothing(value):
    result = Scored([MetricScore(**SCORE, value=0.5, detail={"value": value})], [])
    back = result_from_json(score, json.loads(json.dumps(result_to_json(score, result))))
    assert repr(back.scores[0].detail["value"]) == repr(value)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "augment.engine:tasks",
        "augment.enginelike:fit",
        "augment.runner.run:run",
        "augment.engine.tasks:fitt",
        "augment.engine.tasks:CATALOG",
        "augment.engine.tasks:load_fitted",  # a function there, but no task
        "augment.engine.worker:load_fitted",
        "augment.engine.write_tasks:load_parts",  # of another module
        "augment.engine.tasks:fit.__globals__",
    ],
)
def test_nothing_but_a_task_of_the_engine_can_be_named(name):
    with pytest.raises(AugmentError, match=rf"^'{name}' is not a task of augment\.engine$"):
        task_from_json({"fn": name, "task": None})


@pytest.mark.usefixtures("fakes")
def test_a_component_that_is_no_longer_there_is_named():
    fn, task, _ = requests()["fit"]
    request = request_to_json(Job(fn, [task], HOST, "what"), task)
    request["task"]["bound"]["class"] = "augment_fake:Gone"
    with pytest.raises(PluginError, match="'fake-move' no longer offers augment_fake:Gone"):
        task_from_json(request)


@pytest.mark.usefixtures("fakes")
def test_an_argument_or_result_of_another_type_is_refused_before_it_is_sent():
    fn, task, _ = requests()["fit"]
    with pytest.raises(PydanticSerializationError, match="seed"):
        request_to_json(Job(fn, [task], HOST, "what"), replace(task, seed="one"))
    with pytest.raises(PydanticSerializationError):
        result_to_json(wrong, object())


class Refused(DataError):
    """A plugin's own error."""


@pytest.mark.parametrize(
    "kind", [name for name in errors.__all__ if isinstance(getattr(errors, name), type) and name != "Problem"]
)
def test_our_errors_cross_the_pipe_with_kind_and_exit_code(kind):
    error = getattr(errors, kind)("what happened")
    back = error_from_json(error_to_json(error, "trace"), "ignored")
    assert (type(back), str(back), back.exit_code) == (type(error), "what happened", error.exit_code)


def test_an_error_derived_from_ours_crosses_the_pipe_as_ours():
    back = error_from_json(error_to_json(Refused("bad cell"), "trace"), "ignored")
    assert (type(back), str(back)) == (DataError, "bad cell")
