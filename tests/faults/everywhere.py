"""Kills runs and breaks the disk under them, everywhere; says what did not hold. `make faults` does all of it.

    python tests/faults/everywhere.py points          SIGKILL at every step on the disk, then the same command again
    python tests/faults/everywhere.py replace         the same while an older run is being replaced
    python tests/faults/everywhere.py rows            three kills in a row, at random steps
    python tests/faults/everywhere.py instants        SIGKILL at random instants
    python tests/faults/everywhere.py errors          an error at every step, for once and lasting
    python tests/faults/everywhere.py limits          no file may outgrow a limit: writes fall short in every library
    python tests/faults/everywhere.py full            a small file system that is full (as root, on Linux)
    python tests/faults/everywhere.py workers         kills and errors with worker processes
    python tests/faults/everywhere.py real            kills soon after the first checkpoint of each torch generator

With `--every N` only each N-th case is tried; `--offset` says which.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

from small_run import Ended, Forks, SmallRun, fresh

KILLED = -9
DISK_ERROR = 7
ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS")
INSTANTS = 200
ROWS = 40
WORKERS_EVERY = 8  # a run with worker processes takes ten of them, so not every step is tried
REAL_INSTANTS = 24  # of each generator
Case = Iterator[tuple[str, list[str]]]  # what was tried, and what did not hold


class Everywhere:
    """All the cases, each tried in the same folder, emptied.

    Args:
        folder: for everything.
        every: try each so many-th case.
        offset: the first one.
    """

    def __init__(self, folder: Path, every: int, offset: int):
        self.folder, self._every, self._offset = folder, every, offset
        self.outcomes: Counter[str] = Counter()  # of the part that is tried
        self._undisturbed: dict[str, tuple[SmallRun, dict[str, str], int]] = {}

    def some(self, cases: Iterable) -> list:
        return list(cases)[self._offset :: self._every]

    def undisturbed(self, forks: Forks, **settings) -> tuple[SmallRun, dict[str, str], int]:
        """A run without a fault, made once, what it wrote, and how many steps that took."""
        if (key := str(settings)) not in self._undisturbed:
            small = SmallRun(self.folder / f"undisturbed-{len(self._undisturbed)}", **settings)
            ended = forks.run(small, at=0)
            assert ended.code == 0, ended
            wanted = small.content()
            problems = small.problems_at_the_end(wanted)
            assert not problems, problems
            self._undisturbed[key] = small, wanted, small.num_steps
        return self._undisturbed[key]

    def new(self, undisturbed: SmallRun, **changes) -> SmallRun:
        return undisturbed.again(fresh(self.folder / "disturbed"), **changes)

    def goes_on(self, small: SmallRun, ended: Ended, run: Callable[[], Ended], wanted: dict[str, str]) -> list[str]:
        """What does not hold after a run that was disturbed, and after the same command again."""
        self.outcomes[str(ended.code)] += 1
        problems = small.problems_now()
        again = run()
        if again.code:
            return [*problems, f"the same command again: {again}"]
        return [*problems, *small.problems_at_the_end(wanted)]

    # kills

    def points(self) -> Case:
        forks = Forks()
        undisturbed, wanted, num_steps = self.undisturbed(forks, workers=0)
        for at in self.some(range(1, num_steps + 1)):
            small = self.new(undisturbed)
            ended = forks.run(small, at=at)
            problems = [] if ended.code == KILLED else [f"it was not killed: {ended}"]
            yield f"kill at step {at}", [*problems, *self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)]

    def replace(self) -> Case:
        forks = Forks()
        old = self.undisturbed(forks, workers=0, out=True, more=("--seed", "4"))[1]
        undisturbed, wanted, num_steps = self.undisturbed(forks, workers=0, out=True, more=("--overwrite",))
        for at in self.some(range(1, num_steps + 20)):
            small = self.new(undisturbed, more=("--seed", "4"))
            assert forks.run(small).code == 0
            small.more = ("--overwrite",)
            ended = forks.run(small, at=at)
            if ended.code == 0:
                break  # that was the last step
            whole = small.results and small.content() in (old, wanted)
            problems = [] if whole else ["neither the old run nor the new one stands there"]
            yield f"kill at step {at}", [*problems, *self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)]

    def rows(self) -> Case:
        forks, rng = Forks(), Random(1)
        undisturbed, wanted, num_steps = self.undisturbed(forks, workers=0)
        for places in self.some([[rng.randint(1, num_steps) for _ in range(3)] for _ in range(ROWS)]):
            small = self.new(undisturbed)
            for at in places[:-1]:
                self.outcomes[str(forks.run(small, at=at).code)] += 1
            ended = forks.run(small, at=places[-1])  # which may come too late for a run that had little left to do
            yield f"kills at steps {places}", self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)

    def instants(self) -> Case:
        forks, rng = Forks(), Random(2)
        undisturbed, wanted, _ = self.undisturbed(forks, workers=0)
        seconds = _seconds(forks, self.new(undisturbed))
        for after in self.some([rng.uniform(0, seconds) for _ in range(INSTANTS)]):
            small = self.new(undisturbed)
            ended = forks.run(small, kill_after=after)
            yield f"kill after {after:.3f} s", self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)

    def real(self) -> Case:
        used = ("tables", "arrays", "text", "series", "histories", "gan", "vae", "rnn")
        forks, rng = Forks(used), Random(3)
        for name, (source, schema, sink, generator) in REAL.items():
            pipeline = REAL_PIPELINE.format(source=source, schema=schema, sink=sink, generator=generator)
            start = time.monotonic()
            undisturbed, wanted, _ = self.undisturbed(forks, workers=0, pipeline=pipeline)
            seconds = time.monotonic() - start
            for after in self.some([rng.uniform(0, seconds / 4) for _ in range(REAL_INSTANTS)]):
                small = self.new(undisturbed)
                found = partial(_has_checkpoint, small)
                ended = forks.run(small, _checkpoints_all_the_time, kill_after=after, once=found)
                self.outcomes["with a checkpoint" if found() else "without a checkpoint"] += 1
                yield (
                    f"{name}: kill {after:.3f} s after the first checkpoint",
                    self.goes_on(small, ended, lambda s=small: forks.run(s, _checkpoints_all_the_time), wanted),
                )

    # disks

    def errors(self) -> Case:
        forks = Forks()
        undisturbed, wanted, num_steps = self.undisturbed(forks, workers=0)
        for at in self.some(range(1, num_steps + 1)):
            for lasting in (False, True):
                small = self.new(undisturbed)
                ended = forks.run(small, at=at, do=ERRORS[at % len(ERRORS)], lasting=lasting)
                problems = [*_said_in_words(ended, small), *_reused(small, forks)]
                how = "from" if lasting else "at"
                again = self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)
                yield f"{ERRORS[at % len(ERRORS)]} {how} step {at}", [*problems, *again]

    def limits(self) -> Case:
        forks = Forks()
        undisturbed, wanted, _ = self.undisturbed(forks, workers=0)
        largest = max(path.stat().st_size for path in undisturbed.folder.rglob("*") if path.is_file())
        for limit in self.some(sorted({0, *(int(largest * (share / 40) ** 3) for share in range(1, 40))})):
            small = self.new(undisturbed)
            size = (limit, resource.RLIM_INFINITY)
            ended = forks.run(small, lambda s=size: resource.setrlimit(resource.RLIMIT_FSIZE, s))
            problems = _said_in_words(ended, small)
            again = self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)
            yield f"no file above {limit} bytes", [*problems, *again]

    def full(self) -> Case:
        forks = Forks()
        undisturbed, wanted, _ = self.undisturbed(forks, workers=0)
        place = self.folder / "mounted"
        for size in self.some(range(8, 400, 8)):
            with _file_system(place, f"{size}k") as resize:
                if not resize:
                    print("full: left out, since no file system can be mounted here; that takes root on Linux")
                    return
                try:
                    small = undisturbed.again(place / "small")
                except OSError:
                    continue  # not even the pipeline fits
                ended = forks.run(small)
                if ended.code == 0:
                    return
                problems = [*_said_in_words(ended, small), *small.problems_now()]
                resize("64m")
                again = self.goes_on(small, ended, lambda s=small: forks.run(s), wanted)
                yield f"a file system of {size} KiB", [*problems, *again]

    # worker processes

    def workers(self) -> Case:
        undisturbed = SmallRun(fresh(self.folder / "undisturbed"), workers=2)
        ended = undisturbed.run(at=0)
        assert ended.code == 0, ended
        wanted, num_steps = undisturbed.content(), undisturbed.num_steps
        kinds = ("kill-run", "kill-self", "ENOSPC")
        for number, at in enumerate(self.some(range(1, num_steps + 1, WORKERS_EVERY))):
            do = kinds[number % len(kinds)]
            small = self.new(undisturbed)
            ended = small.run(at=at, do=do)
            problems = []
            if do == "ENOSPC":
                problems += _said_in_words(ended, small)
            elif do == "kill-self" and ended.code != KILLED:  # a worker died alone
                named = "its process was killed by signal 9" in ended.stderr
                problems += [] if named and ended.code == 4 else [f"a dead worker is not told of: {ended}"]
            yield f"{do} at step {at}, workers", [*problems, *self.goes_on(small, ended, small.run, wanted)]


TABLE = "{use: csv, with: {path: data.csv}}", "{target: label}", "csv"
IMAGES = "{use: npz, with: {path: data.npz}}", "{target: label}", "npz"
TEXTS = "{use: docstrings, with: {packages: {pluggy: 20, iniconfig: 20}}}", "{}", "csv"
SERIES = "{use: cylinder-bell-funnel, with: {rows: {bell: 30, funnel: 20}}}", "{}", "series-csv"
HISTORIES = "{use: shoppers, with: {users: 60, items: 80}}", "{}", "histories"
REAL = {
    "vae for tables": (*TABLE, "{use: vae, with: {steps: 300}}"),
    "gan for tables": (*TABLE, "{use: gan, with: {steps: 120, autoencoder_steps: 120}}"),
    "rnn for tables": (*TABLE, "{use: rnn, with: {steps: 800}}"),
    "vae for images": (*IMAGES, "{use: vae, with: {steps: 100}}"),
    "gan for images": (*IMAGES, "{use: gan, with: {steps: 60, width: 8}}"),
    "rnn for texts": (*TEXTS, "{use: rnn, with: {steps: 30, width: 32}}"),
    "rnn for series": (*SERIES, "{use: rnn, with: {steps: 30, width: 32}}"),
    "vae for series": (*SERIES, "{use: vae, with: {steps: 30}}"),
    "gan for series": (*SERIES, "{use: gan, with: {steps: 15}}"),
    "rnn for histories": (*HISTORIES, "{use: rnn, with: {steps: 100, width: 32}}"),
}
REAL_PIPELINE = """\
name: small
seed: 3
source: {source}
schema: {schema}
generators: [{generator}]
mix: {{rows: 50}}
filters: []
trial: false
metrics: []
reporters: []
sinks: [{sink}]
"""


def _has_checkpoint(small: SmallRun) -> bool:
    return any(small.store.glob("work/*/checkpoint/**/current"))


def _checkpoints_all_the_time() -> None:
    from augment.toolkit import training

    training.SECONDS_BETWEEN_CHECKPOINTS = 0.05


def _seconds(forks: Forks, small: SmallRun) -> float:
    start = time.monotonic()
    assert forks.run(small).code == 0
    return time.monotonic() - start


def _said_in_words(ended: Ended, small: SmallRun) -> list[str]:
    """A disk that fails is a message of at most three lines with the place, or nothing that mattered failed."""
    if ended.code == 0:
        return [] if small.results and not ended.stderr else ["it ended well without a result"]
    told = ended.stderr.strip()
    as_promised = (
        ended.code == DISK_ERROR
        and told.startswith("error: ")
        and len(told.splitlines()) <= 3
        and str(small.folder) in told
        and ".draft" not in told
    )
    return [] if as_promised else [f"not said as promised: {ended}"]


def _reused(small: SmallRun, forks: Forks) -> list[str]:
    """The fits that are in the store now are not made again."""
    kept = {path.name: path.stat().st_ino for path in small.store.glob("objects/generator-*")}
    if not kept:
        return []
    forks.run(small)
    changed = [name for name, inode in kept.items() if (small.store / "objects" / name).stat().st_ino != inode]
    return [f"fitted again: {changed}"] if changed else []


@contextmanager
def _file_system(place: Path, size: str) -> Iterator[Callable[[str], None] | None]:
    """A file system of that size, and a function that gives it another one; None where it cannot be mounted."""

    def mount(options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True).returncode == 0

    place.mkdir(exist_ok=True)
    if not mount(f"size={size}"):
        yield None
        return
    try:
        yield lambda larger: subprocess.run(["mount", "-o", f"remount,size={larger}", str(place)], check=True) and None
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


PARTS = ("points", "replace", "rows", "instants", "errors", "limits", "full", "workers", "real")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "all"])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--offset", type=int, default=0)
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        everywhere = Everywhere(Path(folder).resolve(), arguments.every, arguments.offset)
        for part in PARTS if arguments.parts == ["all"] else arguments.parts:
            everywhere.outcomes.clear()
            tried = 0
            for case, problems in getattr(everywhere, part)():
                tried += 1
                failed += bool(problems)
                for problem in problems:
                    print(f"{part}: {case}: {problem}", flush=True)
            outcomes = ", ".join(f"{count} x {code}" for code, count in sorted(everywhere.outcomes.items()))
            print(f"{part}: {tried} tried; exit codes of what was disturbed: {outcomes}", flush=True)
    print(f"{failed} did not hold" if failed else "all held")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
