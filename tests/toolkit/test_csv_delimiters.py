from __future__ import annotations

from pathlib import Path

import pytest

from augment.errors import DataError
from augment.toolkit.csv_delimiters import SPACES, divided_by_several, with_tabs, written_with_tabs

LINES = {
    "aligned": (["  x    y kind", "1.25   3 a", " 2.5  14 b", "  -1   5 a", " 0.1   6 b"], SPACES),
    "tabs and spaces": (['18.0   8 307.0\t"ford torino"'] * 5, SPACES),
    "doubled tabs": (["1.5\t2\t3", "1.5\t\t2\t3", "4\t5\t\t6", "1\t2\t3", "7\t8\t9"], SPACES),
    "decimal commas": (["1,5 2,5 3"] * 5, SPACES),
    "row names": (['"mpg" "cyl"', *['"Mazda RX4" 21 6'] * 5], SPACES),
    "blank cells": (["name      n", "New York  3", "          4", "Rome      5", "          6"], SPACES),
    "colons": (["1::Heat (1995)::Action|Crime"] * 5, "::"),
    "prose": (["the cat sat on a mat", "it was 5", "a dog came in", "and left. It rained", "the end"], None),
    "prose of double spaces": (["One.  Two three.", "Four five.  Six.", "Seven.  Eight.", "Nine ten.  A.", "B."], None),
    "names": (["Jane Doe", "John Smith", "Ann Lee", "Bo Li", "Cy Ro"], None),
    "commas and spaces": (["1, 2, 3"] * 5, None),
    "few lines": (["1 2 3"] * 4, None),
}


@pytest.mark.parametrize("what", LINES)
def test_several_characters_are_found_between_cells_and_not_in_prose(what: str) -> None:
    lines, delimiter = LINES[what]
    assert divided_by_several(lines) == delimiter


def test_cells_with_tabs_and_quotes_are_kept_and_lines_stay_where_they_are() -> None:
    assert with_tabs('1::a\tb::"c"\n\n2::d::e', "::") == '1\t"a\tb"\t"""c"""\n\n2\td\te\n'


def test_a_problem_in_the_copy_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    path.write_text("a  b\n1 2\n", encoding="utf-8")
    with (
        pytest.raises(DataError, match=r"^.*/data\.txt, line 2: odd$") as caught,
        written_with_tabs(path, SPACES, "utf-8", tmp_path) as copy,
    ):
        assert copy.read_text(encoding="utf-8") == "a\tb\n1\t2\n"
        raise DataError(f"{copy}, line 2: odd")
    assert str(caught.value).startswith(str(path))
    assert list(tmp_path.iterdir()) == [path]
