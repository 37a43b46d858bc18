import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from augment.statistics.curves import MAX_CLASSES, NUM_POINTS, class_curves, count_confusion
from augment.statistics.scores import SCORES

RNG = np.random.default_rng(0)
TRUTH = RNG.permutation(np.repeat([0, 1, 2], [40, 15, 5]))
SEEDS = [RNG.dirichlet([1, 1, 1], len(TRUTH)) + np.eye(3)[TRUTH] * 0.3 for _ in range(3)]


def test_confusion_adds_up_to_the_rows_and_has_the_recall_in_its_diagonal():
    predicted = [array.argmax(axis=1) for array in SEEDS]
    confusion = count_confusion(TRUTH, predicted, ["a", "b", "c"])
    counts = np.array(confusion.counts)
    assert confusion.labels == ["a", "b", "c"]
    assert counts.sum(axis=1) == pytest.approx([40, 15, 5])
    hits = np.mean([row == TRUTH for row in predicted], axis=0)
    recall = np.bincount(TRUTH, hits) / [40, 15, 5]
    assert counts.diagonal() / counts.sum(axis=1) == pytest.approx(recall)


def test_of_many_classes_the_rarest_stay_and_the_others_are_merged():
    truth = np.repeat(np.arange(50), np.arange(50, 0, -1))
    confusion = count_confusion(truth, [np.roll(truth, 1)], [f"c{n}" for n in range(50)])
    counts = np.array(confusion.counts)
    assert confusion.labels == [f"c{n}" for n in range(50 - (MAX_CLASSES - 1), 50)]
    assert confusion.num_others == 50 - (MAX_CLASSES - 1)
    assert counts.shape == (MAX_CLASSES, MAX_CLASSES)
    assert counts.sum() == len(truth)
    assert counts[-1].sum() == np.arange(30, 51).sum()


def test_curves_enclose_the_areas_of_their_scores():
    """Of one class against the rest; the grid leaves an error below its step."""
    is_rare = (TRUTH == 1).astype(int)
    of_one = [np.stack([1 - array[:, 1] / 2, array[:, 1] / 2], axis=1) for array in SEEDS]
    (curves,) = class_curves(is_rare, of_one, ["rest", "rare"])
    assert (curves.label, curves.rows) == ("rare", 15)
    assert len(curves.sensitivity) == len(curves.precision) == NUM_POINTS <= 100

    def mean(name):
        return np.mean([SCORES[name].score(is_rare, array, np.ones((1, len(is_rare)))) for array in of_one])

    ranked = np.mean([average_precision_score(is_rare, array[:, 1]) for array in of_one])
    assert np.trapezoid(curves.sensitivity, dx=1 / (NUM_POINTS - 1)) == pytest.approx(mean("roc_auc"), abs=0.02)
    assert np.trapezoid(curves.precision, dx=1 / (NUM_POINTS - 1)) == pytest.approx(ranked, abs=0.02)


def test_rows_of_equal_probability_give_the_diagonal_and_the_share_of_the_class():
    (curves,) = class_curves(np.array([0, 0, 0, 1]), [np.full((4, 2), 0.5)], ["a", "b"])
    assert curves.sensitivity == pytest.approx(np.linspace(0, 1, NUM_POINTS), abs=1e-4)
    assert set(curves.precision) == {0.25}


def test_of_many_classes_the_three_rarest_have_curves_and_those_without_rows_have_none():
    truth = np.repeat([0, 1, 2, 4, 5], [9, 3, 8, 2, 7])
    curves = class_curves(truth, [np.eye(6)[truth]], list("abcdef"))
    assert [one.label for one in curves] == ["e", "b", "f"]
    assert all(set(one.sensitivity) == set(one.precision) == {1.0} for one in curves)
