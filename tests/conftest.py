from __future__ import annotations

import gc
import itertools
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from fake_pipeline import fake_pipeline
from hypothesis import HealthCheck, settings

# As in workers: torch and BLAS read this when they are imported, and threads that wait waste a busy machine.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

# A shell starts what runs in the background deaf to Ctrl-C, and processes hand that on to those they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that is busy with something else must not fail a test, and the same code passes or fails each time. Other
# examples are tried with `--hypothesis-profile hunt`.
settings.register_profile("hunt", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("hunt"), derandomize=True)
settings.load_profile("same")

STORES = itertools.count()
FAKES = Path(__file__).parent / "fakes"
collect_ignore = ["engine/extra", "fakes", "faults/injected"]  # what only processes that tests start import


gc.disable()  # what is imported and collected stays: to look for garbage in it takes a tenth of the suite's time


def pytest_collection_finish(session):
    gc.freeze()
    gc.enable()


def pytest_make_parametrize_id(val, argname):
    """Ids that can be read and typed, the same in every process: bytes go by their argument's name, texts are short."""
    if isinstance(val, bytes):
        return argname
    if isinstance(val, str) and not re.fullmatch(r"[ -~]{0,80}", val):
        return re.sub(r"[^!-~]+", "_", val)[:80]
    return None


@pytest.fixture(autouse=True)
def store(tmp_path_factory, monkeypatch):
    """A store of each test's own, and no configuration; nobody's own is touched."""
    folder = tmp_path_factory.getbasetemp() / "stores" / str(next(STORES))  # mktemp would list all others each time
    folder.mkdir(parents=True)
    monkeypatch.setenv("AUGMENT_STORE", str(folder))
    monkeypatch.setenv("AUGMENT_CONFIG", str(folder / "config.yaml"))
    return folder


@pytest.fixture
def wheel(tmp_path):
    """Builds wheels and unpacks them, as pip does; gives the environment of processes that see the distributions."""

    def install(*distributions):
        for distribution in distributions:
            build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
            subprocess.run(build, cwd=distribution, check=True, capture_output=True)
        built = list((tmp_path / "dist").glob("*.whl"))
        assert len(built) == len(distributions)
        for one in built:
            with zipfile.ZipFile(one) as archive:
                archive.extractall(tmp_path / "site")
        return {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}

    return install


@pytest.fixture(scope="module")
def fakes():
    """The plugin `tests/fakes/augment_fake.py`, installed for one module's tests, in worker processes too."""
    from augment.engine import tasks

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FAKES))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(FAKES), os.environ.get("PYTHONPATH", "")])))
        tasks.CATALOG.__init__()  # it has read what is installed when it was made
        yield FAKES
    tasks.CATALOG.__init__()


@pytest.fixture(scope="module")
def one_server(fakes):
    """The runs of a module's tests fork from one process, which takes a second to start; they do not end it."""

    from augment.engine import executors
    from augment.engine.fork_server import ForkServer

    class Lasting(ForkServer):
        def close(self):
            pass

    server = Lasting()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "ForkServer", lambda: server)
        yield
    ForkServer.close(server)


@pytest.fixture
def spec(tmp_path):
    """Writes a pipeline of fakes, see `fake_pipeline`, and returns its path."""
    from augment.toolkit.yaml_text import dump

    def write(name="fake", folder=tmp_path, **sections):
        path = folder / f"{name}.yaml"
        path.write_text(dump(fake_pipeline(name, **sections)), encoding="utf-8")
        return path

    return write
