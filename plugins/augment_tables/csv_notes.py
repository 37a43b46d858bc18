"""Notes on columns of a CSV file that may be something else than they were read as."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from augment.data import Dataset, SchemaDeclaration
from augment.toolkit.yaml_text import dump_flow
from augment_tables.csv_dates import PERIOD, dates_left_as_words
from augment_tables.csv_units import is_of_labels, unit_of, units_of
from augment_tables.reading import KEPT_AS_TEXT

__all__ = ["note_dates", "note_several_units", "note_unit_of_target"]

log = logging.getLogger("augment")


def note_dates(data: Dataset, files: str, date_format: str | None, declared: SchemaDeclaration) -> None:
    """Note columns of dates, and of weeks, quarters and halves of a year, that are kept as words.

    Args:
        data: what was read.
        files: what messages call the files.
        date_format: the setting of this name.
        declared: the pipeline's `schema:` section; what it declares as words needs no note.
    """
    said = {name for name, column in declared.columns.items() if column.type in KEPT_AS_TEXT}
    for name, (cell, formats) in dates_left_as_words(data).items():
        if name in said:
            continue
        if len(formats) == 1 and date_format is not None:
            log.warning(
                '%s: column %r holds dates in another format, such as %r; say `%s: {date_format: "%s"}` under '
                "schema.columns",
                *(files, name, cell, name, formats[0]),
            )
        elif len(formats) > 1:
            log.warning(
                "%s: the dates in column %r, such as %r, may have the day or the month first, and are labels until "
                '`%s: {date_format: "%s"}` or `"%s"` under schema.columns says which',
                *(files, name, cell, name, *formats[:2]),
            )
        elif not formats:
            log.warning(
                "%s: column %r looks like dates or times, such as %r, and no known format fits all of them; it is read "
                "as words: write them alike, a zone as in 2024-12-31T23:59:00+02:00",
                *(files, name, cell),
            )
    for name, column in data.schema.columns.items():
        if name in said or column.type not in ("category", "text", "id"):
            continue
        cells = data.frame[name].dropna().astype("str").str.strip()
        if len(cells) and re.fullmatch(PERIOD, cells.iloc[0]) and cells.str.fullmatch(PERIOD).all():
            log.warning(
                "%s: column %r holds weeks, quarters or halves of a year, such as %r, and is read as words without an "
                "order; to learn from their order, write the day that each begins on, as in 2024-01-29",
                *(files, name, cells.iloc[0]),
            )


def note_several_units(data: Dataset, files: str, decimal: str, thousands: str, declared: SchemaDeclaration) -> None:
    """Note columns of numbers that stay words since they have several units; few labels, such as doses, need none."""
    for name, column in data.schema.columns.items():
        said = declared.columns.get(name)
        if (
            column.type not in ("category", "text", "id")
            or (said and said.type in KEPT_AS_TEXT)
            or is_of_labels(data, name)
        ):
            continue
        units = sorted(units_of(data.frame[name], decimal, thousands))
        if len(units) > 1:
            log.warning(
                "%s: column %r is read as words, since its numbers have several units, %s; convert them to one, and "
                "name it under `units`",
                *(files, name, " and ".join(repr(unit) if unit else "none" for unit in units)),
            )


def note_unit_of_target(data: Dataset, units: Mapping[str, str], decimal: str, thousands: str) -> None:
    """Note what became of the unit of the target, which is a number with `units`, else one of classes."""
    target = data.schema.target
    if target is not None and target in units:
        log.warning(
            "target %r is a number, and written rows have it without its unit %r; to predict its words as classes, "
            "take it out of `units`",
            *(target, units[target]),
        )
    elif target is not None and data.schema.columns[target].type == "category":
        unit = unit_of(data.frame[target], decimal, thousands)
        if unit is not None:
            log.warning(
                "target %r holds numbers with the unit %r, and its words are the classes; to predict the numbers, "
                "say `units: {%s: %s}` in the source",
                *(target, unit, dump_flow(target), dump_flow(unit)),
            )
