"""Data in memory as a table that a file can hold, and rows back in the form in which the data came."""

from augment.in_memory.form import Form
from augment.in_memory.hold import FILE, InMemory, check_labels, hold

__all__ = ["FILE", "Form", "InMemory", "check_labels", "hold"]
