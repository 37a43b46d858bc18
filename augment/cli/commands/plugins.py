"""`augment plugins`."""

from __future__ import annotations

import click

from augment.cli.group import Command
from augment.cli.options import json_option


@click.command(cls=Command)
@json_option
def plugins(as_json: bool) -> None:
    """List installed components and broken plugins.

    \b
    Examples:
      augment plugins
      augment plugins --json
    """
    from augment.cli import plugin_list
    from augment.plugin.catalog import Catalog
    from augment.text import json_line

    catalog = Catalog()
    offered = plugin_list.offered(catalog)
    click.echo(json_line(offered) if as_json else plugin_list.plugins(offered))
