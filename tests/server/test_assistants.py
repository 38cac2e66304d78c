"""Assistants: resolved defaults, update semantics and limits."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.server.support import made, refused, settled, upload

PATH = "/v1/assistants"
FUNCTION = {"type": "function", "function": {"name": "f"}}


def test_what_is_left_out_is_resolved(api: TestClient) -> None:
    assistant = made(api, PATH, model="gpt-6-luna")
    assert assistant == {
        "id": assistant["id"],
        "object": "assistant",
        "created_at": assistant["created_at"],
        "model": "gpt-6-luna",
        "name": None,
        "description": None,
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "reasoning_effort": None,
    }
    assert len(assistant["id"].removeprefix("asst_")) == 24
    assert api.get(f"{PATH}/{assistant['id']}").json() == assistant


def test_tools_get_their_defaults(api: TestClient) -> None:
    tools = made(api, PATH, model="m", tools=[FUNCTION, {"type": "file_search"}])["tools"]
    assert tools[0]["function"] == {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}
    assert tools[1]["file_search"] == {"ranking_options": ranking}


def test_the_order_of_a_schema_is_kept(api: TestClient) -> None:
    properties = {name: {"type": "string"} for name in ("z", "a", "m")}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": properties}}}
    assistant = made(api, PATH, model="m", tools=[tool])
    shown = api.get(f"{PATH}/{assistant['id']}").json()["tools"][0]["function"]["parameters"]
    assert list(shown["properties"]) == ["z", "a", "m"]
    assert list(shown) == ["type", "properties"]


def test_update_changes_what_is_given_only(api: TestClient) -> None:
    before = made(api, PATH, model="m", name="가", temperature=0.3, metadata={"a": "1", "b": "2"}, tools=[FUNCTION])
    after = made(api, f"{PATH}/{before['id']}", metadata={"c": "3"})
    assert after == before | {"metadata": {"c": "3"}}
    assert made(api, f"{PATH}/{before['id']}", tools=[])["tools"] == []


@pytest.mark.parametrize(
    ("field", "value", "default"),
    (
        ("name", "n", None),
        ("description", "d", None),
        ("instructions", "i", None),
        ("metadata", {"a": "b"}, {}),
        ("temperature", 0.1, 1.0),
        ("top_p", 0.1, 1.0),
        ("response_format", {"type": "text"}, "auto"),
        ("reasoning_effort", "low", None),
    ),
)
def test_null_resets(api: TestClient, field: str, value: Any, default: Any) -> None:
    assistant = made(api, PATH, model="m", **{field: value})
    assert assistant[field] == value
    assert made(api, f"{PATH}/{assistant['id']}", **{field: None})[field] == default


def test_the_vector_stores_helper_makes_a_real_store(api: TestClient) -> None:
    file_id = upload(api)["id"]
    resources = {"file_search": {"vector_stores": [{"file_ids": [file_id], "metadata": {"a": "b"}}]}}
    assistant = made(api, PATH, model="m", tools=[{"type": "file_search"}], tool_resources=resources)
    [store_id] = assistant["tool_resources"]["file_search"]["vector_store_ids"]
    store = settled(api, store_id)
    assert store["file_counts"]["completed"] == 1
    assert store["metadata"] == {"a": "b"}


def test_resources_are_replaced_one_tool_at_a_time(api: TestClient) -> None:
    file_id, store_id = upload(api)["id"], made(api, "/v1/vector_stores")["id"]
    resources = {"code_interpreter": {"file_ids": [file_id]}, "file_search": {"vector_store_ids": [store_id]}}
    assistant = made(api, PATH, model="m", tool_resources=resources)
    assert assistant["tool_resources"] == resources
    detached: Any = {"file_search": {"vector_store_ids": []}}
    assert made(api, f"{PATH}/{assistant['id']}", tool_resources=detached)["tool_resources"] == resources | detached
    assert made(api, f"{PATH}/{assistant['id']}", tool_resources=None)["tool_resources"] == {}


def test_a_code_interpreter_shows_its_files_as_long_as_it_is_there(api: TestClient) -> None:
    assistant = made(api, PATH, model="m", tools=[{"type": "code_interpreter"}])
    assert assistant["tool_resources"] == {"code_interpreter": {"file_ids": []}}
    assert made(api, f"{PATH}/{assistant['id']}", tools=[])["tool_resources"] == {}


@pytest.mark.parametrize(
    ("body", "param", "code", "message"),
    (
        ({}, "model", "missing_required_parameter", "Missing required parameter: 'model'."),
        ({"model": None}, "model", "invalid_type",
         "Invalid type for 'model': expected a string, but got null instead."),
        ({"model": "m", "nam": "x"}, "nam", "unknown_parameter", "Unknown parameter: 'nam'. Did you mean 'name'?"),
        ({"model": "m", "name": "n" * 257}, "name", "string_above_max_length",
         ("Invalid 'name': string too long. Expected a string with maximum length 256, "
          "but got a string with length 257 instead.")),
        ({"model": "m", "description": "n" * 513}, "description", "string_above_max_length", None),
        ({"model": "m", "instructions": "n" * 256_001}, "instructions", "string_above_max_length", None),
        ({"model": "m", "tools": [FUNCTION] * 129}, "tools", "array_above_max_length",
         ("Invalid 'tools': array too long. Expected an array with maximum length 128, "
          "but got an array with length 129 instead.")),
        ({"model": "m", "temperature": -1}, "temperature", "decimal_below_min_value",
         "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead."),
        ({"model": "m", "top_p": 1.5}, "top_p", "decimal_above_max_value", None),
        ({"model": "m", "tools": [{"type": "retrieval"}]}, "tools[0].type", "invalid_value",
         ("Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'. "
          "It is called 'file_search' in v2, and searches the vector stores of 'tool_resources'.")),
        ({"model": "m", "tools": [{}]}, "tools[0].type", "missing_required_parameter", None),
        ({"model": "m", "tools": [{"type": "function", "function": {}}]}, "tools[0].function.name",
         "missing_required_parameter", "Missing required parameter: 'tools[0].function.name'."),
        ({"model": "m", "tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name",
         "invalid_value", ("Invalid 'tools[0].function.name': string does not match pattern. Expected a string that "
                           "matches the pattern '^[a-zA-Z0-9_-]+$'.")),
        ({"model": "m", "tools": [{"type": "function", "function": {"name": "n" * 65}}]}, "tools[0].function.name",
         "string_above_max_length", None),
        ({"model": "m", "tools": [{"type": "file_search", "file_search": {"max_num_results": 51}}]},
         "tools[0].file_search.max_num_results", "integer_above_max_value", None),
        ({"model": "m", "metadata": {str(n): "x" for n in range(17)}}, "metadata", "object_above_max_properties", None),
        ({"model": "m", "metadata": {"k" * 65: "x"}}, "metadata", "property_name_above_max_length", None),
        ({"model": "m", "metadata": {"k": "x" * 513}}, "metadata.k", "string_above_max_length", None),
        ({"model": "m", "metadata": {"k": 1}}, "metadata.k", "invalid_type", None),
        ({"model": "m", "response_format": "json"}, "response_format", "invalid_value", None),
        ({"model": "m", "response_format": {"type": "json_schema"}}, "response_format.json_schema",
         "missing_required_parameter", None),
        ({"model": "m", "tool_resources": {"code_interpreter": {"file_ids": ["f"] * 21}}},
         "tool_resources.code_interpreter.file_ids", "array_above_max_length", None),
        ({"model": "m", "tool_resources": {"file_search": {"vector_store_ids": ["a", "b"]}}},
         "tool_resources.file_search.vector_store_ids", "array_above_max_length", None),
    ),
)  # fmt: skip
def test_limits(api: TestClient, body: Any, param: str, code: str, message: str | None) -> None:
    error = refused(api, PATH, body)
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
    assert message in (None, error["message"])
    assert api.get(PATH).json()["data"] == []


def test_the_helper_is_for_create_only(api: TestClient) -> None:
    assistant = made(api, PATH, model="m")
    error = refused(api, f"{PATH}/{assistant['id']}", {"tool_resources": {"file_search": {"vector_stores": []}}})
    assert error["param"] == "tool_resources.file_search.vector_stores"


@pytest.mark.parametrize(
    "resources",
    ({"code_interpreter": {"file_ids": ["file-no"]}}, {"file_search": {"vector_store_ids": ["vs_no"]}}),
)
def test_resources_must_exist(api: TestClient, resources: Any) -> None:
    answer = api.post(PATH, json={"model": "m", "tool_resources": resources})
    assert answer.status_code == 404
    assert api.get(PATH).json()["data"] == []


def test_what_is_not_there(api: TestClient) -> None:
    for answer in (api.get(f"{PATH}/asst_no"), api.post(f"{PATH}/asst_no", json={}), api.delete(f"{PATH}/asst_no")):
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == "No assistant found with id 'asst_no'."
