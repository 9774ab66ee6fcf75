"""What learners wrote, made harmless: text without control sequences, HTML without anything that runs or loads.

It is shown in sandboxed frames besides; neither is trusted to be enough.
"""

from __future__ import annotations

import base64
import binascii
import re

import nh3
from markdown_it import MarkdownIt

LINES = 25
"""An output of more lines is cut in the middle to so many."""
LINE, TEXT = 1_000, 40_000
"""Longest line, and longest text, in characters."""
IMAGE_BYTES = 700_000
IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_PICTURE = re.compile(rf"data:(?:{'|'.join(IMAGES)});base64,[A-Za-z0-9+/=\s]*")
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\x00-\x08\x0b-\x1f\x7f]"
)
_TAGS = frozenset(
    re.findall(
        r"\w+",
        """
    a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure
    h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre q s samp small span strong sub summary sup
    table tbody td tfoot th thead tr u ul var
""",
    )
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "details": {"open"},
}
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def text(raw: str, lines: int = LINES) -> tuple[str, int]:
    """Return text as a terminal would end up showing it, cut in the middle, and how many lines that left out."""
    shown = [_line(line) for line in _CONTROL.sub("", _overwritten(raw[: 4 * TEXT])).split("\n")]
    if shown and not shown[-1]:
        shown.pop()
    cut = len(shown) - lines
    if cut > 0:
        head = (lines + 1) // 2
        shown[head : head + cut] = [f"… {cut} lines left out …"]
    return "\n".join(shown)[:TEXT], max(cut, 0)


def html(raw: str) -> str:
    """Return HTML of which nothing runs, loads or takes on a look; empty where nothing is left to see."""
    cleaned = nh3.clean(
        raw[: 4 * TEXT],
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto", "data"},
        attribute_filter=_attribute,
        clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "svg", "math"},
        link_rel="noopener noreferrer",
    )
    return cleaned if "<img" in cleaned or re.sub(r"<[^>]*>|\s|&nbsp;", "", cleaned) else ""


def markdown(source: str) -> str:
    """Return the HTML of a markdown cell, made harmless."""
    return html(_MARKDOWN.render(source[:TEXT]))


def image(kind: str, encoded: str) -> str:
    """Return the `data:` address of an image in base64; empty where it is none, or too large.

    Args:
        kind: its media type, one of `IMAGES`.
        encoded: what the notebook holds.
    """
    compact = "".join(encoded.split())
    if kind not in IMAGES or not compact or len(compact) > IMAGE_BYTES * 4 // 3:
        return ""
    try:
        base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return f"data:{kind};base64,{compact}"


def _overwritten(raw: str) -> str:
    """Keep what stands in each line at last: progress bars write over themselves."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in raw.replace("\r\n", "\n").split("\n"))


def _line(line: str) -> str:
    return line if len(line) <= LINE else f"{line[:LINE]}…"


def _attribute(_: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if len(value) <= 2 * IMAGE_BYTES and _PICTURE.fullmatch(value) else None
    if name == "href":
        return None if value.lower().lstrip().startswith("data:") else value
    return value
