from __future__ import annotations

import subprocess
import sys

import pytest

from augment.cli import plugin_list
from augment.errors import PluginError
from augment.plugin.catalog import Catalog, Offer
from augment.text import table


def test_plugins_are_listed_by_kind_and_broken_ones_below_with_the_reason():
    catalog = Catalog([Offer("npz", "augment_arrays", "augment-pipeline", "1"), Offer("x", "no_such", "third", "2")])
    lines = plugin_list.plugins(plugin_list.offered(catalog)).splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["NAME", "KIND", "DATA", "FROM"],
        ["npz", "source", "any", "augment-pipeline", "1"],
        ["npz", "sink", "any", "augment-pipeline", "1"],
    ]
    assert lines[3:5] == ["", "broken:"]
    assert lines[5].startswith("  x (third 2): ")
    assert "no_such" in lines[5]


def test_observers_are_listed_and_told_from_components():
    catalog = Catalog()
    found = {entry["name"]: entry for entry in plugin_list.offered(catalog)}
    assert found["mlflow"]["kind"] == found["tensorboard"]["kind"] == "observer"
    assert "mlflow" in plugin_list.plugins(list(found.values()))
    with pytest.raises(PluginError, match="'mlflow' only observes runs; name it under `observers:`"):
        catalog.components("mlflow")


def test_the_index_holds_what_the_catalog_finds():
    assert plugin_list.INDEX.read_text(encoding="utf-8") == plugin_list.build_index(Catalog()), "run docs/generate.py"


def test_built_in_components_are_listed_without_importing_one():
    code = "import sys; from augment.cli import main; main(['plugins'], standalone_mode=False); "
    code += "print(sorted({'pandas', 'numpy', 'torch', 'augment_tables', 'augment.data'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_built_in_name_that_is_offered_twice_is_broken_whatever_the_index_says():
    offers = [Offer("npz", "augment_arrays", "augment-pipeline", "1"), Offer("npz", "other", "third", "2")]
    entries = plugin_list.offered(Catalog(offers))
    assert [entry["kind"] for entry in entries] == ["", ""]
    assert all("is offered twice" in entry["error"] for entry in entries)


def test_tables_align_wide_characters_and_write_control_characters_out():
    lines = table([("", "n"), ("日本", 1), ("a\x1b", 22)], numbers=True)
    assert lines == ["        n", "日本    1", "a\\x1b  22"]
