"""A sample of what `everywhere.py` does in full; see there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).with_name("everywhere.py")
# part to the exit codes of disturbed runs; a machine that has become quicker is done before the instant comes
DISTURBED = {"points": "-9", "replace": "-9", "rows": "-9", "instants": "(-9|0)", "errors": "7", "limits": "7"}


def everywhere(*arguments: str) -> str:
    # a process of its own: this one has threads, and must not be forked
    done = subprocess.run([sys.executable, str(TOOL), *arguments], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sample():
    """What a sample of all parts found, in one process for the sake of its imports."""
    return everywhere(*DISTURBED, "--every", "800", "--offset", "29")


@pytest.mark.parametrize("part", DISTURBED)
def test_a_disturbed_run_loses_nothing_and_the_same_command_goes_on(sample, part):
    found = [line for line in sample.splitlines() if line.startswith(f"{part}: ")]
    assert len(found) == 1, "\n".join(found)  # the summary, and nothing that did not hold
    assert re.search(rf"disturbed: .*\b[1-9][0-9]* x {DISTURBED[part]}", found[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "every"),
    [([*DISTURBED, "full"], 40), (["workers"], 16), (["real"], 24)],
    ids=["light", "workers", "real"],
)
def test_a_larger_sample(parts, every):
    found = everywhere(*parts, "--every", str(every), "--offset", "3").splitlines()
    assert found[-1] == "all held", "\n".join(found)
    assert parts != ["real"] or re.search(r"\b[1-9][0-9]* x with a checkpoint", found[-2])
