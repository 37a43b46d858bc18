from __future__ import annotations

import os
import time

import pytest

from augment.storage.stamps import stamp

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no time of the last change of an inode")


@pytest.fixture
def settled(monkeypatch):
    """Every file counts as unchanged for long enough."""
    monkeypatch.setattr("augment.storage.stamps.SETTLED_NS", -(10**12))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data" / "cats").mkdir(parents=True)
    (tmp_path / "data" / "cats" / "1.png").write_bytes(b"one")
    (tmp_path / "data" / "table.csv").write_bytes(b"a,b\n1,2\n")
    return tmp_path / "data"


def test_what_nobody_touched_keeps_its_stamp(folder, settled):
    assert stamp([folder]) == stamp([folder]) is not None
    assert stamp([folder / "table.csv"]) not in (None, stamp([folder]))
    assert stamp([]) == stamp([]) is not None


def _rewrite_with_old_time(folder):
    path = folder / "table.csv"
    old = path.stat()
    path.write_bytes(b"a,b\n1,3\n")
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def _replace_with_old_time(folder):
    path, other = folder / "table.csv", folder.parent / "other"
    other.write_bytes(b"a,b\n1,3\n")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    os.replace(other, path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "table.csv").write_bytes(b"a,b\n1,2\n3,4\n"), id="longer"),
        pytest.param(_rewrite_with_old_time, id="same-size-and-time-set-back"),
        pytest.param(_replace_with_old_time, id="replaced-by-a-file-of-the-same-size-and-time"),
        pytest.param(lambda folder: os.utime(folder / "table.csv"), id="touched"),
        pytest.param(lambda folder: (folder / "cats" / "2.png").write_bytes(b""), id="a-new-file-below"),
        pytest.param(lambda folder: (folder / "cats" / "1.png").unlink(), id="a-file-less"),
        pytest.param(lambda folder: (folder / "cats" / "1.png").rename(folder / "cats" / "3.png"), id="renamed"),
    ],
)
def test_every_change_changes_the_stamp(folder, settled, change):
    before = stamp([folder])
    time.sleep(0.02)  # coarser than the clock of the file system
    change(folder)
    assert stamp([folder]) not in (None, before)


def test_there_is_no_stamp_of_what_is_missing_or_changed_just_now(folder, settled, monkeypatch):
    assert stamp([folder, folder / "gone"]) is None
    monkeypatch.setattr("augment.storage.stamps.SETTLED_NS", 2_000_000_000)
    assert stamp([folder]) is None
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (0, 0))  # a change of the inode
    assert stamp([folder]) is None


def test_there_is_no_stamp_of_links_to_folders_or_of_pipes(folder, settled, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    assert stamp([folder]) is None
    (folder / "link").unlink()
    assert stamp([folder]) is not None
    os.mkfifo(folder / "pipe")
    assert stamp([folder]) is None


def test_a_link_to_the_folder_itself_is_followed(folder, settled, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert stamp([tmp_path / "link"]) == stamp([folder]) is not None
