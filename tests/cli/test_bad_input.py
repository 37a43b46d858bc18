"""Whatever is wrong with pipeline or data, the command says so in one message and writes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fake_pipeline import ASSESSED
from slowly import slowly

from augment.cli import main
from augment.runner.run import run

pytestmark = pytest.mark.usefixtures("fakes")
GOOD = "x,y,label\n" + "".join(f"{i * 0.37:.2f},{(i * 7) % 11},{'a' if i % 3 else 'b'}\n" for i in range(30))

QUICK = {"probe": {"use": "boosting", "with": {"max_iter": 5}}, "seeds": 1}


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="augment")


@pytest.fixture
def attempt(tmp_path, spec, monkeypatch):
    """Runs a pipeline on a CSV file, and makes sure that a failure writes nothing; returns exit code and message."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)

    def attempt(content=GOOD, **sections):
        if content is not None:
            encoded = content if isinstance(content, bytes) else content.encode()
            (tmp_path / "data.csv").write_bytes(encoded)
        sections = {"source": {"use": "csv", "with": {"path": "data.csv"}}, "schema": {"target": "label"}, **sections}
        path = spec(**sections)
        before = sorted(tmp_path.rglob("*"))
        result = invoke("run", path, "--workers", 0, "-q")
        if result.exit_code:
            assert isinstance(result.exception, SystemExit), result.exception
            assert result.stderr.startswith("error: ")
            assert "Traceback" not in result.stderr
            assert "bug in augment" not in result.stderr
            assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.name != "runs"] == []
        return result.exit_code, result.stderr

    return attempt


def test_good_data_runs(attempt):
    assert attempt(**ASSESSED) == (0, "")


def test_a_missing_file(attempt):
    code, message = attempt(None)
    assert code == 2
    assert "fake.yaml:" in message
    assert "there is no file or folder 'data.csv'" in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("x,y,label\n", "has a header but no rows"),
        ("x,y,label\n1,2,a\n1,2\n", "line 3: the row has 2 fields, and the header has 3"),
        ("x,x,label\n1,2,a\n", "the header has names twice: 'x'"),
        ("x,,label\n1,2,a\n", "the header has no name for column 2 of 3"),
        ("x,y,label\n1,2,ä\n".encode("latin-1"), "is not utf-8; name the file's encoding"),
        ("x,y,other\n1,2,a\n2,2,b\n", "target 'label' is not in the data"),
        ("x,label\n1,a\n2,a\n3,a\n", "data.csv: target 'label' is 'a' in all 3 rows"),
        ("x,label\n1,a\n2,\n3,b\n", "target 'label' is missing in 1 of 3 rows, first in data row 2"),
        ("x,label\n1,a\ninf,b\n", "an infinite number"),
        ("x,y,label\n1,2,a\n", "target 'label' is 'a' in all 1 rows"),
        ("x,y,label\n1,2,a\n3,4,b\n", "2 rows with `split.holdout: 0.2` leave 2 training rows and 0 held-out rows"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "latin-1",
)
def test_data_that_cannot_be_used(attempt, content, says):
    code, message = attempt(content)
    assert says in message
    assert code == 3


def test_missing_numbers_are_refused_by_a_generator_that_cannot_take_them(attempt):
    content = GOOD.replace("\n0.37,", "\n,").replace("\n3.70,", "\nNaN,").replace("\n7.40,", "\n,")
    code, message = attempt(content, generators=["smote"])
    assert code == 2
    assert "'smote' cannot be used on this data: it cannot take missing values" in message
    assert "fill them in with one of the `transforms:`" in message
    assert attempt(content, generators=["smote"], transforms=["impute"])[0] == 0


def test_a_class_with_one_row_is_left_as_it_is_unless_rows_of_it_are_asked_for(attempt):
    content = GOOD + "5.5,3,c\n"
    settings = {"generators": ["smote"], "trial": QUICK, "reporters": ["html"]}
    assert attempt(content, **settings)[0] == 0
    code, message = attempt(content, **settings, mix={"rows": {"c": 5}})
    assert code == 2
    assert "'c'" in message


def test_five_rows_work(attempt):
    content = "x,label\n1,a\n2.5,b\n3,a\n4,b\n5,a\n"
    assert attempt(content, generators=["smote"], trial=QUICK, reporters=["html"])[0] == 0


