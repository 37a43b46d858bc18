from __future__ import annotations

import logging
import operator
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from example_data import dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from augment.data import Dataset
from augment.errors import DataError, SpecError
from augment.plugin.context import Context
from augment_rules.grammar import MAX_CHARACTERS, MAX_DEPTH, MAX_OPERATIONS, parse
from augment_rules.rules import Rules

FRAME = pd.DataFrame(
    {
        "a": [1.0, 2.0, None, 0.25, -3.0, 0.0],
        "b": [1.0, 3.5, 2.0, None, -0.5, 0.0],
        "n": [1, 2, 3, 4, 5, 6],
        "colour": ["red", "blue", None, "red", "green", "blue"],
        "odd `name": [True, False, None, True, False, True],
        "day": ["2024-01-01", "2024-02-29", None, "2025-01-01", "2023-12-31", "2024-01-01"],
    }
)
TYPES = {
    "colour": {"type": "category"},
    "odd `name": {"type": "boolean"},
    "day": {"type": "datetime"},
    "id": {"type": "category"},
}


def of(frame):
    declared = {name: said for name, said in TYPES.items() if name in frame}
    return dataset(frame, columns=declared)


DATA = of(FRAME)


def fitted(data, context, *rules, combinations=()):
    params = Rules.Params(rules=list(rules), combinations=list(combinations))
    return Rules(params).fit(data, data, context)


@pytest.fixture
def context(tmp_path):
    return Context(seed=1, folder=tmp_path)


def kept(rule, context, data=DATA):
    return fitted(data, context, rule).judge(data, context).tolist()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a <= b", [1, 1, 1, 1, 1, 1]),
        ("a < b", [0, 1, 1, 1, 1, 0]),
        ("not a < b", [1, 0, 1, 1, 0, 1]),
        ("a == b or n > 1 and n < 4", [1, 1, 1, 1, 0, 1]),
        ("(a == b or n > 1) and n < 4", [1, 1, 1, 0, 0, 0]),
        ("a + n * 2 >= 4", [0, 1, 1, 1, 1, 1]),
        ("(a + n) * 2 >= 4", [1, 1, 1, 1, 1, 1]),
        ("n - 1 - 1 <= 3", [1, 1, 1, 1, 1, 0]),
        ("-a < 3", [1, 1, 1, 1, 0, 1]),
        ("n / b < 2", [1, 1, 1, 1, 1, 1]),
        ("colour in [\"red\", 'blue']", [1, 1, 1, 1, 0, 1]),
        ('colour not in ["red"]', [0, 1, 1, 0, 1, 1]),
        ("n in [1, 2, 3, -4]", [1, 1, 1, 0, 0, 0]),
        ('a > 0 when colour == "red"', [1, 1, 1, 1, 1, 1]),
        ('n < 4 when colour == "red"', [1, 1, 1, 0, 1, 1]),
        ("colour is missing", [0, 0, 1, 0, 0, 0]),
        ("a + b is not missing", [1, 1, 0, 0, 1, 1]),
        ("n / b is missing", [0, 0, 0, 1, 0, 1]),
        ("`odd ``name`", [1, 0, 1, 1, 0, 1]),
        ("not `odd ``name` when n < 3", [0, 1, 1, 1, 1, 1]),
        ("`odd ``name` == false", [0, 1, 1, 0, 1, 0]),
        ('day >= "2024-01-01"', [1, 1, 1, 1, 0, 1]),
        ('day == "2024-01-01T01:00:00+01:00"', [1, 0, 1, 0, 0, 1]),
        ('day in ["2024-01-01", "2024-02-29"]', [1, 1, 1, 0, 0, 1]),
    ],
)
def test_a_rule_means_what_it_says(rule, expected, context):
    assert kept(rule, context) == expected


def test_sums_are_equal_beyond_rounding_and_no_further(context):
    data = of(
        pd.DataFrame({"a": [0.1, 0.1, 1e-9, 2e12], "b": [0.2, 0.2, 2e-9, 1.0], "total": [0.3, 0.3001, 4e-9, 2e12 + 1]})
    )
    assert kept("a + b == total", context, data) == [1, 0, 0, 1]
    assert kept("a + b <= total", context, data) == [1, 1, 1, 1]
    assert kept("total - a - b == 0", context, data) == [1, 0, 0, 1]


def test_columns_are_compared_exactly_without_arithmetic(context):
    data = of(pd.DataFrame({"a": [2**52, 2**52], "b": [2**52, 2**52 + 1]}))
    assert kept("a == b", context, data) == [1, 0]


def test_two_columns_of_labels_are_compared_by_label(context):
    data = of(pd.DataFrame({"colour": ["red", "blue", "red"], "id": ["red", "red", "green"]}))
    assert kept("colour == id", context, data) == [1, 0, 0]


# -- against a reference that goes row by row, and knows nothing of the parser


COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def _lifted(function):
    def worked_out(one, other):
        return (
            None
            if one is None or other is None or (function is operator.truediv and not other)
            else function(one, other)
        )

    return worked_out


