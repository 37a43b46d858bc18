"""The documentation is held to the code: commands exist, pipelines load, code runs, generated pages are up to date."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import BaseModel
from recordings import put as put_recording

import augment.toolkit
from augment import cli
from augment.plugin import run_metrics, trial_results
from augment.plugin.catalog import Catalog, Offer
from augment.runner import run as runner
from augment.runner.check import check as check_pipeline
from augment.scaffold import write
from augment.spec.load import load
from augment.storage import run_folder, run_manifest
from augment.testing import checks_for
from augment.testing.check_plugin import as_text as verdict_words
from augment.testing.check_plugin import examine

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
MADE = "<!-- Made by docs/generate.py"
WRITTEN = [page for page in PAGES if not page.read_text(encoding="utf-8").startswith(MADE)]


@dataclass(frozen=True)
class Block:
    """A code block of a page: what its comment says of it, its language, its text."""

    page: str
    line: int
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def _blocks(page):
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(r"(?:^<!-- (.*?) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    for found in pattern.finditer(text):
        line = text[: found.start(2)].count("\n") + 1
        yield Block(str(page.relative_to(ROOT)), line, found[1] or "", found[2], found[3])


BLOCKS = [block for page in WRITTEN for block in _blocks(page)]
PIPELINES = [block for block in BLOCKS if block.mark.startswith("pipeline")]
ON_A_SERVER = "pipeline: of data on a server"  # which cannot be read here
PYTHON = [block for block in BLOCKS if block.language == "python"]
MODULES = {block.mark.split()[-1]: block for block in PYTHON if block.mark.startswith("python: module ")}


def _commands():
    """Every `augment ...` in the pages: lines of shell blocks in full, and what stands in inline code."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in _blocks(page) if block.language == "sh" for line in block.text.splitlines()]
        for line in lines:
            for command in re.split(r"&&|\|", line):
                words = shlex.split(command, comments=True)
                if words and Path(words[0]).name == "augment":
                    yield page.name, tuple(words[1:])
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        for found in re.finditer(r"`augment ([^`]+)`", prose):
            yield page.name, tuple(shlex.split(found[1]))


COMMANDS = sorted(set(_commands()))


def test_there_is_documentation_to_check():
    assert len(PIPELINES) >= 5
    assert len(COMMANDS) >= 15
    assert len(MODULES) == 2


def test_commands_of_the_pages_exist():
    top = click.Context(cli.main, info_name="augment", **cli.main.context_settings)
    wrong = []
    for page, words in COMMANDS:
        command = cli.main if words[0].startswith("-") else cli.main.get_command(top, words[0])
        if command is None:
            wrong.append(f"{page}: there is no command `augment {words[0]}`")
            continue
        options = words if command is cli.main else words[1:]
        try:
            command.make_parser(click.Context(command, top)).parse_args(list(options))
        except click.UsageError as error:
            wrong.append(f"{page}: augment {' '.join(words)}: {error.message}")
    assert not wrong


def _files_for(block, folder, monkeypatch):
    """What a pipeline of the pages needs to be there."""
    if "customers.csv" in block.mark:
        rows = [f"{i // 2},{20 * i}.5,0{i % 5},{i // 10 % 5},{'yes' if i % 3 else 'no'}" for i in range(60)]
        text = "\n".join(["account,income,postcode,fold,churned", *rows])
        (folder / "customers.csv").write_text(text, encoding="utf-8")
    if "test.csv" in block.mark:
        (folder / "test.csv").write_text(text.replace(".5,", ".6,"), encoding="utf-8")
    if "digits" in block.mark:
        for digit, speaker, take in itertools.product("01", ("ann", "bob", "cyd", "dan"), "01"):
            put_recording(folder / "digits" / f"{digit}_{speaker}_{take}.wav", 1.0)
    if "models.py" in block.mark:
        (folder / "models.py").write_text("from sklearn.tree import DecisionTreeClassifier as make\n", encoding="utf-8")
    if "jitter" in block.mark:
        _install_jitter(folder, monkeypatch)
    path = folder / "page.yaml"
    path.write_text(block.text, encoding="utf-8")
    return path


