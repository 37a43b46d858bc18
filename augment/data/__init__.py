"""What data is: columns and arrays, their schema, and the one container that travels between stages.

Public: what is listed here keeps its name and meaning from one minor version to the next, and a change of it is in the
CHANGELOG. The modules below are where it stands, and may be arranged otherwise at any time.
"""

from augment.data.dataset import Dataset
from augment.data.declarations import (
    Array,
    ArrayDeclaration,
    ArrayType,
    Column,
    ColumnDeclaration,
    ColumnType,
    Modality,
    SchemaDeclaration,
)
from augment.data.schema import Schema, check, conform, infer, labels_of, observe

__all__ = [
    "Array",
    "ArrayDeclaration",
    "ArrayType",
    "Column",
    "ColumnDeclaration",
    "ColumnType",
    "Dataset",
    "Modality",
    "Schema",
    "SchemaDeclaration",
    "check",
    "conform",
    "infer",
    "labels_of",
    "observe",
]
