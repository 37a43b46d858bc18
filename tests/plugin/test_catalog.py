from __future__ import annotations

import sys
import textwrap
from dataclasses import replace

import pytest

from augment.errors import PluginError
from augment.plugin import catalog, hookspecs, importing
from augment.plugin.catalog import Catalog, Offer

GOOD = """
    from augment.plugin.accepts import Accepts
    from augment.plugin.contracts import Generator, Metric
    from augment.plugin.hookspecs import hookimpl

    class Thing(Generator):
        '''Makes nothing.'''
        name = "thing"
        def fit(self, data, context): return self
        def sample(self, given, context): ...
        def save(self, folder): ...
        @classmethod
        def load(cls, folder, params): return cls(params)

    class Judge(Metric):
        '''Says nothing.'''
        name = "judge"
        def score(self, synthetic, train, holdout, context): return []

    @hookimpl
    def augment_components():
        return [Thing, Judge]
"""
OBSERVER = """
    from augment.plugin.hookspecs import hookimpl

    seen = []

    @hookimpl
    def augment_run_started(run):
        seen.append(run)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Writes a plugin module and gives the offer that an entry point would make of it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    written = []

    def write(source, name="thing", module=None, distribution="somebodys"):
        module = module or f"fake_plugin_{len(written)}"
        written.append(module)
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
        return Offer(name, module, distribution, "1.0")

    yield write
    for module in written:
        sys.modules.pop(module, None)


def _error(offer, name="thing"):
    with pytest.raises(PluginError) as caught:
        Catalog([offer]).components(name)
    assert offer.module in str(caught.value)
    assert offer.distribution in str(caught.value)
    return str(caught.value)


# -- names


def test_names_are_known_without_importing_anything(plugin):
    offer = plugin("raise RuntimeError('imported')")
    catalog = Catalog([offer])
    assert catalog.names == ["thing"]
    assert catalog.offers == [offer]
    assert catalog.offer("thing") == offer
    assert offer.module not in sys.modules


def test_only_the_plugin_that_is_named_is_imported(plugin):
    named, other = plugin(GOOD), plugin(GOOD, name="judge")
    Catalog([named, other]).components("thing")
    assert named.module in sys.modules
    assert other.module not in sys.modules


def test_an_unknown_name_is_refused_with_the_nearest_known_one(plugin):
    with pytest.raises(PluginError, match=r"no installed plugin offers 'thin'; did you mean 'thing'\?"):
        Catalog([plugin(GOOD)]).components("thin")


def test_a_name_offered_twice_is_refused_naming_both_distributions(plugin):
    offers = [plugin(GOOD, distribution="annas"), plugin(GOOD, distribution="bobs")]
    with pytest.raises(PluginError, match=r"'thing' is offered twice, by .*annas 1.0.* and .*bobs 1.0"):
        Catalog(offers).offer("thing")


def test_the_installed_plugins_are_found_by_their_entry_points():
    assert {"csv", "gan", "smote", "vae"} <= set(Catalog().names)


# -- components


def test_a_name_gives_its_classes(plugin):
    assert [cls.__name__ for cls in Catalog([plugin(GOOD)]).components("thing")] == ["Thing"]


def test_candidates_are_of_the_kind_asked_for(plugin):
    catalog = Catalog([plugin(GOOD)])
    assert [cls.__name__ for cls in catalog.candidates("generator", "thing")] == ["Thing"]
    with pytest.raises(PluginError, match="'thing' is a generator, not a filter"):
        catalog.candidates("filter", "thing")


def test_a_name_may_be_offered_once_for_each_kind_of_data(plugin):
    source = (
        GOOD
        + """
    class Tables(Thing):
        accepts = Accepts(modalities=frozenset({"table"}))

    class Images(Thing):
        accepts = Accepts(modalities=frozenset({"image"}))

    @hookimpl
    def augment_components():
        return [Tables, Images]
    """
    )
    assert len(Catalog([plugin(source)]).candidates("generator", "thing")) == 2


def test_two_classes_of_one_name_for_the_same_data_are_refused_naming_both(plugin):
    source = (
        GOOD
        + """
    class Other(Thing):
        accepts = Accepts(modalities=frozenset({"table", "image"}))

    @hookimpl
    def augment_components():
        return [Thing, Other]
    """
    )
    message = _error(plugin(source))
    assert "Thing and" in message
    assert "Other are both the generator 'thing' for image and table data" in message


# -- broken plugins


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_library", "fails on import: ModuleNotFoundError: No module named 'no_such_library'"),
        ("this is no python", "fails on import: SyntaxError"),
        ("raise SystemExit(3)", "exits on import (status 3)"),
        ("", "no component has that name; it has none: augment_components lists them"),
        (
            GOOD + "\n    Thing.name = 'other'",
            "is declared, but no component has that name; it has 'judge' and 'other'",
        ),
        (GOOD + "\n    del Thing.name", "component fake_plugin_0.Thing has no usable `name`"),
        (GOOD + "\n    Thing.name = 'My_Thing'", "has no usable `name`"),
        (GOOD + "\n    Thing.accepts = {'table'}", "`accepts` is {'table'}"),
        (GOOD + "\n    Thing.Params = dict", "`Params` is <class 'dict'>"),
        (GOOD.replace("[Thing, Judge]", "[dict]"), "<class 'dict'> is not a subclass"),
        (GOOD.replace("return [Thing, Judge]", "pass"), "no component has that name"),
        (GOOD.replace("[Thing, Judge]", "Thing"), "augment_components failed: TypeError"),
        (GOOD.replace("[Thing, Judge]", "1 / 0"), "augment_components failed: ZeroDivisionError"),
        (GOOD.replace("    def sample(self, given, context): ...", ""), "Thing does not implement sample"),
        (GOOD.replace("def augment_components", "def augment_componets"), "did you mean 'augment_components'?"),
        (GOOD.replace("@hookimpl\n    def augment_c", "def augment_c"), "lacks its decorator, @hookimpl"),
        (
            GOOD.replace("def augment_c", "def augmnt_c"),
            "no hook 'augmnt_components'; did you mean 'augment_components'?",
        ),
        (
            GOOD.replace("components():", "components(all):"),
            "augment_components asks for all; the hook is given nothing",
        ),
        (OBSERVER.replace("(run)", "(rum)"), "augment_run_started asks for rum; the hook is given run"),
        (GOOD + "\n    API = 2", "was written for API 2; this is augment with API 1; install a version of"),
        (GOOD + "\n    API = 2", " for API 1, or upgrade augment"),
        (GOOD + "\n    API = 0", " for API 1"),
        (GOOD.replace("Generator)", "Component)").replace("Metric", "Metric, Component"), "eight component bases"),
    ],
)
def test_a_broken_plugin_is_told_by_what_is_wrong_and_whose_it_is(plugin, source, words):
    assert words in _error(plugin(source))


def test_the_cause_of_a_failing_import_is_kept_for_debugging(plugin):
    with pytest.raises(PluginError) as caught:
        Catalog([plugin("1 / 0")]).components("thing")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_broken_plugin_harms_no_other(plugin):
    catalog = Catalog([plugin("raise SystemExit", name="broken"), plugin(GOOD)])
    with pytest.raises(PluginError):
        catalog.components("broken")
    assert [cls.__name__ for cls in catalog.components("thing")] == ["Thing"]


# -- reports


def _reports(*offers, **kwargs):
    return {report.offer.name: report for report in Catalog(offers).reports(**kwargs)}


@pytest.mark.slow
def test_a_report_names_components_by_kind(plugin):
    report = _reports(plugin(GOOD))["thing"]
    assert report.components == (("generator", "thing"),)
    assert report.error == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import time; time.sleep(600)", "hangs on import: not done after 2 seconds"),
        ("import os; os._exit(7)", "exits on import (status 7)"),
        ("import sys; print('working', file=sys.stderr); sys.exit(3)", "exits on import (status 3)"),
        ("import os; os.abort()", "crashes on import (SIGABRT)"),
        ("raise ValueError('out of tune')", "ValueError: out of tune"),
        ("print('imported')\n    raise ValueError('out of tune')", "ValueError: out of tune"),
    ],
)
def test_a_report_survives_what_a_plugin_does_on_import(plugin, source, words):
    broken = plugin("if True:\n    " + source, name="broken")
    timeout = 2 if "sleep" in source else 60
    assert words in _reports(broken, timeout=timeout)["broken"].error
    assert broken.module not in sys.modules


@pytest.mark.slow
def test_a_module_is_tried_in_a_subprocess_once_however_many_names_it_offers(plugin, tmp_path):
    log = tmp_path / "imports"
    first = plugin(f"{GOOD}\n    with open({str(log)!r}, 'a') as log:\n        log.write('.')")
    second = Offer("judge", first.module, first.distribution, first.version)
    for _ in range(2):  # the second time this process has imported it
        reports = Catalog([first, second]).reports(timeout=60)
        assert [report.error for report in reports] == ["", ""]
    assert log.read_text() == ".."


@pytest.mark.parametrize(
    ("source", "line"),
    [("x = 1\nthis is no python", 2), ("if True:\npass", 2), ("x = (\n1", 1), ("if True:\n        x\n\ty", 3)],
)
def test_where_a_module_is_no_python_is_said_with_file_and_line(plugin, tmp_path, source, line):
    broken = plugin(source)
    place = f"({tmp_path / broken.module}.py, line {line})"
    assert _reports(broken, timeout=60)["thing"].error.endswith(place)
    assert _error(broken).endswith(place)


def test_where_a_submodule_is_no_python_is_said_when_a_hook_imports_it(plugin, tmp_path):
    plugin("1 +", module="no_python")
    broken = plugin(GOOD.replace("return [Thing, Judge]", "import no_python"))
    assert f"({tmp_path / 'no_python.py'}, line 1)" in _error(broken)


def test_a_plugin_that_prints_as_it_comes_and_goes_is_not_broken(plugin):
    noisy = "import atexit\nprint('hello')\natexit.register(print, 'farewell')\n"
    broken = plugin(noisy)
    assert importing.try_elsewhere(broken.module, "noisy", timeout=60) is None


def test_what_a_plugin_prints_on_import_stays_out_of_results(plugin, capsys):
    Catalog([plugin("    print('hello')\n" + GOOD)]).components("thing")
    assert capsys.readouterr() == ("", "hello\n")


def test_an_entry_point_that_names_an_object_is_told_to_name_its_module(plugin):
    offer = plugin(GOOD)
    named = Offer(offer.name, f"{offer.module}:Thing", offer.distribution, offer.version)
    assert f"must name a module alone, such as '{offer.module}'" in _error(named)
    assert "must name a module alone" in _reports(named)["thing"].error


def test_what_is_wrong_with_installed_distributions_is_told_apart(plugin, tmp_path):
    modules = {
        "fine": GOOD.replace('"thing"', '"fine"'),
        "rivals": GOOD,
        "newer": "API = 2",
        "misspelt": GOOD.replace("def augment_components", "def augment_componets"),
        "absent": "import no_such_library",
    }
    for name, distribution in [*zip(modules, modules, strict=True), ("rivals", "others")]:
        info = tmp_path / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        module = plugin(modules[name], module=f"installed_{distribution}").module
        (info / "entry_points.txt").write_text(f"[augment]\n{name} = {module}\n")
    catalog = Catalog()
    found = {offer.distribution: catalog.report(offer, 60).error for offer in catalog.offers if offer.name in modules}
    assert found == {
        "fine": "",
        "rivals": "the name 'rivals' is offered twice, by installed_others (from others 1.0) and installed_rivals "
        "(from rivals 1.0); uninstall all of them but one",
        "others": found["rivals"],
        "newer": "plugin installed_newer (from newer 1.0) was written for API 2; this is augment with API 1; "
        "install a version of newer for API 1, or upgrade augment",
        "misspelt": "plugin installed_misspelt (from misspelt 1.0): there is no hook 'augment_componets'; did you "
        "mean 'augment_components'?",
        "absent": "plugin installed_absent (from absent 1.0) fails on import: ModuleNotFoundError: No module named "
        "'no_such_library'",
    }


@pytest.mark.slow
def test_a_report_of_a_broken_plugin_leaves_the_others_alone(plugin):
    reports = _reports(plugin("1 / 0", name="broken"), plugin(GOOD))
    assert reports["broken"].error
    assert not reports["thing"].error


@pytest.mark.slow
def test_a_doubled_name_is_reported_for_both(plugin):
    reports = Catalog([plugin(GOOD, distribution="annas"), plugin(GOOD, distribution="bobs")]).reports()
    assert len(reports) == 2
    assert all("offered twice" in report.error for report in reports)


# -- hooks


def test_an_observer_needs_no_components(plugin):
    offer = plugin(OBSERVER, name="watch")
    report = _reports(offer)["watch"]
    assert (report.components, report.error) == ((), "")


def test_hooks_of_a_name_reach_its_module_alone(plugin):
    offer, other = plugin(OBSERVER, name="watch"), plugin(OBSERVER, name="look")
    catalog = Catalog([offer, other])
    catalog.hooks("watch").hook.augment_run_started(run="the run")
    catalog.hooks("look")
    assert sys.modules[offer.module].seen == ["the run"]
    assert sys.modules[other.module].seen == []


def test_every_hook_is_documented():
    hooks = [value for name, value in vars(hookspecs).items() if name.startswith("augment_")]
    assert len(hooks) >= 5
    assert all(hook.__doc__ for hook in hooks)


def test_an_entry_point_without_a_distribution_is_still_named():
    from importlib.metadata import EntryPoint

    assert "unknown distribution" in str(catalog._distribution(EntryPoint("a", "module_a", "augment")))


# -- defaults

PROBE = """
    from augment.plugin import Accepts, Probe, hookimpl

    class Mine(Probe):
        name = "mine"
        accepts = Accepts(modalities=frozenset({"audio", "table"}))
        default_for = frozenset({"audio", "table"})
        def fit(self, data, context, weights=None): return self
        def predict(self, data): ...

    @hookimpl
    def augment_components():
        return [Mine]
