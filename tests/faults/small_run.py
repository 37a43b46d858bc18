"""A small pipeline, run as a process of its own that can be killed, and what must hold before and after."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from augment.storage.hashes import file_sha256
from augment.storage.store import find_damage

INJECTED = Path(__file__).parent / "injected"
COMMAND = [sys.executable, "-c", "from augment.cli import main; main(prog_name='augment')"]
MAY_DIFFER = {"run.json", "log.txt", "pipeline.yaml"}
PIPELINE = """\
name: small
seed: 3
source: {use: csv, with: {path: data.csv}}
schema: {target: label}
transforms: [impute]
generators: [bootstrap, smote]
mix: {rows: {yes: 30, no: 20}}
filters: []
trial: false
metrics: []
reporters: []
sinks: [csv, parquet]
"""


def write_rows(path: Path) -> None:
    rng = random.Random(1)
    rows = [f"{rng.gauss(0, 1):.4f},{rng.gauss(0, 1):.4f},{'yes' if row % 3 else 'no'}\n" for row in range(60)]
    path.write_text("x,y,label\n" + "".join(rows))


def write_images(path: Path) -> None:
    rng = np.random.default_rng(1)
    label = np.array(["yes", "no", "yes"] * 16)
    np.savez(path, image=rng.integers(0, 256, (len(label), 16, 16, 1), dtype=np.uint8), label=label)


@dataclass
class Ended:
    """How a process ended."""

    code: int
    stderr: str


@dataclass
class SmallRun:
    """A folder with a pipeline, and a store and a folder for temporary files of its own.

    Attributes:
        folder: new, for everything.
        pipeline: the pipeline file's text.
        workers: of the runs.
        more: further arguments of `augment run`.
        out: whether the result has a place of its own outside `runs/`.
    """

    folder: Path
    pipeline: str = PIPELINE
    workers: int = 1
    more: Sequence[str] = ()
    out: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work, self.store, self.temporary = (self.folder / name for name in ("work", "store", "tmp"))
        for folder in (self.work, self.store, self.temporary):
            folder.mkdir(parents=True)
        (self.work / "small.yaml").write_text(self.pipeline)
        self.data = self.work / ("data.npz" if "data.npz" in self.pipeline else "data.csv")
        (write_images if self.data.suffix == ".npz" else write_rows)(self.data)

    def again(self, folder: Path, **changes) -> SmallRun:
        """The same, with nothing done yet."""
        settings = {name: getattr(self, name) for name in ("pipeline", "workers", "more", "out", "environment")}
        return SmallRun(folder, **{**settings, **changes})

    @property
    def arguments(self) -> list[str]:
        place = ["--out", str(self.work / "mine")] if self.out else []
        return ["run", str(self.work / "small.yaml"), "-q", "--workers", str(self.workers), *place, *self.more]

    def variables(self, **fault) -> dict[str, str]:
        """The environment of a run, with the fault to be injected if one is given."""
        found = {**os.environ, **self.environment, "AUGMENT_STORE": str(self.store), "TMPDIR": str(self.temporary)}
        found["TORCHINDUCTOR_CACHE_DIR"] = str(self.folder / "torch")  # torch leaves one in TMPDIR otherwise
        if fault:
            found["AUGMENT_FAULTS"] = json.dumps(self.fault(**fault))
            found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(INJECTED), found.get("PYTHONPATH", "")]))
        return found

    def fault(self, **fault) -> dict:
        """What the injected module is told."""
        log = self.folder / "steps"
        log.unlink(missing_ok=True)
        return {"root": str(self.folder), "log": str(log), **fault}

    @property
    def num_steps(self) -> int:
        """How many steps on the disk were counted in the last run with a fault."""
        return (self.folder / "steps").stat().st_size

    def start(self, group: bool = False, **fault) -> subprocess.Popen[str]:
        """Start the command; as a group of processes of its own, if it is to get signals as from a terminal."""
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        command = [*COMMAND, *self.arguments]
        return subprocess.Popen(command, env=self.variables(**fault), start_new_session=group, **pipes)

    def run(self, **fault) -> Ended:
        with self.start(**fault) as process:
            _, errors = process.communicate(timeout=300)
        return Ended(process.returncode, errors)

    # what was written

    @property
    def results(self) -> list[Path]:
        """Folders of finished runs."""
        if self.out:
            return [self.work / "mine"] if (self.work / "mine").exists() else []
        runs = self.work / "runs"
        found = [path for path in runs.iterdir() if path.is_dir() and not path.is_symlink()] if runs.is_dir() else []
        return sorted(path for path in found if not path.name.startswith("."))

    def content(self) -> dict[str, str]:
        """Every file of the one result that must be equal, with its hash."""
        (result,) = self.results
        return {
            path.relative_to(result).as_posix(): file_sha256(path)
            for path in sorted(result.rglob("*"))
            if path.is_file() and path.name not in MAY_DIFFER
        }

    def problems_now(self) -> list[str]:
        """What is visible and not whole; there may be hidden leftovers."""
        problems = []
        for result in self.results:
            try:
                files = json.loads((result / "run.json").read_text())["files"]
            except (OSError, ValueError) as error:
                problems.append(f"{result} is visible without a whole run.json: {error}")
                continue
            present = {path.relative_to(result).as_posix() for path in result.rglob("*") if path.is_file()}
            if present != {*files, "run.json"} or any(file_sha256(result / name) != files[name] for name in files):
                problems.append(f"{result} is visible and not whole")
        link = self.work / "runs" / "small"
        if link.is_symlink() and not (link / "run.json").is_file():
            problems.append(f"{link} leads nowhere")
        objects = self.store / "objects"
        kept = [(path, find_damage(path)) for path in (objects.iterdir() if objects.is_dir() else [])]
        problems += [f"{path} is kept and damaged: {damage}" for path, damage in kept if damage]
        return problems

    def problems_at_the_end(self, wanted: dict[str, str]) -> list[str]:
        """What is wrong after a run that ended well."""
        problems = self.problems_now()
        if len(self.results) != 1:
            return [*problems, f"results: {self.results}"]
        found = self.content()
        if found != wanted:
            problems.append(f"other bytes in {sorted({key for key, _ in found.items() ^ wanted.items()})}")
        (result,) = self.results
        link = self.work / "runs" / "small"
        if not self.out and (not link.is_symlink() or link.resolve() != result):
            problems.append("the link does not lead to the run")
        places = {"mine"} if self.out else {"runs", "runs/small", f"runs/{result.name}"}
        expected = {self.data.name, "small.yaml", *places}
        left = [path for path in self.work.rglob("*") if result not in path.parents]
        left = [path.relative_to(self.work).as_posix() for path in left if link not in path.parents]
        problems += [f"left behind: {name}" for name in sorted(set(left) - expected)]
        for name in ("work", "locks", "scratch"):
            folder = self.store / name
            problems += [f"left behind: {path}" for path in (folder.iterdir() if folder.is_dir() else [])]
        # but for what Python itself writes to see whether a folder for temporary files can be written to
        left = [path for path in self.temporary.iterdir() if path.is_dir() or path.read_bytes() not in (b"", b"blat")]
        problems += [f"left behind: {path}" for path in left]
        return problems


class Forks:
    """Runs without workers, in forks of this process, which has imported everything: one takes a fraction of a second.

    This process must have no threads, and must not have used torch or pyarrow.
    """

    def __init__(self, plugins: Sequence[str] = ("tables", "controls", "smote")) -> None:
        import torch

        import augment.cli
        import augment.runner.run

        torch.set_num_threads(1)
        more = (
            "augment.engine.tasks",
            "augment.engine.write_tasks",
            "imblearn.over_sampling",
            "pyarrow.csv",
            "pyarrow.parquet",
        )
        for name in (*more, *(f"augment_{plugin}" for plugin in plugins)):
            module = importlib.import_module(name)
            getattr(module, "augment_components", list)()
        spec = importlib.util.spec_from_file_location("injected", INJECTED / "sitecustomize.py")
        self._injected = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._injected)
        self._main = augment.cli.main

    def run(
        self,
        small: SmallRun,
        prepare: Callable[[], None] = lambda: None,
        kill_after: float | None = None,
        once: Callable[[], bool] = lambda: True,
        **fault,
    ) -> Ended:
        """As `SmallRun.run`.

        Args:
            small: without workers.
            prepare: called in the fork before anything else.
            kill_after: kill it after so many seconds.
            once: what they are counted from, unless the run ends before.
            fault: to be injected.
        """
        assert small.workers == 0
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._child(small, writing, prepare, fault)
        os.close(writing)
        if kill_after is not None:
            while not once() and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                time.sleep(0.005)
            time.sleep(kill_after)
            os.kill(child, signal.SIGKILL)
        with os.fdopen(reading, encoding="utf-8", errors="replace") as errors:
            said = errors.read()
        _, status = os.waitpid(child, 0)
        return Ended(os.waitstatus_to_exitcode(status), said)

    def _child(self, small: SmallRun, errors: int, prepare: Callable[[], None], fault: dict) -> None:
        code = 1
        try:
            os.dup2(errors, 2)
            sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", 0), write_through=True)
            sys.stdout = io.StringIO()
            os.environ.update(small.variables())
            tempfile.tempdir = None  # it is looked up in the environment again
            prepare()
            if fault:
                self._injected.install(**small.fault(**fault))
            self._main(small.arguments, prog_name="augment")
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


def fresh(folder: Path) -> Path:
    """The folder, emptied."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
