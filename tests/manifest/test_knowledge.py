"""Documents of a store: their names, their order, their digests."""

from __future__ import annotations

import hashlib
import os
import sys
import unicodedata
from collections.abc import Iterator
from errno import EACCES
from pathlib import Path

import fsspec
import pytest

from deployer.errors import DeployerError
from deployer.manifest import Manifest, compile_manifest, digest, knowledge
from deployer.manifest.globs import GlobProblems
from tests.support.project import Project


def _compiled(project: Project, globs: str, more: str = "") -> Manifest:
    project.manifest(f"vector_stores:\n  docs:\n    files: {globs}\n    {more}\n")
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    assert found.problems == ()
    return found


def test_paths_are_composed_and_sources_as_on_the_disk(project: Project) -> None:
    name = unicodedata.normalize("NFD", "용도지역.md")
    project.write(f"docs/{name}", "Text.")
    (file,) = _compiled(project, "[docs/**]").resources[0].files
    assert file.path == "docs/용도지역.md"
    assert file.name == "용도지역.md"
    assert file.source == f"docs/{name}"


def test_sorted_by_path_and_each_once_whatever_the_globs_say(project: Project) -> None:
    for name in ("b.md", "a.md", "sub/c.md", "B.md"):
        project.write(f"docs/{name}", "Text.")
    files = _compiled(project, "[docs/sub/*, docs/**, docs/a.md, ./docs/../docs/b.md]").resources[0].files
    assert [file.path for file in files] == ["docs/B.md", "docs/a.md", "docs/b.md", "docs/sub/c.md"]


def test_chunking_goes_to_every_file(project: Project) -> None:
    project.write("a.md", "Text.")
    more = "chunking: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 100}"
    (file,) = _compiled(project, "[a.md]", more).resources[0].files
    assert file.chunking == {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 100}


def test_digests_come_only_when_asked_for(project: Project) -> None:
    project.write("a.md", b"abc")
    found = _compiled(project, "[a.md]")
    (digested,) = digest(found.root, found.resources)
    assert (found.resources[0].files[0].sha256, found.resources[0].files[0].size) == ("", 3)
    assert digested.files[0].sha256 == hashlib.sha256(b"abc").hexdigest()
    assert digested.address == found.resources[0].address


def test_a_document_that_is_gone_when_its_digest_is_due(project: Project) -> None:
    project.write("a.md", "Text.")
    found = _compiled(project, "[a.md]")
    (project.root / "a.md").unlink()
    with pytest.raises(DeployerError, match=r"a\.md cannot be read"):
        digest(found.root, found.resources)


