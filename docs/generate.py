"""Writes the reference pages that follow from the code, and the index of built-in components.

python docs/generate.py            write them
python docs/generate.py --check    say which are out of date, and exit with 1 if any is
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import get_args

import click
import pluggy
from pydantic import BaseModel

import augment.data
import augment.plugin
import augment.toolkit
from augment import cli, errors, loaders, resampling, testing
from augment.cli import describe, plugin_list
from augment.plugin import contracts, hookspecs, run_metrics, trial_results
from augment.plugin.catalog import Catalog
from augment.plugin.kinds import KINDS
from augment.runner import fitted_generator, sample_finished_run
from augment.runner import run as runner
from augment.runner.check import check
from augment.runner.load_results import load
from augment.spec.models import Mix, Pipeline, Search, Split, Trial, Use
from augment.statistics.scores import SCORES
from augment.storage import run_folder, run_manifest

REFERENCE = Path(__file__).parent / "reference"
OWN = "augment-pipeline"  # components of other distributions are installed here by chance
MADE = "<!-- Made by docs/generate.py from the code: change it there. -->"


def pages() -> dict[str, str]:
    """File name below docs/reference to its text."""
    made = {
        "pipeline.md": pipeline_page(),
        "components.md": components_page(),
        "cli.md": cli_page(),
        "hooks.md": hooks_page(),
        "python.md": python_page(),
        "data.md": public_page(augment.data, [(name, getattr(augment.data, name)) for name in augment.data.__all__]),
        "plugin.md": plugin_page(),
        "toolkit.md": toolkit_page(),
        "run-files.md": run_files_page(),
        "testing.md": public_page(testing, [(name, getattr(testing, name)) for name in testing.__all__]),
    }
    return {name: f"{MADE}\n\n{text.strip()}\n" for name, text in made.items()}


def pipeline_page() -> str:
    """Every key of a pipeline file, from the pydantic models that read it."""
    models: list[tuple[str, type[BaseModel], str]] = [
        ("The file", Pipeline, ""),
        ("A component", Use, "The value of `source` and `probe`, and the items of `transforms`, `generators`, "
         "`filters`, `metrics`, `reporters` and `sinks`."),
        ("schema", augment.data.SchemaDeclaration, ""),
        ("schema.columns.NAME", augment.data.ColumnDeclaration, ""),
        ("schema.arrays.NAME", augment.data.ArrayDeclaration, ""),
        ("split", Split, ""),
        ("mix", Mix, ""),
        ("mix.search", Search, ""),
        ("trial", Trial, ""),
    ]  # fmt: skip
    parts = [
        "# The pipeline file",
        "A pipeline is YAML 1.2: `yes`, `no` and `on` are strings, `2e-4` is a number. Unknown and duplicate keys, "
        "tags, anchors and aliases are refused. Relative paths start at the file's own folder. "
        "`augment schema` prints the same as JSON Schema, for editors.",
        "The sections run in this order: `source`, `split`, `transforms`, `generators`, `mix` (with `filters`), "
        "`trial`, `metrics`, `sinks`, `reporters`.",
    ]
    for title, model, remark in models:
        parts += [f"## {title}", first_paragraph(model)]
        parts += [remark] if remark else []
        parts.append(settings_table(model))
    rows = [(f"`{rule.name}`", rule.label, rule.task, rule.better) for rule in SCORES.values()]
    parts += [
        "## Scores",
        "The values of `trial.score`. The first score for each kind of target is the default.",
        markdown_table(("score", "description", "target", "better"), rows),
    ]
    return "\n\n".join(parts)


def components_page() -> str:
    """Every built-in component: what it does, what data it takes, its settings."""
    catalog = Catalog()
    own = [report for report in catalog.reports() if report.offer.distribution == OWN]
    classes = {cls for report in own if report.components for cls in catalog.components(report.offer.name)}
    parts = [
        "# Built-in components",
        "`augment show NAME` prints the same. A name can have several components, one per kind of data.",
    ]
    for kind in KINDS:
        parts.append(f"## {kind.capitalize()}s")
        for cls in sorted((cls for cls in classes if cls.kind == kind), key=lambda cls: (cls.name, cls.__qualname__)):
            parts += component_part(cls)
    return "\n\n".join(parts)


def component_part(cls: type[contracts.Component]) -> Iterator[str]:
    """One component."""
    yield f"### {cls.name}"
    yield inspect.cleandoc(cls.__doc__ or "")
    facts = (fact.partition(": ") for fact in describe.abilities(cls))
    yield "\n".join(f"* **{what}:** {which}" for what, _, which in facts)
    if cls.Params.model_fields:
        yield settings_table(cls.Params)
    yield f"```yaml\n{describe.example(cls)}\n```"


def plugin_page() -> str:
    """What plugin authors write against: the base classes, what they are handed, and a few functions."""
    bases = [kind.capitalize() for kind in KINDS]
    shown = sorted(augment.plugin.__all__, key=lambda name: bases.index(name) if name in bases else len(bases))
    return public_page(augment.plugin, [(name, getattr(augment.plugin, name)) for name in shown])


def python_page() -> str:
    """What training scripts call."""
    entries: list[tuple[str, object]] = [
        ("run", runner.run),
        ("check", check),
        ("sample", sample_finished_run.sample),
        ("load", load),
        ("Run", run_folder.Run),
        ("fit", fitted_generator.fit),
        ("FittedGenerator", fitted_generator.FittedGenerator),
        ("loaders.mixed", loaders.mixed),
        ("loaders.tensors", loaders.tensors),
        ("loaders.mixup", loaders.mixup),
        ("loaders.cutmix", loaders.cutmix),
        ("resampling.Augmenter", resampling.Augmenter),
    ]
    return public_page(augment, entries)


def run_files_page() -> str:
    """Every key of `metrics.json` and `run.json`, from the models that write and read them."""
    parts = [
        "# metrics.json and run.json",
        "These files are in a [run's folder](run-folder.md). In Python, `run.metrics` and `run.manifest` have each key "
        "as an attribute: `augment.load(folder).metrics.trial.verdict`. A file that is damaged or lacks one of these "
        "keys is refused. Later versions may add keys.",
    ]
    for title, model in (
        ("## metrics.json", run_metrics.RunMetrics),
        ("### rows", run_metrics.RowCounts),
        ("### classes", run_metrics.ClassCounts),
        ("### generators.ID", run_metrics.GeneratorCounts),
        ("### filters.ID", run_metrics.FilterCounts),
        ("### search", trial_results.SearchResult),
        ("### search.mix", trial_results.MixChoice),
        ("### search.candidates", trial_results.CandidateResult),
        ("### trial", trial_results.TrialResult),
        ("### trial.against", trial_results.Comparison),
        ("### trial.arms", trial_results.ArmResult),
        ("### trial.arms.scores.NAME", trial_results.ArmScore),
        ("### trial.arms.classes.LABEL", trial_results.ClassResult),
        ("### trial.arms.confusion", trial_results.Confusion),
        ("### trial.arms.curves", trial_results.ClassCurves),
        ("### trial.cuts", trial_results.CutsResult),
        ("### trial.cuts.overall, trial.cuts.arms.ID", trial_results.CutDifferences),
        ("### trial.legend.NAME", trial_results.ScoreLegend),
        ("### scores", run_metrics.MetricScore),
        ("### scores.attack", run_metrics.AttackResult),
        ("### privacy", run_metrics.PrivacyResult),
        ("## run.json", run_manifest.RunManifest),
        ("### source", run_manifest.SourceRecord),
        ("### data", run_manifest.WrittenData),
        ("### new_ids", run_manifest.NewIds),
        ("### stages", run_manifest.StageRecord),
    ):
        parts += [title, inspect.cleandoc(model.__doc__ or "")]
        rows = []
        for name, kind, *_ in describe.settings(model):
            text = " ".join((model.model_fields[name].description or "").split())
            rows.append((f"`{name}`", code(re.sub(r"\{.*\}", "mapping", kind)), text))
        parts.append(markdown_table(("key", "type", "meaning"), rows))
    return "\n\n".join(parts)


def toolkit_page() -> str:
    """What makes a plugin short, module after module."""
    parts = [f"# {augment.toolkit.__name__}", indented_code(inspect.cleandoc(augment.toolkit.__doc__ or ""))]
    for found in pkgutil.walk_packages(augment.toolkit.__path__, f"{augment.toolkit.__name__}."):
        module = importlib.import_module(found.name)
        parts += [f"## {module.__name__}", indented_code(inspect.cleandoc(module.__doc__ or ""))]
        for name in getattr(module, "__all__", []):
            parts += entry_part(f"### {name}", name, getattr(module, name))
    return "\n\n".join(parts)


def public_page(package: ModuleType, entries: Iterable[tuple[str, object]]) -> str:
    """A public package: what it says of itself, and each name that it exports."""
    parts = [f"# {package.__name__}", indented_code(inspect.cleandoc(package.__doc__ or ""))]
    for name, member in entries:
        parts += entry_part(f"## {package.__name__}.{name}", name.rpartition(".")[2], member)
    return "\n\n".join(parts)


def entry_part(heading: str, name: str, member: object) -> Iterator[str]:
    """One exported name: a component's base class, another class, a function, or an alias of types."""
    yield heading
    if getattr(member, "__module__", "") in (run_metrics.__name__, trial_results.__name__):
        yield f"{first_paragraph(member)} Its keys are under [metrics.json](run-files.md)."  # type: ignore[arg-type]
    elif inspect.isclass(member) and (issubclass(member, contracts.Component) or member is contracts.RunView):
        yield indented_code(inspect.cleandoc(member.__doc__ or ""))
        for method, plain in own_methods(member):
            yield f"**{member.__name__}.{method}**"
            yield f"```python\n{signature(method, plain)}\n```"
            yield sections(inspect.getdoc(plain) or "")
    elif inspect.isclass(member):
        yield from class_part(member)
    elif inspect.isfunction(member):
        yield f"```python\n{signature(name, member)}\n```"
        yield indented_code(inspect.getdoc(member) or "")
    elif hasattr(member, "__metadata__"):
        (check,) = member.__metadata__
        yield f"A {code(member.__origin__.__name__)}: {inspect.getdoc(check.func)}"
    elif get_args(member):
        yield f"One of {', '.join(code(str(value)) for value in get_args(member))}."
    elif isinstance(member, pluggy.HookimplMarker):
        yield "The decorator that marks a function as the implementation of a hook; see [Hooks](hooks.md)."
    elif isinstance(member, int | float | str):
        yield code(repr(member))


