"""Turns that outlive their process, and turns of several processes on one folder."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import httpx2

from tests.server.processes import served
from tests.server.support import until
from tests.server.talk import FUNCTION, Talk, talking

_LEASE = 0.5  # seconds
_SLOW: dict[str, Any] = {"times": "any", "answers": [[{"text": ["Well,"]}, {"delay": 1000}]]}
_PICK: dict[str, Any] = {"answers": [{"call": "pick"}, {"text": "Picked."}]}


def _post(base_url: str, path: str, **body: Any) -> Any:
    answer = httpx2.post(f"{base_url}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _begin(base_url: str) -> tuple[str, str]:
    """A thread and a run in it."""
    assistant = _post(base_url, "assistants", model="m", instructions="Answer.", tools=[FUNCTION])["id"]
    thread = _post(base_url, "threads", messages=[{"role": "user", "content": "Hello?"}])["id"]
    return thread, _post(base_url, f"threads/{thread}/runs", assistant_id=assistant)["id"]


def _run(base_url: str, thread: str, run: str) -> Any:
    return httpx2.get(f"{base_url}/threads/{thread}/runs/{run}").json()


def _said(base_url: str, thread: str) -> Any:
    return httpx2.get(f"{base_url}/threads/{thread}/messages").json()["data"]


def test_a_run_in_the_middle_of_a_kill_ends_as_failed(tmp_path: Path) -> None:
    with served(tmp_path, _SLOW, lease=_LEASE) as server:
        thread, run = _begin(server.base_url)
        until(lambda: len(_said(server.base_url, thread)) == 2)
        server.process.kill()
        server.process.wait()
    with talking(tmp_path, lease=_LEASE) as talk:
        base_url = str(talk.client.base_url).rstrip("/")
        until(lambda: _run(base_url, thread, run)["status"] == "failed")
        assert _run(base_url, thread, run)["last_error"] == {
            "code": "server_error",
            "message": "The server stopped while it was working on this.",
        }
        newest = _said(base_url, thread)[0]
        assert (newest["status"], newest["incomplete_details"]) == ("incomplete", {"reason": "run_failed"})
        [step] = talk.client.beta.threads.runs.steps.list(run, thread_id=thread).data
        assert step.status == "failed"


def test_a_run_that_was_queued_when_its_process_was_killed_is_played_by_the_next(tmp_path: Path) -> None:
    with talking(tmp_path, _SLOW, lease=_LEASE) as talk:
        thread, run = _begin(str(talk.client.base_url).rstrip("/"))
        until(lambda: len(talk.said(thread)) == 2)
    _as_it_was_when_queued(tmp_path, run)
    with talking(tmp_path, lease=_LEASE) as talk:
        until(lambda: talk.client.beta.threads.runs.retrieve(run, thread_id=thread).status == "completed")


def _as_it_was_when_queued(folder: Path, run: str) -> None:
    db = sqlite3.connect(folder / "account.sqlite3")
    with db:
        db.execute("DELETE FROM items WHERE turn_id = ?", (run,))
        db.execute(
            "UPDATE turns SET status = 'queued', lease_owner = 'dead', lease_until = 0, body = json_set(body, "
            "'$.status', 'queued', '$.steps', json('[]'), '$.answers', 0, '$.ended_at', null, '$.error', null)"
        )
    db.close()


def test_a_run_that_is_stopped_in_order_ends_at_once(tmp_path: Path) -> None:
    with talking(tmp_path, _SLOW) as talk:
        thread, run = _begin(str(talk.client.base_url).rstrip("/"))
        until(lambda: len(talk.said(thread)) == 2)
    with talking(tmp_path) as talk:
        assert talk.client.beta.threads.runs.retrieve(run, thread_id=thread).status == "failed"
        assert talk.said(thread)[1] == "Well,"


def test_a_run_that_waits_for_outputs_waits_through_a_restart(tmp_path: Path) -> None:
    with talking(tmp_path, _PICK) as talk:
        thread, run = _begin(str(talk.client.base_url).rstrip("/"))
        until(lambda: _status(talk, thread, run) == "requires_action")
    with talking(tmp_path, _PICK) as talk:
        waiting = talk.client.beta.threads.runs.retrieve(run, thread_id=thread)
        assert waiting.required_action
        [call] = waiting.required_action.submit_tool_outputs.tool_calls
        outputs: Any = [{"tool_call_id": call.id, "output": "red"}]
        talk.client.beta.threads.runs.submit_tool_outputs_and_poll(run_id=run, thread_id=thread, tool_outputs=outputs)
        assert talk.said(thread)[-1] == "Picked."


def _status(talk: Talk, thread: str, run: str) -> str:
    return talk.client.beta.threads.runs.retrieve(run, thread_id=thread).status


def test_a_run_is_seen_and_cancelled_through_another_process(tmp_path: Path) -> None:
    with served(tmp_path, _SLOW) as one, served(tmp_path, _SLOW) as other:
        thread, run = _begin(one.base_url)
        until(lambda: len(_said(other.base_url, thread)) == 2)
        assert _post(other.base_url, f"threads/{thread}/runs/{run}/cancel")["status"] == "cancelling"
        until(lambda: _run(other.base_url, thread, run)["status"] == "cancelled")
        assert _said(one.base_url, thread)[0]["content"][0]["text"]["value"] == "Well,"


def test_outputs_that_come_through_another_process_are_answered_there(tmp_path: Path) -> None:
    with served(tmp_path, _PICK) as one, served(tmp_path, _PICK) as other:
        thread, run = _begin(one.base_url)
        until(lambda: _run(other.base_url, thread, run)["status"] == "requires_action")
        action = _run(other.base_url, thread, run)["required_action"]
        outputs = [{"tool_call_id": call["id"], "output": "x"} for call in action["submit_tool_outputs"]["tool_calls"]]
        _post(other.base_url, f"threads/{thread}/runs/{run}/submit_tool_outputs", tool_outputs=outputs)
        until(lambda: _run(one.base_url, thread, run)["status"] == "completed")
