"""The recorded sessions with the real API, as steps, and the requests that stand for what a recording left out."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MATERIAL = Path(__file__).parents[2].parent / "shared" / "material"
OURS = re.compile(r"/v1/(files|uploads|vector_stores|assistants|models|threads|responses|conversations)(/|$)")
TALK = re.compile(r"/v1/(threads|responses|conversations)(/|$)")
_PREFIXES = r"file-|vs_|vsfb_|asst_|upload_|part_|thread_|run_(?!id)|msg_|step_(?!details)|call_(?!ids?\b)|resp_|conv_"
_PREFIXES += r"|fc_|rs_|fs_|ci_|ws_|cmp_|ctc_|mcpl_|mcpr_|mcp_(?!call|list|approval)"
ID = re.compile(rf"\b({_PREFIXES})\w+")


@dataclass(frozen=True)
class Step:
    """One recorded exchange."""

    session: str
    method: str
    path: str
    query: dict[str, str]
    request: Any
    status: int
    answer: Any

    @property
    def streamed(self) -> bool:
        return isinstance(self.answer, list | str)

    @property
    def endpoint(self) -> str:
        return f"{self.method} {re.sub(r'(?<=/)(fake_id|gpt-[^/]+)', '{id}', ID.sub('{id}', self.path))}"


@dataclass(frozen=True)
class Sent:
    """What is sent for a step: a JSON body, or a form in its recorded or rebuilt bytes."""

    body: Any = None
    content: bytes | None = None
    content_type: str = "application/json"


def sessions() -> Iterator[list[Step]]:
    """Every session with steps on the endpoints that the embedded account has."""
    for name in ("recorded.jsonl", "recorded-2.jsonl"):
        for line in (MATERIAL / name).read_text(encoding="utf-8").splitlines():
            session = json.loads(line)
            if _cannot_be_repeated(session["steps"]):
                continue
            steps = [_step(session["session"], step) for step in session["steps"] if OURS.match(step["path"])]
            if (name == "recorded.jsonl" and steps) or any(TALK.match(step.path) for step in steps):
                yield steps


def _cannot_be_repeated(steps: list[dict[str, Any]]) -> bool:
    """Whether a session follows a response that another one made, was cut, or needs a wrong key or a stored prompt.

    Nor can one be repeated that was written by hand, or whose model does not exist, has read too much, or has fetched
    a file: here any name is that of a model, and none of them reads.
    """
    if not any(TALK.match(step["path"]) for step in steps):
        return False
    posted = "".join(str(step["response"]) for step in steps if step["method"] == "POST")
    requests = [step["request"] for step in steps if isinstance(step["request"], dict)]
    read = [step["path"].split("/")[3] for step in steps if step["method"] == "GET" and "/resp_" in step["path"]]
    followed = [request.get("previous_response_id") or "" for request in requests]
    if any(one not in posted for one in (*followed, *(one for one in read if steps[-1]["status"] == 200))):
        return True
    return any("prompt" in request for request in requests) or any(map(_is_odd, steps))


def _is_odd(step: dict[str, Any]) -> bool:
    answer = step["response"]
    by_hand = isinstance(answer, dict) and answer.get("status") == "complete"
    return step["request"] == "(cut)" or step["status"] == 401 or by_hand or _of_a_model(answer)


def _of_a_model(answer: Any) -> bool:
    error = (answer.get("error") or {}) if isinstance(answer, dict) else {}
    return error.get("code") in ("model_not_found", "context_length_exceeded", "unsupported_file")


def _step(session: str, step: dict[str, Any]) -> Step:
    fields = (step["method"], step["path"], step["query"], step["request"], step["status"], step["response"])
    return Step(session, *fields)


def sent(step: Step, steps: list[Step]) -> Sent:
    """The request of a step; where the recording has none, the one that its answer implies."""
    if step.method != "POST":
        return Sent()
    if isinstance(step.request, list):
        return _recorded_form(step.request)
    if step.path == "/v1/files":
        return _file(step.answer)
    if step.path.startswith("/v1/uploads") and step.request is None:
        return _upload(step, steps)
    return Sent(step.request or None)


def _upload(step: Step, steps: list[Step]) -> Sent:
    if step.path.endswith("/parts"):
        return form({}, "data", "blob", b"x" * _part_size(step, steps))
    if step.path.endswith("/complete"):
        return Sent({"part_ids": [part.answer["id"] for part in _parts(step, steps)]})
    if step.path.endswith("/cancel"):
        return Sent()
    announced = {name: step.answer[name] for name in ("filename", "purpose", "bytes")}
    return Sent(announced | {"mime_type": "text/jsonl"})


def form(fields: dict[str, str], file_field: str, filename: str, data: bytes) -> Sent:
    parts = [_part(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts.append(_part(f'name="{file_field}"; filename="{filename}"', data))
    return Sent(None, b"".join(parts) + b"--limit--\r\n", "multipart/form-data; boundary=limit")


def _part(disposition: str, data: bytes) -> bytes:
    return b"--limit\r\nContent-Disposition: form-data; " + disposition.encode() + b"\r\n\r\n" + data + b"\r\n"


def _recorded_form(pieces: list[str]) -> Sent:
    """A form as the real client sent it, to the byte."""
    data = b"".join(base64.b64decode(piece[4:]) if piece.startswith("b64:") else piece.encode() for piece in pieces)
    boundary = pieces[0].strip().removeprefix("--")
    return Sent(None, data, f'multipart/form-data; boundary="{boundary}"')


def _file(answer: Any) -> Sent:
    """An upload without its bytes: name, size and purpose stand in the answer, or the purpose in its error."""
    if "error" in answer:
        wrong = re.match("'(.*?)'", answer["error"]["message"])
        assert wrong
        return form({"purpose": wrong.group(1)}, "file", "any.txt", b"any")
    return form({"purpose": answer["purpose"]}, "file", answer["filename"], b"x" * answer["bytes"])


def _parts(step: Step, steps: list[Step]) -> list[Step]:
    upload = step.path.split("/")[3]
    return [other for other in steps if other.path == f"/v1/uploads/{upload}/parts"]


def _part_size(step: Step, steps: list[Step]) -> int:
    """Parts share the announced size evenly."""
    parts = _parts(step, steps)
    total = next(other.answer["bytes"] for other in steps if other.answer.get("id") == step.path.split("/")[3])
    share, rest = divmod(total, len(parts))
    return int(share + (rest if step is parts[-1] else 0))
