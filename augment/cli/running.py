"""From data to a run: `init`, `check`, `run`, `sample`."""

from __future__ import annotations

from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import SpecFile, complete_device, complete_generator, pairs, set_option
from augment.errors import BoundMissed


@click.command(cls=Command)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="SPEC", help="File to write.")
@click.option("--target", help="The column that a model should predict.  [default: found by its name or its values]")
def init(data: Path, output: Path | None, target: str | None) -> None:
    """Look at DATA and write a commented pipeline for it.

    DATA is a table, series or histories (.csv, .tsv, .parquet, .jsonl), arrays (.npz), series (.ts, .arff), or a folder
    with one folder of images or texts for each class. The pipeline runs as it is. It is written into the current
    folder, named after the data; nothing is overwritten.

    \b
    Examples:
      augment init customers.csv
      augment init customers.csv --target churned -o churn.yaml
      augment init photos/
    """
    import shlex

    from augment import init as proposing

    written = proposing.write(data, output, target)
    click.echo(f"wrote {written}")
    click.echo(f"next: augment run {shlex.quote(str(written))}")


@click.command(cls=Command)
@click.argument("spec", type=SpecFile)
@click.option("--no-data", is_flag=True, help="Check names and settings only; do not read the data.")
@set_option
def check(spec: Path, no_data: bool, overrides: tuple[str, ...]) -> None:
    """Check the pipeline SPEC and say what a run would do.

    \b
    Examples:
      augment check pipeline.yaml
      augment check pipeline.yaml --no-data
    """
    from augment import runner, summaries

    click.echo(summaries.check(runner.check(spec, overrides=overrides, data=not no_data)))


@click.command(cls=Command)
@click.argument("spec", type=SpecFile)
@set_option
@click.option("--seed", type=click.IntRange(min=0), help="Override the seed of the pipeline.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The run's folder.  [default: runs/...]")
@click.option("--overwrite", is_flag=True, help="Replace what --out holds of another run.")
@click.option("--device", shell_complete=complete_device, help="auto, cpu, cuda or cuda:1.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes at work; 0 keeps everything in this one.")
@click.option("--json", "as_json", is_flag=True, help="Write events and the result as JSON lines.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, and only the last line of the result.")
@click.option("-v", "--verbose", is_flag=True, help="Show each report of progress on a line of its own.")
def run(
    spec: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    overwrite: bool,
    device: str | None,
    workers: int | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run the pipeline SPEC: learn, mix, judge, write, report.

    Started again after it was stopped, it goes on where it was; what is finished is not done twice.

    \b
    Examples:
      augment run pipeline.yaml
      augment run pipeline.yaml --seed 3 --set generators.0.with.epochs=5
      augment run pipeline.yaml --json > events.jsonl
    """
    from augment import console, runner, summaries

    style = "quiet" if quiet else "json" if as_json else "lines" if verbose else "auto"
    missed: BoundMissed | None = None
    with console.open_display(style) as display:  # type: ignore[arg-type]
        try:
            result = runner.run(
                spec,
                overrides=overrides,
                seed=seed,
                out=out,
                overwrite=overwrite,
                device=device,
                workers=workers,
                events=display,
            )
        except BoundMissed as error:
            missed, result = error, error.run
    if as_json:
        click.echo(console.json_line(summaries.result_event(result)))
    elif quiet:
        click.echo(summaries.verdict(result))
    else:
        click.echo(summaries.result(result))
    if result.exit_code and missed is None:
        missed = BoundMissed("this run missed a bound that its pipeline sets")
    if missed is not None:
        raise missed


@click.command(cls=Command)
@click.argument("run_folder", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rows", type=click.IntRange(min=1), required=True, help="How many rows.")
@click.option(
    "--generator",
    metavar="ID",
    shell_complete=complete_generator,
    help="Which generator of the run.  [default: the only one]",
)
@click.option("--where", multiple=True, metavar="K=V", callback=pairs, help="Fix a column. Can be repeated.")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed gives other rows.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help=".csv, .parquet or .npz file, or a folder."
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def sample(
    run_folder: Path,
    rows: int,
    generator: str | None,
    where: dict[str, str],
    seed: int | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Make more rows with a generator of a finished RUN.

    RUN is the folder of a run, or the link runs/<name> to the latest.

    \b
    Examples:
      augment sample runs/credit-balance --rows 1000 -o more.parquet
      augment sample runs/credit-balance --rows 500 --generator gan --where defaulted=yes -o yes.csv
    """
    from augment import drawing

    written = drawing.sample(
        run_folder, rows=rows, generator=generator, where=where, seed=seed, out=output, overwrite=overwrite
    )
    click.echo(f"wrote {rows:,} rows to {written}")
