"""`augment runs`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import json_option


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@json_option
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER and its subfolders, latest first.

    Finished runs are listed with their verdict, the scores without and with synthetic rows, and the numbers of rows.
    Runs that are in progress or were interrupted are listed too; the same `augment run` command resumes them.

    \b
    Examples:
      augment runs
      augment runs ~/experiments --json
    """
    from augment.cli import summaries
    from augment.storage.run_list import find
    from augment.text import json_line

    run_list = find(folder)
    click.echo(json_line([run.to_json() for run in run_list]) if as_json else summaries.runs(run_list, folder))
