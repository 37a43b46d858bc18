from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.errors import PluginError
from augment.onboarding.choose_target import look_at
from augment.plan.candidates import Candidate
from augment.plugin.contracts import Generator, Probe
from augment.plugin.cost import Cost
from augment.runner.estimate_cost import BASE_BYTES, BASE_SECONDS, estimate_cost
from augment.spec.models import Search, Trial
from augment.spec.searched_settings import SearchedSettings
from augment.spec.stages import Bound


def bound(base, name, cost, **more):
    cls = type(name.title(), (base,), {"name": name, "cost": classmethod(cost), **more})
    return Bound(base.kind, name, name, None, cls, cls.Params())


TRAIN = look_at(dataset(pd.DataFrame({"x": np.arange(100) / 7, "y": ["a"] * 60 + ["b"] * 40})), "y").dataset
MAKER = bound(Generator, "maker", lambda cls, params, schema, num_rows: Cost(7.0, 0.5, 1e9))
PROBE = bound(Probe, "model", lambda cls, params, schema, num_rows: Cost(num_rows / 100, 0.01))


def estimate(generators=(MAKER,), probe=PROBE, made=None, candidates=(), **trial):
    components = {"generator": generators, "probe": [probe] if probe else []}
    made = {"maker": 10} if made is None else made
    searches = [([components["generator"]], candidates)] if candidates else []
    return estimate_cost(Trial(**trial), Search(seeds=20), components, TRAIN, 25, made, searches)


def test_a_generator_is_fitted_once_and_makes_its_rows_for_each_seed():
    assert estimate(seeds=3).seconds["maker"] == 7 + 3 * 10 * 0.5
    assert estimate(seeds=3, cuts=2).seconds["maker"] == 2 * (7 + 3 * 10 * 0.5)
    assert estimate(probe=None, seeds=3).seconds == {"maker": 7 + 10 * 0.5}


def test_the_probe_is_trained_on_every_arm_with_every_seed():
    fits = [1.0, 1.0, 1.2, 1.1, 1.1]  # alone, class weights, oversampling, synthetic rows, copies
    assert estimate(seeds=3).seconds["model"] == pytest.approx(3 * (sum(fits) + 5 * 25 * 0.01))


def test_a_deterministic_probe_is_trained_once_on_rows_that_do_not_change():
    same = bound(Probe, "model", lambda cls, params, schema, num_rows: Cost(1.0), deterministic=True)
    assert estimate(probe=same, seeds=3).seconds["model"] == 1 + 1 + 3 * 3


def test_a_search_fits_and_trains_anew_for_half_of_its_seeds():
    found = estimate(made={}, candidates=[Candidate("maker-1x", "maker, 1x", "generator", {"maker": 1.0}, "1x")])
    assert found.at_most
    assert found.seconds["maker"] == 10 * (7 + 100 * 0.5) + 7 + 5 * 100 * 0.5


def test_a_search_for_settings_fits_every_combination():
    class Slow(Generator.Params):
        seconds: float = 7.0

    def cost(cls, params, schema, num_rows):
        return Cost(params.seconds)

    maker = bound(Generator, "maker", cost, Params=Slow)
    variants = tuple(Slow(seconds=seconds) for seconds in (7.0, 20.0))
    searched = replace(maker, searched=SearchedSettings((("seconds",),), variants))
    tried = [Candidate(str(n), str(n), "generator", {"maker": 1.0}, "1x", n) for n in range(2)]
    components = {"generator": [searched], "probe": [PROBE]}
    searches = [([[one] for one in searched.variants], tried)]
    found = estimate_cost(Trial(seeds=3), Search(seeds=20), components, TRAIN, 25, {"maker": 10}, searches)
    assert found.at_most
    assert found.seconds["maker"] == 10 * (7 + 20) + 20  # and the more expensive one once more, on all training rows
    alone = estimate([maker], seeds=3).seconds
    assert found.seconds["model"] == pytest.approx(alone["model"] + 2 * 10 * (2 + 100 / 5 * 0.01))


def test_who_says_nothing_is_named_and_not_counted():
    found = estimate([bound(Generator, "silent", lambda cls, params, schema, num_rows: None)], made={"silent": 10})
    assert found.unknown == ["silent"]
    assert found.total == pytest.approx(BASE_SECONDS + found.seconds["model"])
    assert BASE_BYTES < found.memory < BASE_BYTES + 1e6
    assert estimate().memory > 1e9


def test_an_estimate_that_fails_is_the_fault_of_its_component():
    with pytest.raises(PluginError, match=r"generator 'maker' failed in cost: ZeroDivisionError"):
        estimate([bound(Generator, "maker", lambda cls, params, schema, num_rows: 1 / 0)])
