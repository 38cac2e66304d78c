"""Sessions of agents, through the real SDK's helpers over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.types.beta.agents.sessions.turn import Turn

from tests.server.support import until
from tests.server.talk import Talk, talking

_PARAMETERS = {"type": "object", "properties": {}}
_PICK: Any = {"type": "function", "name": "pick", "description": "Picks.", "parameters": _PARAMETERS}
_NONE: Any = {"type": "none"}
_CALLS = [{"call": "pick", "arguments": {"n": 1}}, {"call": "pick", "arguments": {"n": 2}}]
_SLOW: dict[str, Any] = {"times": "any", "answers": [[{"text": ["Well,"]}, {"delay": 1000}]]}


def _agent(talk: Talk, **fields: Any) -> str:
    return talk.client.beta.agents.create(model="gpt-6-luna", name="Ada", **fields).id


def _session(talk: Talk, text: str = "Hello?", **fields: Any) -> str:
    """A session whose first turn has begun."""
    given = {"agent_id": _agent(talk, tools=[_PICK]), "environment": _NONE, "input": text} | fields
    session: Any = talk.client.beta.agents.sessions.create(**given)
    return str(session.id)


def _turn(talk: Talk, session_id: str) -> Turn:
    return talk.client.beta.agents.sessions.turns.list(session_id).data[0]


def _reaches(talk: Talk, session_id: str, status: str) -> None:
    until(lambda: talk.client.beta.agents.sessions.retrieve(session_id).status == status)


def _send(talk: Talk, session_id: str, *events: Any, **options: Any) -> None:
    talk.client.beta.agents.sessions.events.create(session_id, events=events, **options)


def _result(turn_id: str, call_id: str, output: str) -> Any:
    place = {"turn_id": turn_id, "call_id": call_id}
    return {"type": "agent.session.input.tool_result", **place, "success": True, "output": output}


def _says(text: str) -> Any:
    return {"type": "agent.session.input.message", "input": [{"role": "user", "content": text}]}


def _error(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> tuple[int, str, Any]:
    body: Any = caught.value.body
    return caught.value.status_code, body["message"], caught.value.code


def test_a_session_that_is_streamed_from_its_creation(tmp_path: Path) -> None:
    with talking(tmp_path, {"answers": [{"text": ["Hello", " there."]}]}) as talk:
        with talk.client.beta.agents.sessions.create(
            environment=_NONE, agent_id=_agent(talk), input="Hello?", stream=True, metadata={"a": "b"}
        ) as stream:
            collected = stream.with_result_collection()
            names = [event.type.removeprefix("agent.session.") for event in collected]
            result = collected.get_final_result()
        assert (result.output_text, result.turn.status) == ("Hello there.", "completed")
        assert names == [
            *("created", "turn.created", "turn.item.added", "in_progress", "turn.in_progress", "turn.item.added"),
            *("turn.content_part.added", "turn.output_text.delta", "turn.output_text.delta", "turn.output_text.done"),
            *("turn.content_part.done", "turn.item.done", "turn.completed", "idle"),
        ]
        session = talk.client.beta.agents.sessions.retrieve(result.turn.session_id)
        assert (session.status, session.required_actions, session.metadata) == ("idle", [], {"a": "b"})
        assert (session.agent.name, session.agent.model) == ("Ada", "gpt-6-luna")
        assert result.turn.usage
        assert result.turn.usage.total_tokens > 0


def test_handlers_answer_calls_and_the_turn_goes_on(tmp_path: Path) -> None:
    seen: list[Any] = []

    def pick(arguments: Any) -> Any:
        seen.append(arguments)
        return {"picked": arguments["n"]}

    turns: list[dict[str, Any]] = [{"answers": [{"text": "Hi."}]}, {"answers": [_CALLS, {"text": "Picked."}]}]
    with talking(tmp_path, *turns) as talk:
        session = _session(talk)
        _reaches(talk, session, "idle")
        with talk.client.beta.agents.sessions.stream(session, input="Pick.", tool_handlers={"pick": pick}) as stream:
            assert stream.get_final_result().output_text == "Picked."
        assert sorted(call["n"] for call in seen) == [1, 2]
        items: Any = talk.client.beta.agents.sessions.items.list(session, order="asc").data
        assert [item.type for item in items] == [
            *("message", "message", "message", "function_call", "function_call"),
            *("function_call_output", "function_call_output", "message"),
        ]
        assert items[3].arguments == {"n": 1}
        assert {item.status for item in items} == {"completed"}
        turn = _turn(talk, session)
        own = talk.client.beta.agents.sessions.turns.items.list(turn.id, session_id=session, order="asc").data
        assert [item.type for item in own] == [item.type for item in items[2:]]


def test_calls_are_answered_one_by_one_by_hand(tmp_path: Path) -> None:
    with talking(tmp_path, {"answers": [_CALLS, {"text": "Picked."}]}) as talk:
        sessions = talk.client.beta.agents.sessions
        session = _session(talk)
        _reaches(talk, session, "requires_action")
        actions: Any = sessions.retrieve(session).required_actions
        assert [(action.name, action.arguments) for action in actions] == [("pick", {"n": 1}), ("pick", {"n": 2})]
        turn = _turn(talk, session)
        assert turn.status == "waiting"
        with pytest.raises(openai.BadRequestError) as caught:
            _send(talk, session, _result(turn.id, "call_x", "?"))
        assert _error(caught) == (400, "Unknown pending tool call: call_x", "invalid_request_error")
        first = _result(turn.id, actions[0].call_id, "one")
        _send(talk, session, first)
        _send(talk, session, first)
        with pytest.raises(openai.ConflictError):
            _send(talk, session, first | {"output": "another"})
        assert [action.call_id for action in _actions(talk, session)] == [actions[1].call_id]
        _send(talk, session, _result(turn.id, actions[1].call_id, "two"))
        _reaches(talk, session, "idle")
        with pytest.raises(openai.ConflictError):
            _send(talk, session, _result(turn.id, "call_y", "late"))


def _actions(talk: Talk, session: str) -> Any:
    return talk.client.beta.agents.sessions.retrieve(session).required_actions


def test_what_is_said_in_the_middle_steers_the_turn(tmp_path: Path) -> None:
    turn = {"answers": [[{"text": "One."}, {"delay": 0.3}], {"text": "Two."}]}
    with talking(tmp_path, turn) as talk:
        session = _session(talk)
        _reaches(talk, session, "in_progress")
        _send(talk, session, _says("And now?"))
        _reaches(talk, session, "idle")
        assert len(talk.client.beta.agents.sessions.turns.list(session).data) == 1
        items: Any = talk.client.beta.agents.sessions.items.list(session, order="asc").data
        assert [item.content[0].text for item in items if item.role == "assistant"] == ["One.", "Two."]


def test_a_turn_is_cancelled_and_a_session_is_deleted_only_when_idle(tmp_path: Path) -> None:
    with talking(tmp_path, _SLOW) as talk:
        sessions = talk.client.beta.agents.sessions
        session = _session(talk)
        _reaches(talk, session, "in_progress")
        with pytest.raises(openai.ConflictError) as caught:
            sessions.delete(session)
        assert _error(caught)[2] == "conflict_error"
        _send(talk, session, {"type": "agent.session.input.cancel"})
        _reaches(talk, session, "idle")
        assert _turn(talk, session).status == "cancelled"
        _send(talk, session, {"type": "agent.session.input.cancel"})
        assert sessions.delete(session).deleted
        with pytest.raises(openai.NotFoundError) as missing:
            sessions.retrieve(session)
        assert _error(missing)[2] == "not_found_error"


def test_a_turn_that_fails_leaves_its_session_alive(tmp_path: Path) -> None:
    turns: list[dict[str, Any]] = [
        {"answers": [{"fail": {"code": "rate_limit_exceeded", "message": "Too many."}}]},
        {"answers": [{"text": "Better."}]},
    ]
    with talking(tmp_path, *turns) as talk:
        with talk.client.beta.agents.sessions.create(
            environment=_NONE, agent={"model": "m"}, input="Hello?", stream=True
        ) as stream:
            names = [event.type.removeprefix("agent.session.") for event in stream]
        assert names[-3:] == ["error", "turn.failed", "idle"]
        session = talk.client.beta.agents.sessions.list().data[0].id
        error = _turn(talk, session).error
        assert error
        assert (error.code, error.message) == ("rate_limit_exceeded", "Too many.")
        with talk.client.beta.agents.sessions.stream(session, input="Again?") as again:
            assert again.get_final_result().output_text == "Better."


def test_a_batch_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        session = _session(talk)
        _reaches(talk, session, "idle")
        for _ in range(2):
            _send(talk, session, _says("Once."), idempotency_key="key-1")
        _reaches(talk, session, "idle")
        assert len(talk.client.beta.agents.sessions.turns.list(session).data) == 2
        with pytest.raises(openai.ConflictError) as caught:
            _send(talk, session, _says("Twice."), idempotency_key="key-1")
        assert _error(caught)[2] == "idempotency_conflict"


def test_a_session_is_changed_and_listed(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        sessions = talk.client.beta.agents.sessions
        first, second = _session(talk), _session(talk, agent_id=_agent(talk, instructions="Be brief."))
        changed = sessions.update(second, agent={"model": "gpt-6-sol", "tools": []}, metadata={"x": "y"})
        assert (changed.agent.model, changed.agent.instructions) == ("gpt-6-sol", "Be brief.")
        assert (changed.agent.tools, changed.metadata) == ([], {"x": "y"})
        assert [session.id for session in sessions.list()] == [second, first]
        place: Any = {"type": "self_hosted", "workspace_directory": "/work"}
        own = sessions.create(environment=place, agent={"model": "m"})
        assert (own.status, own.environment.type) == ("idle", "self_hosted")


def test_what_only_a_hosted_environment_brings_is_not_there(tmp_path: Path) -> None:
    with talking(tmp_path) as talk:
        sessions = talk.client.beta.agents.sessions
        with sessions.create(environment=_NONE, agent={"model": "m"}, input="Hello?", stream=True) as stream:
            result = stream.with_result_collection().get_final_result()
        for several in (sessions.artifacts, sessions.subagents, sessions.traces):
            assert several.list(result.session_id).data == []
        with pytest.raises(ValueError, match="No artifact matches this turn and path"):
            sessions.artifacts.for_result(result).content("/work/a.txt")
        with pytest.raises(openai.NotFoundError, match="No artifact found with id 'art_x'"):
            sessions.artifacts.retrieve("art_x", session_id=result.session_id)


_NO_ITEMS: Any = {
    "type": "function",
    "name": "f",
    "description": "Do it.",
    "parameters": {"type": "object", "properties": {"a": {"type": "array"}}},
}


@pytest.mark.parametrize(
    ("body", "message"),
    (
        ({"agent": {"model": "m"}, "input": "x"}, "Missing required parameter: 'environment'."),
        ({"environment": {"type": "openai_hosted"}, "agent": {"model": "m"}, "input": "x"}, "'openai_hosted'"),
        ({"environment": _NONE, "agent": {"model": "m"}}, "A session without an environment needs an input."),
        ({"environment": _NONE, "input": "x"}, "A session needs an 'agent_id', or an 'agent' with its model."),
        ({"environment": _NONE, "input": "x", "agent": {"modell": "m"}}, "Unknown parameter: 'agent.modell'."),
        (
            {"environment": _NONE, "input": "x", "agent": {"model": "m", "tools": [_NO_ITEMS]}},
            "Invalid schema for function 'f': In context=('properties', 'a'), array schema missing items.",
        ),
    ),
)
def test_what_is_wrong_is_refused(tmp_path: Path, body: Any, message: str) -> None:
    with talking(tmp_path) as talk:
        url = f"{talk.client.base_url}agents/sessions"
        answer = httpx2.post(url, json=body, headers={"openai-beta": "agents=v1"})
        assert httpx2.post(url, json=body).json()["error"]["code"] == "invalid_beta"
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_request_error")
    assert message in error["message"]
