"""How much memory a process has taken."""

from __future__ import annotations

import re
from pathlib import Path


def peak_megabytes() -> int:
    """The most that this process has had at once, on Linux; not `ru_maxrss`, which begins with that of its parent."""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(kilobytes) // 1024
