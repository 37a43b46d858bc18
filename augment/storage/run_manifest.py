"""What `run.json` holds: how a run was made, and a hash of every file.

`docs/reference/run-files.md` is generated from it. The file differs between equal runs, since it
holds times.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from augment.plan.new_ids import NewIds

__all__ = ["BELOW_MINIMUM", "RunManifest", "SourceRecord", "StageRecord", "WrittenData", "WrittenPart"]

WrittenPart = Literal["train", "test", "synthetic"]
Status = Literal["done", "below the required minimum"]
BELOW_MINIMUM: Status = "below the required minimum"


def _inside(path: str) -> str:
    parts = PurePath(path)
    if parts.is_absolute() or parts.drive or ".." in parts.parts:
        raise ValueError(f"expected a path inside the run's folder, got {path!r}")
    return path


Inside = Annotated[str, AfterValidator(_inside)]  # a run's folder may have been sent by anybody


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class SourceRecord(_Part):
    """What was read."""

    fingerprint: str
    """SHA-256 of the rows."""
    rows: int
    """Rows read."""
    without_target: int
    """Rows left out because they have no target, by `split.missing_target: drop`."""


class WrittenData(_Part):
    """The files of the written dataset."""

    origin_column: str
    """The column that says where each row came from."""
    written: dict[WrittenPart, dict[str, Inside]]
    """Of each part, sink to the file that it wrote, relative to the run's folder. The part `synthetic` has the rows of
    sinks with `rows: synthetic`."""
    settings: dict[WrittenPart, dict[str, dict[str, Any]]] = {}
    """Of each part, sink to its settings, which the source of its name needs to read the file."""
    new_ids: dict[str, NewIds] = {}
    """Of each id column, the ids that no row has, for `augment sample`."""


class StageRecord(_Part):
    """One stage of the run."""

    stage: str
    """What was done."""
    id: str
    """The id of the component that did it."""
    seconds: float
    """Wall-clock time."""
    rows: int
    """Rows read, made or written, where the stage counts any."""
    from_store: bool
    """Whether the result was in the store already."""
    resumed: bool = False
    """Whether a fit went on from the checkpoint of an earlier run that was stopped."""


class RunManifest(_Part):
    """How the run was made. It is written last, so a folder with this file is a finished run."""

    status: Status
    """`done`; or `below the required minimum` where the trial did not reach `trial.min`."""
    exit_code: int
    """The exit code of `augment run`."""
    reports: list[Inside]
    """The files that reporters wrote, relative to the run's folder."""
    seconds: float
    """Wall-clock time of the run."""
    versions: dict[str, str]
    """Version of augment, and of each library that results may depend on."""
    code: dict[str, str] = {}
    """SHA-256 of the code that the key depends on: `augment`, which runs the pipeline, and by its name each component
    with what it uses. It changes with the installed code, also where the version does not."""
    platform: str
    """The kind of machine that floating-point results are tied to, such as `Linux-x86_64`."""
    device: str
    """The device that was used."""
    threads: int
    """Threads of each task."""
    seed: int
    """The seed of the run."""
    reproducible: bool
    """False where a time limit ended the search for the mix."""
    plugins: dict[str, str]
    """Name of each component to the distribution that offers it."""
    source: SourceRecord
    """What was read."""
    test_source: SourceRecord | None = None
    """What was read as the hold-out, if it has a source of its own."""
    train: Annotated[str, Field(pattern=r"^[a-z]+-[0-9a-f]+$")]
    """Content key of the training part."""
    data: WrittenData
    """The files of the written dataset."""
    stages: list[StageRecord]
    """The stages, in the order in which they ended."""
    name: str
    """The name of the pipeline."""
    key: str
    """The content key of the run."""
    files: dict[Inside, str] = {}
    """SHA-256 of every other file but `private.json`."""
