"""Items of the Responses API: reading what a client gives, and showing what is stored.

Messages, function calls and their outputs, searches and code are understood; every other type is kept and shown as it
came, since only whoever made it knows what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from deployer.server.checks import choice, free_object, missing, string
from deployer.server.runs.turn import COMPLETED, IN_PROGRESS, new_item, new_message, text_part
from deployer.server.wire import ApiError, Json

ROLES = choice("assistant", "system", "developer", "user")
TEXTS = ("input_text", "output_text", "text")
RESULTS, OUTPUTS = "file_search_call.results", "code_interpreter_call.outputs"
IMAGES = "message.input_image.image_url"
INCLUDE = choice(
    RESULTS,
    OUTPUTS,
    "web_search_call.results",
    "web_search_call.action.sources",
    IMAGES,
    "computer_call_output.output.image_url",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
_SHOWN = {"function_call": ("arguments", "call_id", "name"), "function_call_output": ("call_id", "output")}
_IMAGE: Json = {"detail": "auto", "file_id": None, "image_url": None}


# ---- what a client gives


def read_items(value: Any, now: int, path: str = "input") -> list[Json]:
    """Return the items of an input, with new ids: a string is what the user says."""
    if isinstance(value, str):
        return [new_message("user", [text_part(value)], now)]
    if not isinstance(value, list):
        raise ApiError(
            400,
            f"Invalid type for '{path}': expected one of a string or an array of input items, but got "
            f"{_spoken(value)} instead.",
            param=path,
            code="invalid_type",
        )
    return [_item(free_object(item, f"{path}[{index}]"), now, f"{path}[{index}]") for index, item in enumerate(value)]


def _spoken(value: Any) -> str:
    return "null" if value is None else f"a value of type {type(value).__name__}"


def _item(given: Json, now: int, path: str) -> Json:
    kind = string()(given.get("type") or ("message" if "role" in given else "item_reference"), f"{path}.type")
    if kind == "message":
        return _message(given, now, path)
    if kind == "function_call":
        fields = {name: _demanded(given, name, path) for name in ("call_id", "name", "arguments")}
        return new_item(kind, now, status=COMPLETED, **fields)
    if kind == "function_call_output":
        output = given.get("output", "")
        return new_item(kind, now, status=COMPLETED, call_id=_demanded(given, "call_id", path), output=output)
    if kind == "compaction":
        return new_item(kind, now, played={"encrypted_content": _demanded(given, "encrypted_content", path)})
    return new_item(kind, now, played={name: value for name, value in given.items() if name not in ("type", "id")})


def _demanded(given: Json, name: str, path: str) -> str:
    if name not in given:
        raise missing(f"{path}.{name}")
    return str(string()(given[name], f"{path}.{name}"))


def _message(given: Json, now: int, path: str) -> Json:
    role = ROLES(given.get("role"), f"{path}.role")
    if "content" not in given:
        raise missing(f"{path}.content")
    content = given["content"]
    parts = [text_part(content)] if isinstance(content, str) else _parts(content, f"{path}.content")
    extra = {name: given[name] for name in ("phase",) if given.get(name)}
    return new_message(role, parts, now, **extra)


def _parts(content: Any, path: str) -> list[Json]:
    if not isinstance(content, list):
        raise ApiError(
            400, f"Invalid type for '{path}': expected a string or an array.", param=path, code="invalid_type"
        )
    return [_part(free_object(part, f"{path}[{index}]"), f"{path}[{index}]") for index, part in enumerate(content)]


def _part(given: Json, path: str) -> Json:
    kind = string()(given.get("type"), f"{path}.type")
    if kind in TEXTS:
        return text_part(string()(given.get("text"), f"{path}.text"))
    if kind == "refusal":
        return {"type": kind, "refusal": string()(given.get("refusal"), f"{path}.refusal")}
    return given


def demand_pairs(items: Sequence[Json], before: Sequence[Json]) -> None:
    """Refuse outputs without a call before them, and calls that have no output (recorded in public issues)."""
    known = [item["call_id"] for item in before if item["type"] == "function_call"]
    answered = {item["call_id"] for item in before if item["type"] == "function_call_output"}
    for item in items:
        if item["type"] == "function_call":
            known.append(item["call_id"])
        elif item["type"] == "function_call_output":
            if item["call_id"] not in known:
                text = f"No tool call found for function call output with call_id {item['call_id']}."
                raise ApiError(400, text, param="input")
            answered.add(item["call_id"])
    for call_id in known:
        if call_id not in answered:
            raise ApiError(400, f"No tool output found for function call {call_id}.", param="input")


# ---- what is shown


def item_shown(item: Json, include: Iterable[str] = ()) -> Json:
    """An item as the API shows it; results and outputs only where they are asked for."""
    match item["type"]:
        case kind if "played" in item:
            return {"id": item["id"], "type": kind, **item["played"]}
        case "message":
            return _message_shown(item, include)
        case "file_search_call":
            results = item["results"] if RESULTS in include and item["status"] != IN_PROGRESS else None
            queries = [] if item["status"] == IN_PROGRESS else item["queries"]
            return _named(item) | {"queries": queries, "results": results}
        case "code_interpreter_call":
            outputs = [_output_shown(output) for output in item["outputs"]] if OUTPUTS in include else None
            container = f"cntr_{item['turn'].rpartition('_')[2]}"
            return _named(item) | {"code": item["code"], "container_id": container, "outputs": outputs}
        case kind:
            return _named(item) | {name: item[name] for name in _SHOWN.get(kind, ())}


def _named(item: Json) -> Json:
    return {name: item[name] for name in ("id", "type", "status")}


def _message_shown(item: Json, include: Iterable[str]) -> Json:
    said = item["role"] == "assistant"
    content = [_part_shown(part, include, said=said) for part in item["content"]]
    shown = {name: item[name] for name in ("id", "type", "status", "role")} | {"content": content}
    return shown | ({"phase": item["phase"]} if item.get("phase") else {})


def _part_shown(part: Json, include: Iterable[str], *, said: bool) -> Json:
    if part["type"] == "text":
        return output_text(part["text"], part["citations"]) if said else {"type": "input_text", "text": part["text"]}
    if part["type"] == "input_image":
        return {"type": "input_image", **_IMAGE, **part, **({} if IMAGES in include else {"image_url": None})}
    return part


def output_text(text: str, citations: Iterable[Json] = ()) -> Json:
    annotations = [annotation(citation) for citation in citations]
    return {"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}


def annotation(citation: Json) -> Json:
    """Return the annotation of a citation: it belongs before the character at `index`."""
    names = ("file_id", "filename")
    return {"type": "file_citation", **{name: citation[name] for name in names}, "index": citation["at"]}


def _output_shown(output: Json) -> Json:
    if output["type"] == "logs":
        return {"type": "logs", "logs": output["logs"]}
    return {"type": "image", "url": f"/v1/files/{output['file_id']}/content"}
