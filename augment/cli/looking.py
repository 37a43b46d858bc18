"""What there is: `runs`, `cache`, `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from augment.cli.group import Command, Family

MARKS = (("good", "ok", "green"), ("note", "note", "yellow"), ("bad", "BAD", "red"))
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@JSON
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER and below, the latest first.

    Finished ones with their verdict, the score of real rows alone and with synthetic ones, and how many rows of each;
    and those that are under way or were left by a killed process: the same `augment run` goes on with them.

    \b
    Examples:
      augment runs
      augment runs ~/experiments --json
    """
    from augment import console, summaries
    from augment.runs import find

    found = find(folder)
    click.echo(console.json_line([run.to_json() for run in found]) if as_json else summaries.runs(found, folder))


@click.group(cls=Family)
def cache() -> None:
    """Look into the store of finished fits, and make room.

    The store keeps fitted components and training parts, so that runs need not make them again. It is the folder that
    AUGMENT_STORE names, else the user's cache folder. Finished runs hold copies of their own.

    \b
    Examples:
      augment cache ls
      augment cache prune --older-than 30d
    """


@cache.command()
@JSON
def ls(as_json: bool) -> None:
    """List what the store holds, the largest first.

    \b
    Examples:
      augment cache ls
      augment cache ls --json
    """
    from dataclasses import asdict

    from augment import console, summaries
    from augment.cache import entries
    from augment.store import Store

    store = Store()
    found = entries(store)
    told: dict[str, Any] = {"store": str(store.root), "entries": [asdict(entry) for entry in found]}
    click.echo(console.json_line(told) if as_json else summaries.cache(found, store.root))


@cache.command()
@click.option("--older-than", metavar="TIME", help="What was not used for so long: 90m, 12h, 30d, 2w.")
@click.option("--max-size", metavar="SIZE", help="What was not used for longest, until so much is left: 500MB, 5GB.")
@click.option("--all", "everything", is_flag=True, help="Everything.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@JSON
def prune(older_than: str | None, max_size: str | None, everything: bool, dry_run: bool, as_json: bool) -> None:
    """Remove from the store what is old, or too much.

    What a run uses at this moment stays. What is gone is made again when a run needs it.

    \b
    Examples:
      augment cache prune --older-than 30d
      augment cache prune --max-size 5GB --dry-run
      augment cache prune --all
    """
    from dataclasses import asdict

    from augment import cache as keeping
    from augment import console, summaries
    from augment.store import Store

    removed, kept = keeping.prune(
        Store(),
        older_than=None if older_than is None else keeping.parse_duration(older_than),
        max_size=None if max_size is None else keeping.parse_size(max_size),
        everything=everything,
        dry_run=dry_run,
    )
    told = {
        "removed": [asdict(entry) for entry in removed],
        "in_use": [asdict(entry) for entry in kept],
        "dry_run": dry_run,
    }
    click.echo(console.json_line(told) if as_json else summaries.pruned(removed, kept, dry_run))


@click.command(cls=Command)
@JSON
def doctor(as_json: bool) -> None:
    """Look at this machine, and say what is wrong and what to do.

    Versions, devices, a worker process, plugins, places to write, room on the disk, extras. Exit code 1 if something
    will fail.

    \b
    Examples:
      augment doctor
      augment doctor --json
    """
    from dataclasses import asdict

    from augment import console
    from augment import doctor as looking
    from augment.errors import AugmentError

    marks = {
        "good": click.style("ok  ", fg="green"),
        "note": click.style("note", fg="yellow"),
        "bad": click.style("BAD ", fg="red"),
    }
    bad = 0
    all_found = []
    for finding in looking.examine():
        bad += finding.state == "bad"
        all_found.append(asdict(finding))
        if not as_json:
            click.echo(f"{marks[finding.state]}  {finding.what}: {console.printable(finding.told)}")
            if finding.advice:
                click.echo(f"      -> {finding.advice}")
    if as_json:
        click.echo(console.json_line({"healthy": not bad, "findings": all_found}))
    if bad:
        raise AugmentError(f"{bad} thing{'s' * (bad != 1)} to mend")
