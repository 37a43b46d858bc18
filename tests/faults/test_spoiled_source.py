"""Nothing in the source loads code from data: no pickle in any dress, no eval, no shell, no unsafe YAML."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for part in ("augment", "plugins", "docs") for path in (ROOT / part).rglob("*.py"))

MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {"query", "read_pickle", "to_pickle", "unsafe_load", "full_load", "extractall", "unpack_archive"}
DOTTED = {"torch.load", "torch.save", "os.system", "os.popen", "pd.eval", "np.fromregex", "subprocess.getoutput"}
SETTINGS = {("allow_pickle", True), ("weights_only", False), ("shell", True), ("typ", "unsafe")}


def dangers(tree: ast.AST) -> Iterator[str]:
    """What in a module could run what a file says."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in CALLS | DOTTED or attribute in METHODS or (attribute == "eval" and node.args):
                yield called
            for keyword in node.keywords:
                if isinstance(keyword.value, ast.Constant) and (keyword.arg, keyword.value.value) in SETTINGS:
                    yield f"{keyword.arg}={keyword.value.value}"


# What runs the code blocks of our own pages, as the tests do, to show what they print.
RUNS_OUR_PAGES = ROOT / "docs" / "tutorials.py"


def test_nothing_in_the_source_runs_what_a_file_says():
    sources = [path for path in SOURCES if path != RUNS_OUR_PAGES]
    found = {path: sorted(dangers(ast.parse(path.read_text(encoding="utf-8")))) for path in sources}
    assert RUNS_OUR_PAGES.is_file()
    assert not {path.relative_to(ROOT).as_posix(): dangers for path, dangers in found.items() if dangers}


@pytest.mark.parametrize(
    "code",
    [
        *("import pickle", "from joblib import load", "import dill as d", "eval(text)", "exec(text)"),
        *("torch.load(path)", "np.load(path, allow_pickle=True)", "load(path, weights_only=False)"),
        *(
            "frame.query(text)",
            "frame.eval(text)",
            "run(text, shell=True)",
            "YAML(typ='unsafe')",
            "archive.extractall(place)",
        ),
    ],
)
def test_the_search_finds_what_it_looks_for(code):
    assert list(dangers(ast.parse(code)))


@pytest.mark.parametrize("code", ["model.eval()", "text = 'pickle.loads(x)'", "self.evaluate(x)"])
def test_what_is_harmless_is_left_alone(code):
    assert not list(dangers(ast.parse(code)))
