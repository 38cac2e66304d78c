"""Every example in the README and the docs is run: manifests are validated, commands are run or at least parsed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from deployer import cli
from deployer.functions.compatibility.difference import kinds_table
from deployer.functions.rules import rules_table
from tests.support.project import Project

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TUTORIAL = ROOT / "docs" / "tutorial.md"
"""Its manifests need the files that it has written before them: tests/test_tutorial.py runs it."""
SECRETS = ("OPENAI_API_KEY", "FOUNDRY_PROJECT_ENDPOINT", "FOUNDRY_TOKEN", "ASSISTANTS_KEY")
SECTIONS = {"version", "accounts", "assistants", "vector_stores", "variables", "include"}


FLEET = "fleet: {account: tenant, from: [{name: a, tier: canary, region: eu}, {name: b, tier: prod, region: eu}]}"


def yaml_blocks() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        if page == TUTORIAL:
            continue
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)):
            keys = set(yaml.safe_load(block))  # with `turns` it is a script, with `rules` below them jobs of GitLab
            if SECTIONS & keys and "turns" not in keys and not block.startswith("# .gitlab"):
                yield f"{page.name}-{number}", block


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            if re.match(r"(?: {4}|\s+- run: |\s+run: )deployer ", line):
                yield page.name, line.strip().removeprefix("- ").removeprefix("run: ")
    for path, command in leaves(cli.app, ()):
        for line in str(command.help).splitlines():
            if line.strip().startswith("deployer "):
                yield f"help of {' '.join(path)}", line.strip()


def leaves(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group of commands, with its words."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from leaves(inner, (*path, name))


def parse(command: click.Command, words: list[str]) -> None:
    """Parse the words of a command line down to its last command; UsageError when they are wrong."""
    context = command.make_context(words[0], words[1:])
    if isinstance(command, click.Group):
        inner = command.get_command(context, words[1])
        assert inner is not None, words
        parse(inner, words[1:])


@pytest.mark.parametrize(("name", "block"), tuple(yaml_blocks()), ids=lambda value: value if "-" in value[:40] else "")
def test_every_manifest_in_the_docs_is_valid(
    example: Project, monkeypatch: pytest.MonkeyPatch, name: str, block: str
) -> None:
    for secret in SECRETS:
        monkeypatch.setenv(secret, "https://example.invalid")
    text = block if re.search(r"^version:", block, re.MULTILINE) else f"version: 1\nproject: docs\n{block}"
    example.write("assistants.yaml", text)
    for account in [None, *(yaml.safe_load(text).get("accounts") or {})]:
        result = example.run("validate", *(["--account", account] if account else []))
        assert result.code == 0, f"{name}: {result.err}"


def test_there_are_examples() -> None:
    assert len(list(yaml_blocks())) >= 8
    assert len(list(commands())) >= 15


@pytest.mark.parametrize(("where", "line"), tuple(commands()))
def test_every_command_in_the_docs_works(
    example: Project, monkeypatch: pytest.MonkeyPatch, where: str, line: str
) -> None:
    """Run it on the example; what needs a live account, or never ends, is at least parsed."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    words = shlex.split(re.split(r"\s(?:&&|&|>|>>|\|)(?:\s|$)", line, maxsplit=1)[0], comments=True)[1:]
    parse(cli.app, ["deployer", *words])
    offline = words[0] in ("validate", "plan", "apply", "outputs") and ("openai" not in words or words[0] == "validate")
    if not offline and words[:2] != ["functions", "check"]:
        return
    if "--fleet" in words:
        text = (example.root / "assistants.yaml").read_text(encoding="utf-8")
        example.write(
            "assistants.yaml", text.replace("\naccounts:", f"\n{FLEET}\naccounts:\n  tenant: {{api: agents}}")
        )
    if words[0] == "outputs":
        assert example.run("apply", "--yes").code == 0
    if "--plan" in words:
        assert example.run("plan", "--out", words[words.index("--plan") + 1]).code == 0
    if "--expect" in words:
        words[words.index("--expect") + 1] = example.run("plan", "--format", "json").json()["fingerprint"]
    if words[0] == "apply" and "--yes" not in words:
        words.append("--yes")
    result = example.run(*words)
    assert result.code == (2 if "--exit-code" in words else 0), f"{where}: {result.err}"


def test_the_rules_are_documented_as_they_are() -> None:
    page = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
    assert rules_table() in page
    assert kinds_table() in page
