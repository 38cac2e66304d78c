"""Models: the dated table, what is said of a model in validate and plan, and what an account says when it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deployer import catalogue
from deployer.catalogue import SETTING, SHUT_DOWN, SHUTTING_DOWN, UNKNOWN
from deployer.engine import plan_json
from deployer.project import Project as Library
from deployer.project import models
from deployer.server.http import BackgroundServer
from tests.support.project import Project

DAY = date(2026, 11, 28)
KNOWN = catalogue.catalogue()
OPENAI = "accounts: {openai: {api: assistants, base_url: 'https://api.openai.com/v1', api_key: '${env.KEY}'%s}}\n"


def said(day: date = DAY, **attrs: Any) -> list[tuple[str, str]]:
    return [(one.rule, one.field) for one in catalogue.notes(attrs, KNOWN, day, "assistants")]


@pytest.mark.parametrize(
    ("attrs", "expected"),
    (
        ({"model": "gpt-6-luna"}, []),
        ({"model": "gpt-6-lunar"}, [(UNKNOWN, "model")]),
        ({"model": "gpt-4"}, [(SHUT_DOWN, "model")]),
        ({"model": "gpt-5"}, [(SHUTTING_DOWN, "model")]),
        ({"model": "gpt-5.1"}, []),
        ({"model": "ft:gpt-4o-2024-08-06:org:name:id"}, [(SHUTTING_DOWN, "model")]),
        ({"model": "gpt-6.2-sol", "temperature": 0.2, "top_p": 1}, [(SETTING, "temperature"), (SETTING, "top_p")]),
        ({"model": "gpt-6.2-astra", "reasoning_effort": "none"}, [(SETTING, "reasoning_effort")]),
        ({"model": "gpt-6.2-astra", "reasoning_effort": "low"}, []),
        ({"model": "gpt-6-luna", "temperature": 0.2}, []),
        ({"name": "no model"}, []),
        ({"model": "gpt-6.2-sol", "tools": [{"type": "function", "name": "f"}]}, [(SETTING, "tools")]),
        ({"model": "gpt-6-luna", "tools": [{"type": "function", "name": "f", "strict": True}]}, []),
        (
            {"model": "gpt-4", "tools": [{"type": "function", "name": "f", "strict": True}]},
            [(SHUT_DOWN, "model"), (SETTING, "tools")],
        ),
    ),
)
def test_what_is_said_of_a_model(attrs: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert said(**attrs) == expected


@pytest.mark.parametrize(
    ("day", "rule"),
    (
        (date(2026, 9, 11), None),
        (date(2026, 9, 12), SHUTTING_DOWN),
        (date(2026, 12, 10), SHUTTING_DOWN),
        (date(2026, 12, 11), SHUT_DOWN),
    ),
)
def test_ninety_days_before(day: date, rule: str | None) -> None:
    assert [one for one, _ in said(day, model="gpt-5")] == ([rule] if rule else [])


def test_the_sentences_name_replacement_date_and_source() -> None:
    (ending,) = catalogue.notes({"model": "gpt-5"}, KNOWN, DAY)
    assert f"{ending.message}; {ending.remedy}" == (
        "the model 'gpt-5' shuts down on 2026-12-11; its replacement is 'gpt-6.1-sol' (as of 2026-11-28; "
        "developers.openai.com/api/docs/deprecations, 2026-11-28)"
    )
    (unknown,) = catalogue.notes({"model": "gpt-6-lunar"}, KNOWN, DAY)
    assert unknown.remedy == "did you mean 'gpt-6-luna'?"
    (setting,) = catalogue.notes({"model": "gpt-6.2-sol", "temperature": 0}, KNOWN, DAY)
    assert setting.message.startswith(
        "the model 'gpt-6.2-sol' refuses temperature (developers.openai.com, guide of GPT-6.2"
    )


def test_every_row_of_the_table_has_a_source_and_replacements_that_are_known() -> None:
    assert len(KNOWN.models) > 100
    for name, facts in KNOWN.models.items():
        assert facts.source, name
        assert not facts.replacement or facts.replacement in KNOWN.models, name
        assert not facts.refuses or facts.refusal_source, name


def test_the_table_speaks_for_openai_alone() -> None:
    assert catalogue.speaks_for("https://api.openai.com/v1")
    assert catalogue.speaks_for("https://eu.api.openai.com/v1")
    assert not catalogue.speaks_for(None)
    assert not catalogue.speaks_for("http://127.0.0.1:8741/v1")
    assert not catalogue.speaks_for("https://api.openai.com.example.org/v1")


def manifest(project: Project, model: str, account: str = OPENAI % "", **more: str) -> None:
    fields = "".join(f"    {name}: {value}\n" for name, value in more.items())
    project.manifest(f"{account}assistants:\n  tutor:\n    model: {model}\n{fields}")


def test_validate_warns_at_the_field_and_the_manifest_may_know_better(project: Project) -> None:
    manifest(project, "gpt-4", temperature="0.5")
    result = project.run("validate", "--account", "openai", "--format", "json")
    assert result.code == 0
    (problem,) = [one for one in result.json()["problems"] if (one["rule"] or "").startswith("model-")]
    assert (problem["rule"], problem["address"], problem["severity"]) == (SHUT_DOWN, "assistant/tutor.model", "warning")
    assert (
        problem["line"]
        == (project.root / "assistants.yaml").read_text("utf-8").split("\n").index("    model: gpt-4") + 1
    )
    assert "model-" not in project.run("validate", "--account", "embedded", "--format", "json").out
    manifest(
        project, "gpt-6.2-sol", OPENAI % ", models: {gpt-6.2-sol: {takes: [temperature]}}", temperature="0.5", top_p="1"
    )
    rules = [
        one["address"]
        for one in project.run("validate", "--account", "openai", "--format", "json").json()["problems"]
        if one["rule"]
    ]
    assert rules == ["assistant/tutor.top_p"]
    manifest(project, "mine", OPENAI % ", models: {mine: {shutdown: '2020-01-01'}}")
    assert "was shut down on 2020-01-01" in project.run("validate", "--account", "openai").err


def test_fail_on_a_shutdown(project: Project) -> None:
    manifest(project, "gpt-4")
    validate = ("validate", "--account", "openai")
    stopped = project.run(*validate, "--fail-on", "model-shutdown=0")
    assert stopped.code == 1
    assert "models shut down within 0 days: assistant/tutor uses gpt-4, 2026-10-23; choose another model" in stopped.err
    manifest(project, "gpt-6-luna")
    assert project.run(*validate, "--fail-on", "model-shutdown=10000").code == 0
    assert project.run(*validate, "--fail-on", "breaking").code == 64
    assert project.run(*validate, "--fail-on", "model-shutdown=soon").code == 64
    manifest(project, "gpt-4", "")
    assert project.run("validate", "--fail-on", "model-shutdown=10000").code == 0, "the embedded account takes it"
    assert project.run("plan", "--fail-on", "model-shutdown=10000", "--fail-on", "breaking").code == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BackgroundServer]:
    with BackgroundServer(tmp_path / "elsewhere") as running:
        yield running


def test_an_account_is_asked(project: Project, server: BackgroundServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "k")
    there = f"accounts: {{there: {{api: assistants, base_url: '{server.base_url}', api_key: '${{env.KEY}}'}}}}\n"
    manifest(project, "gpt-6-lunar", there)
    offline = project.run("validate", "--account", "there")
    assert (offline.code, offline.err) == (0, "")
    asked = project.run("validate", "--account", "there", "--online")
    assert asked.code == 0
    assert "assistant/tutor.model: warning: " in asked.err or "warning: assistant/tutor.model: " in asked.err
    assert "the model 'gpt-6-lunar' is not known" in asked.err
    assert "did you mean 'gpt-6-luna'?" in asked.err
    manifest(project, "gpt-4", there)
    assert "was shut down on 2026-10-23" in project.run("validate", "--account", "there", "--online").err
    manifest(project, "anything", "")
    assert project.run("validate", "--online").err == ""


def test_in_the_plan_beside_the_model_and_no_part_of_its_fingerprint(
    project: Project, server: BackgroundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "k")
    monkeypatch.setattr(catalogue, "speaks_for", lambda base_url: base_url is not None)
    there = f"accounts: {{there: {{api: assistants, base_url: '{server.base_url}', api_key: '${{env.KEY}}'}}}}\n"
    manifest(project, "gpt-4", there)
    lines = project.run("plan", "--account", "there").out.split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith("+ assistant/tutor"))
    assert any("! the model 'gpt-4' was shut down on 2026-10-23" in line for line in lines[place:])
    assert not any("shut down" in line for line in lines[:place])
    found = Library.load(project.root / "assistants.yaml", account="there").plan()
    assert [one.rule for one in found.problems] == [SHUT_DOWN]
    monkeypatch.setattr(models, "today", lambda: date(2020, 1, 1))
    earlier = Library.load(project.root / "assistants.yaml", account="there").plan()
    assert earlier.problems == ()
    assert plan_json.fingerprint(earlier) == plan_json.fingerprint(found)
    assert project.run("plan", "--account", "there", "--fail-on", "model-shutdown=0").code == 0
