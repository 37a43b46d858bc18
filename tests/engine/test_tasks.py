from __future__ import annotations

import json
import os
import signal

import pytest

from augment.data import Dataset, SchemaDeclaration, observe
from augment.engine import tasks
from augment.engine.jobs import Call, Host
from augment.errors import DataError, PluginError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context
from augment.runner.fitting import fit_components
from augment.runner.run import run
from augment.runner.session import opened
from augment.spec.load import load
from augment.spec.stages import Bound
from augment.storage.store import Store

pytestmark = pytest.mark.usefixtures("fakes")


def bound(kind, use, timeout=None, **params):
    (cls,) = Catalog().candidates(kind, use)
    return Bound(kind, use, use, timeout, cls, cls.Params(**params))


@pytest.fixture
def train(tmp_path):
    """The folder of 40 training rows."""
    rows = bound("source", "fake-rows", rows=40)
    data = rows.cls(rows.params).read(Context(seed=0, folder=tmp_path))
    data.save(tmp_path / "train")
    return tmp_path / "train"


@pytest.fixture
def fit(tmp_path, train):
    def fit(component, emit=lambda event: None, checkpoint=None):
        task = tasks.FitTask(component, train, 1, tmp_path / "out", {"seed": 1}, checkpoint, pilot=train)
        Call(Host(tmp_path), emit, "a fit").do(tasks.fit, task)
        return tmp_path / "out"

    return fit


def faulty(fault, **params):
    return bound("generator", "fake-faulty", fault=fault, **params)


def left(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "train")


def test_a_fitted_generator_has_its_state_its_description_and_its_losses(fit):
    events = []
    out = fit(bound("generator", "fake-move"), events.append)
    assert sorted(path.name for path in out.iterdir()) == [
        "generator.json",
        "losses.csv",
        "state.json",
        "state.safetensors",
    ]
    assert (out / "losses.csv").read_text() == f"step,loss\n1,1.0\n2,0.5\n3,{1 / 3!r}\n"
    assert [event["step"] for event in events] == [1, 2, 3]
    assert json.loads((out / "generator.json").read_text())["component"]["use"] == "fake-move"


def test_the_description_holds_no_path_of_this_machine(fit, tmp_path):
    out = fit(bound("generator", "fake-move", notes=tmp_path / "began"))
    assert str(tmp_path) not in (out / "generator.json").read_text()
    assert "began" in (out / "generator.json").read_text()


def test_a_fitted_filter_keeps_its_threshold(fit):
    out = fit(bound("filter", "fake-reject", part=0.25))
    assert json.loads((out / "filter.json").read_text())["threshold"] == 0.25


def test_a_fitted_component_comes_back(fit):
    component = bound("generator", "fake-move")
    assert set(tasks.load_fitted(component, fit(component)).spread) == {"x", "y"}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            "fit:raise",
            r"^generator 'fake-faulty' failed in fit: ZeroDivisionError: by nought \(augment_fake\.py, line ",
        ),
        ("fit:exit", r"^generator 'fake-faulty' failed in fit: SystemExit: 7 \(augment_fake\.py, line \d+, in \w+\)$"),
        ("fit:other", r"^generator 'fake-faulty': fit returned object; it must return the component itself$"),
        ("fit:change-train", r"^generator 'fake-faulty': fit changed the training rows; they are read only$"),
        ("save:raise", r"^generator 'fake-faulty' failed in save: ZeroDivisionError: by nought \(augment_fake\.py, "),
    ],
)
def test_a_fit_that_goes_wrong_is_named_and_leaves_nothing(fit, tmp_path, fault, says):
    with pytest.raises(PluginError, match=says):
        fit(faulty(fault))
    assert left(tmp_path) == []


def test_state_that_does_not_load_is_named_and_not_kept(fit, tmp_path):
    with pytest.raises(
        PluginError, match=r"^generator 'fake-faulty' failed in load: ValueError: bad state \(augment_fake\.py, "
    ):
        fit(faulty("load:raise"))
    assert left(tmp_path) == []


def test_a_stored_state_that_does_not_load_is_made_again_unless_memory_ran_out(fit, monkeypatch):
    component = bound("generator", "fake-move")
    store = Store()
    with store.making("generator-1", "a fit"):
        folder = store.publish("generator-1", fit(component))

    def load(error):
        monkeypatch.setattr(
            component.cls, "load", classmethod(lambda cls, folder, params: (_ for _ in ()).throw(error))
        )
        tasks.load_fitted(component, folder)

    with pytest.raises(PluginError, match=r"^generator 'fake-move': load ran out of memory; run one task at a time"):
        load(MemoryError())
    assert store.get("generator-1") == folder
    with pytest.raises(PluginError, match=r"ValueError: bad; the stored fit is discarded, and the same comm"):
        load(ValueError("bad"))
    assert store.get("generator-1") is None


def test_folder_and_environment_are_given_back(fit):
    before, environment = os.getcwd(), dict(os.environ)
    fit(faulty("fit:move-away"))
    assert os.getcwd() == before
    assert dict(os.environ) == environment


def test_the_scratch_folder_of_a_call_is_gone_afterwards(tmp_path):
    call = Call(Host(tmp_path), print, "a fit")
    with pytest.raises(ZeroDivisionError), tasks.lend(call, 5) as context:
        (context.folder / "file").write_text("x")
        raise ZeroDivisionError
    assert left(tmp_path) == []


