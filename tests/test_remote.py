"""Documents on disk and behind URLs: listed, opened, measured; and what is said when that fails."""

from __future__ import annotations

import asyncio
import functools
import http.server
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry, known_implementations

from deployer import remote
from deployer.deadlines import Reading
from deployer.errors import DeployerError


@pytest.fixture
def bucket() -> Iterator[dict[str, bytes]]:
    """A bucket in this process's memory."""
    files = {
        "docs/a.md": b"A",
        "docs/deep/b.md": b"BB",
        "docs/deep/c.txt": b"CCC",
        "docs/.hidden/d.md": b"D",
        "docs/.e.md": b"E",
        "top.md": b"T",
    }
    filesystem = fsspec.filesystem("memory")
    for name, content in files.items():
        filesystem.pipe_file(f"/bucket/{name}", content)
    yield files
    filesystem.rm("/bucket", recursive=True)


def test_a_file_is_opened_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"Text.")
    with remote.open_source(tmp_path, "a.md", Reading()) as file:
        assert file.read() == b"Text."


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DeployerError, match=r"^a\.md cannot be read \(No such file or directory\); check"):
        remote.open_source(tmp_path, "a.md", Reading())


@pytest.mark.usefixtures("bucket")
def test_an_object_is_opened_and_can_be_read_again(tmp_path: Path) -> None:
    with remote.open_source(tmp_path, "memory://bucket/docs/deep/b.md", Reading()) as file:
        assert file.read() == b"BB"
        file.seek(0)
        assert file.read() == b"BB"
        assert file.fileno() > 0


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("url", "expected"),
    (
        ("memory://bucket/docs/**", ["a.md", "deep/b.md", "deep/c.txt"]),
        ("memory://bucket/docs/*.md", ["a.md"]),
        ("memory://bucket/docs/**/*.md", ["a.md", "deep/b.md"]),
        ("memory://bucket/*/deep/?.md", ["docs/deep/b.md"]),
        ("memory://bucket/docs/a.md", ["a.md"]),
        ("memory://bucket/none/*", []),
    ),
)
def test_what_a_url_names(url: str, expected: list[str]) -> None:
    found = remote.listed(url)
    assert [one.inside for one in found] == expected
    for one in found:
        assert one.size == len(b"".join(remote.blocks(one.url)))


@pytest.mark.parametrize(
    ("url", "path"),
    (
        ("memory://bucket/docs/a.md", "bucket/docs/a.md"),
        ("s3://bucket/docs/%20?#.md", "bucket/docs/%20?#.md"),
        ("https://host:8443/a%20b/%EC%88%98.pdf?sig=s3cret#page", "host:8443/a b/수.pdf"),
        ("sftp://deploy@host/docs/a.md", "deploy@host/docs/a.md"),
        ("abfs://box@account.dfs.core.windows.net/a.md", "box@account.dfs.core.windows.net/a.md"),
    ),
)
def test_the_path_of_a_url_is_stable_and_has_no_query(url: str, path: str) -> None:
    assert remote.malformed(url) is None
    assert remote.path_of(url) == path


@pytest.mark.usefixtures("bucket")
def test_a_folder_and_what_is_not_there() -> None:
    with pytest.raises(DeployerError, match=r"is a folder; write memory://bucket/docs/\*\* for all"):
        remote.listed("memory://bucket/docs/")
    with pytest.raises(DeployerError, match=r"^memory://bucket/x\.md does not exist; correct the URL$"):
        remote.listed("memory://bucket/x.md")
    with pytest.raises(DeployerError, match=r"^memory://bucket/x\.md does not exist"):
        remote.open_source(Path(), "memory://bucket/x.md", Reading())


def test_a_mark_changes_with_the_bytes(bucket: dict[str, bytes]) -> None:
    url = "memory://bucket/docs/a.md"
    first = remote.mark(url)
    assert first is not None
    assert remote.mark(url) == first
    fsspec.filesystem("memory").pipe_file("/bucket/docs/a.md", bucket["docs/a.md"])
    assert remote.mark(url) != first


class _Odd(MemoryFileSystem):  # type: ignore[misc]
    """A driver as they are found: errors of its service's library, no size, weak marks."""

    protocol = "odd"

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        if "bad" in path:
            raise RuntimeError("Unable to locate\ncredentials")
        weak = {"ETag": 'W/"1"'} if "weak" in path else {}
        return {"name": path, "type": "file", "size": None, **weak}

    def _open(self, path: str, *_: Any, **__: Any) -> Any:
        if "bad" in path:
            raise RuntimeError("the connection is gone")
        return fsspec.filesystem("memory").open("/bucket/docs/deep/c.txt")


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_registry, "odd", _Odd)
    monkeypatch.setitem(known_implementations, "absent", {"class": "no_such_package.Filesystem"})