def test_a_document_without_permission(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("a.md", "Text.").chmod(0)
    if os.geteuid() == 0:  # the superuser may read every file: let the system answer as to anybody else
        monkeypatch.setattr(os, "access", lambda path, mode: not (mode and str(path).endswith("/a.md")))
    project.manifest("vector_stores: {docs: {files: [a.md]}}\n")
    assert "a.md cannot be read; check its permissions" in project.run("validate").err


def test_settings_of_an_item_go_to_its_files(project: Project) -> None:
    for name in ("docs/a.md", "docs/b.md", "docs/drafts/c.md"):
        project.write(name, "Text.")
    more = "chunking: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 100}"
    item = "{path: docs/**, exclude: [drafts/, a.md], attributes: {year: 2030, region: 수원, draft: false}}"
    own = "{path: docs/a.md, chunking: {max_chunk_size_tokens: 100, chunk_overlap_tokens: 0}}"
    first, second = _compiled(project, f"[{item}, {own}]", more).resources[0].files
    assert (first.path, first.attributes, first.chunking) == (
        "docs/a.md",
        {},
        {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0},
    )
    assert (second.path, second.attributes, second.chunking) == (
        "docs/b.md",
        {"year": 2030, "region": "수원", "draft": False},
        {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 100},
    )


def test_excludes_of_an_included_file_are_relative_to_it(project: Project) -> None:
    for name in ("docs/a.md", "docs/b.md", "parts/docs/a.md", "parts/docs/b.md"):
        project.write(name, "Text.")
    items = "[{path: docs/*, exclude: [docs/a.md]}, {path: ../docs/*, exclude: [../docs/b.md]}]"
    project.write("parts/p.yaml", f"vector_stores: {{docs: {{files: {items}}}}}\n")
    project.manifest("include: [parts/p.yaml]\n")
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    assert [file.path for file in found.resources[0].files] == ["docs/a.md", "parts/docs/b.md"]


def test_documents_behind_urls(project: Project) -> None:
    filesystem = fsspec.filesystem("memory")
    for name in ("docs/b.md", "docs/a.md", "docs/drafts/c.md", "docs/.d.md"):
        filesystem.pipe_file(f"/plans/{name}", b"abc")
    try:
        found = _compiled(project, "[{path: memory://plans/docs/**, exclude: [drafts/], attributes: {year: 2030}}]")
        (digested,) = digest(found.root, found.resources)
    finally:
        filesystem.rm("/plans", recursive=True)
    assert [(file.path, file.source, file.size, file.sha256) for file in digested.files] == [
        (f"plans/docs/{name}", f"memory://plans/docs/{name}", 3, hashlib.sha256(b"abc").hexdigest())
        for name in ("a.md", "b.md")
    ]
    assert [file.attributes for file in digested.files] == [{"year": 2030}] * 2


def test_problems_with_what_urls_name(project: Project) -> None:
    filesystem = fsspec.filesystem("memory")
    for name, content in {"a.csv": b"1", "b.md": b"", "sub/c.md": b"x", "local.md": b"x"}.items():
        filesystem.pipe_file(f"/plans/{name}", content)
    project.write("plans/local.md", "Text.")
    urls = [f"memory://plans/{end}" for end in ("a.csv", "b.md", "none/*", "none.md", "sub", "local.md")]
    project.manifest(f"vector_stores: {{docs: {{files: [plans/local.md, {', '.join(urls)}]}}}}\n")
    try:
        found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    finally:
        filesystem.rm("/plans", recursive=True)
    assert [f"{problem.message}; {problem.remedy}".rstrip("; ") for problem in found.problems] == [
        "plans/a.csv: file search takes no .csv files; convert it (to .md, .txt, .pdf, .json …), or narrow the glob",
        "plans/b.md is empty; write something into it, or narrow the glob",
        "memory://plans/none/*: it matches no file; correct the URL, or add the documents",
        "memory://plans/none.md does not exist; correct the URL",
        "memory://plans/sub is a folder; write memory://plans/sub/** for all documents in it",
        "two files are called plans/local.md: plans/local.md and memory://plans/local.md; rename one",
    ]


def test_offline_nobody_is_asked_for_a_url(project: Project) -> None:
    project.manifest("vector_stores: {docs: {files: ['memory://no-such-bucket/a.md']}}\n")
    offline = compile_manifest(Path("assistants.yaml"), None, {}, {}, offline=True)
    assert (offline.problems, offline.resources[0].files) == ((), ())
    (problem,) = compile_manifest(Path("assistants.yaml"), None, {}, {}).problems
    assert "memory://no-such-bucket/a.md does not exist" in problem.message


def test_files_of_the_code_interpreter_come_in_the_manifests_order(project: Project) -> None:
    for name in ("data/b.csv", "data/a.csv", "more/a.csv"):
        project.write(name, "1,2")
    tool = "{type: code_interpreter, files: [more/a.csv, data/*, {path: more/*}]}"
    project.manifest(f"assistants: {{a: {{model: m, tools: [{tool}], protect: true}}}}\n")
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    (assistant,) = found.resources
    assert found.problems == ()
    assert [file.path for file in assistant.files] == ["more/a.csv", "data/a.csv", "data/b.csv"]
    assert assistant.attrs == {"model": "m", "tools": [{"type": "code_interpreter"}]}
    assert (assistant.protect, assistant.exclusive) == (True, False)


def test_protect_and_exclusive_are_no_attrs(project: Project) -> None:
    project.manifest("vector_stores: {docs: {name: Docs, protect: true, exclusive: true}}\n")
    (store,) = compile_manifest(Path("assistants.yaml"), None, {}, {}).resources
    assert (store.attrs, store.protect, store.exclusive) == ({"name": "Docs"}, True, True)


def test_a_document_that_goes_away_while_it_is_looked_at(tmp_path: Path) -> None:
    odd = GlobProblems(tmp_path)
    assert (knowledge._size(tmp_path / "gone.md", odd), odd.found) == (None, {})
    (tmp_path / "link.md").symlink_to("gone.md")
    assert (knowledge._size(tmp_path / "link.md", odd), list(odd.found)) == (None, [tmp_path / "link.md"])


def test_documents_that_cannot_be_seen_stay_on_the_account(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may look into every folder: let the system answer as to anybody else."""
    for name in ("docs/a.md", "docs/secret/b.md"):
        project.write(name, name)
    project.manifest("vector_stores: {docs: {files: [docs/**]}}\n")
    assert project.run("apply", "--yes").code == 0
    entries = os.scandir

    def listed(path: str | Path = ".") -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("/docs/secret"):
            raise PermissionError(EACCES, "Permission denied")
        return entries(path)

    said = "vector_store/docs.files[0]: docs/secret cannot be read: Permission denied; make it readable, or exclude it"
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", listed)
        for command in (["validate"], ["plan"], ["apply", "--yes"]):
            result = project.run(*command)
            assert (result.code, said in result.err) == (1, True)
        project.manifest("vector_stores: {docs: {files: [{path: docs/**, exclude: [secret/]}]}}\n")
        assert project.run("validate").code == 0
    project.manifest("vector_stores: {docs: {files: [docs/**]}}\n")
    assert project.run("plan", "--exit-code").code == 0


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are Unicode there")
def test_a_name_that_is_not_utf_8_is_refused_before_anything_is_sent(project: Project) -> None:
    project.write("docs/a.md", "Text.")
    project.write(os.fsdecode(b"docs/lat\xe9.md"), "Text.")
    project.manifest("vector_stores: {docs: {files: [docs/**]}}\n")
    for command in (["validate"], ["apply", "--yes"]):
        result = project.run(*command)
        assert result.code == 1
        assert r"files[0]: docs/lat\xe9.md has a name that is not UTF-8; rename it, or exclude it" in result.err
    project.manifest("vector_stores: {docs: {files: [{path: docs/**, exclude: ['lat*']}]}}\n")
    assert project.run("apply", "--yes").code == 0


def test_a_locked_document_of_any_size_is_never_sent(project: Project) -> None:
    """A small one is told by `validate`; one of many megabytes when it is read, before anything is sent."""
    project.write("a.md", b"\0GITCRYPT\0" + b"\x07" * 5_000)
    found = _compiled(project, "[a.md]")
    with pytest.raises(DeployerError, match=r"^a\.md is encrypted by git-crypt; run git-crypt unlock$"):
        digest(found.root, found.resources)
