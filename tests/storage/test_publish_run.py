from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_records import build, manifest

from augment.errors import DiskError, LockedError, SpecError
from augment.storage import atomic_files, publish_run
from augment.storage.ownership import json_text
from augment.storage.publish_run import Place
from augment.storage.run_folder import Run

KEY, OTHER_KEY = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def place(tmp_path):
    """Makes places below `tmp_path / "work"`."""

    def made(key: str = KEY, out: Path | None = None, overwrite: bool = False) -> Place:
        return Place(tmp_path / "work", "credit", key, out, overwrite)

    return made


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# where


def test_a_run_lies_beside_its_pipeline_under_its_name_and_key(place, tmp_path):
    assert place().final == tmp_path / "work" / "runs" / "credit-01234567"


def test_a_folder_that_the_user_names_is_the_runs_folder(place, tmp_path):
    assert place(out=tmp_path / "mine").final == tmp_path / "mine"


def test_a_link_that_the_user_names_is_followed_and_stays(place, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    run = build(place(out=tmp_path / "link"))
    build(place(OTHER_KEY, tmp_path / "link", overwrite=True), "second")
    assert (tmp_path / "link").is_symlink()
    assert (run.folder / "log.txt").read_text() == "second"
    assert left_in(tmp_path) == ["link", "real"]


# before any work


@pytest.mark.parametrize("out", [None, "new", "deep/new"])
def test_a_place_that_does_not_exist_yet_is_fine(tmp_path, out):
    Place.check_writable(tmp_path / "work", tmp_path / out if out else None)
    assert left_in(tmp_path) == []


def test_an_empty_folder_and_a_run_are_fine(place, tmp_path):
    (tmp_path / "empty").mkdir()
    Place.check_writable(tmp_path, tmp_path / "empty")
    Place.check_writable(tmp_path, build(place()).folder)


def test_a_folder_with_somebodys_files_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_text("me")
    with pytest.raises(SpecError, match=r"photos: it holds files that are not a run's; name a new or an empty folder"):
        Place.check_writable(tmp_path, tmp_path / "photos")


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="not a run's"):
        Place.check_writable(tmp_path, tmp_path / "file")


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"file: this folder cannot be written to"):
        Place.check_writable(tmp_path, tmp_path / "file" / "new")


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(publish_run.os, "access", lambda path, mode: path != tmp_path)  # root may write everywhere
    with pytest.raises(DiskError, match="cannot be written to; choose another place with --out"):
        Place.check_writable(tmp_path / "work", None)


# finished


def test_nothing_is_finished_where_nothing_is(place):
    assert place().finished() is None


def test_the_very_same_run_is_done_already(place):
    build(place())
    run = place().finished()
    assert run is not None
    assert run.already_done
    assert not Run(run.folder).already_done


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_very_same_run_is_done_already_in_a_named_folder_too(place, tmp_path, overwrite):
    build(place(out=tmp_path / "mine"))
    assert place(out=tmp_path / "mine", overwrite=overwrite).finished() is not None


