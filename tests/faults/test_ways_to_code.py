"""Every way from a file to code that somebody could think of: none of them runs anything.

Each way tries to write `PWNED`. The page `docs/explanation/trust.md` lists what was tried.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from payloads import PAYLOADS
from test_spoiled_source import ROOT, SOURCES

import augment
from augment.data import Column, Dataset, Schema
from augment.errors import AugmentError, SpecError
from augment.onboarding.write_pipeline import propose
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.plugin.state import read_state
from augment.spec.load import load
from augment_tables.parquet_source import ParquetSource

SAFE = (
    "source: {use: sklearn, with: {dataset: iris}}\ngenerators: [bootstrap]\nfilters: []\nmetrics: []\nreporters: []\n"
)
CATALOG = Catalog()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder as it was sent, which is the current one, with modules that betray that they were imported."""
    monkeypatch.chdir(tmp_path)
    for name in ("models", "evil", "subprocess2", "xgboost", "pandas", "torch", "numpy", "sitecustomize", "conftest"):
        Path(f"{name}.py").write_text("open('PWNED', 'w').close()\ndef make(): ...\n")
    yield tmp_path
    assert not Path("PWNED").exists()


@pytest.fixture(scope="module")
def sent_run(tmp_path_factory):
    """The folder of a finished run without a trial."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGMENT_STORE", str(folder / "store"))
        source = {"use": "sklearn", "with": {"dataset": "iris"}}
        tree = {"source": source, "generators": ["bootstrap"], "trial": False, "sinks": ["csv"]}
        tree |= {"filters": [], "metrics": [], "reporters": []}
        return augment.run(tree, out=folder / "sent", workers=0).folder


PROBES = {
    "a function of Python's own": '{use: estimator, with: {factory: "os:system", arguments: {command: touch PWNED}}}',
    "its short form": '{use: "subprocess:getoutput", with: {arguments: {cmd: touch PWNED}}}',
    "exec": "{use: \"builtins:exec\", with: {arguments: {source: \"open('PWNED', 'w')\"}}}",
    "the module beside the file": "models:make",
    "a file by its path": '{use: estimator, with: {factory: "models:make", file: models.py}}',
    "another file under a library's name": '{use: estimator, with: {factory: "sklearn:make", file: models.py}}',
    "a library that only this folder has": "xgboost:make",
    "a function of a library": '{use: "sklearn.datasets:load_files", with: {arguments: {container_path: .}}}',
    "what a library imports": '{use: "sklearn.utils.parallel:Parallel"}',
    "a private module of a library": "sklearn.utils._testing:check_skip_network",
    "a module inside a module": "sklearn.os:system",
    "a walk over attributes": "sklearn.ensemble:np.load",
    "a cache of pickles": '{use: "sklearn.pipeline:Pipeline", with: {arguments: {memory: cache}}}',
    "a model inside a model": '{use: "sklearn.ensemble:BaggingClassifier", with: {arguments: {estimator: "os:x"}}}',
    "the interpreter's main module": "__main__:open",
    "a component's own module": "augment_estimator.factories:load_factory",
    "a run as a module": "runpy:run_path",
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_probe_of_a_file_runs_nothing_by_itself(place, probe):
    path = place / "sent.yaml"
    path.write_text(f"{SAFE}trial: {{probe: {probe}}}\n" if probe[0] == "{" else f"{SAFE}trial: {{probe: '{probe}'}}\n")
    for door in (lambda: augment.check(path, data=False), lambda: augment.run(path, workers=0)):
        with pytest.raises(SpecError, match="trial"):
            door()


OTHERS = {
    "a tag": ("trial: !!python/object/apply:os.system ['touch PWNED']", "tags .* are not supported"),
    "a tag on a name": ("name: !!python/name:os.system x", "tags .* are not supported"),
    "a second document": ("---\na: !!python/object/new:os.system [x]", "a second document begins here"),
    "a module as an observer": ("observers: [evil]", "'evil' is not installed"),
    "a path as an observer": ("observers: [./evil.py]", "is not installed"),
    "a module as a sink": ("sinks: [evil]", "'evil' is not installed"),
    "a dotted name as a sink": ("sinks: [os.path]", "is not installed"),
    "a factory as a sink": ("sinks: ['evil:make']", "is not installed"),
    "a name that leaves the folder": ("name: ../../evil", "expected 1 to 64 letters"),
    "an id that leaves the folder": ("sinks: [{use: csv, id: ../evil}]", "expected an id of"),
    "a template": ("device: '{{ cycler.__init__.__globals__.os.system(1) }}'", "expected auto, cpu"),
    "a plugin's place": ("plugins: [./evil.py]", "unknown key"),
    "an environment": ("environment: {PYTHONPATH: .}", "unknown key"),
}


@pytest.mark.parametrize(("text", "says"), OTHERS.values(), ids=OTHERS)
def test_another_part_of_a_file_runs_nothing(place, text, says):
    path = place / "sent.yaml"
    path.write_text(f"{SAFE}{text}\n")
    with pytest.raises(SpecError, match=says):
        augment.check(path, data=False)


@pytest.mark.parametrize(
    "transforms",
    [
        "{transform: {__class_fullname__: subprocess.Popen, args: [touch, PWNED]}}",
        "{transform: {__class_fullname__: os.system, command: touch PWNED}}",
        "{transform: {__class_fullname__: Lambda, image: 'os.system'}}",
        "{transform: {__class_fullname__: albumentations.load, filepath_or_buffer: x}}",
        "{transform: {__class_fullname__: Compose, transforms: [{__class_fullname__: evil.make}]}}",
        "[{from_dict: {transform_dict: {}}}]",
        "[{FDA: {reference_images: [x], read_fn: 'os.system'}}]",
        "[evil.make]",
    ],
)
def test_albumentations_makes_its_own_transforms_alone(place, transforms):
    import numpy as np

    from augment.spec.yaml_reader import parse
    from augment_images.transforms import try_out

    with pytest.raises(SpecError, match="transforms"):
        try_out(parse(transforms, "")[0], np.zeros((2, 16, 16, 3), dtype=np.uint8))


def test_a_run_that_was_sent_runs_no_module_at_any_door(place):
    """A run's folder whose `resolved.yaml` names a module: only `run` needs it, and only `run` with trust."""
    Path("models.py").write_text("from sklearn.tree import DecisionTreeClassifier as make\n")
    Path("sent.yaml").write_text(f"{SAFE}sinks: [csv]\ntrial: {{probe: 'models:make', seeds: 1}}\n")
    done = augment.run("sent.yaml", workers=0, trust=["models"])
    Path("models.py").write_text("open('PWNED', 'w').close()\n")
    assert "models:make" in done.resolved.read_text()
    with pytest.raises(SpecError, match="would run the code in"):
        augment.run(done.resolved, workers=0)
    with pytest.raises(SpecError, match="would run the code in"):
        augment.check(done.resolved)
    again = augment.load(done.folder)
    assert len(again.train.data)
    assert again.resolved == done.resolved
    augment.sample(done.folder, rows=5, out=place / "more.csv", workers=0)
    loader = augment.loaders.mixed(again, batch_size=4, background=False)
    assert len(next(iter(loader))) == 2


