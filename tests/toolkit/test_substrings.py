from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.toolkit import substrings
from augment.toolkit.substrings import Stock, longest_shared

TEXTS = st.lists(st.text(alphabet="ab\x00é😀", max_size=12), max_size=6)


def place_by_hand(text, length, others):
    places = [at for at in range(len(text) - length + 1) if any(text[at : at + length] in other for other in others)]
    return places[0] if places else -1


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_the_first_shared_stretch_is_found_however_the_texts_are_cut_for_hashing(block, monkeypatch):
    @settings(max_examples=60)
    @given(TEXTS, TEXTS, st.integers(1, 13))
    def holds(texts, stock, length):
        expected = [place_by_hand(text, length, stock) for text in texts]
        assert Stock.of(stock).shares(texts, length).tolist() == expected

    monkeypatch.setattr(substrings, "BLOCK", block)
    holds()


@settings(max_examples=100)
@given(TEXTS, st.integers(1, 13))
def test_a_text_of_the_stock_is_compared_with_the_others(texts, length):
    expected = [place_by_hand(text, length, texts[:row] + texts[row + 1 :]) for row, text in enumerate(texts)]
    assert Stock.of(texts).shares(texts, length, own=np.arange(len(texts))).tolist() == expected


@settings(max_examples=100)
@given(TEXTS.filter(len), st.sampled_from([0.0, 0.3, 0.6]))
def test_no_more_than_the_share_of_texts_have_longer_stretches_in_common(texts, share):
    stock, own = Stock.of(texts), np.arange(len(texts))
    usual = stock.usual(texts, own, share)
    assert (stock.shares(texts, usual + 1, own) >= 0).mean() <= share
    assert usual == 0 or (stock.shares(texts, usual, own) >= 0).mean() > share


def test_a_copy_in_a_long_text_is_found_to_the_letter():
    rng = np.random.default_rng(2)
    book = "".join(rng.choice(list("abcdefgh "), 200_000))
    text = "?" * 50 + book[77_777:79_000] + "?"
    assert Stock.of([book]).shares([text, "?", text], 1_223).tolist() == [50, -1, 50]
    assert Stock.of([book]).shares([text], 1_224).tolist() == [-1]
    assert longest_shared(text, book) == (50, 1_223)


def test_a_stock_made_again_of_its_codes_finds_the_same():
    stock = Stock.of(["one two", "", "three"])
    assert Stock(stock.codes).shares(["two three", ""], 5).tolist() == [4, -1]


@settings(max_examples=100)
@given(st.text(alphabet="ab", max_size=10), st.text(alphabet="ab", max_size=20))
def test_the_longest_shared_stretch_is_the_first_of_the_longest(text, stock):
    begins, length = longest_shared(text, stock)
    assert text[begins : begins + length] in stock
    longer = [at for at in range(len(text) - length) if text[at : at + length + 1] in stock]
    assert not longer
    assert text.find(text[begins : begins + length]) == begins
