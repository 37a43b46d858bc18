"""`augment run`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import SpecFile, complete_device, set_option, trust_option, workers_option
from augment.errors import BelowMinimum


@click.command(cls=Command)
@click.argument("spec", type=SpecFile)
@set_option
@click.option("--seed", type=click.IntRange(min=0), help="Override the seed of the pipeline.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The run's folder.  [default: runs/...]")
@click.option("--overwrite", is_flag=True, help="Replace another run in --out, unless it holds files of yours.")
@click.option(
    "--device", shell_complete=complete_device, help="Override the device of the pipeline: auto, cpu, cuda or cuda:1."
)
@workers_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print events and the result as JSON lines.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the last line of the result, without progress.")
@click.option("-v", "--verbose", is_flag=True, help="Print each progress report on its own line.")
def run(
    spec: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    overwrite: bool,
    device: str | None,
    workers: int | None,
    trust: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run the pipeline SPEC and write its results.

    If a run was stopped, the same command resumes it. Finished work is not repeated.

    \b
    Examples:
      augment run pipeline.yaml
      augment run pipeline.yaml --seed 3 --set generators.0.with.epochs=5
      augment run pipeline.yaml --json > events.jsonl
    """
    from augment.cli import summaries
    from augment.cli.display import open_display
    from augment.runner import run as runner
    from augment.text import json_line

    style = "quiet" if quiet else "json" if as_json else "lines" if verbose else "auto"
    below: BelowMinimum | None = None
    with open_display(style) as display:  # type: ignore[arg-type]
        try:
            result = runner.run(
                spec,
                overrides=overrides,
                seed=seed,
                out=out,
                overwrite=overwrite,
                device=device,
                workers=workers,
                trust=trust,
                events=display,
            )
        except BelowMinimum as error:
            below, result = error, error.run
    if as_json:
        click.echo(json_line(summaries.result_event(result)))
    elif quiet:
        click.echo(summaries.verdict(result))
    else:
        click.echo(summaries.result(result))
    if result.exit_code and below is None:
        below = BelowMinimum("the trial of this run is below the minimum that its pipeline requires (`trial.min`)")
    if below is not None:
        raise below
