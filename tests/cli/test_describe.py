from __future__ import annotations

from pathlib import Path
from typing import Literal

from installed import COMPONENTS
from pydantic import BaseModel, Field
from ruamel.yaml import YAML

from augment.cli import describe
from augment.plugin import contracts
from augment.plugin.accepts import Accepts
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
