"""Measures how long `augment --help` takes to start, against importing the libraries that a small command line needs.

Both are whole processes, run in turn, and what is compared is CPU time: wall time on a busy machine says nothing.

    python bench/startup.py [ROUNDS]
"""

import resource
import statistics
import subprocess
import sys

HELP = [sys.executable, "-c", "from augment.cli import main; main(['--help'], prog_name='augment')"]
REFERENCE = [sys.executable, "-c", "import click, pluggy, pydantic"]
GOAL = 2.0


def cpu_seconds(command: list[str]) -> float:
    """User and system time of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for command in (HELP, REFERENCE):  # the first time reads files that later ones find in memory
        cpu_seconds(command)
    pairs = [(cpu_seconds(HELP), cpu_seconds(REFERENCE)) for _ in range(rounds)]
    ratios = [ours / theirs for ours, theirs in pairs]
    low, _, high = statistics.quantiles(ratios, n=4)
    print(
        f"augment --help                 {statistics.median(ours for ours, _ in pairs):.3f} CPU-s (median of {rounds})"
    )
    print(f"import click, pluggy, pydantic {statistics.median(theirs for _, theirs in pairs):.3f} CPU-s")
    print(f"ratio {statistics.median(ratios):.2f}, half of them between {low:.2f} and {high:.2f}; goal <= {GOAL}")


if __name__ == "__main__":
    main()
