"""`augment new-plugin`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command

KINDS = ("generator", "filter", "metric", "probe", "source", "sink", "transform", "reporter")
DATA = ("table", "image", "text", "series", "audio")


@click.command("new-plugin", cls=Command)
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="generator", show_default=True, help="Kind of component.")
@click.option(
    "--for", "data", type=click.Choice(DATA), help="Kind of data that the component supports.  [default: table]"
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which to create the plugin's folder.  [default: the current one]",
)
def new_plugin(name: str, kind: str, data: str | None, into: Path) -> None:
    """Create a starter plugin called NAME.

    The folder augment-NAME is a small distribution with a working component, its tests, and a pipeline that uses it.
    You can install, test and run it as it is. Nothing is downloaded or overwritten.

    \b
    Examples:
      augment new-plugin jitter
      augment new-plugin blur --for image
      augment new-plugin plausible --kind filter --into ~/plugins
    """
    import shlex

    from augment import scaffold

    place = scaffold.write(name, kind, data, into)  # type: ignore[arg-type]
    here = shlex.quote(str(place))
    click.echo(f"wrote {place}")
    click.echo(f"next: cd {here} && pip install -e '.[test]' && pytest")
