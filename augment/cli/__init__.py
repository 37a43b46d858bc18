"""The command `augment`: parse, call, print; nothing else.

Each command is a function of its own name in one of the modules below, imported when it is called. Everything but click
is imported inside the functions, so that help and completion come at once.
"""

from __future__ import annotations

import click

from augment.cli.group import Commands

__all__ = ["main"]

# in the order in which people meet them
COMMANDS = {
    "init": "augment.cli.commands.init",
    "check": "augment.cli.commands.check",
    "run": "augment.cli.commands.run",
    "sample": "augment.cli.commands.sample",
    "runs": "augment.cli.commands.runs",
    "evaluate": "augment.cli.commands.evaluate",
    "compare": "augment.cli.commands.compare",
    "plugins": "augment.cli.commands.plugins",
    "show": "augment.cli.commands.show",
    "new-plugin": "augment.cli.commands.new_plugin",
    "check-plugin": "augment.cli.commands.check_plugin",
    "cache": "augment.cli.commands.cache",
    "doctor": "augment.cli.commands.doctor",
    "schema": "augment.cli.commands.schema",
    "completion": "augment.cli.commands.completion",
}


@click.group(cls=Commands, places=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="augment-pipeline", prog_name="augment", message="%(prog)s %(version)s")
def main() -> None:
    """Train generators on your training data, add synthetic samples, and test on held-out rows whether they help.

    \b
    Start with:
      augment init data.csv            inspect the data and write data.yaml
      augment check data.yaml          show what a run would do
      augment run data.yaml            run the pipeline

    Exit codes: 0 done, 1 failed, 2 pipeline or usage, 3 data, 4 plugin, 5 below the required minimum, 6 locked by
    another run, 7 disk, 130 interrupted.
    """
