"""The sink `arff`: series and their labels in Weka's format.

Shapes: T steps, F channels.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from augment import plugin
from augment.data import Dataset, Schema
from augment.errors import DataError
from augment.plugin import Accepts, Sink
from augment_series.text_sinks import only_series, rows_of, words_of

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+")


class ArffSink(Sink):
    """Writes `train.arff` and `test.arff`: a line a series, its steps the attributes, and the target the last one.

    Series of several channels are one relational attribute, as in the UEA archive. `?` is a missing value, and fills
    series that are shorter than others. The files hold the series and the target alone, and not which rows are
    synthetic.

    Format: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable
    """

    name = "arff"
    accepts = Accepts(modalities=frozenset({"series"}))
    endings = (".arff",)
    holds_origin = False

    class Params(plugin.SinkParams):
        """What the header says."""

        relation: str = Field("series", min_length=1)
        """The name of the data."""
        series: str = Field("series", min_length=1)
        """The name of the relational attribute, for series of several channels."""
        step: str = Field("att{step}", pattern=r"^[^{}]*\{step\}[^{}]*$")
        """The names of the attributes of steps."""
        first_step: int = 1
        """The number of the first step."""
        labels: tuple[str, ...] = ()
        """The first labels of the target, in order; others that occur stand behind them."""

    def write(self, name: str, batches: Iterable[Dataset], schema: Schema, folder: Path) -> list[Path]:
        """Write `<name>.arff`.

        Raises:
            DataError: there are other arrays, a series has no steps, or a name or label has a quote.
        """
        array = schema.arrays[only_series(schema, self.name)]
        num_steps, num_channels = array.shape
        path = folder / f"{name}.arff"
        met: dict[str | None, None] = dict.fromkeys((*self.params.labels, *schema.classes))
        with tempfile.TemporaryFile("w+", dir=folder, encoding="utf-8", newline="\n") as body:
            for batch in batches:
                for series, label in rows_of(batch, self.name, forbidden="'\n"):
                    met[label] = None
                    padding = ["?"] * (num_steps - len(series))
                    channels = [",".join(words_of(series[:, place], "?") + padding) for place in range(num_channels)]
                    cells = channels if num_channels == 1 else ["'" + r"\n".join(channels) + "'"]
                    target = [] if schema.target is None else ["?" if label is None else _word(label)]
                    body.write(",".join([*cells, *target]) + "\n")
            steps = [self.params.step.format(step=self.params.first_step + number) for number in range(num_steps)]
            lines = [f"@attribute {_word(step)} numeric" for step in steps]
            if num_channels > 1:
                relation = _word(self.params.series)
                lines = [f"@attribute {relation} relational", *(f"  {line}" for line in lines), f"@end {relation}"]
            if schema.target is not None:
                labels = ",".join(_word(label) for label in met if label is not None)
                kind = "numeric" if schema.task == "number" else f"{{{labels}}}"
                lines.append(f"@attribute {_word(schema.target)} {kind}")
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.write("\n".join([f"@relation {_word(self.params.relation)}", *lines, "@data", ""]))
                body.seek(0)
                shutil.copyfileobj(body, file)
        return [path]


def _word(text: str) -> str:
    if text and set(text) <= PLAIN:
        return text
    if "'" in text or "\n" in text or not text:
        raise DataError(f"sink arff: the name or label {text!r} is empty, or has a quote or a line end; use series-csv")
    return f"'{text}'"
