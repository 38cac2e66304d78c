"""Knowledge on agents, which have no file_search: a function that an application answers with one call."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from openai import OpenAI

from deployer import Project as Library
from deployer import search_knowledge
from deployer.server import BackgroundServer
from tests.support.project import Project

MANIFEST = """
accounts:
  live: {{api: agents{place}, knowledge_as: function}}
vector_stores:
  docs: {{files: [docs/*.md]}}
assistants:
  tutor:
    model: gpt-6-luna
    tools:
      - {{type: file_search, vector_stores: [docs], max_num_results: 8}}
      - {{type: function, name: {name}, description: Show it., parameters: {{type: object, properties: {{}}}}}}
"""


@pytest.fixture
def school(project: Project) -> Project:
    project.write("docs/bread.md", "Bread is made of flour.")
    project.manifest(MANIFEST.format(place="", name="show"))
    return project


def run(project: Project, *command: str, code: int = 0) -> str:
    result = project.run(*command, "--account", "live")
    assert result.code == code, f"{command}\n{result.out}\n{result.err}"
    return result.out + result.err


def test_a_function_stands_in_its_place_and_nothing_is_lost(school: Project) -> None:
    assert "not sent" not in run(school, "validate")
    run(school, "apply", "--yes")
    run(school, "plan", "--exit-code")
    data = json.loads(run(school, "plan", "--format", "json"))
    assert [one["action"] for one in data["changes"]] == ["no-op", "no-op"]
    school.manifest(MANIFEST.format(place="", name="show").replace(", knowledge_as: function", ""))
    assert "or say knowledge_as: function at the account" in run(school, "plan")


def test_a_function_of_the_same_name_is_an_error(school: Project) -> None:
    school.manifest(MANIFEST.format(place="", name="search_knowledge"))
    assert "it declares one of that name: rename it" in run(school, "validate", code=1)


def test_an_application_answers_it_with_one_call(school: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with BackgroundServer(school.root / "served") as server:
        monkeypatch.setenv("SERVED", server.base_url)
        place = ', base_url: "${env.SERVED}", api_key: "${env.SERVED}"'
        school.manifest(MANIFEST.format(place=place, name="show"))
        run(school, "apply", "--yes")
        store = Library.load(school.root / "assistants.yaml", account="live").outputs()["vector_store/docs"]
        client = OpenAI(base_url=server.base_url, api_key="any")
        (agent,) = client.beta.agents.list()
        assert [tool.name for tool in agent.tools if tool.type == "function"] == ["search_knowledge", "show"]
        found = json.loads(search_knowledge(client, [store], '{"query": "bread"}'))
        assert found == [{"source": "bread.md", "text": "Bread is made of flour."}]
        for wrong in ("{", "[]", '{"query": 1}', '{"query": " "}', "{}"):
            assert json.loads(search_knowledge(client, [store], wrong)) == {"error": "query must be text"}


def test_chat_answers_it_itself(school: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [{"call": "search_knowledge", "arguments": {"query": "bread"}}, {"text": "Flour."}]
    school.write("script.yaml", json.dumps({"version": 1, "turns": [{"times": "any", "answers": answers}]}))
    run(school, "apply", "--yes")
    monkeypatch.setattr(sys, "stdin", io.StringIO("Bread?\n"))
    said = run(school, "chat", "assistant/tutor", "--script", "script.yaml")
    assert "Bread is made of flour." in said
    assert "failed" not in said