def _install_jitter(folder, monkeypatch):
    """The plugin of the how-to, as if pip had installed it."""
    (declared,) = [tomllib.loads(block.text) for block in BLOCKS if block.mark == "toml: augment_jitter"]
    project = declared["project"]
    for name, block in MODULES.items():
        (folder / f"{name}.py").write_text(block.text, encoding="utf-8")
    info = folder / f"augment_jitter-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["augment"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[augment]", *lines]) + "\n", encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    importlib.invalidate_caches()
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_every_yaml_block_is_marked_as_a_pipeline():
    blocks = [block for block in BLOCKS if block.language == "yaml"]
    assert not [str(block) for block in blocks if not block.mark.startswith("pipeline")]


@pytest.mark.parametrize("block", PIPELINES, ids=str)
def test_pipelines_of_the_pages_load(block, tmp_path, monkeypatch):
    path = _files_for(block, tmp_path, monkeypatch)
    assert load(path, Catalog(), trust=["models"]).select_stages("generator")


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("*.yaml")), ids=lambda path: path.name)
def test_pipelines_that_come_along_load(path, tmp_path):
    # where the data is not in a dependency, the file says how to name its place
    elsewhere = [f"source.with.path={tmp_path}"] if "--set source.with.path=" in path.read_text() else []
    assert load(path, Catalog(), overrides=elsewhere).select_stages("generator")


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in PIPELINES if block.mark != ON_A_SERVER], ids=str)
def test_pipelines_of_the_pages_fit_their_data(block, tmp_path, monkeypatch):
    found = check_pipeline(_files_for(block, tmp_path, monkeypatch), workers=0, trust=["models"])
    assert found.plan or found.resolved.pipeline.mix.is_auto


def test_the_first_pipeline_is_the_same_everywhere_and_six_lines_long():
    first = {block.text for block in PIPELINES if block.mark == "pipeline: first.yaml"}
    assert len(first) == 1
    assert len(first.pop().splitlines()) == 6


def test_python_of_the_pages_compiles():
    for block in PYTHON:
        compile(block.text, str(block), "exec")


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """A folder with the first pipeline, its run and its store, for tests to copy."""
    folder = tmp_path_factory.mktemp("first")
    (first,) = {block.text for block in PIPELINES if block.mark == "pipeline: first.yaml"}
    (folder / "first.yaml").write_text(first, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUGMENT_STORE", str(folder / "store"))
        patch.chdir(folder)
        runner.run("first.yaml")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in PYTHON if block.mark.startswith("python: slow")], ids=str)
def test_python_of_the_pages_runs(block, tmp_path, monkeypatch, request):
    if needed := re.search(r"needs (\w+)", block.mark):
        pytest.importorskip(needed[1])
    if "after first.yaml" in block.mark:
        shutil.copytree(request.getfixturevalue("first_run"), tmp_path, symlinks=True, dirs_exist_ok=True)
        monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    subprocess.run([sys.executable, "-c", block.text], check=True)


def test_the_plugin_of_the_how_to_is_found_and_keeps_every_rule(tmp_path, monkeypatch):
    _install_jitter(tmp_path, monkeypatch)
    (jitter,) = Catalog().components("jitter")
    assert jitter.__module__ == "augment_jitter"
    for number, check in enumerate(checks_for(jitter)):
        (tmp_path / str(number)).mkdir()
        check(tmp_path / str(number))


def test_the_test_of_the_how_to_passes(tmp_path, monkeypatch):
    _install_jitter(tmp_path, monkeypatch)
    module = importlib.import_module("test_jitter")
    (mark,) = module.test_jitter_keeps_the_rules.pytestmark
    assert mark.name == "parametrize"
    module.test_jitter_keeps_the_rules(mark.args[1][0], tmp_path)


