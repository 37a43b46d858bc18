"""`augment completion`."""

from __future__ import annotations

import click

from augment.cli.group import Command


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    It completes commands, options, files and component names.

    \b
    Examples:
      augment completion bash >> ~/.bashrc
      augment completion zsh >> ~/.zshrc
      augment completion fish > ~/.config/fish/completions/augment.fish
    """
    from click.shell_completion import get_completion_class

    from augment.cli import main

    completer = get_completion_class(shell)
    assert completer is not None
    click.echo(completer(main, {}, "augment", "_AUGMENT_COMPLETE").source())
