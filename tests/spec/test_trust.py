"""Which modules of the user's own a pipeline may name: those that the user trusts, and never by its own word."""

from __future__ import annotations

import sys

import pytest

from augment.errors import SpecError
from augment.plugin.catalog import Catalog
from augment.spec.load import load
from augment.spec.trust import check_names, configuration, is_trusted

CATALOG = Catalog()


def pipeline(probe) -> dict:
    source = {"use": "sklearn", "with": {"dataset": "iris"}}
    return {"source": source, "generators": ["bootstrap"], "trial": {"probe": probe}}


def long_form(factory: str, **settings) -> dict:
    return {"use": "estimator", "with": {"factory": factory, **settings}}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "models.py").write_text("raise RuntimeError('it ran')\n")
    return tmp_path


@pytest.mark.parametrize("probe", ["models:make", long_form("models:make"), long_form("models:make", file="models.py")])
def test_a_module_beside_the_pipeline_is_refused_until_it_is_trusted(folder, probe):
    with pytest.raises(SpecError, match=r"trial\.probe.*'models:make' would run .*add `--trust models`"):
        load(pipeline(probe), CATALOG, base=folder)
    with pytest.raises(SpecError, match="would run"):
        load(pipeline(probe), CATALOG, base=folder, trust=["other", "make"])
    assert load(pipeline(probe), CATALOG, base=folder, trust=["models"]).trusted == {"models"}


@pytest.mark.parametrize("factory", ["numpy:load", "pandas:read_pickle", "augment_estimator.factories:re"])
def test_an_installed_module_is_refused_too_and_the_message_says_which(factory):
    top = factory.partition(":")[0].partition(".")[0]
    for probe in (factory, long_form(factory)):
        with pytest.raises(SpecError, match=rf"would run the installed module '{top}', .* if that is your own code"):
            load(pipeline(probe), CATALOG)


@pytest.mark.parametrize("factory", ["subprocess:getoutput", "os:system", "runpy:run_path", "builtins:exec"])
def test_nothing_of_python_itself_can_be_trusted(factory):
    top = factory.partition(":")[0]
    for probe in (factory, long_form(factory)):
        with pytest.raises(SpecError, match="would call a function of Python itself, which makes no model") as caught:
            load(pipeline(probe), CATALOG)
        assert "--trust" not in str(caught.value)
    with pytest.raises(SpecError, match=f"trust: '{top}' is a module of Python itself"):
        load(pipeline(factory), CATALOG, trust=[top])


def test_pythons_main_module_is_no_model(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)  # as in a command
    for probe in ("__main__:open", long_form("__main__:open")):
        with pytest.raises(SpecError, match="there is no module '__main__'"):
            load(pipeline(probe), CATALOG)


@pytest.mark.parametrize("probe", ["models:make", long_form("models:make")])
def test_both_forms_find_the_module_beside_the_pipeline(folder, probe):
    resolved = load(pipeline(probe), CATALOG, base=folder, trust=["models"])
    (stage,) = resolved.select_stages("probe")
    assert stage.candidates[0].params.file == folder / "models.py"


def test_a_message_names_the_file_and_its_line(folder):
    path = folder / "p.yaml"
    path.write_text(
        "source: {use: sklearn, with: {dataset: iris}}\ngenerators: [bootstrap]\ntrial:\n  probe: models:make\n"
    )
    with pytest.raises(SpecError) as caught:
        load(path, CATALOG)
    assert str(caught.value).startswith(f"{path}:4: trial.probe")
    assert str(folder / "models.py") in str(caught.value)


def test_a_library_needs_no_trust_and_grants_none(folder):
    found = load(pipeline("sklearn.ensemble:RandomForestClassifier"), CATALOG, base=folder)
    assert found.trusted == frozenset()


