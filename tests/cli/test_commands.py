from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from run_records import manifest, run_metrics

from augment import __version__
from augment.cli import main
from augment.data import Schema
from augment.errors import (
    AugmentError,
    BelowMinimum,
    DataError,
    DiskError,
    Interrupted,
    LockedError,
    PluginError,
    Problem,
    SpecError,
)
from augment.plugin.catalog import Catalog
from augment.spec.load import load

COMMANDS = [
    "init", "check", "run", "sample", "runs", "evaluate", "compare", "plugins", "show", "new-plugin",
    "check-plugin", "cache", "doctor", "schema", "completion",
]  # fmt: skip

METRICS = run_metrics(
    rows={"read": 550, "train": 440, "test": 110, "synthetic": 360},
    classes={"train": {"no": 400, "yes": 40}, "test": {"no": 100, "yes": 10}, "synthetic": {"yes": 360}},
    generators={name: {"asked": 180, "kept": 180, "per_class": {"yes": 180}} for name in ("gan", "smote")},
    trial={"verdict": "helps", "sentence": "Augmentation helps: 0.71 becomes 0.74."},
    privacy={"verdict": "no leak found", "sentence": "These attacks found no leak."},
)


class FakeRun:
    """A finished run, as the command line sees it."""

    def __init__(self, folder, already_done=False, exit_code=0):
        self.folder, self.already_done, self.exit_code = folder, already_done, exit_code
        self.name, self.key, self.metrics = "credit", "3fa9c1d2" * 8, METRICS
        self.status = "below the required minimum" if exit_code else "done"
        self.report = folder / "report.html"
        self.schema, self.manifest = Schema(columns={}), manifest()


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pipeline.yaml"
    path.write_text("source: {use: csv}\n")
    return path


@pytest.fixture
def fake_run(monkeypatch, tmp_path):
    """Puts something in place of the runner; what it was called with is kept in `calls`."""

    def put(outcome=None, events=()):
        calls = []

        def run(pipeline, **settings):
            calls.append((pipeline, settings))
            for event in events:
                settings["events"](event)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome or FakeRun(tmp_path / "runs" / "credit-3fa9c1d2")

        monkeypatch.setattr("augment.runner.run.run", run)
        return calls

    return put


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="augment")


def program(*arguments, **options):
    """The command in a process of its own."""
    code = "from augment.cli import main; main(prog_name='augment')"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command):
    for flag in ("-h", "--help"):
        result = invoke(command, flag)
        assert result.exit_code == 0
        assert f"augment {command}" in result.output.split("Examples:")[1]
        assert "--debug" in result.output


def test_help_lists_every_command_with_a_whole_sentence():
    result = invoke("--help")
    listed = result.output.split("Commands:")[1]
    assert [line.split()[0] for line in listed.strip().splitlines()] == COMMANDS
    assert "..." not in listed


def test_version():
    assert invoke("--version").output == f"augment {__version__}\n"


def test_a_command_imports_its_own_module_only():
    code = "import sys; from augment.cli import main; main(['completion', 'bash'], standalone_mode=False); "
    code += "print(sorted(name for name in sys.modules if name.startswith('augment.cli.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(
        ["augment.cli.commands", "augment.cli.commands.completion", "augment.cli.group"]
    )


