"""`augment check`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import SpecFile, set_option, trust_option


@click.command(cls=Command)
@click.argument("spec", type=SpecFile)
@click.option("--no-data", is_flag=True, help="Check names and settings only, without reading the data.")
@set_option
@trust_option
def check(spec: Path, no_data: bool, overrides: tuple[str, ...], trust: tuple[str, ...]) -> None:
    """Check the pipeline SPEC and show what a run would do.

    \b
    Examples:
      augment check pipeline.yaml
      augment check pipeline.yaml --no-data
    """
    from augment.runner.check import check as check_pipeline

    click.echo(check_pipeline(spec, overrides=overrides, data=not no_data, trust=trust))
