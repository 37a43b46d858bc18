from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from augment.errors import DiskError
from augment.plugin.state import read_state, write_state

TENSORS = st.dictionaries(
    st.text("abcdefgh/.0123456789é", min_size=1, max_size=8),
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int64, np.int32, np.uint8, np.uint64, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    max_size=4,
)
JSON = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(tensors=TENSORS, values=JSON)
def test_what_is_written_is_read_back(tmp_path_factory, tensors, values):
    folder = tmp_path_factory.mktemp("state")
    write_state(folder, tensors, values)
    read, read_values = read_state(folder)
    assert read_values == values
    assert list(read) == sorted(tensors)
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].shape == tensor.shape
        assert read[name].tobytes() == tensor.tobytes()


def test_equal_state_gives_equal_bytes_whatever_the_order_of_tensors(tmp_path):
    tensors = {"b": np.arange(3), "a": np.ones((2, 2), np.float32)}
    for name, order in (("one", list), ("other", reversed)):
        (tmp_path / name).mkdir()
        write_state(tmp_path / name, dict(order(tensors.items())), {"x": [1.5, None]})
    for file in ("state.safetensors", "state.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_values_keep_the_order_of_their_keys(tmp_path):
    # a schema's columns have an order, which rows made after loading must have too
    write_state(tmp_path, {}, {"b": 1, "a": {"z": 1, "y": 2}})
    _, values = read_state(tmp_path)
    assert list(values) == ["b", "a"]
    assert list(values["a"]) == ["z", "y"]


def test_an_array_that_is_not_contiguous_keeps_its_values(tmp_path):
    matrix = np.arange(12.0).reshape(3, 4)
    write_state(tmp_path, {"turned": matrix.T, "sliced": matrix[:, ::2]}, {})
    read, _ = read_state(tmp_path)
    np.testing.assert_array_equal(read["turned"], matrix.T)
    np.testing.assert_array_equal(read["sliced"], matrix[:, ::2])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_know_are_refused(tmp_path, value):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_state(tmp_path, {}, {"x": value})


def _damage(folder, file):
    path = folder / file
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("file", ["state.safetensors", "state.json"])
@pytest.mark.parametrize("harm", [_damage, lambda folder, file: (folder / file).unlink()], ids=["cut", "missing"])
def test_damaged_state_is_a_disk_error_that_names_the_folder(tmp_path, file, harm):
    write_state(tmp_path, {"a": np.arange(4)}, {"b": "cdefghijkl"})
    harm(tmp_path, file)
    with pytest.raises(DiskError, match=str(tmp_path)):
        read_state(tmp_path)


def test_a_pickle_in_the_place_of_state_is_refused_and_not_run(tmp_path):
    # protocol 0 for os.mkdir("ran"): it would leave a folder behind if anything unpickled it
    ran = tmp_path / "ran"
    (tmp_path / "state.safetensors").write_bytes(f"cos\nmkdir\n(V{ran}\ntR.".encode())
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(DiskError):
        read_state(tmp_path)
    assert not ran.exists()
