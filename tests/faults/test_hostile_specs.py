"""Pipeline files that somebody wrote badly, or to do harm: refused in words, with their line, at once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import VALUES, mutated_bytes, mutated_tree

from augment.errors import SpecError
from augment.plugin.catalog import Catalog
from augment.spec.document import MAX_BYTES
from augment.spec.load import load
from augment.spec.yaml_reader import parse
from augment.toolkit.yaml_text import dump

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPETS = [text for page in PAGES for text in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)]
WRITTEN = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "pipelines").glob("*.yaml"))]
WRITTEN += [text for text in SNIPPETS if "source:" in text and "generators:" in text and "jitter" not in text]
PIPELINES = [re.sub(r"path: [^\s,}]+", "path: data.csv", text) for text in WRITTEN]
CATALOG = Catalog()

WHOLE = ("this is a binary file", "the file is empty", "the file is UTF-16", "the file is larger than")
LONGEST = 1000  # characters of one problem


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("project")
    (place / "data.csv").write_text("x,y,label\n1,2,a\n")
    (place / "models.py").write_text("def make():\n    return None\n")
    return place


def refused(path: Path) -> bool:
    """Whether a pipeline is refused, as it should be: every problem on one short line that says where."""
    try:
        load(path, CATALOG, trust=["models"])
    except SpecError as error:
        for problem in map(str, error.problems):
            assert problem.isprintable(), repr(problem)
            assert len(problem) < LONGEST
            assert re.match(rf"{re.escape(str(path))}:\d+: ", problem) or any(whole in problem for whole in WHOLE)
        return True
    return False


def has_duplicate_keys(path: Path) -> bool:
    """What another reader of YAML says."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError

    try:
        YAML(typ="safe", pure=True).load(path.read_bytes())
    except DuplicateKeyError:
        return True
    return False


def try_byte_mutant(seed: int, path: Path) -> None:
    rng = np.random.default_rng(seed)
    path.write_bytes(mutated_bytes(PIPELINES[seed % len(PIPELINES)].encode(), rng))
    assert refused(path) or not has_duplicate_keys(path)


def try_tree_mutant(seed: int, path: Path) -> None:
    text = PIPELINES[seed % len(PIPELINES)]
    tree, strange = mutated_tree(parse(text, "")[0], np.random.default_rng(seed))
    path.write_text(dump(tree), encoding="utf-8")
    assert refused(path) or not strange


def test_the_pipelines_to_be_mutated_are_good(folder):
    assert len(PIPELINES) >= 8
    for text in PIPELINES:
        (folder / "good.yaml").write_text(text, encoding="utf-8")
        assert not refused(folder / "good.yaml")


@pytest.mark.parametrize("attempt", [try_byte_mutant, try_tree_mutant])
def test_a_mutated_pipeline_is_read_or_refused_in_words(attempt, folder):
    for seed in range(70):
        attempt(seed, folder / "p.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("attempt", [try_byte_mutant, try_tree_mutant])
def test_2500_mutated_pipelines_are_read_or_refused_in_words(attempt, folder):
    for seed in range(200, 2700):
        attempt(seed, folder / "p.yaml")


SECTIONS = ["source", "schema", "split", "transforms", "generators", "mix", "filters", "trial", "metrics", "sinks"]
ODD = st.sampled_from(VALUES) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.just("use"), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(SECTIONS), ODD, min_size=1, max_size=3))
def test_a_pipeline_with_sections_of_anything_is_read_or_refused_in_words(folder, sections):
    text = dump({**parse(PIPELINES[0], "")[0], **sections})
    (folder / "p.yaml").write_bytes(text.encode("utf-8", "replace"))
    refused(folder / "p.yaml")


# what is made to take memory or time: read in a process of its own whose memory is measured, and whose work is counted

MAX_TOKENS = 110_000


def levels(signs: str) -> str:
    return "a: " + signs * 100_000


