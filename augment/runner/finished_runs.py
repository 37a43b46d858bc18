"""Recognition of a finished run by the times of its files: running the same pipeline again reads no data.

Where times say nothing, the data is read, and `augment.storage.publish_run` decides by the run's key.
"""

from __future__ import annotations

from pathlib import Path

from augment.plugin.catalog import Catalog
from augment.plugin.contracts import Source
from augment.runner.session import Session
from augment.spec.load import Resolved
from augment.spec.stages import paths_in
from augment.storage.hashes import content_key, library_versions, platform_class, source_hash
from augment.storage.publish_run import Place
from augment.storage.run_folder import Run
from augment.storage.stamps import stamp as stamp_files

__all__ = ["recognise", "stamp"]


def stamp(session: Session, resolved: Resolved, num_kept: int) -> str | None:
    """What a run of this pipeline depends on, data by the times of its files: equal stamps mean equal runs.

    The data's schema is not known yet, so any installed component may have a part in the run: the code of all counts.

    Args:
        session: the run's.
        resolved: the pipeline.
        num_kept: how many files of data in memory the run's folder holds copies of.

    Returns:
        A digest in hexadecimal. None where the files may have changed unseen; then the data is read.
    """
    candidates = [candidate for stage in resolved.stages for candidate in stage.candidates]
    if not all(one.cls.reads_only_paths for one in candidates if issubclass(one.cls, Source)):
        return None
    files = stamp_files(path for one in candidates for path in paths_in(one.all_params))
    if files is None:
        return None
    content = {
        "settings": resolved.pipeline.model_dump(mode="json", by_alias=True),
        "files": files,
        "code": _code(session.catalog),
        "libraries": library_versions(),
        "platform": platform_class(),
        "device": session.device,
        "kept": num_kept,
    }
    return content_key(content)


def recognise(session: Session, resolved: Resolved, stamp: str | None, out: Path | None, overwrite: bool) -> Run | None:
    """The finished run of this pipeline at its place, if its stamp is known to the store.

    Raises:
        SpecError: another run stands at that place, and overwriting was not asked for.
    """
    inputs = [path for stage in resolved.stages for one in stage.candidates for path in paths_in(one.all_params)]
    for key in sorted(session.store.run_keys(stamp)) if stamp else ():
        finished = Place(resolved.base, resolved.pipeline.name, key, out, overwrite, inputs).finished()
        if finished is not None:
            return finished
    return None


def _code(catalog: Catalog) -> list[list[str]]:
    """Every installed plugin with the hash of its code, and the hash of the host's."""
    plugins = [[offer.name, str(offer), source_hash(offer.module.partition(":")[0])] for offer in catalog.offers]
    return [*plugins, ["host", source_hash("augment.runner.run")]]
