"""Help while typing, in editors and in shells: `schema`, `completion`."""

from __future__ import annotations

import click

from augment.cli.group import Command


@click.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors.

    It holds the settings of all installed components.

    \b
    Examples:
      augment schema > augment.schema.json
      (and as the first line of a pipeline:)
      # yaml-language-server: $schema=augment.schema.json
    """
    import json

    from augment import spec
    from augment.plugins import Catalog

    click.echo(json.dumps(spec.json_schema(Catalog()), indent=2, ensure_ascii=False))


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes what you type in SHELL.

    Commands, options, files and names of components.

    \b
    Examples:
      augment completion bash >> ~/.bashrc
      augment completion zsh >> ~/.zshrc
      augment completion fish > ~/.config/fish/completions/augment.fish
    """
    from click.shell_completion import get_completion_class

    from augment.cli import main

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "augment", "_AUGMENT_COMPLETE").source())
