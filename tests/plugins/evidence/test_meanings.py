import pytest

from augment_evidence import fidelity_audio, fidelity_series, fidelity_tables, fidelity_text, point_clouds
from augment_evidence.meanings import MEANINGS, explain

NAMES = [
    *fidelity_audio.BETTER,
    *fidelity_series.BETTER,
    *fidelity_tables.BETTER,
    *fidelity_text.BETTER,
    *point_clouds.BETTER,
    "NDCG@10 of the next item",
    "gain in NDCG@10 of the next item",
    "rating error",
]


@pytest.mark.parametrize("name", NAMES)
def test_every_score_is_explained_in_a_sentence(name):
    assert explain(name).endswith(".")


def test_no_explanation_is_longer_than_the_page_shows():
    assert max(map(len, MEANINGS.values())) <= 160
