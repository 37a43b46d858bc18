from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from augment.errors import DiskError, LockedError
from augment.storage import atomic_files
from augment.storage.atomic_files import disk_errors, draft, exclusive, publish, taken, whole

GOES_ON = "; once that is mended, the same command goes on where it was"


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# errors


def test_an_error_of_the_system_says_what_was_being_done_to_which_file(tmp_path):
    path = tmp_path / "absent" / "file"
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path, "writing"):
        path.write_text("")
    assert str(caught.value) == f"{path}: writing failed: No such file or directory"


def test_an_error_without_a_file_names_the_path_that_was_given(tmp_path):
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path, "writing"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value) == f"{tmp_path}: writing failed: No space left on device{GOES_ON}"


def test_an_error_inside_a_draft_names_the_place_that_it_is_to_have(tmp_path):
    with pytest.raises(DiskError) as caught, draft(tmp_path / "run") as hidden, disk_errors(tmp_path, "writing"):
        raise OSError(errno.EIO, "Input/output error", str(hidden / "data" / "train.csv"))
    place = tmp_path / "run" / "data" / "train.csv"
    assert str(caught.value) == f"{place}: writing failed: Input/output error{GOES_ON}"


def test_other_errors_pass(tmp_path):
    with pytest.raises(KeyError), disk_errors(tmp_path, "writing"):
        raise KeyError
    with pytest.raises(BrokenPipeError), disk_errors(tmp_path, "writing"):
        raise BrokenPipeError


# whole or not at all


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


def test_a_draft_lies_beside_its_place_and_is_gone_afterwards(tmp_path):
    with draft(tmp_path / "deep" / "place") as hidden:
        assert hidden.parent == tmp_path / "deep"
        assert hidden.name.startswith(".")
        (hidden / "file").write_text("")
    assert left_in(tmp_path / "deep") == []


def test_what_a_killed_process_left_of_a_draft_is_not_in_the_next(tmp_path):
    folder_with(tmp_path / ".place.draft", "half")
    (tmp_path / ".place.lock").write_text("12345678")
    with draft(tmp_path / "place") as hidden:
        assert left_in(hidden) == []
    assert left_in(tmp_path) == []


