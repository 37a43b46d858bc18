"""`augment init`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from augment.cli.group import Command
from augment.cli.options import DataFiles


@click.command(cls=Command)
@click.argument("data", type=DataFiles, nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="SPEC", help="File to write.")
@click.option("--target", help="The column that a model should predict.  [default: inferred from names and values]")
@click.option("--text", metavar="COLUMN", help="The column of texts that the data is about, in a table.")
@click.option("--group", help="A column such as a customer or a patient: rows with one value stay in one part.")
@click.option("--time", help="A column to sort by: the last rows are the hold-out.")
@click.option("--table", help="The table of a database.  [default: the only one]")
@click.option("--interactive", is_flag=True, help="Ask for each guess, in a terminal.")
def init(
    data: tuple[Path | str, ...],
    output: Path | None,
    target: str | None,
    text: str | None,
    group: str | None,
    time: str | None,
    table: str | None,
    interactive: bool,
) -> None:
    """Inspect DATA and write a commented pipeline for it.

    DATA is a table (.csv, .tsv, .parquet, .jsonl, .json, .feather, .xlsx), a database (.sqlite, .duckdb, or an address
    such as postgresql://user@host/name, without a password), series (.csv, .ts, .arff),
    histories, arrays (.npz), or a folder with one folder of images or texts for each class. In a folder with train.csv
    and test.csv, or train/ and test/, the test part is the hold-out. Files can be compressed (.gz, .bz2, .xz, .zst).
    Several files of the same columns are read as one table. The pipeline can be run as it is. It is written to the
    current folder and named after the data. No file is overwritten.

    \b
    Examples:
      augment init customers.csv
      augment init customers.csv --target churned -o churn.yaml
      augment init visits.csv --target outcome --group patient
      augment init reviews.csv --text comment --target stars
      augment init customers.csv --interactive
      augment init photos/
      augment init sales-2023.csv.gz sales-2024.csv.gz
      augment init "parts/*.csv"
      augment init postgresql://analyst@db.example.org/shop --table customers
    """
    import shlex

    from augment.cli import questions
    from augment.onboarding import write_pipeline
    from augment.text import table as as_table

    files = [each for each in data if isinstance(each, Path)]
    if len(files) < len(data) and len(data) > 1:
        raise click.UsageError("name one database, and nothing beside it")
    given = {"table": table} if table else {}
    split_by = {key: column for key, column in (("group", group), ("time", time)) if column is not None}

    def tell(guesses: Sequence[tuple[str, str]]) -> None:
        click.echo("\n".join(as_table(guesses)) + "\n")

    if interactive and not questions.can_ask():
        raise click.UsageError(
            "--interactive asks in a terminal, and this is none; name what it would ask for with --target, --text, "
            "--group and --time, or correct the file"
        )
    ask = questions.ask if interactive else None
    named = data[0] if len(data) == 1 else files
    written = write_pipeline.write(named, output, target, given, split_by, tell, text, ask)
    name = shlex.quote(str(written))
    click.echo(f"wrote {written}: correct there what is wrong")
    click.echo(f"next: augment check {name}, which shows the plan; then augment run {name}")
