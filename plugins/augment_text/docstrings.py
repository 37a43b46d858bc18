"""The source `docstrings`: what installed Python packages say of themselves, as texts to try things on."""

from __future__ import annotations

import ast
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import Field

from augment import plugin
from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError
from augment.plugin import Context, Source


class Docstrings(Source):
    """Reads the first lines of the docstrings of installed Python packages: real sentences, without a download.

    The columns are `text`, such as "Return the mean of the values over the requested axis.", and `package`, the target.
    The same versions of the packages give the same texts. The packages' files are parsed, and never run. A sentence
    that stands several times is taken once.
    """

    name = "docstrings"
    yields = frozenset({"text"})

    class Params(plugin.Params):
        packages: dict[str, Annotated[int, Field(ge=1)]] = Field(min_length=1, examples=[{"pandas": 500, "scipy": 500}])
        """Import name of a package to how many of its sentences are taken at most, such as `{pandas: 500}`. They are
        spread evenly over all that it has."""

    def read(self, context: Context) -> Dataset:
        """Packages in the order in which they are named, sentences in the order of their files.

        Raises:
            DataError: a package is not installed, or has no docstrings.
        """
        texts: list[str] = []
        labels: list[str] = []
        known: set[str] = set()
        for package, most in self.params.packages.items():
            own = [text for text in dict.fromkeys(_first_lines(_folder(package))) if text not in known]
            if not own:
                raise DataError(f"package {package!r}: none of its files has a docstring")
            known.update(own)
            some = [own[place * len(own) // most] for place in range(most)] if len(own) > most else own
            texts += some
            labels += [package] * len(some)
        said = context.declared
        declared = SchemaDeclaration(
            target=said.target or "package", payload=said.payload or "text", columns=said.columns
        )
        frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), "package": labels})
        return Dataset.of(frame, {}, infer(frame, {}, declared))


def _folder(package: str) -> Path:
    # only the top: to find a module inside, its parents would be run
    try:
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
    except ValueError:  # Python's main module says nothing of itself
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"package {package!r} is not installed here; name one that is, as it is imported")
    return Path(next(iter(spec.submodule_search_locations)))


def _first_lines(folder: Path) -> Iterator[str]:
    """The first line of each docstring that is a sentence, in the order of files and lines."""
    for path in sorted(folder.rglob("*.py")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about escapes in other people's strings
                tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):  # made to be broken, as tests of parsers are
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                line = (ast.get_docstring(node) or "").partition("\n")[0].strip()
                if line.endswith(".") and line.isascii() and len(line.split()) > 2:
                    yield line
