from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project(tmp_path):
    """A folder with data; call it with a pipeline's text to write the file."""
    (tmp_path / "credit.csv").write_text("x,y\n1,no\n")

    def write(text: str, name: str = "p.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