"""


def _claiming(offer, name="mine"):
    return replace(offer, name=name, defaults=frozenset({"probe"}))


def test_a_third_party_is_the_default_where_none_of_ours_is(plugin):
    ours = _claiming(
        plugin(PROBE.replace('"audio", ', "").replace("mine", "ours"), distribution="augment-pipeline"), "ours"
    )
    catalog = Catalog([ours, _claiming(plugin(PROBE))])
    assert catalog.defaults("probe", ["table", "audio"]) == {"ours": {"table"}, "mine": {"audio"}}


def test_a_third_party_is_not_imported_for_data_of_which_ours_is_the_default(plugin):
    ours = _claiming(plugin(PROBE.replace("mine", "ours"), distribution="augment-pipeline"), "ours")
    other = _claiming(plugin("raise SystemExit"))
    assert Catalog([ours, other]).defaults("probe", ["table"]) == {"ours": {"table"}}
    assert other.module not in sys.modules


def test_a_broken_default_is_left_out_with_a_warning(plugin, caplog):
    with caplog.at_level("WARNING", "augment"):
        assert Catalog([_claiming(plugin("1 / 0"))]).defaults("probe", ["table"]) == {}
    assert "not used as a default probe" in caplog.text


def test_what_is_installed_says_where_it_is_a_default():
    offers = {offer.name: offer.defaults for offer in Catalog().offers}
    assert offers["boosting"] == {"probe"}
    assert offers["parquet"] == {"sink", "source"}
    assert not offers["logistic"]


@pytest.mark.slow
def test_all_classes_of_a_kind_are_listed_without_the_broken_ones(plugin):
    catalog = Catalog([plugin(GOOD), plugin("1 / 0", name="broken")])
    assert [cls.name for cls in catalog.classes("generator")] == ["thing"]