@pytest.mark.parametrize(
    ("key_path", "value"),
    [
        (("train",), "../mine"),  # a key of the store, which removes what is damaged there
        (("data", "written", "train", "csv"), "../mine/secret.csv"),
        (("data", "written", "train", "csv"), "/etc/passwd"),
        (("files",), {"models/../../mine/secret.csv": "0"}),
        (("reports",), ["../mine/secret.csv"]),
    ],
)
def test_a_run_that_was_sent_reaches_nothing_outside_its_folder(place, store, sent_run, key_path, value):
    shutil.copytree(sent_run, place / "sent")
    Path("mine").mkdir()
    Path("mine/secret.csv").write_text("x\n1\n")
    shutil.copytree("mine", store / "mine")
    manifest = json.loads(Path("sent/run.json").read_text())
    node = manifest
    for key in key_path[:-1]:
        node = node[key]
    node[key_path[-1]] = value
    Path("sent/run.json").write_text(json.dumps(manifest))
    doors = (
        lambda: augment.load("sent").train,
        lambda: augment.load("sent").report,
        lambda: augment.sample("sent", rows=5, out=place / "more.csv", workers=0),
    )
    for door in doors:
        with pytest.raises(AugmentError, match=rf"run.json is damaged.*{key_path[0]}"):
            door()
    assert Path("mine/secret.csv").exists()
    assert (store / "mine" / "secret.csv").exists()
    assert not Path("more.csv").exists()


