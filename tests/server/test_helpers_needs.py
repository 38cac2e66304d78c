"""What the SDK's helpers need of a stream: ours is read by them as it is, and then with one defect each.

A defect that a helper does not mind is listed too: only what is listed here as needed must never change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai.lib.streaming import AssistantEventHandler
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from tests.server.played import frames
from tests.server.support import made
from tests.server.talk import rehearsal

Frames = list[list[Any]]
Defect = Callable[[Frames], Frames]
SAID = "Hello there."
_BETA = {"openai-beta": "agents=v1"}


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Frames]]:
    """A stream of each face, as it goes over the wire."""
    answers = rehearsal({"times": "any", "answers": [{"text": ["Hello", " there."]}]})
    folder: Path = tmp_path_factory.mktemp("streams")
    with EmbeddedAccount(folder, answers=answers) as account, TestClient(account.app, headers=_BETA) as api:
        assistant = made(api, "/v1/assistants", model="m", instructions="Answer.")["id"]
        session = {"environment": {"type": "none"}, "agent": {"model": "m"}, "input": "Hello?"}
        asked: dict[str, tuple[str, Any]] = {
            "run": ("threads/runs", {"assistant_id": assistant, "thread": {"messages": []}}),
            "response": ("responses", {"model": "m", "input": "Hello?"}),
            "session": ("agents/sessions", session),
        }
        found = {
            face: frames(api.post(f"/v1/{path}", json=body | {"stream": True}).text)
            for face, (path, body) in asked.items()
        }
        yield found | {"listener": found["session"][1:]}


def heard(face: str, given: Frames) -> str:
    """What a helper of the SDK makes of a stream."""
    text = "".join(
        (f"event: {name}\n" if name else "") + f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"
        for name, data in given
    )

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/events") and request.method == "POST":
            return httpx2.Response(202)
        if request.url.path.endswith("/sess_1"):
            return httpx2.Response(200, json={"id": "sess_1", "status": "idle"})
        return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})

    transport = httpx2.MockTransport(answer)
    with openai.OpenAI(
        base_url="http://nowhere/v1", api_key="any", max_retries=0, http_client=httpx2.Client(transport=transport)
    ) as client:
        return _HELPERS[face](client)


def _run(client: openai.OpenAI) -> str:
    pieces: list[str] = []

    class Handler(AssistantEventHandler):
        def on_text_delta(self, delta: Any, snapshot: Any) -> None:  # noqa: ARG002 (the SDK's signature)
            pieces.append(delta.value)

    with client.beta.threads.create_and_run_stream(assistant_id="asst_1", event_handler=Handler()) as stream:
        stream.until_done()
        final = "".join(part.text.value for one in stream.get_final_messages() for part in _texts(one))
        assert stream.get_final_run().status == "completed"
    return final if final == "".join(pieces) else f"{final} / {''.join(pieces)}"


def _texts(message: Any) -> Iterator[Any]:
    return (part for part in message.content if part.type == "text")


def _response(client: openai.OpenAI) -> str:
    with client.responses.stream(model="m", input="Hello?") as stream:
        pieces = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response().output_text
    return final if final == pieces else f"{final} / {pieces}"


def _session(client: openai.OpenAI) -> str:
    with client.beta.agents.sessions.create(environment={"type": "none"}, input="Hello?", stream=True) as stream:
        return stream.get_final_result().output_text


def _listener(client: openai.OpenAI) -> str:
    with client.beta.agents.sessions.stream("sess_1", input="Hello?") as stream:
        return stream.get_final_result().output_text


_HELPERS: dict[str, Callable[[openai.OpenAI], str]] = {
    "run": _run,
    "response": _response,
    "session": _session,
    "listener": _listener,
}


# ---- defects


def without(*names: str) -> Defect:
    return lambda given: [one for one in given if not one[0].endswith(names)]


def cut_before(name: str) -> Defect:
    return lambda given: given[: _place(given, name)]


def moved(name: str, before: str) -> Defect:
    def apply(given: Frames) -> Frames:
        frame = given[_place(given, name)]
        rest = [one for one in given if one is not frame]
        rest.insert(_place(rest, before), frame)
        return rest

    return apply


def changed(name: str, **fields: Any) -> Defect:
    """Every frame of this name with other fields at the top; None takes one away."""

    def apply(given: Frames) -> Frames:
        return [[one, _with(data, fields) if one.endswith(name) else data] for one, data in given]

    return apply


def _with(data: Any, fields: dict[str, Any]) -> Any:
    return {name: value for name, value in (data | fields).items() if value is not None}


def _place(given: Frames, name: str) -> int:
    return next(index for index, (one, _) in enumerate(given) if one.endswith(name))


def nameless(given: Frames) -> Frames:
    return [["", data] for _, data in given]


def of_index(given: Frames) -> Frames:
    """Deltas of messages that do not say which part they belong to."""
    return [
        [name, data | {"delta": {"content": [{"type": "text", "text": {"value": "x"}}]}}]
        if name == "thread.message.delta"
        else [name, data]
        for name, data in given
    ]


def item_phase(given: Frames) -> Frames:
    return [
        [name, data | {"item": data["item"] | {"phase": "commentary"}}] if name.endswith("turn.item.done") else one
        for one in given
        for name, data in [one]
    ]


@pytest.mark.parametrize("face", _HELPERS)
def test_our_streams_are_read(streams: dict[str, Frames], face: str) -> None:
    assert heard(face, streams[face]) == SAID


@pytest.mark.parametrize(
    ("face", "defect", "outcome"),
    (
        # a run: its steps may be missing, its messages and their places may not
        ("run", without("message.created"), RuntimeError),
        ("run", of_index, TypeError),
        ("run", nameless, RuntimeError),
        ("run", without("run.completed"), AssertionError),
        ("run", without("message.delta"), f"{SAID} / "),
        ("run", without("message.completed"), SAID),
        ("run", without("step.created", "step.in_progress", "step.completed"), SAID),
        ("run", without("run.created", "run.queued"), SAID),
        ("run", without("done"), SAID),
        # a response: it is created first, each part is announced, and the end is told
        ("response", without("response.created", "response.in_progress"), RuntimeError),
        ("response", changed("response.created", type="response.queued"), RuntimeError),
        ("response", without("output_item.added"), RuntimeError),
        ("response", without("content_part.added"), IndexError),
        ("response", changed("output_text.delta", output_index=7), RuntimeError),
        ("response", without("response.completed"), RuntimeError),
        ("response", changed("response.completed", type="response.incomplete"), RuntimeError),
        ("response", nameless, SAID),
        ("response", changed("", sequence_number=None), SAID),
        ("response", without("output_item.done", "content_part.done", "output_text.done"), SAID),
        # a session: items count when they are done, and it is idle after its turn has ended
        ("session", without("turn.created"), openai.OpenAIError),
        ("session", without("idle"), openai.OpenAIError),
        ("session", moved("session.idle", "turn.completed"), openai.OpenAIError),
        ("session", cut_before("turn.completed"), openai.OpenAIError),
        ("session", without("turn.item.done"), ""),
        ("session", item_phase, ""),
        ("session", without("output_text.delta", "content_part.added"), SAID),
        ("session", nameless, SAID),
        # one that listens before it speaks: every event has an id of its own
        ("listener", changed("", event_id="event_1"), openai.OpenAIError),
        ("listener", changed("", event_id=None), openai.OpenAIError),
        ("listener", without("turn.created"), openai.OpenAIError),
        ("listener", moved("session.idle", "turn.completed"), openai.OpenAIError),
        ("listener", without("session.in_progress", "turn.in_progress"), SAID),
    ),
)
def test_a_stream_with_a_defect(streams: dict[str, Frames], face: str, defect: Defect, outcome: Any) -> None:
    broken = defect(streams[face])
    assert broken != streams[face]
    if isinstance(outcome, str):
        assert heard(face, broken) == outcome
    else:
        with pytest.raises(outcome):
            heard(face, broken)