def _binary(operators, parts):
    def join(drawn):
        (left, left_of), name, (right, right_of) = drawn
        work = _lifted(operators[name])
        return f"({left}) {name} ({right})", lambda row: work(left_of(row), right_of(row))

    return st.tuples(parts, st.sampled_from(sorted(operators)), parts).map(join)


def _column(name):
    return name, lambda row: None if pd.isna(row[name]) else Fraction(row[name])


LITERALS = st.integers(-4, 4).map(lambda quarters: (str(quarters / 4), lambda row: Fraction(quarters, 4)))
LEAVES = st.one_of(st.sampled_from(["a", "b", "n"]).map(_column), LITERALS)
SUMS = st.one_of(LEAVES, _binary(ARITHMETIC, st.one_of(LEAVES, _binary(ARITHMETIC, LEAVES))))


def _label(drawn):
    labels, negated = drawn
    written = ", ".join(f'"{label}"' for label in labels)
    found = lambda row: None if pd.isna(row["colour"]) else (row["colour"] in labels) != negated  # noqa: E731
    return f"colour {'not ' if negated else ''}in [{written}]", found


def _missing(name):
    return f"{name} is missing", lambda row: bool(pd.isna(row[name]))


def _all_of(one, other):
    return False if one is False or other is False else None if one is None or other is None else True


def _negated(outcome):
    return None if outcome is None else not outcome


def _extended(conditions):
    pairs = st.tuples(conditions, conditions)
    return st.one_of(
        conditions.map(lambda c: (f"not ({c[0]})", lambda row: _negated(c[1](row)))),
        pairs.map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda row: _all_of(p[0][1](row), p[1][1](row)))),
        pairs.map(
            lambda p: (
                f"({p[0][0]}) or ({p[1][0]})",
                lambda row: _negated(_all_of(_negated(p[0][1](row)), _negated(p[1][1](row)))),
            )
        ),
    )


CONDITIONS = st.recursive(
    st.one_of(
        _binary(COMPARE, SUMS),
        st.tuples(st.lists(st.sampled_from(["red", "blue", "green"]), min_size=1), st.booleans()).map(_label),
        st.sampled_from(["a", "colour", "day"]).map(_missing),
    ),
    _extended,
    max_leaves=5,
)


@settings(max_examples=150)
@given(CONDITIONS, st.none() | CONDITIONS)
def test_judging_equals_a_row_by_row_reference(tmp_path_factory, claim, when):
    rule = claim[0] if when is None else f"{claim[0]} when {when[0]}"
    expected = [
        claim[1](row) is not False or (when is not None and when[1](row) is not True) for _, row in FRAME.iterrows()
    ]
    try:
        judge = Rules(Rules.Params(rules=[rule]))
    except ValidationError as error:
        assert "names no column" in str(error)  # noqa: PT017
        return
    assert judge.judge(DATA, Context(seed=1, folder=tmp_path_factory.getbasetemp())).tolist() == expected


# -- what is no rule


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            [*"+-*/()[],<>=`\"'", "<=", "==", "a", "`b c`", '"x"', "1", "1e9", "in", "is", "not", "missing"]
        )
        | st.sampled_from(["and", "or", "when", "true"]),
        max_size=25,
    ).map(" ".join)
)
def test_any_text_is_a_rule_or_a_value_error(text):
    try:
        parse(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "character 1: came the end, expected a column"),
        ("a <= ", "character 6: came the end, expected a column"),
        ("a = b", "character 3: '=' is not part of the language of rules; equality is written =="),
        ("a <= b c", "character 8: came 'c', expected an operator, `when` or the end"),
        ("a < b when c > 1 when b > 1", "character 18: came 'when', expected an operator or the end"),
        ("a < b < c", "character 7: came '<' after a comparison; of three values"),
        ("(a < b", "character 7: came the end, expected `)`"),
        ('a == "b', "character 6: '\"' is not part of the language of rules; this quote is never closed"),
        ("a in 3", "character 6: came '3', expected `[`"),
        ("a in [b]", 'text stands in quotes: "b"'),
        ("a is 3", "expected `missing`"),
        ("a < b and 3", "character 11: a value came, expected a condition"),
        ("(a < b) + 1 == 2", "character 4: a condition came, expected a value"),
        ("a < 1e999", "larger than a number can be"),
        ("1 < 2", "the rule names no column"),
        ("a.__class__ == 1", "'.' is not part of the language"),
        ("__import__('os') == 1", "character 11: came '(', expected an operator"),
        ("@a < 1", "'@' is not part of the language"),
        ("a < " + "(" * (MAX_DEPTH + 1), "deep"),
        ("not " * 2000, "deep"),
        ("a < " + "-" * 5000 + "1", "deep"),
        ("a" + " + a" * (MAX_OPERATIONS + 1) + " > 0", f"at most {MAX_OPERATIONS} operators"),
        ("a > 0" + " " * MAX_CHARACTERS, "at most 10,000 characters"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(rule, message):
    with pytest.raises(ValidationError) as caught:
        Rules.Params(rules=["a < b", rule])
    (error,) = caught.value.errors()
    assert message in error["msg"]
    assert error["loc"] == ("rules", 1)


def test_the_highest_tree_that_is_let_through_can_be_judged(context):
    rule = "(" * MAX_DEPTH + "a" + " + a" * (MAX_OPERATIONS - 2) + ")" * MAX_DEPTH + " < 500 "
    assert kept(rule, context) == [1] * 6


@pytest.mark.parametrize("columns", [["a"], ["a", "a"], []])
def test_a_combination_is_of_several_columns(columns):
    with pytest.raises(ValidationError):
        Rules.Params(combinations=[columns])


# -- what does not fit the data


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('color == "red"', "character 1: there is no column 'color'; the columns are 'a', 'b', 'n', 'colour'"),
        ('color == "red"', "did you mean 'colour'?"),
        ("a < colour", "column 'a' holds numbers, and column 'colour' holds text: they cannot be compared"),
        ("colour == 3", 'labels stand in quotes: "3"'),
        ('n == "3"', "write numbers without quotes"),
        ('`odd ``name` == "yes"', "write true or false without quotes"),
        ('n in [1, "2"]', "'2' is text"),
        ('colour < "red"', "character 8: < needs numbers or dates, and column 'colour' holds text"),
        ("colour + 1 > 2", "character 1: + works on numbers, and column 'colour' holds text"),
        ("day > 3", "column 'day' holds dates, and 3 is a number"),
        ('day > "today"', "'today' is no date; write dates as 2024-12-31"),
        ('day > "2024-13-01"', "'2024-13-01' is no date"),
        ('day > "2024-01-01x"', "is no date"),
        ("not n", "a column by itself is a condition where it is boolean, and column 'n' holds numbers"),
    ],
)
def test_a_rule_that_does_not_fit_the_columns_is_refused(rule, message, context):
    with pytest.raises(SpecError) as caught:
        fitted(DATA, context, rule)
    assert message in str(caught.value)


