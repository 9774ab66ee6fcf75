"""What a page holds, as a browser would read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "img", "input", "br", "hr"})
CONTROLS = frozenset({"a", "button", "iframe", "select", "textarea", "summary"})


@dataclass
class Element:
    """A tag with its attributes, and all text below it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    path: tuple[str, ...] = field(default=(), repr=False)

    def get(self, name: str) -> str:
        return self.attributes.get(name) or ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), path=tuple(one.tag for one in self.open))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), path=tuple(one.tag for one in self.open)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def elements(page: str) -> list[Element]:
    """All elements in the order of the page; a tag that is closed wrongly is a failure."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open, f"never closed: {[one.tag for one in reader.open]}"
    return reader.elements


def controls(page: str) -> list[Element]:
    """What the keyboard reaches, in its order."""
    return [
        one
        for one in elements(page)
        if (one.tag in CONTROLS and "disabled" not in one.attributes)
        or (one.tag == "input" and one.get("type") != "hidden")
    ]
