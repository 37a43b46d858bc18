"""What people read about components, checks and runs, as plain text made from the code and the data."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from augment.components import EVERY_COLUMN, EVERY_MODALITY, KINDS, Component, Generator, Kind, Source
from augment.console import duration, printable
from augment.plugins import Catalog
from augment.yamltext import flow

if TYPE_CHECKING:
    from augment.cache import Entry
    from augment.rundir import Run
    from augment.runner import CheckResult
    from augment.runs import Found
    from augment.schema import Schema
    from augment.spec import Resolved
    from augment.steps import Step

__all__ = [
    "abilities",
    "cache",
    "check",
    "component",
    "example",
    "offered",
    "plugins",
    "pruned",
    "result",
    "result_event",
    "runs",
    "settings",
    "size",
    "verdict",
]

MOST_CLASSES = 20  # lines of a table of classes; the rest is counted


def table(rows: Iterable[Sequence[object]], numbers: bool = False) -> list[str]:
    """Rows as aligned lines, the first row being the heads; with `numbers`, all columns but the first to the right.

    >>> table([("", "real"), ("yes", 7)], numbers=True)
    ['     real', 'yes     7']
    """
    from rich.cells import cell_len  # wide characters take two places

    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(cell_len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            padded.append(space + cell if numbers and place else cell + space)
        lines.append("  ".join(padded).rstrip())
    return lines


def offered(catalog: Catalog) -> list[dict[str, Any]]:
    """Everything that installed plugins offer, by kind and name; `error` says what is wrong with a broken one."""
    found: list[dict[str, Any]] = []
    for report in catalog.reports():
        offer = report.offer
        origin = {"distribution": f"{offer.distribution} {offer.version}", "module": offer.module}
        if report.error:
            found.append({"name": offer.name, "kind": "", "data": [], **origin, "error": report.error})
            continue
        if not report.components:
            found.append({"name": offer.name, "kind": "observer", "data": [], **origin, "error": ""})
            continue
        by_kind: dict[str, set[str]] = {}
        for cls in catalog.components(offer.name):
            by_kind.setdefault(cls.kind, set()).update(modalities(cls))
        for kind, data in by_kind.items():
            found.append({"name": offer.name, "kind": kind, "data": sorted(data), **origin, "error": ""})
    order = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(found, key=lambda entry: (order.get(entry["kind"], len(order)), entry["name"]))


def plugins(entries: Sequence[Mapping[str, Any]]) -> str:
    """The table of `augment plugins`, and below it what is broken."""
    working = [entry for entry in entries if not entry["error"]]
    broken = [entry for entry in entries if entry["error"]]
    rows: list[Sequence[object]] = [("NAME", "KIND", "DATA", "FROM")]
    rows += [(entry["name"], entry["kind"], _data(entry["data"]), entry["distribution"]) for entry in working]
    lines = table(rows)
    if broken:
        lines += ["", "broken:"]
        lines += [f"  {entry['name']} ({entry['distribution']}): {printable(entry['error'])}" for entry in broken]
    return "\n".join(lines)


def modalities(cls: type[Component]) -> frozenset[str]:
    """The kinds of data that a component works on; of a source, those that it gives."""
    return frozenset(cls.yields) if issubclass(cls, Source) else frozenset(cls.accepts.modalities)


def _data(names: Iterable[str]) -> str:
    names = sorted(names)
    return "any" if set(names) == EVERY_MODALITY else ", ".join(names)


def component(cls: type[Component]) -> str:
    """What `augment show` says of one component: its work, the data it accepts, its settings, and an example."""
    lines = [f"{cls.name}: a {cls.kind} ({cls.__module__}.{cls.__qualname__})", ""]
    if documentation := inspect.cleandoc(cls.__doc__ or ""):
        lines += [documentation, ""]
    lines += abilities(cls)
    described = settings(cls.Params)
    lines += ["", "settings:" if described else "settings: none"]
    for name, kind, default, text in described:
        lines.append(f"  {name}: {kind}{f'  [default: {default}]' if default else '  [required]'}")
        lines += [f"      {line}".rstrip() for line in text.splitlines()]
    lines += ["", "example:", *(f"  {line}" for line in example(cls).splitlines())]
    return "\n".join(lines)


def abilities(cls: type[Component]) -> list[str]:
    """What data a component works on and what it can be asked for, one fact a line: `what: which`."""
    accepts = cls.accepts
    if issubclass(cls, Source):
        return [f"gives: {_data(cls.yields)}"]
    lines = [f"data: {_data(accepts.modalities)}"]
    if accepts.columns != EVERY_COLUMN:
        lines.append(f"columns: {', '.join(sorted(accepts.columns)) or 'none beside the target and the payload'}")
    if accepts.targets != type(accepts)().targets:
        lines.append(f"target: {' or '.join(sorted(accepts.targets))}")
    if issubclass(cls, Generator):
        asked = {"none": "no column", "target": "the target", "any": "any column"}
        start = {"noise": "noise", "rows": "training rows, moved", "copies": "copies of training rows"}
        lines += [f"can be asked for: {asked[accepts.conditional]}", f"starts from: {start[cls.origin]}"]
    if not accepts.missing:
        lines.append("missing values: not accepted")
    if accepts.min_rows > 1:
        lines.append(f"training rows: at least {accepts.min_rows}")
    return lines


def settings(model: type[BaseModel]) -> list[tuple[str, str, str, str]]:
    """Name, type in words, default as YAML (empty when it must be given) and documentation of each setting."""
    if not model.model_fields:
        return []
    declared = model.model_json_schema()
    definitions = declared.get("$defs", {})
    required = set(declared.get("required", ()))
    found = []
    for name, said in declared["properties"].items():
        default = "" if name in required else flow(_default(model, name))
        found.append((name, _type_words(said, definitions), default, inspect.cleandoc(said.get("description", ""))))
    return found


def _default(model: type[BaseModel], name: str) -> Any:
    """The default of a setting, by the name it has in files, as plain data."""
    (field,) = [field for key, field in model.model_fields.items() if name == (field.alias or key)]
    value = field.get_default(call_default_factory=True, validated_data={})
    return json.loads(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    return sorted(value) if isinstance(value, frozenset) else str(value)


_BOUNDS = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))


def _type_words(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A JSON Schema in words."""
    if "$ref" in said:
        return _type_words(definitions[said["$ref"].rsplit("/", 1)[-1]], definitions)
    if len(said.get("allOf", ())) == 1:
        return _type_words(said["allOf"][0], definitions)
    if "enum" in said:
        return " | ".join(flow(value) for value in said["enum"])
    if "const" in said:
        return flow(said["const"])
    if alternatives := said.get("anyOf") or said.get("oneOf"):
        return " | ".join(dict.fromkeys(_type_words(alternative, definitions) for alternative in alternatives))
    kind = said.get("type", "anything")
    if kind == "array":
        items = said.get("prefixItems")
        if items:
            return f"[{', '.join(_type_words(item, definitions) for item in items)}]"
        return f"list of {_type_words(said.get('items', {}), definitions)}"
    if kind == "object":
        if said.get("properties"):
            inside = [f"{name}: {_type_words(inner, definitions)}" for name, inner in said["properties"].items()]
            return f"{{{', '.join(inside)}}}"
        values = said.get("additionalProperties")
        return f"mapping to {_type_words(values, definitions)}" if isinstance(values, dict) else "mapping"
    if said.get("format") in ("path", "file-path", "directory-path"):
        return "path"
    bounds = [f"{sign} {said[key]:g}" for key, sign in _BOUNDS if key in said]
    return " ".join([{"string": "text"}.get(kind, kind), *bounds[:1], *(f"and {bound}" for bound in bounds[1:])])


