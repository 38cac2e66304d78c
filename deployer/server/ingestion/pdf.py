"""Text from PDF; a module of its own, because importing pypdf is slow and most accounts hold no PDF."""

from __future__ import annotations

import logging
import zlib
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from deployer.server.ingestion.text import bound, unparsable

# pypdf lets these through when a document is damaged.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)


# What is wrong with a document goes into its last_error, not to the standard error of whoever runs this.
logging.getLogger("pypdf").addHandler(logging.NullHandler())
logging.getLogger("pypdf").propagate = False


def text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            reader = PdfReader(file)
            if reader.is_encrypted and not reader.decrypt(""):
                raise unparsable("it is encrypted")
            return _pages(reader)
    except _DAMAGE as error:
        raise unparsable("it is not a readable PDF") from error


def _pages(reader: PdfReader) -> str:
    pages: list[str] = []
    length = 0
    for page in reader.pages:
        pages.append(page.extract_text())
        length += len(pages[-1])
        bound(length)
    return "\n".join(pages)