def class_part(cls: type) -> Iterator[str]:
    """A class that is used as it is: how it is made, its documentation, its own public methods."""
    if issubclass(cls, BaseModel):
        yield indented_code(inspect.cleandoc(cls.__doc__ or ""))
        if cls is not augment.data.Schema:
            yield settings_table(cls)
    else:
        yield f"```python\n{signature(cls.__name__, cls).removeprefix('def ').removesuffix(' -> None')}\n```"
        yield indented_code(inspect.cleandoc(cls.__doc__ or ""))
    for name, member in vars(cls).items():
        plain = getattr(member, "__func__", None) or getattr(member, "fget", None) or getattr(member, "func", member)
        if name.startswith("_") or not inspect.isfunction(plain) or not plain.__doc__:
            continue
        is_value = isinstance(member, property | functools.cached_property)
        shown = f"{name}" if is_value else signature(name, plain)
        yield f"**`{' '.join(shown.removeprefix('def ').split())}`**"
        yield sections(inspect.getdoc(plain) or "")


def own_methods(cls: type) -> Iterator[tuple[str, object]]:
    """The public methods of a base class; what learners share (`save`, `load`) is shown with each."""
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        owner = next(base for base in cls.__mro__ if name in vars(base))
        if not name.startswith("_") and owner.__module__.startswith(augment.plugin.__name__):
            plain = (
                getattr(member, "func", None) or getattr(member, "__func__", None) or getattr(member, "fget", member)
            )
            if inspect.isfunction(plain):
                yield name, plain


