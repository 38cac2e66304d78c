"""Agents: resolved defaults, update semantics and errors of the beta."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

PATH = "/v1/agents"
BETA = {"openai-beta": "agents=v1"}
FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}


def post(api: TestClient, path: str, **body: Any) -> Any:
    answer = api.post(path, json=body, headers=BETA)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_is_left_out_is_resolved(api: TestClient) -> None:
    agent = post(api, PATH, model="gpt-6-luna")
    assert agent == {
        "id": agent["id"],
        "object": "agent",
        "created_at": agent["created_at"],
        "updated_at": agent["created_at"],
        "model": "gpt-6-luna",
        "name": None,
        "instructions": None,
        "metadata": {},
        "tools": [],
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "service_tier": "auto",
        "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
        "compaction": {"async": False},
        "experimental": {"time_awareness": False},
    }


def test_tools_get_their_defaults(api: TestClient) -> None:
    mcp = {"type": "mcp", "server_label": "s", "transport": {"type": "http", "server_url": "https://example.org"}}
    kinds = [FUNCTION, mcp, {"type": "web_search", "location": {"city": "수원"}}, {"type": "programmatic_tool_calling"}]
    function, server, web, calling = post(api, PATH, model="m", tools=kinds)["tools"]
    assert function == FUNCTION | {"defer_loading": False, "async": None}
    assert server["transport"] == {"type": "http", "server_url": "https://example.org", "headers": {}}
    assert (server["connection_origin"], server["required"], server["allowed_tools"]) == ("service", False, None)
    assert (web["context_size"], web["mode"], web["allowed_domains"]) == ("medium", "live", None)
    assert web["location"] == {"city": "수원", "country": None, "region": None, "timezone": None}
    assert calling["enabled"] is True


def test_update_replaces_what_is_given(api: TestClient) -> None:
    reasoning = {"effort": "low", "summary": "auto"}
    before = post(api, PATH, model="m", name="n", metadata={"a": "1"}, tools=[FUNCTION], reasoning=reasoning)
    after = post(api, f"{PATH}/{before['id']}", reasoning={"effort": "high"}, metadata={"b": "2"})
    assert after["reasoning"] == {"effort": "high", "summary": None}
    assert after["metadata"] == {"b": "2"}
    assert (after["name"], after["tools"]) == (before["name"], before["tools"])


def test_updated_at_moves(api: TestClient, clock: Any) -> None:
    agent = post(api, PATH, model="m")
    clock.ahead = 100
    after = post(api, f"{PATH}/{agent['id']}", name="n")
    assert after["updated_at"] >= agent["updated_at"] + 100
    assert after["created_at"] == agent["created_at"]


@pytest.mark.parametrize(
    ("field", "value"),
    (
        ("name", "n"),
        ("instructions", "i"),
        ("metadata", {"a": "b"}),
        ("tools", [FUNCTION]),
        ("reasoning", {"effort": "low"}),
        ("text", {"format": {"type": "json_schema", "schema": {"type": "object"}}, "verbosity": "low"}),
        ("service_tier", "flex"),
        ("multi_agent", {"enabled": True}),
        ("compaction", {"async": True}),
    ),
)
def test_null_resets(api: TestClient, field: str, value: Any) -> None:
    default = post(api, PATH, model="m")[field]
    agent = post(api, PATH, model="m", **{field: value})
    assert agent[field] != default
    assert post(api, f"{PATH}/{agent['id']}", **{field: None})[field] == default


def test_experimental_is_merged_and_cannot_be_null(api: TestClient) -> None:
    agent = post(api, PATH, model="m", experimental={"time_awareness": True})
    assert post(api, f"{PATH}/{agent['id']}", experimental={})["experimental"] == {"time_awareness": True}
    assert api.post(f"{PATH}/{agent['id']}", json={"experimental": None}, headers=BETA).status_code == 400


def test_subagents_have_a_default_number(api: TestClient) -> None:
    assert post(api, PATH, model="m", multi_agent={"enabled": True})["multi_agent"]["max_concurrent_subagents"] == 6


@pytest.mark.parametrize(
    ("body", "param"),
    (
        ({}, "model"),
        ({"model": None}, "model"),
        ({"model": "m", "temperature": 1}, "temperature"),
        ({"model": "m", "description": "d"}, "description"),
        ({"model": "m", "name": "n" * 129}, "name"),
        ({"model": "m", "tools": [{"type": "file_search"}]}, "tools[0].type"),
        ({"model": "m", "tools": [{"type": "function", "name": "f", "parameters": {}}]}, "tools[0].description"),
        ({"model": "m", "tools": [{"type": "function", "name": "f", "description": "d"}]}, "tools[0].parameters"),
        ({"model": "m", "tools": [FUNCTION | {"strict": True}]}, "tools[0].strict"),
        ({"model": "m", "tools": [FUNCTION | {"description": "d" * 3_200_000}]}, "tools"),
        ({"model": "m", "text": {"format": {"type": "json_object"}}}, "text.format.type"),
        ({"model": "m", "text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
    ),
)
def test_what_an_agent_cannot_have(api: TestClient, body: Any, param: str) -> None:
    answer = api.post(PATH, json=body, headers=BETA)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request_error"
    assert answer.json()["error"]["param"] == param
    assert api.get(PATH, headers=BETA).json()["data"] == []


@pytest.mark.parametrize("headers", ({}, {"openai-beta": "assistants=v2"}, {"openai-beta": "agents=v2"}))
def test_the_beta_must_be_asked_for(api: TestClient, headers: dict[str, str]) -> None:
    answer = api.get(PATH, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_beta"


def test_delete_and_what_is_not_there(api: TestClient) -> None:
    agent = post(api, PATH, model="m")
    path = f"{PATH}/{agent['id']}"
    gone = {"id": agent["id"], "object": "agent.deleted", "deleted": True}
    assert api.delete(path, headers=BETA).json() == gone
    for answer in (api.get(path, headers=BETA), api.post(path, json={}, headers=BETA), api.delete(path, headers=BETA)):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found_error"


def test_assistants_are_not_agents(api: TestClient) -> None:
    assistant = api.post("/v1/assistants", json={"model": "m"}).json()
    assert api.get(f"{PATH}/{assistant['id']}", headers=BETA).status_code == 404
    assert api.delete(f"{PATH}/{assistant['id']}", headers=BETA).status_code == 404
    assert api.get(f"/v1/assistants/{assistant['id']}").status_code == 200
