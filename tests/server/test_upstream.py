"""A real endpoint for chat completions as what answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from deployer.server import Upstream
from tests.server.models import Json, called, model, refused, said
from tests.server.talk import FUNCTION, SEARCH, Talk, talking, text_of


def _run(talk: Talk, assistant: str, *messages: str, **given: Any) -> tuple[str, Any]:
    thread = talk.thread(*messages)
    return thread, talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant, **given)


def test_a_conversation_goes_to_the_model_and_comes_back(tmp_path: Path) -> None:
    with model(lambda _: said("x", " = ", "1")) as one:
        upstream = Upstream(one.base_url, "sk-up", model="tiny", models={"gpt-6-sol": "big"})
        with talking(tmp_path, answers=upstream) as talk:
            assistant = talk.assistant(instructions="Be brief.", temperature=0.2)
            thread, run = _run(talk, assistant, "Solve it.")
            assert talk.said(thread) == ["Solve it.", "x = 1"]
            assert run.usage
            assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (11, 7)
            talk.client.beta.threads.messages.create(thread, role="user", content="Why?")
            talk.client.beta.threads.runs.create_and_poll(
                thread_id=thread, assistant_id=assistant, model="gpt-6-sol", max_completion_tokens=300
            )
    first, second = one.asked
    assert first == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Solve it."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
    }
    assert (second["model"], second["max_tokens"]) == ("big", 300)
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "user"]
    assert one.keys == ["Bearer sk-up"] * 2


def test_functions_are_called_as_such(tmp_path: Path) -> None:
    def reply(body: Json) -> list[Any]:
        answered = any(message["role"] == "tool" for message in body["messages"])
        return said("Done.") if answered else called(("pick", '{"colour": "red"}'), ("pick", '{"colour": "blue"}'))

    with model(reply) as one, talking(tmp_path, answers=Upstream(one.base_url)) as talk:
        thread, run = _run(talk, talk.assistant(tools=[FUNCTION]), "Pick.", tool_choice="required")
        assert run.required_action
        calls = run.required_action.submit_tool_outputs.tool_calls
        assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
            ("call_0", "pick", '{"colour": "red"}'),
            ("call_1", "pick", '{"colour": "blue"}'),
        ]
        outputs: Any = [{"tool_call_id": call.id, "output": call.id} for call in calls]
        talk.client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=thread, tool_outputs=outputs
        )
        assert talk.said(thread)[-1] == "Done."
    assert one.asked[0]["tools"] == [{"type": "function", "function": {**FUNCTION["function"], "strict": False}}]
    assert one.asked[0]["tool_choice"] == "required"
    roles = [message["role"] for message in one.asked[1]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool"]
    assert [call["id"] for call in one.asked[1]["messages"][2]["tool_calls"]] == ["call_0", "call_1"]


def _without_tools(body: Json) -> list[Any] | Response:
    """A model that cannot call functions, and answers in the JSON that it is held to."""
    if "tools" in body:
        return refused(500, "tools param requires --jinja flag")
    if "response_format" not in body:
        return said("Hello.")
    if "The function returned: red" in str(body["messages"]):
        return said('{"answer": "You picked', ' red."}')
    return said('{"function": "pick", "arguments": {"colour": "red"}}')


@pytest.mark.parametrize("calls", ("auto", "json"))
def test_a_model_without_functions_answers_in_json(tmp_path: Path, calls: str) -> None:
    with model(_without_tools) as one, talking(tmp_path, answers=Upstream(one.base_url, calls=calls)) as talk:
        assistant = talk.assistant(tools=[FUNCTION])
        for _ in range(2):
            thread, run = _run(talk, assistant, "Pick.")
            assert run.required_action
            [call] = run.required_action.submit_tool_outputs.tool_calls
            assert json.loads(call.function.arguments) == {"colour": "red"}
            outputs: Any = [{"tool_call_id": call.id, "output": "red"}]
            talk.client.beta.threads.runs.submit_tool_outputs_and_poll(
                run_id=run.id, thread_id=thread, tool_outputs=outputs
            )
            assert talk.said(thread)[-1] == "You picked red."
        thread, _ = _run(talk, talk.assistant(), "Hello?")
        assert talk.said(thread)[-1] == "Hello."
    assert sum("tools" in body for body in one.asked) == (1 if calls == "auto" else 0)
    schema = one.asked[-2]["response_format"]["json_schema"]["schema"]
    assert [sorted(choice["properties"]) for choice in schema["anyOf"]] == [["arguments", "function"], ["answer"]]


def test_a_refusal_of_tools_is_an_error_where_they_must_be_native(tmp_path: Path) -> None:
    with model(_without_tools) as one, talking(tmp_path, answers=Upstream(one.base_url, calls="native")) as talk:
        _, run = _run(talk, talk.assistant(tools=[FUNCTION]), "Pick.")
        assert run.last_error
        assert run.last_error.message == "The model answered 500: tools param requires --jinja flag"


def test_files_are_searched_here_and_cited_there(tmp_path: Path) -> None:
    answer = ("Filip likes cake【", "4:0†foods.txt】, not 【9:9†x】", " or 【pie.")
    with model(lambda _: said(*answer)) as one, talking(tmp_path, answers=Upstream(one.base_url)) as talk:
        resources: Any = {"file_search": {"vector_store_ids": [talk.store(foods="Filip likes cake.")]}}
        thread, run = _run(talk, talk.assistant(tools=[SEARCH], tool_resources=resources), "What does Filip like?")
        [message] = talk.client.beta.threads.messages.list(thread, run_id=run.id).data
        assert text_of(message) == "Filip likes cake【4:0†foods.txt】, not 【9:9†x】 or 【pie."
        part = message.content[0]
        assert part.type == "text"
        [note] = part.text.annotations
        assert part.text.value[note.start_index : note.end_index] == note.text == "【4:0†foods.txt】"
    system = one.asked[0]["messages"][0]["content"]
    assert "【4:0†foods.txt】 Filip likes cake." in system


_MORE: tuple[tuple[Any, str, str], ...] = (
    (refused(429, "Slow down."), "rate_limit_exceeded", "The model answered 429: Slow down."),
    (refused(401, "Who?"), "server_error", "The model answered 401: Who?"),
    (PlainTextResponse("<h1>Bad gateway</h1>", 502), "server_error", "The model answered 502: <h1>Bad gateway</h1>"),
    ([b"data: {]\n\n"], "server_error", "The model sent something that is not JSON."),
    ([{"error": {"message": "Out of memory."}}], "server_error", "The model stopped: Out of memory."),
    ([5], "server_error", "The model did not go on within 0.3 seconds."),
)


@pytest.mark.parametrize(("reply", "code", "message"), _MORE, ids=range(len(_MORE)))
def test_what_goes_wrong_there_is_the_reason_here(tmp_path: Path, reply: Any, code: str, message: str) -> None:
    with model(lambda _: reply) as one, talking(tmp_path, answers=Upstream(one.base_url, quiet=0.3)) as talk:
        _, run = _run(talk, talk.assistant(), "Hello?")
        assert run.last_error
        assert (run.status, run.last_error.code, run.last_error.message) == ("failed", code, message)


def test_a_model_that_cannot_be_reached(tmp_path: Path) -> None:
    with talking(tmp_path, answers=Upstream("http://127.0.0.1:1/v1")) as talk:
        _, run = _run(talk, talk.assistant(), "Hello?")
        assert run.last_error
        assert run.last_error.message.startswith("The model at http://127.0.0.1:1/v1 cannot be reached: ")


def test_an_answer_that_is_cut_is_incomplete(tmp_path: Path) -> None:
    cut = said("Well, ", finish="length")
    with model(lambda _: cut) as one, talking(tmp_path, answers=Upstream(one.base_url)) as talk:
        _, run = _run(talk, talk.assistant(), "Hello?")
        assert run.incomplete_details
        assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_completion_tokens")


def test_a_run_that_is_cancelled_lets_go_of_the_model(tmp_path: Path) -> None:
    with model(lambda _: [*said("Well, ")[:1], 30]) as one, talking(tmp_path, answers=Upstream(one.base_url)) as talk:
        thread = talk.thread("Hello?")
        runs = talk.client.beta.threads.runs
        with runs.stream(thread_id=thread, assistant_id=talk.assistant()) as stream:
            for event in stream:
                if event.event == "thread.message.delta" and stream.current_run:
                    runs.cancel(stream.current_run.id, thread_id=thread)
            assert stream.get_final_run().status == "cancelled"
