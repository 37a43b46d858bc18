"""`augment show`."""

from __future__ import annotations

import click

from augment.cli.group import Command
from augment.cli.options import complete_component


@click.command(cls=Command)
@click.argument("name", shell_complete=complete_component)
def show(name: str) -> None:
    """Show the description and the settings of the component NAME.

    The output includes the data that it accepts, the defaults of its settings, and an example of a pipeline entry.

    \b
    Examples:
      augment show smote
      augment show csv
    """
    from augment.cli import describe
    from augment.plugin.catalog import Catalog

    click.echo("\n\n".join(describe.component(cls) for cls in Catalog().components(name)))