def hooks_page() -> str:
    """Every hook that a plugin may implement."""
    parts = [
        "# Hooks",
        inspect.cleandoc(hookspecs.__doc__ or ""),
    ]
    for name, hook in vars(hookspecs).items():
        if name.startswith("augment_"):
            parts += [f"## {name}", f"```python\n{signature(name, hook)}\n```", inspect.getdoc(hook) or ""]
    return "\n\n".join(parts)


def cli_page() -> str:
    """The help of every command, and the exit codes."""
    parts = ["# The command `augment`", help_of(cli.main, "augment", None)]
    top = click.Context(cli.main, info_name="augment", **cli.main.context_settings)
    for name in cli.main.list_commands(top):
        command = cli.main.get_command(top, name)
        assert command is not None
        parts += [f"## augment {name}", help_of(command, name, top)]
        if isinstance(command, click.Group):
            family = click.Context(command, info_name=name, parent=top)
            for inner, one in command.commands.items():
                parts += [f"### augment {name} {inner}", help_of(one, inner, family)]
    tree = inspect.cleandoc(errors.__doc__ or "")
    parts += [
        "## Exit codes",
        "0 means success. Every class of errors has its own exit code:",
        indented_code(tree.split("\n\n", 1)[1]),
    ]
    return "\n\n".join(parts)