def test_help_imports_click_and_nothing_heavy():
    code = (
        "import sys; from augment.cli import main; main(['--help'], standalone_mode=False); "
        "print(sorted({'rich', 'pydantic', 'pluggy', 'pandas', 'numpy', 'pyarrow', 'torch', 'ruamel', 'sklearn'} "
        "& {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_run_passes_on_what_it_was_given(spec, fake_run):
    calls = fake_run()
    words = "--set generators.0.with.epochs=5 --set seed=1 --seed 3 --out o --overwrite --device cpu --workers 0"
    words += " --trust models --trust mypackage"
    assert invoke("run", spec, *words.split()).exit_code == 0
    ((pipeline, settings),) = calls
    assert pipeline == spec
    del settings["events"]
    assert settings == {
        "overrides": ("generators.0.with.epochs=5", "seed=1"),
        "seed": 3,
        "out": Path("o"),
        "overwrite": True,
        "device": "cpu",
        "workers": 0,
        "trust": ("models", "mypackage"),
    }


def test_run_leaves_to_the_pipeline_what_is_not_given(spec, fake_run):
    calls = fake_run()
    invoke("run", spec)
    ((_, settings),) = calls
    assert [settings[key] for key in ("seed", "out", "device", "workers")] == [None] * 4


def test_run_ends_with_verdict_rows_places_and_the_next_command(spec, fake_run):
    fake_run()
    lines = invoke("run", spec).stdout.splitlines()
    assert lines == [
        "credit: Augmentation helps: 0.71 becomes 0.74.",
        "privacy: These attacks found no leak.",
        "",
        "rows  train  gan  smote  test",
        "no      400    0      0   100",
        "yes      40  180    180    10",
        "all     440  180    180   110",
        "",
        "folder  runs/credit-3fa9c1d2",
        "report  runs/credit-3fa9c1d2/report.html",
        "advice  Train on the real and synthetic rows that this run has written.",
        "next    augment sample runs/credit-3fa9c1d2 --generator gan --rows 1000 -o more.csv",
    ]


def test_a_run_that_was_done_already_says_so(spec, fake_run, tmp_path):
    fake_run(FakeRun(tmp_path / "runs", already_done=True))
    assert invoke("run", spec).stdout.startswith("done already")


def test_progress_goes_to_stderr_and_results_to_stdout(spec, fake_run):
    fake_run(events=[{"event": "note", "message": "a constant column"}])
    result = invoke("run", spec)
    assert result.stderr == "note: a constant column\n"
    assert "a constant column" not in result.stdout


def test_quiet_says_the_last_line_only(spec, fake_run):
    fake_run(events=[{"event": "note", "message": "a constant column"}])
    result = invoke("run", spec, "--quiet")
    assert result.stderr == ""
    assert result.stdout == "credit: Augmentation helps: 0.71 becomes 0.74. (runs/credit-3fa9c1d2)\n"


def test_verbose_shows_every_report_of_progress(spec, fake_run):
    report = {"event": "progress", "stage": "fit", "id": "gan", "total": 50, "losses": {}}
    fake_run(events=[{**report, "step": step} for step in range(1, 51)])
    assert len(invoke("run", spec, "-v").stderr.splitlines()) == 50


def test_json_is_events_and_then_the_result(spec, fake_run):
    events = [
        {"event": "note", "message": "ä"},
        {"event": "run-finished", "status": "done", "folder": "f", "seconds": 1.5},
    ]
    fake_run(events=events)
    result = invoke("run", spec, "--json")
    *shown, last = map(json.loads, result.stdout.splitlines())
    assert shown == events
    assert (last["event"], last["verdict"], last["exit_code"]) == ("result", "helps", 0)
    assert result.stderr == ""


def test_a_missed_bound_is_an_error_after_the_summary(spec, fake_run, tmp_path):
    fake_run(BelowMinimum("trial.min is 0.05, the difference is 0.03", FakeRun(tmp_path / "runs", exit_code=5)))
    result = invoke("run", spec)
    assert result.exit_code == 5
    assert "Augmentation helps" in result.stdout
    assert result.stderr == "error: trial.min is 0.05, the difference is 0.03\n"


def test_a_missed_bound_is_still_missed_the_second_time(spec, fake_run, tmp_path):
    fake_run(FakeRun(tmp_path / "runs", already_done=True, exit_code=5))
    assert invoke("run", spec).exit_code == 5


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AugmentError("what happened"), 1),
        (SpecError("what happened"), 2),
        (DataError("what happened"), 3),
        (PluginError("what happened"), 4),
        (LockedError("what happened"), 6),
        (DiskError("what happened"), 7),
        (Interrupted("what happened"), 130),
        (Interrupted("what happened", 143), 143),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(spec, fake_run, error, code):
    fake_run(error)
    result = invoke("run", spec)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "error: what happened\n")


@pytest.mark.parametrize(("debug", "lines"), [([], 25), (["--debug"], 101)])
def test_a_long_message_is_cut_and_says_how_much_is_missing(spec, fake_run, debug, lines):
    fake_run(SpecError([*(Problem(f"problem {number}") for number in range(99)), Problem("x" * 3_000)]))
    shown = invoke("run", spec, *debug).stderr.splitlines()
    shown = shown[shown.index("error: 100 problems") :]
    assert len(shown) == lines
    last = f"{'x' * 2_000}... (1,000 more characters)" if debug else "... and 77 more lines; --debug shows all"
    assert shown[-1] == last


