"""Plots as inline SVG: pure functions from numbers to markup.

Colours come from the page's style sheet by class, so a plot follows light, dark and print. Words stand in HTML around a
plot; where they must stand inside, positions are in percent, so they keep their size when the plot is stretched.
No ids, scripts or style attributes: the page's content security policy forbids the last two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from augment_report.formatting import count, fixed

__all__ = ["Scale", "bars", "bullet", "forest_axis", "forest_row", "histogram", "lines", "spark", "unit_curves"]

WIDTH = 1000  # of the stretched coordinates; their height is in pixels


@dataclass(frozen=True)
class Scale:
    """A linear axis."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float], margin: float = 0.06) -> Scale:
        """An axis that covers all these numbers, with a margin on both sides as a share of the span."""
        low, high = min(values), max(values)
        pad = (high - low) * margin or max(abs(high), 1e-3)
        return cls(low - pad, high + pad)

    def share(self, value: float) -> float:
        """The position of a value: 0 at the low end, 1 at the high end. Values beyond the ends are clipped."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def percent(self, value: float) -> str:
        """The position of a value, for an SVG attribute."""
        return f"{100 * self.share(value):.2f}%"

    def ticks(self, most: int = 6) -> tuple[list[float], int]:
        """Round numbers inside the axis, and their decimals."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [i * step for i in range(first, last + 1)], max(0, -math.floor(math.log10(step) + 1e-9))


def forest_row(
    scale: Scale, point: float, interval: Sequence[float] | None, seeds: Sequence[float], css: str, label: str
) -> Markup:
    """One row of a forest plot: faint dots for seeds, a line for the interval, a dot for the difference, and 0."""
    zero = scale.percent(0)
    parts = [Markup('<line class="zero" x1="{0}" x2="{0}" y1="0" y2="100%"/>').format(zero)]
    parts += [
        Markup('<circle class="seed {}" cx="{}" cy="50%" r="3"/>').format(css, scale.percent(seed)) for seed in seeds
    ]
    if interval is not None:
        low, high = (scale.percent(end) for end in interval)
        parts.append(Markup('<line class="whisker {}" x1="{}" x2="{}" y1="50%" y2="50%"/>').format(css, low, high))
    parts.append(Markup('<circle class="point {}" cx="{}" cy="50%" r="5.5"/>').format(css, scale.percent(point)))
    return _svg("forest-row", label, 40, parts)


def forest_axis(scale: Scale) -> Markup:
    """The axis of a forest plot, with differences from real rows alone."""
    ticks, decimals = scale.ticks()
    parts = []
    for tick in ticks:
        place = scale.percent(tick)
        css = "zero" if tick == 0 else "tick"
        parts.append(Markup('<line class="{0}" x1="{1}" x2="{1}" y1="0" y2="5"/>').format(css, place))
        if 0.03 < scale.share(tick) < 0.97:
            text = fixed(tick, decimals) if tick else "0"
            parts.append(Markup('<text x="{}" y="19" text-anchor="middle">{}</text>').format(place, text))
    return _svg("axis", "axis: difference to real rows alone", 24, parts)


def bars(rows: Sequence[Sequence[tuple[str, float]]], label: str, thickness: int = 12) -> Markup:
    """Stacked horizontal bars, each a list of (colour class, share of the full width)."""
    parts = []
    for position, row in enumerate(rows):
        start = 0.0
        for css, share in row:
            if share > 0:
                box = Markup('<rect class="{}" x="{:.2f}%" width="{:.2f}%" y="{}" height="{}"/>')
                parts.append(box.format(css, 100 * start, 100 * share, position * (thickness + 1), thickness))
            start += share
    return _svg("bars", label, len(rows) * (thickness + 1) - 1, parts)


def bullet(value: float, limit: float, css: str, label: str, height: int = 16) -> Markup:
    """A bar and its limit, both at least 0. The tall line marks the limit."""
    top = max(value, limit, 1e-9) * 1.15
    box = Markup('<rect class="track" x="0" width="100%" y="5" height="6"/>')
    bar = Markup('<rect class="{}" x="0" width="{:.2f}%" y="5" height="6"/>').format(css, 100 * value / top)
    line = Markup('<line class="limit" x1="{0:.2f}%" x2="{0:.2f}%" y1="0" y2="{1}"/>').format(100 * limit / top, height)
    return _svg("bullet", label, height, [box, bar, line])


def histogram(real: np.ndarray, synthetic: np.ndarray, label: str, height: int = 84) -> Markup:
    """Two step histograms over the same bins, (B,) shares each: real filled, synthetic as a line."""
    top = max(float(real.max()), float(synthetic.max())) or 1.0
    outlines = []
    for shares in (real, synthetic):
        edges = np.linspace(0, WIDTH, len(shares) + 1)
        steps = np.concatenate([[0.0], np.repeat(shares, 2), [0.0]])
        outlines.append(_points(np.repeat(edges, 2), height - 2 - steps / top * (height - 6)))
    body = Markup('<polygon class="area real" points="{}"/><polyline class="line synthetic" points="{}"/>')
    return _svg("plot", label, height, [_stretched(body.format(*outlines), height), _baseline(height)])


