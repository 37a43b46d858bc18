"""Runs the tutorials that are notebooks: pages of docs/tutorial/ that begin with `<!-- notebook -->`.

python docs/tutorials.py             run their blocks, and write below each what it prints
python docs/tutorials.py NAME ...    only these pages
python docs/tutorials.py --check ... change nothing; fail where a page shows something else than its blocks print

The blocks of a page run in order, in one folder that is empty at first: those of python share their names, and those of
sh are commands of `augment`. A block below `<!-- raises -->` ends with an error, which is shown without its traceback.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
from contextlib import chdir, redirect_stdout
from pathlib import Path

from augment.errors import AugmentError

PAGES = Path(__file__).parent / "tutorial"
NOTEBOOK = "<!-- notebook -->\n"
RAISES = "<!-- raises -->\n"
CELL = re.compile(
    rf"^({RAISES})?```(python|sh)\n(.*?)^```\n(?:\n<!-- output -->\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL
)
DECIMALS = re.compile(r"[-+]?\d+\.\d+")
SLACK = 0.011  # between processors, scores may differ in the second decimal
WIDTH = 118


def names() -> list[str]:
    """The pages that are notebooks, without their ending."""
    return [page.stem for page in sorted(PAGES.glob("*.md")) if page.read_text(encoding="utf-8").startswith(NOTEBOOK)]


def run(name: str, folder: Path) -> str:
    """Run a page's blocks in a folder, and return the page with what they print."""
    scope: dict[str, object] = {"__name__": "__main__"}

    def replace(cell: re.Match[str]) -> str:
        raises, language, text = cell.groups()
        printed = _python(text, scope, bool(raises)) if language == "python" else _commands(text)
        # trailing blanks are no part of what is seen, and long lines would have to be scrolled
        lines = [textwrap.fill(line, WIDTH, break_long_words=False) for line in printed.rstrip().splitlines()]
        output = "\n<!-- output -->\n```text\n{}\n```\n".format("\n".join(lines)) if lines else ""
        return f"{raises or ''}```{language}\n{text}```\n{output}"

    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    before = os.environ.get("AUGMENT_STORE")
    os.environ["AUGMENT_STORE"] = str(folder / "store")
    try:
        with chdir(folder):
            return CELL.sub(replace, page)
    finally:
        os.environ.pop("AUGMENT_STORE") if before is None else os.environ.update(AUGMENT_STORE=before)


def _python(text: str, scope: dict[str, object], raises: bool) -> str:
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            exec(compile(text, "<tutorial>", "exec"), scope)  # noqa: S102 - the docs' own code
    except AugmentError as error:
        if not raises:
            raise
        return f"{printed.getvalue()}{type(error).__name__}: {error}"
    if raises:
        raise AssertionError(f"no error was raised by\n{text}")
    return printed.getvalue()


def _commands(text: str) -> str:
    printed = ""
    for line in text.splitlines():
        program, *words = shlex.split(line, comments=True)
        assert program == "augment", f"only commands of augment are run: {line}"
        done = subprocess.run([sys.executable, "-m", "augment", *words], capture_output=True, text=True, check=True)
        printed += done.stdout
    return printed


def differences(shown: str, printed: str) -> list[str]:
    """Lines in which two pages differ by more than scores do between processors."""
    same_words = [re.sub(r"\s+", " ", DECIMALS.sub("#", page)) for page in (shown, printed)]
    pairs = zip(DECIMALS.findall(shown), DECIMALS.findall(printed), strict=False)
    close = all(abs(float(one) - float(other)) <= SLACK for one, other in pairs)
    if same_words[0] == same_words[1] and close:
        return []
    return list(difflib.unified_diff(shown.splitlines(), printed.splitlines(), "shown", "printed", lineterm="", n=1))


def main(*words: str) -> None:
    failed = False
    for name in [word for word in words if word != "--check"] or names():
        with tempfile.TemporaryDirectory() as folder:
            printed = run(name, Path(folder))
        page = PAGES / f"{name}.md"
        if "--check" not in words:
            page.write_text(printed, encoding="utf-8", newline="\n")
        elif found := differences(page.read_text(encoding="utf-8"), printed):
            print("\n".join([f"{name}: run python docs/tutorials.py {name}", *found]))
            failed = True
    sys.exit(int(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