def test_a_folder_beside_the_pipeline_does_not_stand_for_a_library(tmp_path):
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "ensemble.py").write_text("raise RuntimeError('it ran')\n")
    found = load(pipeline("sklearn.ensemble:RandomForestClassifier"), CATALOG, base=tmp_path)
    (probe,) = found.select_stages("probe")
    assert probe.candidates[0].params.file is None


@pytest.mark.parametrize("top", ["pluggy", "pandas"])
def test_a_file_with_the_name_of_an_installed_module_is_not_trusted_by_that_name(tmp_path, top):
    (tmp_path / f"{top}.py").write_text("raise RuntimeError('it ran')\n")
    with pytest.raises(SpecError, match=rf"'{top}' is an installed module too, so .* rename the file"):
        load(pipeline(f"{top}:make"), CATALOG, base=tmp_path, trust=[top])


def test_a_module_that_is_installed_from_beside_the_pipeline_is_one_and_the_same(tmp_path, monkeypatch):
    (tmp_path / "package_of_mine").mkdir()
    (tmp_path / "package_of_mine" / "__init__.py").touch()
    (tmp_path / "package_of_mine" / "models.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    found = load(pipeline("package_of_mine.models:make"), CATALOG, base=tmp_path, trust=["package_of_mine"])
    assert found.trusted == {"package_of_mine"}


def test_nobody_can_write_trust_into_a_pipeline(folder):
    for tree in ({"trust": ["models"]}, {"trial": {"probe": "models:make", "trust": ["models"]}}):
        with pytest.raises(SpecError, match="unknown key"):
            load({**pipeline("models:make"), **tree}, CATALOG, base=folder)
    with pytest.raises(SpecError, match="would run"):
        load(pipeline({"use": "models:make", "with": {"arguments": {"trust": ["models"]}}}), CATALOG, base=folder)


def test_names_given_are_first_names():
    assert check_names("models") == check_names(["models"]) == {"models"}
    with pytest.raises(SpecError, match=r"got 'mypackage\.models'; write 'mypackage'"):
        check_names(["mypackage.models"])
    for name in ("*", "", "../models.py"):
        with pytest.raises(SpecError, match="expected the first name of a module"):
            check_names([name])


def test_the_configuration_trusts_installed_modules_by_name_and_files_by_folder(tmp_path):
    mine, sent = tmp_path / "mine", tmp_path / "sent"
    configuration().write_text(f"trust: [models, {mine}]\n")
    assert is_trusted("models", None, ())
    assert not is_trusted("other", None, ())
    assert is_trusted("anything", mine / "anything.py", ())
    assert is_trusted("package.models", mine / "below" / "package" / "models.py", ())
    assert not is_trusted("models", sent / "models.py", ())  # whoever sent it chose that name
    assert not is_trusted("models", tmp_path / "mine2" / "models.py", ())
    # what it imports would be looked for above the folder
    assert not is_trusted("mine.models", mine / "models.py", ())
    assert not is_trusted("mine", mine / "__init__.py", ())


def test_a_link_that_was_sent_leads_to_no_trust(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / "package").symlink_to(tmp_path / "mine")
    configuration().write_text(f"trust: [{tmp_path / 'mine'}]\n")
    assert not is_trusted("package.models", tmp_path / "sent" / "package" / "models.py", ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("trust: models\n", "expected a list, got 'models'"),
        ("trusts: [models]\n", "unknown key"),
        ("trust: [work/models]\n", "expected the first name of a module, or a folder"),
        ("trust: ['*']\n", "expected the first name of a module, or a folder"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_line(text, says):
    configuration().write_text(text)
    with pytest.raises(SpecError) as caught:
        is_trusted("models", None, ())
    assert str(caught.value).startswith(f"{configuration()}:1: ")
    assert says in str(caught.value)


def test_the_configuration_is_in_the_users_own_folder_by_default(monkeypatch):
    import platformdirs

    monkeypatch.delenv("AUGMENT_CONFIG")
    assert configuration().parent == platformdirs.user_config_path("augment")
