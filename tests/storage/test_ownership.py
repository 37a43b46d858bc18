from __future__ import annotations

import json

import pytest

from augment.storage.ownership import json_text


@pytest.mark.parametrize(
    "content",
    [
        {"train": [0, 1, -(10**18)], "test": [7], "dropped": []},
        {"a": {"b": {}, 'quote " and\nline': [1.5, None, True, [1, 2], {"x": "two\nlines"}]}, "c": [True, 2], "é": "é"},
        {1: 2, "x": {3: [4]}},
        [1, 2],
        {},
        "text",
    ],
    ids=["split", "nested", "numbers as names", "list", "empty", "text"],
)
def test_json_is_written_as_the_standard_library_does(content):
    assert json_text(content) == json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def test_what_is_no_json_is_refused_or_made_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": {"b": [float("nan")]}})
    assert json.loads(json_text({"a": {"b": {1}}}, default=list)) == {"a": {"b": [1]}}
