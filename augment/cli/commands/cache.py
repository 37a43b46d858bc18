"""`augment cache`."""

from __future__ import annotations

from typing import Any

import click

from augment.cli.group import Family

JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")


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

    from augment.cli import summaries
    from augment.storage.prune import entries
    from augment.storage.store import Store
    from augment.text import json_line

    store = Store()
    found = entries(store)
    told: dict[str, Any] = {"store": str(store.root), "entries": [asdict(entry) for entry in found]}
    click.echo(json_line(told) if as_json else summaries.cache(found, store.root))


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

    from augment.cli import summaries
    from augment.storage import prune as pruning
    from augment.storage.store import Store
    from augment.text import json_line

    removed, kept = pruning.prune(
        Store(),
        older_than=None if older_than is None else pruning.parse_duration(older_than),
        max_size=None if max_size is None else pruning.parse_size(max_size),
        everything=everything,
        dry_run=dry_run,
    )
    told = {
        "removed": [asdict(entry) for entry in removed],
        "in_use": [asdict(entry) for entry in kept],
        "dry_run": dry_run,
    }
    click.echo(json_line(told) if as_json else summaries.pruned(removed, kept, dry_run))
