"""The command `augment`: parse, call, print; nothing else.

Everything but click is imported inside the commands, so that help and completion come at once.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

from augment import __version__
from augment.errors import AugmentError, BoundMissed, DiskError, Interrupted, SpecError

__all__ = ["main"]

INTERRUPTED = 130  # what a shell reports of a command that Ctrl-C ended
SIGNALLED = 128  # what it adds to the number of a signal
DEBUG = "augment.debug"

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SpecFile = click.Path(exists=True, dir_okay=False, path_type=Path)


class Command(click.Command):
    """A command that knows `--debug`, whatever else it knows."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        option = click.Option(
            ["--debug"], is_flag=True, expose_value=False, callback=_remember_debug, help="Show tracebacks of errors."
        )
        self.params.append(option)


class Commands(click.Group):
    """The commands in the order in which they are written, and one message instead of a traceback."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which people meet them."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes a message on stderr and the exit code of its class."""
        if hasattr(sys.stdout, "reconfigure"):  # labels may hold what an old terminal cannot write
            sys.stdout.reconfigure(errors="backslashreplace")
        signals: list[int] = []
        try:
            with _stopped_by_sigterm(signals):
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own business; a closed pipe ends quietly
        except (KeyboardInterrupt, Interrupted) as error:
            message = str(error) or "interrupted; the same command goes on where it stopped"
            _fail(ctx, message, SIGNALLED + signals[0] if signals else getattr(error, "exit_code", INTERRUPTED))
        except SpecError as error:
            _fail(ctx, _problems(error), error.exit_code)
        except AugmentError as error:
            _fail(ctx, str(error), error.exit_code)
        except OSError as error:
            named = f"{error.filename}: " if error.filename else ""
            _fail(ctx, f"{named}{error.strerror or error}", DiskError.exit_code)
        except Exception as error:
            _fail(
                ctx,
                f"this is a bug in augment: {type(error).__name__}: {error}\n"
                "the same command with --debug shows where; please report it",
                AugmentError.exit_code,
            )


@contextmanager
def _stopped_by_sigterm(signals: list[int]) -> Iterator[None]:
    """End by SIGTERM in the same orderly way as by Ctrl-C; `signals` tells them apart."""

    def stop(number: int, frame: object) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[DEBUG] = value


def _fail(ctx: click.Context, message: str, code: int) -> NoReturn:
    from augment.console import printable

    if ctx.meta.get(DEBUG):
        import traceback

        traceback.print_exc()
    lines = [printable(line) for line in message.split("\n")]
    click.echo("\n".join([f"{click.style('error:', fg='red')} {lines[0]}", *lines[1:]]), err=True, color=_color())
    ctx.exit(code)


def _color() -> bool | None:
    import os

    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _problems(error: SpecError) -> str:
    """All problems, one a line, each beginning with `file:line:` as editors like it, and how many there are."""
    if len(error.problems) == 1:
        return str(error)
    return "\n".join([f"{len(error.problems)} problems", *map(str, error.problems)])


def _complete_component(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from augment.plugins import Catalog

    return [CompletionItem(name) for name in Catalog().names if name.startswith(incomplete)]


def _complete_device(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in ("auto", "cpu", "cuda") if name.startswith(incomplete)]


def _pairs(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """`K=V` given several times, as a mapping."""
    pairs: dict[str, str] = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{text!r} came; COLUMN=VALUE was expected")
        if key in pairs:
            raise click.BadParameter(f"{key!r} is given twice")
        pairs[key] = value
    return pairs


def _set_option(command: Decorated) -> Decorated:
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="K=V",
        help="Override one value of the pipeline, such as generators.0.with.epochs=5. Can be repeated.",
    )(command)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="augment", message="%(prog)s %(version)s")
def main() -> None:
    """Learn generators on your training data, mix synthetic samples in, and see on held-out rows whether it helped.

    \b
    Begin with:
      augment init data.csv            look at the data, write data.yaml
      augment check data.yaml          see what would happen
      augment run data.yaml            make it happen

    Exit codes: 0 done, 1 failed, 2 pipeline or usage, 3 data, 4 plugin, 5 a bound was missed, 6 locked by another run,
    7 disk, 130 interrupted.
    """


@main.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="SPEC", help="File to write.")
@click.option("--target", help="The column that a model should predict.  [default: found by its name or its values]")
def init(data: Path, output: Path | None, target: str | None) -> None:
    """Look at DATA and write a commented pipeline for it.

    DATA is a table (.csv, .tsv, .parquet, .jsonl), arrays (.npz), or a folder with one folder of images for each class.
    The pipeline runs as it is. It is written into the current folder, named after the data; nothing is overwritten.

    \b
    Examples:
      augment init customers.csv
      augment init customers.csv --target churned -o churn.yaml
      augment init photos/
    """
    from augment import init as proposing

    written = proposing.write(data, output, target)
    click.echo(f"wrote {written}")
    click.echo(f"next: augment run {_quoted(written)}")


