from __future__ import annotations

import sys
import types

import pandas as pd
import pytest
from example_data import dataset

from augment.data import Dataset, SchemaDeclaration, infer
from augment.errors import DataError, PluginError
from augment.plugin.context import Context
from augment_text.edits import TextEdits, _read_groups

TEXTS = ["The quick brown fox jumps over the lazy dog", "A slow GREEN turtle walks under the old bridge"]


@pytest.fixture
def data():
    frame = pd.DataFrame({"text": pd.Series(TEXTS * 10, dtype="str"), "label": ["fox", "turtle"] * 10})
    return dataset(frame, target="label", payload="text")


def edited(data, folder, num_rows=60, **settings):
    edits = TextEdits(TextEdits.Params(**settings)).fit(data, Context(seed=1, folder=folder))
    return edits.sample(pd.DataFrame(index=range(num_rows)), Context(seed=2, folder=folder, train=data)).frame


def test_texts_keep_most_words_and_their_label(data, tmp_path):
    frame = edited(data, tmp_path)
    originals = dict(zip(["fox", "turtle"], TEXTS, strict=True))
    for text, label in zip(frame["text"], frame["label"].astype(str), strict=True):
        assert len(set(text.split()) & set(originals[label].split())) >= 7
    assert len(set(frame["text"])) > 20


def test_more_is_edited_where_more_is_asked_for(data, tmp_path):
    def lost(share):
        texts = edited(data, tmp_path, share=share)["text"]
        return sum(min(len(set(text.split()) - set(made.split())) for text in TEXTS) for made in texts)

    assert lost(0.1) < lost(0.8)


def test_synonyms_from_a_file_keep_capitals(data, tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("quick, rapid, fast\ngreen, emerald\na, one\n", encoding="utf-8")
    words = {word for text in edited(data, tmp_path, 400, synonyms=path)["text"] for word in text.split()}
    assert {"rapid", "fast", "EMERALD", "One"} <= words


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a, b\nalone\n", r"line 2: 'alone' stands alone"),
        (b"\n", r"holds no synonyms"),
        (b"caf\xe9, bar", r"not UTF-8"),
    ],
)
def test_bad_files_of_synonyms_are_refused_in_words(data, tmp_path, content, message):
    path = tmp_path / "synonyms.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        edited(data, tmp_path, synonyms=path)


def test_wordnet_is_asked_where_it_is_installed(data, tmp_path, monkeypatch):
    synset = types.SimpleNamespace(lemma_names=lambda: ["dog", "hound", "domestic_dog"])
    wordnet = types.SimpleNamespace(ensure_loaded=lambda: None, synsets=lambda word: [synset] if word == "dog" else [])
    monkeypatch.setitem(sys.modules, "nltk", types.ModuleType("nltk"))
    monkeypatch.setitem(sys.modules, "nltk.corpus", types.SimpleNamespace(wordnet=wordnet))
    texts = edited(data, tmp_path, 400, wordnet=True)["text"]
    assert texts.str.contains("hound").any()
    assert texts.str.contains("domestic dog").any()


def test_wordnet_that_is_not_there_is_explained(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(PluginError, match=r"needs the package nltk and its data: `pip install nltk`"):
        edited(data, tmp_path, wordnet=True)


def bare(text):
    return "".join(text.split())


def classed(texts):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str"), "label": ["a", "b"] * (len(texts) // 2)})
    return dataset(frame, target="label", payload="text")


CHINESE = ["质量非常好", "物流太慢了", "价格便宜 很喜欢", "不推荐购买iPhone 15"]
THAI = ["สินค้าดีมาก", "ไม่ชอบเลย"]
SHORT = ["good product", "bad", "do not buy", "very nice", "ok", "broke after two days"]


@pytest.mark.parametrize(("texts", "unit"), [(CHINESE, "character"), (THAI, "character"), (SHORT, "word")])
def test_no_text_is_one_of_training_or_one_twice_over(texts, unit, tmp_path):
    known = set(map(bare, texts))
    made = edited(classed(texts * 4), tmp_path, 400, unit=unit)["text"]
    assert not {bare(text) for text in made} & known
    assert not {bare(text) for text in made} & {2 * text for text in known}
    assert made.nunique() > 20


def test_characters_keep_their_signs_and_latin_words_stay_whole(tmp_path):
    frame = edited(classed(["ที่นี่ดีมาก", "买iPhone很好"] * 4), tmp_path, 200, unit="character")
    thai, chinese = (frame["text"][frame["label"] == label] for label in "ab")
    assert not thai.str.contains(r"(?:^|[\sาก])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]").any()  # no sign without its letter
    assert (chinese.str.count("[iPhone]") % len("iPhone") == 0).all()


def test_a_text_of_one_latin_word_is_edited_letter_by_letter(tmp_path):
    made = edited(classed(["lovely", "broken"] * 4), tmp_path, 50, unit="character")["text"]
    assert made.str.fullmatch(r"[lovely]{5,7}|[broken]{5,7}").all()


def test_synonyms_replace_what_they_stand_for_between_characters(tmp_path):
    path = tmp_path / "synonyms.txt"
    path.write_text("非常,特别\n", encoding="utf-8")
    texts = edited(classed(["质量非常好", "物流太慢了"] * 4), tmp_path, 200, unit="character", synonyms=path)["text"]
    assert (texts == "质量特别好").any()


@pytest.mark.parametrize(
    ("texts", "settings", "message"),
    [
        (["质量非常好", "物流太慢了"], {}, r"of class 'a' has two words that could be edited; use `unit: character`"),
        (["好", "坏"], {"unit": "character"}, r"has two characters that could be edited; use another generator"),
        (["a a", "a", "a a", "a a a"], {}, r"100 edits of the 2 training texts of class 'a' gave nothing but training"),
    ],
)
def test_texts_that_cannot_be_changed_are_refused(texts, settings, message, tmp_path):
    with pytest.raises(DataError, match=message):
        edited(classed(texts), tmp_path, **settings)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (CHINESE, "these texts have hardly any spaces between words"),
        (["yes", "no", "not at all", "never"], "most of these texts are single words"),
        (SHORT, None),
    ],
)
def test_characters_are_proposed_where_words_cannot_be_edited(texts, reason):
    assert TextEdits.settings_for(classed(texts)) == ({"unit": ("character", reason)} if reason else {})


@pytest.mark.parametrize("text", ["", "word", "...", "  two  spaces  ", "👨‍👩‍👧 🇫🇷"])
def test_texts_with_hardly_a_word_are_no_trouble(text, tmp_path):
    frame = pd.DataFrame({"text": pd.Series([text, "other words"] * 5, dtype="str")})
    data = Dataset.of(frame, {}, infer(frame, {}, SchemaDeclaration(payload="text")))
    assert len(edited(data, tmp_path, share=1.0)) == 60


def test_synonyms_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt: the synonyms cannot be read"):
        _read_groups(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 bistro\n")
    with pytest.raises(DataError, match=r"latin\.txt: the synonyms are not UTF-8"):
        _read_groups(tmp_path / "latin.txt")
