"""Documents of a store: their names, their order, their digests."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from pathlib import Path

import pytest

from deployer.errors import DeployerError
from deployer.manifest import Manifest, compile_manifest, digest
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
        monkeypatch.setattr(os, "access", lambda path, mode: not (mode and path.name == "a.md"))
    project.manifest("vector_stores: {docs: {files: [a.md]}}\n")
    assert "a.md cannot be read; check its permissions" in project.run("validate").err
