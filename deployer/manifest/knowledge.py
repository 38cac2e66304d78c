"""The documents of a vector store on disk: globs, checks, digests."""

from __future__ import annotations

import glob
import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from deployer.errors import DeployerError
from deployer.manifest.load import Entry
from deployer.model import DesiredFile, Problem, Resource

MAX_BYTES = 512 * 1024 * 1024
MAX_PATH = 256
# What file search accepts, by the retrieval guide (see docs/manifest.md).
SUFFIXES = frozenset(
    ".c .cpp .cs .css .doc .docx .go .html .java .js .json .md .pdf .php .pptx .py .rb .sh .tex .ts .txt".split()
)


def inside(root: Path, base: Path, text: str) -> Path | None:
    """Give the path that `text` (relative to `base`) names, or None when it leaves `root`, also through a symlink."""
    if PurePosixPath(text).is_absolute():
        return None
    path = base / text
    return path if path.resolve().is_relative_to(root) else None


def find(root: Path, entry: Entry, address: str) -> tuple[tuple[DesiredFile, ...], list[Problem]]:
    """Give the files that the entry's globs match, sorted by path and without digests, and every problem with them."""
    base = (root / entry.document.name).parent
    found: dict[str, DesiredFile] = {}
    problems: list[Problem] = []
    for place, pattern in enumerate(entry.value.get("files", ())):
        files, wrong = _match(root, base, pattern)
        if not files and not wrong:
            wrong = [(f"{pattern!r} matches no file", "correct the glob, or add the documents")]
        position = entry.position("files", place)
        problems += [Problem(message, remedy, f"{address}.files[{place}]", position) for message, remedy in wrong]
        found.update((file.path, file) for file in files)
    return tuple(found[path] for path in sorted(found)), problems


def _match(root: Path, base: Path, pattern: str) -> tuple[list[DesiredFile], list[tuple[str, str]]]:
    if inside(root, base, _fixed_part(pattern)) is None:
        return [], [(f"{pattern!r} leaves the manifest's folder", "move the documents inside, or correct the glob")]
    files, wrong = [], []
    for name in sorted(glob.glob(pattern, root_dir=base, recursive=True)):
        path = base / name
        if not path.is_file():
            continue
        if not path.resolve().is_relative_to(root):
            wrong.append((f"{name} is a link that leaves the manifest's folder", "copy the document inside"))
            continue
        source = (
            path.relative_to(root).as_posix()
            if path.is_relative_to(root)
            else path.resolve().relative_to(root).as_posix()
        )
        file = DesiredFile(unicodedata.normalize("NFC", source), path.stat().st_size, "", None, source)
        wrong += _unfit(file)
        files.append(file)
    return files, wrong


def _fixed_part(pattern: str) -> str:
    """The folders before the first wildcard: where a glob can start to look."""
    parts = []
    for part in pattern.split("/"):
        if glob.has_magic(part):
            break
        parts.append(part)
    return "/".join(parts) or ("/" if pattern.startswith("/") else ".")


def _unfit(file: DesiredFile) -> Iterable[tuple[str, str]]:
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix not in SUFFIXES:
        what = f"{suffix} files" if suffix else "files without an extension"
        yield f"{file.path}: file search takes no {what}", "convert it, or narrow the glob; see docs/manifest.md"
    if file.size == 0:
        yield f"{file.path} is empty", "write something into it, or narrow the glob"
    if file.size > MAX_BYTES:
        yield f"{file.path} has {file.size:,} bytes; the limit is {MAX_BYTES:,}", "split the document"
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
