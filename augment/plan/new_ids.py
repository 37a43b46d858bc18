"""Ids of synthetic rows: of the type of the real ones, and none that a row has already."""

from __future__ import annotations

import hashlib
import uuid
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

__all__ = ["NewIds"]

PREFIX = "synthetic-"
FAR = 2**62  # beyond, int64 may have no room for more
UUID = r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class NewIds(BaseModel):
    """The ids of a column that are free."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: Literal["integer", "text", "uuid"]
    """The ids are integers, texts, or UUIDs made of a number (RFC 9562, version 5)."""
    first: int
    """The number of the first free id."""
    prefix: str = ""
    """The text before the number; for UUIDs their namespace."""

    @classmethod
    def after(cls, ids: pd.Series) -> Self:
        """Those after (N,) ids, integers or texts; missing ones do not count."""
        present = ids.dropna()
        if pd.api.types.is_integer_dtype(present.dtype):
            return cls(type="integer", first=_next(present))
        if len(present) and present.str.fullmatch(UUID).all():
            content = hashlib.sha256("\n".join(present).encode()).hexdigest()
            return cls(type="uuid", first=0, prefix=str(uuid.uuid5(uuid.NAMESPACE_OID, content)))
        if len(present) and present.str.fullmatch(r"0|[1-9][0-9]{0,17}").all():
            return cls(type="text", first=_next(present))
        # what was augmented before may be augmented again
        numbers = present.str.extract(rf"^{PREFIX}([0-9]{{1,17}})$", expand=False).dropna()
        return cls(type="text", first=_next(numbers), prefix=PREFIX)

    def take(self, start: int, count: int) -> pd.Series:
        """(count,) ids, after `start` others were taken."""
        numbers = pd.Series(np.arange(self.first + start, self.first + start + count))
        if self.type == "integer":
            return numbers
        if self.type == "uuid":
            namespace = uuid.UUID(self.prefix)
            return pd.Series([str(uuid.uuid5(namespace, str(number))) for number in numbers], dtype="str")
        return (self.prefix + numbers.astype("str")).astype("str")

    def without(self, count: int) -> Self:
        """Those that are free after so many were taken."""
        return self.model_copy(update={"first": self.first + count})


def _next(numbers: pd.Series) -> int:
    """The first of many free whole numbers: after the largest, or in the widest gap if that is near the end of int64.

    Numbers may be texts. 0 where there are none.
    """
    if not len(numbers):
        return 0
    taken = numbers.to_numpy("int64")
    if taken.max() < FAR:
        return int(taken.max()) + 1
    distinct = np.unique(np.append(taken, 0))
    return int(distinct[np.diff(distinct.astype(float)).argmax()]) + 1
