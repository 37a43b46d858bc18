"""Options and arguments that several commands share, and how they complete."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = [
    "DataFiles",
    "SpecFile",
    "complete_component",
    "complete_device",
    "complete_generator",
    "json_option",
    "pairs",
    "set_option",
    "trust_option",
    "workers_option",
]


class _SpecFile(click.Path):
    """A pipeline file; who names data, or the folder of a run, is told which pipeline to use instead."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(os.fsdecode(value))
        if path.is_dir():
            from augment.storage.run_folder import RESOLVED

            if (path / RESOLVED).is_file():
                self.fail(f"{path} is the folder of a run; run its pipeline, {path / RESOLVED}", param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.suffix.lower() not in (".yaml", ".yml"):
            from augment.plugin.catalog import Catalog
            from augment.toolkit.data_files import plain_name

            sources: list[Any] = Catalog().classes("source")
            if any(plain_name(path).lower().endswith(source.endings) for source in sources):
                self.fail(f"{path} is data; `augment init {path}` writes a pipeline for it", param, ctx)
        return path


class _DataFiles(click.Path):
    """A file or folder that exists, a pattern such as `parts/*.csv` that some file matches, or an address (text)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and "://" in value:
            return value
        path = Path(os.fsdecode(value))
        if any(glob.iglob(str(path), recursive=True)):
            return path
        return super().convert(value, param, ctx)


DataFiles = _DataFiles(exists=True, path_type=Path)
SpecFile = _SpecFile(exists=True, dir_okay=False, path_type=Path)


def complete_component(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of installed components."""
    from augment.plugin.catalog import Catalog

    return [CompletionItem(name) for name in Catalog().names if name.startswith(incomplete)]


def complete_device(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The devices that a name is needed for."""
    return [CompletionItem(name) for name in ("auto", "cpu", "cuda") if name.startswith(incomplete)]


def complete_generator(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The generators of the run whose folder stands in the line already."""
    from augment.errors import DataError
    from augment.storage.run_folder import Run

    # click stops at the option that lacks its value and leaves what stood before it unread
    folder = ctx.params.get("run_folder") or next(iter(ctx.args), None)
    if folder is None:
        return []
    try:
        names = Run(folder).generators
    except DataError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def pairs(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """`K=V` given several times, as a mapping."""
    pairs: dict[str, str] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"expected COLUMN=VALUE, got {text!r}")
        if key in pairs:
            raise click.BadParameter(f"{key!r} is given twice")
        pairs[key] = value
    return pairs


trust_option = click.option(
    "--trust",
    multiple=True,
    metavar="MODULE",
    help="Let the pipeline run this module of your own, such as models for `probe: models:make`. Can be repeated.",
)
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="K=V",
    help="Override one value of the pipeline, such as generators.0.with.epochs=5. Can be repeated.",
)
workers_option = click.option(
    "--workers", type=click.IntRange(min=0), help="Number of worker processes. 0 runs everything in this process."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the output as JSON.")
