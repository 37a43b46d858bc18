"""Words of texts, also in scripts that put no spaces between them: there each character counts as a word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["UNSPACED", "WORD", "characters", "has_spaces"]

# ranges of the Unicode blocks of Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese, for a class of characters
UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9d\U00020000-\U0003ffff"
)
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
_CHARACTER = re.compile(rf"[{UNSPACED}]")
_JOINER = "\u200d"
MIN_SPACES = 0.2  # to a character: words of five would have so many


def has_spaces(texts: Iterable[str]) -> bool:
    """Whether words are divided by spaces; false if most characters are of scripts that put hardly any.

    >>> has_spaces(["good product"]), has_spaces(["质量非常好"]), has_spaces(["质量 非常 好"]), has_spaces(["ok"])
    (True, False, True, True)
    """
    num_words, num_unspaced, num_spaces = 0, 0, 0
    for text in texts:
        words = WORD.findall(text)
        num_words += len(words)
        num_unspaced += sum(map(bool, map(_CHARACTER.match, words)))
        num_spaces += max(0, len(text.split()) - 1)
    return 2 * num_unspaced <= num_words or num_spaces >= MIN_SPACES * num_unspaced


def characters(text: str, whole_words: bool = True) -> list[str]:
    """Characters as readers see them, with their accents and vowel signs; Latin words and numbers stay whole.

    >>> characters("买iPhone 15"), characters("ดีมาก")
    (['买', 'iPhone', ' ', '15'], ['ดี', 'ม', 'า', 'ก'])
    """
    parts: list[str] = []
    for character in text:
        last = parts[-1] if parts else ""
        joins = unicodedata.category(character)[0] == "M" or character == _JOINER or last.endswith(_JOINER)
        both = character + last[-1:]
        if last and (joins or (whole_words and both.isascii() and both.isalnum())):
            parts[-1] += character
        else:
            parts.append(character)
    return parts
