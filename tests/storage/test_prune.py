from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from run_records import manifest

from augment.cli import main
from augment.errors import SpecError
from augment.storage.prune import entries, parse_duration, parse_size, prune
from augment.storage.store import Store

DAY = 86_400.0
NOW = time.time()


@pytest.fixture
def filled(store):
    """A store with three entries of 1000, 2000 and 3000 bytes, used three, two and one day ago."""
    held = Store(store)
    for number in (1, 2, 3):
        key = f"generator-{number:064d}"
        with held.making(key, "a fit") as work:
            built = work / "built"
            built.mkdir()
            (built / "generator.json").write_text(json.dumps({"component": {"use": f"gan{number}"}}))
            (built / "weights").write_bytes(b"x" * 1000 * number)
            place = held.publish(key, built)
        os.utime(place, (NOW - (4 - number) * DAY,) * 2)
    return held


def _names(found):
    return [entry.what for entry in found]


def test_entries_say_what_they_are_how_large_and_how_old(filled):
    found = entries(filled, NOW)
    assert _names(found) == ["generator gan3", "generator gan2", "generator gan1"]
    assert [round(entry.age / DAY) for entry in found] == [1, 2, 3]
    assert all(entry.size > 1000 * (3 - place) for place, entry in enumerate(found))
    assert all(entry.finished and not entry.in_use and not entry.runs for entry in found)


def test_what_a_killed_run_left_is_listed_as_unfinished(filled):
    left = filled.root / "work" / f"filter-{0:064d}"
    left.mkdir(parents=True)
    (left / "checkpoint").write_bytes(b"x" * 9000)
    assert _names(entries(filled))[0] == "filter, unfinished"
    removed, _ = prune(filled, everything=True)
    assert "filter, unfinished" in _names(removed)
    assert not left.exists()


def test_folders_of_the_users_own_in_the_store_are_never_removed(store):
    for place in ("objects/photos", "work/thesis", "scratch/ideas", "scratch/ideas/uses"):
        (store / place).mkdir(parents=True)
        (store / place / "x").write_text("mine")
    held = Store(store)
    with held.scratch():
        assert prune(held, everything=True) == ([], [])
    assert len(list(store.rglob("x"))) == 4


def test_prune_removes_what_was_not_used_for_long(filled):
    removed, kept = prune(filled, older_than=1.5 * DAY, now=NOW)
    assert (_names(removed), kept) == (["generator gan1", "generator gan2"], [])
    assert _names(entries(filled)) == ["generator gan3"]


def test_prune_to_a_size_lets_go_first_of_what_was_not_used_for_longest(filled):
    assert _names(prune(filled, max_size=4000, now=NOW)[0]) == ["generator gan1", "generator gan2"]


def test_using_an_entry_makes_it_young_again(filled):
    filled.get(f"generator-{1:064d}")
    assert _names(prune(filled, older_than=1.5 * DAY, now=NOW)[0]) == ["generator gan2"]


def test_a_dry_run_removes_nothing(filled):
    assert len(prune(filled, everything=True, dry_run=True)[0]) == 3
    assert len(entries(filled)) == 3


def test_what_a_run_works_with_stays(filled):
    with filled.scratch():
        filled.get(f"generator-{3:064d}")
        assert [entry.in_use for entry in entries(filled, NOW)] == [True, False, False]
        removed, kept = prune(filled, everything=True)
        assert (_names(removed), _names(kept)) == (["generator gan1", "generator gan2"], ["generator gan3"])
    assert _names(prune(filled, everything=True)[0]) == ["generator gan3"]


def test_what_another_process_makes_stays(filled):
    key = f"generator-{2:064d}"
    code = (
        "import sys\nfrom augment.storage.store import Store\n"
        f"with Store().making({key!r}, 'a fit'):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        for dry_run in (True, False):
            assert _names(prune(filled, everything=True, dry_run=dry_run)[1]) == ["generator gan2"]
        process.stdin.close()


def test_a_run_that_is_gone_uses_nothing(filled, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(manifest(key="abc").model_dump_json())
    with filled.scratch():
        filled.get(f"generator-{1:064d}")
        filled.remember(run, "abc")
    assert entries(filled)[-1].runs == (str(run),)
    (run / "run.json").write_text(manifest(key="another").model_dump_json())
    assert entries(filled)[-1].runs == ()


def test_prune_wants_to_know_what_is_to_go(filled):
    with pytest.raises(SpecError, match="--older-than 30d"):
        prune(filled)


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1y", ""])
def test_a_length_of_time_needs_its_unit(text):
    with pytest.raises(SpecError, match="30d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["5 apples", "-1GB", "", "3B"])
def test_a_size_needs_its_unit(text):
    with pytest.raises(SpecError, match="5GB"):
        parse_size(text)


def _invoke(*arguments):
    return CliRunner().invoke(main, ["cache", *arguments], prog_name="augment")


def test_the_commands_tell_people(filled):
    lines = _invoke("ls").output.splitlines()
    assert lines[0].split() == ["KEY", "WHAT", "SIZE", "LAST", "USED", "USED", "BY"]
    assert lines[-1].startswith("3 entries, 6.")
    assert (
        _invoke("prune", "--max-size", "4KB", "--dry-run").output.splitlines()[-1].startswith("would remove 2 entries")
    )
    assert _invoke("prune", "--all").output.splitlines()[-1].startswith("removed 3 entries")
    assert _invoke("ls").output.endswith(": empty\n")


def test_the_commands_tell_programs(filled):
    assert len(json.loads(_invoke("ls", "--json").output)["entries"]) == 3
    assert len(json.loads(_invoke("prune", "--all", "--json").output)["removed"]) == 3


def test_errors_of_its_commands_are_one_message(filled):
    result = _invoke("prune")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: say which entries to remove")


@pytest.mark.parametrize("command", ["ls", "prune"])
def test_every_command_explains_itself_with_examples(command):
    assert f"augment cache {command}" in _invoke(command, "--help").output.split("Examples:")[1]
