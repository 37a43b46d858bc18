"""A pipeline of the components of `tests/fakes`."""

from __future__ import annotations

from typing import Any

# what most tests of runs do not look at, and what takes longest
ASSESSED = {"trial": {"probe": "fake-centroids", "seeds": 2}, "metrics": ["fake-means"]}


def fake_pipeline(name: str = "fake", **sections: Any) -> dict[str, Any]:
    """A pipeline that is quick to run and assesses nothing; what is given replaces whole sections."""
    return {
        "name": name,
        "seed": 3,
        "source": "fake-rows",
        "generators": ["fake-move"],
        "filters": [],
        "trial": False,
        "metrics": [],
        "reporters": ["fake-lines"],
        "sinks": ["csv"],
        **sections,
    }
