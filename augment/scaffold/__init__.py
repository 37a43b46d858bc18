"""Writes a plugin to begin with: a small distribution that installs, passes its own tests and works in a pipeline."""

from __future__ import annotations

import functools
import json
import keyword
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augment.data import ColumnType, Dataset, Modality
from augment.errors import DiskError, PluginError, SpecError
from augment.plugin.catalog import API, Catalog
from augment.plugin.kinds import Kind
from augment.testing import example

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["DATA", "write"]

DATA: tuple[Modality, ...] = ("table", "image", "text", "series", "audio")
ANY_DATA: tuple[Kind, ...] = ("sink", "reporter")  # made for every kind of data unless one is asked for
TEMPLATES = Path(__file__).parent / "templates"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_LETTERS = 40
ROWS = 90  # of the example data
EXAMPLE_FORMAT = {
    "table": "csv",
    "text": "csv",
    "image": "npz",
    "series": "npz",
    "audio": "npz",
}  # also the source that reads it


def write(name: str, kind: Kind = "generator", data: Modality | None = None, folder: Path = Path()) -> Path:
    """Write a distribution that offers one component.

    Args:
        name: what users will type after `use:`: lower-case letters, digits and single hyphens.
        kind: of the component.
        data: the kind of data that it works on; `table` where the kind of component needs one.
        folder: where the distribution's folder, `augment-NAME`, is made.

    Returns:
        That folder.

    Raises:
        SpecError: the name cannot be used or is taken, or the folder exists.
        DiskError: it cannot be written.
    """
    data = data or (None if kind in ANY_DATA else "table")
    if not NAME.fullmatch(name) or len(name) > MAX_LETTERS:
        raise SpecError(
            f"{name!r} cannot be a component's name: up to {MAX_LETTERS} lower-case letters, digits and single "
            f"hyphens are expected, beginning with a letter; for instance {_usable(name)!r}"
        )
    if name in Catalog().names:
        raise SpecError(f"the name {name!r} is taken by {_owner(name)}; two owners would make it unusable")
    place = folder / f"augment-{name}"
    if place.exists():
        raise SpecError(f"{place} exists already; nothing is overwritten: name another, or write elsewhere with --into")
    files = _files(name, kind, data)
    try:
        place.mkdir(parents=True)
        for path, content in files.items():
            (place / path).parent.mkdir(exist_ok=True)
            (place / path).write_text(content, encoding="utf-8", newline="\n")
        _write_example(place / "data", kind, data or "table")
    except OSError as error:
        raise DiskError(f"{error.filename or place} cannot be written: {error.strerror}") from error
    return place


@functools.cache
def _environment() -> Environment:
    """Jinja, which keeps the compiled templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it is Python that comes out, and every word in it is ours or was checked
    )


def _files(name: str, kind: Kind, data: Modality | None) -> dict[str, str]:
    """Path inside the distribution to text."""
    environment = _environment()
    module = f"augment_{name.replace('-', '_')}"
    words: dict[str, Any] = {
        "api": API,
        "name": name,
        "kind": kind,
        "a_kind": f"a {kind}",
        "data": data,
        "example_data": data or "table",
        "example_format": EXAMPLE_FORMAT[data or "table"],
        "distribution": f"augment-{name}",
        "module": module,
        "cls": _class_name(name, kind),
        "check_settings": " --set path=data/example.jsonl" if kind == "source" else "",
    }
    templates = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "example.yaml": "example.yaml",
        f"{module}/__init__.py": "__init__.py",
        f"{module}/{kind}.py": f"{kind}.py",
        f"tests/test_{name.replace('-', '_')}.py": "test.py",
    }
    files = {path: environment.get_template(f"{template}.j2").render(words) for path, template in templates.items()}
    return {path: re.sub(r"\n{4,}", "\n\n\n", text).strip() + "\n" for path, text in files.items()}


def _write_example(folder: Path, kind: Kind, data: Modality) -> None:
    """Rows for the example pipeline."""
    types: list[ColumnType] = ["number", "integer", "category"]
    if kind == "source":
        types.append("text")
    rows = example(data, rows=ROWS, columns=types)
    frame = rows.frame[["message", "target"]] if data == "text" else rows.frame
    folder.mkdir()
    if kind == "source":
        _write_json_lines(folder / "example.jsonl", Dataset(frame, rows.arrays, rows.schema))
    elif rows.arrays:
        columns: dict[str, Any] = {
            str(name): frame[name].to_numpy(dtype=str if frame[name].dtype == "category" else None) for name in frame
        }
        np.savez_compressed(folder / "example.npz", **{**columns, **rows.arrays})
    else:
        frame.to_csv(folder / "example.csv", index=False, lineterminator="\n")


def _write_json_lines(path: Path, rows: Dataset) -> None:
    records = json.loads(rows.frame.to_json(orient="records", date_format="iso"))
    payloads = [{name: array[number].tolist() for name, array in rows.arrays.items()} for number in range(len(rows))]
    lines = [json.dumps({**record, **payload}) for record, payload in zip(records, payloads, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _class_name(name: str, kind: Kind) -> str:
    """`two-words` as `TwoWords`; what the module needs for something else gets a word before it."""
    words = "".join(word.capitalize() for word in name.split("-"))
    taken = {"Accepts", "Any", "Context", "Dataset", "Field", "Iterable", "Params", "Path", "Schema", "Score", "Self"}
    taken |= {"DataError", "RunView", kind.capitalize()}
    return f"My{words}" if words in taken or keyword.iskeyword(words) else words


def _usable(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", name.lower())
    return re.sub(r"^[0-9-]+", "", "-".join(words))[:MAX_LETTERS].strip("-") or "my-plugin"


def _owner(name: str) -> str:
    try:
        offer = Catalog().offer(name)
    except PluginError:
        return "several installed plugins"
    return f"the installed plugin {offer.distribution}"
