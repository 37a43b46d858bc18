"""Proposes a pipeline for a dataset: commented YAML that `augment run` accepts as it is.

Every choice is based on the data and on what the installed components accept. Comments in the file explain it.
"""

from __future__ import annotations

import itertools
import logging
import os
import re
import shlex
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from augment.data import Dataset
from augment.detect.formats import Data, collected_notes, find_address
from augment.detect.train_test import find_pair
from augment.errors import DataError, DiskError, SpecError
from augment.onboarding.choose_effort import choose_effort
from augment.onboarding.choose_generators import Choice, choose_generators
from augment.onboarding.choose_sinks import choose_sinks
from augment.onboarding.choose_split import (
    choose_cuts,
    choose_holdout,
    choose_trial,
    find_obstacle,
    propose_group,
    random_split,
    split_as_said,
)
from augment.onboarding.choose_target import Look
from augment.onboarding.guesses import list_guesses
from augment.onboarding.inspect_data import Ask, Wishes, inspect
from augment.onboarding.schema_section import schema_section, section
from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Component, Sink, Source
from augment.text import printable
from augment.toolkit.data_files import plain_name
from augment.toolkit.yaml_text import dump_flow

__all__ = ["propose", "write"]

LOPSIDED = 1.2  # largest class / smallest class from which classes are balanced
RARE = 5  # where a generator proposes an amount: largest class / smallest class from which balance is better

Tell = Callable[[Sequence[tuple[str, str]]], None]

log = logging.getLogger("augment")


def write(
    data: Data | str,
    output: Path | None = None,
    target: str | None = None,
    given: Mapping[str, Any] | None = None,
    split_by: Mapping[str, str] | None = None,
    tell: Tell | None = None,
    text: str | None = None,
    ask: Ask | None = None,
) -> Path:
    """Write a pipeline for a dataset.

    Args:
        data: a file, several of the same columns, a folder of images, or the address of a database.
        output: the file to write. Default: the data's name with `.yaml`, in the current folder.
        target: the column that a model should predict. Chosen automatically if not given.
        given: settings of the source that are known, such as the `table` of a database.
        split_by: `group` or `time` to a column, see `split:` in the reference.
        tell: called with what was guessed, see `list_guesses`.
        text: the column of texts that the data is about.
        ask: called with what was found; its answers count instead of what was named.

    Returns:
        The file that was written.

    Raises:
        SpecError: the file exists already.
        DataError: the data cannot be read, or has no such column.
        DiskError: the file cannot be written.
    """
    output = output or Path(f"{_slug(_named(data, given))}.yaml")
    exists = SpecError(f"{output} exists already; name another file with -o")
    if output.exists():
        raise exists
    place, name = output.absolute().parent, _slug(output)
    more: dict[str, Any] = {"given": given, "split_by": split_by, "tell": tell, "text": text, "ask": ask}
    content = propose(data, place, target, name=name, file=output.name, **more)
    try:
        with output.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        raise exists from None
    except OSError as error:
        raise DiskError(f"{output} cannot be written: {error.strerror}") from error
    return output


