"""What this machine's processor can do that decides the bits of a result."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["has_bfloat16"]

CPU_INFO = Path("/proc/cpuinfo")  # Linux; elsewhere the slower, more exact way is taken
FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@cache
def has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 by itself, not emulated."""
    try:
        text = CPU_INFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(not FLAGS.isdisjoint(line.split()) for line in text.splitlines() if line.startswith("flags"))
