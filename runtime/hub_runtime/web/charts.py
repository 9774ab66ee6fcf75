"""Small charts as SVG in the page: read by their label, coloured by the style sheet."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

BAR, GAP, HEIGHT = 6, 2, 32
_SVG = Markup(
    '<svg class="chart" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}" '
    'height="{height}" preserveAspectRatio="none">{marks}</svg>'
)
_RECT = Markup('<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="1.5"/>')


def bars(values: Sequence[int], label: str, top: int | None = None) -> Markup:
    """Draw a bar for each value, the highest (or `top`) filling the height; a zero is a dot on the ground."""
    most = max([*values, top or 0, 1])
    marks = [
        _rect("bar" if value else "none", at * (BAR + GAP), HEIGHT - high, BAR, high)
        for at, value in enumerate(values)
        for high in [max(round(HEIGHT * min(value, most) / most), 2)]
    ]
    return _svg(marks, label, max(len(values) * (BAR + GAP) - GAP, BAR), HEIGHT)


def _rect(kind: str, x: float, y: float, width: float, height: float) -> Markup:
    return _RECT.format(kind=kind, x=x, y=y, width=width, height=height)


def _svg(marks: Sequence[Markup], label: str, width: int, height: int) -> Markup:
    return _SVG.format(label=label, width=width, height=height, marks=Markup("").join(marks))