def lines(curves: Sequence[tuple[np.ndarray, np.ndarray]], label: str, height: int = 150) -> Markup:
    """Curves (x, y) on common axes with a few grid lines."""
    x_low, x_high = (float(f([f(x) for x, _ in curves])) for f in (np.min, np.max))
    y_low, y_high = (float(f([f(y) for _, y in curves])) for f in (np.min, np.max))
    scale = Scale.around([y_low, y_high], 0.08)
    across = Scale(x_low, x_high if x_high > x_low else x_low + 1)
    inner = height - 18
    parts = []
    ticks, decimals = scale.ticks(4)
    for tick in ticks:
        level = 8 + (inner - 8) * (1 - scale.share(tick))
        parts.append(Markup('<line class="grid" x1="14%" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>').format(level))
        text = Markup('<text x="12.5%" y="{:.1f}" text-anchor="end">{}</text>')
        parts.append(text.format(level + 4, fixed(tick, decimals, sign=False)))
    drawn = []
    for position, (x, y) in enumerate(curves):
        points = _points(
            np.array([across.share(float(v)) for v in x]) * WIDTH,
            8 + (inner - 8) * (1 - np.array([scale.share(float(v)) for v in y])),
        )
        drawn.append(Markup('<polyline class="line curve-{}" points="{}"/>').format(position % 6, points))
    parts.append(_stretched(Markup("").join(drawn), height, gutter=14))
    parts.append(Markup('<text x="14%" y="{}">step {}</text>').format(height - 3, count(x_low)))
    end = Markup('<text x="100%" y="{}" text-anchor="end">{}</text>')
    parts.append(end.format(height - 3, count(x_high)))
    return _svg("plot", label, height, parts)


def unit_curves(curves: Sequence[tuple[str, Sequence[float]]], chance: float | None, label: str) -> Markup:
    """Curves in the unit square, each a colour class and its heights at even steps from 0 to 1.

    `chance` is the level of a guess; where it is None, a guess follows the diagonal.
    """
    size = 200
    line = Markup('<line class="grid" x1="{}" y1="{}" x2="{}" y2="{}"/>')
    levels = range(0, size + 1, 50)
    grid = [line.format(0, at, size, at) for at in levels] + [line.format(at, 0, at, size) for at in levels]
    ends = (size, 0) if chance is None else (size * (1 - chance),) * 2
    guess = Markup('<polyline class="line guess" points="0,{:.1f} 200,{:.1f}"/>').format(*ends)
    start = "0,200 " if chance is None else ""  # a ROC curve begins where nothing is taken for the class
    drawn = [
        Markup('<polyline class="line {}" points="{}{}"/>').format(
            css, start, _points(np.linspace(0, size, len(heights)), size * (1 - np.asarray(heights)))
        )
        for css, heights in curves
    ]
    outer = Markup('<svg class="unit" role="img" aria-label="{}" viewBox="-2 -2 204 204">{}</svg>')
    return outer.format(label, Markup("").join([*grid, guess, *drawn]))


def spark(
    values: np.ndarray, css: str, label: str, height: int = 48, ends: tuple[float, float] | None = None
) -> Markup:
    """A small plot of lines (T, L) on one scale, without axes. Lines have gaps where their values are NaN.

    The scale reaches from one of the `ends` to the other, or over all values where none are given.
    """
    finite = values[np.isfinite(values)]
    if ends is None:
        ends = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    scale = Scale.around(ends)
    x = np.linspace(0, WIDTH, max(len(values), 2))[: len(values)]
    y = height * (1 - np.clip((values - scale.low) / (scale.high - scale.low), 0, 1))
    line = Markup('<polyline class="line {}" points="{}"/>')
    drawn = [line.format(css, _points(x[part], one[part])) for one in y.T for part in _unbroken(one)]
    return _svg("spark", label, height, [_stretched(Markup("").join(drawn), height)])


def _unbroken(values: np.ndarray) -> list[np.ndarray]:
    """The positions of each run of finite values. A single position is repeated, because a line needs two ends."""
    places = np.flatnonzero(np.isfinite(values))
    parts = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []
    return [part if len(part) > 1 else np.repeat(part, 2) for part in parts]


def _svg(css: str, label: str, height: int, parts: Sequence[Markup]) -> Markup:
    outer = Markup('<svg class="{}" role="img" aria-label="{}" width="100%" height="{}">{}</svg>')
    return outer.format(css, label, height, Markup("").join(parts))


def _stretched(body: Markup, height: int, gutter: int = 0) -> Markup:
    """Shapes in coordinates WIDTH x `height`, stretched sideways to the plot but for `gutter` percent on the left."""
    inner = Markup('<svg x="{}%" width="{}%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none">{}</svg>')
    return inner.format(gutter, 100 - gutter, height, WIDTH, height, body)


def _baseline(height: int) -> Markup:
    return Markup('<line class="tick" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(height - 1)


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
