"""`augment show`."""

from __future__ import annotations

import click

from augment.cli.group import Command
from augment.cli.options import complete_component


@click.command(cls=Command)
@click.argument("name", shell_complete=complete_component)
def show(name: str) -> None:
    """Show what the component NAME does and can be told.

    What it does, the data it accepts, its settings with their defaults, and how it is written in a pipeline.

    \b
    Examples:
      augment show smote
      augment show csv
    """
    from augment.cli import describe
    from augment.plugin.catalog import Catalog

    click.echo("\n\n".join(describe.component(cls) for cls in Catalog().components(name)))