def test_memory_that_runs_out_is_no_bug(spec, fake_run):
    fake_run(MemoryError("Unable to allocate 8 GiB"))
    assert "error: augment ran out of memory (Unable to allocate 8 GiB); run one" in invoke("run", spec).stderr


def test_all_problems_of_a_pipeline_are_listed_and_counted(spec, fake_run):
    fake_run(SpecError([Problem("one", "source.use", "p.yaml", 3), Problem("two", file="p.yaml", line=9)]))
    result = invoke("run", spec)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == ["error: 2 problems", "p.yaml:3: source.use: one", "p.yaml:9: two"]


def test_a_bug_is_called_one_without_a_traceback(spec, fake_run):
    fake_run(ZeroDivisionError("division by zero"))
    result = invoke("run", spec)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: this is a bug in augment: ZeroDivisionError: division by zero\n")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("error", [ZeroDivisionError("zero"), DataError("no rows")])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(spec, fake_run, error):
    fake_run(error)
    result = invoke("run", spec, "--debug")
    assert "Traceback (most recent call last)" in result.stderr
    assert result.exit_code == getattr(error, "exit_code", 1)


def test_a_full_disk_is_not_called_a_bug(spec, fake_run):
    fake_run(OSError(28, "No space left on device", "runs/x"))
    result = invoke("run", spec)
    assert (result.exit_code, result.stderr) == (7, "error: runs/x: No space left on device\n")


def test_ctrl_c_exits_as_shells_expect(spec, fake_run):
    fake_run(KeyboardInterrupt())
    result = invoke("run", spec)
    assert result.exit_code == 130
    assert "same command again to resume" in result.stderr


def test_messages_cannot_move_the_cursor(spec, fake_run):
    fake_run(DataError("label '\x1b[2J' is odd"))
    assert invoke("run", spec).stderr == "error: label '\\x1b[2J' is odd\n"


@pytest.mark.parametrize("arguments", [["run"], ["run", "absent.yaml"], ["fly"], ["run", "--colour", "red"]])
def test_wrong_usage_is_exit_code_2(arguments):
    assert invoke(*arguments).exit_code == 2


def test_sample_says_that_the_same_command_gives_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("augment.runner.sample_finished_run.sample", lambda folder, **settings: settings["out"])
    result = invoke("sample", tmp_path, "--rows", "3", "-o", "more.csv")
    assert result.output.splitlines()[1].startswith("the same command gives the same rows; --seed")


def test_sample_passes_on_what_it_was_given(tmp_path, monkeypatch):
    calls = []

    def sample(run_folder, **settings):
        calls.append((run_folder, settings))
        return settings["out"]

    monkeypatch.setattr("augment.runner.sample_finished_run.sample", sample, raising=False)
    words = "--rows 1500 --generator gan --where a=1 --where b=x=y --seed 4 -o more.csv --overwrite"
    result = invoke("sample", tmp_path, *words.split())
    assert result.output == "wrote 1,500 rows to more.csv\n"
    assert calls == [
        (
            tmp_path,
            {
                "rows": 1500,
                "generator": "gan",
                "where": {"a": "1", "b": "x=y"},
                "seed": 4,
                "out": Path("more.csv"),
                "overwrite": True,
            },
        )
    ]


@pytest.mark.parametrize(("where", "words"), [(["a"], "expected COLUMN=VALUE"), (["a=1", "a=2"], "given twice")])
def test_conditions_that_make_no_sense_are_refused(tmp_path, where, words):
    result = invoke(
        "sample", tmp_path, "--rows", 1, "-o", "x.csv", *(word for pair in where for word in ("--where", pair))
    )
    assert result.exit_code == 2
    assert words in result.stderr


def test_show_tells_what_a_component_is():
    result = invoke("show", "bootstrap")
    assert result.exit_code == 0
    assert result.output.startswith("bootstrap: a generator")


def test_show_of_an_unknown_name_hints_at_a_known_one():
    result = invoke("show", "bootstrp")
    assert result.exit_code == 4
    assert "did you mean 'bootstrap'" in result.stderr


def test_plugins_are_a_table_and_json():
    assert "bootstrap" in invoke("plugins").output
    entries = json.loads(invoke("plugins", "--json").output)
    (found,) = [entry for entry in entries if entry["name"] == "bootstrap"]
    assert (found["kind"], found["error"]) == ("generator", "")


def test_schema_is_json():
    assert "$schema" in json.loads(invoke("schema").output) or "properties" in json.loads(invoke("schema").output)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell):
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert f"_AUGMENT_COMPLETE={shell}_complete" in result.output


