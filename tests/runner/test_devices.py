from __future__ import annotations

import pytest

from augment.errors import SpecError
from augment.runner import devices
from augment.runner.devices import choose_device


def unasked():
    raise AssertionError("nobody had to count")


@pytest.fixture(params=[False, True], ids=["no driver", "driver"])
def has_driver(request, monkeypatch):
    monkeypatch.setattr(devices, "_has_cuda_driver", lambda: request.param)
    return request.param


def test_devices_are_counted_only_where_there_is_a_driver_or_one_is_asked_for(has_driver):
    assert choose_device("cpu", unasked) == "cpu"
    if not has_driver:
        assert choose_device("auto", unasked) == "cpu"
    assert choose_device("cuda", lambda: 1) == "cuda"


def test_auto_takes_a_device_that_torch_finds(monkeypatch):
    monkeypatch.setattr(devices, "_has_cuda_driver", lambda: True)
    assert [choose_device("auto", lambda count=count: count) for count in (0, 1, 2)] == ["cpu", "cuda", "cuda"]


@pytest.mark.parametrize(("wanted", "count"), [("cuda", 0), ("cuda:0", 0), ("cuda:1", 1), ("cuda:99", 8)])
def test_a_device_that_is_not_there_is_refused_with_what_to_write(wanted, count):
    with pytest.raises(
        SpecError, match=f"device: '{wanted}' is not there: torch finds {count} .*; write `auto` or `cpu`"
    ):
        choose_device(wanted, lambda: count)


def test_the_last_device_can_be_named():
    assert choose_device("cuda:1", lambda: 2) == "cuda:1"
