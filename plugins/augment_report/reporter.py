"""The `html` reporter."""

from __future__ import annotations

import functools
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from augment import plugin
from augment.plugin import RunView
from augment.toolkit.yaml_text import dump

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Html"]

MAX_REJECTS = 8  # filters whose rejected rows are shown
MAX_NOTES = 5  # shown at once; the others are folded
MAX_YAML = 200_000  # characters
# what HTML may not hold, or what shows as nothing: a hostile or broken name becomes visible, and the page stays valid
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@functools.cache
def _environment() -> Environment:
    """Jinja with the page's filters. It keeps the compiled template, which takes longer to compile than to fill."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from augment_report import formatting

    environment = Environment(
        loader=PackageLoader("augment_report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clip": formatting.clip,
        "count": formatting.count,
        "listing": formatting.listing,
        "percent": formatting.percent,
        "plural": formatting.plural,
        "slug": formatting.slug,
    }
    return environment


class Html(plugin.Reporter):
    """A report in one self-contained page, `report.html`, without scripts and without external resources.

    It starts with the verdict, what to do about it, and what was compared with what. Then come the results of each
    class, samples beside real rows, privacy and notes. The rest is folded: candidates of a search, row counts, columns,
    their statistics and associations, scores, training curves, rejected rows, how to reproduce the result, and the
    words on the page. The page stays below 20 MB, whatever the data.
    """

    name = "html"
    default_for = plugin.Reporter.accepts.modalities
    files = ("report.html",)
    imports = ("jinja2",)

    class Params(plugin.Params):
        """How much the report shows."""

        num_samples: int = Field(default=8, ge=1, le=40)
        """Number of samples per class and origin."""
        num_columns: int = Field(default=24, ge=1, le=200)
        """Number of columns drawn, those with the largest gaps first. The other columns are listed with their gaps."""

    def write(self, run: RunView, folder: Path) -> list[Path]:
        from markupsafe import Markup

        environment = _environment()
        assert environment.loader is not None
        style = environment.loader.get_source(environment, "report.css")[0].replace("\r\n", "\n")
        digest = b64encode(sha256(style.encode()).digest()).decode()
        page = environment.get_template("report.html.j2").render(
            style=Markup(style), style_hash=digest, **self._sections(run)
        )
        path = folder / "report.html"
        path.write_bytes(UNPRINTABLE.sub("\ufffd", page).encode())
        return [path]

    def _sections(self, run: RunView) -> dict[str, Any]:
        from augment_report import (
            by_class,
            columns,
            formatting,
            passages,
            samples,
            sections,
            statistics,
            terms,
            verdict_section,
        )

        metrics, schema = run.metrics, run.schema
        parts = {"real": run.train, "synthetic": run.synthetic}  # single values of the hold-out stay out of the page
        shown: dict[str, Any] = {
            "run": run,
            "metrics": metrics,
            "terms": terms.TERMS,
            "verdict": verdict_section.trial(metrics.trial),
            "by_class": by_class.by_class(metrics.trial),
            "classes": sections.class_counts(metrics.classes, schema.classes),
            "generators": sections.generators(metrics.generators),
            "search": sections.search(metrics.search),
            "settings": {name: sections.search(one) for name, one in metrics.settings.items() if one.candidates},
            "privacy": sections.privacy(metrics.scores),
            "scores": sections.scores(metrics.scores),
            "losses": sections.losses(run.losses()),
            "filters": sections.rejected(metrics.filters),
            "rejects": {
                name: samples.show_rejects(rows.take(slice(20)), run.train, schema, formatting.clip(name))
                for name, rows in list(run.rejects().items())[:MAX_REJECTS]
                if len(rows)
            },
            "notes": formatting.split_rest(metrics.notes, MAX_NOTES),
            "yaml": formatting.clip(dump(run.pipeline), MAX_YAML),
            "grid": None,
            "neighbours": None,
            "passages": None,
            "examples": None,
            "columns": [],
            "statistics": statistics.column_statistics(parts, schema),
            "associations": None,
            "num_drawn": self.params.num_columns,
            "num_shown": len(run.synthetic),
        }
        if len(run.synthetic):
            made = (run.synthetic, run.synthetic_origin, schema)
            shown["grid"] = samples.sample_grid(run.train, *made, self.params.num_samples)
            shown["neighbours"] = samples.nearest(run.train, run.test, *made)
            shown["passages"] = passages.shared_passages(run.train, run.test, *made)
            shown["columns"] = columns.compare_columns(run.train, run.synthetic, schema)
            shown["associations"] = statistics.associations(run.train, run.synthetic, schema)
            if shown["grid"] is None:
                shown["examples"] = samples.example_rows(run.train, *made, min(self.params.num_samples, 4))
        return shown
