"""`augment plugins`."""

from __future__ import annotations

import click

from augment.cli.group import Command


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print the output as JSON.")
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