@pytest.mark.parametrize("generator", ["smote", *slowly(["bootstrap", "fake-move"])])
def test_constant_features_work(attempt, generator):
    content = "x,n,c,label\n" + "".join(f"1.5,3,k,{'a' if i % 3 else 'b'}\n" for i in range(30))
    rest = {"metrics": ["fidelity"], "reporters": ["html"], "filters": ["not-a-copy"]}
    code, message = attempt(content, generators=[generator], trial=QUICK, **rest)
    assert code == 0 or (code == 1 and "rejected most" in message)


def test_one_column_beside_the_target_works(attempt):
    content = "x,label\n" + "".join(f"{i * 0.37:.2f},{'a' if i % 3 else 'b'}\n" for i in range(30))
    assert attempt(content, generators=["smote"], trial=QUICK, reporters=["html"])[0] == 0


def test_the_target_alone_is_refused_or_works(attempt):
    content = "label\n" + "a\nb\nb\n" * 10
    code, message = attempt(content, generators=["smote"])
    assert code in (2, 3)
    assert "no column beside the target" in message


@pytest.mark.parametrize("split", [{"time": "t"}, {"group": "t"}])
def test_a_training_part_of_one_class_runs_or_is_explained(attempt, split):
    content = "x,t,label\n" + "".join(f"{i * 0.37:.2f},{i // 24},{'a' if i < 24 else 'b'}\n" for i in range(30))
    code, message = attempt(content, split=split, generators=["smote"], trial=QUICK)
    assert code in (0, 3), message


def test_every_mistake_in_a_pipeline_is_listed_with_its_line(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "sede: 3\n"
        "source: {use: csv, with: {path: absent.csv}}\n"
        "schema: {target: label}\n"
        "generators:\n"
        "  - smoet\n"
        "  - use: gan\n"
        "    with: {epochs: many}\n"
        "split: {holdout: 1.5}\n"
    )
    result = invoke("run", path)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0] == "error: 5 problems"
    assert [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in lines[1:]] == [1, 2, 5, 7, 8]
    assert "did you mean 'seed'" in lines[1]
    assert "absent.csv" in lines[2]
    assert "did you mean 'smote'" in lines[3]
    assert "epochs" in lines[4]
    assert "holdout" in lines[5]
    assert invoke("check", path, "--no-data").exit_code == 2
    assert os.listdir(tmp_path) == ["wrong.yaml"]


@pytest.mark.parametrize("name", ["fake-fails-on-import", "fake-exits-on-import"])
def test_a_plugin_that_cannot_be_imported(attempt, name):
    code, message = attempt(generators=[name])
    assert code == 4
    assert "augment-fake 1.0" in message


@pytest.mark.parametrize(
    "fault", ["fit:raise", "fit:exit", "sample:raise", "sample:count", "sample:nan", "sample:given", "load:raise"]
)
def test_a_generator_that_breaks_its_contract(attempt, fault):
    code, message = attempt(generators=[{"use": "fake-faulty", "with": {"fault": fault}}])
    assert code == 4
    assert "generator 'fake-faulty'" in message


