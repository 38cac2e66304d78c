"""Documents of every type, damaged: each is read, or refused with a reason; nothing else gets out of the readers."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from deployer.server.ingestion.extraction import _READERS, extract
from deployer.server.ingestion.text import UnreadableError
from tests.server.test_extraction import pdf

XML = '<?xml version="1.0"?><x xmlns:w="u"><w:p><w:t>hello &amp; 안녕</w:t></w:p></x>'
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80")


def packed(packing: int, *names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", packing) as archive:
        for name in names:
            archive.writestr(name, XML)
    return data.getvalue()


WHOLE = {
    **{f"{one}.docx": packed(one, "word/document.xml", "word/footnotes.xml") for one in PACKINGS},
    **{f"{one}.pptx": packed(one, "ppt/slides/slide1.xml", "ppt/slides/slide2.xml") for one in PACKINGS},
    "a.pdf": pdf("hello"),
    "a.html": b"<html><title>t</title><p>a &amp; b &#x41;<script>x</script><!-- c --></p></html>",
    "a.md": "# Hello\n\n안녕하세요\n".encode(),
    "b.txt": "hello".encode("utf-16"),
    "a.json": b'{"a": [1, 2, 3]}',
}


def damaged(whole: bytes, chance: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randrange(40)]
            case 2:
                start = chance.randrange(len(data) + 1)
                data[place:place] = data[start : start + chance.randrange(60)]
            case _:
                data[place : place + 4] = chance.choice(NUMBERS)
    return bytes(data)


def read(path: Path, name: str) -> tuple[str, str]:
    """Return the text, or the reason why there is none."""
    try:
        return extract(path, name), ""
    except UnreadableError as error:
        return "", error.message


def try_many(folder: Path, name: str, times: int) -> None:
    """Read so many damaged ones; anything but a text or a reason is raised from here."""
    chance, path = random.Random(name), folder / "document"  # noqa: S311
    refused = 0
    for _ in range(times):
        path.write_bytes(damaged(WHOLE[name], chance))
        text, reason = read(path, name)
        refused += not text
        assert text.strip() or (reason.isprintable() and reason.endswith("."))
    assert refused < times or times < 100  # the damage is not so great that only the first look is tried


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_document_is_read_or_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "whole").write_bytes(WHOLE[name])
    assert extract(tmp_path / "whole", name)
    try_many(tmp_path, name, 40)


@pytest.mark.nightly
@pytest.mark.parametrize("name", WHOLE)
def test_many_damaged_documents_are_read_or_refused(tmp_path: Path, name: str) -> None:
    try_many(tmp_path, name, 1_600)


@pytest.mark.parametrize("suffix", _READERS)
def test_any_bytes_are_read_or_refused(tmp_path: Path, suffix: str) -> None:
    chance, path = random.Random(suffix), tmp_path / "document"  # noqa: S311
    for size in (0, 1, 4, 22, 1_000):
        path.write_bytes(chance.randbytes(size))
        assert any(read(path, f"a{suffix}"))


def test_what_the_disk_says_is_not_the_documents_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "gone", "a.md")