def test_every_misfit_is_told_at_once(context):
    with pytest.raises(SpecError) as caught:
        fitted(DATA, context, "x < 1", "a < b and y < 1", combinations=[["a", "colours"]])
    assert len(caught.value.problems) == 3
    assert "did you mean 'colour'?" in str(caught.value)


def test_a_rule_that_every_training_row_breaks_is_refused(context):
    with pytest.raises(DataError, match="rule 'n > 6' is broken by every one of the 6 training rows"):
        fitted(DATA, context, "n > 6")


def test_how_many_training_rows_break_a_rule_is_logged(context, caplog):
    with caplog.at_level(logging.INFO, logger="augment"):
        fitted(DATA, context, "n > 2", "n > 0")
    assert [record.getMessage() for record in caplog.records] == [
        "filter rules: rule 'n > 2' is broken by 2 of the 6 training rows"
    ]


def test_a_label_that_the_column_does_not_have_is_logged(context, caplog):
    with caplog.at_level(logging.INFO, logger="augment"):
        fitted(DATA, context, 'n > 0 when colour in ["red", "gren"]')
    assert "column 'colour' has no label 'gren'; did you mean 'green'?" in caplog.text


# -- combinations, and state


PLACES = of(
    pd.DataFrame(
        {
            "city": pd.Categorical(["Rome", "Pisa", "Lyon", None]),
            "land": pd.Categorical(["Italy", "Italy", "France", "France"]),
            "level": [0.0, 1.5, 2.0, None],
        }
    )
)


def candidates(**columns):
    return Dataset.of(pd.DataFrame(columns), {}, PLACES.schema)


def test_a_combination_must_occur_in_the_training_part(context):
    judge = fitted(PLACES, context, combinations=[["city", "land"]])
    rows = candidates(
        city=["Rome", "Rome", "Lyon", None, None],
        land=["Italy", "France", "France", "France", "Italy"],
        level=[0.0] * 5,
    )
    assert judge.judge(rows, context).tolist() == [1, 0, 1, 1, 0]


def test_numbers_in_a_combination_are_equal_by_value(context):
    judge = fitted(PLACES, context, combinations=[["land", "level"]])
    rows = candidates(city=["Rome"] * 4, land=["Italy"] * 4, level=[-0.0, 1.5, 1.25, None])
    assert judge.judge(rows, context).tolist() == [1, 1, 0, 0]


def test_what_was_fitted_is_the_same_after_loading(context, tmp_path):
    judge = fitted(PLACES, context, "level < 2", combinations=[["city", "land"], ["city", "level"]])
    judge.save(tmp_path)
    loaded = Rules.load(tmp_path, judge.params)
    rows = PLACES.take(np.array([0, 1, 2, 3, 0]))
    assert loaded.judge(rows, context).tolist() == judge.judge(rows, context).tolist() == [1, 1, 0, 1, 1]


def test_no_rules_keep_every_row_and_no_rows_give_no_judgements(context):
    assert fitted(DATA, context).judge(DATA, context).tolist() == [1] * 6
    judge = fitted(DATA, context, "a < b", 'colour == "red"', combinations=[["a", "colour"]])
    assert judge.judge(DATA.take(slice(0, 0)), context).shape == (0,)