def example(cls: type[Component]) -> str:
    """The component in a pipeline, with all its settings at their defaults, as YAML."""
    values = {}
    declared = cls.Params.model_json_schema()
    for name, said in declared.get("properties", {}).items():
        required = name in declared.get("required", ())
        values[name] = _sample_value(said, declared.get("$defs", {})) if required else _default(cls.Params, name)
    inside = [f"use: {cls.name}"]
    if values:
        inside += ["with:", *(f"  {name}: {flow(value)}" for name, value in values.items())]
    if cls.kind == "source":
        lines = ["source:", *(f"  {line}" for line in inside)]
    elif cls.kind == "probe":
        lines = ["trial:", "  probe:", *(f"    {line}" for line in inside)]
    else:
        lines = [f"{cls.kind}s:", f"  - {inside[0]}", *(f"    {line}" for line in inside[1:])]
    return "\n".join(lines)


def _sample_value(said: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """Something that a setting without default could be."""
    if said.get("examples"):
        return said["examples"][0]
    if "$ref" in said:
        return _sample_value(definitions[said["$ref"].rsplit("/", 1)[-1]], definitions)
    if "enum" in said:
        return said["enum"][0]
    if alternatives := said.get("anyOf") or said.get("oneOf"):
        return _sample_value(alternatives[0], definitions)
    kind = said.get("type")
    if kind == "array":
        return [_sample_value(said.get("items", {}), definitions)]
    if kind == "object":
        needed = said.get("required", ())
        return {name: _sample_value(said["properties"][name], definitions) for name in needed}
    if kind in ("integer", "number"):
        return said.get("minimum", said.get("maximum", 1))
    if kind == "boolean":
        return True
    return "path/to/data" if "path" in said.get("format", "") else "text"


def check(found: CheckResult) -> str:
    """What `augment check` says: what a run would read, learn, make and judge."""
    resolved, schema = found.resolved, found.schema
    pipeline = resolved.pipeline
    facts: list[tuple[str, str]] = [("run", f"{pipeline.name}, seed {pipeline.seed}")]
    facts += _steps(resolved, schema, "source")
    if schema is not None and found.rows is not None:
        facts += [("data", _data_words(schema, found.rows["read"])), ("target", _target_words(schema))]
        if pipeline.mix.is_auto:
            facts.append(("mix", f"found by a search, {pipeline.mix.search.seeds} seeds inside the training part"))
        facts.append(("split", f"{found.rows['train']:,} rows to learn from, {found.rows['test']:,} held out"))
    else:
        facts.append(("split", f"{pipeline.split.holdout:.0%} of the rows held out"))
    for kind in ("transform", "generator", "filter", "probe", "metric", "reporter", "sink"):
        facts += _steps(resolved, schema, kind)
    lines = table(facts)
    if found.plan:
        lines += ["", *_plan(found.plan)]
    if found.notes:
        lines += ["", *(f"note: {printable(note)}" for note in found.notes)]
    return "\n".join([*lines, "", "no problems found"])


def _steps(resolved: Resolved, schema: Schema | None, kind: Kind) -> list[tuple[str, str]]:
    """One line for each step of a kind, the first with the kind before it."""
    described = [words for step in resolved.of(kind) if (words := _step(step, schema))]
    return [(kind if place == 0 else "", words) for place, words in enumerate(described)]


def _step(step: Step, schema: Schema | None) -> str:
    """A step's id, name and settings; empty for a default that is left out on such data."""
    fitting = [
        candidate
        for candidate in step.candidates
        if schema is None or step.kind == "source" or candidate.cls.accepts.refusal(schema) is None
    ]
    if not fitting or (step.kind == "probe" and schema is not None and schema.task == "none"):
        return ""
    if len(fitting) > 1:
        return f"{step.id}: {' or '.join(dict.fromkeys(candidate.cls.name for candidate in fitting))}, as the data says"
    use, params = fitting[0].cls.name, fitting[0].params.model_dump(mode="json", by_alias=True)
    named = use if step.id in (use, "probe") else f"{step.id}: {use}"
    return f"{named} {flow(params)}" if params else named


def _data_words(schema: Schema, rows: int) -> str:
    arrays = [f"{name} {' x '.join(map(str, array.shape))}" for name, array in schema.arrays.items()]
    columns = len(schema.columns)
    return ", ".join([f"{rows:,} rows of kind {schema.modality}", *arrays, f"{columns} column{'s' * (columns != 1)}"])


def _target_words(schema: Schema) -> str:
    if schema.task == "none":
        return "none: nothing can be judged by use"
    if schema.task == "number":
        return f"{schema.target}, a number"
    classes = [flow(label) for label in schema.classes]
    more = f" and {len(classes) - MOST_CLASSES} more" if len(classes) > MOST_CLASSES else ""
    return f"{schema.target}, {len(classes)} classes: {', '.join(classes[:MOST_CLASSES])}{more}"


def _plan(plan: Sequence[tuple[str, str, int]]) -> list[str]:
    """Synthetic rows by class and generator."""
    made: dict[str, dict[str, int]] = {}
    for generator, label, rows in plan:
        made.setdefault(generator, {})
        made[generator][label] = made[generator].get(label, 0) + rows
    labels = list(dict.fromkeys(label for counts in made.values() for label in counts if label))
    shown = labels[:MOST_CLASSES]
    lines: list[Sequence[object]] = [("synthetic rows", *made)]
    lines += [(label, *(f"{counts.get(label, 0):,}" for counts in made.values())) for label in shown]
    if len(labels) > len(shown):
        lines.append((f"and {len(labels) - len(shown)} more classes", *[""] * len(made)))
    lines.append(("all", *(f"{sum(counts.values()):,}" for counts in made.values())))
    return table(lines, numbers=True)


def result(run: Run) -> str:
    """What is said when a run has ended: the verdict, the rows, where everything is, and what to do next."""
    folder = _near(run.folder)
    lines = ["done already: nothing has changed since this run was made", ""] if run.already_done else []
    lines += [_sentence(run)]
    if search := run.metrics["search"]["sentence"]:
        lines += [printable(search)]
    lines += [printable(f"privacy: {run.metrics['privacy']['sentence']}"), ""]
    lines += [*_rows(run.metrics), "", f"folder  {folder}"]
    if run.report is not None:
        lines.append(f"report  {_near(run.report)}")
    if first := next((name for name, one in run.metrics["generators"].items() if one["kept"]), None):
        lines.append(f"next    augment sample {folder} --generator {first} --rows 1000 -o more.csv")
    return "\n".join(lines)


def verdict(run: Run) -> str:
    """The same in one line."""
    return f"{_sentence(run)} ({_near(run.folder)})"


def result_event(run: Run) -> dict[str, Any]:
    """The same for programs: the last line of `augment run --json`."""
    return {
        "event": "result",
        "name": run.name,
        "key": run.key,
        "folder": str(run.folder),
        "report": str(run.report) if run.report else None,
        "status": run.status,
        "exit_code": run.exit_code,
        "already_done": run.already_done,
        "verdict": run.metrics["trial"]["verdict"],
        "sentence": run.metrics["trial"]["sentence"],
        "privacy": run.metrics["privacy"]["verdict"],
        "rows": run.metrics["rows"],
    }


def _sentence(run: Run) -> str:
    trial = run.metrics["trial"]
    return printable(f"{run.name}: {trial['sentence'] or trial['verdict']}")


def _rows(metrics: Mapping[str, Any]) -> list[str]:
    """Rows by class and by where they come from."""
    made = {name: counts["per_class"] for name, counts in metrics["generators"].items()}
    kept = {name: counts["kept"] for name, counts in metrics["generators"].items()}
    classes = metrics["classes"]
    heads = ["rows", "train", *made, "test"]
    rows: list[Sequence[object]] = [heads]
    labels = list(classes["train"])
    if len(labels) > MOST_CLASSES:
        labels.sort(key=lambda label: -classes["train"][label])
    for label in labels[:MOST_CLASSES]:
        numbers = [classes["train"][label], *(made[name].get(label, 0) for name in made), classes["test"].get(label, 0)]
        rows.append([label, *(f"{number:,}" for number in numbers)])
    if len(labels) > MOST_CLASSES:
        rows.append([f"and {len(labels) - MOST_CLASSES} more classes", *[""] * (len(heads) - 1)])
    total = [metrics["rows"]["train"], *kept.values(), metrics["rows"]["test"]]
    rows.append(["all", *(f"{number:,}" for number in total)])
    return table(rows, numbers=True)


def _near(path: Path) -> str:
    """The path from here, where that is shorter."""
    try:
        return printable(path.relative_to(Path.cwd()))
    except ValueError:
        return printable(path)


def runs(found: Sequence[Found], folder: Path) -> str:
    """The table of `augment runs`."""
    if not found:
        return f"no runs in {printable(folder)} or below"
    rows: list[Sequence[object]] = [("NAME", "KEY", "FINISHED (UTC)", "STATUS", "VERDICT", "SCORE", "ROWS", "FOLDER")]
    for run in found:
        when = run.when.strftime("%Y-%m-%d %H:%M")
        place = _near(Path(run.folder).absolute())
        rows.append((run.name, run.key, when, run.status, run.verdict, run.score, run.rows, place))
    return "\n".join(table(rows))


def cache(found: Sequence[Entry], root: Path) -> str:
    """The table of `augment cache ls`."""
    if not found:
        return f"{printable(root)}: empty"
    rows: list[Sequence[object]] = [("KEY", "WHAT", "SIZE", "LAST USED", "USED BY")]
    for entry in found:
        kind, _, digest = entry.key.partition("-")
        users = [Path(run).name for run in entry.runs]
        more = f" and {len(users) - 2} more" if len(users) > 2 else ""
        by = "a run at this moment" if entry.in_use else ", ".join(users[:2]) + more or "nobody"
        ago = f"{duration(entry.age) if entry.age < 86_400 else f'{entry.age / 86_400:.0f} days'} ago"
        rows.append((f"{kind}-{digest[:8]}", entry.what, size(entry.size), ago, by))
    total = sum(entry.size for entry in found)
    return "\n".join([*table(rows), "", f"{len(found)} entries, {size(total)} in {printable(root)}"])


def pruned(removed: Sequence[Entry], kept: Sequence[Entry], dry_run: bool) -> str:
    """What `augment cache prune` says."""
    verb = "would remove" if dry_run else "removed"
    lines = [f"{verb} {entry.what}, {size(entry.size)}" for entry in removed]
    lines += [f"left {entry.what}, {size(entry.size)}: a run uses it" for entry in kept]
    return "\n".join([*lines, f"{verb} {len(removed)} entries, {size(sum(entry.size for entry in removed))}"])


def size(num_bytes: int) -> str:
    """Bytes in the unit that one reads best.

    >>> size(512), size(2_500_000), size(31_000_000_000)
    ('512 B', '2.5 MB', '31.0 GB')
    """
    if num_bytes < 1000:
        return f"{num_bytes} B"
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB")):
        if num_bytes >= 10 ** (3 * power):
            return f"{num_bytes / 10 ** (3 * power):,.1f} {unit}"
    return f"{num_bytes / 1000:,.1f} KB"
