from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from augment.cli import doctor, main
from augment.errors import PluginError
from augment.plugin.catalog import Catalog, Offer, PluginReport


@pytest.fixture
def quick(monkeypatch):
    """No worker is started, and no plugin imported."""
    monkeypatch.setattr(doctor, "_workers", lambda: doctor.Finding("devices", "good", "cpu"))
    monkeypatch.setattr(Catalog, "reports", lambda self: [])


def _findings():
    return {finding.what: finding for finding in doctor.examine()}


def _invoke(*arguments):
    return CliRunner().invoke(main, ["doctor", *arguments], prog_name="augment")


def test_a_healthy_machine_has_nothing_to_mend():
    result = _invoke()
    assert result.exit_code == 0, result.output
    assert "BAD" not in result.output
    assert "a worker process starts and imports torch" in result.output


def test_a_place_that_cannot_be_written_is_bad_with_what_to_do(quick, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AUGMENT_STORE", str(tmp_path / "file" / "store"))
    found = _findings()["store"]
    assert (found.state, found.advice) == ("bad", "set AUGMENT_STORE to a writable folder")


def test_too_little_room_is_bad(quick, monkeypatch):
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 10**18)
    assert _findings()["store"].state == "bad"


def test_a_library_of_the_wrong_version_is_bad(quick, monkeypatch):
    real = doctor.version
    monkeypatch.setattr(doctor, "version", lambda name: "0.1" if name == "pandas" else real(name))
    found = _findings()["pandas"]
    assert (found.state, found.advice) == ("bad", "pip install 'pandas>=3.0'")


def test_a_broken_plugin_is_bad_and_named(quick, monkeypatch):
    report = PluginReport(Offer("thing", "mod", "somebodys", "2.0"), (), "it fails on import")
    monkeypatch.setattr(Catalog, "reports", lambda self: [report])
    assert _findings()["plugin thing"].message == "it fails on import"


def test_a_name_owned_twice_is_one_finding_that_spares_the_built_in_owner(quick, monkeypatch):
    offers = [Offer("smote", "a", "augment-pipeline", "1.0"), Offer("smote", "b", "somebodys", "1.0")]
    reports = [Catalog(offers).report(offer) for offer in offers]
    monkeypatch.setattr(Catalog, "reports", lambda self: reports)
    (found,) = [finding for finding in doctor.examine() if finding.what == "plugin smote"]
    assert found.message.startswith("the name 'smote' is offered twice")
    assert found.message.endswith("(from somebodys 1.0)")
    assert found.advice == "uninstall somebodys; pipelines that do not use it are not affected"


def test_the_advice_on_a_plugin_is_what_its_own_error_ends_with(quick, monkeypatch):
    told = "it was written for API 2"
    report = PluginReport(Offer("thing", "mod", "somebodys", "2.0"), (), f"{told}; upgrade augment", "upgrade augment")
    monkeypatch.setattr(Catalog, "reports", lambda self: [report])
    found = _findings()["plugin thing"]
    assert found.message == told
    assert found.advice == "upgrade augment; pipelines that do not use it are not affected"


def test_a_worker_that_does_not_start_is_bad(monkeypatch):
    def dies(self, jobs, emit):
        raise PluginError("the worker process ended")

    monkeypatch.setattr("augment.cli.doctor.Processes.map_unordered", dies)
    assert doctor._workers().state == "bad"


def test_the_exit_code_says_whether_something_will_fail(quick, monkeypatch):
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 10**18)
    result = _invoke("--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["healthy"] is False
    assert {finding["state"] for finding in told["findings"]} == {"good", "bad"} | {
        finding["state"] for finding in told["findings"] if finding["state"] == "note"
    }
