"""Schemas are refused where production refuses them: strict ones at once, others when a run begins, in its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
import yaml
from starlette.testclient import TestClient

from deployer.functions.check import check_function
from deployer.model import Severity
from deployer.server import schemas
from deployer.server.wire import ApiError
from tests.server.support import made, refused
from tests.server.talk import talking

PATH = "/v1/assistants"
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
CLOSED = {**OPEN, "additionalProperties": False}
LOOKS = {**CLOSED, "properties": {"a": {"type": "string", "pattern": "(?=x)"}}}
CASES = [
    case
    for file in sorted((Path(__file__).parents[1] / "cases" / "functions").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text(encoding="utf-8"))
    if "parameters" in case
]


def tool(parameters: Any, *, strict: bool | None = None) -> Any:
    function = {"name": "f", "parameters": parameters, **({} if strict is None else {"strict": strict})}
    return {"type": "function", "function": function}


def test_a_strict_function_is_refused_at_once(api: TestClient) -> None:
    error = refused(api, PATH, {"model": "m", "tools": [{"type": "file_search"}, tool(OPEN, strict=True)]})
    assert error == {
        "message": "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied "
        "and to be false.",
        "type": "invalid_request_error",
        "param": "tools[1].function.parameters",
        "code": "invalid_function_parameters",
    }
    assistant = made(api, PATH, model="m", tools=[tool(CLOSED, strict=True)])
    again = refused(api, f"{PATH}/{assistant['id']}", {"tools": [tool(OPEN, strict=True)]})
    assert again["param"] == "tools[0].function.parameters"
    assert api.get(f"{PATH}/{assistant['id']}").json() == assistant


def test_a_strict_function_without_parameters(api: TestClient) -> None:
    """Recorded."""
    function = {"type": "function", "function": {"name": "f", "strict": True}}
    error = refused(api, PATH, {"model": "m", "tools": [function]})
    assert "'additionalProperties' is required to be supplied and to be false." in error["message"]


def test_lookaround_names_the_whole_list(api: TestClient) -> None:
    error = refused(api, PATH, {"model": "m", "tools": [tool(LOOKS, strict=True)]})
    assert (error["param"], error["code"]) == ("tools", "invalid_json_schema")
    assert error["message"] == (
        "Invalid JSON schema: regex lookaround is not supported. Found at $.properties.a.pattern."
    )


def test_a_strict_response_format_is_refused_at_once(api: TestClient) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": OPEN, "strict": True}}
    error = refused(api, PATH, {"model": "m", "response_format": form})
    assert (error["param"], error["code"]) == ("response_format", None)
    assert error["message"].startswith("Invalid schema for response_format 'answer': In context=(), ")
    form["json_schema"] = {"name": "answer", "schema": OPEN}
    made(api, PATH, model="m", response_format=form)


def test_another_function_is_refused_when_a_run_begins(tmp_path: Path) -> None:
    bad = tool({"type": "object", "properties": {"a": {"type": "array"}}})
    with talking(tmp_path) as talk:
        assistant, thread = talk.assistant(tools=[bad]), talk.thread("Hello.")
        with pytest.raises(openai.BadRequestError) as caught:
            talk.client.beta.threads.runs.create(thread, assistant_id=assistant)
        body: Any = caught.value.body
        assert body["message"] == (
            "Invalid schema for function 'f': In context=('properties', 'a'), array schema missing items."
        )
        assert (body["param"], body["code"]) == ("tools[0].function.parameters", "invalid_function_parameters")
        assert talk.client.beta.threads.runs.list(thread).data == []
        with pytest.raises(openai.BadRequestError):
            talk.client.beta.threads.runs.create(thread, assistant_id=talk.assistant(), tools=[bad])


@pytest.mark.parametrize("strict", (False, True))
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["about"]))
def test_the_account_refuses_exactly_what_the_rules_call_an_error(case: dict[str, Any], *, strict: bool) -> None:
    function = {"name": "f", "description": "d", "parameters": case["parameters"], "strict": strict}
    wrong = [one for one in check_function(function, "responses") if one.severity is Severity.ERROR]
    said: list[str | None] = [one.says or f"Invalid schema: {one.message}." for one in wrong]
    assert _refused([{"type": "function", **function}]) in (said or [None])


def _refused(tools: list[Any]) -> str | None:
    try:
        schemas.refuse_tools(tools, "tools", "responses")
    except ApiError as error:
        return error.message
    return None
