from types import SimpleNamespace

import pytest

from augment.plugin.hookspecs import hookimpl
from augment.runner.observers import Observers


class Diary:
    def __init__(self, fails_in=""):
        self.told, self.fails_in = [], fails_in

    def _write(self, *entry):
        self.told.append(entry)
        if entry[0] == self.fails_in:
            raise RuntimeError("the disk is full")

    @hookimpl
    def augment_run_started(self, run):
        self._write("started", run)

    @hookimpl
    def augment_stage_finished(self, run, stage, id, seconds, rows):
        self._write("stage", stage, id, rows)

    @hookimpl
    def augment_progress(self, run, id, step, total, losses):
        self._write("progress", id, step, total)

    @hookimpl
    def augment_run_finished(self, run, error):
        self._write("finished", error)


class FakeCatalog:
    def __init__(self, **plugins):
        self.plugins = plugins

    def hooks(self, name):
        import pluggy

        from augment.plugin import hookspecs

        manager = pluggy.PluginManager("augment")
        manager.add_hookspecs(hookspecs)
        manager.register(self.plugins[name])
        return SimpleNamespace(hook=manager.hook)


EVENTS = (
    {"event": "run-started", "name": "a", "key": "k", "folder": "f"},
    {"event": "stage-started", "stage": "fit", "id": "gan"},
    {"event": "progress", "stage": "fit", "id": "gan", "step": 1, "total": 2, "losses": {}},
    {"event": "stage-finished", "stage": "fit", "id": "gan", "seconds": 0.1, "rows": 3, "from_store": False},
)


def watch(diary, notes):
    listeners = []
    observers = Observers(["diary"], FakeCatalog(diary=diary), notes.append)
    with observers.watching("the run", listeners):
        for event in EVENTS:
            for listener in listeners:
                listener(event)
    return listeners


def test_an_observer_is_told_of_everything_in_order():
    diary, notes = Diary(), []
    assert watch(diary, notes) == []
    expected = [("started", "the run"), ("progress", "gan", 1, 2), ("stage", "fit", "gan", 3), ("finished", None)]
    assert diary.told == expected
    assert notes == []


def test_an_observer_that_fails_is_noted_once_and_left_alone():
    diary, notes = Diary(fails_in="progress"), []
    watch(diary, notes)
    assert [entry[0] for entry in diary.told] == ["started", "progress"]
    assert len(notes) == 1
    assert "observer 'diary' failed in augment_progress" in notes[0]


def test_an_observer_learns_how_a_run_failed():
    diary = Diary()
    observers = Observers(["diary"], FakeCatalog(diary=diary), print)
    error = ValueError("no")
    with pytest.raises(ValueError, match="no"), observers.watching("the run", []):
        raise error
    assert diary.told == [("finished", error)]
