"""Tables: files and databases, imputation, and the probes that users of tables would train."""

from __future__ import annotations

from augment.plugin import Component, hookimpl


@hookimpl
def augment_components() -> list[type[Component]]:
    """The components of this plugin."""
    from augment_tables.arrow_sink import ArrowSink
    from augment_tables.arrow_source import ArrowSource
    from augment_tables.csv_sink import CsvSink
    from augment_tables.csv_source import CsvSource
    from augment_tables.excel_sink import ExcelSink
    from augment_tables.excel_source import ExcelSource
    from augment_tables.impute import Impute
    from augment_tables.json_lines import JsonLinesSource, JsonSource
    from augment_tables.json_sinks import JsonLinesSink, JsonSink
    from augment_tables.parquet_sink import ParquetSink
    from augment_tables.parquet_source import ParquetSource
    from augment_tables.sql_source import SqlSource
    from augment_tables.table_probes import Boosting, Logistic

    return [
        ArrowSink,
        ArrowSource,
        Boosting,
        CsvSink,
        CsvSource,
        ExcelSink,
        ExcelSource,
        Impute,
        JsonLinesSink,
        JsonLinesSource,
        JsonSink,
        JsonSource,
        Logistic,
        ParquetSink,
        ParquetSource,
        SqlSource,
    ]
