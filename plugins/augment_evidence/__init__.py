"""Evidence on synthetic rows: how well they follow the real ones, whether they are copies, which to reject."""

from augment.plugin import hookimpl


@hookimpl
def augment_components() -> list[type]:
    from augment_evidence.contamination import Contamination
    from augment_evidence.fidelity_audio import FidelityAudio
    from augment_evidence.fidelity_histories import FidelityHistories
    from augment_evidence.fidelity_images import FidelityImages
    from augment_evidence.fidelity_series import FidelitySeries
    from augment_evidence.fidelity_tables import FidelityTables
    from augment_evidence.fidelity_text import FidelityTexts
    from augment_evidence.label_agreement import LabelAgreement
    from augment_evidence.next_item import NextItem
    from augment_evidence.not_a_copy import NotACopy
    from augment_evidence.plausible import Plausible
    from augment_evidence.privacy import Privacy
    from augment_evidence.series_scores import SeriesScores

    fidelity = [FidelityTables, FidelityTexts, FidelityImages, FidelityHistories, FidelitySeries, FidelityAudio]
    return [*fidelity, NextItem, SeriesScores, Contamination, Privacy, NotACopy, LabelAgreement, Plausible]