def propose(
    data: Data | str,
    folder: Path,
    target: str | None = None,
    *,
    name: str | None = None,
    file: str = "pipeline.yaml",
    catalog: Catalog | None = None,
    given: Mapping[str, Any] | None = None,
    split_by: Mapping[str, str] | None = None,
    tell: Tell | None = None,
    text: str | None = None,
    ask: Ask | None = None,
) -> str:
    """The text of a pipeline for a dataset.

    Args:
        data: a file, several of the same columns, or a folder of images; a folder with a training and a test part; or
            the address of a database.
        folder: the folder of the pipeline; paths in it are relative to it.
        target: the column that a model should predict. Chosen automatically if not given.
        name: the pipeline's name. Default: derived from the data's name.
        file: the file name of the pipeline, for its comments.
        catalog: the components. Default: those that are installed.
        given: settings of the source that are known, such as the `table` of a database.
        split_by: `group` or `time` to a column, see `split:` in the reference.
        tell: called with what was guessed.
        text: the column of texts that the data is about.
        ask: called with what was found; its answers count instead of what was named.

    Raises:
        DataError: the data cannot be read, is empty or lacks the column, or no installed generator accepts it.
    """
    catalog = catalog or Catalog()
    named, test = _named(data, given), None
    source_class: type[Source] | None = None
    if isinstance(data, str):
        source_class, data, given = find_address(data, catalog, given or {})
    if isinstance(data, Path) and (pair := find_pair(data, catalog)) is not None:
        data, test = pair
    wishes = Wishes(target, text, dict(split_by or {}), source_class)
    with collected_notes() as notes:
        found = inspect(data, catalog, given, wishes)
        if len(found.dataset) == 0:
            raise DataError(f"{named}: it holds no rows")
        while ask is not None:
            answers, source_class = ask(found, wishes), found.source
            if answers != wishes:
                wishes, found = answers, inspect(data, catalog, given, answers)
            if found.source is source_class:  # else there are other columns to ask for
                break
    source_class, dataset, settings, look = found.source, found.dataset, found.settings, found.look
    left_out, split_by = found.left_out, wishes.split_by
    if test is not None and isinstance(data, Path):
        obstacle = find_obstacle(source_class, data, test, settings, dataset, look)
        if obstacle is not None:
            notes.append(f"{test.name} cannot be the hold-out: {obstacle}")
            test = None
    split_lines = split_as_said(look, split_by, is_given=test is not None)
    if not split_by and test is None:
        split_lines = propose_group(source_class, settings, look)
    for note in notes:
        log.warning("%s", note)
    holdout = choose_holdout(look) if test is None else 0.0
    choice = choose_generators(look, catalog, holdout)
    rows, why_rows = _num_rows(look, choice)
    cuts = choose_cuts(look) if test is None and "time" not in split_by else 1
    effort = choose_effort(look, [cls for cls, _ in choice.generators], rows, cuts, holdout, catalog)
    if effort.rows != rows:
        rows, why_rows = effort.rows, f"instead of {rows}: {effort.why}"
    choice = choice.keep(effort.generators, effort.why)
    if tell is not None:
        tell(list_guesses(source_class.name, look, left_out, choice))
    places = [_place(each, folder) for each in ([data] if isinstance(data, Path) else data)]
    comments = {
        "path": "relative to this file",
        "key": "rows with one value here are one series",
        "time": "when each step was",
        "pattern": "what the names of the files say: rename the parts if they mean something else",
        "rate": "Hz: recordings have several rates, and most have this one",
        "channels": "recordings have several numbers of channels, and those of each are mixed",
        "cut": "many recordings are long: each row is a window of `max_seconds`",
        "on_bad_audio": "a few recordings last longer than `max_seconds`, by default 30, and are left out",
        "size": "height, width: the images have several sizes, and this is about the middle one",
        "encoding": "the file is not in UTF-8",
        "skip_lines": "lines before the header",
        "header": "the first line is a row of data; to name the columns, add `names: [...]`",
        "decimal": "numbers are written like 1,5",
        "thousands": f"large numbers are written like {_amount(settings)}",
        "null_values": "cells that mean a missing value",
        "duplicates": "some rows have one series and time: the first counts; `mean` averages, `error` refuses them",
        "date_format": "day %d, month %m or %b, year %Y or %y",
        "units": "signs beside numbers, taken away",
        "columns": "; ".join(
            f"without {why}: {', '.join(dump_flow(name) for name in left_out if left_out[name] == why)}"
            for why in dict.fromkeys(left_out.values())
        )
        or "without columns that nothing can learn from",
    }
    source = [
        f"{key}: {dump_flow(value)}" + (f"  # {comments[key]}" if comments.get(key) else "")
        for key, value in {**({"path": places if len(places) > 1 else places[0]} if places else {}), **settings}.items()
    ]
    if test is None:
        split = random_split(look)
    else:
        held = {"use": source_class.name, "with": {"path": _place(test, folder), **settings}}
        split = [f"test: {dump_flow(held)}  # held out: these rows only show whether synthetic ones helped"]
    split += split_lines
    if look.num_without_target:
        split += [f"missing_target: drop  # {look.num_without_target:,} rows have no value of the target"]
    command = printable(shlex.quote(file))
    lines = [
        f"# A pipeline for {dump_flow(named.resolve().name)}: {_size(dataset)}. Written by `augment init`.",
        f"#   augment check {command}   says what will happen",
        f"#   augment run {command}     makes it happen",
        "",
        "spec: 1",
        f"name: {dump_flow(name or _slug(named))}",
        "seed: 7  # another seed: another hold-out, other samples",
        "",
        *section("source:", [f"use: {source_class.name}", *section("with:", source), *_notes(notes, data)]),
        *_origin_column(dataset),
        "",
        *schema_section(look),
        "",
        *section("split:", split),
        "",
        *(choose_trial(look, effort) if test is None and "time" not in split_by else []),
        *_transforms(look, choice),
        *_generators(look, choice),
        "",
        *_mix(look, choice, rows, why_rows),
        *_filters(choice),
        *_sinks(choose_sinks(source_class, data, settings, look.dataset, catalog), source_class, test, folder),
    ]
    return "\n".join(lines) + "\n"