def filled(text: str, before: str = "", after: str = "") -> str:
    """As much of one text, over and over, as the limit on bytes allows."""
    return before + text * ((MAX_BYTES - len(before) - len(after)) // len(text)) + after


BOMBS = {
    "laughs": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "merges": "a: &a {b: 1}\nc:\n  <<: *a\n  <<: *a\n",
    "merge of itself": "a: &a\n  <<: *a\n",
    "alias of itself": "a: &a [*a]\n",
    "deep lists": levels("["),
    "deep mappings": levels("{a: "),
    "deep dashes": "a:\n  " + "- " * 100_000,
    "deep questions": "? " * 100_000,
    "deep indentation": "\n".join(" " * i + f"k{i}:" for i in range(1, 900)),
    "long scalar": filled("x", "name: "),
    "long quoted scalar": filled("\\x41", 'name: "', '"'),
    "long key": filled("x", "", ": 1"),
    "long folded scalar": filled("  x\n\n", "name: >\n"),
    "long number": filled("9", "seed: "),
    "long comment": filled("x", "# ", "\nname: a"),
    "values beyond the limit": filled("- a\n"),
    "many documents": filled("---\na\n"),
    "many quotes": filled("'", "a: "),
    "many tags": filled("!a ", "a: "),
    "huge file": "x" * 50_000_000,
    "nul": "a: \0",
    "bad utf-8": b"name: caf\xe9\n",
    "lone surrogate": b"name: \xed\xa0\x80\n",
    "utf-16": "name: a".encode("utf-16"),
    "utf-32": "name: a".encode("utf-32"),
    "tabs": "source:\n\tuse: csv\n",
    "python object": "a: !!python/object/apply:os.system [touch owned]\n",
    "yaml 1.1": "%YAML 1.1\n---\na: 1\n",
    "tag directive": "%TAG ! tag:evil,2000:\n---\na: !x 1\n",
    "odd line ends": "a: 1\x85b: 2\u2028c: 3\n",
    "vertical tab": "a: \x0b\n",
    "nothing but a mark": b"\xef\xbb\xbf",
}
# as large as the limits allow: a second or so each
FLOODS = {
    "many keys": "\n".join(f"k{i}: 1" for i in range(9_900)),
    "many equal keys": "a: 1\n" * 9_900,
    "many unknown names": "source: csv\ngenerators:\n" + "".join(f"- u{i}\n" for i in range(19_900)),
    "many items": "generators:\n" + "- smote\n" * 19_900,
    "many ids": "generators:\n" + "- {use: smote, id: a}\n" * 3_900,
    "many wrong items": "source: csv\ngenerators:\n" + "- {x: 1}\n" * 6_600,
    "many unknown keys": "source: csv\ngenerators: [smote]\n" + "".join(f"k{i}: 1\n" for i in range(9_900)),
    "many anchors": filled("&a x, ", "a: [", "]"),
    "many aliases": filled("*a, ", "a: [", "]"),
    "many directives": filled("%A b\n", "", "---\na: 1\n"),
    "many comments": filled("#\n"),
    "many blank lines": filled("\n"),
    "many lines of plain text": filled(" x\n", "a: x\n"),
    "many lines of quoted text": filled("\n\n", 'a: "', '"'),
    "many lines of a block": filled("  x\n", "a: |\n"),
    "many blank lines of a block": filled("\n", "a: |\n"),
    "many escapes": filled("\\t", 'a: "', '"'),
}
MEASURED = """
import resource, sys, time
from pathlib import Path
from ruamel.yaml.scanner import Scanner
from augment.errors import SpecError
from augment.plugin.catalog import Catalog
from augment.spec.load import load

sys.path.insert(0, sys.argv[1])
from memory import peak_megabytes

num_tokens, fetch = 0, Scanner.fetch_more_tokens


def counted(scanner):
    global num_tokens
    num_tokens += 1
    return fetch(scanner)


Scanner.fetch_more_tokens = counted
catalog = Catalog()
for name in sys.argv[2:]:
    num_tokens = 0
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 120, resource.RLIM_INFINITY))  # a hang ends it
    try:
        load(Path(name), catalog)
        outcome = "accepted"
    except SpecError as error:
        outcome = "refused"
    print(outcome, num_tokens, peak_megabytes(), flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and measures a process as Linux does")
@pytest.mark.parametrize(
    "bombs", [pytest.param(BOMBS, id="bombs"), pytest.param(FLOODS, id="floods", marks=pytest.mark.slow)]
)
def test_bombs_are_refused_with_little_work_and_within_500_megabytes(tmp_path, bombs):
    paths = []
    for position, content in enumerate(bombs.values()):
        paths.append(tmp_path / f"{position}.yaml")
        paths[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    command = [sys.executable, "-c", MEASURED, str(Path(__file__).parent), *(path.name for path in paths)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    results = dict(zip(bombs, map(str.split, done.stdout.splitlines()), strict=False))
    assert list(results) == list(bombs), done.stderr[-2000:]
    assert [name for name, (outcome, _, _) in results.items() if outcome != "refused"] == []
    assert [name for name, (_, num_tokens, _) in results.items() if int(num_tokens) > MAX_TOKENS] == []
    assert [name for name, (_, _, megabytes) in results.items() if int(megabytes) >= 500] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in paths)


@pytest.mark.parametrize(
    "content",
    ["&a name: x", "name: &a x", "name: *a", "<<: {name: x}", "a: {<<: {name: x}}", "name: !x y", "!x name: y"],
)
def test_anchors_aliases_tags_and_merge_keys_are_refused_with_their_line(folder, content):
    path = folder / "p.yaml"
    path.write_text(f"spec: 1\n{content}\n")
    with pytest.raises(SpecError) as caught:
        load(path, CATALOG, trust=["models"])
    assert any(problem.line == 2 for problem in caught.value.problems)


def test_a_byte_order_mark_changes_nothing(folder):
    path = folder / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + PIPELINES[0].encode())
    assert not refused(path)
