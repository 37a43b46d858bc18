"""Measures what starting costs: commands against the imports that a small command line needs, and short runs.

All are whole processes with all that they start, run in turn, and what is compared is CPU time: wall time on a busy
machine says nothing. Each run has a store and a folder of its own.

    python bench/startup.py [ROUNDS] [ROUNDS OF RUNS]
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
AUGMENT = [sys.executable, "-c", "from augment.cli import main; main(prog_name='augment')"]
REFERENCE = [sys.executable, "-c", "import click, pluggy, pydantic"]
GOALS = {"--help": 2.0, "plugins": 3.0}  # times the reference
TRIVIAL = """
name: trivial
source: {use: csv, with: {path: data.csv}}
schema: {target: label}
generators: [bootstrap]
mix: {rows: 100}
trial: false
"""


def cpu_seconds(command: list[str], folder: Path | None = None) -> float:
    """User and system time of a process and of those that it has started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    store = {"AUGMENT_STORE": str(folder / "store")} if folder else {}
    subprocess.run(command, cwd=folder, env={**os.environ, **store}, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def run(pipeline: str, *options: str) -> float:
    """CPU-seconds of a run that finds nothing in its store."""
    with tempfile.TemporaryDirectory(prefix="augment-bench-") as name:
        folder = Path(name)
        rows = [
            f"{number * 37 % 400},{number * 91 % 400 / 7:.3f},{'no' if number % 3 else 'yes'}" for number in range(400)
        ]
        (folder / "data.csv").write_text("\n".join(["x,y,label", *rows]) + "\n", encoding="utf-8")
        (folder / "p.yaml").write_text(pipeline, encoding="utf-8")
        return cpu_seconds([*AUGMENT, "run", "p.yaml", "-q", *options], folder)


def described(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} CPU-s ({min(seconds):.2f} to {max(seconds):.2f})"


def main() -> None:
    rounds, rounds_of_runs = (int(argument) for argument in (sys.argv[1:] + ["20", "5"][len(sys.argv) - 1 :]))
    commands = {name: [*AUGMENT, name] for name in GOALS}
    for command in (*commands.values(), REFERENCE):  # the first time reads files that later ones find in memory
        cpu_seconds(command)
    measured: dict[str, list[float]] = {name: [] for name in (*commands, "reference")}
    for _ in range(rounds):
        for name, command in {**commands, "reference": REFERENCE}.items():
            measured[name].append(cpu_seconds(command))
    print(f"import click, pluggy, pydantic: {described(measured['reference'])}, {rounds} rounds")
    for name, goal in GOALS.items():
        ratios = [ours / theirs for ours, theirs in zip(measured[name], measured["reference"], strict=True)]
        times = f"{statistics.median(ratios):.2f} times as much ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"augment {name}: {described(measured[name])}, {times}; goal <= {goal:g} times")

    (first,) = re.findall(
        r"<!-- pipeline: first\.yaml -->\n```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.S
    )
    for name, pipeline, goal in (("README's first pipeline", first, 15), ("trivial run", TRIVIAL, 3)):
        with_workers = [run(pipeline) for _ in range(rounds_of_runs)]
        without = [run(pipeline, "--workers", "0") for _ in range(rounds_of_runs)]
        print(f"{name}: {described(with_workers)}, {rounds_of_runs} rounds; goal <= {goal} CPU-s")
        print(f"{name} with --workers 0: {described(without)}")


if __name__ == "__main__":
    main()
