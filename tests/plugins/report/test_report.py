import base64
import hashlib
import io
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from report_fakes import add_classes, arm, assemble, attack, candidate, curves, image_run, search_of, table_run
from slowly import slowly

from augment.data import Dataset, SchemaDeclaration, infer
from augment.plugin import TrialResult, next_steps
from augment.plugin.catalog import Catalog
from augment_report.by_class import by_class
from augment_report.reporter import Html
from augment_report.series import series_plots
from augment_report.verdict_section import _mean_decimals
from augment_report.verdict_section import trial as trial_section

KNOWN_TAGS = """
    html head meta title style body header main section figure figcaption p h1 h2 h3 h4 ul li a b small span div i
    table caption thead tbody tr th td dl dt dd details summary pre code mark img audio svg line circle rect text
    polygon polyline
"""
KNOWN_ATTRIBUTES = """
    lang charset http-equiv content name class id role controls scope colspan rowspan href src alt width height tabindex
    aria-label aria-labelledby aria-describedby aria-hidden x y x1 x2 y1 y2 cx cy r points viewbox preserveaspectratio
    text-anchor
"""
VOID = {"meta", "img"}
PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "'><svg onload=alert(4)>",
    "<svg/onload=alert(5)>",
    "</style><script>alert(6)</script>",
    "</title><script>alert(7)</script>",
    "</pre><iframe src=//example.org></iframe>",
    "<iframe srcdoc='<script>alert(9)</script>'>",
    "javascript:alert(10)",
    '<a href="javascript:alert(11)">x</a>',
    '" autofocus onfocus="alert(12)',
    "' style='background:url(//example.org)'",
    "<!-- comment",
    "--><b>bold</b>",
    "<![CDATA[ x ]]>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{{ run.__class__.__mro__ }}",
    "&lt;script&gt;",
    "&#x3C;b&#x3E;",
    "<meta http-equiv=refresh content='0;url=//example.org'>",
    "<base href=//example.org>",
    "<form action=//example.org><input name=q>",
    "<link rel=stylesheet href=//example.org/a.css>",
    "a\x00b\x07c\x1bd",
    "right \u202e to left \u2066",
    "half \ud800 a pair",
    "&amp;<template><p>",
    "%s %(x)s {0} {x} \\u003cb\\u003e\r\n<b>",
]


class Reading(HTMLParser):
    """Reads a page: its tags, attributes, text, and whether its tags are balanced."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.attributes, self.open, self.words, self.sources = [], [], [], [], []
        self.comments = 0
        self.feed(page)
        self.close()
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        self.comments += 1

    def handle_data(self, data):
        self.words.append(data)


def write(run, tmp_path, **params) -> str:
    (path,) = Html(Html.Params(**params)).write(run, tmp_path)
    assert path == tmp_path / "report.html"
    return path.read_text(encoding="utf-8")


def read_safely(page: str) -> Reading:
    """The page, which must hold nothing but known tags, known attributes, and no address outside itself."""
    reading = Reading(page)
    assert not reading.open
    assert reading.comments == 0
    assert set(reading.tags) <= set(KNOWN_TAGS.split())
    assert {name for _, name, _ in reading.attributes} <= set(KNOWN_ATTRIBUTES.split())
    for tag, name, value in reading.attributes:
        if name == "src":
            assert value.startswith("data:audio/wav;base64," if tag == "audio" else "data:image/png;base64,")
        if name == "href":
            assert (tag, value[0]) == ("a", "#")
        if name == "id":
            assert re.fullmatch(r"[a-z-]+", value)
    return reading


def part_of(page: str, id: str) -> str:
    """A part of the page: what follows its id, up to the next section, or the next folded part."""
    return re.split('<section|class="part"', page[page.index(f'id="{id}"') :])[0]


def pictures(page: str):
    from PIL import Image

    for source in re.findall(r'src="data:image/png;base64,([^"]+)"', page):
        yield Image.open(io.BytesIO(base64.b64decode(source)))


@pytest.fixture(scope="module")
def table():
    return table_run()


@pytest.fixture(scope="module")
def page_of_table(table, tmp_path_factory):
    """What tests that change nothing about the run read, made once."""
    return write(table, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def images():
    return image_run()


def small_run(labels, made_labels, trial=None, **columns):
    """A run over one number and a target, with the `gan`'s rows after the real ones."""
    rng = np.random.default_rng(0)
    train = dataset(pd.DataFrame({"x": rng.normal(size=len(labels)), "label": labels}), target="label")
    made = Dataset.of(pd.DataFrame({"x": rng.normal(size=len(made_labels)), "label": made_labels}), {}, train.schema)
    run = assemble(train, train.take(slice(2)), {"gan": made} if len(made) else {})
    run.content["trial"] |= trial or {}
    return run


