"""Threads, messages, runs and steps, through the real SDK over HTTP."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from deployer.server import Answerer
from deployer.server.ingestion import extraction
from tests.server.support import until
from tests.server.talk import CODE, FUNCTION, SEARCH, Talk, rehearsal, talking, text_of


def _error(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> tuple[int, str]:
    body: Any = caught.value.body
    return caught.value.status_code, body["message"]


def _ends(talk: Talk, thread_id: str, run_id: str) -> Any:
    """The run, once it is over."""
    runs = talk.client.beta.threads.runs
    until(lambda: runs.retrieve(run_id, thread_id=thread_id).status in ("cancelled", "expired", "failed", "completed"))
    return runs.retrieve(run_id, thread_id=thread_id)


ALPHABET: dict[str, Any] = {"times": "any", "pace": 0.005, "answers": [{"text": "a b c d e f g h i j k l m n o p"}]}


def test_a_conversation(tmp_path: Path) -> None:
    with talking(tmp_path, {"answers": [{"text": "x = 1"}]}, {"answers": [{"text": "3x = 3."}]}) as talk:
        assistant, thread = talk.assistant(), talk.thread("Solve 3x + 11 = 14.")
        run = talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
        assert (run.status, run.expires_at, run.last_error, run.required_action) == ("completed", None, None, None)
        assert run.usage
        assert run.usage.total_tokens == run.usage.prompt_tokens + run.usage.completion_tokens > 0
        asked = talk.client.beta.threads.messages.create(thread, role="user", content="Explain.")
        talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
        new = talk.client.beta.threads.messages.list(thread, order="asc", after=asked.id).data
        assert [text_of(message) for message in new] == ["3x = 3."]
        assert (new[0].assistant_id, new[0].status, new[0].role) == (assistant, "completed", "assistant")
        assert talk.said(thread) == ["Solve 3x + 11 = 14.", "x = 1", "Explain.", "3x = 3."]
        own = talk.client.beta.threads.messages.list(thread, run_id=run.id).data
        assert [text_of(message) for message in own] == ["x = 1"]
        [step] = talk.client.beta.threads.runs.steps.list(run.id, thread_id=thread).data
        assert step.step_details.type == "message_creation"
        assert step.step_details.message_creation.message_id == own[0].id
        runs = talk.client.beta.threads.runs.list(thread).data
        assert [one.id for one in runs][1:] == [run.id]


def test_without_a_script_it_says_that_no_model_answers(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        thread = talk.thread("Who are you?")
        talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant(tools=[FUNCTION]))
        answer = talk.said(thread)[-1]
    assert answer.startswith("No model answers here: this is a rehearsal of gpt-6-luna.")
    assert "“Who are you?”" in answer
    assert "pick" in answer


def test_without_a_script_it_quotes_what_the_files_say(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        store = talk.store(foods="Filip likes cake.", cities="Suwon has a fortress.")
        resources: Any = {"file_search": {"vector_store_ids": [store]}}
        assistant = talk.assistant(tools=[SEARCH], tool_resources=resources)
        thread = talk.thread("What does Filip like?")
        run = talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
        [message] = talk.client.beta.threads.messages.list(thread, run_id=run.id).data
        part = message.content[0]
        assert part.type == "text"
        assert "“Filip likes cake.”【4:0†foods.txt】" in part.text.value
        for note in part.text.annotations:
            assert note.type == "file_citation"
            assert part.text.value[note.start_index : note.end_index] == note.text
        steps = talk.client.beta.threads.runs.steps.list(run.id, thread_id=thread, order="asc").data
        assert [step.type for step in steps] == ["tool_calls", "message_creation"]


def test_what_a_search_found_is_shown_when_asked(tmp_path: Path) -> None:
    include: Any = ["step_details.tool_calls[*].file_search.results[*].content"]
    with talking(tmp_path) as talk:
        store = talk.store(foods="Filip likes cake.")
        tool: Any = {"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 0.1}}}
        assistant = talk.assistant(tools=[tool], tool_resources={"file_search": {"vector_store_ids": [store]}})
        thread = talk.thread("What does Filip like?")
        run = talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
        contents, steps = [], talk.client.beta.threads.runs.steps
        asked: Any
        for asked in ([], include):
            step = steps.list(run.id, thread_id=thread, order="asc", include=asked).data[0]
            assert step.step_details.type == "tool_calls"
            call = step.step_details.tool_calls[0]
            assert call.type == "file_search"
            assert call.file_search.results
            assert call.file_search.ranking_options
            assert call.file_search.ranking_options.score_threshold == 0.1
            contents.append(call.file_search.results[0].content)
        assert contents[0] is None
        assert contents[1]
        assert contents[1][0].text == "Filip likes cake."
        with pytest.raises(openai.BadRequestError, match="Supported values are"):
            talk.client.beta.threads.runs.steps.retrieve(step.id, thread_id=thread, run_id=run.id, include=["x"])  # type: ignore[list-item]


_TWO_CALLS = {
    "answers": [
        [{"call": "pick", "arguments": {"colour": "red"}}, {"call": "pick", "arguments": {"colour": "blue"}}],
        [{"text": "Picked."}],
    ]
}


def test_function_calls_wait_for_all_outputs(tmp_path: Path) -> None:
    with talking(tmp_path, _TWO_CALLS) as talk:
        runs = talk.client.beta.threads.runs
        thread = talk.thread("Pick.")
        run = runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant(tools=[FUNCTION]))
        assert run.status == "requires_action"
        assert run.required_action
        calls = run.required_action.submit_tool_outputs.tool_calls
        assert [call.function.arguments for call in calls] == ['{"colour": "red"}', '{"colour": "blue"}']
        first, second = (call.id for call in calls)
        for wrong in ([first], [first, first], [first, "call_other"], [first, second, second], []):
            outputs: Any = [{"tool_call_id": call_id, "output": "ok"} for call_id in wrong]
            with pytest.raises(openai.BadRequestError) as caught:
                runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=outputs)
            assert _error(caught)[1] == f"Expected tool outputs for call_ids {[first, second]}, got {wrong}"
        outputs = [{"tool_call_id": second, "output": ""}, {"tool_call_id": first, "output": "1"}]
        done = runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=thread, tool_outputs=outputs)
        assert (done.status, done.required_action) == ("completed", None)
        with pytest.raises(openai.BadRequestError) as caught:
            runs.submit_tool_outputs(run.id, thread_id=thread, tool_outputs=outputs)
        assert _error(caught) == (400, 'Runs in status "completed" do not accept tool outputs.')
        step = runs.steps.list(run.id, thread_id=thread, order="asc").data[0]
        assert step.step_details.type == "tool_calls"
        assert [call.function.output for call in step.step_details.tool_calls if call.type == "function"] == ["1", ""]


def test_a_function_that_must_be_called_is_called_once_with_the_smallest_arguments(tmp_path: Path) -> None:
    choices: list[Any] = ["required", {"type": "function", "function": {"name": "pick"}}]
    with talking(tmp_path) as talk:
        for choice in choices:
            assistant = talk.assistant(tools=[FUNCTION])
            thread = talk.thread("Pick.")
            run = talk.client.beta.threads.runs.create_and_poll(
                thread_id=thread, assistant_id=assistant, tool_choice=choice
            )
            assert run.required_action
            [call] = run.required_action.submit_tool_outputs.tool_calls
            assert (call.function.name, call.function.arguments) == ("pick", '{"colour": "red"}')
            outputs: Any = [{"tool_call_id": call.id, "output": "twice"}]
            run = talk.client.beta.threads.runs.submit_tool_outputs_and_poll(
                run_id=run.id, thread_id=thread, tool_outputs=outputs
            )
            assert run.status == "completed"
            assert "pick returned twice." in talk.said(thread)[-1]


def test_a_stream_has_every_event_in_its_order(tmp_path: Path) -> None:
    turn = {
        "answers": [
            [{"search": "cake", "results": [{"file": "foods.txt", "text": "cake", "file_id": "file-1"}]}],
            [{"text": ["Let", " me see."]}, {"code": ["print", "(1)"], "outputs": [{"logs": "1"}]}],
            {"call": "pick", "arguments": ['{"colour":', '"red"}']},
            {"text": ["Cake", "【foods.txt】", "."]},
        ]
    }
    block = ["step.created", "step.in_progress"]
    message = [*block, "message.created", "message.in_progress"]
    ended = ["message.completed", "step.completed"]
    with talking(tmp_path, turn) as talk:
        thread = talk.thread("Go.")
        runs = talk.client.beta.threads.runs
        with runs.stream(thread_id=thread, assistant_id=talk.assistant(tools=[FUNCTION, CODE, SEARCH])) as stream:
            names = [event.event.removeprefix("thread.").replace("run.step", "step") for event in stream]
            run = stream.get_final_run()
        assert names == [
            *("run.created", "run.queued", "run.in_progress"),
            *(*block, "step.delta", "step.completed"),
            *(*message, "message.delta", "message.delta", *ended),
            *(*block, "step.delta", "step.delta", "step.delta", "step.delta", "step.completed"),
            *(*block, "step.delta", "step.delta", "step.delta", "run.requires_action"),
        ]
        assert run.required_action
        [call] = run.required_action.submit_tool_outputs.tool_calls
        outputs: Any = [{"tool_call_id": call.id, "output": "ok"}]
        with runs.submit_tool_outputs_stream(run_id=run.id, thread_id=thread, tool_outputs=outputs) as stream:
            names = [event.event.removeprefix("thread.").replace("run.step", "step") for event in stream]
            [said] = stream.get_final_messages()
        assert names == [
            *("step.completed", "run.queued", "run.in_progress"),
            *(*message, "message.delta", "message.delta", "message.delta", *ended, "run.completed"),
        ]
        assert text_of(said) == "Cake【4:0†foods.txt】."


def test_a_stream_of_a_thread_and_run_made_at_once(tmp_path: Path) -> None:
    thread: Any = {"messages": [{"role": "user", "content": "Hello"}], "metadata": {"a": "b"}}
    with (
        talking(tmp_path) as talk,
        talk.client.beta.threads.create_and_run_stream(assistant_id=talk.assistant(), thread=thread) as stream,
    ):
        names = [event.event for event in stream]
        run = stream.get_final_run()
        assert names[:4] == ["thread.created", "thread.run.created", "thread.run.queued", "thread.run.in_progress"]
        assert talk.said(run.thread_id)[0] == "Hello"
        assert talk.client.beta.threads.retrieve(run.thread_id).metadata == {"a": "b"}


@pytest.fixture
def slow(tmp_path: Path) -> Any:
    """An account whose model says a word and then nothing for a long time."""
    with talking(tmp_path, {"times": "any", "answers": [[{"text": ["Well,"]}, {"delay": 1000}]]}) as talk:
        yield talk


def _speaking(talk: Talk) -> tuple[str, Any]:
    """A run in the middle of its message."""
    thread = talk.thread("Hello?")
    run = talk.client.beta.threads.runs.create(thread_id=thread, assistant_id=talk.assistant())
    until(lambda: len(talk.said(thread)) == 2)
    return thread, run


def test_a_run_that_is_cancelled_keeps_what_it_has_said(slow: Talk) -> None:
    thread, run = _speaking(slow)
    runs = slow.client.beta.threads.runs
    assert runs.cancel(run.id, thread_id=thread).status == "cancelling"
    ended = _ends(slow, thread, run.id)
    assert (ended.status, ended.cancelled_at is None, ended.expires_at) == ("cancelled", False, None)
    with pytest.raises(openai.BadRequestError) as caught:
        runs.cancel(run.id, thread_id=thread)
    assert _error(caught) == (400, "Cannot cancel run with status 'cancelled'.")
    newest = slow.client.beta.threads.messages.list(thread).data[0]
    assert (newest.status, text_of(newest)) == ("incomplete", "Well,")
    assert newest.incomplete_details
    assert newest.incomplete_details.reason == "run_cancelled"
    [step] = runs.steps.list(run.id, thread_id=thread).data
    assert (step.status, step.cancelled_at is None) == ("cancelled", False)
    slow.client.beta.threads.messages.create(thread, role="user", content="The thread is free again.")


def test_a_run_expires_after_ten_minutes(slow: Talk) -> None:
    thread, run = _speaking(slow)
    assert run.expires_at == run.created_at + 600
    slow.clock.ahead = 601
    ended = _ends(slow, thread, run.id)
    assert ended.status == "expired"
    newest = slow.client.beta.threads.messages.list(thread).data[0]
    assert newest.incomplete_details
    assert newest.incomplete_details.reason == "run_expired"
    [step] = slow.client.beta.threads.runs.steps.list(run.id, thread_id=thread).data
    assert (step.status, step.expired_at is None) == ("expired", False)


def test_a_run_that_waits_for_outputs_is_cancelled_and_expires_too(tmp_path: Path) -> None:
    with talking(tmp_path, _TWO_CALLS, _TWO_CALLS) as talk:
        runs, assistant = talk.client.beta.threads.runs, talk.assistant(tools=[FUNCTION])
        threads = [talk.thread("Pick."), talk.thread("Pick.")]
        waiting = [runs.create_and_poll(thread_id=thread, assistant_id=assistant) for thread in threads]
        assert runs.cancel(waiting[0].id, thread_id=threads[0]).required_action is None
        assert _ends(talk, threads[0], waiting[0].id).status == "cancelled"
        talk.clock.ahead = 601
        assert _ends(talk, threads[1], waiting[1].id).status == "expired"
        with pytest.raises(openai.BadRequestError, match='Runs in status "expired" do not accept tool outputs'):
            runs.submit_tool_outputs(waiting[1].id, thread_id=threads[1], tool_outputs=[])


def test_a_stream_tells_of_a_cancellation(slow: Talk) -> None:
    thread, names = slow.thread("Hello?"), []
    with slow.client.beta.threads.runs.stream(thread_id=thread, assistant_id=slow.assistant()) as stream:
        for event in stream:
            names.append(event.event)
            if event.event == "thread.message.delta":
                run_id = stream.current_run.id if stream.current_run else ""
                slow.client.beta.threads.runs.cancel(run_id, thread_id=thread)
    assert names[-4:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]


def test_a_thread_is_locked_while_a_run_is_active(slow: Talk) -> None:
    thread, run = _speaking(slow)
    for attempt, message in (
        (lambda: slow.client.beta.threads.messages.create(thread, role="user", content="And?"),
         f"Can't add messages to {thread} while a run {run.id} is active."),
        (lambda: slow.client.beta.threads.runs.create(thread, assistant_id=slow.assistant()),
         f"Thread {thread} already has an active run {run.id}."),
        (lambda: slow.client.beta.threads.runs.update(run.id, thread_id=thread, metadata={}),
         "Cannot update run with status 'in_progress'."),
    ):  # fmt: skip
        with pytest.raises(openai.BadRequestError) as caught:
            attempt()
        assert _error(caught) == (400, message)
        assert (caught.value.param, caught.value.code) == (None, None)


def test_a_thread_that_is_deleted_takes_its_run_along(slow: Talk) -> None:
    thread, run = _speaking(slow)
    assert slow.client.beta.threads.delete(thread).deleted
    with pytest.raises(openai.NotFoundError, match=thread):
        slow.client.beta.threads.runs.retrieve(run.id, thread_id=thread)
    until(lambda: not slow.account.turns._tasks)


def test_a_client_that_goes_away_loses_nothing(tmp_path: Path) -> None:
    with talking(tmp_path, ALPHABET) as talk:
        thread = talk.thread("The alphabet?")
        body = {"assistant_id": talk.assistant(), "stream": True}
        url = f"{talk.client.base_url}threads/{thread}/runs"
        with httpx2.stream("POST", url, json=body) as answer:
            assert next(answer.iter_lines()) == "event: thread.run.created"
        until(lambda: talk.said(thread)[-1].endswith("p"))


@pytest.mark.parametrize("streamed", (True, False))
def test_nor_does_one_of_a_response_or_a_session(tmp_path: Path, streamed: bool) -> None:  # noqa: FBT001 (a case)
    with talking(tmp_path, ALPHABET) as talk:
        conversation = talk.client.conversations.create().id
        _leave(talk, "responses", {"model": "m", "input": "Hello?", "conversation": conversation}, streamed=streamed)
        items = talk.client.conversations.items
        until(lambda: len(items.list(conversation).data) == 2)
        assert items.list(conversation).data[0].to_dict()["content"][0]["text"].endswith("p")  # type: ignore[index]

        place = {"environment": {"type": "none"}, "agent": {"model": "m"}}
        _leave(talk, "agents/sessions", place | {"input": "Hello?"}, streamed=streamed)
        sessions = talk.client.beta.agents.sessions
        [session] = sessions.list().data
        until(lambda: sessions.retrieve(session.id).status == "idle")
        assert sessions.items.list(session.id).data[0].to_dict()["content"][0]["text"].endswith("p")  # type: ignore[index]


def _leave(talk: Talk, path: str, body: dict[str, Any], *, streamed: bool) -> None:
    """Ask for something, and hang up as soon as it has begun."""
    headers = {"openai-beta": "agents=v1"}
    with (
        contextlib.suppress(httpx2.TimeoutException),
        httpx2.stream(
            "POST", f"{talk.client.base_url}{path}", json=body | {"stream": streamed}, headers=headers, timeout=0.05
        ) as answer,
    ):
        next(answer.iter_lines())


def test_limits_of_tokens(tmp_path: Path) -> None:
    long = {"times": "any", "answers": [{"text": "word " * 2000}]}
    with talking(tmp_path, long) as talk:
        thread, assistant = talk.thread("Speak."), talk.assistant()
        runs = talk.client.beta.threads.runs
        run = runs.create_and_poll(thread_id=thread, assistant_id=assistant, max_completion_tokens=256)
        assert run.status == "incomplete"
        assert run.incomplete_details
        assert run.incomplete_details.reason == "max_completion_tokens"
        newest = talk.client.beta.threads.messages.list(thread).data[0]
        assert newest.incomplete_details
        assert newest.incomplete_details.reason == "max_tokens"
        assert 200 * 4 < len(text_of(newest)) < 300 * 4
        thread = talk.thread("word " * 2000)
        run = runs.create_and_poll(thread_id=thread, assistant_id=assistant, max_prompt_tokens=256)
        assert run.incomplete_details
        assert (run.status, run.incomplete_details.reason) == ("incomplete", "max_prompt_tokens")
        with pytest.raises(openai.BadRequestError, match="Expected a value >= 256"):
            runs.create(thread, assistant_id=assistant, max_prompt_tokens=255)


def test_a_model_that_fails(tmp_path: Path) -> None:
    turn = {"answers": [[{"text": "Half"}, {"fail": {"code": "rate_limit_exceeded", "message": "Too many."}}]]}
    with talking(tmp_path, turn) as talk:
        thread = talk.thread("Go.")
        run = talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant())
        assert run.last_error
        assert (run.status, run.last_error.code, run.last_error.message) == (
            "failed",
            "rate_limit_exceeded",
            "Too many.",
        )
        assert run.failed_at
        [step] = talk.client.beta.threads.runs.steps.list(run.id, thread_id=thread).data
        assert step.last_error
        assert (step.status, step.last_error.message) == ("failed", "Too many.")
        newest = talk.client.beta.threads.messages.list(thread).data[0]
        assert newest.incomplete_details
        assert (text_of(newest), newest.incomplete_details.reason) == ("Half", "run_failed")


def test_a_bug_in_what_answers_fails_its_run_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Answerer):
        async def answer(self, question: Any) -> Any:
            yield 1 / len(question.own)

    with talking(tmp_path, answers=Broken()) as talk:
        thread = talk.thread("Go.")
        run = talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant())
        assert run.last_error
        assert (run.status, run.last_error.code) == ("failed", "server_error")
        assert "ZeroDivision" not in run.last_error.message
    assert "ZeroDivisionError" in caplog.text


def test_a_run_overrides_its_assistant(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        assistant = talk.assistant(tools=[FUNCTION], temperature=0.5, metadata={"of": "assistant"})
        thread = talk.thread("Hello.")
        more: Any = [{"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Once more."}]
        run = talk.client.beta.threads.runs.create_and_poll(
            thread_id=thread,
            assistant_id=assistant,
            model="gpt-6-sol",
            additional_instructions="Be brief.",
            additional_messages=more,
            tools=[CODE],
            metadata={"of": "run"},
        )
        assert (run.model, run.instructions, run.metadata) == ("gpt-6-sol", "Answer.\nBe brief.", {"of": "run"})
        assert [tool.type for tool in run.tools] == ["code_interpreter"]
        assert (run.temperature, run.tool_choice, run.parallel_tool_calls) == (0.5, "auto", True)
        said = talk.said(thread)
        assert said[:3] == ["Hello.", "Yes?", "Once more."]
        assert "gpt-6-sol" in said[3]
        changed = talk.client.beta.threads.runs.update(run.id, thread_id=thread, metadata={"now": "this"})
        assert changed.metadata == {"now": "this"}


def test_only_the_newest_messages_are_read_when_asked(tmp_path: Path) -> None:
    heard: list[list[str]] = []

    class Listening(Answerer):
        async def answer(self, question: Any) -> Any:
            heard.append([part["text"] for item in question.items for part in item["content"]])
            nothing: list[Any] = []
            for part in nothing:
                yield part

    with talking(tmp_path, answers=Listening()) as talk:
        thread, assistant = talk.thread("one", "two", "three"), talk.assistant()
        strategy: Any = {"type": "last_messages", "last_messages": 2}
        for given in ({}, {"truncation_strategy": strategy}):
            talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant, **given)
    assert heard == [["one", "two", "three"], ["two", "three"]]


def test_two_assistants_in_one_thread(tmp_path: Path) -> None:
    turns = [{"when": {"name": name}, "answers": [{"text": f"I am {name}."}]} for name in ("Ada", "Bob")]
    with talking(tmp_path, *turns) as talk:
        thread = talk.thread("Who are you?")
        for name in ("Bob", "Ada"):
            talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant(name=name))
        assert talk.said(thread)[1:] == ["I am Bob.", "I am Ada."]


def test_what_is_attached_to_a_message_reaches_the_tools(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        file = talk.client.files.create(file=("foods.txt", b"Filip likes cake."), purpose="assistants")
        attachments: Any = [{"file_id": file.id, "tools": [SEARCH, CODE]}]
        thread = talk.client.beta.threads.create()
        message = talk.client.beta.threads.messages.create(
            thread.id, role="user", content="What does Filip like?", attachments=attachments
        )
        assert message.attachments
        assert message.attachments[0].file_id == file.id
        shown = talk.client.beta.threads.retrieve(thread.id).tool_resources
        assert shown
        assert shown.code_interpreter
        assert shown.file_search
        assert shown.code_interpreter.file_ids == [file.id]
        [store_id] = shown.file_search.vector_store_ids or []
        # Read without the SDK, whose type demands a name.
        url = f"{talk.client.base_url}vector_stores/{store_id}"
        until(lambda: bool(httpx2.get(url).json()["status"] == "completed"))
        assert httpx2.get(url).json()["expires_after"] == {"anchor": "last_active_at", "days": 7}
        talk.client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=talk.assistant(tools=[SEARCH]))
        assert "Filip likes cake." in talk.said(thread.id)[-1]
        with pytest.raises(openai.NotFoundError, match="file-none"):
            talk.client.beta.threads.messages.create(
                thread.id, role="user", content="x", attachments=[{"file_id": "file-none", "tools": [CODE]}]
            )


def test_a_run_waits_for_what_is_attached_to_be_ingested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a thread are waited for (file search guide)."""
    release = threading.Event()

    def slow(_path: Path) -> str:
        release.wait(10)
        return "토끼의 이름은 보리다."

    monkeypatch.setitem(extraction._READERS, ".txt", slow)
    with talking(tmp_path) as talk:
        file = talk.client.files.create(file=("rabbit.txt", b"any"), purpose="assistants")
        attachment: Any = {"file_id": file.id, "tools": [SEARCH]}
        said: Any = {"role": "user", "content": "토끼의 이름은?", "attachments": [attachment]}
        run = talk.client.beta.threads.create_and_run(
            assistant_id=talk.assistant(tools=[SEARCH]), thread={"messages": [said]}
        )
        runs = talk.client.beta.threads.runs
        until(lambda: bool(runs.steps.list(run.id, thread_id=run.thread_id).data))
        assert runs.retrieve(run.id, thread_id=run.thread_id).status == "in_progress"
        release.set()
        assert runs.poll(run.id, thread_id=run.thread_id).status == "completed"
        assert "보리" in talk.said(run.thread_id)[-1]


