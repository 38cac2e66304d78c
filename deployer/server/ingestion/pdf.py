"""Text from PDF; a module of its own, because importing pypdf is slow and most accounts hold no PDF."""

from __future__ import annotations

import logging
from pathlib import Path

from pypdf import PdfReader

from deployer.server.ingestion.text import bound, parsing, unparsable

# What is wrong with a document goes into its last_error, not to the standard error of whoever runs this.
logging.getLogger("pypdf").addHandler(logging.NullHandler())
logging.getLogger("pypdf").propagate = False


def text(path: Path) -> str:
    with parsing("it is not a readable PDF"), path.open("rb") as file:
        reader = PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise unparsable("it is encrypted")
        return _pages(reader)


def _pages(reader: PdfReader) -> str:
    pages: list[str] = []
    length = 0
    for page in reader.pages:
        pages.append(page.extract_text())
        length += len(pages[-1])
        bound(length)
    return "\n".join(pages)