def test_component_names_are_completed():
    environment = {
        **os.environ,
        "_AUGMENT_COMPLETE": "bash_complete",
        "COMP_WORDS": "augment show boots",
        "COMP_CWORD": "2",
    }
    assert program(env=environment).stdout == "plain,bootstrap\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("augment sample {run} --rows 5 --generator ", "plain,gan\nplain,smote-2"),
        ("augment sample {run} --generator sm", "plain,smote-2"),
        ("augment sample --generator ", ""),  # no run is named yet
        ("augment sample {run}/models --generator ", ""),
        ("augment sample {run}/nowhere --generator ", ""),
    ],
)
def test_the_generators_of_the_run_in_the_line_are_completed(tmp_path, words, offered):
    (tmp_path / "models").mkdir()
    files = {f"models/{name}/generator.json": "" for name in ("smote-2", "gan")}
    (tmp_path / "run.json").write_text(manifest(files=files).model_dump_json())
    line = words.format(run=tmp_path)
    environment = {"_AUGMENT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    assert CliRunner().invoke(main, env=environment, prog_name="augment").stdout.strip() == offered


@pytest.mark.slow
def test_a_closed_pipe_ends_quietly():
    code = "from augment.cli import main; main(['show', 'npz'], prog_name='augment')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_labels_that_a_terminal_cannot_write_are_written_out(tmp_path):
    code = (
        "import sys, click\nfrom augment.cli import main\n"
        "@main.command()\ndef say(): click.echo('größe ✓')\n"
        "main(['say'], prog_name='augment')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"gr\xf6\xdfe \\u2713\n")


def test_errors_in_a_process_of_their_own(tmp_path):
    (tmp_path / "p.yaml").write_text("source: {use: csvv}\ngenerators: [bootstrap]\nsede: 3\n")
    done = program("check", "p.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: 2 problems\np.yaml:1: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_signals_end_a_command_in_order(name, code):
    script = (
        "import os, signal, sys\nfrom augment.cli import main\n"
        f"@main.command()\ndef wait():\n    os.kill(os.getpid(), signal.{name})\n    signal.pause()\n"
        "main(['wait'], prog_name='augment')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert done.stderr.startswith("error: interrupted")


def test_every_long_option_has_help():
    top = click.Context(main)
    for name in main.list_commands(top):
        for parameter in main.get_command(top, name).params:
            assert not isinstance(parameter, click.Option) or parameter.help or parameter.name == "output", parameter


@pytest.mark.slow
def test_from_data_to_a_run_without_a_word_of_yaml(tmp_path):
    rng = np.random.default_rng(0)
    label = np.where(rng.random(120) < 0.2, "yes", "no")
    rows = [
        f"{x:.3f},{y:.2f},{name}"
        for x, y, name in zip(rng.normal(size=120) + (label == "yes"), rng.random(120), label, strict=True)
    ]
    (tmp_path / "data.csv").write_text("\n".join(["x,y,label", *rows]) + "\n")
    environment = {**os.environ, "AUGMENT_STORE": str(tmp_path / "store")}
    for command in (["init", "data.csv"], ["check", "data.yaml"], ["run", "data.yaml"]):
        done = program(*command, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
    assert program("run", "data.yaml", cwd=tmp_path, env=environment).stdout.startswith("done already")


def test_python_m_augment_is_the_command():
    done = subprocess.run([sys.executable, "-m", "augment", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("augment")


def test_a_misspelt_command_is_answered_with_the_nearest_one():
    result = CliRunner().invoke(main, ["runn"])
    assert result.exit_code == 2
    assert "there is no command 'runn'; did you mean 'run'?" in result.output
    assert "No such command 'frobnicate'" in CliRunner().invoke(main, ["frobnicate"]).output


def test_init_says_what_it_guessed_and_what_comes_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [f"w{n} x{n * 7} y{n % 11}" for n in range(40)]
    rows = [f"{n},{words[n]},{n % 9}.5,{'yes' if n % 4 == 0 else 'no'}" for n in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["row_id,remark,x,churned", *rows]) + "\n")
    told = CliRunner().invoke(main, ["init", "rows.csv"]).output
    for line in (
        "data       40 rows of kind table, read by csv",
        "target     churned, 2 classes: no (30 rows), yes (10 rows); chosen for its name (another: --target)",
        "ids        'row_id': not learned, and new in synthetic rows",
        "left out   'remark': free text, which would be copied word for word",
        "next: augment check rows.yaml, which shows the plan; then augment run rows.yaml",
    ):
        assert line in told.splitlines()
    (tmp_path / "plain.csv").write_text("x\n" + "\n".join(f"{n}.25" for n in range(40)) + "\n")
    assert "target     none found; name one with --target" in CliRunner().invoke(main, ["init", "plain.csv"]).output


def test_init_splits_as_it_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"w{n * n % 11},{n},{n % 9}.5,{'yes' if n % 4 == 0 else 'no'}" for n in range(60)]
    (tmp_path / "both").mkdir()
    for file in ("rows.csv", "both/train.csv", "both/test.csv"):
        (tmp_path / file).write_text("\n".join(["ward,number,x,churned", *rows]) + "\n")
    done = CliRunner().invoke(main, ["init", "rows.csv", "--group", "ward"])
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "rows.yaml", Catalog()).pipeline.split.group == "ward"
    assert CliRunner().invoke(main, ["init", "rows.csv", "--time", "x", "-o", "time.yaml"]).exit_code == 0
    assert load(tmp_path / "time.yaml", Catalog()).pipeline.split.time == "x"
    for key, column, why in (("group", "ward", "rows with one value here"), ("time", "x", "rows near in time")):
        assert CliRunner().invoke(main, ["init", "both", f"--{key}", column, "-o", f"{key}s.yaml"]).exit_code == 0
        split = load(tmp_path / f"{key}s.yaml", Catalog()).pipeline.split
        assert getattr(split, key) == column
        assert split.test.use == "csv"
        assert f"{column}  # {why} belong together" in (tmp_path / f"{key}s.yaml").read_text()
    for options, message in (
        (["--group", "wart"], "--group: the data has no column 'wart'; did you mean 'ward'?"),
        (["--group", "churned"], "--group: 'churned' is the target"),
        (["--group", "number"], "--group: 'number' has 60 values in 60 rows of kind table, and divides nothing"),
        (["--time", "ward"], "--time: 'ward' is a category; a date or a number"),
        (["--group", "ward", "--time", "x"], "--group and --time: the hold-out is split by one of them"),
    ):
        refused = CliRunner().invoke(main, ["init", "rows.csv", "-o", "no.yaml", *options])
        assert refused.exit_code == 3
        assert message in " ".join(refused.output.split())
    (tmp_path / "one.csv").write_text(
        "\n".join(["ward,number,x,churned", *(f"w,{row.partition(',')[2]}" for row in rows)]) + "\n"
    )
    assert "has 1 value in 60 rows" in CliRunner().invoke(main, ["init", "one.csv", "--group", "ward"]).output


def test_init_takes_patterns_and_several_files_that_exist(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x,y\n" + "\n".join(f"{n},{'pq'[n % 2]}" for n in range(30)) + "\n")
    for data in (["a.csv", "b.csv"], ["*.csv"]):
        result = CliRunner().invoke(main, ["init", *data, "-o", "out.yaml"])
        assert result.exit_code == 0, result.output
        assert "60 rows" in (tmp_path / "out.yaml").read_text()
        (tmp_path / "out.yaml").unlink()
    result = CliRunner().invoke(main, ["init", "*.tsv"])
    assert result.exit_code == 2
    assert "'*.tsv' does not exist" in result.output


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_file_of_data_in_place_of_a_pipeline_is_answered_with_init(command, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    result = CliRunner().invoke(main, [command, str(tmp_path / "rows.csv")])
    assert result.exit_code == 2
    assert f"is data; `augment init {tmp_path / 'rows.csv'}` writes a pipeline for it" in " ".join(
        result.output.split()
    )


@pytest.mark.parametrize("command", ["run", "check"])
def test_the_folder_of_a_run_is_answered_with_its_pipeline(command, tmp_path):
    (tmp_path / "resolved.yaml").write_text("spec: 1\n")
    result = CliRunner().invoke(main, [command, str(tmp_path)])
    assert result.exit_code == 2
    assert f"is the folder of a run; run its pipeline, {tmp_path / 'resolved.yaml'}" in " ".join(result.output.split())


def test_help_names_the_exit_code_of_every_error():
    told = main.help.partition("Exit codes: ")[2]
    codes = {cls("").exit_code for cls in (AugmentError, *AugmentError.__subclasses__())}
    assert {int(code) for code in re.findall(r"\d+", told)} == codes | {0}
