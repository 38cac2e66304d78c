"""The bytes of documents: files below the manifest's folder, or what is behind URLs.

URLs are read and written through fsspec; it and its drivers are loaded only when there is such a URL.
"""

from __future__ import annotations

import io
import json
import os
import re
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, Concatenate, ParamSpec, TypeVar
from unicodedata import normalize
from urllib.parse import unquote

from deployer.deadlines import Reading, awaited, within
from deployer.errors import DeployerError

Given = ParamSpec("Given")
Result = TypeVar("Result")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WEB = frozenset({"http", "https"})
# The extras of this distribution, by scheme; pyproject.toml says what is in them.
_EXTRAS = {"http": "https", "https": "https", "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
# What fsspec reads on this machine itself: a manifest names that by paths, which cannot leave its folder.
_LOCAL = frozenset({"file", "local", "dir", "git", "zip", "tar", "libarchive", "reference", "data", "asynclocal"})
_BLOCK = 1024 * 1024
# Entries of fsspec's `info` that change with the bytes: the surest first, by the drivers of http, s3, gs, az, memory.
_MARKS = ("ETag", "etag", "Content-MD5", "md5Hash", "content_md5", "generation")
_TIMES = ("Last-Modified", "LastModified", "last_modified", "updated", "mtime", "modified", "created")


@dataclass(frozen=True, slots=True)
class Remote:
    """One document behind a URL; `inside` is its path below the folder in which the URL's wildcards begin."""

    url: str
    size: int
    inside: str


def is_url(text: str) -> bool:
    return _SCHEME.match(text) is not None


def malformed(url: str) -> tuple[str, str] | None:
    """Return what is wrong with the form of a URL and what to do; nothing is asked, and no password is repeated."""
    return next(_faults(url), None)


def _faults(url: str) -> Iterator[tuple[str, str]]:
    from fsspec.registry import known_implementations

    scheme, authority, path = _parts(url)
    if ":" in authority.rpartition("@")[0] and scheme != "github":
        yield "a password stands in this URL", "leave it out: drivers find their credentials in the environment"
    if scheme in _LOCAL or "::" in url:
        yield f"{shown(url)} is read on this machine", "write a path inside the manifest's folder"
    if scheme not in known_implementations:
        yield f"fsspec has no driver for {scheme}://", "use one of: s3, gs, abfs, https, …"
    if not (authority or path.strip("/")):
        yield f"{shown(url)} names nothing", "write it as SCHEME://BUCKET/PATH"
    if scheme in _WEB and "*" in path:
        yield f"{shown(url)}: a web server lists no files", "name each of them"
    if scheme not in _WEB and re.search(r"[*?\[]", authority):
        yield f"{shown(url)}: only what follows the bucket may hold wildcards", "name the bucket"


def path_of(url: str) -> str:
    """Return the stable and readable path by which a document is known: host or bucket, then where it is there."""
    scheme, authority, path = _parts(url)
    path = unquote(path) if scheme in _WEB else path
    return normalize("NFC", f"{authority}{path}".strip("/"))


def shown(url: str) -> str:
    """Return the URL for a person to read: a query may be a signature."""
    scheme, authority, path = _parts(url)
    return f"{scheme}://{authority.rpartition('@')[2]}{path}"


def listed(url: str) -> list[Remote]:
    """Return what the URL names at this moment, sorted; DeployerError when that cannot be told."""
    return within(shown(url), lambda reading: _listed(url, reading))


def _listed(url: str, reading: Reading) -> list[Remote]:
    with _driver(url) as (filesystem, path):
        filesystem.invalidate_cache()
        if _fixed(url) is not None:
            return _globbed(filesystem, path, url, reading)
        info = filesystem.info(path)
        if info.get("type") == "directory":
            raise DeployerError(f"{shown(url)} is a folder; write {shown(url).rstrip('/')}/** for all documents in it")
        return [Remote(url, _size(filesystem, path, info, reading), url.rpartition("/")[2])]


def mark(url: str) -> str | None:
    """Return what changes with the bytes behind a URL, as far as its service tells; None when it does not.

    Whoever calls this, or reads `blocks`, sees to it that it ends.
    """
    with _driver(url) as (filesystem, path):
        info = filesystem.info(path)
    strong = {key: str(info[key]) for key in _MARKS if info.get(key) and not str(info[key]).startswith("W/")}
    found = strong or {key: str(info[key]) for key in _TIMES if info.get(key)}
    return json.dumps([info.get("size"), found]) if found else None


def blocks(url: str) -> Iterator[bytes]:
    with _driver(url) as (filesystem, path):
        yield from _blocks(filesystem, path)


def _fetched(url: str, reading: Reading) -> BinaryIO:
    """Return a copy in an unnamed file of this machine: an upload may start over, and reads it without waiting."""
    import tempfile

    with _driver(url) as (filesystem, path), ExitStack() as failed:
        copy = failed.enter_context(tempfile.TemporaryFile())
        for block in _blocks(filesystem, path):
            reading.got(copy.write(block))
        copy.seek(0)
        failed.pop_all()
        return copy


def _ending(method: Callable[Concatenate[Files, Given], Result]) -> Callable[Concatenate[Files, Given], Result]:
    """Return a method that is waited for only so long."""

    @wraps(method)
    def ended(files: Files, /, *arguments: Given.args, **options: Given.kwargs) -> Result:
        what = shown(files.place) if is_url(files.place) else files.place
        return within(what, lambda _: method(files, *arguments, **options))

    return ended


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one folder of this machine, or behind one URL. A read of what is not there: FileNotFoundError.

    Whatever the disk or the service does, each call ends: with DeployerError where it hangs.
    """

    place: str

    @_ending
    def names(self) -> list[str]:
        """Return the names of all files, sorted; none where there is no such folder yet."""
        if not is_url(self.place):
            folder = Path(self.place)
            return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
        filesystem, path = self._driver()
        filesystem.invalidate_cache()
        found = filesystem.ls(path, detail=False) if filesystem.exists(path) else []
        return sorted(str(name).rpartition("/")[2] for name in found)

    @_ending
    def has(self, name: str) -> bool:
        if not is_url(self.place):
            return os.path.lexists(Path(self.place) / name)
        filesystem, path = self._driver()
        return bool(filesystem.exists(f"{path}/{name}"))

    @_ending
    def read(self, name: str) -> bytes:
        if not is_url(self.place):
            return (Path(self.place) / name).read_bytes()
        filesystem, path = self._driver()
        content: bytes = filesystem.cat_file(f"{path}/{name}")
        return content

    @_ending
    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all: services put an object at once, here it is moved into its place."""
        if is_url(self.place):
            filesystem, path = self._driver()
            filesystem.makedirs(path, exist_ok=True)
            filesystem.pipe_file(f"{path}/{name}", content)
            return
        import tempfile

        folder = Path(self.place)
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(folder / name)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise

    @_ending
    def delete(self, name: str) -> None:
        """Delete a file; one that is gone is fine."""
        if not is_url(self.place):
            (Path(self.place) / name).unlink(missing_ok=True)
            return
        filesystem, path = self._driver()
        if filesystem.exists(f"{path}/{name}"):
            filesystem.rm_file(f"{path}/{name}")

    def _driver(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(self.place)
        return filesystem, str(path).rstrip("/")


def _parts(url: str) -> tuple[str, str, str]:
    """Return scheme, authority and path. Only on the web do `?` and `#` end a path: elsewhere a name may hold them."""
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0] if scheme.lower() in _WEB else rest
    authority, slash, path = rest.partition("/")
    return scheme.lower(), authority, slash + path


def _fixed(url: str) -> str | None:
    """Return the folders before the first wildcard; None without wildcards."""
    wild = None if _parts(url)[0] in _WEB else re.search(r"[*?\[]", url)
    return url[: wild.start()].rpartition("/")[0] if wild else None


def _globbed(filesystem: Any, path: str, url: str, reading: Reading) -> list[Remote]:
    folder = _fixed(url) or ""
    start = len(filesystem._strip_protocol(f"{folder}/").rstrip("/"))  # noqa: SLF001 (what every driver implements)
    found = []
    for name, info in filesystem.glob(path, detail=True).items():
        inside = name[start:].strip("/")
        if info.get("type") == "file" and not any(part.startswith(".") for part in inside.split("/")):
            found.append(Remote(f"{folder}/{inside}", _size(filesystem, name, info, reading), inside))
    return sorted(found, key=lambda one: one.url)


def _size(filesystem: Any, path: str, info: Mapping[str, Any], reading: Reading) -> int:
    """A web server need not tell the size: then only reading does."""
    if isinstance(told := info.get("size"), int):
        return told
    total = 0
    for block in _blocks(filesystem, path):
        reading.got(len(block))
        total += len(block)
    return total


def _blocks(filesystem: Any, path: str) -> Iterator[bytes]:
    with filesystem.open(path, "rb") as file:
        while block := file.read(_BLOCK):
            yield block


@contextmanager
def _driver(url: str) -> Iterator[tuple[Any, str]]:
    """Yield the filesystem and its path of a URL; whatever a driver raises becomes one sentence."""
    from fsspec.core import url_to_fs

    try:
        yield url_to_fs(url)
    except DeployerError:
        raise
    except ImportError:
        package, install = _package(_parts(url)[0])
        sentence = f"{shown(url)} needs the package {package}, which is not installed; pip install {install!r}"
        raise DeployerError(sentence) from None
    except FileNotFoundError:
        raise DeployerError(f"{shown(url)} does not exist; correct the URL") from None
    except Exception as error:  # noqa: BLE001 (drivers raise what their services' libraries do: botocore's, aiohttp's …)
        remedy = "check the URL and the credentials in the environment"
        raise DeployerError(f"{shown(url)} cannot be read ({_reason(error, url)}); {remedy}") from None


def _package(scheme: str) -> tuple[str, str]:
    """The package that reads a scheme, and what to install for it: an extra of this distribution where it has one."""
    from fsspec.registry import known_implementations

    package = str(known_implementations.get(scheme, {}).get("class", "")).partition(".")[0]
    if scheme in _WEB:
        package = "aiohttp"
    elif package in ("", "fsspec"):
        package = f"fsspec[{scheme}]"
    return package, f"assistants-deployer[{_EXTRAS[scheme]}]" if scheme in _EXTRAS else package


def _reason(error: Exception, url: str) -> str:
    """Return a driver's words in one line, without what may be a signature."""
    query = url.partition("?")[2]
    text = " ".join(str(error).split()) or type(error).__name__
    return (text.replace(query, "…") if query else text)[:200]


def open_source(root: Path, source: str, reading: Reading) -> BinaryIO:
    """Open a document for reading from its start; DeployerError when that cannot be done.

    What a URL names is fetched whole before this returns, and what is small is read: so it belongs into a thread.
    """
    if is_url(source):
        return _fetched(source, reading)
    with readable(source):
        handle = os.open(root / source, READ)
        try:
            state = os.fstat(handle)
            check_regular(source, state)
            if state.st_size > _BLOCK:
                return _LargeFile(handle, source)
            return io.BytesIO(_whole(handle, state.st_size))
        finally:
            os.close(handle)


def _whole(handle: int, size: int) -> bytes:
    """Return the bytes of an open file of about this size, by as few calls as there can be: each lets others run."""
    found = os.read(handle, size + 1)
    while len(found) != size and (more := os.read(handle, _BLOCK)):  # it grew, or came in parts
        found += more
    return found


READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""How a document is opened. Windows would read text, and a pipe that took its place would wait for a writer."""


def check_regular(source: str, state: os.stat_result) -> None:
    """Raise unless it is a file of bytes: something else may have taken its place after it was listed."""
    if not stat.S_ISREG(state.st_mode):
        raise DeployerError(f"{source} is no regular file any more; put the document back, and run again")


class _LargeFile(io.FileIO):
    """An open file each of whose reads ends, whatever its disk does."""

    def __init__(self, handle: int, source: str) -> None:
        super().__init__(os.dup(handle), "rb")
        self._source = source

    def read(self, size: int | None = -1, /) -> bytes:
        return within(self._source, lambda _: self._now(size))

    def _now(self, size: int | None) -> bytes:
        return super().read(size) or b""


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Turn what the system says about a file into a sentence."""
    try:
        yield
    except BlockingIOError:
        raise DeployerError(f"{source} is a pipe; put the document back, and run again") from None
    except OSError as error:
        raise DeployerError(f"{source} cannot be read ({error.strerror}); check its permissions") from None


@asynccontextmanager
async def opened(what: str, open_file: Callable[[Reading], BinaryIO]) -> AsyncIterator[BinaryIO]:
    """Yield a file that a thread opens; it is closed at the end, also when the caller was cancelled meanwhile.

    A thread cannot be cancelled: without the hand-over below, what it opens too late would stay open.
    """
    lock, left, held = threading.Lock(), threading.Event(), ExitStack()

    def hand_over(reading: Reading) -> BinaryIO:
        file = open_file(reading)
        with lock:
            held.callback(file.close)
            if left.is_set():
                held.close()
        return file

    try:
        yield await awaited(what, hand_over)
    finally:
        with lock:
            left.set()
            held.close()
