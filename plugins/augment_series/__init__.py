"""Time series: sources, sinks, edits, and a probe."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_series.arff import ArffSource
    from augment_series.arff_sink import ArffSink
    from augment_series.csv_sink import SeriesCsvSink
    from augment_series.csv_source import SeriesCsvSource
    from augment_series.cylinder_bell_funnel import CylinderBellFunnel
    from augment_series.edits import SeriesEdits
    from augment_series.probe import KernelsProbe
    from augment_series.text_sinks import TsSink, UcrSink
    from augment_series.ts import TsSource
    from augment_series.ucr import UcrSource

    return [
        *(TsSource, TsSink, UcrSource, UcrSink, ArffSource, ArffSink, SeriesCsvSource, SeriesCsvSink),
        *(CylinderBellFunnel, SeriesEdits, KernelsProbe),
    ]