def _place(path: Path, folder: Path) -> str:
    """The path relative to the folder of the pipeline."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def _places(value: Any, test: Path | None, folder: Path) -> Any:
    """A setting of a sink that names the data, as both of its parts where it has two; others as they are."""
    if not isinstance(value, Path):
        return value
    return _place(value, folder) if test is None else [_place(value, folder), _place(test, folder)]


def _notes(notes: Sequence[str], data: Data) -> list[str]:
    """What sources noted, as comments: with the file's name for its path, which is not the same elsewhere."""
    for path in [data] if isinstance(data, Path) else data:
        notes = [note.replace(str(path.absolute()), path.name) for note in notes]
    return [f"# note: {printable(note)}" for note in notes]


def _amount(settings: Mapping[str, Any]) -> str:
    """A number that shows how a file separates thousands and decimals."""
    return "1{thousands}234{thousands}567{decimal}89".format(**{"thousands": "", "decimal": ".", **settings})


def _origin_column(dataset: Dataset) -> list[str]:
    """Another name for the origin column, if the data has a column of the same name."""
    taken = {*dataset.schema.columns, *dataset.schema.arrays}
    if "origin" not in taken:
        return []
    free = next(name for name in (f"{'synthetic_' * count}origin" for count in itertools.count(1)) if name not in taken)
    return [f"origin_column: {free}  # what says where a row came from; the data has a column `origin` of its own"]


def _transforms(look: Look, choice: Choice) -> list[str]:
    if choice.fill is None:
        return []
    shown = ", ".join(dump_flow(name) for name in look.missing[:5]) + (", ..." if len(look.missing) > 5 else "")
    return [*section("transforms:", [f"- use: {choice.fill.name}  # values are missing in {shown}"]), ""]


def _generators(look: Look, choice: Choice) -> list[str]:
    active = []
    for cls, suits in choice.generators:
        reason = [f"# Chosen because, {suits.reason}."] if suits.reason else []
        settings = [
            f"{key}: {dump_flow(value)}  # {why}" for key, (value, why) in cls.settings_for(look.dataset).items()
        ]
        with_them = [f"  {line}" for line in section("with:", settings)] if settings else []
        active += [f"# {_purpose(cls)}", *reason, f"- use: {cls.name}", *with_them]
    inactive = [f"not {name}: {why}" for name, why in choice.refused.items()]
    show = ", ".join(f"`augment show {cls.name}`" for cls, _ in choice.generators)
    return section("generators:", active, [f"Settings, which go under `with:`, are listed by {show}.", *inactive])


