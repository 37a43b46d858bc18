"""What a search for the mix tries, and how it chooses: pure functions."""

from __future__ import annotations

from typing import Any

__all__ = ["not_asked"]


def not_asked() -> dict[str, Any]:
    """The search's part of `metrics.json` where the pipeline says how many rows and whose."""
    return {
        "asked": False,
        "sentence": "",
        "chosen": "",
        "mix": None,
        "probe": "",
        "score": "",
        "better": "higher",
        "seeds": 0,
        "complete": True,
        "candidates": [],
    }
