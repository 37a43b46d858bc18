"""What `augment new-plugin` writes works as it is, for every kind of component and of data."""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner

from augment.cli import main
from augment.errors import DiskError, SpecError
from augment.plugin.catalog import Catalog, Offer
from augment.plugin.contracts import Source
from augment.plugin.kinds import KINDS
from augment.scaffold import DATA, write
from augment.spec.yaml_reader import parse
from augment.testing import check_component

AUGMENT = [sys.executable, "-c", "from augment.cli import main; main()"]
EVERY = list(itertools.product(KINDS, DATA))
# one kind of data for each kind of component, so that each template and each kind of data is tried
SOME = [(kind, DATA[place % len(DATA)]) for place, kind in enumerate(KINDS)]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a plugin and gives its folder, its modules importable."""

    def make(name, kind="generator"):
        place = write(name, kind, folder=tmp_path)
        monkeypatch.syspath_prepend(str(place))
        return place

    before = set(sys.modules)
    yield make
    for name in [name for name in set(sys.modules) - before if name.startswith("augment_")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The folder of a plugin for each combination, all importable at once: the kit's other process serves them all."""
    folder, before = tmp_path_factory.mktemp("plugins"), set(sys.modules)
    places = {(kind, data): write(f"own-{kind}-{data}", kind, data, folder) for kind, data in EVERY}
    with pytest.MonkeyPatch.context() as patch:
        for place in places.values():
            patch.syspath_prepend(str(place))
        yield places
    for name in [name for name in set(sys.modules) - before if name.startswith("augment_own")]:
        del sys.modules[name]


def _component(place):
    """The only component, found by way of the entry point that the distribution declares."""
    project = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, module),) = project["entry-points"]["augment"].items()
    importlib.invalidate_caches()
    (cls,) = Catalog([Offer(name, module, project["name"], project["version"])]).components(name)
    return cls


def test_a_generator_for_tables_begins_with_numbers_and_categories(written):
    place = written("plainly")
    (cls,) = importlib.import_module("augment_plainly").augment_components()
    assert cls.accepts.columns == {"number", "integer", "category"}
    assert not cls.accepts.missing
    assert pd.read_csv(place / "data" / "example.csv").columns.tolist() == [
        "height", "income", "visits", "colour", "target"
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), EVERY)
def test_it_offers_one_component_of_that_kind_for_that_data(places, kind, data):
    cls = _component(places[kind, data])
    assert (cls.kind, cls.name) == (kind, f"own-{kind}-{data}")
    assert (cls.yields if issubclass(cls, Source) else cls.accepts.modalities) == {data}


@pytest.mark.parametrize(
    ("kind", "data"),
    [pytest.param(*both, marks=[] if both in SOME else [pytest.mark.slow]) for both in EVERY],
)
def test_it_keeps_every_rule(places, kind, data):
    place = places[kind, data]
    check_component(_component(place), {"path": place / "data/example.jsonl"} if kind == "source" else None)


@pytest.mark.slow
def test_installed_they_pass_their_own_tests_which_run_their_pipelines(tmp_path, wheel):
    both = sorted({*SOME, *(("generator", data) for data in DATA)})
    written = {f"own-{kind}-{data}": write(f"own-{kind}-{data}", kind, data, tmp_path) for kind, data in both}
    environment = wheel(*written.values())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    tests = [str(place / "tests") for place in written.values()]
    done = subprocess.run([*command, *tests], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    listed = subprocess.run([*AUGMENT, "plugins"], env=environment, capture_output=True, text=True, check=True)
    offers = {tuple(line.split()[:2]) for line in listed.stdout.splitlines()}
    assert {(name, name.split("-")[1]) for name in written} <= offers


def test_what_it_writes_is_formatted_and_free_of_lint(tmp_path):
    pytest.importorskip("ruff", reason="ruff is a tool of developers")
    for kind, data in EVERY:
        write(f"own-{kind}-{data}", kind, data, tmp_path)
    for command in (["check", "--select", "E,F,W,B,UP,SIM,RET,NPY,C4"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length", "120", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_its_pipeline_has_no_trial_where_the_default_probe_is_slow(tmp_path):
    trials = {}
    for data in DATA:
        text = (write(f"own-{data}", "generator", data, tmp_path) / "example.yaml").read_text(encoding="utf-8")
        trials[data] = parse(text, "")[0]["trial"]
    assert {data for data, trial in trials.items() if trial is not False} == {"table"}


@pytest.mark.parametrize("kind", ["sink", "reporter"])
def test_what_writes_takes_any_data_unless_told_otherwise(written, kind):
    assert len(_component(written(f"own-{kind}", kind)).accepts.modalities) > 1


def test_a_reporter_declares_the_files_that_it_writes(written, tmp_path):
    reporter = _component(written("own-report", "reporter"))
    view = SimpleNamespace(
        name="run", metrics=SimpleNamespace(trial=SimpleNamespace(sentence="It helps."), generators={})
    )
    (path,) = reporter().write(view, tmp_path)
    assert reporter.files == (path.name,) == ("own-report.txt",)


@pytest.mark.parametrize("name", ["Jitter", "two words", "a--b", "1st", "-x", "naïve", "x" * 41, ""])
def test_a_name_that_nobody_could_type_is_refused_with_one_that_works(tmp_path, name):
    with pytest.raises(SpecError, match="lower-case letters, digits and single hyphens") as caught:
        write(name, folder=tmp_path)
    proposed = str(caught.value).rsplit("'", 2)[1]
    assert write(proposed, folder=tmp_path).is_dir()


def test_a_name_that_is_taken_is_refused_naming_the_owner(tmp_path):
    with pytest.raises(SpecError, match="'smote' is taken by the installed plugin augment-pipeline"):
        write("smote", folder=tmp_path)


def test_nothing_is_overwritten(tmp_path):
    place = write("own", folder=tmp_path)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(SpecError, match="exists already"):
        write("own", "filter", folder=tmp_path)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_place_that_cannot_be_written_is_a_disk_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="cannot be written"):
        write("own", folder=tmp_path / "file")


@pytest.mark.parametrize("name", ["none", "generator", "path", "accepts", "class", "lambda"])
def test_names_that_mean_something_in_python_are_no_trouble(written, name):
    assert _component(written(name)).name == name


def test_the_command_says_what_to_do_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["new-plugin", "own", "--kind", "metric", "--for", "image"], prog_name="augment")
    assert result.output == ("wrote augment-own\nnext: cd augment-own && pip install -e '.[test]' && pytest\n")
    assert (tmp_path / "augment-own" / "augment_own" / "metric.py").is_file()


def test_the_same_words_write_the_same_bytes(tmp_path):
    places = [write("own", "generator", "image", tmp_path / name) for name in ("one", "other")]
    one, other = (
        {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()} for place in places
    )
    assert one == other