def test_code_is_shown_with_what_the_script_says_it_put_out(tmp_path: Path) -> None:
    (tmp_path / "chart.png").write_bytes(b"\x89PNG any")
    outputs = [{"logs": "42"}, {"image": "chart.png"}]
    turn = {"answers": [{"code": "plot()", "outputs": outputs}, {"text": "Drawn."}]}
    with talking(tmp_path / "account", answers=rehearsal(turn, folder=tmp_path)) as talk:
        thread = talk.thread("Draw.")
        run = talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=talk.assistant(tools=[CODE]))
        step = talk.client.beta.threads.runs.steps.list(run.id, thread_id=thread, order="asc").data[0]
        assert step.step_details.type == "tool_calls"
        call = step.step_details.tool_calls[0]
        assert call.type == "code_interpreter"
        assert call.code_interpreter.input == "plot()"
        logs, image = call.code_interpreter.outputs
        assert logs.type == "logs"
        assert logs.logs == "42"
        assert image.type == "image"
        assert talk.client.files.content(image.image.file_id).read() == b"\x89PNG any"
        assert talk.client.files.retrieve(image.image.file_id).purpose == "assistants_output"


def test_messages_of_parts_are_listed_changed_and_deleted(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        file = talk.client.files.create(file=("a.png", b"png"), purpose="vision")
        parts: Any = [
            {"type": "text", "text": "Look:"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "image_file", "image_file": {"file_id": file.id, "detail": "low"}},
        ]
        messages = talk.client.beta.threads.messages
        thread = talk.thread("first", "second")
        made = messages.create(thread, role="user", content=parts, metadata={"a": "1"})
        assert [part.type for part in made.content] == ["text", "image_url", "image_file"]
        assert messages.update(made.id, thread_id=thread, metadata={"b": "2"}).metadata == {"b": "2"}
        assert messages.retrieve(made.id, thread_id=thread).metadata == {"b": "2"}
        page = messages.list(thread, limit=2)
        assert (len(page.data), page.has_more) == (2, True)
        assert [text_of(message) for message in page] == ["Look:", "second", "first"]
        assert [text_of(one) for one in messages.list(thread, before=made.id, order="asc")] == ["first", "second"]
        assert messages.delete(made.id, thread_id=thread).deleted
        with pytest.raises(openai.NotFoundError, match=made.id):
            messages.retrieve(made.id, thread_id=thread)
        with pytest.raises(openai.NotFoundError, match=made.id):
            messages.update(made.id, thread_id=thread, metadata={})


def test_a_run_needs_something_to_answer(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        empty, silent = talk.client.beta.threads.create().id, talk.client.beta.assistants.create(model="m").id
        with pytest.raises(openai.BadRequestError) as caught:
            talk.client.beta.threads.runs.create(empty, assistant_id=silent)
        wanted = "Run creation requires a Thread with a user message or an assistant with instructions."
        assert (_error(caught)[1], caught.value.code) == (wanted, "invalid_thread")
        talk.client.beta.threads.runs.create_and_poll(thread_id=empty, assistant_id=talk.assistant())


def test_many_streams_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    words = [f" w{number}" for number in range(30)]
    with talking(tmp_path, {"times": "any", "answers": [{"text": words}]}) as talk:
        assistant, heard = talk.assistant(), dict[int, list[str]]()

        def listen(number: int) -> None:
            thread = talk.thread("Count.")
            with talk.client.beta.threads.runs.stream(thread_id=thread, assistant_id=assistant) as stream:
                heard[number] = list(stream.text_deltas)

        threads = [threading.Thread(target=listen, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert list(heard.values()) == [words] * 20
