"""Text from files of the types that the real service accepts (retrieval guide)."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePath

from deployer.server import office
from deployer.server.markup import visible_text
from deployer.server.refusal import RefusedError, bound, unparsable

_MOST_BYTES_OF_A_CHARACTER = 4


def extract(path: Path, filename: str) -> str:
    """Read a file's text, in composed Unicode so that a search meets it however it was typed."""
    reader = _READERS.get(PurePath(filename.lower()).suffix)
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise RefusedError("unsupported_file", f"The file type is not supported. Supported types: {known}.")
    # Some PDFs yield halves of characters, which no database takes.
    whole = reader(path).encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
    text = unicodedata.normalize("NFC", whole)
    bound(len(text))
    if not text.strip():
        raise RefusedError("invalid_file", "The file contains no text.")
    return text


def _plain(path: Path) -> str:
    bound(path.stat().st_size // _MOST_BYTES_OF_A_CHARACTER)
    data = path.read_bytes()
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        message = "The file could not be read: text must be UTF-8, UTF-16 or ASCII."
        raise RefusedError("invalid_file", message) from error


def _html(path: Path) -> str:
    try:
        return visible_text(_plain(path))
    except ValueError as error:  # a character reference of thousands of digits
        raise unparsable("it is not a readable page") from error


def _pdf(path: Path) -> str:
    from deployer.server import pdf

    return pdf.text(path)


def _old_word(_path: Path) -> str:
    message = "The embedded account cannot read the old Word format (.doc): save the document as .docx."
    raise RefusedError("unsupported_file", message)


_PLAIN = (
    ".c", ".cpp", ".cs", ".css", ".go", ".java", ".js", ".json", ".md", ".php", ".py", ".rb", ".sh", ".tex", ".ts",
    ".txt",
)  # fmt: skip
_READERS: dict[str, Callable[[Path], str]] = {
    **dict.fromkeys(_PLAIN, _plain),
    ".html": _html,
    ".pdf": _pdf,
    ".docx": office.word,
    ".pptx": office.slides,
    ".doc": _old_word,
}