@pytest.mark.slow
def test_the_current_folder_is_not_where_the_command_looks_for_modules_and_plugins(place):
    info = place / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[augment]\nevil = evil\n\n[augment.default.sink]\nevil = evil\n")
    Path("sent.yaml").write_text(f"{SAFE}sinks: [evil]\ntrial: false\n")
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "-m", "augment", "check", "sent.yaml", "--no-data"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert said.returncode == 2
    assert "'evil' is not installed" in said.stderr


@pytest.mark.slow
def test_a_plugin_is_not_tried_with_the_modules_of_the_current_folder(place, fakes):
    catalog = Catalog()
    (offer,) = (offer for offer in catalog.offers if offer.name == "fake-rows")
    catalog = Catalog([offer])
    catalog._must_be_tried = lambda offer: True
    assert catalog.report(offer).components  # `python -c` would have found this folder's numpy


def test_what_init_writes_holds_no_key_from_the_data(place):
    rows = "\n".join(f'{i}.5,"no\ntrial: {{probe: models:make}}\n"' if i % 2 else f"{i},yes" for i in range(60))
    data = Path("x\nobservers: [evil]\n#.csv")
    data.write_text(f'"a\ntrial: {{probe: models:make}}\n#",y\n{rows}\n')
    Path("sent.yaml").write_text(propose(data, place, "y"))
    pipeline = load("sent.yaml", CATALOG).pipeline
    assert (pipeline.observers, pipeline.trial.probe) == ([], None)


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_no_stored_file_is_unpickled(place, payload):
    for name in ("state.safetensors", "state.json", "frame.arrow", "x.npy", "schema.json"):
        (place / name).write_bytes(payload(place / "PWNED"))
    for door in (lambda: read_state(place), lambda: Dataset.load(place)):
        with pytest.raises((AugmentError, ValueError, OSError)):
            door()


def test_no_type_of_an_arrow_column_is_unpickled(place):
    """What old versions of pyarrow did with the type of a column, before they looked at any value."""
    column = pa.array([1.5, 2.5])
    hidden = {b"ARROW:extension:name": b"arrow.py_extension_type"}
    hidden[b"ARROW:extension:metadata"] = PAYLOADS["pickle"](place / "PWNED")
    table = pa.Table.from_arrays([column], schema=pa.schema([pa.field("x", pa.float64(), metadata=hidden)]))
    pq.write_table(table, "x.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ParquetSource(ParquetSource.Params(path=place / "x.parquet")).read(Context(0, place))
        Dataset.of(table.to_pandas(), {}, Schema(columns={"x": Column(type="number")})).save(place / "saved")
        (frame,) = (place / "saved").glob("*.arrow")
        with pa.OSFile(str(frame), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        assert list(Dataset.load(place / "saved").frame["x"]) == [1.5, 2.5]


DOORS = {
    "augment/cli/group.py",  # commands of our own
    "augment/engine/fork_server.py",  # libraries of built-in components
    "augment/engine/wire.py",  # tasks of `augment.engine`
    "augment/lazy.py",  # exports of our own
    "augment/plugin/importing.py",  # installed plugins
    "augment/testing/elsewhere.py",  # a component that whoever checks has named
    "plugins/augment_estimator/factories.py",  # known libraries, and what the user trusts
    "plugins/augment_tracking/__init__.py",  # libraries named in the code
}


def test_modules_are_imported_by_name_at_known_doors_alone():
    found = {path for path in SOURCES if "import_module(" in path.read_text(encoding="utf-8")}
    assert {path.relative_to(ROOT).as_posix() for path in found if "docs" not in path.relative_to(ROOT).parts} == DOORS
