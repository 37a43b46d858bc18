"""Words in files that people open in a spreadsheet, which runs some of them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["guarded"]

# what spreadsheets run as a formula (OWASP, "CSV injection"), behind quotes put there before; a negative number is none
FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def guarded(words: pa.Array) -> pa.Array:
    """Words of which none is run: those that a spreadsheet would take for a formula get a `'` in front.

    >>> guarded(pa.array(["=1+1", "-1", "plain", None])).to_pylist()
    ["'=1+1", '-1', 'plain', None]
    """
    runs = pc.match_substring_regex(words, FORMULA)
    if not pc.any(runs).as_py():
        return words
    runs = pc.and_not(runs, pc.match_substring_regex(words, NUMBER))
    return pc.if_else(runs, pc.binary_join_element_wise("'", words, ""), words)
