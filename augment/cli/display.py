"""How a run is shown while it works: live in a terminal, a line now and then in a log, or events as JSON lines.

A display is called with each event of a run and is a context manager around the whole of it. Progress goes to stderr,
so that stdout holds results only; JSON lines are the result of whoever asks for them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TextIO

from augment.text import json_line, printable

__all__ = ["Display", "JsonLines", "Lines", "Live", "Silent", "duration", "open_display"]

Event = Mapping[str, Any]

MIN_SECONDS = 10.0  # between two progress lines of one component
MAX_SECONDS = 60.0  # then a line comes even if little has happened
MAX_CANDIDATES = 10  # shown of a search
PART = 0.25  # otherwise a line comes when this much more is done


class Display(Protocol):
    """Shows the events of one run between entering and leaving."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop, and leave the terminal as it was found."""


def open_display(style: Literal["auto", "lines", "json", "quiet"] = "auto") -> Display:
    """The display that fits.

    Args:
        style: `auto` is live in a terminal that can move its cursor (not with TERM=dumb) and now and then a line
            elsewhere; `lines` shows each report of progress on a line of its own; `json` and `quiet` as they say.
    """
    if style == "quiet":
        return Silent()
    if style == "json":
        return JsonLines(sys.stdout)
    if style == "auto" and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return Live()
    return Lines(sys.stderr, every=style == "lines")


class Silent:
    """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


class JsonLines(Silent):
    """Writes each event as one line of JSON, at once."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event."""
        self._stream.write(json_line(event) + "\n")
        self._stream.flush()


@dataclass
class _Seen:
    """Where a component was when its rate was first known, and when a line about it was last written."""

    first_step: int
    first_time: float
    shown_part: float
    shown_time: float


