"""The documents that a list of files names: on disk by globs, or behind URLs; and whether they can be used.

The limits are those of file search and of the code held_files.
"""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from deployer import remote
from deployer.deadlines import Touching
from deployer.errors import DeployerError
from deployer.manifest import globs
from deployer.manifest.document import MAX_STAND_IN, stand_in
from deployer.manifest.globs import GlobProblems, fixed_part, matches, relative
from deployer.manifest.load import Context, ManifestEntry
from deployer.manifest.suggest import similar_file
from deployer.model import Attrs, DesiredFile, Position, Problem
from deployer.wording import listed

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_BYTES = 512 * 1024 * 1024
MAX_PATH = 256
Wrong = tuple[str, str]
"""What is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes files: which types, what else can be done with others, and where an export puts them."""

    name: str
    suffixes: frozenset[str]
    advice: str
    folder: str


_TEXTS = frozenset(
    {".c", ".cpp", ".cs", ".css", ".doc", ".docx", ".html", ".java", ".js", ".json", ".md", ".pdf", ".php", ".pptx"}
    | {".py", ".rb", ".sh", ".tex", ".ts", ".txt"}
)
# By the public guides to retrieval and to the code held_files.
FILE_SEARCH = Taker(
    "file search", _TEXTS | {".go"}, "convert it (to .md, .txt, .pdf, .json …), or narrow the glob", "knowledge"
)
CODE_INTERPRETER = Taker(
    "the code interpreter",
    _TEXTS | {".csv", ".gif", ".jpeg", ".jpg", ".pkl", ".png", ".tar", ".xlsx", ".xml", ".zip"},
    "convert it (to .csv, .json, .zip …), or narrow the glob",
    "data",
)


def unfit(root: Path, file: DesiredFile, taker: Taker) -> Iterable[Wrong]:
    suffix = os.path.splitext(file.name)[1].lower()  # noqa: PTH122 (of ten thousand, each costs)
    if suffix not in taker.suffixes:
        what = f"{suffix} files" if len(suffix) > 1 else "files without an extension"
        yield f"{file.path}: {taker.name} takes no {what}", taker.advice
    if file.size == 0:
        yield f"{file.path} is empty", "write something into it, or narrow the glob"
    if file.size > MAX_BYTES:
        yield f"{file.path} has {file.size:,} bytes; the limit is {MAX_BYTES:,}", "split the document"
    if not (remote.is_url(file.source) or os.access(f"{root}/{file.source}", os.R_OK)):
        yield f"{file.path} cannot be read", "check its permissions"
    if len(file.path) > MAX_PATH:
        yield f"{file.path}: the path has {len(file.path)} characters; the limit is {MAX_PATH}", "shorten it"


def stands_for_another(root: Path, file: DesiredFile) -> Wrong | None:
    """Return what a file on disk is that only stands for another, and how to get that one."""
    if file.size > MAX_STAND_IN or remote.is_url(file.source):
        return None
    path = f"{root}/{file.source}"
    try:
        with Touching(file.source), open(path, "rb", buffering=0) as opened:  # noqa: PTH123 (of ten thousand, each costs)
            data = opened.read()
    except OSError:
        return None  # that it cannot be read is told by `unfit`
    return stand_in(data, Path(path))


def overlap(chunking: Mapping[str, int]) -> Wrong | None:
    """Return what is wrong with chunking beyond what the schema sees."""
    most, found = chunking["max_chunk_size_tokens"] // 2, chunking["chunk_overlap_tokens"]
    if found * 2 <= chunking["max_chunk_size_tokens"]:
        return None
    return f"an overlap of {found} is more than half of {chunking['max_chunk_size_tokens']}", f"the most is {most}"


