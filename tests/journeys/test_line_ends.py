"""A checkout with other line ends: the plan says that nothing but these would be sent."""

from __future__ import annotations

import pytest

from tests.support.project import Project

STORE = "vector_stores: {docs: {files: [docs/*.md]}}\n"
SAID = "would be sent for other line ends alone"


@pytest.mark.parametrize(("first", "then"), ((b"one\ntwo\n", b"one\r\ntwo\r\n"), (b"one\r\ntwo\r\n", b"one\ntwo\n")))
def test_a_plan_says_so(project: Project, first: bytes, then: bytes) -> None:
    for name in ("a", "b"):
        project.write(f"docs/{name}.md", first + name.encode())
    project.manifest(STORE)
    assert project.run("apply", "--yes").code == 0
    project.write("docs/a.md", then + b"a")
    project.write("docs/b.md", then + b"b and more")
    result = project.run("plan")
    assert f"vector_store/docs.files: 1 document {SAID}: docs/a.md; put '* text=auto eol=lf'" in result.out
    project.write("docs/a.md", first + b"a")
    assert SAID not in project.run("plan").out


def test_what_init_writes_keeps_line_ends(project: Project) -> None:
    assert project.run("init", "--template", "knowledge").code == 0
    assert "* text=auto eol=lf\n" in (project.root / ".gitattributes").read_text()
