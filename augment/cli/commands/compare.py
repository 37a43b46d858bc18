"""`augment compare`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import json_option


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(exists=True, path_type=Path))
@json_option
def compare(runs: tuple[Path, ...], as_json: bool) -> None:
    """Compare finished RUNs: rows, scores and verdicts.

    \b
    Examples:
      augment compare runs/credit-3fa9c1d2 runs/credit-77ab01c9
      augment compare runs/* --json
    """
    from augment.cli import comparison
    from augment.text import json_line

    rows = comparison.compare(runs)
    click.echo(json_line({"runs": rows}) if as_json else comparison.text(rows))
