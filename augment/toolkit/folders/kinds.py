"""What files a folder is searched for."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["FileKind"]


@dataclass(frozen=True)
class FileKind:
    """Files that hold one row each.

    Attributes:
        one: what messages call such a file: `image`.
        many: and several: `images`.
        suffixes: their file extensions, in lower case with the dot.
        folders: names, in lower case, of folders that say what lies in them, and not of which class it is.
    """

    one: str
    many: str
    suffixes: frozenset[str]
    folders: frozenset[str] = frozenset()

    def is_one(self, name: str) -> bool:
        """Whether a file's name ends as those of such files do."""
        return os.path.splitext(name)[1].lower() in self.suffixes

    @property
    def a(self) -> str:
        """`one` with its article."""
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"