@pytest.mark.usefixtures("odd", "bucket")
def test_a_service_that_does_not_tell_sizes_or_marks() -> None:
    assert remote.listed("odd://x/weak.txt")[0].size == 3
    assert remote.mark("odd://x/weak.txt") is None
    assert remote.mark("odd://x/none.txt") is None


@pytest.mark.usefixtures("odd")
def test_what_a_driver_raises_is_one_sentence() -> None:
    with pytest.raises(DeployerError) as caught:
        remote.listed("odd://x/bad")
    assert str(caught.value) == (
        "odd://x/bad cannot be read (Unable to locate credentials); "
        "check the URL and the credentials in the environment"
    )
    with pytest.raises(DeployerError, match="the connection is gone"):
        remote.open_source(Path(), "odd://x/bad", Reading())


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(
    ("url", "package", "install"),
    (
        ("absent://x/a", "no_such_package", "no_such_package"),
        ("s3://x/a", "s3fs", "assistants-deployer[s3]"),
        ("gs://x/a", "gcsfs", "assistants-deployer[gs]"),
        ("https://x/a", "aiohttp", "assistants-deployer[https]"),
    ),
)
def test_a_missing_driver_says_what_to_install(
    url: str, package: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in ("s3", "gs", "https"):
        monkeypatch.delitem(_registry, scheme, raising=False)
    for module in ("s3fs", "gcsfs", "aiohttp", "fsspec.implementations.http"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DeployerError) as caught:
        remote.listed(url)
    assert str(caught.value) == (f"{url} needs the package {package}, which is not installed; pip install '{install}'")


def test_the_extras_in_hints_are_those_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = {"dev", "operator"}  # extras that no document needs
    assert set(remote._EXTRAS.values()) == set(project["optional-dependencies"]) - others
    assert project["name"] == "assistants-deployer"


def test_fsspec_is_imported_only_for_a_url(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"Text.")
    code = "import sys; from pathlib import Path; from deployer import remote; "
    code += "from deployer.deadlines import Reading; remote.open_source(Path(), 'a.md', Reading()).close(); "
    code += "print('fsspec' in sys.modules); "
    code += "print(remote.is_url('s3://b/k'), 'fsspec' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True", "False"]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "a b.pdf").write_bytes(b"%PDF")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None: ...

    def do_HEAD(self) -> None:
        if self.path.startswith("/broken"):
            self.send_error(503)
        else:
            super().do_HEAD()

    def do_GET(self) -> None:
        if self.path.startswith("/broken"):
            self.send_error(503)
        else:
            super().do_GET()


def test_a_web_server(web: str) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads the web with aiohttp, which is not installed")
    url = f"{web}/a%20b.pdf?sig=s3cret"
    (found,) = remote.listed(url)
    assert (found.url, found.size) == (url, 4)
    assert b"".join(remote.blocks(url)) == b"%PDF"
    assert remote.mark(url) == remote.mark(url) is not None
    with pytest.raises(DeployerError, match=rf"^{web}/none\.pdf does not exist"):
        remote.listed(f"{web}/none.pdf?sig=s3cret")
    with pytest.raises(DeployerError) as caught:
        remote.listed(f"{web}/broken.pdf?sig=s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("when", ("opening", "reading"))
def test_what_a_thread_opens_is_closed_also_for_who_was_cancelled(tmp_path: Path, when: str) -> None:
    """However late the thread opens it: the caller is gone by then, and so may be its event loop."""
    (tmp_path / "a.md").write_text("a")
    files: list[BinaryIO] = []
    begun, may_open = threading.Event(), threading.Event()

    def slowly(_reading: Reading) -> BinaryIO:
        begun.set()
        assert may_open.wait(20)
        files.append((tmp_path / "a.md").open("rb"))
        return files[0]

    async def read(reading: asyncio.Event) -> None:
        async with remote.opened("a.md", slowly):
            reading.set()
            await asyncio.sleep(60)

    async def cancelled() -> None:
        reading = asyncio.Event()
        work = asyncio.create_task(read(reading))
        await asyncio.to_thread(begun.wait)
        if when == "reading":
            may_open.set()
            await reading.wait()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        may_open.set()

    asyncio.run(cancelled())
    for thread in threading.enumerate():
        if thread.name == "reading":
            thread.join(20)
    assert [file.closed for file in files] == [True]
