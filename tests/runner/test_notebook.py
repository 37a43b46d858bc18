"""Runs in the cells of a notebook."""

from __future__ import annotations

import os
import signal
import sys
import types

import pytest

import augment
from augment.errors import Interrupted
from augment.runner.interrupts import interruptible
from augment.runner.notebook import CellProgress, in_a_kernel

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def cell(monkeypatch):
    """What the cell shows, one content after the other, in a kernel that is only this."""
    shown = []
    handle = types.SimpleNamespace(update=shown.append)

    def display(content, display_id):
        shown.append(content)
        return handle

    kernel = types.ModuleType("IPython")
    kernel.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    kernel.display = types.SimpleNamespace(HTML=str, display=display)
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    return shown


def test_the_cell_shows_each_stage_and_the_end(spec, cell):
    run = augment.run(spec(), workers=0)
    assert "reading the data" in cell[0]
    assert any("fit fake-move" in content for content in cell)
    assert f"done: {run.folder}" in cell[-1]


def test_the_cell_shows_each_note_once_and_the_bar_stays(cell):
    progress = CellProgress()
    progress({"event": "progress", "stage": "fit", "id": "g", "step": 1, "total": 2, "losses": {}})
    progress({"event": "note", "message": "column <id> is left out"})
    progress({"event": "note", "message": "column <id> is left out"})
    assert cell[-1].count("<br>note: column &lt;id&gt; is left out") == 1
    assert 'value="0.500"' in cell[-1]


def test_whoever_takes_the_events_sees_them_alone(spec, cell):
    augment.run(spec(), workers=0, events=lambda event: None)
    assert not cell


def test_a_terminal_is_no_notebook(monkeypatch):
    assert not in_a_kernel()
    shell = types.ModuleType("IPython")
    shell.get_ipython = lambda: types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", shell)
    assert not in_a_kernel()


def test_a_second_interrupt_leaves_the_kernel_alive(cell):
    with pytest.raises(Interrupted, match="the same command goes on"), interruptible():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            assert signal.getsignal(signal.SIGINT) is not signal.SIG_DFL
