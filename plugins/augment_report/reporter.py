"""The `html` reporter."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import Field

from augment import plugin
from augment.plugin import RunView
from augment.toolkit.yaml_text import dump

__all__ = ["Html"]

# what HTML may not hold, or what shows as nothing: a hostile or broken name becomes visible, and the page stays valid
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Html(plugin.Reporter):
    """A report in one self-contained page, `report.html`, without scripts and without external resources.

    It starts with the verdict and its interval. Then come the candidates of a search, row counts, samples or
    distributions beside the real ones, scores, training curves, rejected rows, the results of the privacy attacks,
    notes, and how to reproduce the result.
    """

    name = "html"
    default_for = plugin.Reporter.accepts.modalities
    imports = ("jinja2",)

    class Params(plugin.Params):
        """How much the report shows."""

        num_samples: int = Field(default=8, ge=1, le=40)
        """Number of samples per class and origin."""
        num_columns: int = Field(default=24, ge=1, le=200)
        """Number of columns drawn, those with the largest gaps first. The other columns are listed with their gaps."""

    def write(self, run: RunView, folder: Path) -> list[Path]:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup

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
        }
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
        from augment_report import columns, formatting, passages, samples, sections

        metrics, schema = run.metrics, run.schema
        shown: dict[str, Any] = {
            "run": run,
            "metrics": metrics,
            "verdict": sections.trial(metrics.trial),
            "classes": sections.class_counts(metrics.classes, schema.classes),
            "generators": sections.generators(metrics.generators),
            "search": sections.search(metrics.search),
            "privacy": sections.privacy(metrics.scores),
            "scores": sections.scores(metrics.scores),
            "losses": sections.losses(run.losses()),
            "filters": sections.rejected(metrics.filters),
            "rejects": {
                name: samples.show_rejects(rows.take(slice(20)), run.train, schema, formatting.clip(name))
                for name, rows in run.rejects().items()
                if len(rows)
            },
            "yaml": dump(run.pipeline),
            "grid": None,
            "neighbours": None,
            "passages": None,
            "examples": None,
            "columns": [],
            "num_drawn": self.params.num_columns,
            "num_shown": len(run.synthetic),
        }
        if len(run.synthetic):
            parts = (run.synthetic, run.synthetic_origin, schema)
            shown["grid"] = samples.sample_grid(run.train, *parts, self.params.num_samples)
            shown["neighbours"] = samples.nearest(run.train, run.test, *parts)
            shown["passages"] = passages.shared_passages(run.train, run.test, *parts)
            shown["columns"] = columns.compare_columns(run.train, run.synthetic, schema)
            if shown["grid"] is None:
                shown["examples"] = samples.example_rows(run.train, *parts, min(self.params.num_samples, 5))
        return shown