def test_the_first_plugin_is_written_broken_and_explained_as_its_page_says(tmp_path, monkeypatch):
    blocks = [block for block in BLOCKS if block.page == "docs/tutorial/first-plugin.md"]
    page = {block.mark: block.text for block in blocks if block.mark}
    place, told = write("jitter", folder=tmp_path), page["text: told"]
    (tree,) = [block.text for block in blocks if block.text.startswith("augment-jitter/")]
    listed = {line.split()[0] for line in tree.splitlines()[1:]}
    assert listed == {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    path = place / "augment_jitter" / "generator.py"
    broken = page["python: broken"].strip()
    text = path.read_text(encoding="utf-8")
    good = broken.replace("np.random.", "noise.")
    assert text.count(good) == 1
    path.write_text(text.replace(good, broken), encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "augment_jitter"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("PYTHONPATH", str(place))
    catalog = Catalog([Offer("jitter", "augment_jitter", "augment-jitter", "0.1.0")])
    verdicts = examine("jitter", catalog=catalog, rule="same-seed-same-outcome")
    assert verdict_words(verdicts) == told.rstrip()
    for name in [name for name in sys.modules if name.partition(".")[0] == "augment_jitter"]:
        del sys.modules[name]


def test_the_observer_of_the_how_to_is_called(tmp_path, monkeypatch, capsys):
    (block,) = [block for block in PYTHON if block.mark == "python: observer augment_timing"]
    (tmp_path / "augment_timing.py").write_text(block.text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    run = SimpleNamespace(name="credit")
    hooks = Catalog([Offer("timing", "augment_timing", "augment-timing", "1.0")]).hooks("timing").hook
    hooks.augment_stage_finished(run=run, stage="fit", id="gan", seconds=2.0, rows=0)
    hooks.augment_run_finished(run=run, error=None)
    assert capsys.readouterr().out == "credit: fit gan took 2.0 s\n"


NOTEBOOKS = ["histories", "images", "table", "texts", "time-series"]


def test_there_is_a_notebook_for_each_kind_of_data():
    assert _script("tutorials").names() == NOTEBOOKS


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_shows_what_its_blocks_print(name):
    checked = subprocess.run([sys.executable, DOCS / "tutorials.py", "--check", name], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("score 0.91 of 40", "score  0.92 of 40", True),  # processors differ a little
        ("score 0.91 of 40", "score 0.93 of 40", False),
        ("score 0.91 of 40", "score 0.91 of 41", False),
        ("Augmentation helps", "Augmentation hurts", False),
    ],
)
def test_a_notebook_is_held_to_words_counts_and_scores(shown, printed, same):
    assert (_script("tutorials").differences(shown, printed) == []) is same


def test_blocks_of_a_notebook_share_names_and_show_what_is_printed(tmp_path, monkeypatch):
    tutorials = _script("tutorials")
    monkeypatch.setattr(tutorials, "PAGES", tmp_path)
    told = "<!-- output -->\n```text\nSpecError: too few\n```\n"
    cells = "```python\nx = 2\n```\n\n```python\nprint(x)\n```\n\n<!-- output -->\n```text\n3\n```\n\n"
    failing = "```python\nfrom augment.errors import SpecError\nraise SpecError('too few')\n```\n\n"
    page = tmp_path / "page.md"
    page.write_text(tutorials.NOTEBOOK + cells + tutorials.RAISES + failing + told, encoding="utf-8")
    printed = tutorials.run("page", tmp_path)
    assert printed == page.read_text(encoding="utf-8").replace("\n3\n", "\n2\n")
    page.write_text(tutorials.NOTEBOOK + tutorials.RAISES + "```python\nx = 1\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="no error was raised"):
        tutorials.run("page", tmp_path)


@functools.cache
def _anchors(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        found.add(re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-"))
    return found


def test_links_lead_somewhere():
    wrong = []
    for page in [*PAGES, ROOT / "CHANGELOG.md"]:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"(?<!`)\]\(([^)\s]+)\)", text):
            if target.startswith("https://"):
                continue
            path, _, anchor = target.partition("#")
            other = (page.parent / path).resolve() if path else page
            if not other.is_file():
                wrong.append(f"{page.name}: {target} leads nowhere")
            elif anchor and anchor not in _anchors(other):
                wrong.append(f"{page.name}: {target} names no heading")
    assert not wrong


def test_pictures_of_the_pages_are_there_and_no_others():
    shown = set()
    for page in PAGES:
        names = re.findall(r'<(?:img|source) [^>]*?src(?:set)?="([^"]+)"', page.read_text(encoding="utf-8"))
        shown |= {(page.parent / name).resolve() for name in names}
    there = set((DOCS / "gallery").iterdir())
    assert shown == there
    assert sum(path.stat().st_size for path in there) < 1_350_000


def _script(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _generated():
    return _script("generate").pages()


def test_generated_pages_follow_the_code():
    stale = [
        name for name, text in _generated().items() if (DOCS / "reference" / name).read_text(encoding="utf-8") != text
    ]
    assert not stale, "run docs/generate.py"


def test_every_page_stands_in_the_navigation():
    listed = set(re.findall(r"- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert listed == {page for page in pages if not page.startswith("examples/")}


def test_the_toolkit_says_what_is_in_it():
    names = {found.name for found in pkgutil.iter_modules(augment.toolkit.__path__)}
    assert set(augment.toolkit.__all__) == names
    assert all(re.search(rf"^    {name} +\w", augment.toolkit.__doc__, re.M) for name in names)


@pytest.mark.parametrize("package", ["augment", "augment.data", "augment.plugin", "augment.testing"])
def test_a_public_package_lists_what_it_exports_and_no_more(package):
    module = importlib.import_module(package)
    assert all(getattr(module, name) is not None for name in module.__all__)
    if package in ("augment", "augment.plugin"):  # imported when asked for
        assert dir(module) == sorted(set(module.__all__) - {"__version__"})


def test_the_architecture_page_names_every_module_and_no_other():
    text = (DOCS / "explanation/architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\* `([a-z_/]+\.py)`: ", text, re.MULTILINE)
    files = (path.relative_to(ROOT / "augment") for path in (ROOT / "augment").rglob("*.py"))
    there = {
        str(path) for path in files if path.stem not in ("__init__", "__main__") and path.parent.name != "commands"
    }
    assert sorted(named) == sorted(there)


def test_the_events_page_names_every_event_and_no_other():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "augment").rglob("*.py"))
    emitted = set(re.findall(r'"event": "([a-z-]+)"', sources))
    named = re.findall(r"^\| `([a-z-]+)` \|", (DOCS / "reference/events.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(emitted)


def test_the_run_folder_page_names_every_file():
    text = (DOCS / "reference/run-folder.md").read_text(encoding="utf-8")
    files = [
        run_folder.RUN,
        run_folder.LOG,
        run_folder.PIPELINE,
        run_folder.RESOLVED,
        run_folder.SCHEMA,
        run_folder.SPLIT,
        run_folder.METRICS,
        run_folder.LOSSES,
        run_folder.PRIVATE,
    ]
    assert not [name for name in files if f"`{name}`" not in text]


@pytest.mark.parametrize("module", [run_metrics, trial_results, run_manifest], ids=lambda module: module.__name__)
def test_the_run_files_page_has_every_key_of_every_model(module):
    text = (DOCS / "reference/run-files.md").read_text(encoding="utf-8")
    models = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, BaseModel)]
    keys = {key for model in models for key in model.model_fields}
    assert len(models) > 4
    assert not [key for key in keys if f"| `{key}` |" not in text]


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_constraints_pin_every_direct_dependency_to_a_version_in_its_range():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, equal, version = line.partition("==")
            assert equal, f"{line}: NAME==VERSION was expected"
            assert re.fullmatch(r"[0-9][0-9a-z.]*", version), f"{line}: a plain version was expected"
            pinned[canonicalize_name(name)] = version
    project = _project()
    wanted = [*project["dependencies"], *itertools.chain.from_iterable(project["optional-dependencies"].values())]
    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement}: {version} is pinned"


def test_two_commands_of_the_readme_do_the_set_up():
    (block,) = [block for block in BLOCKS if block.mark == "set-up"]
    run, test = block.text.splitlines()
    assert "augment run pipelines/" in run
    assert "pytest" in test
    for line in (run, test):
        assert "-c constraints.txt" in line


# composed, so that this file does not hold what it looks for
FOREIGN = re.compile("|".join([f"/{'work'}/", f"/{'farm'}/", f"{'farm'}-(bench|studio)", f"{'DEVELOPERS'}\\.md",
                               f"{'sub'}{'agent'}", f"\\.{'library'}"]), re.IGNORECASE)  # fmt: skip
FOLDERS = ["augment", "plugins", "pipelines", "tests", "docs", "bench", ".ci"]
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".css", ".j2", ""}


def test_the_project_speaks_of_itself_alone():
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    files += [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a work tree
    told = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in files
        if path.is_file() and path.suffix in TEXT and "runs" not in path.parts
        for found in FOREIGN.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not told


def test_what_is_foreign_would_be_found():
    assert FOREIGN.search("see " + "/".join(["", "work", "main"]))
