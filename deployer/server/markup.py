"""The text of an HTML page, in one pass.

The standard library's parser takes minutes for some hostile pages of a few hundred kilobytes; this one is linear.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)|<[!?]")
_HIDDEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "template")}
_BLOCKS = {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "title", "section", "article"}


def visible_text(page: str) -> str:
    """Give what a reader of the page would see, line by line."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in "".join(_pieces(page)).splitlines())
    return html.unescape("\n".join(line for line in lines if line))


def _pieces(page: str) -> Iterator[str]:
    """Text between tags; whatever is opened and never closed hides the rest of the page."""
    place = 0
    while (start := page.find("<", place)) >= 0:
        yield page[place:start]
        tag = _TAG.match(page, start)
        if tag is None:
            yield "<"
            place = start + 1
            continue
        name = (tag.group(1) or "").lower()
        yield "\n" if name in _BLOCKS else " "
        place = _end(page, start, name)
        if place < 0:
            return
    yield page[place:]


def _end(page: str, start: int, name: str) -> int:
    """Find where what starts with a tag ends: a comment, a hidden element with all that is in it, or the tag."""
    if page.startswith("<!--", start):
        return _after(page, "-->", start)
    end = _after(page, ">", start)
    if name in _HIDDEN and page[start + 1] != "/" and end >= 0:
        closing = _HIDDEN[name].search(page, end)
        return closing.start() if closing else -1
    return end


def _after(page: str, mark: str, start: int) -> int:
    place = page.find(mark, start)
    return place if place < 0 else place + len(mark)
