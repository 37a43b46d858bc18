"""What is installed: `plugins`, `show`."""

from __future__ import annotations

import click

from augment.cli.group import Command
from augment.cli.options import complete_component


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def plugins(as_json: bool) -> None:
    """List what installed plugins offer, and what is broken.

    \b
    Examples:
      augment plugins
      augment plugins --json
    """
    from augment import console, describe
    from augment.plugins import Catalog

    catalog = Catalog()
    offered = describe.offered(catalog)
    click.echo(console.json_line(offered) if as_json else describe.plugins(offered))


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
    from augment import describe
    from augment.plugins import Catalog

    click.echo("\n\n".join(describe.component(cls) for cls in Catalog().components(name)))
