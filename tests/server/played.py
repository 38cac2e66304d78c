"""The script of a recorded session: what its model said, called, searched and ran, for a rehearsal to play."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.server.recordings import Step

Json = dict[str, Any]


def frames(answer: Any) -> list[list[Any]]:
    """The events of a recorded or of our stream: names, and data as JSON where it is."""
    text = "".join(answer) if isinstance(answer, list) else str(answer)
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in lines:
            data = lines["data"]
            try:
                found.append([lines.get("event", ""), data if data == "[DONE]" else json.loads(data)])
            except ValueError:
                return found  # the recording is cut here
    return found


def is_whole(answer: Any) -> bool:
    """Whether a recorded stream comes to its end; some were cut, or left by their client."""
    names = [name for name, _ in frames(answer)]
    return bool(names) and (names[-1] == "done" or names[-1] in _ENDS)


def run_answers(steps: Iterable[Step], run_id: str) -> list[Any]:
    """What a run's model answered, from all that the session shows of it: streams, steps, messages, waiting calls."""
    streamed = [one for step in steps if step.streamed for one in _of_stream(frames(step.answer), run_id)]
    if streamed:
        return _joined(streamed)
    listed: dict[str, Json] = {}
    for step in steps:
        for shown in _objects(step.answer, "thread.run.step"):
            if shown["run_id"] == run_id:
                listed[shown["id"]] = shown
    said = {shown["id"]: shown for step in steps for shown in _objects(step.answer, "thread.message")}
    if listed:
        ordered = sorted(listed.values(), key=lambda shown: shown["created_at"])
        return _joined([_of_step(shown, said) for shown in ordered])
    waiting = [_calls(step.answer) for step in steps if _waits(step.answer, run_id)]
    spoken = [_of_message(shown) for shown in said.values() if shown["run_id"] == run_id]
    return [*waiting[:1], *spoken]


def response_answers(answer: Any) -> list[Any]:
    """What a model answered with a response: its output, in the pieces that were streamed where it was."""
    streamed = isinstance(answer, str | list)
    events = frames(answer) if streamed else []
    final = next((data["response"] for name, data in reversed(events) if name in _ENDS), None) if streamed else answer
    if final is None or final.get("error"):
        return []
    notes = [note for item in final["output"] for part in item.get("content") or () for note in _notes(part)]
    cited = [{"file": note["filename"], "file_id": note["file_id"], "text": ""} for note in notes]
    parts = [part for item in final["output"] for part in _of_item(item, events, cited)]
    usage = final["usage"] or {}
    if usage:
        details = usage.get("output_tokens_details") or {}
        used = {"input": usage["input_tokens"], "output": usage["output_tokens"]}
        parts.append({"usage": used | {"reasoning": details.get("reasoning_tokens", 0)}})
    if final.get("incomplete_details"):
        parts.append({"stop": final["incomplete_details"]["reason"]})
    return [parts] if parts else []


_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _of_item(item: Json, events: list[list[Any]], cited: list[Json]) -> list[Json]:
    deltas = [data["delta"] for name, data in events if name.endswith(".delta") and data["item_id"] == item.get("id")]
    match item["type"]:
        case "message":
            return [part for content in item["content"] for part in _of_content(content, deltas)]
        case "function_call":
            call: Json = {"call": item["name"], "arguments": deltas or [item["arguments"]], "id": item["call_id"]}
            return [call]
        case "file_search_call":
            return [{"search": item["queries"], "results": cited}]
        case "code_interpreter_call":
            logs = [{"logs": one["logs"]} for one in item["outputs"] or () if one["type"] == "logs"]
            return [{"code": deltas or [item["code"]], "outputs": logs}]
    return [{"item": {name: value for name, value in item.items() if name != "id"}}]


def _of_content(content: Json, deltas: list[str]) -> list[Json]:
    kind = "refusal" if content["type"] == "refusal" else "text"
    pieces = deltas if "".join(deltas) == content[kind] else [content[kind]]
    for note in reversed(_notes(content)):
        pieces = _with_marker(pieces, note["index"], f"【{note['filename']}】")
    return [{kind: pieces}]


def _notes(part: Json) -> list[Json]:
    """The citations of files in a part of a message, by their places."""
    found = [note for note in part.get("annotations") or () if note["type"] == "file_citation"]
    return sorted(found, key=lambda note: int(note["index"]))


