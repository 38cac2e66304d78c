"""Text from every type of file, and from files that mean harm."""

from __future__ import annotations

import io
import itertools
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfWriter

from deployer.server.ingestion import extraction, office, text
from deployer.server.ingestion.chunking import chunks
from deployer.server.ingestion.extraction import extract
from deployer.server.ingestion.text import UnreadableError

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SLIDE = "http://schemas.openxmlformats.org/drawingml/2006/main"


def archive(**parts: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name.replace("__", "/") + ".xml", text)
    return data.getvalue()


def word(*paragraphs: str, head: str = "") -> bytes:
    runs = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r><w:del>gone</w:del></w:p>" for text in paragraphs)
    return archive(word__document=f'{head}<w:document xmlns:w="{WORD}"><w:body>{runs}</w:body></w:document>')


def slides(count: int) -> bytes:
    return archive(
        **{
            f"ppt__slides__slide{n}": f'<p:sld xmlns:p="p" xmlns:a="{SLIDE}"><a:p><a:t>장 {n}</a:t></a:p></p:sld>'
            for n in range(1, count + 1)
        }
    )


def pdf(text: str) -> bytes:
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    return data + end % (table, len(data))


def encrypted() -> bytes:
    writer, data = PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(data)
    return data.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str, bytes], str]:
    def read(name: str, data: bytes) -> str:
        path = tmp_path / "blob"
        path.write_bytes(data)
        return extract(path, name)

    return read


PLAIN = ["c", "cpp", "cs", "css", "go", "java", "js", "json", "md", "php", "py", "rb", "sh", "tex", "ts", "txt"]


@pytest.mark.parametrize("suffix", PLAIN)
def test_plain_text_of_every_kind(read: Callable[[str, bytes], str], suffix: str) -> None:
    assert read(f"파일.{suffix.upper()}", "내용".encode()) == "내용"


@pytest.mark.parametrize("encoding", ("utf-8", "utf-8-sig", "utf-16"))
def test_encodings(read: Callable[[str, bytes], str], encoding: str) -> None:
    assert read("a.txt", "도시계획 plan".encode(encoding)) == "도시계획 plan"


def test_a_page_is_what_its_reader_sees(read: Callable[[str, bytes], str]) -> None:
    page = "<html><style>p{}</style><script>if (a<b) x()</script><h1>제목</h1><p>하나 &amp; <b>둘</b></p></html>"
    assert read("a.html", page.encode()) == "제목\n하나 & 둘"


@pytest.mark.parametrize(
    ("page", "text"),
    (
        ("<P>a<BR/>b</P><!-- no <p>x --><SCRIPT>no</p></Script>c", "a\nb\nc"),
        ("1 < 2 <3 > 0", "1 < 2 <3 > 0"),
        ("a<!DOCTYPE html>b &lt;p&gt; &#xac00;", "a b <p> 가"),
        ("a<script>never closed", "a"),
        ("a<!-- never closed", "a"),
        ("a<p never closed", "a"),
    ),
)
def test_markup(read: Callable[[str, bytes], str], page: str, text: str) -> None:
    assert read("a.html", page.encode()) == text


@pytest.mark.parametrize("piece", ("<!--", "<", "<a ", "&", "<script>", '<a b="', "<![", "</", "<p>", "<!-->"))
def test_hostile_pages_are_read_in_linear_time(read: Callable[[str, bytes], str], piece: str) -> None:
    since = time.process_time()
    read("a.html", b"x" + piece.encode() * 100_000)
    assert time.process_time() - since < 2


def test_a_word_document(read: Callable[[str, bytes], str]) -> None:
    assert read("a.docx", word("첫 문단", "둘째 &amp; 끝")) == "첫 문단\n둘째 & 끝\n"


def test_slides_come_in_their_order(read: Callable[[str, bytes], str]) -> None:
    assert read("a.pptx", slides(11)).split("\n") == [f"장 {n}" for n in range(1, 12)] + [""]


def test_a_pdf(read: Callable[[str, bytes], str]) -> None:
    assert read("a.pdf", pdf("Formula sheet")).strip() == "Formula sheet"


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("name", "data", "code"),
    (
        ("a.png", b"\x89PNG", "unsupported_file"),
        ("a.csv", b"a,b", "unsupported_file"),
        ("noname", b"text", "unsupported_file"),
        ("a.txt/../b", b"text", "unsupported_file"),
        ("a.doc", b"\xd0\xcf\x11\xe0", "unsupported_file"),
        ("a.txt", b"", "invalid_file"),
        ("a.txt", b" \n", "invalid_file"),
        ("a.txt", "한글".encode("euc-kr"), "invalid_file"),
        ("a.html", b"&#" + b"9" * 5000 + b";", "invalid_file"),
        ("a.pdf", b"%PDF-1.4 garbage", "invalid_file"),
        ("a.pdf", b"", "invalid_file"),
        ("a.pdf", pdf("x")[:200], "invalid_file"),
        ("a.pdf", encrypted(), "invalid_file"),
        ("a.docx", b"PK garbage", "invalid_file"),
        ("a.docx", word("x")[:-30], "invalid_file"),
        ("a.docx", archive(other="<x/>"), "invalid_file"),
        ("a.docx", archive(word__document="<w:document"), "invalid_file"),
        ("a.docx", word("&b;", head=BOMB), "invalid_file"),
        ("a.docx", word("&a;", head=OUTSIDE), "invalid_file"),
        ("a.pptx", word("x"), "invalid_file"),
    ),
)
def test_refused(read: Callable[[str, bytes], str], name: str, data: bytes, code: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        read(name, data)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_a_zip_bomb_is_not_unpacked(read: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "MOST_UNPACKED", 1024 * 1024)
    with pytest.raises(UnreadableError, match="too large unpacked"):
        read("a.docx", word("x" * 5_000_000))


def test_half_a_character_is_replaced(read: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extraction._READERS, ".txt", lambda _path: "a\ud800b\x00c")
    assert read("a.txt", b"") == "a?b c"


def test_too_much_text(read: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_CHARACTERS", 10)
    with pytest.raises(UnreadableError, match="too many tokens"):
        read("a.txt", b"eleven char")
    with pytest.raises(UnreadableError, match="too many tokens"):
        read("a.txt", b"more than forty-four bytes are not even read in" + b"\xff")
    with pytest.raises(UnreadableError, match="too many tokens"):
        read("a.pdf", pdf("more than ten characters"))


def test_every_supported_type_is_tried_here() -> None:
    assert set(extraction._READERS) == {f".{suffix}" for suffix in PLAIN} | {".html", ".pdf", ".docx", ".pptx", ".doc"}


@pytest.mark.parametrize(("size", "overlap"), ((100, 0), (100, 50), (800, 400)))
@pytest.mark.parametrize("text", ("x" * 10_000, "word " * 3000, "짧다", "가 " * 200))
def test_chunks_cover_the_text(text: str, size: int, overlap: int) -> None:
    found = chunks(text, size, overlap)
    assert found[0][0] == 0
    assert found[-1][0] + len(found[-1][1]) == len(text)
    for (start, one), (following, _) in itertools.pairwise(found):
        assert start < following <= start + len(one)
        assert len(one) <= size * 4
    assert all(text.startswith(part, start) for start, part in found)
