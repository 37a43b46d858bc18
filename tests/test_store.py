from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from augment import store as store_module
from augment.errors import DiskError, LockedError
from augment.store import MANIFEST, Store, default_root, disk_errors, exclusive


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


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


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


def test_other_entries_survive_a_damaged_one(store):
    flip_a_bit(put(store))
    other = put(store, "other")
    assert store.get("key") is None
    assert store.get("other") == other


# locks between processes


HOLD = """
import sys
from pathlib import Path
from augment.store import Store
with Store(Path(sys.argv[1])).making("key", "something") as work:
    (work / "began").write_text("by the other process")
    print("held", flush=True)
    sys.stdin.readline()
    (work / "ended").write_text("by the other process")
"""


@pytest.fixture
def holder(store):
    """Another process that holds the key until it is told a line."""
    command = [sys.executable, "-c", HOLD, str(store.root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_key_that_another_process_holds_is_waited_for_after_saying_so(store, notes, holder):
    store.note = lambda message: (notes.append(message), holder.stdin.write("go on\n"), holder.stdin.flush())
    with store.making("key", "generator 'gan'") as work:
        assert (work / "ended").exists()
    assert notes == [f"generator 'gan' is being made by another run (process {holder.pid}); waiting for it"]


def test_a_lock_that_is_not_waited_for_is_refused_and_names_its_holder(store, holder):
    lock = store.root / "locks" / "key.lock"
    with (
        pytest.raises(LockedError, match=rf"the run is held by another run \(process {holder.pid}\)"),
        exclusive(lock, "the run", wait=False),
    ):
        pass
    assert lock.with_suffix(".pid").read_text() == str(holder.pid)


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


def test_a_holder_that_has_not_said_who_it_is_is_unknown(store, holder):
    lock = store.root / "locks" / "key.lock"
    lock.with_suffix(".pid").unlink()
    with pytest.raises(LockedError, match="process unknown"), exclusive(lock, "the run", wait=False):
        pass


def test_a_lock_is_free_after_an_error_inside(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), exclusive(tmp_path / "a.lock", "it", wait=False):
            assert (tmp_path / "a.pid").read_text() == str(os.getpid())
            raise RuntimeError
    assert not (tmp_path / "a.pid").exists()


def test_a_lock_that_cannot_be_signed_is_given_back(tmp_path):
    (tmp_path / "a.pid").mkdir()
    with pytest.raises(DiskError, match=r"a\.pid: taking the lock failed"), exclusive(tmp_path / "a.lock", "it", False):
        pass
    (tmp_path / "a.pid").rmdir()
    with exclusive(tmp_path / "a.lock", "it", wait=False):
        pass


# scratch


def test_scratch_is_ones_own_and_gone_afterwards(store):
    with store.scratch() as one, store.scratch() as other:
        assert one != other
        (one / "file").write_text("temporary")
    assert list((store.root / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    "name", [f"{dead_pid()}-abc", "-abc", "what-abc", "9" * 30 + "-abc"], ids=["dead", "none", "word", "huge"]
)
def test_scratch_of_the_dead_is_cleared_away(store, name):
    old = store.root / "scratch" / name
    old.mkdir(parents=True)
    (old / "file").write_text("left behind")
    with store.scratch():
        assert not old.exists()


def test_scratch_of_the_living_is_left_alone(store, holder):
    theirs = store.root / "scratch" / f"{holder.pid}-abc"
    theirs.mkdir(parents=True)
    with store.scratch():
        assert theirs.is_dir()


def test_scratch_of_another_users_process_is_left_alone(store, monkeypatch):
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    theirs = store.root / "scratch" / "12-abc"
    theirs.mkdir(parents=True)
    monkeypatch.setattr(store_module.os, "kill", refuse)
    with store.scratch():
        assert theirs.is_dir()


# disk errors and places


def test_an_error_of_the_system_says_what_was_being_done_to_which_file(tmp_path):
    path = tmp_path / "absent" / "file"
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path, "writing"):
        path.write_text("")
    assert str(caught.value) == f"{path}: writing failed: No such file or directory"


def test_an_error_without_a_file_names_the_path_that_was_given(tmp_path):
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path, "writing"):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == f"{tmp_path}: writing failed: No space left on device"


def test_other_errors_pass(tmp_path):
    with pytest.raises(KeyError), disk_errors(tmp_path, "writing"):
        raise KeyError


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
