"""The upstream with a real, small model behind it (`make model`): not what it says counts, but how it comes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from deployer.server import Upstream
from tests.server.talk import FUNCTION, SEARCH, Talk, talking

URL = os.environ.get("DEPLOYER_MODEL_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="a real model is only tried by `make model`")
FEW: dict[str, Any] = {"max_output_tokens": 24, "temperature": 0.0}


class City(BaseModel):
    name: str
    is_large: bool


@pytest.fixture(name="talk", params=("auto", "json"))
def _talk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Talk]:
    with talking(tmp_path, answers=Upstream(URL, calls=request.param)) as talk:
        talk.client = talk.client.with_options(timeout=300)
        yield talk


def test_an_answer_comes_in_pieces_and_has_its_usage(talk: Talk) -> None:
    events = list(talk.client.responses.create(model="gpt-6-luna", input="Name a colour.", stream=True, **FEW))
    assert len([event for event in events if event.type == "response.output_text.delta"]) > 1
    end = events[-1]
    assert end.type in ("response.completed", "response.incomplete")
    usage = getattr(end, "response").usage  # noqa: B009 (the end is one of two types)
    assert usage.output_tokens > 0


def test_a_run_of_an_assistant_ends_at_its_limit_or_by_itself(talk: Talk) -> None:
    thread = talk.thread("Say hello.")
    runs = talk.client.beta.threads.runs
    run = runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant(), max_completion_tokens=256)
    assert run.status in ("completed", "incomplete")
    assert run.usage
    assert run.usage.completion_tokens > 0
    assert talk.said(thread)[-1]


def test_json_is_what_its_schema_says(talk: Talk) -> None:
    made = talk.client.responses.parse(model="m", input="Describe Suwon.", text_format=City, temperature=0.0)
    assert isinstance(made.output_parsed, City)


def test_a_function_that_must_be_called_is_called_with_arguments_of_its_schema(talk: Talk) -> None:
    assistant, thread = talk.assistant(tools=[FUNCTION]), talk.thread("Pick a colour.")
    runs = talk.client.beta.threads.runs
    run = runs.create_and_poll(thread_id=thread, assistant_id=assistant, tool_choice="required")
    if run.status == "incomplete":  # a model so small does not always find the end of its arguments
        assert run.incomplete_details
        assert run.incomplete_details.reason == "max_completion_tokens"
        return
    assert run.status == "requires_action", run.last_error
    assert run.required_action
    call = run.required_action.submit_tool_outputs.tool_calls[0]
    assert call.function.name == "pick"
    assert json.loads(call.function.arguments)["colour"] in ("red", "blue")


def test_files_are_put_before_the_model(talk: Talk) -> None:
    store = talk.store(rabbits="The rabbit is called Bori.")
    resources: Any = {"file_search": {"vector_store_ids": [store]}}
    assistant = talk.assistant(tools=[SEARCH], tool_resources=resources)
    runs = talk.client.beta.threads.runs
    thread = talk.thread("What is the rabbit called?")
    run = runs.create_and_poll(thread_id=thread, assistant_id=assistant, max_completion_tokens=256)
    assert run.status in ("completed", "incomplete")
    steps = runs.steps.list(run.id, thread_id=thread, order="asc").data
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]
