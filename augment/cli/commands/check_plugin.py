"""`augment check-plugin`."""

from __future__ import annotations

from typing import Any

import click

from augment.cli.group import Command
from augment.cli.options import complete_component, json_option, pairs


@click.command("check-plugin", cls=Command)
@click.argument("name", shell_complete=complete_component)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="K=V",
    callback=pairs,
    help="A setting of the component, if its default is slow or missing. Can be repeated.",
)
@click.option(
    "--except",
    "exceptions",
    multiple=True,
    metavar="RULE=REASON",
    callback=pairs,
    help="A rule that the component may break, and the reason. Can be repeated.",
)
@click.option("--rule", help="Check this rule only.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=300.0, show_default=True, help="Maximum seconds for each check."
)
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Do not show progress.")
def check_plugin(
    name: str,
    settings: dict[str, str],
    exceptions: dict[str, str],
    rule: str | None,
    timeout: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check the plugin NAME against every rule.

    NAME is what stands after `use:`, or a distribution, which stands for all that it offers. Each broken rule is
    explained: what was done, what happened, what the contract says and why, and what to change. Exit code 4 if any is.

    \b
    Examples:
      augment check-plugin jitter
      augment check-plugin augment-jitter --set scale=0.5
      augment check-plugin my-source --set path=data.csv --json
      augment check-plugin jitter --rule same-seed-same-outcome
    """
    import sys
    from contextlib import redirect_stdout

    from augment.cli.display import open_display
    from augment.errors import PluginError
    from augment.spec.overrides import parse_override
    from augment.testing import check_plugin as checking
    from augment.text import json_line

    values = {key: parse_override(f"{key}={text}") for key, text in settings.items()}
    style: Any = "quiet" if quiet or as_json else "auto"
    with open_display(style) as display, redirect_stdout(sys.stderr):  # stdout is for the results
        results = checking.examine(
            name, settings=values, exceptions=exceptions, rule=rule, timeout=timeout, events=display
        )
    click.echo(json_line(checking.as_json(name, results)) if as_json else checking.as_text(results))
    num_broken = sum(len(verdict.broken) for verdict in results)
    if num_broken:
        num_checks = sum(len(verdict.checks) for verdict in results)
        raise PluginError(f"{num_broken} of {num_checks} checks failed")
