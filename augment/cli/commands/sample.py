"""`augment sample`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import complete_generator, pairs


@click.command(cls=Command)
@click.argument("run_folder", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rows", type=click.IntRange(min=1), required=True, help="Number of rows to generate.")
@click.option(
    "--generator",
    metavar="ID",
    shell_complete=complete_generator,
    help="Generator of the run to use.  [default: the only one]",
)
@click.option(
    "--where", multiple=True, metavar="K=V", callback=pairs, help="Fix the value of a column. Can be repeated."
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed; another seed gives other rows.  [default: the run's]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Write to this .csv, .parquet or .npz file, or folder.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it is a file that exists.")
def sample(
    run_folder: Path,
    rows: int,
    generator: str | None,
    where: dict[str, str],
    seed: int | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Generate more rows with a generator of a finished RUN.

    RUN is the folder of a run, or the link runs/<name> to the latest run of that name.

    \b
    Examples:
      augment sample runs/credit-balance --rows 1000 -o more.parquet
      augment sample runs/credit-balance --rows 500 --generator gan --where defaulted=yes -o yes.csv
    """
    from augment.runner import sample_finished_run

    written = sample_finished_run.sample(
        run_folder, rows=rows, generator=generator, where=where, seed=seed, out=output, overwrite=overwrite
    )
    click.echo(f"wrote {rows:,} rows to {written}")
    if seed is None:
        click.echo("the same command gives the same rows; --seed with another number gives others")
