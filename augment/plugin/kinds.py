"""The eight kinds of component. This module imports nothing, so that names can be listed before anything else is."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["KINDS", "Kind"]

Kind = Literal["source", "transform", "generator", "filter", "probe", "metric", "reporter", "sink"]
KINDS: tuple[Kind, ...] = get_args(Kind)