def test_a_file_a_folder_and_an_empty_folders_place_can_be_taken(tmp_path):
    (tmp_path / "made").write_text("text")
    publish(tmp_path / "made", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "text"
    (tmp_path / "empty").mkdir()
    publish(folder_with(tmp_path / "made", "a"), tmp_path / "empty")
    assert (tmp_path / "empty" / "file").read_text() == "a"


@pytest.mark.parametrize("platform", ["linux", "other"])
def test_a_folder_is_replaced_on_request_alone(tmp_path, monkeypatch, platform):
    monkeypatch.setattr(atomic_files.sys, "platform", platform)
    place = folder_with(tmp_path / "place", "old")
    made = folder_with(tmp_path / "made", "new")
    with pytest.raises(OSError, match="not empty"):
        publish(made, place)
    assert (place / "file").read_text() == "old"
    publish(made, place, replace=True)
    assert (place / "file").read_text() == "new"
    assert left_in(tmp_path) == ["place"]


def test_everything_is_on_the_disk_before_it_is_seen(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(atomic_files.os, "fsync", lambda handle: flushed.append(os.readlink(f"/proc/self/fd/{handle}")))
    made, place = folder_with(tmp_path / "made", "text"), tmp_path / "place"
    publish(made, place)
    assert flushed == [str(made / "file"), str(made), str(tmp_path)]


class FileSystem:
    """Stands in for the system's own library."""

    def __init__(self, error=0):
        self.error, self.flushed = error, []

    def syncfs(self, handle):
        self.flushed.append(os.readlink(f"/proc/self/fd/{handle}"))
        ctypes.set_errno(self.error)
        return -1 if self.error else 0


def test_many_files_are_pushed_to_the_disk_at_once(tmp_path, monkeypatch):
    library, alone = FileSystem(), []
    monkeypatch.setattr(atomic_files.ctypes, "CDLL", lambda *args, **options: library)
    monkeypatch.setattr(atomic_files.os, "fsync", alone.append)
    made, place = folder_with(tmp_path / "made", "text"), tmp_path / "place"
    for number in range(atomic_files.MANY):
        (made / str(number)).touch()
    publish(made, place)
    assert library.flushed == [str(made)]
    assert len(alone) == 1  # the folder that the place is in


def test_what_the_disk_does_not_take_is_not_published(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "MANY", 1)
    monkeypatch.setattr(atomic_files.ctypes, "CDLL", lambda *args, **options: FileSystem(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        publish(folder_with(tmp_path / "made", "text"), tmp_path / "place")
    assert not (tmp_path / "place").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the call is Linux's")
def test_the_system_flushes_a_real_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "MANY", 1)
    monkeypatch.setattr(atomic_files, "_flush_one", lambda path: None)
    publish(folder_with(tmp_path / "made", "text"), tmp_path / "place")
    assert (tmp_path / "place" / "file").read_text() == "text"


# one process at a time

HOLD = """
import sys
import threading
import time
from pathlib import Path
from augment.storage.atomic_files import exclusive
with exclusive(Path(sys.argv[1]), "it", wait=False):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `a.lock` until it is told a line."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "a.lock")], **pipes)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_lock_that_is_not_waited_for_is_refused_and_names_its_holder(tmp_path, holder):
    with (
        pytest.raises(LockedError, match=rf"the run is held by another run \(process {holder.pid}\)"),
        exclusive(tmp_path / "a.lock", "the run", wait=False),
    ):
        pass
    assert (tmp_path / "a.lock").read_text() == str(holder.pid)


def test_whoever_waits_for_a_lock_has_it_when_its_file_was_removed(tmp_path, holder):
    def let_go(message: str) -> None:
        assert message == f"the run is being made by another run (process {holder.pid}); waiting for it"
        holder.communicate("go on\n")

    with exclusive(tmp_path / "a.lock", "the run", wait=True, waiting=let_go):
        assert (tmp_path / "a.lock").read_text() == str(os.getpid())
        with pytest.raises(LockedError), exclusive(tmp_path / "a.lock", "the run", wait=False):
            pass
    assert left_in(tmp_path) == []


def test_a_holder_that_gives_no_sign_of_life_is_waited_for_so_long_and_no_longer(tmp_path, holder, monkeypatch):
    monkeypatch.setattr(atomic_files, "MAX_SILENCE", 0.5)
    monkeypatch.setattr(atomic_files, "REMINDER", 0.1)
    said = []
    with (
        pytest.raises(
            LockedError, match=rf"process {holder.pid}\), which has given no sign of life for .* repeat this"
        ),
        exclusive(tmp_path / "a.lock", "the run", wait=True, waiting=said.append),
    ):
        pass
    assert said[0] == f"the run is being made by another run (process {holder.pid}); waiting for it"
    assert (tmp_path / "a.lock").read_text() == str(holder.pid)  # which has not been disturbed


def test_a_holder_that_goes_on_is_waited_for_and_said_now_and_then(tmp_path, monkeypatch):
    for name, seconds in (("MAX_SILENCE", 2.0), ("REMINDER", 0.5), ("SIGN_OF_LIFE", 0.05)):
        monkeypatch.setattr(atomic_files, name, seconds)
    held, go_on, said = threading.Event(), threading.Event(), []

    def hold():
        with exclusive(tmp_path / "a.lock", "the run", wait=True):
            held.set()
            go_on.wait(60)

    def hear(message):
        said.append(message)
        if len(said) == 4:  # longer than a silent holder would be waited for
            go_on.set()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with exclusive(tmp_path / "a.lock", "the run", wait=True, waiting=hear):
        pass
    thread.join()
    assert said[3].startswith(f"the run is still being made by another run (process {os.getpid()}), after ")


def test_the_lock_of_a_dead_process_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    with exclusive(tmp_path / "a.lock", "the run", wait=False):
        assert (tmp_path / "a.lock").read_text() == str(os.getpid())
    assert left_in(tmp_path) == []


def test_a_place_that_is_just_being_cleared_is_waited_for(tmp_path):
    def clearing():
        with taken(tmp_path / "place"):
            held.set()
            time.sleep(0.3)

    held = threading.Event()
    thread = threading.Thread(target=clearing)
    thread.start()
    held.wait()
    with draft(tmp_path / "place") as hidden:
        assert hidden.is_dir()
    thread.join()


def test_a_holder_that_has_not_said_who_it_is_is_unknown(tmp_path, holder):
    (tmp_path / "a.lock").write_text("")
    with pytest.raises(LockedError, match="process unknown"), exclusive(tmp_path / "a.lock", "the run", wait=False):
        pass


def test_a_lock_is_free_after_an_error_inside(tmp_path):
    for _ in range(2):
        with pytest.raises(RuntimeError), taken(tmp_path / "place"):
            assert left_in(tmp_path) == [".place.lock"]
            raise RuntimeError
    assert left_in(tmp_path) == []


def test_a_lock_that_cannot_be_signed_is_given_back(tmp_path, monkeypatch):
    def full(self, text):
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    with monkeypatch.context() as patch, pytest.raises(DiskError, match=r"a\.lock: taking the lock failed"):
        patch.setattr(atomic_files.Path, "write_text", full)
        with exclusive(tmp_path / "a.lock", "it", wait=False):
            pass
    with exclusive(tmp_path / "a.lock", "it", wait=False):
        pass


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_written_whole_is_there_or_leaves_nothing(tmp_path, kind):
    def write(path):
        path.mkdir() if kind == "folder" else None
        (path / "inner" if kind == "folder" else path).write_text("x")

    place = tmp_path / "new" / "place"
    with pytest.raises(ZeroDivisionError), whole(place) as fresh:
        write(fresh)
        assert not place.exists()
        raise ZeroDivisionError
    assert list(place.parent.iterdir()) == []
    with whole(place) as fresh:
        write(fresh)
    assert list(place.parent.iterdir()) == [place]
    assert place.is_dir() == (kind == "folder")
