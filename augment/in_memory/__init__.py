"""Data in memory as a table that a file can hold, and rows back in the form in which the data came."""

from augment.in_memory.as_table import FILE, InMemory, check_labels, hold
from augment.in_memory.form import Form

__all__ = ["FILE", "Form", "InMemory", "check_labels", "hold"]
