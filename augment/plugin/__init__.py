"""The contracts between augment and plugins: components, what they receive, and how plugins provide them.

Public: the names listed here keep their meaning between minor versions, and changes are in the CHANGELOG. The modules
in this package are internal and may be rearranged at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from augment.lazy import exporting

if TYPE_CHECKING:
    from augment.plugin.accepts import Accepts
    from augment.plugin.component import Component, Fitted, Params
    from augment.plugin.context import Checkpoint, Context, derive_seed
    from augment.plugin.contracts import (
        Filter,
        Generator,
        Metric,
        Probe,
        Reporter,
        Sink,
        SinkParams,
        Source,
        Transform,
    )
    from augment.plugin.cost import Cost
    from augment.plugin.hookspecs import hookimpl
    from augment.plugin.kinds import Kind
    from augment.plugin.measured_gains import MeasuredGain, read_gains
    from augment.plugin.run_metrics import (
        AttackResult,
        ClassCounts,
        FilterCounts,
        GeneratorCounts,
        MetricScore,
        PrivacyResult,
        RowCounts,
        RunMetrics,
    )
    from augment.plugin.run_view import RunView
    from augment.plugin.score import Score
    from augment.plugin.state import read_state, write_state
    from augment.plugin.suits import Suits
    from augment.plugin.trial_results import (
        ArmResult,
        ArmScore,
        CandidateResult,
        ClassCurves,
        ClassResult,
        Comparison,
        Confusion,
        CutDifferences,
        CutsResult,
        MixChoice,
        ScoreLegend,
        SearchResult,
        TrialResult,
    )
    from augment.plugin.verdict_steps import next_steps

__all__ = [
    "Accepts",
    "ArmResult",
    "ArmScore",
    "AttackResult",
    "CandidateResult",
    "Checkpoint",
    "ClassCounts",
    "ClassCurves",
    "ClassResult",
    "Comparison",
    "Component",
    "Confusion",
    "Context",
    "Cost",
    "CutDifferences",
    "CutsResult",
    "Filter",
    "FilterCounts",
    "Fitted",
    "Generator",
    "GeneratorCounts",
    "Kind",
    "MeasuredGain",
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
    "next_steps",
    "read_gains",
    "read_state",
    "write_state",
]

_MODULES = {
    "accepts": ("Accepts",),
    "component": ("Component", "Fitted", "Params"),
    "context": ("Checkpoint", "Context", "derive_seed"),
    "contracts": ("Filter", "Generator", "Metric", "Probe", "Reporter", "Sink", "SinkParams", "Source", "Transform"),
    "cost": ("Cost",),
    "hookspecs": ("hookimpl",),
    "kinds": ("Kind",),
    "measured_gains": ("MeasuredGain", "read_gains"),
    "run_metrics": (
        "AttackResult",
        "ClassCounts",
        "FilterCounts",
        "GeneratorCounts",
        "MetricScore",
        "PrivacyResult",
        "RowCounts",
        "RunMetrics",
    ),
    "run_view": ("RunView",),
    "score": ("Score",),
    "state": ("read_state", "write_state"),
    "suits": ("Suits",),
    "trial_results": (
        "ArmResult",
        "ArmScore",
        "CandidateResult",
        "ClassCurves",
        "ClassResult",
        "Comparison",
        "Confusion",
        "CutDifferences",
        "CutsResult",
        "MixChoice",
        "ScoreLegend",
        "SearchResult",
        "TrialResult",
    ),
    "verdict_steps": ("next_steps",),
}

# names of plugins are listed without pandas, which the contracts need
__getattr__, __dir__ = exporting(
    __name__, {name: f"{module}:{name}" for module, names in _MODULES.items() for name in names}
)
