"""Responses and conversations, through the real SDK over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from starlette.testclient import TestClient

from deployer.server import Answerer, Upstream
from tests.server.models import model, said
from tests.server.support import made, until
from tests.server.talk import Talk, rehearsal, talking

PICK: Any = {
    "type": "function",
    "name": "pick",
    "parameters": {"type": "object", "properties": {"colour": {"type": "string"}, "times": {"type": "integer"}}},
}
_CALLED = [{"call": "pick", "arguments": {"colour": "red"}}, {"call": "pick", "arguments": {"colour": "blue"}}]


def _output(call: Any, output: str) -> Any:
    return {"type": "function_call_output", "call_id": call.call_id, "output": output}


def test_a_response_and_one_that_follows_it(tmp_path: Path) -> None:
    heard: list[list[str]] = []

    class Listening(Answerer):
        async def answer(self, question: Any) -> Any:
            heard.append([part["text"] for item in question.items for part in item["content"]])
            async for part in played.answer(question):
                yield part

    played = rehearsal({"answers": [{"text": "One."}]}, {"answers": [{"text": "Two."}]})
    with talking(tmp_path, answers=Listening()) as talk:
        first = talk.client.responses.create(model="gpt-6-luna", input="Count.", instructions="Be brief.")
        assert (first.status, first.output_text, first.error) == ("completed", "One.", None)
        assert first.usage
        assert first.usage.total_tokens > 0
        again = talk.client.responses.retrieve(first.id)
        assert again.to_dict() == first.to_dict()
        items: Any = [{"role": "user", "content": [{"type": "input_text", "text": "On."}]}]
        second = talk.client.responses.create(model="gpt-6-luna", input=items, previous_response_id=first.id)
        assert (second.output_text, second.instructions) == ("Two.", None)
        listed = talk.client.responses.input_items.list(second.id, order="asc").data
        assert [getattr(item, "role", "") for item in listed] == ["user", "assistant", "user"]
        talk.client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError, match=f"Response with id '{first.id}' not found."):
            talk.client.responses.retrieve(first.id)
    assert heard == [["Count."], ["Count.", "One.", "On."]]


def test_functions_end_a_response_and_their_outputs_begin_the_next(tmp_path: Path) -> None:
    with talking(tmp_path, {"answers": [_CALLED]}, {"answers": [{"text": "Picked."}]}) as talk:
        first = talk.client.responses.create(model="m", input="Pick.", tools=[PICK])
        calls: Any = [item for item in first.output if item.type == "function_call"]
        assert [call.arguments for call in calls] == ['{"colour": "red"}', '{"colour": "blue"}']
        [tool] = first.tools
        assert tool.type == "function"
        assert tool.strict is True
        assert tool.parameters
        assert tool.parameters["required"] == ["colour", "times"]
        with pytest.raises(openai.BadRequestError, match=f"No tool output found for function call {calls[1].call_id}."):
            talk.client.responses.create(model="m", previous_response_id=first.id, input=[_output(calls[0], "1")])
        outputs = [_output(call, "done") for call in calls]
        second = talk.client.responses.create(model="m", previous_response_id=first.id, input=outputs)
        assert second.output_text == "Picked."


def test_a_stream_has_every_event_in_its_order(tmp_path: Path) -> None:
    turn = {
        "answers": [
            [
                {"reasoning": "Hm."},
                {"search": "cake", "results": [{"file": "foods.txt", "text": "cake", "file_id": "file-1"}]},
                {"text": ["Cake", "【foods.txt】", "."]},
                {"call": "pick", "arguments": ["{", "}"]},
            ]
        ]
    }
    with talking(tmp_path, turn) as talk, talk.client.responses.stream(model="m", input="Go.", tools=[PICK]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.type.removeprefix("response.") for event in events] == [
        *("created", "in_progress", "output_item.added"),
        *(f"reasoning_summary_{name}" for name in ("part.added", "text.delta", "text.done", "part.done")),
        *("output_item.done", "output_item.added"),
        *(f"file_search_call.{name}" for name in ("in_progress", "searching", "completed")),
        *("output_item.done", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.annotation.added", "output_text.delta", "output_text.done", "content_part.done"),
        *("output_item.done", "output_item.added", *["function_call_arguments.delta"] * 2),
        *("function_call_arguments.done", "output_item.done", "completed"),
    ]
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == list(range(len(events)))
    assert final.output_text == "Cake."
    message: Any = final.output[2]
    [note] = message.content[0].annotations
    assert (note.type, note.file_id, note.filename, note.index) == ("file_citation", "file-1", "foods.txt", 4)
    assert [item.type for item in final.output] == ["reasoning", "file_search_call", "message", "function_call"]


def test_files_are_searched_and_results_are_shown_when_asked(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        tool: Any = {"type": "file_search", "vector_store_ids": [talk.store(foods="Filip likes cake.")]}
        question: Any = {"model": "m", "input": "What does Filip like?", "tools": [tool]}
        plain = talk.client.responses.create(**question)
        full = talk.client.responses.create(**question, include=["file_search_call.results"])
        searches: list[Any] = [response.output[0] for response in (plain, full)]
        assert [search.type for search in searches] == ["file_search_call"] * 2
        assert searches[0].results is None
        assert [(result.filename, result.text) for result in searches[1].results] == [
            ("foods.txt", "Filip likes cake.")
        ]
        assert "“Filip likes cake.”" in full.output_text
        again: Any = talk.client.responses.retrieve(plain.id, include=["file_search_call.results"])
        assert again.output[0].results[0].text == "Filip likes cake."


def test_json_is_answered_where_it_is_asked_for(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}
    text: Any = {"format": {"type": "json_schema", "name": "number", "schema": schema, "strict": False}}
    with talking(tmp_path) as talk:
        response = talk.client.responses.create(model="m", input="A number?", text=text)
        assert response.output_text == '{"n": 3}'
        shown: Any = response.text
        assert (shown.format.name, shown.format.strict) == ("number", False)


def test_what_is_not_to_be_stored_is_gone(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        response = talk.client.responses.create(model="m", input="Hello.", store=False)
        assert response.status == "completed"
        with pytest.raises(openai.NotFoundError):
            talk.client.responses.retrieve(response.id)
        with pytest.raises(openai.BadRequestError) as caught:
            talk.client.responses.create(model="m", input="And?", previous_response_id=response.id)
        assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
        with talk.account._storage.read() as db:
            assert db.execute("SELECT COUNT(*) FROM items").fetchone()[0] == 0


@pytest.fixture
def slow(tmp_path: Path) -> Any:
    turn = {"times": "any", "answers": [[{"text": ["Well,"]}, {"delay": 1000}]]}
    with talking(tmp_path, turn) as talk:
        yield talk


def test_a_response_in_the_background_is_polled_and_cancelled(slow: Talk) -> None:
    responses = slow.client.responses
    response = responses.create(model="m", input="Hello?", background=True)
    assert (response.status, response.output, response.usage) == ("queued", [], None)
    until(lambda: responses.retrieve(response.id).status == "in_progress")
    cancelled = responses.cancel(response.id)
    assert (cancelled.status, cancelled.output != []) == ("cancelled", True)
    assert responses.retrieve(response.id) == responses.cancel(response.id) == cancelled
    foreground = httpx2.post(f"{slow.client.base_url}responses/resp_none/cancel")
    assert foreground.status_code == 404


def test_only_the_background_can_be_cancelled(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        response = talk.client.responses.create(model="m", input="Hello?")
        with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
            talk.client.responses.cancel(response.id)


def test_a_stream_in_the_background_is_taken_up_again(tmp_path: Path) -> None:
    words = [f" w{number}" for number in range(10)]
    with talking(tmp_path, {"pace": 0.01, "answers": [{"text": words}]}) as talk:
        seen: list[Any] = []
        with talk.client.responses.create(model="m", input="Count.", background=True, stream=True) as stream:
            for event in stream:
                seen.append(event)
                if event.type == "response.output_text.delta":
                    break
        assert [event.type for event in seen[:3]] == ["response.created", "response.queued", "response.in_progress"]
        response_id = seen[0].response.id
        after = seen[-1].sequence_number
        rest = list(talk.client.responses.retrieve(response_id, stream=True, starting_after=after))
        assert [event.sequence_number for event in rest] == list(range(after + 1, after + 1 + len(rest)))
        assert "".join(
            event.delta for event in [*seen, *rest] if event.type == "response.output_text.delta"
        ) == "".join(words)
        assert rest[-1].type == "response.completed"
        whole = list(talk.client.responses.retrieve(response_id, stream=True))
        assert len(whole) == after + 1 + len(rest)
    with talking(tmp_path) as talk:
        told = list(talk.client.responses.retrieve(response_id, stream=True))
        assert told[-1].type == "response.completed"
        assert told[-1].response.output_text == "".join(words)


def test_limits_and_failures(tmp_path: Path) -> None:
    turns: list[dict[str, Any]] = [
        {"answers": [{"text": "word " * 200}]},
        {"answers": [{"fail": {"code": "rate_limit_exceeded", "message": "Too many."}}]},
        {"answers": [[{"text": "Half"}, {"stop": "content_filter"}]]},
    ]
    with talking(tmp_path, *turns) as talk:
        cut = talk.client.responses.create(model="m", input="Speak.", max_output_tokens=16)
        assert cut.incomplete_details
        assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        failed = talk.client.responses.create(model="m", input="Speak.")
        assert failed.error
        assert (failed.status, failed.error.code, failed.error.message) == (
            "failed",
            "rate_limit_exceeded",
            "Too many.",
        )
        filtered = talk.client.responses.create(model="m", input="Speak.")
        assert filtered.incomplete_details
        assert (filtered.output_text, filtered.incomplete_details.reason) == ("Half", "content_filter")


def test_a_conversation_grows_with_its_responses(tmp_path: Path) -> None:
    with talking(tmp_path, {"answers": [{"text": "Why did the duck cross?"}]}, {"answers": [{"text": "Ha."}]}) as talk:
        conversations = talk.client.conversations
        begun: Any = [{"type": "message", "role": "user", "content": "Be funny."}]
        conversation = conversations.create(items=begun, metadata={"topic": "jokes"})
        for text in ("A joke?", "And?"):
            response = talk.client.responses.create(model="m", input=text, conversation=conversation.id)
            assert response.conversation
            assert response.conversation.id == conversation.id
        listed: Any = conversations.items.list(conversation.id, order="asc").data
        said = ["Be funny.", "A joke?", "Why did the duck cross?", "And?", "Ha."]
        assert [item.content[0].text for item in listed] == said
        assert [item.role for item in listed] == ["user", "user", "assistant", "user", "assistant"]
        added = conversations.items.create(conversation.id, items=begun)
        assert conversations.items.retrieve(added.data[0].id or "", conversation_id=conversation.id).to_dict()
        kept = conversations.items.delete(added.data[0].id or "", conversation_id=conversation.id)
        assert (kept.id, kept.metadata) == (conversation.id, {"topic": "jokes"})
        assert conversations.update(conversation.id, metadata={"a": "b"}).metadata == {"a": "b"}
        assert conversations.delete(conversation.id).deleted
        with pytest.raises(openai.NotFoundError, match=conversation.id):
            conversations.retrieve(conversation.id)


def test_one_response_at_a_time_joins_a_conversation(slow: Talk) -> None:
    conversation = slow.client.conversations.create().id
    begun = slow.client.responses.create(model="m", input="Hello?", conversation=conversation, background=True)
    with pytest.raises(openai.BadRequestError) as caught:
        slow.client.responses.create(model="m", input="And now?", conversation=conversation)
    assert (caught.value.code, caught.value.param) == ("conversation_locked", "conversation")
    slow.client.responses.cancel(begun.id)
    slow.client.responses.create(model="m", input="And now?", conversation=conversation, background=True)


def test_an_item_is_referred_to(tmp_path: Path) -> None:
    with model(lambda _: said("Blue.")) as one, talking(tmp_path, answers=Upstream(one.base_url)) as talk:
        first = talk.client.responses.create(model="m", input="Which colour?")
        asked: Any = [{"type": "item_reference", "id": first.output[0].id}, {"role": "user", "content": "Why?"}]
        second = talk.client.responses.create(model="m", input=asked)
        items = talk.client.responses.input_items.list(second.id, order="asc").data
    assert [(message["role"], message["content"]) for message in one.asked[1]["messages"]] == [
        ("assistant", "Blue."),
        ("user", "Why?"),
    ]
    assert [item.type for item in items] == ["message", "message"]
    assert items[0].id != first.output[0].id


def test_a_tool_that_needs_the_world_is_there_where_the_script_plays_it(tmp_path: Path) -> None:
    item: Any = {"type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "news"}}
    turn = {"answers": [[{"item": item}, {"text": "No news."}]]}
    search: Any = {"type": "web_search_preview"}
    with talking(tmp_path, turn) as talk:
        made = talk.client.responses.create(model="m", input="News?", tools=[search], tool_choice=search)
        assert [one.type for one in made.output] == ["web_search_call", "message"]
        other: Any = {"type": "mcp", "server_label": "x", "server_url": "https://example.com"}
        with pytest.raises(openai.BadRequestError, match="Hosted tool 'mcp' is not supported"):
            talk.client.responses.create(model="m", input="News?", tools=[other])


def test_calls_of_tools_that_a_script_plays_are_written_like_others(tmp_path: Path) -> None:
    error = {"type": "mcp_protocol_error", "code": 1, "message": "No dice."}
    call: Any = {"name": "roll", "arguments": '{"dice": 2}', "server_label": "x", "output": None, "error": error}
    custom: Any = {"type": "custom_tool_call", "call_id": "call_1", "name": "say", "input": "Hello."}
    turn = {"answers": [[{"item": {"type": "mcp_call", **call}}, {"item": custom}]]}
    with talking(tmp_path, turn) as talk:
        server: Any = {"type": "mcp", "server_label": "x", "server_url": "https://example.com"}
        events = list(talk.client.responses.create(model="m", input="Roll.", tools=[server], stream=True))
    assert [event.type.removeprefix("response.") for event in events] == [
        *("created", "in_progress"),
        *("output_item.added", "mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done"),
        *("mcp_call.failed", "output_item.done"),
        *("output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done"),
        "completed",
    ]
    begun: list[Any] = [event.item.to_dict() for event in events if event.type == "response.output_item.added"]
    assert (begun[0]["arguments"], begun[0]["error"], begun[1]["input"]) == ("", None, "")


def test_settings_are_shown_as_the_api_resolves_them(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        options: Any = {"mode": "implicit", "ttl": "30m"}
        made = talk.client.responses.create(
            model="m", input="Hello?", service_tier="fast", extra_body={"prompt_cache_options": options}
        )
    assert (made.service_tier, made.to_dict()["prompt_cache_options"]) == ("priority", options)


def test_what_failed_does_not_join_its_conversation(tmp_path: Path) -> None:
    with talking(tmp_path, {"answers": [{"fail": {"message": "No."}}]}) as talk:
        conversation = talk.client.conversations.create()
        talk.client.responses.create(model="m", input="Hello?", conversation=conversation.id)
        assert talk.client.conversations.items.list(conversation.id).data == []


def test_tokens_are_counted_and_a_conversation_is_compacted(tmp_path: Path) -> None:
    items: Any = [{"role": "user", "content": "A page, please."}, {"role": "assistant", "content": "Here it is. " * 50}]
    with talking(tmp_path) as talk:
        counted = talk.client.responses.input_tokens.count(model="m", input="x" * 400)
        assert counted.input_tokens == 100
        # Read without the SDK, whose type has no place for what the user said (recorded answers do).
        answer = httpx2.post(f"{talk.client.base_url}responses/compact", json={"model": "m", "input": items}).json()
    assert [item["type"] for item in answer["output"]] == ["message", "compaction"]
    with model(lambda _: said("Yes.")) as one, talking(tmp_path / "next", answers=Upstream(one.base_url)) as talk:
        given = [*answer["output"], {"role": "user", "content": "Is it good?"}]
        assert talk.client.responses.create(model="m", input=given).output_text == "Yes."
    assert [message["role"] for message in one.asked[0]["messages"]] == ["user", "assistant", "user"]
    assert one.asked[0]["messages"][1]["content"] == "Here it is. " * 50


def test_unknown_conversations_and_responses(api: TestClient) -> None:
    conversation = made(api, "/v1/conversations")["id"]
    for path in ("/v1/responses/resp_x", "/v1/conversations/conv_x", f"/v1/conversations/{conversation}/items/msg_x"):
        assert api.get(path).status_code == 404