def _num_rows(look: Look, choice: Choice) -> tuple[str, str]:
    """How many rows are proposed, and why."""
    if len(look.counts) > 1 and _makes_classes(choice):
        largest, smallest = max(look.counts.values()), min(look.counts.values())
        advised = next((suits for _, suits in choice.generators if suits.amounts), None)
        if largest > (RARE if advised else LOPSIDED) * smallest:
            return "balance", (
                f"every class gets as many rows as the largest; now they have from {smallest:,} to {largest:,}"
            )
        if advised:
            return advised.suited_amount(len(look.dataset)), advised.amounts_reason
    return "1x", "as many synthetic rows as there are real ones to learn from"


def _makes_classes(choice: Choice) -> bool:
    return all(cls.accepts.conditional != "none" for cls, _ in choice.generators)


def _mix(look: Look, choice: Choice, rows: str, why: str) -> list[str]:
    others = ["1x", "2x", "5000"]
    if look.schema.task != "none":
        others.append("auto (which tries several, and none)")
    if len(look.counts) > 1 and _makes_classes(choice):
        others += ["balance", "{per_class: 1000}"]
    also = ", ".join(amount for amount in others if amount != rows)
    lines = section("mix:", [f"rows: {rows}  # {why}", f"# Also possible: {also}."])
    if look.schema.modality == "text" and any(cls.origin == "rows" for cls, _ in choice.generators):
        why = "only so many others can be made from few texts: the run goes on with fewer of them"
        lines += ["", f"shortfall: warn  # {why}"]
    return lines


def _filters(choice: Choice) -> list[str]:
    if choice.unfit_filter is None:
        return []
    name = choice.unfit_filter.name
    why = f"# `{name}`, the default, rejects rows very near a training row, as moved rows are by design."
    return ["", why, "filters: []"]


def _sinks(
    sinks: Sequence[tuple[type[Sink], Mapping[str, Any]]], source: type[Source], test: Path | None, folder: Path
) -> list[str]:
    if not sinks:
        why = f"# No sink writes what {source.name} reads, so the data is written by the default one."
        return ["", why, *([f"# {source.way_back}"] if source.way_back else [])]
    lines = []
    for cls, settings in sinks:
        settings = {name: _places(value, test, folder) for name, value in settings.items()}
        with_settings = [f"{key}: {dump_flow(value)}" for key, value in settings.items()]
        lines.append(f"- use: {cls.name}")
        lines += [f"  {line}" for line in section("with:", with_settings)] if settings else []
    if len(sinks) > 1:
        others = ", ".join(cls.name for cls, _ in sinks[1:])
        lines.append(f"# {sinks[0][0].name} cannot say which rows are synthetic; {others} can.")
    why = "# Written in the form of your files. `rows: synthetic` under `with:` writes the synthetic rows alone."
    return ["", why, *section("sinks:", lines)]


def _purpose(cls: type[Component]) -> str:
    """The first sentence of a class's documentation."""
    text = " ".join((cls.__doc__ or cls.name).strip().split("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", text, maxsplit=1)[0]


def _size(dataset: Dataset) -> str:
    arrays = [
        f"{array.type} {dump_flow(name)} of {' x '.join(map(str, array.shape))}"
        for name, array in dataset.schema.arrays.items()
    ]
    columns = len(dataset.schema.columns)
    return ", ".join([f"{len(dataset):,} rows", *arrays, f"{columns} column{'s' * (columns != 1)}"])


def _named(data: Data | str, given: Mapping[str, Any] | None = None) -> Path:
    """What the data is called: its first file, or the table or the name of a database."""
    if isinstance(data, str):
        return Path((given or {}).get("table") or urlsplit(data).path.strip("/") or "database")
    return data if isinstance(data, Path) else data[0]


def _slug(path: Path) -> str:
    """A pipeline's name from a path: lower-case letters, digits and single hyphens."""
    plain = (
        unicodedata.normalize("NFKD", Path(plain_name(path.resolve())).stem.casefold())
        .encode("ascii", "ignore")
        .decode()
    )
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:64].rstrip("-") or "pipeline"
