"""Projects in folders of their own, each with an embedded account."""

from __future__ import annotations

from pathlib import Path

from deployer import Project

DOCS = """
vector_stores: {docs: {files: [docs/*]}}
assistants: {tutor: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}
"""
ADDRESSES = ("assistant/tutor", "vector_store/docs")


def write(folder: Path, text: str = DOCS, *, project: str = "test") -> Path:
    """Write a project with one document; return its manifest."""
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    (folder / "docs" / "a.md").write_text(f"# {project}\n", encoding="utf-8")
    manifest = folder / "assistants.yaml"
    manifest.write_text(f"version: 1\nproject: {project}\n{text}", encoding="utf-8")
    return manifest


def library(folder: Path, text: str = DOCS) -> Project:
    return Project.load(write(folder, text))


def several(root: Path, count: int) -> list[Project]:
    """Return so many projects, each in a folder and with an account of its own."""
    names = [f"p{number}" for number in range(count)]
    return [Project.load(write(root / name, project=name)) for name in names]