def test_catalog_offers_the_reporter():
    (found,) = Catalog().candidates("reporter", "html")
    assert found is Html


@pytest.mark.slow
@pytest.mark.parametrize("make", [table_run, image_run])
def test_equal_runs_give_equal_bytes(make, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert write(make(), tmp_path / "a") == write(replace(make(), folder=tmp_path), tmp_path / "b")


def test_page_of_a_table_is_safe_and_whole(table, tmp_path):
    reading = read_safely(write(table, tmp_path))
    assert reading.tags.count("h1") == 1
    for wanted in ("helps", "+0.0312", "+0.0121 to +0.0503", "oversampling", "real against synthetic", "epochs: 200"):
        assert wanted in reading.text


def test_page_of_images_is_safe_and_whole(images, tmp_path):
    reading = read_safely(write(images, tmp_path))
    for wanted in ("no measurable effect", "Nearest training images", "albumentations", "critic"):
        assert wanted in reading.text


def test_policy_allows_this_style_sheet_and_nothing_else(page_of_table):
    style = re.search(r"<style>(.*?)</style>", page_of_table, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page_of_table).group(1)
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "url(" not in style
    assert "@import" not in style


def test_every_plot_and_picture_is_described(images, tmp_path):
    reading = read_safely(write(images, tmp_path))
    outer = [value for tag, name, value in reading.attributes if (tag, name) == ("svg", "class")]
    described = [value for tag, name, value in reading.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(outer) == len(described) > 10
    assert all(described)
    assert all(value for tag, name, value in reading.attributes if (tag, name) == ("img", "alt"))


@pytest.mark.parametrize("payload", [*PAYLOADS[::3], *slowly(PAYLOADS[1::3] + PAYLOADS[2::3])])
def test_hostile_text_in_every_slot_is_shown_as_text(payload, tmp_path):
    run = hostile_run(payload)
    page = write(run, tmp_path)
    reading = read_safely(page)
    shown = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", payload)
    assert reading.text.count(shown) >= (12 if "\ud800" in payload else 20)
    assert page.count("</style>") == page.count("</title>") == 1


def hostile_run(payload: str):
    other = payload + " 2"
    held, held_other = (text.replace("\ud800", "?") for text in (payload, other))  # pandas refuses half a pair
    frame = pd.DataFrame(
        {
            held: [held, held_other] * 6,
            held_other: np.arange(12.0),
            "words": [f"{held} {i}" for i in range(12)],
            "target": [held, held_other, held_other] * 4,
        }
    )
    train = dataset(frame, target="target", columns={held_other: {"type": "number", "unit": held}})
    run = assemble(train, train.take(slice(3)), {payload: train, other: train})
    metrics = run.content
    metrics["trial"] |= {
        "sentence": payload,
        "reason": payload,
        "probe": payload,
        "score": payload,
        "arms": [arm("none", payload, 0, None), arm(payload, payload, 0.1, 0.05), arm(other, other, 0.1, None)],
    }
    for one in metrics["trial"]["arms"]:
        one["meaning"] = payload
        one["scores"] = {payload: one["scores"]["log loss"]}
    metrics["trial"]["legend"] = {payload: {"label": payload, "meaning": payload}}
    add_classes(metrics["trial"], {payload: 2, other: 1}, {"none": 1.0, payload: 2.0})
    for one in metrics["generators"].values():
        one |= {"use": other, "rejected": {payload: 3}}
    metrics["filters"] = {payload: {"use": other, "what": payload, "threshold": 0.5, "judged": 10, "rejected": 3}}
    metrics["scores"] = [
        {
            "metric": payload,
            "of": payload,
            "name": payload,
            "value": 0.5,
            "unit": payload[:18],
            "better": "none",
            "meaning": payload,
            "interval": None,
            "detail": {"reference": {payload: 0.4}},
        }
    ]
    metrics["scores"].append(attack(payload, payload, 0.5, 0.1, "leak found"))
    metrics["privacy"] = {"verdict": "leak found", "sentence": payload}
    candidates = [candidate("none", payload, "none", 0.0), candidate(payload, payload, "generator", 0.1)]
    candidates.append({**candidate(other, payload, "blend", None), "reason": payload})
    metrics["search"] = search_of(candidates=candidates, chosen=payload, sentence=payload)
    metrics["notes"] = [payload]
    losses = pd.DataFrame({"step": [1, 2, 3], held: [3.0, 2.0, 1.0]})
    return replace(
        run,
        name=payload,
        key=payload,
        pipeline={"seed": payload, payload: {other: [payload]}},
        curves={payload: losses},
        rejected={payload: train.take(slice(3))},
    )


def test_candidates_come_with_the_chosen_one_first_and_those_that_left_last(page_of_table):
    section = part_of(page_of_table, "candidates")
    labels = ["gan + smote, 1x", "smote, 1x", "class weights", "oversampling", "gan, 5x", "gan, balance"]
    places = [section.rindex(label) for label in labels]
    assert places == sorted(places)
    assert "dropped after 2" in section
    assert "it could not make enough rows" in section


def test_settings_that_were_searched_for_stand_beside_the_first_listed(table, tmp_path):
    candidates = [candidate("settings-1", "steps: 100", "generator", 0.0)]
    candidates += [candidate("settings-2", "steps: <b>500</b>", "generator", 0.02)]
    found = search_of(candidates=candidates, chosen="settings-2", sentence="The search for settings chose more steps.")
    skipped = search_of(asked=True, candidates=[])
    run = replace(table, content=table.content | {"settings": {"gan": found, "smote": skipped}})
    page = write(run, tmp_path)
    section = part_of(page, "settings-1")
    assert "Settings of gan" in page
    assert "The search for settings chose more steps." in section
    assert "from steps: 100, the first listed, with a mean balanced accuracy of 0.9" in section
    assert "steps: &lt;b&gt;500" in section
    assert section.count("<svg") == 2  # of the other settings, and the axis
    assert "Settings of smote" not in page


def test_without_a_search_there_are_no_candidates(table, tmp_path):
    run = replace(table, content=table.content | {"search": search_of(asked=False, candidates=[])})
    assert 'id="candidates"' not in write(run, tmp_path)


def test_attacks_stand_beside_their_limits_and_not_among_other_scores(page_of_table):
    section = part_of(page_of_table, "privacy")
    assert "finding leak" in section
    assert "finding design" in section
    assert section.count("<svg") == 4
    assert "near copies" not in part_of(page_of_table, "scores")


def test_each_score_is_named_once_and_compared_over_generators(page_of_table):
    section = part_of(page_of_table, "scores")
    assert section.count("classifier two-sample accuracy") == 1
    score = section[section.index("classifier two-sample accuracy") : section.index("coverage of real rows")]
    assert "lower is better" in score
    assert score.index("<td>all</td>") < score.index("0.613") < score.index("<td>gan</td>") < score.index("0.712")


def test_scores_without_an_interval_have_no_column_for_it(table, tmp_path):
    scores = [score | {"interval": None} for score in table.content["scores"]]
    page = write(replace(table, content=table.content | {"scores": scores}), tmp_path)
    section = part_of(page, "scores")
    assert "interval" not in section


@pytest.mark.parametrize("sentence", ["These attacks found no leak.", "Privacy was not assessed."])
def test_nothing_is_ever_called_anonymous(sentence, table, tmp_path):
    privacy = {"verdict": "not assessed", "sentence": sentence}
    run = replace(table, content=table.content | {"scores": [], "privacy": privacy})
    page = write(run, tmp_path)
    assert sentence in page
    assert not re.search("anonym|safe to share", page, re.IGNORECASE)


def test_an_evaluation_says_how_it_is_made_again(table, tmp_path):
    page = write(replace(table, pipeline={"evaluate": {"real": "real.csv"}}), tmp_path)
    assert "augment evaluate" in page
    assert "resolved.yaml" not in page


def test_not_assessable_trial_gives_its_reason(tmp_path):
    trial = {
        "assessable": False,
        "reason": "the dataset has no target",
        "verdict": "not assessable",
        "sentence": "",
        "arms": [],
    }
    reading = read_safely(write(small_run(["a", "b"] * 5, ["a"] * 4, trial), tmp_path))
    assert "the dataset has no target" in reading.text
    assert "judged on" not in reading.text
    assert "Remove the obstacle" in reading.text


def test_dataset_without_target_has_no_classes(tmp_path):
    train = dataset(pd.DataFrame({"x": np.arange(10.0)}))
    reading = read_safely(write(assemble(train, train, {"gan": train}), tmp_path))
    assert "Rows of each class" not in reading.text
    assert "class mix" not in reading.text


def test_run_without_synthetic_rows_says_so(tmp_path):
    reading = read_safely(write(small_run(["a", "b"] * 5, []), tmp_path))
    assert "No synthetic rows were written" in reading.text
    assert "Columns, real against synthetic" not in reading.text


def test_image_run_without_synthetic_rows_is_written(images, tmp_path):
    run = assemble(images.train, images.test, {})
    assert list(pictures(write(run, tmp_path))) == []


def test_run_with_nothing_but_the_needed_is_written(tmp_path):
    run = small_run(["a", "b"] * 5, ["a"] * 4)
    run.content |= {
        "generators": {},
        "filters": {},
        "scores": [],
        "notes": [],
        "classes": {"train": {}, "test": {}, "synthetic": {}},
    }
    reading = read_safely(write(run, tmp_path))
    assert "Training curves" not in reading.text
    assert "No rows were rejected" in reading.text


def test_a_thousand_classes_are_cut_and_the_cut_is_said(tmp_path):
    labels = [f"class {i:04}" for i in range(1000)]
    reading = read_safely(write(small_run(labels * 2, labels[:500]), tmp_path))
    assert "30 classes with the most synthetic rows are shown. The 970 others have 1,940 real and 470" in reading.text


def test_sample_grid_is_cut_to_twelve_classes_and_says_so(tmp_path):
    labels = [f"c{i}" for i in range(40)]
    pixels = np.zeros((40, 4, 4, 1), np.uint8)
    train = dataset(pd.DataFrame({"label": labels}), {"image": pixels}, target="label")
    reading = read_safely(write(assemble(train, train, {"gan": train}), tmp_path))
    assert "28 more classes" in reading.text


def test_columns_beyond_the_limit_are_listed_with_their_gap(tmp_path):
    rng = np.random.default_rng(0)
    train = dataset(pd.DataFrame({f"column {i}": rng.normal(size=50) for i in range(60)}))
    page = write(assemble(train, train, {"gan": train}), tmp_path)
    assert page.count("real and synthetic values from") == 24
    assert all(f"column {i}<" in page for i in range(60))
    assert "Gaps of all 60 columns" in page


def test_most_different_column_comes_first(tmp_path):
    rng = np.random.default_rng(0)
    train = dataset(pd.DataFrame({"same": rng.normal(size=200), "shifted": rng.normal(size=200)}))
    made = Dataset.of(train.frame.assign(shifted=train.frame["shifted"] + 5), {}, train.schema)
    text = read_safely(write(assemble(train, train, {"gan": made}), tmp_path)).text
    cards = text[text.index("Columns, real against") :]
    assert cards.index("shifted") < cards.index("same")


def test_lifting_a_class_is_no_gap_in_a_column_that_depends_on_it(tmp_path):
    train = dataset(pd.DataFrame({"x": [0.0] * 90 + [1.0] * 10, "label": ["a"] * 90 + ["b"] * 10}), target="label")
    made = train.take(np.arange(90, 100))
    assert "gap 0\xa0%" in read_safely(write(assemble(train, train, {"gan": made}), tmp_path)).text


def test_missing_values_are_said(tmp_path):
    frame = pd.DataFrame({"x": [1.0, np.nan] * 20, "kind": ["a", None, "b", "b"] * 10, "all": [np.nan] * 40})
    frame["when"] = pd.to_datetime(["2020-01-01", None] * 20)
    frame["flag"] = pd.array([True, None] * 20, dtype="boolean")
    frame["n"] = pd.array([1, None] * 20, dtype="Int64")
    train = dataset(frame)
    text = read_safely(write(assemble(train, train, {"gan": train}), tmp_path)).text
    assert "missing: real 50.0\xa0%, synthetic 50.0\xa0%" in text
    assert "One side has no values" in text


def test_long_names_are_cut(tmp_path):
    name = "n" * 5000
    train = dataset(pd.DataFrame({name: np.arange(10.0), "label": ["l" * 5000, "m"] * 5}), target="label")
    run = replace(assemble(train, train, {"g" * 5000: train}), name="r" * 5000)
    page = write(run, tmp_path)
    read_safely(page)
    assert not re.search("[a-z]{500}", page)


@pytest.mark.parametrize("num_channels", [1, 2, 3, 4, 7])
def test_pictures_of_any_channels_are_shown(num_channels, tmp_path):
    pixels = np.full((6, 8, 8, num_channels), 200, np.uint8)
    train = dataset(pd.DataFrame({"label": ["a", "b"] * 3}), {"image": pixels}, target="label")
    shown = list(pictures(write(assemble(train, train, {"gan": train}), tmp_path)))
    assert len(shown) == 5  # two classes, real and made, and the neighbours
    assert shown[0].getpixel((0, 0))[:3] == (200, 200, 200)


def test_large_pictures_are_made_small(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (4, 600, 400, 3)).astype(np.uint8)
    train = dataset(pd.DataFrame({"label": ["a", "b"] * 2}), {"image": pixels}, target="label")
    page = write(assemble(train, train, {"gan": train}), tmp_path)
    assert all(max(picture.size) < 500 for picture in pictures(page))
    assert len(page) < 1_000_000


def test_small_pictures_keep_crisp_pixels(images, tmp_path):
    page = write(images, tmp_path)
    assert page.count('<img class="crisp"') == page.count("<img")


def test_copy_of_a_training_picture_has_distance_zero(images, tmp_path):
    made = images.train.take(np.array([700]))
    text = read_safely(write(assemble(images.train, images.test, {"gan": made}), tmp_path)).text
    assert re.search(r"gan: 0\s", text)


def test_texts_are_listed_beside_real_ones(tmp_path):
    frame = pd.DataFrame({"text": [f"real words {i}" for i in range(30)], "label": ["a", "b"] * 15})
    train = dataset(frame, target="label")
    made = Dataset.of(frame.assign(text="made words"), {}, train.schema)
    text = read_safely(write(assemble(train, train, {"edits": made}), tmp_path)).text
    assert "real words 0" in text
    assert "made words" in text
    assert "length in characters" in text


def test_the_longest_passage_of_a_training_text_is_marked(tmp_path):
    rng = np.random.default_rng(0)
    real = ["".join(rng.choice(list("abcdefgh "), 60)) for _ in range(40)]
    train, test = (
        dataset(pd.DataFrame({"text": part, "label": ["a", "b"] * 10}), target="label")
        for part in (real[:20], real[20:])
    )
    made = Dataset.of(test.frame.assign(text="zzz" + real[7][10:40] + "zzz"), {}, train.schema)
    run = assemble(train, test, {"rnn": made})
    page = write(replace(run, rejected={"not-a-copy": made.take(slice(2))}), tmp_path)
    assert page.count(f"zzz<mark>{real[7][10:40]}</mark>zzz") == 3  # the longest of the generator's, and the rejects
    assert re.search(r"held-out texts\s*median\s*[2-5]\s*longest\s*[3-8]\D", read_safely(page).text)


def test_series_and_tokens_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    label = pd.DataFrame({"label": ["a", "b"] * 5})
    series = dataset(label, {"values": rng.normal(size=(10, 900, 2)).astype("float32")}, target="label")
    page = write(assemble(series, series, {"jitter": series}), tmp_path)
    read_safely(page)
    assert page.count('class="spark"') == 8  # of each of two classes and origins, a plot a channel
    assert "channel 2" in page
    events = {"events": rng.integers(0, 2, (10, 4)).astype("int32")}
    described = {"events": {"type": "tokens", "vocabulary": ["open", "close"]}}
    tokens = dataset(label, events, target="label", arrays=described)
    assert "open · close" in read_safely(write(assemble(tokens, tokens, {"rnn": tokens}), tmp_path)).text


def test_losses_of_like_size_share_a_panel(table, tmp_path):
    page = write(replace(table, curves={"gan": curves(2000)}), tmp_path)
    assert "gan: generator, critic over 2,000 steps" in page
    assert "gan: penalty over 2,000 steps" in page


def test_losses_that_are_not_numbers_are_left_out(table, tmp_path):
    broken = pd.DataFrame({"step": [1, 2, 3], "loss": [1.0, np.nan, 0.5], "other": [np.nan] * 3})
    page = write(replace(table, curves={"gan": broken, "empty": broken.iloc[:0]}), tmp_path)
    read_safely(page)
    assert "gan: loss over 3 steps" in page
    assert "other over" not in page
    assert not re.search(r"\bnan\b", page)


def test_arms_without_interval_or_result_are_kept(tmp_path):
    arms = [arm("none", "real", 0, None), arm("synthetic", "made", 0.2, None), arm("gan", "failed", float("nan"), None)]
    text = read_safely(write(small_run(["a", "b"] * 5, ["a"], {"arms": arms}), tmp_path)).text
    assert "+0.200" in text
    assert "no result" in text


def test_lower_is_better_turns_the_axis(tmp_path):
    text = read_safely(write(small_run(["a", "b"] * 5, ["a"], {"better": "lower"}), tmp_path)).text
    assert "← better" in text
    assert "worse →" in text


def test_trial_without_any_difference_is_drawn(tmp_path):
    arms = [arm("none", "real", 0, None), arm("synthetic", "made", 0.0, 0.0)]
    assert "0.000 to 0.000" in read_safely(write(small_run(["a", "b"] * 5, ["a"], {"arms": arms}), tmp_path)).text


def test_integer_and_number_targets_are_compared_as_columns(tmp_path):
    train = dataset(pd.DataFrame({"x": np.arange(40.0), "price": np.arange(40) * 1.5}), target="price")
    text = read_safely(write(assemble(train, train, {"gan": train}), tmp_path)).text
    assert "price" in text[text.index("Columns, real against") :]


def test_settings_say_how_much_is_shown(table, images, tmp_path):
    assert write(table, tmp_path, num_columns=3).count("real and synthetic values from") < 4
    few, many = (max(p.size for p in pictures(write(images, tmp_path, num_samples=n))) for n in (1, 40))
    assert few < many


def test_run_is_left_as_it_was(table, tmp_path):
    before = (repr(table.content), table.synthetic.fingerprint(), table.train.fingerprint())
    write(table, tmp_path)
    assert (repr(table.content), table.synthetic.fingerprint(), table.train.fingerprint()) == before


def test_lines_of_series_end_with_the_series_and_break_at_gaps(tmp_path):
    values = np.arange(20, dtype="float32").reshape(2, 10, 1)
    values[0, 4] = np.nan
    frame = pd.DataFrame({"length": [10, 3]})
    said = {"values": {"length_column": "length", "channels": {"pulse": {"nullable": True}}}}
    schema = infer(frame, {"values": values}, SchemaDeclaration(arrays=said))
    plots = series_plots(Dataset.of(frame, {"values": values}, schema), np.array([[0.0], [20.0]]), "real", "two series")
    points = [re.findall(r'points="([^"]*)"', one["plot"]) for one in plots["plots"]]
    assert [[len(line.split()) for line in lines] for lines in points] == [[4, 5], [3]]


# what a person reads


def test_headings_are_in_order_and_each_column_and_fold_has_a_name(page_of_table):
    levels = [int(level) for level in re.findall(r"<h(\d)", page_of_table)]
    assert levels[0] == 1
    assert max(b - a for a, b in itertools.pairwise(levels)) <= 1
    assert not re.search(r"<th(?![^>]*scope=)[ >]", page_of_table)
    assert all("<th " in one for one in re.findall("<table.*?</table>", page_of_table, re.DOTALL))
    assert page_of_table.count("<details") == page_of_table.count("<summary>")


def test_every_word_that_is_marked_has_its_meaning_in_place_and_in_the_list(page_of_table):
    marked = re.findall(
        r'<a class="term" href="#([a-z-]+)" aria-describedby="([a-z-]+)">[^<]+<span class="tip"', page_of_table
    )
    assert len(marked) > 10
    for target, described in marked:
        assert target == described
        assert page_of_table.count(f'id="{target}"') == 1


def test_the_rest_is_folded(page_of_table):
    unfolded = re.sub("<details.*</details>", "", page_of_table[page_of_table.index('id="details"') :], flags=re.DOTALL)
    assert "<table" not in unfolded
    assert unfolded.count("<p") == 0


@pytest.mark.parametrize(
    ("verdict", "step"),
    [
        ("helps", "Train on the real and synthetic rows"),
        ("no measurable effect", "Train on the real rows alone"),
        ("hurts", "Leave these synthetic rows out"),
        ("cannot tell", "Do not decide by this run"),
        ("contaminated", "Ignore the scores"),
        ("not assessable", "Remove the obstacle"),
    ],
)
def test_each_verdict_has_a_next_step(verdict, step, table):
    found = TrialResult.model_validate(table.content["trial"] | {"verdict": verdict})
    assert next_steps(found)[0].startswith(step)


def test_next_steps_name_what_the_data_have(table):
    unclear = TrialResult.model_validate(table.content["trial"] | {"verdict": "cannot tell"})
    assert "of the smallest class" in next_steps(unclear)[-1]
    assert "several splits" in next_steps(unclear)[-1]
    numbers = [one.model_copy(update={"classes": {}}) for one in unclear.arms]
    assert "class" not in next_steps(unclear.model_copy(update={"arms": numbers}))[-1]
    perfect = [one.model_copy(update={"mean": 1.0}) for one in unclear.arms]
    for arms, better, is_perfect in (
        (perfect, "higher", True),
        (perfect, "lower", False),  # an error of 1
        (unclear.arms, "higher", False),
    ):
        update = {"arms": arms, "better": better, "verdict": "no measurable effect"}
        assert ("real rows that are harder" in next_steps(unclear.model_copy(update=update))[-1]) == is_perfect


@pytest.mark.parametrize(
    ("means", "decimals"),
    [([0.912, 0.5], 3), ([1234.5, 0.912], 3), ([1234.5], 0), ([0.00001234], 5), ([float("nan"), None], 3)],
)
def test_means_have_three_significant_digits_and_at_most_five_decimals(means, decimals):
    assert _mean_decimals(means) == decimals


def test_an_inexpensive_alternative_that_does_as_well_is_preferred(table):
    against = {"arm": "oversampling", "difference": 0.0, "interval": [-0.1, 0.1], "verdict": "no measurable effect"}
    found = TrialResult.model_validate(table.content["trial"] | {"against": against})
    assert next_steps(found)[0].startswith("Prefer oversampling")
    arms = [
        arm("none", "real", 0, None),
        arm("oversampling", "oversampling", 0.1, 0.05),
        arm("synthetic", "made", 0, 1),
    ]
    changes = {"against": against, "arms": arms, "verdict": "no measurable effect"}
    found = TrialResult.model_validate(table.content["trial"] | changes)
    assert next_steps(found)[0].startswith("Use oversampling")
    unclear = [one if one["id"] != "oversampling" else arm("oversampling", "oversampling", 0.1, 0.2) for one in arms]
    for changed in ({"arms": unclear}, {"assessable": False, "verdict": "not assessable"}):
        found = TrialResult.model_validate(table.content["trial"] | changes | changed)
        assert not any("oversampling" in step for step in next_steps(found))
    over = {"values": [0.0], "mean": 0.0, "interval": None}
    cuts = {"asked": 2, "chosen": ["synthetic"], "arms": {}, "overall": over, "against": against}
    found = TrialResult.model_validate(table.content["trial"] | {"cuts": cuts})
    assert next_steps(found)[0].startswith("Prefer oversampling")


def test_what_the_search_has_chosen_is_the_step(table):
    steps = next_steps(TrialResult.model_validate(table.content["trial"] | {"chosen": "none"}))
    assert steps[0].startswith("Train on the real rows alone. The search has found nothing")
    tuned = arm("tuned", "`tuned`", 0.1, 0.05) | {"kind": "inexpensive"}
    found = {**table.content["trial"], "chosen": "tuned", "against": None}
    found["arms"] = [*found["arms"], tuned]
    assert next_steps(TrialResult.model_validate(found)) == [
        "Train on the real rows with 'tuned': no synthetic rows are needed."
    ]
    found["verdict"] = "contaminated"
    assert next_steps(TrialResult.model_validate(found))[0].startswith("Ignore the scores")


def test_figures_of_a_contaminated_trial_are_folded(table, tmp_path):
    trial = table.content["trial"] | {"assessable": False, "verdict": "contaminated", "reason": "98 of 1,000 rows"}
    page = write(replace(table, content=table.content | {"trial": trial}), tmp_path)
    assert page.index("Figures that allow no verdict") < page.index('class="forest"') < page.index('class="figures"')
    assert page.index("Figures that allow no verdict") < page.index('id="classes"') < page.index('class="figures"')


def test_an_arm_of_any_name_is_shown_as_what_it_says_it_is(table, tmp_path):
    tuned = arm("tuned", "tuned model", 0.02, 0.01) | {"kind": "inexpensive", "meaning": "It was tuned."}
    tuned |= {"settings": {"max_leaf_nodes": 6}, "strength": 1.5}
    trial = table.content["trial"]
    page = write(replace(table, content=table.content | {"trial": trial | {"arms": [*trial["arms"], tuned]}}), tmp_path)
    row = page[page.index(">tuned model<") :]
    assert 'class="point inexpensive"' in row[: row.index("</tr>")]
    assert "<dt>tuned model</dt><dd>It was tuned. Best were max_leaf_nodes 6." in page
    assert "Its threshold was moved by 150% of the way to the shares of the classes.</dd>" in page


def test_an_arm_with_the_decisions_of_the_chosen_one_has_no_line_of_its_own(table, tmp_path):
    trial = table.content["trial"]
    chosen = next(one for one in trial["arms"] if one["id"] == "synthetic")
    arms = [*trial["arms"], chosen | {"id": "corrected", "label": "corrected probabilities"}]
    page = write(replace(table, content=table.content | {"trial": trial | {"arms": arms}}), tmp_path)
    assert "corrected probabilities" not in page[page.index('class="forest"') : page.index("</figure>")]
    assert "corrected probabilities" in page[page.index("All scores of the trial") :]


def test_several_cuts_replace_seeds_in_the_chart(table, tmp_path):
    over = {"values": [0.01, 0.04], "mean": 0.025, "interval": [-0.2, 0.25]}
    cuts = {"asked": 2, "chosen": ["synthetic", "none"], "arms": {"synthetic": over}, "overall": over | {"mean": 0.011}}
    trial = table.content["trial"] | {"cuts": cuts}
    page = write(replace(table, content=table.content | {"trial": trial}), tmp_path)
    chart = page[page.index('class="forest"') : page.index("</figure>")]
    assert re.findall(r'rowheader">([^<]+)<', chart)[:2] == ["what the search chose in each split", "real + synthetic"]
    assert "−0.200 to +0.250" in chart
    assert "2 <a" in chart
    unclear = TrialResult.model_validate(trial | {"verdict": "cannot tell"})
    assert "more splits" in next_steps(unclear)[-1]


@pytest.mark.parametrize(("prefix", "numbered"), [("", False), ("digit ", True)])
def test_short_labels_head_the_columns_of_a_large_matrix_themselves(prefix, numbered, table):
    trial = {**table.content["trial"], "arms": [dict(one) for one in table.content["trial"]["arms"]]}
    add_classes(trial, {f"{prefix}{number}": 3 for number in range(10)}, {"none": 1.0})
    found = by_class(TrialResult.model_validate(trial | {"arms": trial["arms"][:1]}))
    assert (found["many"], found["numbered"]) == (True, numbered)


def test_confusion_matrices_add_up_to_the_held_out_rows(table, page_of_table):
    matrices = re.findall('class="matrix">(.*?)</table>', page_of_table, re.DOTALL)
    assert len(matrices) == 3
    for matrix in matrices:
        assert sum(float(text) for text in re.findall(r'<td class="n shade[^>]*>([\d.]+)', matrix)) == len(table.test)


def test_cells_are_not_rounded_and_years_have_no_separators(tmp_path):
    frame = pd.DataFrame({"year": [1987, 2024] * 6, "code": [10115.0, 99999.0] * 6, "x": [0.123456789, 2500.125] * 6})
    train = dataset(frame)
    page = write(assemble(train, train, {"gan": train}), tmp_path)
    shown = read_safely(page).text
    for wanted in ("1987", "2024", "10115", "99999", "0.123456789", "2500.125"):
        assert f">{wanted}<" in page
    assert not re.search(r"1,987|2,024|10,115", shown)


def test_seven_of_seven_categories_are_shown_and_of_eight_two_are_others(tmp_path):
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    for extra, hidden in (([], None), (["hol"], "2 others")):
        train = dataset(pd.DataFrame({"day": [*days, *extra] * 6, "x": np.arange(6.0 * len(days + extra))}))
        part = part_of(write(assemble(train, train, {"gan": train}), tmp_path), "columns")
        assert ("others" in part) == bool(hidden)
        assert all(f">{day}<" in part for day in days) == (not hidden)


def test_samples_are_of_the_same_classes(table, tmp_path):
    section = part_of(write(table, tmp_path), "samples")
    origins = re.findall(r'<tr[^>]*><th scope="row">(\w+)</th><td>(\w+)</td>', section)
    assert origins == [(origin, "malignant") for origin in ("real", "real", "gan", "gan", "smote", "smote")]


@pytest.mark.slow
def test_the_page_stays_small_whatever_there_is(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (480, 72, 72, 3)).astype(np.uint8)
    train = dataset(pd.DataFrame({"label": [f"c{i}" for i in range(12)] * 40}), {"image": pixels}, target="label")
    run = assemble(train, train, {f"g{i}": train for i in range(6)})
    page = write(replace(run, rejected={f"f{i}": train for i in range(8)}), tmp_path, num_samples=40)
    assert len(page) < 20_000_000


def test_differences_are_those_of_the_scores_beside_them(table):
    """0.9352 and 0.9566 are written 0.935 and 0.957, whose difference is 0.022 and not 0.021."""
    arms = [arm("none", "real rows alone", 0.0352, None), arm("synthetic", "real + synthetic", 0.0566, 0.008)]
    for one in arms:
        one["difference"] -= 0.0352
        one["scores"]["balanced accuracy"]["difference"] -= 0.0352
    trial = TrialResult.model_validate({**table.content["trial"], "arms": arms, "chosen": "synthetic"})
    shown = trial_section(trial)
    assert (shown["base"]["mean"], shown["rows"][0]["mean"], shown["rows"][0]["difference"]) == (
        "0.935",
        "0.957",
        "+0.022",
    )
    assert [cell[:2] for cell in shown["scores"]["rows"][0]["cells"]] == [("0.935", ""), ("0.957", "+0.022")]
