"""Figures as SVG text, written by hand: no drawing library, light and dark, readable in print.

Every figure carries its own style, so it looks the same inside the page and as a file of its own. Text is escaped
and control characters are spelled out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from itax_metrics.report.colours import STYLE
from itax_metrics.report.grid import visible

_CHAR = 7.1
"""Mean width of a character at 13 px."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of a forest plot, in points."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    note: str = ""
    heading: bool = False


def forest(effects: Sequence[Effect], title: str, left: str, right: str) -> str:
    """Values with their intervals around zero, one a line; headings group them."""
    width, row = 860, 26
    names = min(330, 40 + max((_text_width(effect.label) for effect in effects), default=80))
    notes = 20 + max((_text_width(effect.note) for effect in effects), default=60)
    x0, x1 = names, width - notes
    ends = [abs(end) for e in effects for end in (e.value, e.low, e.high) if end is not None]
    reach, step = _axis(max([*ends, 1.0]))

    def at(value: float) -> float:
        return x0 + (value + reach) / (2 * reach) * (x1 - x0)

    top, bottom = 48, 48 + row * len(effects)
    parts = [_text(at(0) - 10, 18, left, "soft", "end"), _text(at(0) + 10, 18, right, "soft")]
    for tick in range(-round(reach / step), round(reach / step) + 1):
        x = at(tick * step)
        parts.append(_line(x, top - 8, x, bottom, "zero" if tick == 0 else "rule"))
        parts.append(_text(x, top - 14, f"{tick * step:+g}" if tick else "0", "soft", "middle"))
    for i, effect in enumerate(effects):
        y = top + row * i + row / 2
        if effect.heading:
            parts.append(_text(0, y + 5, _fitted(effect.label, width - 40), "head"))
            continue
        parts.append(_text(12, y + 4, _fitted(effect.label, names - 20)))
        if effect.low is not None and effect.high is not None:
            parts.append(_line(at(max(effect.low, -reach)), y, at(min(effect.high, reach)), y, "mark"))
        if effect.value is not None:
            side = "instruct" if effect.value > 0 else "base"
            parts.append(f'<circle class="{side}" cx="{at(effect.value):.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(_text(x1 + 14, y + 4, effect.note, "soft"))
    return _figure(width, bottom + 10, parts, title)


def slope(rows: Sequence[tuple[str, float, float]], title: str, ends: tuple[str, str]) -> str:
    """Lines from the base rate to the instruct rate, in percent; labels are kept apart."""
    width, height, top = 460, max(240, 44 + 19 * len(rows)), 34
    x0, x1, bottom = 50, 190, height - 14

    def at(percent: float) -> float:
        return bottom - percent / 100 * (bottom - top)

    parts = [_text(x0, 16, ends[0], "head", "middle"), _text(x1, 16, ends[1], "head", "middle")]
    parts += [_line(x0, top, x0, bottom, "rule"), _line(x1, top, x1, bottom, "rule")]
    left = _apart([at(base) for _, base, _ in rows], 15, top, bottom)
    right = _apart([at(instruct) for _, _, instruct in rows], 15, top, bottom)
    for (label, base, instruct), y_left, y_right in zip(rows, left, right, strict=True):
        side = "lsoft" if abs(base - instruct) < 0.05 else "linstruct" if instruct < base else "lbase"
        parts.append(_line(x0, at(base), x1, at(instruct), side))
        for x, value in ((x0, base), (x1, instruct)):
            parts.append(f'<circle class="ink" cx="{x}" cy="{at(value):.1f}" r="3"/>')
        parts.append(_text(x0 - 9, y_left + 4, f"{base:.1f}", "soft", "end"))
        parts.append(_text(x1 + 9, y_right + 4, f"{instruct:.1f}  {_fitted(label, 215)}"))
    return _figure(width, height, parts, title)


def venn(both: int, lost: int, gained: int, neither: int, title: str) -> str:
    """Two overlapping circles whose areas are the solved sets: base left, instruct right."""
    width, height, middle = 300, 208, 96
    base, instruct = both + lost, both + gained
    largest = max(base, instruct, 1)
    r1, r2 = (62 * math.sqrt(count / largest) for count in (base, instruct))
    apart = _distance(r1, r2, math.pi * 62 * 62 * both / largest)
    x1 = width / 2 - apart / 2 + (r2 - r1) / 2
    x2 = x1 + apart
    left, right = min(x1 - r1, x2 - r2), max(x1 + r1, x2 + r2)
    parts = [_text(width / 2, 16, _fitted(title, width - 10), "head", "middle")]
    for x, radius, side in ((x1, r1, "base"), (x2, r2, "instruct")):
        fill = f'<circle class="{side}" cx="{x:.1f}" cy="{middle}" r="{radius:.1f}" opacity=".22"/>'
        parts += [fill, f'<circle class="l{side}" cx="{x:.1f}" cy="{middle}" r="{radius:.1f}"/>']
    if both:
        overlap = (max(x1 - r1, x2 - r2) + min(x1 + r1, x2 + r2)) / 2
        parts.append(_text(overlap, middle + 5, f"{both}", "head", "middle"))
    parts.append(_text(left - 6, middle + 5, f"{lost}", "", "end"))
    parts.append(_text(right + 6, middle + 5, f"{gained}", ""))
    parts.append(_text(4, height - 26, "base alone (left)", "soft"))
    parts.append(_text(width - 4, height - 26, "instruct alone (right)", "soft", "end"))
    parts.append(_text(width / 2, height - 8, f"neither: {neither}", "soft", "middle"))
    return _figure(width, height, parts, f"{title}: both {both}, base alone {lost}, instruct alone {gained}")


def _distance(r1: float, r2: float, area: float) -> float:
    """The distance of two circles' centres at which they share an area, by bisection."""
    if min(r1, r2) <= 0:
        return r1 + r2 + 8
    near, far = abs(r1 - r2), r1 + r2
    if area <= 0:
        return far + 8
    for _ in range(60):
        middle = (near + far) / 2
        if _lens(r1, r2, middle) > area:
            near = middle
        else:
            far = middle
    return (near + far) / 2


def _lens(r1: float, r2: float, d: float) -> float:
    if d >= r1 + r2:
        return 0.0
    if d <= abs(r1 - r2):
        return math.pi * min(r1, r2) ** 2
    a = r1 * r1 * math.acos(max(-1, min(1, (d * d + r1 * r1 - r2 * r2) / (2 * d * r1))))
    b = r2 * r2 * math.acos(max(-1, min(1, (d * d + r2 * r2 - r1 * r1) / (2 * d * r2))))
    c = 0.5 * math.sqrt(max(0.0, (-d + r1 + r2) * (d + r1 - r2) * (d - r1 + r2) * (d + r1 + r2)))
    return a + b - c


def shares(rows: Sequence[tuple[str, Sequence[float]]], names: Sequence[str], title: str) -> str:
    """Stacked bars, each line's shares of one; a share of 6 % or more carries its number."""
    width, row, top = 860, 26, 34
    label = min(380, 20 + max((_text_width(name) for name, _ in rows), default=80))
    x0, x1 = label, width - 10
    keys = [34 + _text_width(name) * 0.95 for name in names]
    parts, x = [], max(0.0, min(float(x0), width - sum(keys)))
    for i, (name, taken) in enumerate(zip(names, keys, strict=True)):
        parts.append(f'<rect class="c{i + 1}" x="{x:.1f}" y="6" width="12" height="12"/>')
        parts.append(_text(x + 17, 16, name, "soft"))
        x += taken
    for i, (name, values) in enumerate(rows):
        y, x = top + row * i, float(x0)
        parts.append(_text(0, y + 16, _fitted(name, label - 10)))
        total = sum(values)
        for j, value in enumerate(values):
            share = value / total if total else 0.0
            length = share * (x1 - x0)
            if length > 0:
                parts.append(
                    f'<rect class="c{j + 1}" x="{x:.1f}" y="{y + 3}" width="{length:.1f}" height="{row - 7}"/>'
                )
            if share >= 0.06:
                parts.append(_text(x + length / 2, y + 17, f"{100 * share:.0f}", "on", "middle"))
            x += length
    return _figure(width, top + row * len(rows) + 6, parts, title)


Point = tuple[str, float, float, float | None, float | None]
"""(series, place on the axis, tax, low, high)."""


def sizes(points: Sequence[Point], title: str) -> str:
    """Tax against model size in billions, on a logarithmic axis; one line a series."""
    ticks = {math.log2(size): f"{size:g}B" for _, size, *_ in points}
    placed = [(name, math.log2(size), tax, low, high) for name, size, tax, low, high in points]
    return lines(placed, title, ticks, "parameters")


def lines(points: Sequence[Point], title: str, ticks: Mapping[float, str], axis: str) -> str:
    """Taxes with their intervals along an axis; one line a series, named at its end."""
    width, height, x0, x1, top, bottom = 860, 340, 60, 600, 20, 300
    low_x, high_x = min(ticks) - 0.25, max(ticks) + 0.25
    reach, step = _axis(max(1.0, *(abs(end) for p in points for end in p[2:] if end is not None)))

    def place(at: float, tax: float) -> tuple[float, float]:
        x = x0 + (at - low_x) / (high_x - low_x) * (x1 - x0)
        return x, top + (reach - max(-reach, min(reach, tax))) / (2 * reach) * (bottom - top)

    parts = [_text(0, 10, "tax, points", "soft")]
    for tick in range(-round(reach / step), round(reach / step) + 1):
        y = place(0, tick * step)[1]
        parts.append(_line(x0, y, x1, y, "zero" if tick == 0 else "rule"))
        parts.append(_text(x0 - 8, y + 4, f"{tick * step:+g}" if tick else "0", "soft", "end"))
    for at, label in sorted(ticks.items()):
        parts.append(_text(place(at, 0)[0], bottom + 18, label, "soft", "middle"))
    parts.append(_text((x0 + x1) / 2, height - 4, axis, "soft", "middle"))
    series = sorted({name for name, *_ in points})
    ends = []
    for i, name in enumerate(series):
        own = sorted(point for point in points if point[0] == name)
        dash = ("", "6 4", "2 3", "10 4 2 4")[i % 4]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(at, tax) for _, at, tax, *_ in own))
        colour = ("lbase", "linstruct", "lsoft")[i % 3]
        parts.append(f'<polyline class="{colour}" points="{path}" stroke-dasharray="{dash}"/>')
        for _, at, tax, low, high in own:
            x, y = place(at, tax)
            if low is not None and high is not None:
                parts.append(_line(x, place(at, low)[1], x, place(at, high)[1], "zero"))
            parts.append(f'<circle class="ink" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        ends.append(place(own[-1][1], own[-1][2])[1])
    for name, y in zip(series, _apart(ends, 16, top, bottom), strict=True):
        parts.append(_text(x1 + 12, y + 4, _fitted(name, width - x1 - 16)))
    return _figure(width, height, parts, title)


def _axis(largest: float) -> tuple[float, float]:
    """(reach, step) of an axis around zero: about four round steps on each side at most."""
    raw = largest / 3
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)
    return math.ceil(largest / step - 1e-9) * step, step


def _apart(positions: Sequence[float], least: float, top: float, bottom: float) -> list[float]:
    """Move labels so that neighbours are `least` apart, as little as that takes."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    placed = [positions[i] for i in order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + least)
    over = placed[-1] - bottom if placed else 0.0
    if over > 0:
        placed[-1] -= over
        for i in range(len(placed) - 2, -1, -1):
            placed[i] = min(placed[i], placed[i + 1] - least)
    del top
    found = [0.0] * len(positions)
    for i, y in zip(order, placed, strict=True):
        found[i] = y
    return found


def _text_width(text: str) -> float:
    return len(text) * _CHAR


def _fitted(text: str, width: float) -> str:
    most = max(4, int(width / _CHAR))
    return text if len(text) <= most else f"{text[: most - 2]}.."


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "") -> str:
    extra = (f' class="{style}"' if style else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(visible(text))}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _figure(width: float, height: float, parts: Sequence[str], title: str) -> str:
    label = escape(visible(title), quote=True)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="fig" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{label}">'
    )
    return f"{head}<title>{escape(visible(title))}</title><style>{STYLE}</style>{''.join(parts)}</svg>"