@dataclass(frozen=True, slots=True)
class Pattern:
    """`attributes` and `chunking` are what every file that it names is given."""

    path: str
    exclude: tuple[str, ...]
    attributes: Mapping[str, str | float | bool]
    chunking: Attrs | None

    @classmethod
    def of(cls, item: str | Mapping[str, Any], chunking: Attrs | None) -> Pattern:
        """Read an item that the schema accepts; `chunking` is that of the whole list."""
        settings: Mapping[str, Any] = {"path": item} if isinstance(item, str) else item
        own = settings.get("chunking", chunking)
        return cls(
            path=settings["path"],
            exclude=tuple(settings.get("exclude", ())),
            attributes=dict(settings.get("attributes", {})),
            chunking=None if own is None else dict(own),
        )

    def unreadable(self) -> list[int]:
        """Return the places of excludes that are no patterns."""
        return [place for place, line in enumerate(self.exclude) if not globs.readable(line)]

    def excluded(self) -> GitIgnoreSpec | None:
        good = [line for line in self.exclude if globs.readable(line)]
        return globs.spec(good) if good else None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of files in the manifest: `at` is its place in its entry, `where` its address for the user."""

    entry: ManifestEntry
    at: tuple[str | int, ...]
    where: str
    items: Sequence[Any]
    taker: Taker

    @property
    def base(self) -> str:
        """The folder that its paths start from, relative to the manifest's."""
        return posixpath.dirname(self.entry.document.name)

    def problem(self, wrong: Wrong, *more: str | int) -> Problem:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in more)
        return Problem(*wrong, f"{self.where}{where}", self.position(*more))

    def position(self, *more: str | int) -> Position:
        return self.entry.position(*self.at, *more)


@dataclass(slots=True)
class _Found:
    """Documents by their paths, each with the place of the item that named it first."""

    files: dict[str, tuple[DesiredFile, int]] = field(default_factory=dict)

    def add(self, files: Sequence[DesiredFile], place: int) -> Iterator[Wrong]:
        others: dict[int, list[str]] = {}
        for file in files:
            first, where = self.files.setdefault(file.path, (file, place))
            if first.source != file.source:
                yield _one_name(first, file)
            elif _settings(first) != _settings(file):
                others.setdefault(where, []).append(file.path)
        for where, paths in others.items():
            message = f"{listed(paths, 1)}: files[{where}] names this too, with other attributes or chunking"
            yield message, "exclude it in one of the two"


def find(
    context: Context, listing: Listing, chunking: Attrs | None = None
) -> tuple[tuple[DesiredFile, ...], list[Problem]]:
    """Return the files that a list names, in its order and without digests, and every problem with them.

    `chunking` is for items that say nothing of their own. Offline, of a URL only the form is looked at.
    """
    found = _Found()
    problems: list[Problem] = []
    for place, item in enumerate(listing.items):
        if item is None:
            continue  # the schema has refused it
        pattern = Pattern.of(item, chunking)
        files, wrong = _remote(context, pattern) if remote.is_url(pattern.path) else _local(context, listing, pattern)
        fresh = [file for file in files if file.path not in found.files]
        wrong += [one for file in fresh for one in unfit(context.root, file, listing.taker)]
        wrong += _stand_ins(context.root, fresh)
        problems += [listing.problem(one, place) for one in (*wrong, *found.add(files, place))]
        for index in pattern.unreadable():
            message = f"{pattern.exclude[index]!r} is no pattern"
            problems.append(listing.problem((message, globs.REMEDY), place, "exclude", index))
    return tuple(file for file, _ in found.files.values()), problems


def _stand_ins(root: Path, files: Sequence[DesiredFile]) -> Iterator[Wrong]:
    """Name those of one sort together: a checkout that lacks one such file lacks them all."""
    sorts: dict[Wrong, list[str]] = {}
    for file in files:
        if found := stands_for_another(root, file):
            sorts.setdefault(found, []).append(file.path)
    for (what, remedy), paths in sorts.items():
        verb = "is" if len(paths) == 1 else "are each"
        yield f"{listed(paths, 3)} {verb} {what}", remedy


