"""The formats of the archives, written. That files come back as they were is in `onboarding/test_round_trips.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from example_data import dataset

from augment.errors import DataError
from augment_series.arff_sink import ArffSink
from augment_series.text_sinks import TsSink, UcrSink


def labelled(labels, num_channels=1, **said):
    values = np.arange(3 * 2 * num_channels, dtype=np.float32).reshape(3, 2, num_channels)
    return dataset(pd.DataFrame({"y": labels}), {"series": values}, target="y", **said)


def written(sink, data, folder):
    (path,) = sink.write("train", data.batches(2), data.schema, folder)
    return path.read_text(encoding="utf-8")


def test_a_numeric_target_has_its_own_line_in_the_header(tmp_path):
    text = written(TsSink(), labelled([0.5, 1.25, 3.0]), tmp_path)
    assert "@targetLabel true" in text
    assert text.endswith("@data\n0.0,1.0:0.5\n2.0,3.0:1.25\n4.0,5.0:3.0\n")
    assert "@equalLength true\n@seriesLength 2\n" in text


@pytest.mark.parametrize("sink", [TsSink(), UcrSink()])
@pytest.mark.parametrize("label", ["two words", "a,b", "a:b", ""])
def test_labels_that_would_be_divided_are_refused(tmp_path, sink, label):
    with pytest.raises(DataError, match="has a sign that divides cells; use series-csv"):
        written(sink, labelled(["a", label, "a"]), tmp_path)


def test_several_channels_do_not_fit_into_files_of_the_ucr_archive(tmp_path):
    with pytest.raises(DataError, match="2 channels, and such files hold one; use ts"):
        written(UcrSink(), labelled(["a", "b", "a"], num_channels=2), tmp_path)


def test_channels_of_labels_are_refused(tmp_path):
    said = {"arrays": {"series": {"channels": {"state": {"categories": ["on", "off"]}}}}}
    with pytest.raises(DataError, match="channel 'state' holds labels"):
        written(TsSink(), labelled(["a", "b", "a"], **said), tmp_path)


def test_other_arrays_and_series_without_steps_are_refused(tmp_path):
    arrays = {"series": np.zeros((3, 2, 1), np.float32), "more": np.zeros((3, 2, 1), np.float32)}
    with pytest.raises(DataError, match="it holds one series a row, and there are series, more; use parquet"):
        written(TsSink(), dataset(pd.DataFrame({"y": list("aba")}), arrays, target="y"), tmp_path)
    frame = pd.DataFrame({"y": list("aba"), "n": [2, 0, 1]})
    data = dataset(frame, {"series": arrays["series"]}, target="y", arrays={"series": {"length_column": "n"}})
    with pytest.raises(DataError, match="a series has no steps, which no row can say; use npz"):
        written(UcrSink(), data, tmp_path)


@pytest.mark.parametrize("name", ["it's", "two\nlines"])
def test_names_that_no_quotes_hold_are_refused_by_arff(tmp_path, name):
    with pytest.raises(DataError, match="is empty, or has a quote or a line end; use series-csv"):
        written(ArffSink(ArffSink.Params(relation=name)), labelled(["a", "b", "a"]), tmp_path)