class Lines(Silent):
    """Writes plain lines: beginnings, ends, notes, and progress now and then.

    Args:
        stream: where to.
        every: write each report of progress.
        clock: seconds from anywhere, for tests.
    """

    def __init__(self, stream: TextIO, every: bool = False, clock: Callable[[], float] = time.monotonic):
        self._stream = stream
        self._every = every
        self._clock = clock
        self._seen: dict[tuple[str, str], _Seen] = {}

    def __call__(self, event: Event) -> None:
        """Write the event, if it is time for it."""
        match event["event"]:
            case "stage-started":
                self._seen[_key(event)] = _Seen(-1, self._clock(), 0.0, self._clock())
                self._write(f"{_label(event)}: {'resumed from a checkpoint' if event.get('resumed') else 'started'}")
            case "progress":
                self._progress(event)
            case "stage-finished":
                self._seen.pop(_key(event), None)
                self._write(f"{_label(event)}: done, {_finish(event)}")
            case "candidates":
                self._write("\n".join(_standings(event)))
            case _:
                if text := _announcement(event):
                    self._write(text)

    def _progress(self, event: Event) -> None:
        step, total, now = int(event["step"]), int(event["total"]), self._clock()
        seen = self._seen.setdefault(_key(event), _Seen(-1, now, 0.0, now))
        if seen.first_step < 0:  # a resumed fit begins in the middle, so the rate is counted from its first report
            seen.first_step, seen.first_time = step, now
        part, waited = step / max(total, 1), now - seen.shown_time
        due = waited >= MIN_SECONDS and (part - seen.shown_part >= PART or waited >= MAX_SECONDS)
        if step >= total:
            del self._seen[_key(event)]
        if not (due or self._every):
            return
        seen.shown_part, seen.shown_time = part, now
        words = [f"{step:,} of {total:,} ({100 * part:.0f} %)"]
        if now > seen.first_time and step > seen.first_step:
            rate = (step - seen.first_step) / (now - seen.first_time)
            words += [_rate(rate), f"{duration((total - step) / rate)} left"]
        self._write(f"{_label(event)}: {', '.join([*words, *_losses(event)])}")

    def _write(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


class Live:
    """Shows one moving line for each running component, and leaves one line behind for each that has finished."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._tick = "✓" if "utf" in (self._console.encoding or "").lower() else "ok"
        self._progress = Progress(
            SpinnerColumn("dots" if self._tick == "✓" else "line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[steps]}", markup=False),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[losses]}", markup=False, style="dim"),
            console=self._console,
            refresh_per_second=5,
            transient=True,
        )
        self._tasks: dict[tuple[str, str], Any] = {}
        self._started: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show the event."""
        match event["event"]:
            case "stage-started":
                self._started.add(_key(event))
                self._task(event)
            case "progress":
                self._update(event)
            case "stage-finished":
                self._started.discard(_key(event))
                self._forget(event)
                self._print((self._tick, "green"), (f" {_label(event)}", ""), (f"  {_finish(event)}", "dim"))
            case "note":
                self._print(("note: ", "yellow"), (printable(event["message"]), ""))
            case "candidates":
                head, *lines = _standings(event)
                self._print((head, "bold"), *((f"\n{line}", "") for line in lines))
            case _:
                if text := _announcement(event):
                    self._print((text, "bold"))

    def _task(self, event: Event) -> Any:
        if _key(event) not in self._tasks:
            task = self._progress.add_task(_label(event), total=None, steps="", rate="", losses="")
            self._tasks[_key(event)] = task
        return self._tasks[_key(event)]

    def _update(self, event: Event) -> None:
        identity = self._task(event)
        step, total = int(event["step"]), int(event["total"])
        before = next(task for task in self._progress.tasks if task.id == identity)
        self._progress.update(
            identity,
            completed=step,
            total=total,
            steps=f"{step:,}/{total:,}",
            rate=_rate(before.speed) if before.speed else "",
            losses="  ".join(_losses(event)),
            refresh=before.total is None,
        )

        if step >= total and _key(event) not in self._started:  # a part of some stage, whose end nobody tells
            self._forget(event)

    def _forget(self, event: Event) -> None:
        if (task := self._tasks.pop(_key(event), None)) is not None:
            self._progress.remove_task(task)
            self._progress.refresh()

    def _print(self, *pieces: tuple[str, str]) -> None:
        from rich.text import Text

        self._console.print(Text.assemble(*pieces), soft_wrap=True)


def duration(seconds: float) -> str:
    """Seconds in words that are short and as exact as one needs.

    >>> duration(0.27), duration(42), duration(200), duration(7500)
    ('0.3 s', '42 s', '3 min 20 s', '2 h 05 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _key(event: Event) -> tuple[str, str]:
    return event["stage"], event["id"]


def _label(event: Event) -> str:
    return printable(" ".join(part for part in _key(event) if part))


def _finish(event: Event) -> str:
    words = ["from store"] if event.get("from_store") else [duration(event["seconds"])]
    if event.get("resumed"):
        words.append("resumed from a checkpoint")
    if event.get("rows"):
        words.append(f"{event['rows']:,} rows")
    return ", ".join(words)


def _losses(event: Event) -> list[str]:
    return [f"{printable(name)} {value:.4g}" for name, value in (event.get("losses") or {}).items()]


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.3g}/s"


def _standings(event: Event) -> list[str]:
    """How the candidates of a search stand: a line each, the best of those still in first."""
    first, *others = event["candidates"]
    alone = "real rows alone" if first["kind"] == "none" else printable(first["label"])
    what = "search" if first["kind"] == "none" else f"search for settings of {printable(event['id'])}"
    inside = [one for one in others if one["left"] is None]
    num_left = len(others) - len(inside)
    if not event["seeds"]:
        return [f"{what}: {len(inside)} candidate{'s' * (len(inside) != 1)} beside {alone}, up to {event['of']} seeds"]
    sign = 1 if event["better"] == "higher" else -1
    inside = sorted((one for one in inside if one["difference"] is not None), key=lambda one: -sign * one["difference"])
    width = max((len(printable(one["label"])) for one in inside), default=0)
    lines = [
        f"  {printable(one['label']):{width}}  {round(one['difference'], 9) + 0.0:+.4g} ± {one['error']:.2g}"
        for one in inside[:MAX_CANDIDATES]
    ]
    if len(inside) > MAX_CANDIDATES:
        lines.append(f"  and {len(inside) - MAX_CANDIDATES} more")
    gone = f"; {num_left} dropped" if num_left else ""
    head = f"{what} after {event['seeds']} of {event['of']} seeds: {event['score']}, difference to {alone} ± "
    return [f"{head}standard error{gone}", *lines]


def _announcement(event: Event) -> str:
    """What is said of an event that belongs to no component; empty when it needs no words."""
    match event["event"]:
        case "run-started":
            return f"{printable(event['name'])}: run {event['key'][:8]}"
        case "note":
            return f"note: {printable(event['message'])}"
        case "waiting":
            return printable(event["message"])
    return ""  # the end of a run is said by its summary; events of later versions are passed over
