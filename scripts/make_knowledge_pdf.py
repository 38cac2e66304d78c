"""Make the example's PDF, `knowledge/math/formula-sheet.pdf`, the same to the byte on every run.

Streams are not compressed, and there is no date and no document id: two releases of zlib, two machines or two days must
not look like a change of the knowledge. References are to ISO 32000-1.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "knowledge" / "math" / "formula-sheet.pdf"

PAGES = (
    """\
# Formula sheet, page 1: algebra

# Linear equations
a*x + b = 0 with a != 0 has the one solution x = -b/a.
Example: 3x + 11 = 14, so 3x = 3 and x = 1.

# Quadratic equations
a*x^2 + b*x + c = 0 with a != 0: x = (-b +- sqrt(b^2 - 4ac)) / (2a).
Discriminant D = b^2 - 4ac: D > 0 two real roots, D = 0 one, D < 0 no real root.
Sum of the roots: -b/a. Product of the roots: c/a.

# Linear algebra
det [[a, b], [c, d]] = ad - bc. The matrix is invertible if and only if det != 0.
Inverse: 1/(ad - bc) * [[d, -b], [-c, a]].
Eigenvalues: the solutions of det(A - t*I) = 0.
Rank and nullity: rank A + nullity A = number of columns of A.

# Fibonacci numbers
F(0) = 0, F(1) = 1, F(n) = F(n-1) + F(n-2).
F(0) + F(1) + ... + F(n) = F(n+2) - 1.
F(n+1)/F(n) approaches the golden ratio (1 + sqrt(5))/2.
""",
    """\
# Formula sheet, page 2: calculus and probability

# Derivatives
(x^n)' = n*x^(n-1), so (x^2)' = 2x.
(sin x)' = cos x, (cos x)' = -sin x, (e^x)' = e^x, (ln x)' = 1/x.
Product rule: (f*g)' = f'*g + f*g'.
Chain rule: (f(g(x)))' = f'(g(x)) * g'(x).

# Integrals
Fundamental theorem: the integral of f from a to b is F(b) - F(a), where F' = f.
The integral of sin x from 0 to t/2 is 1 - cos(t/2).

# Probability
P(A | B) = P(A and B) / P(B).
Bayes: P(A | B) = P(B | A) * P(A) / P(B).
Multiplication rule: P(A and B and C) = P(A) * P(B | A) * P(C | A and B).
A language model uses it on a text of symbols s1 ... sn:
p(s1, ..., sn) = p(s1) * p(s2 | s1) * ... * p(sn | s1, ..., s(n-1)).
""",
)

FIRST_PAGE = 4  # objects 1 to 3 are the catalog, the page tree and the font; pages and contents alternate after them


def show(line: str) -> str:
    """Return the operators that write one line and go to the next; a line after `# ` is a heading."""
    size = 14 if line.startswith("# ") else 11
    text = line.removeprefix("# ").replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"/F1 {size} Tf ({text}) Tj T*"


def contents(page: str) -> bytes:
    """Return the content stream of one page: text from the top left, 18 points from line to line."""
    operators = ["BT 18 TL 60 780 Td", *map(show, page.splitlines()), "ET"]
    stream = "\n".join(operators).encode("ascii")
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream)


def leaf(number: int) -> bytes:
    """Return the A4 page object `number`, whose contents are the object after it."""
    resources = b"<< /Font << /F1 3 0 R >> >>"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources %s /Contents %d 0 R >>"
    return page % (resources, number + 1)


def bodies(pages: Sequence[str]) -> Iterable[bytes]:
    """Yield the bodies of all objects in the order of their numbers, which start at 1."""
    numbers = range(FIRST_PAGE, FIRST_PAGE + 2 * len(pages), 2)
    kids = b" ".join(b"%d 0 R" % number for number in numbers)
    yield b"<< /Type /Catalog /Pages 2 0 R >>"
    yield b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(pages))
    # without WinAnsiEncoding the ASCII apostrophe of f' is a curly quote, and a search for f' finds nothing (annex D)
    yield b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    for number, page in zip(numbers, pages, strict=True):
        yield leaf(number)
        yield contents(page)


def document(pages: Sequence[str]) -> bytes:
    """Return the PDF: header, objects, the table of their offsets (7.5.4) and the trailer."""
    header = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"  # bytes over 127 tell transfer programs that it is binary (7.5.2)
    objects = [b"%d 0 obj\n%s\nendobj\n" % numbered for numbered in enumerate(bodies(pages), 1)]
    *offsets, end = accumulate(map(len, objects), initial=len(header))
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, entries)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, end)
    return header + b"".join(objects) + table + trailer


def main(arguments: Sequence[str] | None = None) -> int | str:
    """Write the PDF, or with `--check` only compare; return what `sys.exit` takes: 0, or the reason of exit code 1."""
    parser = argparse.ArgumentParser(description="Make the formula sheet of the example.")
    parser.add_argument("file", nargs="?", type=Path, default=TARGET, help="where it lies (default: in knowledge/math)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the file differs")
    options = parser.parse_args(arguments)
    path: Path = options.file
    if not options.check:
        path.write_bytes(document(PAGES))
    elif not path.is_file() or path.read_bytes() != document(PAGES):
        return f"{path}: not what this script makes; run it without --check"
    return 0


if __name__ == "__main__":
    sys.exit(main())
