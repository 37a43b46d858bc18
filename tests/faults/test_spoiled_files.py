"""Files of the store and of a run's models that were damaged or replaced: noticed, named, and never run."""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from payloads import PAYLOADS

import augment
from augment.errors import AugmentError, DataError, DiskError
from augment.runner.run import run
from augment.storage.hashes import file_sha256
from augment.storage.store import MANIFEST
from augment_arrays.npz_source import NpzSource
from augment_images.source import ImageFolderSource
from augment_tables.csv_source import CsvSource
from augment_tables.json_lines import JsonLinesSource
from augment_tables.parquet_source import ParquetSource

pytestmark = pytest.mark.usefixtures("fakes")
GENERATORS = ["smote", "fake-move"]
WITH_STATES = {"generators": GENERATORS, "filters": ["not-a-copy"], "transforms": ["impute"], "trial": False}
MAY_DIFFER = ("run.json", "log.txt", "pipeline.yaml")


def flip(path: Path, seed: int) -> None:
    content = bytearray(path.read_bytes())
    place = int(np.random.default_rng(seed).integers(8 * len(content)))
    content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)


def cut(path: Path, seed: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(np.random.default_rng(seed).integers(len(content)))])


def empty(path: Path, seed: int) -> None:
    path.write_bytes(b"")


HARMS = [flip, cut, empty]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def contents(folder: Path) -> dict[str, str]:
    kept = (path for path in files(folder) if path.name not in MAY_DIFFER)
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in kept}


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))])
def test_any_damage_in_the_store_is_noticed_named_and_made_good(part, spec, store, tmp_path):
    path = spec(**WITH_STATES)
    whole = contents(run(path, workers=0, out=tmp_path / "first").folder)
    stored = [file.relative_to(store) for file in files(store / "objects")]
    assert len(stored) > 12
    for seed, name in enumerate(stored[part::4]):
        HARMS[seed % len(HARMS)](store / name, seed)
        said = []
        again = run(path, workers=0, out=tmp_path / str(seed), events=said.append)
        notes = [event["message"] for event in said if "message" in event]
        assert any(name.parts[1] in note and "damaged" in note and "made again" in note for note in notes), name
        assert contents(again.folder) == whole
        assert files(store / "objects") == [store / name for name in stored]
        shutil.rmtree(again.folder)


def test_any_damage_in_a_model_folder_is_noticed_named_and_refused(spec, tmp_path):
    done = run(spec(**WITH_STATES), workers=0)
    models = files(done.folder / "models")
    assert len(models) > 6
    for seed, path in enumerate(models):
        generator = path.relative_to(done.folder / "models").parts[0]
        kept = path.read_bytes()
        for harm in HARMS:
            harm(path, seed)
            with pytest.raises(DiskError, match=path.name):
                augment.load(done.folder).model(generator)
            path.write_bytes(kept)
        HARMS[seed % len(HARMS)](path, seed)
        with pytest.raises(DiskError, match=path.name):
            augment.sample(done.folder, rows=3, out=tmp_path / "more.csv", generator=generator, workers=0)
        path.unlink()
        with pytest.raises(DiskError, match="missing"):
            augment.load(done.folder).model(generator)
        path.write_bytes(kept)
    assert not (tmp_path / "more.csv").exists()
    augment.sample(done.folder, rows=3, out=tmp_path / "more.csv", generator="smote", workers=0)


def sign_again(folder: Path) -> None:
    """What somebody would do who means harm: the hashes are those of the new files."""
    hashes = {path.relative_to(folder).as_posix(): file_sha256(path) for path in files(folder) if path.name != MANIFEST}
    (folder / MANIFEST).write_text(json.dumps(hashes))


@pytest.mark.parametrize(
    ("payload", "part"),
    [("npz", None), *(pytest.param(name, number % 2, marks=pytest.mark.slow) for number, name in enumerate(PAYLOADS))],
)
def test_a_payload_in_the_store_is_never_run_even_with_its_hash_in_the_manifest(payload, part, spec, store, tmp_path):
    # every second file by turns, or one of each kind
    path, canary = spec(**WITH_STATES), tmp_path / "canary"
    run(path, workers=0, out=tmp_path / "first")
    blob = PAYLOADS[payload](canary)
    stored = [file.relative_to(store) for file in files(store / "objects") if file.name != MANIFEST]
    assert {".arrow", ".csv", ".json", ".safetensors"} <= {name.suffix for name in stored}
    for name in {name.suffix: name for name in stored}.values() if part is None else stored[part::2]:
        (store / name).write_bytes(blob)
        sign_again(store.joinpath(*name.parts[:2]))
        with contextlib.suppress(AugmentError):  # a state is noticed in the middle of a run
            run(path, workers=0, out=tmp_path / "again")
        shutil.rmtree(tmp_path / "again", ignore_errors=True)
        assert not canary.exists(), name
        run(path, workers=0, out=tmp_path / "again")
        shutil.rmtree(tmp_path / "again")


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("source", [CsvSource, JsonLinesSource, ParquetSource, NpzSource])
def test_a_payload_given_as_data_is_refused_and_never_run(payload, source, tmp_path):
    from augment.plugin.context import Context

    (tmp_path / "data").write_bytes(PAYLOADS[payload](tmp_path / "canary"))
    with pytest.raises(DataError):
        source(source.Params(path=tmp_path / "data")).read(Context(0, tmp_path))
    (tmp_path / "images" / "a").mkdir(parents=True)
    shutil.copy(tmp_path / "data", tmp_path / "images" / "a" / "1.png")
    with pytest.raises(DataError):
        ImageFolderSource(ImageFolderSource.Params(path=tmp_path / "images")).read(Context(0, tmp_path))
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("payload", ["pickle", "joblib"])
def test_the_payloads_do_run_where_they_are_unpickled(payload, tmp_path):
    pickle.loads(PAYLOADS[payload](tmp_path / "canary"))
    assert (tmp_path / "canary").exists()
