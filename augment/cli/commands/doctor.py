"""`augment doctor`."""

from __future__ import annotations

import click

from augment.cli.group import Command
from augment.cli.options import json_option


@click.command(cls=Command)
@json_option
def doctor(as_json: bool) -> None:
    """Check this machine, and report problems and how to fix them.

    The checks cover versions, devices, a worker process, plugins, writable folders, free disk space and extras. The
    exit code is 1 if something will fail.

    \b
    Examples:
      augment doctor
      augment doctor --json
    """
    from dataclasses import asdict

    from augment.cli.doctor import examine
    from augment.errors import AugmentError
    from augment.text import json_line, printable

    marks = {
        "good": click.style("ok  ", fg="green"),
        "note": click.style("note", fg="yellow"),
        "bad": click.style("BAD ", fg="red"),
    }
    bad = 0
    findings = []
    for finding in examine():
        bad += finding.state == "bad"
        findings.append(asdict(finding))
        if not as_json:
            click.echo(f"{marks[finding.state]}  {finding.what}: {printable(finding.message)}")
            if finding.advice:
                click.echo(f"      -> {finding.advice}")
    if as_json:
        click.echo(json_line({"healthy": not bad, "findings": findings}))
    if bad:
        raise AugmentError(f"{bad} problem{'s' * (bad != 1)} to fix")