@main.command()
@click.argument("spec", type=SpecFile)
@click.option("--no-data", is_flag=True, help="Check names and settings only; do not read the data.")
@_set_option
def check(spec: Path, no_data: bool, overrides: tuple[str, ...]) -> None:
    """Check the pipeline SPEC and say what a run would do.

    \b
    Examples:
      augment check pipeline.yaml
      augment check pipeline.yaml --no-data
    """
    from augment import describe, runner

    click.echo(describe.check(runner.check(spec, overrides=overrides, data=not no_data)))


@main.command()
@click.argument("spec", type=SpecFile)
@_set_option
@click.option("--seed", type=click.IntRange(min=0), help="Override the seed of the pipeline.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="The run's folder.  [default: runs/...]")
@click.option("--overwrite", is_flag=True, help="Replace what --out holds of another run.")
@click.option("--device", shell_complete=_complete_device, help="auto, cpu, cuda or cuda:1.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes at work; 0 keeps everything in this one.")
@click.option("--json", "as_json", is_flag=True, help="Write events and the result as JSON lines.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, and only the last line of the result.")
@click.option("-v", "--verbose", is_flag=True, help="Show each report of progress on a line of its own.")
def run(
    spec: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    overwrite: bool,
    device: str | None,
    workers: int | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run the pipeline SPEC: learn, mix, judge, write, report.

    Started again after it was stopped, it goes on where it was; what is finished is not done twice.

    \b
    Examples:
      augment run pipeline.yaml
      augment run pipeline.yaml --seed 3 --set generators.0.with.epochs=5
      augment run pipeline.yaml --json > events.jsonl
    """
    from augment import console, describe, runner

    style = "quiet" if quiet else "json" if as_json else "lines" if verbose else "auto"
    missed: BoundMissed | None = None
    with console.open_display(style) as display:  # type: ignore[arg-type]
        try:
            result = runner.run(
                spec,
                overrides=overrides,
                seed=seed,
                out=out,
                overwrite=overwrite,
                device=device,
                workers=workers,
                events=display,
            )
        except BoundMissed as error:
            missed, result = error, error.run
    if as_json:
        click.echo(console.json_line(describe.result_event(result)))
    elif quiet:
        click.echo(describe.verdict(result))
    else:
        click.echo(describe.result(result))
    if result.exit_code and missed is None:
        missed = BoundMissed("this run missed a bound that its pipeline sets")
    if missed is not None:
        raise missed


@main.command()
@click.argument("run_folder", metavar="RUN", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rows", type=click.IntRange(min=1), required=True, help="How many rows.")
@click.option("--generator", metavar="ID", help="Which generator of the run.  [default: the only one]")
@click.option("--where", multiple=True, metavar="K=V", callback=_pairs, help="Fix a column. Can be repeated.")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed gives other rows.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help=".csv, .parquet or .npz file, or a folder."
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def sample(
    run_folder: Path,
    rows: int,
    generator: str | None,
    where: dict[str, str],
    seed: int | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Make more rows with a generator of a finished RUN.

    RUN is the folder of a run, or the link runs/<name> to the latest.

    \b
    Examples:
      augment sample runs/credit-balance --rows 1000 -o more.parquet
      augment sample runs/credit-balance --rows 500 --generator gan --where defaulted=yes -o yes.csv
    """
    from augment import drawing

    written = drawing.sample(
        run_folder, rows=rows, generator=generator, where=where, seed=seed, out=output, overwrite=overwrite
    )
    click.echo(f"wrote {rows:,} rows to {written}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def plugins(as_json: bool) -> None:
    """List what installed plugins offer, and what is broken.

    \b
    Examples:
      augment plugins
      augment plugins --json
    """
    from augment import console, describe
    from augment.plugins import Catalog

    catalog = Catalog()
    offered = describe.offered(catalog)
    click.echo(console.json_line(offered) if as_json else describe.plugins(offered))


@main.command()
@click.argument("name", shell_complete=_complete_component)
def show(name: str) -> None:
    """Show what the component NAME does and can be told.

    What it does, the data it accepts, its settings with their defaults, and how it is written in a pipeline.

    \b
    Examples:
      augment show smote
      augment show csv
    """
    from augment import describe
    from augment.plugins import Catalog

    click.echo("\n\n".join(describe.component(cls) for cls in Catalog().components(name)))


@main.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors.

    It holds the settings of all installed components.

    \b
    Examples:
      augment schema > augment.schema.json
      (and as the first line of a pipeline:)
      # yaml-language-server: $schema=augment.schema.json
    """
    import json

    from augment import spec
    from augment.plugins import Catalog

    click.echo(json.dumps(spec.json_schema(Catalog()), indent=2, ensure_ascii=False))


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes what you type in SHELL.

    Commands, options, files and names of components.

    \b
    Examples:
      augment completion bash >> ~/.bashrc
      augment completion zsh >> ~/.zshrc
      augment completion fish > ~/.config/fish/completions/augment.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "augment", "_AUGMENT_COMPLETE").source())


def _quoted(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))
