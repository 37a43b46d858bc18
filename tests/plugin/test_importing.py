"""A plugin that never ends its import is an error after a while, in the process that imports it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time

import pytest

from augment.errors import PluginError
from augment.plugin import importing
from augment.plugin.catalog import Catalog, Offer
from augment.spec.load import load

HANGS = {
    "a sleep": "import time\ntime.sleep(60)",
    "a loop": "while True: pass",
    "a lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "a pipe": "import os\nos.read(os.pipe()[0], 1)",
    "a loop that catches errors": "while True:\n    try: import time; time.sleep(60)\n    except Exception: pass",
    "its hook": (
        "from augment.plugin import hookimpl\n@hookimpl\ndef augment_components():\n    import time\n    time.sleep(60)"
    ),
}


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Writes a plugin's module, and makes its import overdue soon."""
    monkeypatch.setattr(importing, "MAX_SECONDS", 0.5)
    monkeypatch.setattr(importing, "REMINDER", 0.05)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source):
        (tmp_path / "fake_hangs.py").write_text(source)
        return Offer("hangs", "fake_hangs", "somebodys", "1.0")

    yield write
    sys.modules.pop("fake_hangs", None)


@pytest.mark.parametrize("source", HANGS.values(), ids=HANGS)
def test_an_import_that_never_ends_is_an_error_that_names_the_plugin(offer, caplog, source):
    before = signal.getsignal(signal.SIGALRM)
    with (
        caplog.at_level(logging.WARNING, "augment"),
        pytest.raises(PluginError, match=r"fake_hangs \(from somebodys 1.0\) hangs on import: not done after 0.5 s"),
    ):
        Catalog([offer(source)]).components("hangs")
    assert "is still being imported, after 0 seconds" in caplog.text
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == before


def test_a_pipeline_that_names_it_is_refused(offer):
    catalog = Catalog([*Catalog().offers, offer(HANGS["a sleep"])])
    tree = {"source": {"use": "sklearn", "with": {"dataset": "iris"}}, "generators": ["bootstrap"], "sinks": ["hangs"]}
    with pytest.raises(PluginError, match="hangs on import"):
        load(tree, catalog)


def test_an_import_that_takes_its_time_is_none(offer, monkeypatch):
    monkeypatch.setattr(importing, "MAX_SECONDS", 60)
    with pytest.raises(PluginError, match="no component has that name"):
        Catalog([offer("import time\ntime.sleep(0.3)\ndone = True")]).components("hangs")
    assert sys.modules["fake_hangs"].done


def test_an_alarm_of_somebody_elses_stays_theirs(offer):
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with importing.in_time("it"):
            time.sleep(0.2)
        assert rung.is_set()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_thread_imports_without_a_limit(offer):
    done = []

    def work():
        with importing.in_time("it"):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
