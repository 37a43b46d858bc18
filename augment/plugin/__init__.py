"""The contracts between augment and plugins: components, what they receive, and how plugins provide them.

Public: the names listed here keep their meaning between minor versions, and changes are in the CHANGELOG. The modules
in this package are internal and may be rearranged at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from augment.lazy import exporting

if TYPE_CHECKING:
    from augment.plugin.accepts import Accepts
    from augment.plugin.context import Checkpoint, Context, derive_seed
    from augment.plugin.contracts import (
        Component,
        Filter,
        Fitted,
        Generator,
        Metric,
        Params,
        Probe,
        Reporter,
        Sink,
        SinkParams,
        Source,
        Transform,
    )
    from augment.plugin.hookspecs import hookimpl
    from augment.plugin.kinds import Kind
    from augment.plugin.run_metrics import (
        ArmResult,
        ArmScore,
        CandidateResult,
        ClassCounts,
        ClassCurves,
        ClassResult,
        Comparison,
        Confusion,
        CutDifferences,
        CutsResult,
        FilterCounts,
        GeneratorCounts,
        MetricScore,
        MixChoice,
        PrivacyResult,
        RowCounts,
        RunMetrics,
        ScoreLegend,
        SearchResult,
        TrialResult,
    )
    from augment.plugin.run_view import RunView
    from augment.plugin.scores import Score
    from augment.plugin.state import read_state, write_state
    from augment.plugin.suits import Suits

__all__ = [
    "Accepts",
    "ArmResult",
    "ArmScore",
    "CandidateResult",
    "Checkpoint",
    "ClassCounts",
    "ClassCurves",
    "ClassResult",
    "Comparison",
    "Component",
    "Confusion",
    "Context",
    "CutDifferences",
    "CutsResult",
    "Filter",
    "FilterCounts",
    "Fitted",
    "Generator",
    "GeneratorCounts",
    "Kind",
    "Metric",
    "MetricScore",
    "MixChoice",
    "Params",
    "PrivacyResult",
    "Probe",
    "Reporter",
    "RowCounts",
    "RunMetrics",
    "RunView",
    "Score",
    "ScoreLegend",
    "SearchResult",
    "Sink",
    "SinkParams",
    "Source",
    "Suits",
    "Transform",
    "TrialResult",
    "derive_seed",
    "hookimpl",
    "read_state",
    "write_state",
]

_RUN_METRICS = (
    "ArmResult",
    "ArmScore",
    "CandidateResult",
    "ClassCounts",
    "ClassCurves",
    "ClassResult",
    "Comparison",
    "CutDifferences",
    "CutsResult",
    "Confusion",
    "FilterCounts",
    "GeneratorCounts",
    "MetricScore",
    "MixChoice",
    "PrivacyResult",
    "RowCounts",
    "RunMetrics",
    "ScoreLegend",
    "SearchResult",
    "TrialResult",
)
_ELSEWHERE = {
    "Accepts": "accepts",
    "Checkpoint": "context",
    "Context": "context",
    "derive_seed": "context",
    "RunView": "run_view",
    "Score": "scores",
    "Suits": "suits",
    "hookimpl": "hookspecs",
    "read_state": "state",
    "write_state": "state",
    **dict.fromkeys(_RUN_METRICS, "run_metrics"),
}

# names of plugins are listed without pandas, which the contracts need
__getattr__, __dir__ = exporting(__name__, {name: f"{_ELSEWHERE.get(name, 'contracts')}:{name}" for name in __all__})
