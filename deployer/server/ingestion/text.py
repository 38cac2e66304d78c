"""Plain text and HTML pages, and why a file cannot be read."""

from __future__ import annotations

import codecs
import errno
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_CHARACTERS = 20_000_000  # about the service's 5,000,000 tokens


class UnreadableError(Exception):
    """A file that cannot be ingested: a code of the API and its sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def unparsable(reason: str) -> UnreadableError:
    return UnreadableError("invalid_file", f"The file could not be parsed: {reason}.")


# An unpacker's own (bz2), and a place before the beginning or beyond what a file can have.
_OF_THE_DOCUMENT = (None, errno.EINVAL, errno.EOVERFLOW)


@contextmanager
def parsing(reason: str) -> Iterator[None]:
    """Read with libraries that know a format: no list holds all that they raise of a damaged document."""
    try:
        yield
    except UnreadableError:
        raise
    except OSError as error:
        if error.errno not in _OF_THE_DOCUMENT:
            raise  # the disk's
        raise unparsable(reason) from error
    except Exception as error:
        raise unparsable(reason) from error


def bound(characters: int) -> None:
    if characters > MOST_CHARACTERS:
        message = "The file contains too many tokens. Max allowed tokens per file is 5000000."
        raise UnreadableError("invalid_file", message)


_MOST_BYTES_OF_A_CHARACTER = 4
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)|<[!?]")
_HIDDEN = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "template")}
_BLOCKS = {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "title", "section", "article"}


def plain_text(path: Path) -> str:
    bound(path.stat().st_size // _MOST_BYTES_OF_A_CHARACTER)
    data = path.read_bytes()
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        message = "The file could not be read: text must be UTF-8, UTF-16 or ASCII."
        raise UnreadableError("invalid_file", message) from error


def page_text(path: Path) -> str:
    try:
        return visible_text(plain_text(path))
    except ValueError as error:  # a character reference of thousands of digits
        raise unparsable("it is not a readable page") from error


def visible_text(page: str) -> str:
    """Return what a reader of the page would see, line by line."""
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