@pytest.mark.parametrize(
    ("section", "entries", "says"),
    [
        ("filters", {"use": "fake-reject", "with": {"fault": "raise"}}, "filter 'fake-reject' failed in fit"),
        ("filters", {"use": "fake-reject", "with": {"fault": "shape"}}, "filter 'fake-reject': judge returned"),
        ("metrics", {"use": "fake-means", "with": {"fault": "raise"}}, "metric 'fake-means' failed in score"),
        ("metrics", {"use": "fake-means", "with": {"fault": "nan"}}, "metric 'fake-means': score returned"),
        ("metrics", {"use": "fake-means", "with": {"fault": "finding"}}, "'no leak found' does not agree with"),
        ("metrics", {"use": "fake-means", "with": {"fault": "change"}}, "metric 'fake-means' changed the rows"),
        ("transforms", {"use": "fake-order", "with": {"fault": "dropped"}}, "apply made 5 rows of the 6 in"),
        ("transforms", {"use": "fake-order", "with": {"fault": "sorted"}}, "apply gave half of the hold-out other"),
        ("transforms", {"use": "fake-order", "with": {"fault": "scaled"}}, "apply gave half of the hold-out other"),
        ("reporters", {"use": "fake-lines", "with": {"fault": "raise"}}, "reporter 'fake-lines' failed in write"),
        ("sinks", {"use": "fake-faulty-sink"}, "sink 'fake-faulty-sink' failed in write"),
        ("sinks", {"use": "fake-faulty-sink", "with": {"fault": "stops-early"}}, "write stopped after 0 rows"),
        ("sinks", {"use": "fake-faulty-sink", "with": {"fault": "elsewhere"}}, "write returned [PosixPath('/etc"),
        ("sinks", {"use": "fake-faulty-sink", "with": {"fault": "nothing"}}, "write returned None"),
        ("reporters", "twice", "reporter 'fake-lines-2' (fake-lines) wrote 'report.txt', but the run has"),
    ],
)
def test_a_component_that_breaks_its_contract(attempt, section, entries, says):
    other = {"use": "fake-lines", "with": {"fault": "none"}}  # with the same settings it is refused before the run
    code, message = attempt(**{section: ["fake-lines", other] if entries == "twice" else [entries]})
    assert says in message
    assert code == 4


@pytest.mark.parametrize(("fault", "says"), [("shape", ": predict returned (3,)"), ("change", " changed the rows")])
def test_a_probe_that_breaks_its_contract(attempt, fault, says):
    code, message = attempt(trial={"probe": {"use": "fake-centroids", "with": {"fault": fault}}, "seeds": 1})
    assert code == 4
    assert f"probe 'fake-centroids'{says}" in message


@pytest.mark.parametrize(("fault", "code", "says"), [("raise", 4, "on fire"), ("no-rows", 3, "gave no rows")])
def test_a_source_that_fails(attempt, fault, code, says):
    found, message = attempt(source={"use": "fake-faulty-source", "with": {"fault": fault}}, schema={})
    assert found == code
    assert says in message


@pytest.mark.slow
def test_check_finds_what_run_would_find(attempt, tmp_path, spec):
    (tmp_path / "data.csv").write_text("x,label\n1,a\n2,a\n")
    path = spec(source={"use": "csv", "with": {"path": "data.csv"}}, schema={"target": "label"})
    result = invoke("check", path)
    assert result.exit_code == 3
    assert "target 'label' is 'a' in all 2 rows" in result.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data.csv", "fake.yaml"]


def test_amounts_for_classes_that_are_not_there(attempt):
    code, message = attempt(mix={"rows": {"a": 5, "c": 3}})
    assert code == 2
    assert "has no class 'c'" in message


def test_a_filter_that_leaves_too_few_rows(attempt):
    code, message = attempt(filters=[{"use": "fake-reject", "with": {"part": 2.0}}], max_rounds=2)
    assert code == 1
    assert "filter 'fake-reject' rejected most" in message


