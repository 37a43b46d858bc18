"""`augment cache`."""

from __future__ import annotations

from typing import Any

import click

from augment.cli.group import Family
from augment.cli.options import json_option


@click.group(cls=Family)
def cache() -> None:
    """Show or reduce the store of finished fits.

    The store keeps fitted components and training parts, so that later runs can reuse them. It is the folder set in
    AUGMENT_STORE, or else a folder in the user's cache. Finished runs keep their own copies.

    \b
    Examples:
      augment cache ls
      augment cache prune --older-than 30d
    """


@cache.command()
@json_option
def ls(as_json: bool) -> None:
    """List the entries of the store, largest first.

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
    stored = entries(store)
    output: dict[str, Any] = {"store": str(store.root), "entries": [asdict(entry) for entry in stored]}
    click.echo(json_line(output) if as_json else summaries.cache(stored, store.root))


@cache.command()
@click.option(
    "--older-than", metavar="TIME", help="Remove entries not used for this long, such as 90m, 12h, 30d or 2w."
)
@click.option(
    "--max-size",
    metavar="SIZE",
    help="Remove the least recently used entries until the store is this small, such as 500MB or 5GB.",
)
@click.option("--all", "everything", is_flag=True, help="Remove all entries.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, without removing it.")
@json_option
def prune(older_than: str | None, max_size: str | None, everything: bool, dry_run: bool, as_json: bool) -> None:
    """Remove old entries from the store, or reduce its size.

    Entries that a run is using are kept. A run that needs a removed entry computes it again.

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

    removed, in_use = pruning.prune(
        Store(),
        older_than=None if older_than is None else pruning.parse_duration(older_than),
        max_size=None if max_size is None else pruning.parse_size(max_size),
        everything=everything,
        dry_run=dry_run,
    )
    output = {
        "removed": [asdict(entry) for entry in removed],
        "in_use": [asdict(entry) for entry in in_use],
        "dry_run": dry_run,
    }
    click.echo(json_line(output) if as_json else summaries.pruned(removed, in_use, dry_run))
