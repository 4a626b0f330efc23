"""Charts within a page: SVG that follows the page's colours, light or dark, and needs no script.

Lines differ by their dashes and by the name at their end, not by colour alone. Equal numbers give equal text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

LETTER = 6.6
"""Width of a letter of 12 pixels, about."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: stands in the legend; empty for a line that needs none.
        points: (x, y), in the order in which they are joined; what is not finite is left out.
        colour: of CSS, such as ``var(--student)``.
        dash: as ``stroke-dasharray`` has it; empty for a solid line.
        marks: whether each point has a dot.
        width: of the line, in pixels.
    """

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dash: str = ""
    marks: bool = False
    width: float = 2.0


@dataclass(frozen=True)
class Note:
    """Text at a point of a chart, with a ring around the point."""

    text: str
    x: float
    y: float
    colour: str = "var(--ink)"


@dataclass(frozen=True)
class Axis:
    """What an axis says, and from where to where it goes."""

    label: str
    low: float
    high: float
    whole: bool = False
    """Whether ticks are whole numbers."""

    def ticks(self) -> list[float]:
        """Round numbers, about five, within the axis."""
        span = self.high - self.low
        if not span > 0:
            return [self.low]
        step = 10.0 ** math.floor(math.log10(span / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
        if self.whole:
            step = max(1.0, step)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(place * step, 10) for place in range(first, last + 1)]


def line_chart(
    title: str,
    lines: Sequence[Line],
    x: Axis,
    y: Axis,
    *,
    notes: Sequence[Note] = (),
    size: tuple[int, int] = (420, 290),
) -> Markup:
    """Lines over two axes, with a legend above.

    Args:
        title: for those who cannot see the chart, and above it.
        lines: in the order in which they are drawn, the last on top.
        x: the horizontal axis.
        y: the vertical axis.
        notes: texts at points.
        size: width and height in pixels; a narrow page shrinks it.
    """
    width, height = size
    left, right, top, bottom = 46, width - 12, 52, height - 40

    def across(value: float) -> float:
        return left + (value - x.low) / ((x.high - x.low) or 1) * (right - left)

    def down(value: float) -> float:
        return bottom - (value - y.low) / ((y.high - y.low) or 1) * (bottom - top)

    parts = [_opening(title, width, height), _text(0, 14, title, weight=600)]
    parts.append(_legend([line for line in lines if line.name], 0, 32))
    parts.append('<g class="axis">')
    for tick in y.ticks():
        place = down(tick)
        parts.append(f'<path class="grid" d="M{left} {place:.1f}H{right}"/>')
        parts.append(_text(left - 6, place + 4, f"{tick:g}", anchor="end"))
    parts += [_text(across(tick), bottom + 16, f"{tick:g}", anchor="middle") for tick in x.ticks()]
    parts.append(_text((left + right) / 2, height - 6, x.label, anchor="middle"))
    parts.append(
        f'<text transform="translate(11 {(top + bottom) / 2:.1f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y.label)}</text></g>'
    )
    for line in lines:
        points = [(across(a), down(b)) for a, b in line.points if math.isfinite(a) and math.isfinite(b)]
        parts.append(_path(points, line))
    for note in notes:
        a, b = across(note.x), down(note.y)
        anchor = "end" if a > (left + right) / 2 else "start"
        parts.append(
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="5" fill="none" stroke="{note.colour}" stroke-width="2"/>'
        )
        above = b - 11 if b - 24 > top else b + 20
        parts.append(_text(a, above, note.text, anchor=anchor, weight=600))
    parts.append("</svg>")
    return Markup("\n".join(parts))  # noqa: S704, every text in it is escaped


def bar(
    value: float, interval: tuple[float, float] | None, top: float, colour: str, *, width: int = 240
) -> Markup:
    """A bar from zero to ``value``, with a whisker over ``interval``; ``top`` is the length of a full one."""
    scale = (width - 4) / top

    def across(number: float) -> float:
        return min(max(number, 0.0), top) * scale

    parts = [f'<svg class="chart" width="{width}" height="20" viewBox="0 0 {width} 20" aria-hidden="true">']
    parts.append(f'<rect y="4" width="{across(value):.1f}" height="12" rx="2" fill="{colour}"/>')
    if interval is not None:
        low, high = (across(end) for end in interval)
        parts.append(
            f'<path d="M{low:.1f} 10H{high:.1f}M{low:.1f} 5V15M{high:.1f} 5V15" '
            f'stroke="var(--ink)" stroke-width="1.5" fill="none"/>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704, it holds numbers alone


def signed_bar(value: float, reach: float, *, width: int = 70) -> Markup:
    """A bar to the right of the middle for a gain, to the left for a loss; ``reach`` is a full half."""
    middle = width / 2
    length = min(abs(value) / (reach or 1), 1) * (middle - 1)
    start, colour = (middle, "var(--good)") if value >= 0 else (middle - length, "var(--bad)")
    return Markup(  # noqa: S704, it holds numbers alone
        f'<svg class="chart" width="{width}" height="14" viewBox="0 0 {width} 14" aria-hidden="true">'
        f'<path class="grid" d="M{middle:.1f} 0V14"/>'
        f'<rect x="{start:.1f}" y="2" width="{length:.1f}" height="10" fill="{colour}"/></svg>'
    )


def _opening(title: str, width: int, height: int) -> str:
    return (
        f'<svg class="chart" role="img" aria-label="{escape(title)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", weight: int | None = None) -> str:
    bold = "" if weight is None else f' font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{bold}>{escape(text)}</text>'


def _legend(lines: Sequence[Line], x: float, y: float) -> str:
    parts = []
    for line in lines:
        parts.append(_path([(x, y - 4), (x + 26, y - 4)], line))
        parts.append(_text(x + 32, y, line.name))
        x += 32 + LETTER * len(line.name) + 16
    return "\n".join(parts)


def _path(points: Sequence[tuple[float, float]], line: Line) -> str:
    joined = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
    drawn = f'<path d="M{joined}" fill="none" stroke="{line.colour}" stroke-width="{line.width:g}"{dash}/>'
    if not points:
        return ""
    if line.marks or len(points) == 1:
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in points)
        drawn += f'<g fill="{line.colour}">{dots}</g>'
    return drawn
