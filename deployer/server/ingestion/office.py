"""Text from Office documents, unpacked in a stream with a bound, and without a single entity."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.parsers import expat

from deployer.server.ingestion.text import parsing, unparsable

MOST_UNPACKED = 128 * 1024 * 1024
_BLOCK = 64 * 1024
_WORD = r"word/(document|footnotes|endnotes)\.xml"
_SLIDES = r"ppt/slides/slide\d+\.xml"
_BREAKS = {"p": "\n", "br": "\n", "tab": "\t"}


def word(path: Path) -> str:
    return _text(path, _WORD)


def slides(path: Path) -> str:
    return _text(path, _SLIDES)


def _text(path: Path, wanted: str) -> str:
    """The text of the parts whose names match, slides in the order of their numbers."""
    with parsing("the document is damaged"), zipfile.ZipFile(path) as archive:
        names = sorted((name for name in archive.namelist() if re.fullmatch(wanted, name)), key=_by_number)
        if not names:
            raise unparsable("the document has no text part")
        return _parts(archive, names)


def _parts(archive: zipfile.ZipFile, names: list[str]) -> str:
    pieces: list[str] = []
    unpacked = 0
    for name in names:
        parser = _parser(pieces)
        with archive.open(name) as part:
            while block := part.read(_BLOCK):
                unpacked += len(block)
                if unpacked > MOST_UNPACKED:
                    raise unparsable("it is too large unpacked")
                parser.Parse(block)
        parser.Parse(b"", True)  # noqa: FBT003
    return "".join(pieces)


def _parser(pieces: list[str]) -> expat.XMLParserType:
    """Collect text runs (`t`) and breaks; a document type, where entities would be declared, is refused."""
    parser = expat.ParserCreate(namespace_separator=" ")
    inside: list[str] = []

    def start(name: str, _attributes: object) -> None:
        inside.append(name.rpartition(" ")[2])

    def end(_name: str) -> None:
        pieces.append(_BREAKS.get(inside.pop(), ""))

    def data(text: str) -> None:
        if inside[-1:] == ["t"]:
            pieces.append(text)

    def refuse(*_: object) -> None:
        raise unparsable("it declares a document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, data
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _by_number(name: str) -> tuple[int, str]:
    digits = re.search(r"(\d{1,9})\.xml$", name)
    return (int(digits.group(1)) if digits else 0, name)
