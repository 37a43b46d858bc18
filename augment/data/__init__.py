"""Datasets: columns and arrays, their schema, and the container that stages pass on.

Public: the names listed here keep their meaning between minor versions, and changes are in the CHANGELOG. The modules
in this package are internal and may be rearranged at any time.
"""

from augment.data.conformity import check, conform
from augment.data.dataset import Dataset
from augment.data.dates import as_written, has_zone
from augment.data.declarations import (
    Array,
    ArrayDeclaration,
    ArrayType,
    Column,
    ColumnDeclaration,
    ColumnType,
    DateFormat,
    Levels,
    Modality,
    SchemaDeclaration,
    StoredType,
    arrow_type,
)
from augment.data.depth import narrowed, widened
from augment.data.inference import MAX_INTEGER_CLASSES, infer, observe
from augment.data.schema import Schema, as_labels, class_positions
from augment.data.snapping import snap

__all__ = [
    "MAX_INTEGER_CLASSES",
    "Array",
    "ArrayDeclaration",
    "ArrayType",
    "Column",
    "ColumnDeclaration",
    "ColumnType",
    "Dataset",
    "DateFormat",
    "Levels",
    "Modality",
    "Schema",
    "SchemaDeclaration",
    "StoredType",
    "arrow_type",
    "as_labels",
    "as_written",
    "check",
    "class_positions",
    "conform",
    "has_zone",
    "infer",
    "narrowed",
    "observe",
    "snap",
    "widened",
]