def test_a_bound_that_is_missed_is_told_after_the_result(spec, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    result = invoke("run", spec(trial={"probe": "fake-centroids", "seeds": 2, "min": 0.9}), "--workers", 0, "-q")
    assert result.exit_code == 5
    assert "trial.min requires" in result.stderr


def test_out_below_a_file(spec, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = invoke("run", spec(), "--workers", 0, "--out", tmp_path / "file" / "run", "-q")
    assert result.exit_code == 7
    assert str(tmp_path / "file") in result.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_out_in_a_folder_that_cannot_be_written(spec):
    result = invoke("run", spec(), "--workers", 0, "--out", "/proc/self/run", "-q")
    assert result.exit_code == 7
    assert "/proc/self" in result.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_store_that_cannot_be_written_is_found_before_anything_is_read(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", "/proc/self/store")
    result = invoke("run", spec(source={"use": "fake-faulty-source"}), "--workers", 0, "-q")
    assert result.exit_code == 7
    assert "/proc/self/store" in result.stderr
    assert not (tmp_path / "runs").exists()


def test_out_that_holds_somebodys_files(spec, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    for more in ([], ["--overwrite"]):
        result = invoke("run", spec(), "--workers", 0, "--out", out, "-q", *more)
        assert result.exit_code == 2
        assert "holds files that are not a run's" in result.stderr
    assert (out / "thesis.tex").read_text() == "years of work"


def test_out_that_holds_another_run_is_replaced_on_request_alone(spec, tmp_path):
    out = tmp_path / "run"
    assert invoke("run", spec(), "--workers", 0, "--out", out, "-q").exit_code == 0
    before = (out / "data" / "train.csv").read_bytes()
    refused = invoke("run", spec(), "--workers", 0, "--out", out, "--seed", 8, "-q")
    assert refused.exit_code == 2
    assert "it holds another run" in refused.stderr
    assert (out / "data" / "train.csv").read_bytes() == before
    assert invoke("run", spec(), "--workers", 0, "--out", out, "--seed", 8, "-q", "--overwrite").exit_code == 0
    assert (out / "data" / "train.csv").read_bytes() != before


def test_numbers_at_the_edge_of_floats_run_or_are_explained(attempt):
    frame = pd.DataFrame({"x": 1e308 * np.linspace(-1, 1, 30), "label": ["a", "b", "b"] * 10})
    code, message = attempt(frame.to_csv(index=False), generators=["smote"], reporters=["html"], metrics=["fidelity"])
    assert code in (0, 3, 4), message


# a process of its own, with workers: signals

RUN = [sys.executable, "-c", "from augment.cli import main; main(prog_name='augment')", "run"]


@contextmanager
def in_the_middle_of_a_fit(spec, started):
    """A process that runs a pipeline, and has begun to fit something for a minute."""
    command = [*RUN, str(spec), "--workers", "1"]
    environment = {**os.environ, "FAKE_SECONDS": "60", "FAKE_STARTED": str(started)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        while not started.exists() or not started.read_text():
            assert process.poll() is None
            time.sleep(0.02)
        yield process


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), *slowly([(signal.SIGTERM, 143)])], ids=["ctrl-c", "term"]
)
def test_a_stopped_run_says_how_to_go_on_and_leaves_no_worker(spec, tmp_path, store, number, code):
    with in_the_middle_of_a_fit(spec(), tmp_path / "started") as process:
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert "the same command goes on" in errors
    assert "Traceback" not in errors
    assert list((tmp_path / "runs").iterdir()) == []
    assert list((store / "scratch").iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "started").read_text()), 0)


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_that_the_next_one_minds(spec, tmp_path, store, monkeypatch):
    settings = {"generators": ["fake-move", "fake-free"], "mix": {"rows": 20}}
    with in_the_middle_of_a_fit(spec(**settings), tmp_path / "started") as process:
        process.kill()
    done = run(spec(**settings), workers=0)
    assert sorted(path.name for path in done.folder.parent.iterdir()) == ["fake", done.folder.name]
    assert list((store / "scratch").iterdir()) == []
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "another-store"))
    undisturbed = run(spec(**settings), workers=0, out=tmp_path / "undisturbed")
    for name in ("data/train.csv", "models/fake-free/state.json", "metrics.json", "split.json"):
        assert (done.folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()


HOLDER = """
import sys
from pathlib import Path
from augment.storage.atomic_files import taken
with taken(Path(sys.argv[1])):
    print("taken", flush=True)
    sys.stdin.read()
"""


def test_a_place_that_another_process_holds_is_refused_and_names_it(spec, tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "mine")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "taken\n"
        result = invoke("run", spec(), "--workers", 0, "--out", tmp_path / "mine", "-q")
        process.stdin.close()
    assert result.exit_code == 6
    assert f"process {process.pid}" in result.stderr


HOST = """
import json, sys
from augment.runner.run import run
run(sys.argv[1], workers=1, out=sys.argv[2])
heavy = {"torch", "sklearn", "imblearn", "albumentations", "cv2", "matplotlib", "augment.toolkit.training"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""


@pytest.mark.slow
def test_the_host_of_workers_imports_nothing_heavy(spec, tmp_path):
    (tmp_path / "data.csv").write_text(GOOD)
    source = {"use": "csv", "with": {"path": "data.csv"}}
    path = spec(source=source, schema={"target": "label"}, generators=["smote"], mix={"rows": 10}, trial=False)
    command = [sys.executable, "-c", HOST, str(path), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
