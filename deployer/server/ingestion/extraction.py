"""Text from files of the types that the real service accepts (retrieval guide)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path, PurePath

from deployer.server.ingestion import office
from deployer.server.ingestion.text import UnreadableError, bound, page_text, plain_text


def extract(path: Path, filename: str) -> str:
    """Read a file's text, in composed Unicode so that a search meets it however it was typed."""
    reader = _READERS.get(PurePath(filename.lower()).suffix)
    if reader is None:
        known = ", ".join(sorted(_READERS))
        raise UnreadableError("unsupported_file", f"The file type is not supported. Supported types: {known}.")
    # Some PDFs yield halves of characters, which no database takes.
    whole = reader(path).encode("utf-8", "replace").decode("utf-8").replace("\x00", " ")
    text = unicodedata.normalize("NFC", whole)
    bound(len(text))
    if not text.strip():
        raise UnreadableError("invalid_file", "The file contains no text.")
    return text


def _pdf(path: Path) -> str:
    from deployer.server.ingestion import pdf

    return pdf.text(path)


def _old_word(_path: Path) -> str:
    message = "The embedded account cannot read the old Word format (.doc): save the document as .docx."
    raise UnreadableError("unsupported_file", message)


_PLAIN = (
    ".c", ".cpp", ".cs", ".css", ".go", ".java", ".js", ".json", ".md", ".php", ".py", ".rb", ".sh", ".tex", ".ts",
    ".txt",
)  # fmt: skip
_READERS: dict[str, Callable[[Path], str]] = {
    **dict.fromkeys(_PLAIN, plain_text),
    ".html": page_text,
    ".pdf": _pdf,
    ".docx": office.word,
    ".pptx": office.slides,
    ".doc": _old_word,
}
