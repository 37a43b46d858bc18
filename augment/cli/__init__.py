"""The command `augment`: parse, call, print; nothing else.

Each command is a function of its own name in one of the modules below, imported when it is called. Everything but click
is imported inside the functions, so that help and completion come at once.
"""

from __future__ import annotations

import click

from augment import __version__
from augment.cli.group import Commands

__all__ = ["main"]

# in the order in which people meet them
COMMANDS = {
    "init": "augment.cli.running",
    "check": "augment.cli.running",
    "run": "augment.cli.running",
    "sample": "augment.cli.running",
    "runs": "augment.cli.looking",
    "evaluate": "augment.cli.judging",
    "compare": "augment.cli.judging",
    "plugins": "augment.cli.offering",
    "show": "augment.cli.offering",
    "new-plugin": "augment.cli.authoring",
    "check-plugin": "augment.cli.authoring",
    "cache": "augment.cli.looking",
    "doctor": "augment.cli.looking",
    "schema": "augment.cli.editing",
    "completion": "augment.cli.editing",
}


@click.group(cls=Commands, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="augment", message="%(prog)s %(version)s")
def main() -> None:
    """Learn generators on your training data, mix synthetic samples in, and see on held-out rows whether it helped.

    \b
    Begin with:
      augment init data.csv            look at the data, write data.yaml
      augment check data.yaml          see what would happen
      augment run data.yaml            make it happen

    Exit codes: 0 done, 1 failed, 2 pipeline or usage, 3 data, 4 plugin, 5 a bound was missed, 6 locked by another run,
    7 disk, 130 interrupted.
    """
