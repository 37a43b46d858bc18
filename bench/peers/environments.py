"""Virtual environments for peers: what they bring along stays out of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python_with(name: str, *packages: str) -> Path:
    """The Python of an environment with these packages, installed on the first call; torch, where any of them needs it,
    is the tested one.

    Args:
        name: of the environment, a folder in build/.
        packages: as pip takes them.
    """
    place = ROOT / "build" / name
    python = place / "bin" / "python"
    if not python.exists():
        print(f"installing {', '.join(packages)} into {place}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        torch = re.search(r"^torch==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
        assert torch is not None
        (place / "constraints.txt").write_text(torch.group())
        install = ["install", "--quiet", "--constraint", place / "constraints.txt"]
        subprocess.run([python, "-m", "pip", *install, *packages], check=True)
    return python
