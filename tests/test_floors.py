"""The house has floors: a module of augment/ imports only from floors below its own."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AUGMENT = ROOT / "augment"
FLOORS = [
    # what data is, what components are, where they come from
    {"errors"},
    {"declarations"},
    {"arrays"},
    {"processor", "schema", "scores", "state"},
    {"dataset"},
    {"components"},
    {"hookspecs"},
    {"plugins"},
    # the pipeline file
    {"specfile", "yamltext"},
    {"overrides", "validation"},
    {"pipeline", "steps"},
    {"binding", "resolving", "specschema"},
    {"spec"},
    # pure functions, and what lies on disk
    {"disk", "keys", "mix", "split"},
    {"folds"},
    {"store"},
    {"parts"},
    {"rundir"},
    {"cache", "runs"},
    # where tasks happen, and the tasks
    {"executors"},
    {"stages"},
    {"judging", "sampling"},
    {"verdict", "worker", "writing"},
    {"candidates", "trial"},
    # the order of the stages
    {"observers", "session"},
    {"mixing", "preparation"},
    {"drawing", "evidence"},
    {"search"},
    {"runner"},
    # what people see
    {"console"},
    {"seriesfile"},
    {"sniffing"},
    {"describe", "doctor", "suggest"},
    {"summaries"},
    {"comparing", "evaluating", "init"},
    {"cli"},
    {"__init__", "__main__"},
]
# for users and plugin authors: they may import any floor, and of the floors the command alone imports them
BESIDE = {
    "autoencoder",
    "codes",
    "codings",
    "conditioning",
    "encoding",
    "exact",
    "recurrent",
    "recurrent_cells",
    "sequence_drawing",
    "sequences",
    "series_scaling",
    "spreadsheets",
    "step_codes",
    "training",
    "scaffold",
    "testing",
    "loaders",
    "resampling",
    "streams",
    "stretches",
}
FLOOR_OF = {module: number for number, modules in enumerate(FLOORS) for module in modules}
PLUGIN_PACKAGES = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()}
FILES = sorted(AUGMENT.rglob("*.py"))
PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))


def _own_name(path):
    return path.relative_to(AUGMENT).with_suffix("").parts[0]


def _imports(path):
    """The dotted name of every module that a file imports, at its top or inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide which floor is meant"
            yield node.module
            if node.module == "augment":
                yield from (f"augment.{alias.name}" for alias in node.names)


def _floors_imported(path):
    parts = (name.split(".") for name in _imports(path))
    names = {name[1] for name in parts if name[0] == "augment" and len(name) > 1}
    return {name for name in names if (AUGMENT / f"{name}.py").exists() or (AUGMENT / name).is_dir()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(AUGMENT)))
def test_every_module_has_a_floor(path):
    name = _own_name(path)
    assert (name in FLOOR_OF) != (name in BESIDE), f"give augment/{name} a floor in {Path(__file__).name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(AUGMENT)))
def test_a_module_imports_only_from_floors_below(path):
    name = _own_name(path)
    imported = _floors_imported(path) - {name}
    if name in BESIDE:
        return
    own_floor = FLOOR_OF.get(name, len(FLOORS))
    beside = set() if name == "cli" else BESIDE
    wrong = sorted(other for other in imported if other in beside or FLOOR_OF.get(other, -1) >= own_floor)
    assert not wrong, f"augment/{name} imports {', '.join(wrong)}, which do not lie below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(AUGMENT)))
def test_the_core_imports_no_plugin(path):
    assert not {name.split(".")[0] for name in _imports(path)} & PLUGIN_PACKAGES


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_plugin_imports_only_the_contracts_and_what_is_beside(path):
    allowed = {"errors", "schema", "dataset", "state", "components", "hookspecs"} | (BESIDE - {"scaffold", "testing"})
    assert _floors_imported(path) <= allowed


HEAVY = ["albumentations", "cv2", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "torch"]


def _loaded_by(statement):
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_the_command_starts_without_the_large_libraries():
    assert not _loaded_by("import augment.cli") & set(HEAVY)


def test_the_contracts_come_without_torch():
    assert not _loaded_by("import augment.plugins") & {"torch", "sklearn", "scipy", "matplotlib", "albumentations"}


def test_the_kit_comes_without_pytest_and_torch():
    assert not _loaded_by("import augment.testing") & {"pytest", "_pytest", "torch", "sklearn"}


# What could run code that a stranger wrote into a file.
FORBIDDEN = {
    "pickle": r"\b(c?pickle|dill|joblib|shelve|marshal)\b\s*[.,]|\bimport\s+(c?pickle|dill|joblib|shelve|marshal)\b",
    "torch.load": r"\btorch\s*\.\s*load\s*\(",
    "weights_only=False": r"weights_only\s*=\s*False",
    "allow_pickle=True": r"allow_pickle\s*=\s*True",
    "yaml.load": r"\byaml\s*\.\s*(unsafe_)?load(_all)?\s*\(",
    "eval or exec": r"(?<!\. )\b(eval|exec)\s*\(",
    "DataFrame.query or .eval with text": r"\.\s*query\s*\(|\b(frame|df|pd)\s*\.\s*eval\s*\(",
    "a shell": r"shell\s*=\s*True|\bos\s*\.\s*(system|popen)\s*\(",
}


def _code_of(path):
    """The source without comments and strings."""
    kept = []
    with path.open("rb") as file:
        for token in tokenize.tokenize(io.BytesIO(file.read()).readline):
            if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER):
                kept.append(token.string)
            elif token.type in (tokenize.NEWLINE, tokenize.NL):
                kept.append("\n")
    return " ".join(kept)


@pytest.mark.parametrize("path", FILES + PLUGIN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_is_run_out_of_data(path):
    code = _code_of(path)
    assert not [what for what, pattern in FORBIDDEN.items() if re.search(pattern, code)]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("pickle", "import pickle"),
        ("pickle", "pickle.loads(x)"),
        ("torch.load", "torch.load(path)"),
        ("weights_only=False", "f(weights_only=False)"),
        ("allow_pickle=True", "np.load(p, allow_pickle=True)"),
        ("yaml.load", "yaml.load(text)"),
        ("eval or exec", "x = eval(text)"),
        ("DataFrame.query or .eval with text", "frame.query(text)"),
        ("a shell", "subprocess.run(text, shell=True)"),
    ],
)
def test_what_is_forbidden_would_be_found(tmp_path, what, code):
    path = tmp_path / "module.py"
    path.write_text(code)
    assert re.search(FORBIDDEN[what], _code_of(path))


@pytest.mark.parametrize("code", ["model.eval()", "text = 'pickle.loads(x)'", "# eval(x)", "self.evaluate(x)"])
def test_what_is_harmless_is_left_alone(tmp_path, code):
    path = tmp_path / "module.py"
    path.write_text(code)
    assert not any(re.search(pattern, _code_of(path)) for pattern in FORBIDDEN.values())
