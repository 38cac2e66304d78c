"""What conversations refuse, case by case: status, message, param and code as the API has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from tests.server.support import made, until

SAYS: dict[str, Any] = {"role": "user", "content": "Hello?"}
RUN: dict[str, Any] = {"assistant_id": "{assistant}"}
# Requests that are answered as they are: what is posted where.
ANSWERED: dict[str, tuple[str, dict[str, Any]]] = {
    "responses": ("responses", {"model": "gpt-6-luna", "input": "Hello?"}),
    "threads": ("threads", {}),
    "messages": ("threads/{thread}/messages", SAYS),
    "runs": ("threads/{thread}/runs", RUN),
    "runs_with_threads": ("threads/runs", RUN),
    "conversations": ("conversations", {}),
}
CASES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "refusals" / "conversations.yaml").read_text("utf-8"))


@dataclass(frozen=True)
class Place:
    """An account for all cases, since a refusal changes nothing; `ids` are those of what is there."""

    api: TestClient
    ids: dict[str, str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with EmbeddedAccount(tmp_path_factory.mktemp("refusals")) as account, TestClient(account.app) as api:
        assistant = made(api, "/v1/assistants", model="m", instructions="Answer.")["id"]
        thread = made(api, "/v1/threads", messages=[SAYS])["id"]
        run = made(api, f"/v1/threads/{thread}/runs", assistant_id=assistant)["id"]
        until(lambda: api.get(f"/v1/threads/{thread}/runs/{run}").json()["status"] == "completed")
        conversation = made(api, "/v1/conversations")["id"]
        ids = {"assistant": assistant, "thread": thread, "run": run, "conversation": conversation}
        yield Place(api, ids)


@pytest.mark.parametrize(("kind", "case"), [(kind, case) for kind, cases in CASES.items() for case in cases])
def test_what_is_wrong_is_refused(place: Place, kind: str, case: dict[str, Any]) -> None:
    path, whole = ANSWERED[kind]
    changed = {name: value for name, value in whole.items() if name not in case.get("without", ())}
    filled = {name: place.ids["assistant"] if value == "{assistant}" else value for name, value in changed.items()}
    answer = place.api.post(f"/v1/{path.format(**place.ids)}", json=filled | case.get("with", {}))
    error = answer.json()["error"]
    start, more, _ = case["message"].partition("…")
    said = error["message"][: len(start)] if more else error["message"]
    assert (answer.status_code, error["type"]) == (case.get("status", 400), "invalid_request_error")
    assert (said, error["param"], error["code"]) == (start, case["param"], case["code"])


@pytest.mark.parametrize("kind", ANSWERED)
def test_the_rest_of_each_request_is_answered(place: Place, kind: str) -> None:
    path, whole = ANSWERED[kind]
    body = whole | ({"assistant_id": place.ids["assistant"]} if whole is RUN else {})
    thread = made(place.api, "/v1/threads", messages=[SAYS])["id"]
    assert place.api.post(f"/v1/{path.format(**place.ids | {'thread': thread})}", json=body).status_code == 200


def test_a_message_that_is_too_long(place: Place) -> None:
    answer = place.api.post(f"/v1/threads/{place.ids['thread']}/messages", json=SAYS | {"content": "x" * 256_001})
    assert answer.json()["error"]["code"] == "string_above_max_length"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    (
        ("threads/{thread}", {"messages": []}, "Unknown parameter: 'messages'."),
        ("threads/{thread}/runs/{run}", {"status": "x"}, "Unknown parameter: 'status'."),
        ("threads/{thread}/runs/{run}/cancel", {}, "Cannot cancel run with status 'completed'."),
        ("threads/{thread}/runs/{run}/submit_tool_outputs", {}, "Missing required parameter: 'tool_outputs'."),
        (
            "threads/{thread}/runs/{run}/submit_tool_outputs",
            {"tool_outputs": []},
            'Runs in status "completed" do not accept tool outputs.',
        ),
        ("threads/{thread}/runs/run_x/cancel", {}, "No run found with id 'run_x'."),
        ("threads/{thread}/runs/run_x/submit_tool_outputs", {"tool_outputs": []}, "No run found with id 'run_x'."),
        ("threads/thread_x/runs", {"assistant_id": "asst_x"}, "No thread found with id 'thread_x'."),
        ("threads/thread_x/messages", SAYS, "No thread found with id 'thread_x'."),
        ("threads/{thread}/messages/msg_x", {}, "No message found with id 'msg_x'."),
        ("conversations/{conversation}", {}, "Missing required parameter: 'metadata'."),
        ("conversations/conv_x/items", {"items": []}, "Conversation with id 'conv_x' not found."),
        ("responses/resp_x/cancel", {}, "Response with id 'resp_x' not found."),
        ("responses/compact", {"input": "x"}, "Missing required parameter: 'model'."),
        ("responses/input_tokens", {"input": 7}, "Invalid type for 'input': expected one of a string or array of "),
    ),
)
def test_what_else_is_posted(place: Place, path: str, body: Any, message: str) -> None:
    answer = place.api.post(f"/v1/{path.format(**place.ids)}", json=body)
    assert answer.status_code == (404 if " found" in message else 400)
    assert answer.json()["error"]["message"].startswith(message)


@pytest.mark.parametrize(
    ("path", "name", "value", "prefix"),
    (
        ("threads/undefined", "thread_id", "undefined", "thread"),
        ("threads/thread_x/runs/step_x", "run_id", "step_x", "run"),
        ("threads/thread_x/messages/1", "message_id", "1", "msg"),
        ("assistants/Ada", "assistant_id", "Ada", "asst"),
        ("responses/1", "response_id", "1", "resp"),
        ("conversations/1/items", "conversation_id", "1", "conv"),
    ),
)
def test_ids_of_another_kind(place: Place, path: str, name: str, value: str, prefix: str) -> None:
    answer = place.api.get(f"/v1/{path}")
    wanted = {"message": f"Invalid '{name}': '{value}'. Expected an ID that begins with '{prefix}'."}
    wanted |= {"type": "invalid_request_error", "param": name, "code": "invalid_value"}
    assert (answer.status_code, answer.json()["error"]) == (400, wanted)


@pytest.mark.parametrize(
    "path",
    (
        "threads/{thread}/messages",
        "threads/{thread}/runs",
        "threads/{thread}/runs/{run}/steps",
        "conversations/{conversation}/items",
    ),
)
@pytest.mark.parametrize(
    ("query", "status", "message"),
    (
        ({"limit": "0"}, 400, "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 "),
        ({"limit": "101"}, 400, "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 "),
        ({"limit": "x"}, 400, "Invalid type for 'limit': expected an integer, but got a string instead."),
        ({"order": "x"}, 400, "Invalid value: 'x'. Supported values are: 'asc' and 'desc'."),
        ({"after": "msg_x"}, 404, "No object found with id 'msg_x'."),
    ),
)
def test_pages(place: Place, path: str, query: dict[str, str], status: int, message: str) -> None:
    answer = place.api.get(f"/v1/{path.format(**place.ids)}", params=query)
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(message)