def test_errors_of_ours_pass_as_they_are():
    with pytest.raises(DataError, match=r"^no such class$"), tasks.calling(faulty(""), "sample"):
        raise DataError("no such class")


def test_ctrl_c_is_no_fault_of_the_component():
    with pytest.raises(KeyboardInterrupt), tasks.calling(faulty(""), "fit"):
        raise KeyboardInterrupt


def read(tmp_path, fault):
    task = tasks.ReadTask(bound("source", "fake-faulty-source", fault=fault), SchemaDeclaration(), 1, tmp_path / "out")
    return Call(Host(tmp_path), print, "reading").do(tasks.read, task)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (
            "raise",
            r"^source 'fake-faulty-source' failed in read: RuntimeError: the disk is on fire \(augment_fake\.py, ",
        ),
        ("no-dataset", r"^source 'fake-faulty-source': read returned DataFrame; a Dataset was expected$"),
    ],
)
def test_a_source_that_goes_wrong_is_named(tmp_path, fault, says):
    with pytest.raises(PluginError, match=says):
        read(tmp_path, fault)
    assert left(tmp_path) == []


def test_what_a_component_prints_stays_off_standard_output(tmp_path, capsys):
    read(tmp_path, "print")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "xxx" in printed.err


def test_what_is_read_lies_whole_in_its_folder(tmp_path):
    result = read(tmp_path, "print")
    data = Dataset.load(tmp_path / "out")
    assert result == tasks.Saved(60, data.fingerprint())


# through worker processes: what ends a process would end the tests


# before others start the server that they share, which would look into the store of the first of them
@pytest.mark.usefixtures("fakes")
def test_a_finished_fit_is_kept_when_another_one_fails(spec, store):
    generators = ["fake-move", {"use": "fake-faulty", "with": {"fault": "save:late"}}]
    with pytest.raises(PluginError, match="failed in save"):
        run(spec(generators=generators), workers=2)
    assert [path.name[:9] for path in (store / "objects").iterdir() if path.name[:9] == "generator"] == ["generator"]


@pytest.mark.usefixtures("one_server")
@pytest.mark.parametrize(
    ("fault", "timeout", "says"),
    [
        ("fit:os-exit", None, "its process ended with exit status 0 without an answer; its last words: goodbye"),
        ("fit:segfault", None, f"its process was killed by signal {int(signal.SIGSEGV)} without an answer"),
        ("fit:loop", 0.5, "took longer than its `timeout: 0.5` (seconds) and was stopped"),
    ],
)
def test_a_fit_that_ends_its_process_harms_nobody_else(spec, store, fault, timeout, says):
    limit = {"timeout": timeout} if timeout else {}
    generators = ["fake-move", {"use": "fake-faulty", "with": {"fault": fault}, **limit}]
    with pytest.raises(PluginError) as caught:
        run(spec(generators=generators), workers=1)
    assert str(caught.value).startswith("generator 'fake-faulty': fit")
    assert says in str(caught.value)
    assert list((store / "scratch").iterdir()) == []


@pytest.mark.usefixtures("one_server")
def test_what_a_component_prints_and_where_it_goes_does_not_matter(spec, store, tmp_path):
    path = spec(generators=[{"use": "fake-faulty", "with": {"fault": "fit:print"}}])
    with opened(path, workers=1) as (session, resolved):
        rows = resolved.sources()[0]
        session.one("read", rows, tasks.read, tasks.ReadTask(rows, SchemaDeclaration(), 1, tmp_path / "r"))
        component = faulty("fit:print")
        found = fit_components(session, [component], tmp_path / "r", "key")
    assert (found["fake-faulty"] / "losses.csv").is_file()


def test_a_plugin_that_fails_on_import_harms_only_who_names_it(spec):
    assert load(spec(), Catalog()).stages
    with pytest.raises(PluginError, match=r"augment_fake_fails .* fails on import: RuntimeError: no such licence"):
        load(spec(generators=["fake-fails-on-import"]), Catalog())
    with pytest.raises(PluginError, match=r"augment_fake_exits .* exits on import \(status 3\)"):
        load(spec(filters=["fake-exits-on-import"]), Catalog())


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("text", r"apply: column 'x', data row 1: '.*' is str, and the column has type number"),
        ("label", r"apply gave column 'label' labels that its own schema does not list: 'unheard-of'"),
    ],
)
def test_a_transform_that_does_not_keep_to_its_schema_is_named(tmp_path, train, fault, says):
    data = Dataset.load(train)
    schema, _ = observe(data.schema, data.frame)
    Dataset.of(data.frame, {}, schema).save(tmp_path / "observed")
    order = bound("transform", "fake-order", fault=fault)
    call = Call(Host(tmp_path), lambda event: None, "apply")
    call.do(tasks.fit, tasks.FitTask(order, train, 1, tmp_path / "state", {}))
    task = tasks.ApplyTask(order, tmp_path / "state", tmp_path / "observed", tmp_path / "changed", is_holdout=False)
    with pytest.raises(PluginError, match=f"^transform 'fake-order': {says}"):
        call.do(tasks.apply, task)
    assert not (tmp_path / "changed").exists()
