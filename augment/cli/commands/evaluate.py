"""`augment evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import json_option, workers_option

Data = click.Path(exists=True, path_type=Path)


@click.command(cls=Command)
@click.argument("real", type=Data)
@click.argument("synthetic", type=Data)
@click.option("--holdout", type=Data, help="Real rows that no generator was trained on.  [default: a share of REAL]")
@click.option("--target", metavar="COLUMN", help="The column that a model should predict.")
@click.option(
    "--share", type=click.FloatRange(0.01, 0.99), default=0.2, show_default=True, help="Share of REAL to hold out."
)
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Number of seeds of the trial.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all random numbers.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this .html file."
)
@click.option("--overwrite", is_flag=True, help="Replace the report if it exists.")
@workers_option
@json_option
def evaluate(
    real: Path,
    synthetic: Path,
    holdout: Path | None,
    target: str | None,
    share: float,
    seeds: int,
    seed: int,
    output: Path | None,
    overwrite: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Evaluate SYNTHETIC rows that another tool generated.

    Both are tables (.csv, .tsv, .parquet, .jsonl), arrays (.npz), or folders with one folder of images for each class.
    Pass rows that the other tool has not seen as --holdout. Rows that it has seen make it look better than it is.

    \b
    Examples:
      augment evaluate train.csv made.csv --holdout test.csv --target churned
      augment evaluate train.csv made.csv --target churned -o report.html
    """
    from augment.cli import summaries
    from augment.cli.display import open_display
    from augment.runner.evaluate import evaluate as judge
    from augment.text import json_line

    with open_display("quiet" if as_json else "auto") as display:
        evaluation = judge(
            real,
            synthetic,
            holdout=holdout,
            target=target,
            share=share,
            seeds=seeds,
            seed=seed,
            out=output,
            overwrite=overwrite,
            workers=workers,
            events=display,
        )
    click.echo(
        json_line(evaluation.metrics.model_dump(mode="json")) if as_json else summaries.evaluation(evaluation.metrics)
    )
    if evaluation.report is not None and not as_json:
        click.echo(f"\nreport  {evaluation.report}")
