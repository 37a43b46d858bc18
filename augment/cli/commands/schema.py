"""`augment schema`."""

from __future__ import annotations

import click

from augment.cli.group import Command


@click.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors.

    It includes the settings of all installed components.

    \b
    Examples:
      augment schema > augment.schema.json
      (and as the first line of a pipeline:)
      # yaml-language-server: $schema=augment.schema.json
    """
    import json

    from augment.plugin.catalog import Catalog
    from augment.spec.json_schema import json_schema

    click.echo(json.dumps(json_schema(Catalog()), indent=2, ensure_ascii=False))