def help_of(command: click.Command, name: str, parent: click.Context | None) -> str:
    """What `--help` prints, at a width of its own instead of the terminal's."""
    settings = {"terminal_width": 100, "max_content_width": 100, "help_option_names": ["-h", "--help"], "color": False}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    return f"```text\n{click.unstyle(command.get_help(context))}\n```"


def settings_table(model: type[BaseModel]) -> str:
    """The fields of a model as a table."""
    rows = []
    for name, kind, default, text in describe.settings(model):
        shown = default_words(model, name, default)
        kind = re.sub(r"\{use: text[^}]*\}", "component", kind)
        kind = re.sub(r"(mapping to )?\{.*\}( \| null)?", "mapping", kind)
        rows.append((f"`{name}`", code(kind), shown, " ".join(text.split())))
    return markdown_table(("key", "type", "default", "meaning"), rows)


def default_words(model: type[BaseModel], name: str, default: str) -> str:
    """A default for a table: entries by their names, nested models as what they are."""
    (field,) = [field for key, field in model.model_fields.items() if name == (field.alias or key)]
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, list) and value and all(isinstance(entry, Use) for entry in value):
        return code(f"[{', '.join(entry.use for entry in value)}]")
    if isinstance(value, BaseModel) and issubclass(model, Pipeline):
        return "see below"
    if model is Pipeline and name == "name":
        return "the file's name"
    return code(default) if default else "**required**"


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Inline code."""
    return f"`{text}`"


def signature(name: str, function: object) -> str:
    """`def name(...) -> ...:` as written in the code."""
    assert callable(function)
    found = inspect.signature(function)
    parameters = [
        one.replace(annotation=_as_written(one.annotation), default=_named(one.default))
        for one in found.parameters.values()
    ]
    written = found.replace(parameters=parameters, return_annotation=_as_written(found.return_annotation))
    return textwrap.fill(f"def {name}{written}", 100, subsequent_indent="    ", break_long_words=False)


class _Written(str):
    def __repr__(self) -> str:
        return str(self)


def _named(default: object) -> object:
    if isinstance(default, frozenset):  # sorted, since the order of a set differs from process to process
        return _Written(f"frozenset({{{', '.join(map(repr, sorted(default)))}}})")
    return _Written(default.__name__) if inspect.isfunction(default) else default


def _as_written(annotation: object) -> object:
    return _Written(annotation) if isinstance(annotation, str) else annotation


def first_paragraph(cls: type) -> str:
    """The first paragraph of a class's documentation."""
    return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]


def indented_code(text: str) -> str:
    """Documentation as Markdown: indented blocks become code blocks, sections become lists."""
    parts: list[str] = []
    for block in re.split(r"\n\n(?=\S)", sections(text)):
        head, *body = re.split(r"\n\n(?= {4})", block, maxsplit=1)
        if block.startswith("    "):
            head, body = "", [block]
        elif block.startswith(">>> "):
            head, body = f"```pycon\n{block}\n```", []
        parts += [head] if head else []
        for inner in body:
            language = "python" if re.search(r"^ {4}(class|def|import) ", inner, re.M) else "text"
            parts.append(f"```{language}\n{inspect.cleandoc(inner) if language == 'text' else dedent(inner)}\n```")
    return "\n\n".join(parts)


def dedent(text: str) -> str:
    """Python without its common indentation; the escaped quotes of a docstring in a docstring are undone."""
    return textwrap.dedent(text).strip("\n")


def sections(text: str) -> str:
    """Google-style sections (`Args:`, `Raises:`, ...) as Markdown lists."""
    made: list[str] = []
    inside = False
    for line in text.splitlines():
        if re.fullmatch(r"(Args|Attributes|Raises|Returns):", line):
            inside = True
            made += [f"**{line[:-1]}**", ""]
        elif inside and (entry := re.match(r" {4}(\w+): (.*)", line)):
            made.append(f"* `{entry[1]}`: {entry[2]}")
        elif inside and line.startswith("    "):
            made.append(f"  {line.strip()}")
        else:
            inside = inside and not line.strip()
            made.append(line)
    return "\n".join(made)


def main() -> int:
    """Write the pages, or compare them."""
    check = sys.argv[1:] == ["--check"]
    stale = []
    files = {REFERENCE / name: text for name, text in pages().items()}
    files[plugin_list.INDEX] = plugin_list.build_index(Catalog())
    for path, text in files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if not check:
                path.write_text(text, encoding="utf-8", newline="\n")
    if stale:
        print(f"{'out of date, run docs/generate.py' if check else 'written'}: {', '.join(stale)}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
