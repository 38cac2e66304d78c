"""Keys, tokens and private keys in what is about to leave: found by their form, never repeated in a message.

Patterns only: what merely looks random (a hash, an id, Korean) is no finding. Each pattern has a word that it contains;
text without the word costs a search for it, no more. What was found in a document is remembered by its content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer import cache, remote
from deployer.manifest.digests import digest
from deployer.model import Attrs, DesiredFile, Problem, Resource, Severity

RULE = "secret"
NAME = "leaks"
_VERSION = 1
_PROSE = ("csv", "htm", "html", "json", "jsonl", "log", "md", "rst", "tex", "tsv", "txt", "xml", "yaml", "yml")
_CODE = ("c", "cfg", "cpp", "cs", "css", "env", "go", "ini", "java", "js", "php", "py", "rb", "sh", "sql", "toml", "ts")
_SUFFIXES = frozenset((*_PROSE, *_CODE))
_MOST_BYTES = 10_000_000
_MOST_KNOWN = 100_000
_SHORT = 16
_MIXED = rb"(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])"
_TABLE: Sequence[tuple[str, bytes, bytes]] = (
    ("a key of OpenAI or Anthropic", b"sk-", rb"(?<![A-Za-z0-9_-])sk-" + _MIXED + rb"[A-Za-z0-9_-]{24,}"),
    ("a key of AWS", b"AKIA", rb"(?<![A-Za-z0-9])AKIA[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("a key of AWS", b"ASIA", rb"(?<![A-Za-z0-9])ASIA[A-Z2-7]{16}(?![A-Za-z0-9])"),
    *(
        ("a token of GitHub", b"gh" + sort + b"_", rb"(?<![A-Za-z0-9_])gh" + sort + rb"_[A-Za-z0-9]{36,}")
        for sort in (b"p", b"o", b"u", b"s", b"r")
    ),
    ("a token of GitHub", b"github_pat_", rb"github_pat_[A-Za-z0-9_]{60,}"),
    ("a token of GitLab", b"glpat-", rb"glpat-[A-Za-z0-9_-]{20,}"),
    ("a token of Slack", b"xox", rb"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{16,}"),
    ("a key of Google", b"AIza", rb"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("a key of Stripe", b"k_live_", rb"(?<=[sr])k_live_[A-Za-z0-9]{20,}"),
    ("a token of Hugging Face", b"hf_", rb"(?<![A-Za-z0-9_])hf_" + _MIXED + rb"[A-Za-z0-9]{30,}"),
    ("a private key", b"-----BEGIN ", rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    (
        "a signed token (JWT)",
        b"eyJ",
        rb"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}",
    ),
    ("a password in a URL", b"://", rb"(?<=[a-z0-9+])://[^\s/:@<>{}\"'$]{1,64}:[^\s/:@<>{}\"'$]{6,128}@[A-Za-z0-9]"),
)
PATTERNS = tuple((name, word, re.compile(pattern)) for name, word, pattern in _TABLE)
"""What each is called, a word that stands in it, and its form from that word on."""


def found(data: bytes) -> list[tuple[str, int]]:
    """Return what looks like a secret, and its line (from 1), in order: the first of each sort."""
    places: dict[str, int] = {}
    for name, word, pattern in PATTERNS:
        place = _first(data, word, pattern)
        if place >= 0:
            places[name] = min(place, places.get(name, place))
    return sorted(((name, data.count(b"\n", 0, place) + 1) for name, place in places.items()), key=lambda one: one[1])


def _first(data: bytes, word: bytes, pattern: re.Pattern[bytes]) -> int:
    """Return where the pattern first matches, -1 for nowhere; only looked at where its word stands."""
    place = data.find(word)
    while place >= 0:
        if pattern.match(data, place):
            return place
        place = data.find(word, place + len(word))
    return -1


def of_texts(resource: Resource) -> Iterator[Problem]:
    """Return a warning for each field of a resource, a tool by itself, that holds what looks like a secret."""
    for path, value in _parts(resource.attrs):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, line in found(text.encode("utf-8", "surrogatepass")):
            where = f", in line {line}" if isinstance(value, str) and "\n" in value else ""
            what = f"this holds what looks like {name}{where}, and would be on the account for all to read"
            yield _problem(what, f"{resource.address}.{path}", resource, path)


def _parts(attrs: Attrs) -> Iterator[tuple[str, Any]]:
    for name, value in attrs.items():
        if name == "tools" and isinstance(value, list):
            for place, tool in enumerate(value):
                yield f"tools[{place}]", tool
        elif value is not None:
            yield name, value


def _problem(what: str, where: str, resource: Resource, field: str) -> Problem:
    remedy = "take it out, and replace it where it is valid: it is in git already"
    return Problem(what, remedy, where, resource.position(field.partition("[")[0]), Severity.WARNING, RULE)


def leaking(root: Path, resources: Sequence[Resource]) -> tuple[Problem, ...]:
    """Return all warnings of resources whose documents have digests."""
    return (*(one for resource in resources for one in of_texts(resource)), *of_documents(root, resources))


def of_unread(root: Path, resources: Sequence[Resource]) -> list[Problem]:
    """Return the same as `of_documents` for documents without digests; only texts are read, and only what is new."""
    texts = [(one, tuple(file for file in one.files if _is_text(file))) for one in resources]
    return of_documents(root, digest(root, [replace(one, files=files) for one, files in texts if files]))


def of_documents(root: Path, resources: Sequence[Resource]) -> list[Problem]:
    """Return a warning for each text document that holds what looks like a secret; digests are known by now."""
    folder = root / cache.FOLDER
    known = _known(folder)
    before = len(known)
    problems = []
    for resource in resources:
        for file in resource.files:
            if _is_text(file):
                problems += [_problem(*one, resource, "files") for one in _of_document(root, file, known, resource)]
    if len(known) != before and len(known) <= _MOST_KNOWN:
        cache.save(folder, NAME, {"version": _VERSION, "documents": known})
    return problems


def _is_text(file: DesiredFile) -> bool:
    return (
        file.name.rpartition(".")[2].lower() in _SUFFIXES
        and file.size <= _MOST_BYTES
        and not remote.is_url(file.source)
    )


def _of_document(
    root: Path, file: DesiredFile, known: dict[str, list[list[Any]]], resource: Resource
) -> Iterator[tuple[str, str]]:
    short = file.sha256[:_SHORT]
    if short not in known:
        try:
            known[short] = [list(one) for one in found((root / file.source).read_bytes())]
        except OSError:
            return  # it was read a moment ago; what is wrong is told when it is uploaded
    for name, line in known[short]:
        yield f"{file.path} holds what looks like {name}, in line {line}", f"{resource.address}.files"


def _known(folder: Path) -> dict[str, list[list[Any]]]:
    """Believe only entries of our own form."""
    data = cache.load(folder, NAME)
    kept = data.get("documents") if data.get("version") == _VERSION else None
    names = {name for name, _, _ in PATTERNS}
    return {
        short: rows
        for short, rows in (kept.items() if isinstance(kept, dict) else ())
        if isinstance(rows, list) and all(_is_row(row, names) for row in rows)
    }


def _is_row(row: Any, names: set[str]) -> bool:
    return isinstance(row, list) and len(row) == 2 and row[0] in names and isinstance(row[1], int)