def _with_marker(pieces: list[str], place: int, marker: str) -> list[str]:
    found, seen = [], 0
    for piece in pieces:
        cut = place - seen
        if 0 < cut <= len(piece):
            found += [text for text in (piece[:cut], marker, piece[cut:]) if text]
        else:
            found.append(piece)
        seen += len(piece)
    return found


def _joined(answers: list[list[Json]]) -> list[list[Json]]:
    """What a model says before it calls something belongs to that answer: alone, it would be the last word."""
    found: list[list[Json]] = []
    for answer in answers:
        if found and all("text" in part or "usage" in part for part in found[-1]):
            found[-1] += answer
        else:
            found.append(answer)
    return found


def _objects(value: Any, kind: str) -> Iterator[Json]:
    if isinstance(value, dict) and value.get("object") == kind:
        yield value
    elif isinstance(value, dict) and value.get("object") == "list":
        for entry in value["data"]:
            yield from _objects(entry, kind)


def _waits(answer: Any, run_id: str) -> bool:
    return isinstance(answer, dict) and answer.get("id") == run_id and answer.get("required_action") is not None


def _calls(run: Json) -> list[Json]:
    return [
        {"call": call["function"]["name"], "arguments": [call["function"]["arguments"]], "id": call["id"]}
        for call in run["required_action"]["submit_tool_outputs"]["tool_calls"]
    ]


def _of_message(shown: Json) -> list[Json]:
    return [{"text": [part["text"]["value"]]} for part in shown["content"] if part["type"] == "text"]


def _of_step(shown: Json, said: dict[str, Json]) -> list[Json]:
    details = shown["step_details"]
    if details["type"] == "message_creation":
        message = said.get(details["message_creation"]["message_id"])
        parts = _of_message(message) if message else [{"text": "It is not recorded what was said here."}]
    else:
        parts = [_of_call(call) for call in details["tool_calls"]]
    return [*parts, *_used(shown)]


def _used(shown: Json) -> list[Json]:
    usage = shown["usage"]
    if usage is None:
        return []
    return [{"usage": {"input": usage["prompt_tokens"], "output": usage["completion_tokens"]}}]


def _of_call(call: Json) -> Json:
    if call["type"] == "function":
        return {"call": call["function"]["name"], "arguments": [call["function"]["arguments"]], "id": call["id"]}
    if call["type"] == "code_interpreter":
        outputs = [
            {"file_id": output["image"]["file_id"]} if output["type"] == "image" else {"logs": output["logs"]}
            for output in call["code_interpreter"]["outputs"]
        ]
        return {"code": [call["code_interpreter"]["input"]], "outputs": outputs}
    results = [_result(result) for result in call["file_search"]["results"]]
    return {"search": "anything", "results": results}


def _result(result: Json) -> Json:
    text = "".join(part["text"] for part in result.get("content", ()))
    kept = {name: result[name] for name in ("file_id", "score", "attributes")}
    return kept | {"file": result["file_name"], "text": text}


def _of_stream(events: list[list[Any]], run_id: str) -> Iterator[list[Json]]:
    """One answer for each step of a stream, in the very pieces that were streamed."""
    parts: list[Json] = []
    for name, data in events:
        if name.endswith("delta"):
            _grow(parts, data["delta"])
        elif name.startswith("thread.run.step.") and data["run_id"] != run_id:
            return
        elif name == "thread.run.step.created" and parts:
            yield parts
            parts = []
        elif name == "thread.run.step.completed":
            for part, call in zip(parts, data["step_details"].get("tool_calls", ()), strict=False):
                part |= {key: value for key, value in _of_call(call).items() if key not in part}
            parts += _used(data)
    if any("text" in part or "call" in part or "code" in part or "search" in part for part in parts):
        yield parts


def _grow(parts: list[Json], delta: Json) -> None:
    for content in delta.get("content", ()):
        _part(parts, "text").append(content["text"]["value"])
    for call in delta.get("step_details", {}).get("tool_calls", ()):
        if call["type"] == "function":
            if "id" in call:
                parts.append({"call": call["function"]["name"], "arguments": [], "id": call["id"]})
            elif call["function"]["arguments"]:
                parts[-1]["arguments"].append(call["function"]["arguments"])
        elif call["type"] == "code_interpreter" and call["code_interpreter"].get("input"):
            _part(parts, "code").append(call["code_interpreter"]["input"])
        elif call["type"] == "file_search":
            parts.append({"search": "anything"})


def _part(parts: list[Json], kind: str) -> list[str]:
    if not parts or kind not in parts[-1]:
        parts.append({kind: []})
    pieces: list[str] = parts[-1][kind]
    return pieces
