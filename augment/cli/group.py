"""The group of commands: each is imported when it is called, and an error becomes one message and an exit code."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from augment.errors import AugmentError, DiskError, Interrupted, SpecError, did_you_mean, out_of_memory

__all__ = ["Command", "Commands", "Family"]

INTERRUPTED = 130  # what a shell reports of a command ended by Ctrl-C
SIGNALLED = 128  # what it adds to the number of a signal
DEBUG = "augment.debug"
MAX_LINES = 25  # of a message
MAX_CHARS = 2_000  # of one of its lines: a plugin's error may show a whole table


class Command(click.Command):
    """A command that knows `--debug`, whatever else it knows."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params.append(_debug_option())


class Family(click.Group):
    """A command with commands of its own."""

    command_class = Command

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params.append(_debug_option())


class Commands(click.Group):
    """Commands that are imported when they are called, and one message instead of a traceback.

    Args:
        places: the name of each command to the module that holds it, as a function of that name (`new-plugin`:
            `new_plugin`), in the order in which they are listed.
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which people meet them."""
        return [*self.places, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported; None when there is none."""
        if cmd_name not in self.places:
            return super().get_command(ctx, cmd_name)
        command = getattr(importlib.import_module(self.places[cmd_name]), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; the nearest known one is in the message where there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx) if hint else error from None

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
            message = str(error) or "interrupted; run the same command again to resume"
            _fail(ctx, message, SIGNALLED + signals[0] if signals else getattr(error, "exit_code", INTERRUPTED))
        except SpecError as error:
            _fail(ctx, _problems(error), error.exit_code)
        except AugmentError as error:
            _fail(ctx, str(error), error.exit_code)
        except MemoryError as error:
            _fail(ctx, out_of_memory("augment", error), AugmentError.exit_code)
        except OSError as error:
            named = f"{error.filename}: " if error.filename else ""
            _fail(ctx, f"{named}{error.strerror or error}", DiskError.exit_code)
        except Exception as error:
            _fail(
                ctx,
                f"this is a bug in augment: {type(error).__name__}: {error}\n"
                "run the same command with --debug to see the traceback, and please report it",
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


def _debug_option() -> click.Option:
    text = "Show tracebacks of errors."
    return click.Option(["--debug"], is_flag=True, expose_value=False, callback=_remember_debug, help=text)


def _remember_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    ctx.meta[DEBUG] = value or ctx.meta.get(DEBUG, False)


def _fail(ctx: click.Context, message: str, code: int) -> NoReturn:
    from augment.text import printable

    if ctx.meta.get(DEBUG):
        import traceback

        traceback.print_exc()
    lines = [_clip(printable(line)) for line in message.split("\n")]
    if len(lines) > MAX_LINES and not ctx.meta.get(DEBUG):
        more = len(lines) - MAX_LINES + 1
        lines = [*lines[: MAX_LINES - 1], f"... and {more} more lines; --debug shows all"]
    click.echo("\n".join([f"{click.style('error:', fg='red')} {lines[0]}", *lines[1:]]), err=True, color=_color())
    ctx.exit(code)


def _clip(line: str) -> str:
    return line if len(line) <= MAX_CHARS else f"{line[:MAX_CHARS]}... ({len(line) - MAX_CHARS:,} more characters)"


def _color() -> bool | None:
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _problems(error: SpecError) -> str:
    """All problems, one a line, each beginning with `file:line:` as editors like it, and how many there are."""
    if len(error.problems) == 1:
        return str(error)
    return "\n".join([f"{len(error.problems)} problems", *map(str, error.problems)])
