"""Rules for sources, sinks and reporters."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from augment.data import Column, Dataset, SchemaDeclaration, as_labels, check
from augment.errors import PluginError
from augment.plugin.catalog import Catalog
from augment.plugin.context import Context, derive_seed
from augment.plugin.contracts import Component, Source
from augment.testing.rules import Case, Rule, difference, every, one_a_modality
from augment.testing.runs import example_run

__all__ = ["rules"]

BATCH = 25
ORIGIN = "origin"


def rules(component: type[Component]) -> list[Rule]:
    """The rules that apply to this component."""
    match component.kind:
        case "source":
            return [
                Rule(reading_twice_gives_the_same_rows),
                Rule(what_is_read_fits_its_schema),
                Rule(gives_the_kind_of_data_it_names),
                Rule(reads_what_it_sniffs),
                Rule(says_what_is_declared),
            ]
        case "sink":
            return [
                Rule(writes_what_it_says, every),
                Rule(equal_data_gives_equal_bytes, one_a_modality),
                Rule(never_holds_all_batches, one_a_modality),
                Rule(the_source_of_the_same_name_reads_it, one_a_modality),
            ]
        case "reporter":
            return [Rule(reports_what_it_says, every), Rule(equal_runs_give_equal_bytes, one_a_modality)]
        case _:
            return []


# -- sources


def reading_twice_gives_the_same_rows(case: Case) -> None:
    """Reading twice gives the same rows in the same order.

    The data's fingerprint decides whether a run already exists, and depends on the order.
    """
    mismatch = difference(_read(case), _read(case))
    case.expect(
        not mismatch,
        done="read twice, with the same settings",
        happened=f"different data: {mismatch}",
        expected="the same rows in the same order",
        fix="sort what a folder lists; draw from no random stream but context.rng",
    )


def what_is_read_fits_its_schema(case: Case) -> None:
    """Rows have the canonical types, and the schema describes them.

    Later stages rely on the schema and do not check raw types again.
    """
    data = _read(case)
    problems = check(data.frame, data.arrays, data.schema)
    if not isinstance(data.frame.index, pd.RangeIndex):
        problems.append("the frame's index is no RangeIndex")
    case.expect(
        not problems and len(data) > 0,
        done="read the data",
        happened="; ".join(problems) or "no rows",
        expected="rows that fit their own schema",
        fix="end `read` with Dataset.of(frame, arrays, infer(frame, arrays, context.declared))",
    )


def gives_the_kind_of_data_it_names(case: Case) -> None:
    """The data is of a kind that `yields` declares.

    Pipelines are checked against `yields` before the data is read.
    """
    source = _source(case)
    modality = _read(case).schema.modality
    case.expect(
        modality in source.yields,
        done="read the data",
        happened=f"it is of kind {modality}",
        expected=f"one of {', '.join(sorted(source.yields))}, as `yields` says",
        fix="let `yields` name every kind of data that the source can give",
    )


def reads_what_it_sniffs(case: Case) -> None:
    """What `sniff` claims, the source reads with the settings that `settings_for` names.

    `augment init` asks every source about a file, and writes what the surest one says into a pipeline.
    """
    source = _source(case)
    path = getattr(source.params, "path", None)
    if path is None:
        return
    confidence = source.sniff(path, path.read_bytes()[:65_536] if path.is_file() else b"")
    if confidence is None:
        return
    case.expect(
        0 < confidence <= 1,
        done=f"called sniff on {path.name}",
        happened=f"{confidence}",
        expected="a number above 0, up to 1, or None",
        fix="return 0.5 where nothing but the ending tells",
    )
    claimed = type(source)(source.Params.model_validate({"path": path, **source.settings_for(path)}))
    case.expect(
        len(claimed.read(_context(case))) > 0,
        done=f"read {path.name}, which sniff claims, with the settings of settings_for",
        happened="no rows",
        expected="rows",
        fix="claim only what `read` takes, and name the settings that it needs",
    )


def says_what_is_declared(case: Case) -> None:
    """The pipeline's `schema:` section takes effect.

    The user's declarations override inference.
    """
    columns = list(_read(case).schema.columns)
    if not columns:
        return
    declared = SchemaDeclaration.model_validate({"columns": {columns[0]: {"unit": "furlong"}}})
    context = Context(1, case.folder, declared=declared)
    unit = _source(case).read(context).schema.columns[columns[0]].unit
    case.expect(
        unit == "furlong",
        done=f"declared column {columns[0]!r} to have the unit 'furlong'",
        happened=f"the schema says {unit!r}",
        expected="what was declared",
        fix="hand context.declared to augment.data.schema.infer",
    )


def _source(case: Case) -> Source:
    source = case.new()
    assert isinstance(source, Source)
    return source


def _context(case: Case) -> Context:
    return Context(derive_seed("conformance", "read"), case.folder)


def _read(case: Case) -> Dataset:
    return _source(case).read(_context(case))


# -- sinks


def writes_what_it_says(case: Case) -> None:
    """The returned list contains exactly the files in the folder.

    The run's manifest lists and hashes the files that a sink returns.
    """
    data = _with_origin(case.data)
    written = {name: _write(case, name, data, case.folder) for name in ("train", "test")}
    listed = [path for paths in written.values() for path in paths]
    files = [path for path in case.folder.rglob("*") if path.is_file()]
    absent = [path for path in listed if not path.exists() or case.folder not in path.parents]
    case.expect(
        bool(listed) and not absent,
        done="wrote `train` and `test`",
        happened=f"it lists {', '.join(map(str, absent)) or 'nothing'}, not to be found in the folder",
        expected="the paths of what was written",
        fix="return [folder / ...] of the files, or of their top folder",
    )
    unlisted = [path for path in files if not any(path == one or one in path.parents for one in listed)]
    case.expect(
        not unlisted,
        done="wrote `train` and `test`, and looked into the folder",
        happened=f"files that it does not list: {', '.join(path.name for path in unlisted)}",
        expected="the listed files alone",
        fix="list every file, and remove scratch files before returning",
    )


def equal_data_gives_equal_bytes(case: Case) -> None:
    """Writing the same rows twice gives the same files.

    Users compare the files of repeated runs.
    """
    data = _with_origin(case.data)
    folders = [case.folder / "one", case.folder / "other"]
    for folder in folders:
        folder.mkdir()
        _write(case, "train", data, folder)
    differing = _differing(*folders)
    case.expect(
        not differing,
        done="wrote the same rows into two folders",
        happened=f"different bytes in {', '.join(differing)}",
        expected="the same files, byte by byte",
        fix="keep times, host names and random ids out: zip dates, gzip's mtime, file metadata",
    )


def never_holds_all_batches(case: Case) -> None:
    """Batches are written one at a time, so memory use does not grow with the number of rows.

    The synthetic rows can exceed the available memory.
    """
    data = _with_origin(case.data)
    alive: weakref.WeakSet[_Batch] = weakref.WeakSet()
    most = 0

    def batches() -> Iterator[Dataset]:
        nonlocal most
        for part in data.batches(10):
            batch = _Batch(part.frame, part.arrays, part.schema)
            alive.add(batch)
            del part
            yield batch
            del batch
            most = max(most, len(alive))

    case.new().write("train", batches(), data.schema, case.folder)
    num_batches = -(-len(data) // 10)
    case.expect(
        most <= num_batches // 2,
        done=f"wrote {num_batches} batches",
        happened=f"{most} of them were held at the same time",
        expected="each to be let go of once it is written",
        fix="write each batch as it comes; make no list of them",
    )


def the_source_of_the_same_name_reads_it(case: Case) -> None:
    """The installed source of the same name reads back the same rows.

    Users read augmented data with the source of the same name.
    """
    try:
        sources = Catalog().candidates("source", case.component.name)
    except PluginError:
        return  # it has none
    fitting = [cls for cls in sources if case.recipe and case.recipe.modality in cls.yields]  # type: ignore[attr-defined]
    if not fitting or "path" not in fitting[0].Params.model_fields:
        return
    data = _with_origin(case.data)
    path = _write(case, "train", data, case.folder)[0]
    schema = data.schema
    columns = {name: column.model_dump(include={"type"}) for name, column in schema.columns.items()}
    holds_columns = getattr(case.component, "holds_origin", True)  # else such files hold the payload and the target
    declared = SchemaDeclaration()
    if holds_columns:
        declared = SchemaDeclaration.model_validate(
            {"target": schema.target, "payload": schema.payload, "columns": columns}
        )
    source = fitting[0](fitting[0].Params.model_validate({"path": path}))
    assert isinstance(source, Source)
    read = source.read(Context(1, case.folder, declared=declared))
    case.expect(
        len(read) == len(data),
        done=f"wrote {len(data)} rows and read them with the source {case.component.name!r}",
        happened=f"{len(read)} rows",
        expected=f"{len(data)} rows",
        fix="mend whichever loses them",
    )
    for name in (ORIGIN if holds_columns else None, schema.target):
        if name is None or (not holds_columns and read.schema.target is None):  # files of the payload alone
            continue
        came = read.frame[name if holds_columns else str(read.schema.target)]
        mismatch = difference(as_labels(came), as_labels(data.frame[name]))
        # a folder of files has an order of its own
        same_order = not mismatch or _sorted_alike(came, data.frame[name])
        case.expect(
            same_order,
            done=f"wrote {len(data)} rows and read them with the source {case.component.name!r}",
            happened=f"column {name!r} differs: {mismatch}",
            expected="the same labels",
            fix="write every column, the origin too, with its labels unchanged",
        )


def _sorted_alike(one: pd.Series, other: pd.Series) -> bool:
    return sorted(map(str, as_labels(one))) == sorted(map(str, as_labels(other)))


class _Batch(Dataset):
    """A dataset whose lifetime can be observed."""

    __hash__ = object.__hash__


def _with_origin(data: Dataset) -> Dataset:
    """The rows as sinks receive them, with the origin column."""
    origin = np.where(np.arange(len(data)) % 3 == 0, "vae", "real").astype(object)
    column = Column(type="category", categories=("real", "vae"), nullable=False)
    schema = data.schema.model_copy(update={"columns": {**data.schema.columns, ORIGIN: column}})
    return Dataset.of(data.frame.assign(**{ORIGIN: origin}), data.arrays, schema)


def _write(case: Case, name: str, data: Dataset, folder: Path) -> list[Path]:
    written: list[Path] = case.new().write(name, data.batches(BATCH), data.schema, folder)
    return written


def _differing(one: Path, other: Path) -> list[str]:
    contents = []
    for folder in (one, other):
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        contents.append({str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).digest() for p in files})
    return sorted(name for name in {*contents[0], *contents[1]} if contents[0].get(name) != contents[1].get(name))


# -- reporters


def reports_what_it_says(case: Case) -> None:
    """The returned list contains exactly the files in the folder, and those that the class declares in `files`.

    The run's manifest lists and hashes the files that a reporter returns.
    """
    assert case.recipe is not None
    run = example_run(case.folder / "run", case.recipe.modality, case.recipe.task, case.recipe.missing)
    place = case.folder / "report"
    place.mkdir()
    listed = case.new().write(run, place)
    files = [path for path in place.rglob("*") if path.is_file()]
    unlisted = [path for path in files if not any(path == one or one in path.parents for one in listed)]
    case.expect(
        bool(listed) and all(path.exists() and place in path.parents for path in listed) and not unlisted,
        done="wrote a report",
        happened=f"it lists {[path.name for path in listed]}, and the folder holds {[path.name for path in files]}",
        expected="every written file in the folder and in the list",
        fix="write into `folder` alone, and return the paths of what was written",
    )
    names = [path.relative_to(place).parts[0] for path in listed]
    declared = getattr(case.component, "files", ())
    case.expect(
        set(declared) <= set(names),
        done="wrote a report",
        happened=f"{names}, while `files` is {declared}",
        expected="every name in `files` written",
        fix="declare in `files` only what is written whatever the settings",
    )


def equal_runs_give_equal_bytes(case: Case) -> None:
    """The same run in another folder gives the same report.

    Users compare the files of repeated runs.
    """
    assert case.recipe is not None
    folders = [case.folder / "one", case.folder / "elsewhere"]
    for folder in folders:
        (folder / "report").mkdir(parents=True)
        run = example_run(folder / "run", case.recipe.modality, case.recipe.task, case.recipe.missing)
        case.new().write(run, folder / "report")
    differing = _differing(*(folder / "report" for folder in folders))
    case.expect(
        not differing,
        done="reported the same run twice, from two folders",
        happened=f"different bytes in {', '.join(differing)}",
        expected="the same files, byte by byte",
        fix="keep times, random ids and paths out of it",
    )
