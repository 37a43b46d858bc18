"""The same pipeline gives the same bytes: whatever the number of workers, the environment, and what was kept before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from installed import COMPONENTS, SETTINGS
from kinds import KINDS, small, written

from augment.plugin.contracts import Component
from augment.storage.hashes import file_sha256
from augment.toolkit.yaml_text import dump

MAY_DIFFER = {"run.json", "log.txt", "pipeline.yaml"}
COMMAND = "from augment.cli import main; main(prog_name='augment')"
PLAIN = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}

THREADS = {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
HASHES = {"PYTHONHASHSEED": "4321"}
ELSEWHERE = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "tr_TR.UTF-8"}

ENVIRONMENT = {**THREADS, **HASHES, **ELSEWHERE}

# Name to workers, environment, and whether the store is that of the first run. All of the environment changes at once:
# a process of its own for each part would not find more.
ALL = {"two workers": (2, {}, False), "one worker, a warm store": (1, {}, True)}


def class_of(kind: str, generator: str) -> type[Component]:
    """The generator that this name means for that kind of data."""
    named = [cls for cls in COMPONENTS if (cls.kind, cls.name) == ("generator", generator)]
    (found,) = [cls for cls in named if kind in cls.accepts.modalities]
    return found


def pipeline(kind: str, generators: list[type[Component]]) -> dict:
    probe = {"table": {"use": "logistic"}, "image": {"use": "cnn", "with": {"steps": 10}}}.get(kind)
    used = [{"use": one.name, "with": SETTINGS.get(one.__qualname__, {})} for one in generators]
    return {
        "name": kind,
        "seed": 11,
        "generators": [*used, "bootstrap"],
        "filters": [{"use": "not-a-copy", "with": SETTINGS["NotACopy"]}],
        "mix": {"rows": 30},
        "trial": {"probe": probe, "seeds": 1} if probe else False,
        "sinks": ["parquet", *(["csv"] if kind == "table" else []), *(["image-folder"] if kind == "image" else [])],
    }


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: file_sha256(path) for name, path in named.items() if name not in MAY_DIFFER}


def run_in(place: Path, spec: Path, workers: int, environment: dict[str, str], store: Path) -> dict[str, str]:
    """What a process of its own writes, started in a folder of its own."""
    place.mkdir()
    options = ["--workers", str(workers), "--out", str(place / "run"), "-q"]
    command = [sys.executable, "-c", COMMAND, "run", str(spec), *options]
    told = {**os.environ, **PLAIN, **environment, "AUGMENT_STORE": str(store)}
    done = subprocess.run(command, cwd=place, env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return contents(place / "run")


# the first run differs from both others in its environment, and so does what is done in the host and in workers
FULL = [
    pytest.param(kind, generators, (0, ENVIRONMENT, False), ALL, id=kind, marks=pytest.mark.slow)
    for kind, generators in KINDS.items()
]


@pytest.mark.parametrize(("kind", "names", "first", "places"), FULL)
def test_the_same_bytes_everywhere(kind, names, first, places, tmp_path):
    spec = tmp_path / "p.yaml"
    generators = [class_of(kind, name) for name in names]
    strictest = min(generators, key=lambda cls: len(cls.accepts.columns))
    data = written(small(kind, strictest), tmp_path)
    spec.write_text(dump({**pipeline(kind, generators), **data}), encoding="utf-8")
    expected = run_in(tmp_path / "first", spec, *first[:2], tmp_path / "store-first")
    assert {"metrics.json", "report.html", "schema.json", "split.json", "resolved.yaml"} <= set(expected)
    assert {f"models/{name}/losses.csv" for name in names} <= set(expected)
    for number, (name, (workers, environment, is_warm)) in enumerate(places.items()):
        store = tmp_path / ("store-first" if is_warm else f"store-{number}")
        found = run_in(tmp_path / str(number), spec, workers, environment, store)
        assert {file for file in expected.keys() | found.keys() if expected.get(file) != found.get(file)} == set(), name
