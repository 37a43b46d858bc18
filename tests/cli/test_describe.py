from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from installed import COMPONENTS
from pydantic import BaseModel, Field
from ruamel.yaml import YAML

from augment.cli import describe
from augment.errors import PluginError
from augment.plugin import contracts
from augment.plugin.accepts import Accepts
from augment.plugin.catalog import Catalog, Offer
from augment.plugin.contracts import Generator, Reporter


class Grid(BaseModel):
    low: float = 0.0
    high: float


class Documented(Reporter):
    """Writes nothing at all.

    But it says a lot about itself.
    """

    name = "documented"

    class Params(contracts.Params):
        path: Path
        """Where to."""
        mode: Literal["a", "no"] = "no"
        """How."""
        rate: float = Field(0.5, gt=0, le=1)
        """How much, as a share."""
        sizes: tuple[int, ...] | None = None
        """Some sizes,
        on two lines."""
        grid: Grid
        """Two numbers."""
        weights: dict[str, float] = {}

    def write(self, run, folder):
        return []


class Picky(Generator):
    """Takes little."""

    name = "picky"
    origin = "rows"
    accepts = Accepts(
        modalities=frozenset({"image"}),
        columns=frozenset({"number"}),
        targets=frozenset({"classes"}),
        conditional="target",
        missing=False,
        min_rows=10,
    )

    def fit(self, data, context):
        return self

    def sample(self, given, context):
        raise NotImplementedError

    def save(self, folder):
        pass

    @classmethod
    def load(cls, folder, params):
        return cls(params)


def test_a_component_is_described_with_all_its_settings():
    assert describe.component(Documented) == (
        "documented: a reporter (test_describe.Documented)\n"
        "\n"
        "Writes nothing at all.\n"
        "\n"
        "But it says a lot about itself.\n"
        "\n"
        "data: any\n"
        "\n"
        "settings:\n"
        "  path: path  [required]\n"
        "      Where to.\n"
        '  mode: a | "no"  [default: "no"]\n'
        "      How.\n"
        "  rate: number > 0 and <= 1  [default: 0.5]\n"
        "      How much, as a share.\n"
        "  sizes: list of integer | null  [default: null]\n"
        "      Some sizes,\n"
        "      on two lines.\n"
        "  grid: {low: number, high: number}  [required]\n"
        "      Two numbers.\n"
        "  weights: mapping to number  [default: {}]\n"
        "\n"
        "example:\n"
        "  reporters:\n"
        "    - use: documented\n"
        "      with:\n"
        "        path: path/to/data\n"
        '        mode: "no"\n'
        "        rate: 0.5\n"
        "        sizes: null\n"
        "        grid: {high: 1}\n"
        "        weights: {}"
    )


def test_what_a_generator_cannot_take_is_said():
    lines = describe.component(Picky).splitlines()
    for said in (
        "data: image",
        "columns: number",
        "target: classes",
        "can be conditioned on: the target",
        "starts from: training rows, perturbed",
        "missing values: not accepted",
        "training rows: at least 10",
        "settings: none",
    ):
        assert said in lines


def test_the_example_of_every_installed_component_is_valid():
    for cls in COMPONENTS:
        tree = YAML(typ="safe", pure=True).load(describe.example(cls))
        (section,) = tree.values()
        entry = section[0] if isinstance(section, list) else section.get("probe", section)
        assert entry["use"] == cls.name, cls
        cls.Params.model_validate(entry.get("with", {}))


def test_every_setting_of_every_installed_component_is_documented():
    bare = [
        f"{cls.kind} {cls.name}: {name}"
        for cls in COMPONENTS
        for name, _, _, documentation in describe.settings(cls.Params)
        if not documentation
    ]
    assert not bare


def test_plugins_are_listed_by_kind_and_broken_ones_below_with_the_reason():
    catalog = Catalog([Offer("npz", "augment_arrays", "augment-pipeline", "1"), Offer("x", "no_such", "third", "2")])
    lines = describe.plugins(describe.offered(catalog)).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["NAME", "KIND", "DATA", "FROM"],
        ["npz", "source", "any", "augment-pipeline", "1"],
        ["npz", "sink", "any", "augment-pipeline", "1"],
    ]
    assert lines[3:5] == ["", "broken:"]
    assert lines[5].startswith("  x (third 2): ")
    assert "no_such" in lines[5]


def test_tables_align_wide_characters_and_write_control_characters_out():
    lines = describe.table([("", "n"), ("日本", 1), ("a\x1b", 22)], numbers=True)
    assert lines == ["        n", "日本    1", "a\\x1b  22"]


def test_observers_are_listed_and_told_from_components():
    catalog = Catalog()
    found = {entry["name"]: entry for entry in describe.offered(catalog)}
    assert found["mlflow"]["kind"] == found["tensorboard"]["kind"] == "observer"
    assert "mlflow" in describe.plugins(list(found.values()))
    with pytest.raises(PluginError, match="'mlflow' only observes runs; name it under `observers:`"):
        catalog.components("mlflow")