def _local(context: Context, listing: Listing, pattern: Pattern) -> tuple[list[DesiredFile], list[Wrong]]:
    base, text = context.root / listing.base, pattern.path
    if relative(context.root, base / fixed_part(text)) is None:
        return [], [(f"{text!r} leaves the manifest's folder", "move the documents inside, or correct the glob")]
    problems, left_out, files = GlobProblems(context.root), _left_out(context, listing, pattern), []
    paths = matches(base, text, problems)
    for path in paths:
        source = context.folders.name(path)
        if source is None:
            problems.leaves(path, "document")
        elif (size := _size(path, problems)) is not None and not left_out(source):
            files.append(_document(normalize("NFC", source), size, source, pattern))
    wrong = [
        (what, f"{remedy}, or exclude it")
        for path, (what, remedy) in problems.found.items()
        if not any(left_out(_name(context.root, path) + end) for end in ("", "/"))
    ]
    some = bool(paths or problems.found)
    return sorted(files, key=_path), wrong if files or wrong else [
        _nothing(context.root, listing.base, text, ignored=some)
    ]


def _left_out(context: Context, listing: Listing, pattern: Pattern) -> Callable[[str], bool]:
    """Return what is left out, by its path from the manifest's folder; a folder's ends with `/`.

    A file that is named without wildcards comes even if `.deployerignore` names it.
    """
    excluded, base = pattern.excluded(), listing.base or "."
    literal = fixed_part(pattern.path) == str(PurePosixPath(pattern.path))

    def inside(name: str) -> str:
        return posixpath.relpath(name, base) + "/" * name.endswith("/")

    def left_out(name: str) -> bool:
        return bool(excluded and excluded.match_file(inside(name))) or (not literal and context.ignored.covers(name))

    return left_out


def _name(root: Path, path: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _size(path: Path, problems: GlobProblems) -> int | None:
    """None for a file that went away since its folder was listed."""
    try:
        with Touching(str(path)):
            return os.stat(path).st_size  # noqa: PTH116 (of ten thousand, each costs)
    except OSError as error:
        problems.failed(path, error)
        return None


def _remote(context: Context, pattern: Pattern) -> tuple[list[DesiredFile], list[Wrong]]:
    wrong = remote.malformed(pattern.path)
    if wrong or context.offline:
        return [], [wrong] if wrong else []
    try:
        found = remote.listed(pattern.path)
    except DeployerError as error:
        return [], [(str(error), "")]
    excluded = pattern.excluded()
    files = [
        _document(remote.path_of(one.url), one.size, one.url, pattern)
        for one in found
        if not (excluded and excluded.match_file(one.inside))
    ]
    if files:
        return sorted(files, key=_path), []
    what = "everything that it matches is excluded" if found else "it matches no file"
    return [], [(f"{remote.shown(pattern.path)}: {what}", "correct the URL, or add the documents")]


def _document(path: str, size: int, source: str, pattern: Pattern) -> DesiredFile:
    return DesiredFile(path, size, "", pattern.chunking, source, pattern.attributes)


def _path(file: DesiredFile) -> str:
    return file.path


def _settings(file: DesiredFile) -> str:
    """What must agree where two items name one file, in a form in which `1` and `true` differ."""
    return json.dumps([file.attributes, file.chunking], sort_keys=True)


def _one_name(first: DesiredFile, second: DesiredFile) -> Wrong:
    what = f"{first.source} and {second.source}"
    if normalize("NFC", first.source) == normalize("NFC", second.source):
        what = "one composed (NFC), one decomposed"
    return f"two files are called {first.path}: {what}", "rename one"


def _nothing(root: Path, folder: str, pattern: str, *, ignored: bool) -> Wrong:
    base = root / folder
    if ignored:
        return f"everything that {pattern!r} matches is left out", "correct exclude or .deployerignore"
    if (base / pattern).is_dir():
        return f"{pattern!r} is a folder", f"write {pattern.rstrip('/')}/** for all documents in it"
    otherwise = "correct the glob, or add the documents"
    remedy = similar_file(base / pattern, pattern, otherwise)
    return f"{pattern!r} matches no file", globs.from_the_root(root, folder, pattern, remedy)
