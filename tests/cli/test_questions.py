"""`augment init --text` and `--interactive`."""

from __future__ import annotations

import pandas as pd
import pytest
from click.testing import CliRunner

from augment.cli import main, questions
from augment.spec.document import read


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Calls `augment init` on a table of reviews or events, with answers to its questions."""
    monkeypatch.chdir(tmp_path)
    texts = [f"word{i % 7} and word{i % 5} are here, as ever {'so' * (i % 3 + 1)}" for i in range(60)]
    frame = pd.DataFrame({"stars": [i % 2 for i in range(60)], "age": range(20, 80), "comment": texts})
    frame.assign(who=[f"p{i % 20}" for i in range(60)]).to_csv("reviews.csv", index=False)
    events = [(f"u{i // 4}", f"item {i % 9}", 1_700_000_000 + i) for i in range(120)]
    pd.DataFrame(events, columns=["user", "item", "time"]).to_csv("events.csv", index=False)
    monkeypatch.setattr(questions, "can_ask", lambda: True)

    def call(*arguments, answers=()):
        done = CliRunner().invoke(main, ["init", *arguments, "-o", "out.yaml"], input="\n".join([*answers, ""]))
        tree = read(tmp_path / "out.yaml").tree if (tmp_path / "out.yaml").exists() else {}
        return done, tree

    return call


def test_a_column_of_texts_is_what_a_table_is_about(ask):
    done, tree = ask("reviews.csv", "--text", "comment", "--target", "stars")
    assert "60 rows of kind text" in done.output
    assert tree["schema"] == {"target": "stars", "payload": "comment"}
    assert tree["generators"] == [{"use": "text-edits"}]


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("reviews.csv", "coment", "payload 'coment' is not in the data"),
        ("reviews.csv", "stars", "is the target"),
        ("events.csv", "item", "reads this as data of kind tokens, not as texts"),
    ],
)
def test_what_is_no_column_of_texts_is_refused_in_one_line(ask, file, text, why):
    done, tree = ask(file, "--text", text, *(["--target", "stars"] if file == "reviews.csv" else []))
    assert (done.exit_code, tree) == (3, {})
    assert why in done.output
    assert done.output.strip().count("\n") == 0


def test_the_guesses_are_the_answers_unless_others_are_given(ask):
    done, tree = ask("reviews.csv", "--interactive", answers=[""] * 6)
    assert done.exit_code == 0, done.output
    assert "Kind of data (table, text) [table]" in done.output
    assert tree["schema"]["target"] == "who"  # the last column of few values
    assert "payload" not in tree["schema"]


def test_answers_count_and_a_misspelled_one_is_asked_for_again(ask):
    done, tree = ask("reviews.csv", "--interactive", answers=["text", "", "star", "stars", "who", "-"])
    assert done.exit_code == 0, done.output
    assert "There is no column 'star'; did you mean 'stars'?" in done.output
    assert tree["schema"] == {"target": "stars", "payload": "comment"}
    assert tree["split"]["group"] == "who"


def test_another_kind_is_read_anew_and_its_columns_are_asked_for(ask):
    done, tree = ask("events.csv", "--interactive", answers=["table", "", "item", "-", "-"])
    assert done.exit_code == 0, done.output
    assert tree["source"]["use"] == "csv"
    assert tree["schema"]["target"] == "item"


def test_without_a_terminal_nothing_is_asked_and_the_options_are_named(ask, monkeypatch):
    monkeypatch.setattr(questions, "can_ask", lambda: False)
    done, tree = ask("reviews.csv", "--interactive", answers=[""] * 6)
    assert (done.exit_code, tree) == (2, {})
    assert "--target, --text, --group and --time" in " ".join(done.output.split())
