"""`augment check-plugin`: a plugin is tried as a whole, and what is broken is explained."""

from __future__ import annotations

import importlib
import json
import sys
import textwrap

import pytest
from click.testing import CliRunner

from augment.cli import main
from augment.errors import PluginError, SpecError
from augment.plugin.catalog import Catalog, Offer
from augment.testing.check_plugin import as_json, as_text, examine

METRIC = """
    import sys, time
    from augment import plugin
    from augment.plugin import Accepts, Metric, Score, hookimpl

    class Gap(Metric):
        '''How far means are apart.'''
        name = "gap"
        accepts = Accepts(modalities=frozenset({"table"}))

        class Params(plugin.Params):
            offset: float = 0.0
            '''Added to the score.'''

        def score(self, synthetic, train, holdout, context):
            print("looking")
            BODY
            return [Score("gap", self.params.offset, better="lower")]

    @hookimpl
    def augment_components():
        return [Gap]
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a metric whose `score` begins with the given line; gives a catalog that knows it alone."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def install(body="pass", source=METRIC):
        (tmp_path / "augment_gap.py").write_text(textwrap.dedent(source).replace("BODY", body))
        info = tmp_path / "augment_gap-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: augment-gap\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text("[augment]\ngap = augment_gap\n")
        if source is METRIC:
            importlib.import_module("augment_gap")  # of which a catalog knows that it can be imported
        return Catalog([Offer("gap", "augment_gap", "augment-gap", "1.2")])

    yield install
    sys.modules.pop("augment_gap", None)


def _check(*arguments):
    return CliRunner().invoke(main, ["check-plugin", *arguments], prog_name="augment")


def test_a_plugin_that_keeps_every_rule_is_one_line_and_no_error(plugin):
    plugin()
    result = _check("gap")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    count = line.split(": ")[1].split()
    assert line.startswith("metric gap (Gap): ")
    assert count[0] == count[2]
    assert line.endswith("kinds of data")


def test_a_distribution_stands_for_all_that_it_offers(plugin):
    plugin()
    assert _check("Augment_Gap").stdout.startswith("metric gap (Gap): ")


def test_a_broken_rule_is_explained_once_with_all_it_was_broken_on(plugin):
    verdicts = examine("gap", catalog=plugin("train.frame['height'] = 0.0"), rule="inputs-are-left-as-they-were")
    assert as_text(verdicts).splitlines() == [
        "metric gap (Gap): 0 of 1 checks kept",
        "",
        "1. metric 'gap' (Gap) does not keep the rule 'inputs-are-left-as-they-were'",
        "   data          table-classes",
        "   check         compared the data before and after",
        "   result        training part changed",
        "   expected      data that is left as it was: others look at the same rows",
        "   contract      A component does not modify its input.",
        "   reason        The host passes the same rows to the next component without copying them.",
        "   fix           work on copies: frame.copy(), array.copy(), frame.assign(...)",
    ]


def test_a_crash_is_told_with_its_line_and_the_kinds_of_data_it_happened_on(plugin):
    verdicts = examine("gap", catalog=plugin("1 / 0"), rule="scores-are-finite-numbers")
    text = " ".join(as_text(verdicts).split())
    assert "data table-classes, and 7 more: table-number, table-none," in text
    assert "the component failed: ZeroDivisionError: division by zero (augment_gap.py, line 17, in score)" in text
    assert text.count("metric 'gap' (Gap) fails") == 1
    assert "contract" not in text


def test_one_exception_is_one_failure_whatever_rules_it_breaks(plugin):
    (verdict,) = examine("gap", catalog=plugin("1 / 0"))
    text = as_text([verdict])
    assert len(verdict.broken) > 10
    assert text.count("ZeroDivisionError") == text.count("   fix") == 1
    assert "\n2. " not in text
    assert {finding.cause for finding in verdict.broken[1:]} == {verdict.broken[0].check}
    assert all(finding.rule in text for finding in verdict.broken)


def test_two_exceptions_are_two_failures(plugin):
    text = as_text(examine("gap", catalog=plugin("1 / 0 if len(synthetic) == 2 else len(None)")))
    assert "ZeroDivisionError" in text
    assert "TypeError" in text
    assert text.count("   fix") == 2


def test_a_warning_names_the_check_it_came_from_and_comes_once(plugin):
    catalog = plugin("__import__('warnings').warn('it did not settle', RuntimeWarning)")
    with pytest.warns(RuntimeWarning) as caught:
        examine("gap", catalog=catalog)
    (told,) = [str(warning.message) for warning in caught]
    assert told == "it did not settle (in the check same-seed-same-outcome[table-classes])"


def test_what_hangs_or_exits_is_a_finding_and_not_the_end(plugin):
    catalog = plugin("time.sleep(60) if len(synthetic) == 2 else sys.exit(1)")
    (hangs,) = examine("gap", catalog=catalog, rule="two-synthetic-rows-are-enough", timeout=0.2)
    (exits,) = examine("gap", catalog=catalog, rule="same-seed-same-outcome")
    assert "TimeoutError: not done after 0.2 seconds" in hangs.broken[0].happened
    assert "SystemExit: 1" in exits.broken[0].happened


def test_the_command_ends_with_the_exit_code_of_plugins(plugin):
    plugin("1 / 0")
    result = _check("gap", "--rule", "two-synthetic-rows-are-enough")
    assert result.exit_code == 4
    assert result.stderr.endswith("error: 1 of 1 checks failed\n")
    assert "   fix  " in result.stdout


def test_json_holds_every_finding_and_nothing_else_goes_to_stdout(plugin):
    plugin("1 / 0")
    result = _check("gap", "--rule", "two-synthetic-rows-are-enough", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["plugin"], found["kept"]) == (4, "gap", False)
    (component,) = found["components"]
    (broken,) = component["broken"]
    assert broken["rule"] == "two-synthetic-rows-are-enough"
    assert {"done", "happened", "expected", "fix", "promise", "why", "data", "cause"} <= set(broken)


def test_progress_is_told_as_of_a_run(plugin):
    events = []
    examine("gap", catalog=plugin(), rule="settings-are-documented", events=events.append)
    assert [event["event"] for event in events] == ["stage-started", "progress", "stage-finished"]
    assert events[1]["total"] == 1


def test_settings_reach_the_components_that_have_them(plugin):
    (verdict,) = examine("gap", catalog=plugin(), settings={"offset": 2}, rule="scores-are-finite-numbers")
    assert not verdict.broken
    with pytest.raises(SpecError, match=r"--set ofset: no component .*; did you mean 'offset'"):
        examine("gap", catalog=Catalog(), settings={"ofset": 2})


def test_a_source_without_the_settings_it_needs_says_which():
    result = _check("csv")
    assert result.exit_code == 2
    assert "source 'csv': setting 'path': field required; say --set path=VALUE" in result.stderr


def test_a_relative_path_begins_where_the_command_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("a,b\n1,x\n2,y\n")
    assert _check("csv", "--set", "path=data.csv", "--rule", "reading-twice-gives-the-same-rows").exit_code == 0


def test_a_known_exception_is_shown_with_its_reason(plugin):
    catalog, rule = plugin("train.frame['height'] = 0.0"), "inputs-are-left-as-they-were"
    verdicts = examine("gap", catalog=catalog, exceptions={rule: "it always did"})
    assert f"  excepted: {rule}[table-classes], because it always did" in as_text(verdicts).splitlines()
    assert as_json("gap", verdicts)["kept"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--except", "no-such=x"], "has that rule"),
        (["--except", "has-a-docstring= "], "a reason was expected"),
        (["--rule", "has-a-docstrin"], "did you mean 'has-a-docstring'"),
        (["--except", "nonsense"], "expected"),
    ],
)
def test_a_rule_or_exception_that_means_nothing_is_refused(plugin, options, words):
    plugin()
    result = _check("gap", *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_an_unknown_name_is_told_with_the_nearest():
    result = _check("smoto")
    assert result.exit_code == 4
    assert "did you mean 'smote'" in result.stderr


def test_a_plugin_that_cannot_be_imported_is_told_so_and_not_tried(plugin):
    plugin(source="raise OSError('no licence')")
    result = _check("gap")
    assert result.exit_code == 4
    assert "augment-gap 1.2) fails on import: OSError: no licence" in result.stderr


def test_an_observer_has_nothing_to_be_checked(plugin):
    source = "from augment.plugin.hookspecs import hookimpl\n@hookimpl\ndef augment_run_started(run): pass\n"
    with pytest.raises(PluginError, match="it only observes runs"):
        examine("gap", catalog=plugin(source=source))