def test_another_run_in_the_place_is_refused_and_named(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    with pytest.raises(SpecError, match=r"another run \(credit, key 01234567; this one is fedcba98\).*--overwrite"):
        place(OTHER_KEY, tmp_path / "mine").finished()


def test_another_run_may_be_overwritten(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    assert place(OTHER_KEY, tmp_path / "mine", overwrite=True).finished() is None


# what is the user's in the folder of a run


def add_notes(folder: Path) -> str:
    (folder / "notes").mkdir()
    (folder / "notes" / "x").write_text("mine")
    return "notes/x"


def edit(folder: Path) -> str:
    (folder / "log.txt").write_text("mine")
    return "log.txt"


def put_a_link_in_place_of_a_folder(folder: Path) -> str:
    (folder / "models" / "gan").rename(folder.parent / "gan")
    (folder / "models" / "gan").symlink_to(folder.parent / "gan")
    return "models/gan"


def put_a_link_to_nothing(folder: Path) -> str:
    (folder / "link").symlink_to(folder / "nowhere")
    return "link"


def write_private(folder: Path) -> str:
    (folder / "private.json").write_text("mine")
    return "private.json"


def damage_the_manifest(folder: Path) -> str:
    (folder / "run.json").write_text("{")
    return "run.json"


USERS = [add_notes, edit, put_a_link_in_place_of_a_folder, put_a_link_to_nothing, write_private, damage_the_manifest]


@pytest.mark.parametrize("change", USERS, ids=lambda change: change.__name__)
def test_a_run_with_files_of_the_users_is_not_overwritten(place, tmp_path, change):
    run = build(place(out=tmp_path / "mine"))
    name = change(run.folder)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    here = place(OTHER_KEY, tmp_path / "mine", overwrite=True)
    with pytest.raises(SpecError, match=rf"--overwrite would delete files .*{name!r}.*; move them away"):
        here.finished()
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_files_that_came_into_the_old_run_while_the_new_one_was_made_are_not_lost(place, tmp_path):
    run = build(place(out=tmp_path / "mine"))
    for key in (KEY, OTHER_KEY):
        (run.folder / "notes.txt").unlink(missing_ok=True)
        with pytest.raises(SpecError, match="would delete"), place(key, run.folder, overwrite=True).building({}) as new:
            new.finish(manifest(key=key))
            (run.folder / "notes.txt").write_text("mine")
        assert (run.folder / "notes.txt").read_text() == "mine"


def test_empty_folders_and_private_findings_of_a_run_go_with_it(place, tmp_path):
    with place(out=tmp_path / "mine").building({}) as draft:
        draft.write_private({"rows": [1, 2.5], "text": "\u00e4"})
        draft.finish(manifest())
    (tmp_path / "mine" / "empty").mkdir()
    assert build(place(OTHER_KEY, tmp_path / "mine", overwrite=True)).key == OTHER_KEY


def test_a_run_of_another_version_of_augment_is_overwritten(place, tmp_path):
    run = build(place(out=tmp_path / "mine"))
    content = json.loads((run.folder / "run.json").read_text())
    del content["device"]
    (run.folder / "run.json").write_text(json_text(content))
    assert build(place(OTHER_KEY, tmp_path / "mine", overwrite=True)).key == OTHER_KEY


def test_missing_files_of_the_very_same_run_are_made_again_on_request(place, tmp_path):
    run = build(place(out=tmp_path / "mine"))
    (run.folder / "log.txt").unlink()
    assert place(out=tmp_path / "mine").finished() is not None
    assert place(out=tmp_path / "mine", overwrite=True).finished() is None
    assert build(place(out=tmp_path / "mine", overwrite=True)).is_complete


def test_a_run_does_not_replace_the_run_that_it_reads(tmp_path, place):
    run = build(place(out=tmp_path / "mine"))
    here = Place(tmp_path, "credit", OTHER_KEY, run.folder, True, inputs=[run.folder / "data" / "train.csv"])
    with pytest.raises(SpecError, match=r"this run reads .*train\.csv, which --overwrite would delete"):
        here.finished()


@pytest.mark.parametrize("source", ["photos", "photos/**/*.csv"])
@pytest.mark.parametrize("out", [None, "photos", "photos/run", "link/run"])
def test_a_run_inside_its_own_source_is_refused(tmp_path, out, source):
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    with pytest.raises(SpecError, match=r"photos, the folder of the source, where results can be taken for data"):
        Place.check_writable(tmp_path / "photos", tmp_path / out if out else None, [tmp_path / source])


def test_a_run_beside_its_source_is_fine(tmp_path):
    (tmp_path / "photos").mkdir()
    Place.check_writable(tmp_path, None, [tmp_path / "photos", tmp_path / "*.csv", tmp_path / "x" / "**" / "*.csv"])


# building


def test_nothing_is_seen_under_the_final_name_before_the_end(place):
    here = place()
    with here.building({}) as draft:
        assert draft.folder.parent == here.final.parent
        assert draft.folder.name.startswith(".")
        assert not here.final.exists()
        draft.finish(manifest())
        assert not here.final.exists()
    assert Run(here.final).key == KEY
    assert left_in(here.final.parent) == ["credit", "credit-01234567"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_draft_is_gone_when_building_fails(place, error):
    here = place()
    with pytest.raises(error), here.building({}) as draft:
        draft.write_text("log.txt", "half")
        raise error
    assert left_in(here.final.parent) == []


def test_what_a_killed_build_left_is_cleared_away(place):
    here = place()
    left = here.final.with_name(f".{here.final.name}.draft")
    left.mkdir(parents=True)
    (left / "half.txt").write_text("")
    assert "half.txt" not in left_in(build(here).folder)


def test_an_empty_folder_is_filled(place, tmp_path):
    (tmp_path / "mine").mkdir()
    assert build(place(out=tmp_path / "mine")).folder == tmp_path / "mine"


def test_overwriting_puts_the_new_run_in_the_place_of_the_old(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    run = build(place(OTHER_KEY, tmp_path / "mine", overwrite=True), "second")
    assert run.key == OTHER_KEY
    assert (run.folder / "log.txt").read_text() == "second"
    assert left_in(tmp_path) == ["mine"]


def test_the_old_run_is_whole_until_the_new_one_is_and_stays_when_that_fails(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    with pytest.raises(RuntimeError), place(OTHER_KEY, tmp_path / "mine", overwrite=True).building({}):
        assert Run(tmp_path / "mine").key == KEY
        raise RuntimeError
    assert (Run(tmp_path / "mine").folder / "log.txt").read_text() == "first"
    assert left_in(tmp_path) == ["mine"]


def test_files_that_came_into_the_place_meanwhile_are_not_lost(place):
    here = place()
    with pytest.raises(SpecError, match="not a run's"), here.building({}) as draft:
        draft.finish(manifest())
        here.final.mkdir()
        (here.final / "thesis.txt").write_text("years of work")
    assert (here.final / "thesis.txt").read_text() == "years of work"


def test_another_run_that_came_into_the_place_meanwhile_is_not_lost(place, tmp_path):
    with (
        pytest.raises(SpecError, match="another run"),
        place(OTHER_KEY, tmp_path / "mine").building({}) as draft,
    ):
        draft.finish(manifest())
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "run.json").write_text(manifest(name="theirs", key=KEY).model_dump_json())
    assert Run(tmp_path / "mine").name == "theirs"


def test_somebodys_files_in_the_place_are_refused_before_anything_is_built(place):
    here = place()
    here.final.mkdir(parents=True)
    (here.final / "thesis.txt").write_text("years of work")
    with pytest.raises(SpecError, match="not a run's"), here.building({}):
        pytest.fail("nothing may be built")


# where folders cannot be exchanged in one step


@pytest.fixture
def no_exchange(monkeypatch):
    monkeypatch.setattr(atomic_files.sys, "platform", "darwin")


@pytest.mark.usefixtures("no_exchange")
def test_overwriting_works_in_two_steps_as_well(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    assert build(place(OTHER_KEY, tmp_path / "mine", overwrite=True)).key == OTHER_KEY
    assert left_in(tmp_path) == ["mine"]


@pytest.mark.usefixtures("no_exchange")
def test_the_old_run_comes_back_when_the_second_step_fails(place, tmp_path, monkeypatch):
    build(place(out=tmp_path / "mine"))
    rename = os.rename

    def failing(source, target):
        if str(source).endswith(".draft"):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(atomic_files.os, "rename", failing)
    with pytest.raises(DiskError, match="Input/output error"):
        build(place(OTHER_KEY, tmp_path / "mine", overwrite=True))
    assert Run(tmp_path / "mine").key == KEY
    assert left_in(tmp_path) == ["mine"]


def test_an_old_run_that_a_kill_left_aside_comes_back(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    (tmp_path / "mine").rename(tmp_path / ".mine.replaced")
    with pytest.raises(RuntimeError), place(OTHER_KEY, tmp_path / "mine", overwrite=True).building({}):
        raise RuntimeError
    assert Run(tmp_path / "mine").key == KEY


# the link to the latest


def test_the_link_leads_to_the_latest_run(place):
    build(place())
    latest = place().final.parent / "credit"
    assert Run(latest).key == KEY
    build(place(OTHER_KEY))
    assert Run(latest).key == OTHER_KEY
    assert not os.path.isabs(os.readlink(latest))  # it survives moving the whole folder


def test_a_named_folder_has_no_link(place, tmp_path):
    build(place(out=tmp_path / "mine"))
    assert left_in(tmp_path) == ["mine"]


def test_a_folder_of_the_links_name_is_left_alone(place):
    own = place().final.parent / "credit"
    own.mkdir(parents=True)
    build(place())
    assert own.is_dir()
    assert not own.is_symlink()


def test_a_file_system_without_links_still_has_the_run(place, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(publish_run.Path, "symlink_to", refuse)
    assert build(place()).key == KEY


# two processes


BUILD = """
import sys
from pathlib import Path
from augment.storage.publish_run import Place
base = Path(sys.argv[1])
with Place(base / "work", "credit", sys.argv[2], None, False).building({}) as draft:
    print("building", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_two_processes_do_not_build_the_same_folder_and_the_message_names_the_other(place, tmp_path):
    command = [sys.executable, "-c", BUILD, str(tmp_path), KEY]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "building\n"
        drafts = left_in(place().final.parent)
        with pytest.raises(LockedError, match=rf"process {process.pid}"), place().building({}):
            pytest.fail("the folder is being built")
        assert left_in(place().final.parent) == drafts  # the other's draft is untouched
    finally:
        process.kill()
        process.communicate()
    assert build(place()).key == KEY
