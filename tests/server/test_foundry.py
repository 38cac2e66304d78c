"""Foundry's agents under /api/projects: the exact shapes of recorded traffic, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount, FoundrySwitches
from tests.server.support import Clock, settled, upload

ROOT = "/api/projects/demo"
V1 = {"api-version": "v1"}
PROMPT = {"kind": "prompt", "model": "gpt-6-luna"}


def post(api: TestClient, name: str, code: int = 200, **body: Any) -> Any:
    answer = api.post(f"{ROOT}/agents/{name}/versions", params=V1, json=body)
    assert answer.status_code == code, answer.text
    return answer.json()


def get(api: TestClient, path: str, **query: Any) -> Any:
    return api.get(f"{ROOT}/agents{path}", params=V1 | query).json()


def test_a_version_shows_what_was_sent_and_no_defaults(api: TestClient, clock: Clock) -> None:
    version = post(api, "MyAgent1", definition=PROMPT | {"instructions": "Answer.", "temperature": None})
    assert version == {
        "metadata": {},
        "object": "agent.version",
        "id": "MyAgent1:1",
        "name": "MyAgent1",
        "version": "1",
        "description": "",
        "created_at": int(clock()),
        "definition": {"kind": "prompt", "model": "gpt-6-luna", "instructions": "Answer."},
        "status": "active",
    }
    agent = get(api, "/MyAgent1")
    assert (agent["object"], agent["id"], agent["name"], agent["state"]) == ("agent", "MyAgent1", "MyAgent1", "enabled")
    assert agent["versions"] == {"latest": version}
    (rule,) = agent["agent_endpoint"]["version_selector"]["version_selection_rules"]
    assert rule == {"type": "FixedRatio", "agent_version": "@latest", "traffic_percentage": 100}


def test_a_list_ends_with_a_page_without_ids(api: TestClient) -> None:
    for number in range(3):
        post(api, "a", definition=PROMPT | {"instructions": str(number)})
    page = get(api, "/a/versions", limit=2)
    assert [one["id"] for one in page["data"]] == ["a:3", "a:2"]
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("a:3", "a:2", True)
    page = get(api, "/a/versions", after="a:2")
    assert (page["last_id"], page["has_more"]) == ("a:1", False)
    assert get(api, "/a/versions", after="a:1") == {"data": [], "has_more": False, "object": "list"}
    assert get(api, "", kind="hosted") == {"data": [], "has_more": False, "object": "list"}


def test_agents_belong_to_their_project_and_files_to_the_account(api: TestClient) -> None:
    post(api, "a", definition=PROMPT)
    assert api.get("/api/projects/other/agents", params=V1).json()["data"] == []
    file = upload(api, "a.md", b"text")
    assert api.get(f"{ROOT}/openai/v1/files/{file['id']}").json()["id"] == file["id"]


def test_numbers_go_up_and_the_last_version_takes_the_agent(api: TestClient) -> None:
    for number in range(2):
        post(api, "a", definition=PROMPT | {"instructions": str(number)})
    gone = api.delete(f"{ROOT}/agents/a/versions/2", params=V1).json()
    assert gone == {"object": "agent.version.deleted", "name": "a", "version": "2", "deleted": True}
    assert get(api, "/a")["versions"]["latest"]["version"] == "1"
    assert post(api, "a", definition=PROMPT)["version"] == "3"
    for number in (1, 3):
        assert api.delete(f"{ROOT}/agents/a/versions/{number}", params=V1).status_code == 200
    assert get(api, "/a")["error"]["code"] == "not_found"
    assert post(api, "a", definition=PROMPT)["version"] == "1"
    assert api.delete(f"{ROOT}/agents/a", params=V1).json() == {"object": "agent.deleted", "name": "a", "deleted": True}


@pytest.mark.parametrize(
    ("name", "body", "code", "error", "param"),
    (
        ("under_score", {"definition": PROMPT}, 400, "invalid_payload", "agent_name"),
        ("a" * 64, {"definition": PROMPT}, 400, "invalid_payload", "agent_name"),
        ("a", {}, 400, "invalid_payload", "definition"),
        ("a", {"definition": {"kind": "prompt"}}, 400, "invalid_payload", "definition.model"),
        ("a", {"definition": PROMPT | {"tools": [{"type": "x"}]}}, 400, "invalid_payload", "tools[0].type"),
        ("a", {"definition": PROMPT | {"parallel_tool_calls": True}}, 400, "invalid_payload", None),
        ("a", {"definition": PROMPT, "draft": True}, 403, "preview_feature_required", "Foundry-Features"),
        ("a", {"definition": {"kind": "workflow"}}, 403, "preview_feature_required", "Foundry-Features"),
        ("flow", {"definition": PROMPT}, 400, "bad_request", None),
    ),
)
def test_what_is_refused(  # noqa: PLR0917
    api: TestClient, name: str, body: dict[str, Any], code: int, error: str, param: str | None
) -> None:
    flow, preview = {"definition": {"kind": "workflow"}}, {"Foundry-Features": "WorkflowAgents=V1Preview"}
    api.post(f"{ROOT}/agents/flow/versions", params=V1, json=flow, headers=preview)
    found = post(api, name, code, **body)["error"]
    assert found["code"] == error
    assert param in (None, found["param"])
    assert found["additionalInfo"]["request_id"]


def test_where_the_version_of_the_api_is_needed_and_where_it_is_refused(api: TestClient) -> None:
    for query in ({}, {"api-version": "2024-01-01"}):
        assert api.get(f"{ROOT}/agents", params=query).status_code == 400
    refused = api.get(f"{ROOT}/openai/v1/files", params=V1)
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        400,
        "api-version query parameter is not allowed when using /v1 path",
    )
    assert api.post(f"{ROOT}/openai/v1/vector_stores/vs_1/search", json={"query": "x"}).status_code == 404


def test_a_response_of_an_agent(api: TestClient) -> None:
    post(api, "a", definition=PROMPT | {"instructions": "Answer."})
    reference = {"type": "agent_reference", "name": "a", "version": "1"}
    said = api.post(f"{ROOT}/openai/v1/responses", json={"input": "Hello", "agent_reference": reference}).json()
    assert (said["status"], said["model"], said["instructions"]) == ("completed", "gpt-6-luna", "Answer.")
    requests: tuple[tuple[Any, str], ...] = (
        ({"agent_reference": reference, "tools": []}, "Not allowed when agent is specified."),
        ({"agent_reference": {"name": "a"}}, "The supplied value is invalid."),
    )
    for body, message in requests:
        refused = api.post(f"{ROOT}/openai/v1/responses", json={"input": "Hello", **body})
        assert (refused.status_code, refused.json()["error"]["message"]) == (400, message)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[TestClient]:
    switches = FoundrySwitches(attributes=False)
    with EmbeddedAccount(tmp_path / "bare", foundry=switches) as account, TestClient(account.app) as client:
        yield client


def test_memberships_without_attributes(bare: TestClient) -> None:
    file, below = upload(bare, "a.md", b"text"), f"{ROOT}/openai/v1/vector_stores"
    store = bare.post(below, json={"metadata": {"attributes": "kept"}}).json()
    assert store["metadata"] == {"attributes": "kept"}
    made = bare.post(f"{below}/{store['id']}/files", json={"file_id": file["id"], "attributes": {"a": "b"}}).json()
    settled(bare, store["id"])
    (listed,) = bare.get(f"{below}/{store['id']}/files").json()["data"]
    assert "attributes" not in made
    assert "attributes" not in listed
    assert bare.get(f"/v1/vector_stores/{store['id']}/files/{file['id']}").json()["attributes"] == {}


@pytest.mark.parametrize("dedupe", ("off", "definition", "all"))
def test_what_makes_no_version(tmp_path: Path, dedupe: str) -> None:
    switches = FoundrySwitches(dedupe=dedupe)
    with EmbeddedAccount(tmp_path / "a", foundry=switches) as account, TestClient(account.app) as api:
        first, same, other = (post(api, "a", definition=PROMPT, metadata={"a": one}) for one in ("b", "b", "c"))
    expected = {"off": ("1", "2", "3"), "definition": ("1", "1", "1"), "all": ("1", "1", "2")}[dedupe]
    assert (first["version"], same["version"], other["version"]) == expected
