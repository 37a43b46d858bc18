from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from augment.errors import DataError, DiskError
from augment.storage.store import MANIFEST, Store, default_root


@pytest.fixture
def notes():
    return []


@pytest.fixture
def store(tmp_path, notes):
    return Store(tmp_path / "store", notes.append)


def put(store: Store, key: str = "key", text: str = "first") -> Path:
    with store.making(key, "something") as work:
        built = work / "built"
        (built / "deep").mkdir(parents=True)
        (built / "a.txt").write_text(text)
        (built / "deep" / "b.bin").write_bytes(bytes(range(256)))
        return store.publish(key, built)


# what is kept


def test_what_is_published_is_found(store, notes):
    assert store.get("key") is None
    place = put(store)
    assert store.get("key") == place
    assert (place / "a.txt").read_text() == "first"
    assert notes == []


def test_nothing_is_left_of_the_work(store):
    put(store)
    assert list((store.root / "work").iterdir()) == []


def test_the_manifest_names_every_file(store):
    manifest = json.loads((put(store) / MANIFEST).read_text())
    assert sorted(manifest) == ["a.txt", "deep/b.bin"]


def test_what_is_being_made_is_not_found(store):
    with store.making("key", "something") as work:
        (work / "built").mkdir()
        (work / "built" / "a.txt").write_text("half")
        assert store.get("key") is None


def test_what_a_failed_attempt_left_is_there_for_the_next(store):
    with pytest.raises(RuntimeError), store.making("key", "something") as work:
        (work / "checkpoint").write_text("step 7")
        raise RuntimeError
    with store.making("key", "something") as work:
        assert (work / "checkpoint").read_text() == "step 7"


def test_holding_a_key_without_making_anything_leaves_no_folder(store):
    with store.making("key", "something"):
        pass
    assert list((store.root / "work").iterdir()) == []


def test_what_a_kill_left_after_publishing_is_cleared_away(store):
    with store.making("key", "something") as work:
        (work / "checkpoint").write_text("step 7")
        (work / "built").mkdir()
        store.publish("key", work / "built")
        assert (work / "checkpoint").exists()
    assert list((store.root / "work").iterdir()) == []


def test_a_key_that_is_taken_is_not_published_over(store):
    place = put(store)
    with pytest.raises(DiskError, match="publishing a result failed"):
        put(store, text="second")
    assert (place / "a.txt").read_text() == "first"


# damage


def flip_a_bit(folder: Path) -> None:
    path = folder / "deep" / "b.bin"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def cut_short(folder: Path) -> None:
    path = folder / "deep" / "b.bin"
    path.write_bytes(path.read_bytes()[:-1])


def write_manifest(text: str):
    return lambda folder: (folder / MANIFEST).write_text(text)


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (flip_a_bit, "deep/b.bin is not what was written"),
        (cut_short, "deep/b.bin is not what was written"),
        (lambda folder: (folder / "a.txt").unlink(), "a.txt"),
        (lambda folder: (folder / "more.txt").write_text("?"), "more.txt"),
        (lambda folder: (folder / MANIFEST).unlink(), MANIFEST),
        (write_manifest("{"), "Expecting"),
        (write_manifest("null"), "NoneType"),
        (write_manifest('["a.txt", "deep/b.bin"]'), "items"),
    ],
    ids=["bit", "cut", "missing", "unknown", "no-manifest", "broken-manifest", "null-manifest", "list-manifest"],
)
def test_damage_is_noticed_named_and_removed_so_that_it_is_made_again(store, notes, harm, named):
    place = put(store)
    harm(place)
    assert store.get("key") is None
    (note,) = notes
    assert str(place) in note
    assert named in note
    assert note.endswith("will be made again")
    assert not place.exists()
    assert store.get(put(store).name) == place
    assert len(notes) == 1


@pytest.mark.parametrize("error", [ValueError("rows\n  Field required"), DataError("rows"), OSError(5, "rows")])
def test_what_has_good_hashes_and_cannot_be_loaded_is_made_again(store, notes, error):
    def load(folder):
        raise error

    place = put(store)
    assert store.get("key", load) is None
    (note,) = notes
    assert "is damaged (its content cannot be loaded: " in note
    assert "rows" in note
    assert "\n" not in note
    assert not place.exists()
    assert store.get("key", lambda folder: (folder / "a.txt").read_text()) is None
    assert store.get(put(store).name, lambda folder: (folder / "a.txt").read_text()) == place


def test_other_entries_survive_a_damaged_one(store):
    flip_a_bit(put(store))
    other = put(store, "other")
    assert store.get("key") is None
    assert store.get("other") == other


# locks between processes


HOLD = """
import sys
from pathlib import Path
from augment.storage.store import Store
store = Store(Path(sys.argv[1]))
with store.scratch() as scratch, store.making("key", "something") as work:
    (work / "began").write_text("by the other process")
    print(scratch, flush=True)
    sys.stdin.readline()
    (work / "ended").write_text("by the other process")
"""


@pytest.fixture
def holder(store):
    """Another process that holds the key until it is told a line."""
    command = [sys.executable, "-c", HOLD, str(store.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.scratch = process.stdout.readline().strip()
    yield process
    process.kill()
    process.communicate()


def test_a_key_that_another_process_holds_is_waited_for_after_saying_so(store, notes, holder):
    store.waiting = lambda message: (notes.append(message), holder.stdin.write("go on\n"), holder.stdin.flush())
    with store.making("key", "generator 'gan'") as work:
        assert (work / "ended").exists()
    assert notes == [f"generator 'gan' is being made by another run (process {holder.pid}); waiting for it"]


def test_the_lock_of_a_dead_process_is_free_and_its_work_is_kept(store, notes, holder):
    holder.kill()
    holder.wait()
    with store.making("key", "something") as work:
        assert (work / "began").exists()
        assert not (work / "ended").exists()
    assert notes == []


def test_another_key_is_free_meanwhile(store, notes, holder):
    with store.making("other", "something"):
        pass
    assert notes == []


# scratch


def test_scratch_is_ones_own_and_gone_afterwards(store):
    with store.scratch() as one, store.scratch() as other:
        assert one != other
        (one / "file").write_text("temporary")
    assert list((store.root / "scratch").iterdir()) == []


def test_scratch_of_the_dead_is_cleared_away(store, holder):
    name = Path(holder.scratch).name
    holder.kill()
    holder.wait()
    assert sorted(path.name for path in (store.root / "scratch").iterdir()) == [name, f"{name}.lock"]
    with store.scratch() as mine:
        assert sorted((store.root / "scratch").iterdir()) == [mine, mine.with_suffix(".lock")]


def test_scratch_without_a_lock_is_nobodys(store):
    old = store.root / "scratch" / f"{0:032x}"
    old.mkdir(parents=True)
    (old / "file").write_text("left behind")
    with store.scratch():
        assert not old.exists()


def test_scratch_of_the_living_is_left_alone(store, holder):
    with store.scratch():
        assert Path(holder.scratch).is_dir()


# places


def test_a_store_that_cannot_be_written_is_a_disk_error(tmp_path):
    (tmp_path / "store").write_text("a file")
    store = Store(tmp_path / "store")
    with pytest.raises(DiskError, match="store"), store.scratch():
        pass
    with pytest.raises(DiskError, match="store"), store.making("key", "something"):
        pass


def test_the_store_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "here"))
    assert Store().root == tmp_path / "here"
    monkeypatch.delenv("AUGMENT_STORE")
    assert default_root().name == "augment"
