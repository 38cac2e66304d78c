"""Turns that outlive their process, and turns of several processes on one folder."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from deployer.server import EmbeddedAccount
from tests.server.processes import served
from tests.server.support import until
from tests.server.talk import FUNCTION, Talk, talking

_LEASE = 0.5  # seconds
_SLOW: dict[str, Any] = {"times": "any", "answers": [[{"text": ["Well,"]}, {"delay": 1000}]]}
_PICK: dict[str, Any] = {"answers": [{"call": "pick"}, {"text": "Picked."}]}


_NONE: dict[str, Any] = {"type": "none"}
_TOOL = {
    "type": "function",
    "name": "pick",
    "description": "Picks.",
    "parameters": {"type": "object", "properties": {}},
}
_AGENT: dict[str, Any] = {"model": "m", "tools": [_TOOL]}


def _post(base_url: str, path: str, **body: Any) -> Any:
    answer = httpx2.post(f"{base_url}/{path}", json=body, headers={"openai-beta": "agents=v1"})
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


def test_turns_in_the_middle_of_a_kill_end_as_failed(tmp_path: Path) -> None:
    with served(tmp_path, _SLOW, lease=_LEASE) as server:
        thread, run = _begin(server.base_url)
        response = _post(server.base_url, "responses", model="m", input="Hello?", background=True)["id"]
        session = _post(server.base_url, "agents/sessions", environment=_NONE, agent=_AGENT, input="Hello?")["id"]
        until(lambda: _half_written(tmp_path) == 3)
        server.process.kill()
        server.process.wait()
    error = {"code": "server_error", "message": "The server stopped while it was working on this."}
    with talking(tmp_path, {"answers": [{"text": "Again."}]}, lease=_LEASE) as talk:
        base_url = str(talk.client.base_url).rstrip("/")
        until(partial(_is_idle, tmp_path))
        shown = _run(base_url, thread, run)
        assert (shown["status"], shown["last_error"]) == ("failed", error)
        newest = _said(base_url, thread)[0]
        assert (newest["status"], newest["incomplete_details"]) == ("incomplete", {"reason": "run_failed"})
        [step] = talk.client.beta.threads.runs.steps.list(run, thread_id=thread).data
        assert step.status == "failed"
        failed = talk.client.responses.retrieve(response)
        assert (failed.status, failed.error and failed.error.to_dict()) == ("failed", error)
        with talk.client.responses.retrieve(response, stream=True) as events:
            assert [event.type for event in events][-1] == "response.failed"
        [turn] = talk.client.beta.agents.sessions.turns.list(session).data
        assert (turn.status, turn.error and turn.error.to_dict()) == ("failed", error)
        with talk.client.beta.agents.sessions.stream(session, input="And now?") as stream:
            assert stream.get_final_result().output_text == "Again."


def _half_written(folder: Path) -> int:
    """How many messages are being written."""
    with closing(sqlite3.connect(folder / "account.sqlite3")) as db:
        found = db.execute("SELECT COUNT(*) FROM items WHERE json_extract(body, '$.status') = 'in_progress'")
        return int(found.fetchone()[0])


def test_whatever_the_moment_of_a_kill_no_turn_is_stuck(tmp_path: Path) -> None:
    """Whatever the database holds at some moment is what a kill would have left; the next process ends it all."""
    answers = [[{"call": "pick"}, {"call": "pick"}], {"search": "a", "results": []}, {"text": ["a", " b", " c"]}]
    with talking(tmp_path / "first", {"times": "any", "pace": 0.002, "answers": answers}) as talk:
        base_url = str(talk.client.base_url).rstrip("/")
        begun = [_begin(base_url) for _ in range(2)]
        talk.client.responses.create(model="m", input="Hello?", background=True)
        _post(base_url, "agents/sessions", environment=_NONE, agent=_AGENT, input="Hello?")
        moments: list[Path] = []
        while not moments or _active(moments[-1]):
            moments.append(_moment(tmp_path, len(moments)))
            for thread, run in begun:
                if (shown := _run(base_url, thread, run))["required_action"]:
                    _answer(base_url, thread, run, shown)
            time.sleep(0.004)
    assert _active(moments[0])
    for folder in moments:
        seen = _active(folder)
        with EmbeddedAccount(folder, clock=lambda: time.time() + 60):
            until(partial(_is_idle, folder))
        assert _unfinished(folder) == 0, seen


def _moment(folder: Path, number: int) -> Path:
    """A copy of an account as it is at this moment."""
    copy = folder / str(number)
    copy.mkdir()
    paths = [one / "account.sqlite3" for one in (folder / "first", copy)]
    with closing(sqlite3.connect(paths[0])) as one, closing(sqlite3.connect(paths[1])) as other:
        one.backup(other)
    return copy


def _active(folder: Path) -> list[str]:
    """The statuses of turns that somebody must work on."""
    with closing(sqlite3.connect(folder / "account.sqlite3")) as db:
        found = db.execute("SELECT status FROM turns WHERE status IN ('queued', 'in_progress', 'cancelling')")
        return [row[0] for row in found]


def _is_idle(folder: Path) -> bool:
    return not _active(folder)


def _unfinished(folder: Path) -> int:
    """How many items and steps are in progress, but for those of turns that wait for outputs."""
    with closing(sqlite3.connect(folder / "account.sqlite3")) as db:
        of_items = "SELECT COUNT(*) FROM items WHERE json_extract(body, '$.status') = 'in_progress'"
        of_steps = (
            "SELECT COUNT(*) FROM turns, json_each(turns.body, '$.steps') AS step WHERE turns.status != "
            "'requires_action' AND json_extract(step.value, '$.status') = 'in_progress'"
        )
        return sum(int(db.execute(statement).fetchone()[0]) for statement in (of_items, of_steps))


def _answer(base_url: str, thread: str, run: str, shown: Any) -> None:
    calls = shown["required_action"]["submit_tool_outputs"]["tool_calls"]
    outputs = [{"tool_call_id": call["id"], "output": "x"} for call in calls]
    _post(base_url, f"threads/{thread}/runs/{run}/submit_tool_outputs", tool_outputs=outputs)


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
