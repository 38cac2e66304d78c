"""The documents of a vector store on disk: globs, checks, digests."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from deployer.errors import DeployerError
from deployer.manifest.load import Entry
from deployer.manifest.paths import fixed_part, matches, relative
from deployer.manifest.suggest import similar_file
from deployer.model import DesiredFile, Problem, Resource

MAX_BYTES = 512 * 1024 * 1024
MAX_PATH = 256
# What file search accepts, by the retrieval guide.
SUFFIXES = frozenset(
    {".c", ".cpp", ".cs", ".css", ".doc", ".docx", ".go", ".html", ".java", ".js", ".json", ".md", ".pdf", ".php"}
    | {".pptx", ".py", ".rb", ".sh", ".tex", ".ts", ".txt"}
)


def find(root: Path, entry: Entry, where: str) -> tuple[tuple[DesiredFile, ...], list[Problem]]:
    """Give the files that the entry's globs match, sorted by path and without digests, and every problem with them."""
    base = (root / entry.document.name).parent
    found: dict[str, DesiredFile] = {}
    problems: list[Problem] = []
    for place, pattern in enumerate(entry.value.get("files", ())):
        files, wrong = _match(root, base, pattern)
        for file in files:
            first = found.setdefault(file.path, file)
            if first.source != file.source:
                wrong.append((f"two files are called {file.path}: one composed (NFC), one decomposed", "rename one"))
        position = entry.position("files", place)
        problems += [Problem(message, remedy, f"{where}.files[{place}]", position) for message, remedy in wrong]
    return tuple(found[path] for path in sorted(found)), problems


def _match(root: Path, base: Path, pattern: str) -> tuple[list[DesiredFile], list[tuple[str, str]]]:
    if relative(root, base / fixed_part(pattern)) is None:
        return [], [(f"{pattern!r} leaves the manifest's folder", "move the documents inside, or correct the glob")]
    files, wrong = [], []
    for path in matches(base, pattern):
        source = relative(root, path)
        if source is None:
            name = os.path.relpath(path, root)
            wrong.append((f"{name} is a link that leaves the manifest's folder", "copy the document inside"))
            continue
        if not source.isprintable():
            wrong.append((f"the name {source!a} holds characters that cannot be sent", "rename the file"))
            continue
        file = DesiredFile(unicodedata.normalize("NFC", source), path.stat().st_size, "", None, source)
        wrong += _unfit(root, file)
        files.append(file)
    return files, wrong if files or wrong else [_nothing(base, pattern)]


def _nothing(base: Path, pattern: str) -> tuple[str, str]:
    if (base / pattern).is_dir():
        return f"{pattern!r} is a folder", f"write {pattern.rstrip('/')}/** for all documents in it"
    otherwise = "correct the glob, or add the documents"
    return f"{pattern!r} matches no file", similar_file(base / pattern, pattern, otherwise)


def _unfit(root: Path, file: DesiredFile) -> Iterable[tuple[str, str]]:
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix not in SUFFIXES:
        what = f"{suffix} files" if suffix else "files without an extension"
        yield (
            f"{file.path}: file search takes no {what}",
            "convert it (to .md, .txt, .pdf, .json …), or narrow the glob",
        )
    if file.size == 0:
        yield f"{file.path} is empty", "write something into it, or narrow the glob"
    if file.size > MAX_BYTES:
        yield f"{file.path} has {file.size:,} bytes; the limit is {MAX_BYTES:,}", "split the document"
    if not os.access(root / file.source, os.R_OK):
        yield f"{file.path} cannot be read", "check its permissions"
    if len(file.path) > MAX_PATH:
        yield f"{file.path}: the path has {len(file.path)} characters; the limit is {MAX_PATH}", "shorten it"


def digest(root: Path, resources: Sequence[Resource]) -> tuple[Resource, ...]:
    """Give the resources with the sha256 of every file; each file is read once, a few at a time."""
    sources = sorted({file.source for resource in resources for file in resource.files})
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(sources, pool.map(lambda source: _sha256(root, source), sources), strict=True))
    return tuple(
        replace(one, files=tuple(replace(file, sha256=digests[file.source]) for file in one.files)) for one in resources
    )


def _sha256(root: Path, source: str) -> str:
    try:
        with (root / source).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DeployerError(f"{source} cannot be read ({error.strerror}); check its permissions") from None
