from __future__ import annotations

import re

import pytest

from augment import errors
from augment.errors import AugmentError, Interrupted, Problem, SpecError, did_you_mean

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, AugmentError)]
DRAWN = dict(re.findall(r"^ {4}(?:├── |└── )?([A-Z]\w+) +(\d+) ", errors.__doc__, flags=re.MULTILINE))


def test_the_drawn_tree_names_every_class():
    assert sorted(DRAWN) == sorted(cls.__name__ for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_class_has_the_exit_code_that_the_tree_shows(cls):
    assert cls("something").exit_code == int(DRAWN[cls.__name__])


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not AugmentError], ids=lambda cls: cls.__name__)
def test_every_error_is_an_augment_error(cls):
    assert cls.__bases__ == (AugmentError,)


def test_every_public_name_is_exported():
    own = {name for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__}
    assert own == set(errors.__all__)


def test_an_interruption_by_sigterm_has_an_exit_code_of_its_own():
    assert Interrupted("stopped", exit_code=143).exit_code == 143
    assert Interrupted("stopped").exit_code == 130


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("wrong"), "wrong"),
        (Problem("wrong", where="mix.rows"), "mix.rows: wrong"),
        (Problem("wrong", file="a.yaml"), "a.yaml: wrong"),
        (Problem("wrong", where="mix.rows", file="a.yaml", line=3), "a.yaml:3: mix.rows: wrong"),
    ],
)
def test_a_problem_says_where_before_what(problem, text):
    assert str(problem) == text


def test_a_spec_error_shows_all_problems_one_a_line():
    error = SpecError([Problem("one", file="a.yaml", line=1), Problem("two")])
    assert str(error) == "a.yaml:1: one\ntwo"
    assert len(error.problems) == 2


@pytest.mark.parametrize("said", ["wrong", Problem("wrong")])
def test_a_spec_error_takes_a_single_problem(said):
    assert SpecError(said).problems == [Problem("wrong")]


@pytest.mark.parametrize(("word", "hint"), [("smoto", "; did you mean 'smote'?"), ("zzz", ""), ("", "")])
def test_a_hint_names_the_nearest_known_word_if_one_is_near(word, hint):
    assert did_you_mean(word, ["smote", "gan"]) == hint


def test_a_hint_needs_known_words():
    assert did_you_mean("smote", []) == ""
