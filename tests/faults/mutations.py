"""Files made wrong on purpose: by byte, and by structure. A seed gives the same mutant each time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

# what has broken parsers before: line ends, quotes, signs of YAML, CSV and HTML, numbers at the edge, odd Unicode
TOKENS = [
    *(b"\0", b"\r", b"\n", b"\r\n", b"\t", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\x85"),
    *(b'"', b"'", b"`", b"\\", b"/", b"../", b"{", b"}", b"[", b"]", b"- ", b"? ", b": ", b":", b",", b";", b"#", b"|"),
    *(b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system ", b"!!binary ", b"%YAML 1.1\n", b"---\n", b"...\n"),
    *(b"|\n", b">-\n", b"@", b"%", b"=1+1", b"<script>", b"\xe2\x80\xa8", b"\xe2\x80\xae", b"\xf0\x9f\x92\xa5"),
    *(b"null", b"~", b"true", b"yes", b".nan", b".inf", b"-0", b"1e999", b"9" * 40, b"0x", b"2001-01-01", b"1_0"),
    *(b"with: ", b"use: ", b"id: ", b"source: ", b"generators:\n", b"spec: 2\n", b"seed: -1\n", b"x" * 3000),
]


def mutated_bytes(blob: bytes, rng: np.random.Generator, most: int = 4) -> bytes:
    """The same bytes with 1 to `most` small accidents: bits, runs, lines and tokens, changed, lost, doubled, moved."""
    content = bytearray(blob)
    for _ in range(rng.integers(1, most + 1)):
        _one_accident(content, rng)
    return bytes(content)


def _one_accident(content: bytearray, rng: np.random.Generator) -> None:
    size = len(content)
    start = int(rng.integers(size + 1))
    end = min(size, start + int(rng.integers(1, 12)))
    match int(rng.integers(10)):
        case 0 if size:  # a bit flips
            content[start % size] ^= 1 << int(rng.integers(8))
        case 1:  # bytes are lost
            del content[start:end]
        case 2:  # bytes are doubled
            content[start:start] = content[start:end]
        case 3:  # the file ends early
            del content[start:]
        case 4:  # noise
            content[start:end] = rng.bytes(end - start)
        case 5 | 6:  # something that means something
            content[start:start] = TOKENS[rng.integers(len(TOKENS))]
        case 7:  # a line is lost, doubled, or moved
            lines = content.splitlines(keepends=True)
            if lines:
                line = lines.pop(int(rng.integers(len(lines))))
                for _ in range(int(rng.integers(3))):
                    lines.insert(int(rng.integers(len(lines) + 1)), line)
                content[:] = b"".join(lines)
        case 8:  # a line moves to the right or the left
            lines = content.splitlines(keepends=True)
            if lines:
                place = int(rng.integers(len(lines)))
                lines[place] = b"  " + lines[place] if rng.random() < 0.5 else lines[place].removeprefix(b"  ")
                content[:] = b"".join(lines)
        case _:  # a part is put elsewhere
            part = content[start : start + int(rng.integers(1, 60))]
            place = int(rng.integers(size + 1))
            content[place:place] = part


NUMBERS = [0, 1, -1, 2**63, 10**99, 0.5, -0.5, 1e308, 5e-324]
WORDS = [
    "",
    " ",
    "auto",
    "balance",
    "2x",
    "../..",
    "/etc/passwd",
    "CON",
    "é" * 70,
    "ａ",
    "x" * 5000,
    "{{ 1 }}",
    "%s",
    "\n",
]
NAMES = ["csv", "smote", "gan", "html", "label", "target", "\N{RIGHT-TO-LEFT OVERRIDE}"]
LISTS = [[], [[]], [None], ["a", "a"], [1] * 500]
MAPPINGS = [{}, {"": ""}, {"a": {"b": {}}}, {"use": {"use": "smote"}}, {"with": 1}, {"per_class": 5}, {"a": -1}]
VALUES: list[Any] = [None, True, False, *NUMBERS, *WORDS, *NAMES, *LISTS, *MAPPINGS]


def mutated_tree(tree: Any, rng: np.random.Generator, most: int = 3) -> tuple[Any, list[str]]:
    """The tree with 1 to `most` of its parts changed, and the names of keys in it that no pipeline knows."""
    tree = _copied(tree)
    strange: list[str] = []
    for _ in range(rng.integers(1, most + 1)):
        places = list(_containers(tree))
        node = places[int(rng.integers(len(places)))]
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[int(rng.integers(len(keys)))] if keys else None
        value = _copied(VALUES[int(rng.integers(len(VALUES)))])
        match int(rng.integers(8)):
            case 0 | 1 | 2 if key is not None:
                node[key] = value
            case 3 if key is not None:
                del node[key]
            case 4 if isinstance(node, dict):
                name = ["sede", "Source", "with ", "use", "id", "__class__", "x", "generator"][int(rng.integers(8))]
                node[name] = value
            case 5 if isinstance(node, dict) and key is not None:
                node[key[:-1] or "z"] = node.pop(key)
            case 6 if isinstance(node, list) and keys:
                node.append(_copied(node[int(rng.integers(len(keys)))]))
            case _:
                other = places[int(rng.integers(len(places)))]
                copied = _copied(other)
                if isinstance(node, list):
                    node.append(copied)
                elif key is not None:
                    node[key] = copied
    if isinstance(tree, dict) and rng.random() < 0.25:  # where it cannot be hidden by what stands around it
        strange.append(f"strange{int(rng.integers(1000))}")
        tree[strange[0]] = VALUES[int(rng.integers(1, len(VALUES)))]  # a key with nothing behind it is left out
    return tree, strange


def _copied(node: Any) -> Any:
    return json.loads(json.dumps(node))


def _containers(node: Any) -> Any:
    if isinstance(node, dict | list):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from _containers(child)
