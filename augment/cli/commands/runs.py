"""`augment runs`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command

JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@JSON
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER and below, the latest first.

    Finished ones with their verdict, the score of real rows alone and with synthetic ones, and how many rows of each;
    and those that are under way or were left by a killed process: the same `augment run` goes on with them.

    \b
    Examples:
      augment runs
      augment runs ~/experiments --json
    """
    from augment.cli import summaries
    from augment.storage.run_list import find
    from augment.text import json_line

    found = find(folder)
    click.echo(json_line([run.to_json() for run in found]) if as_json else summaries.runs(found, folder))
