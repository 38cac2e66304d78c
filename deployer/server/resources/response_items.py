"""Items of the Responses API: reading what a client gives, and showing what is stored.

Messages, function calls and their outputs, searches and code are understood; every other type is kept and shown as it
came, since only whoever made it knows what it means.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from deployer.server.checks import choice, free_object, identifier, missing, of_type, string
from deployer.server.runs import records
from deployer.server.runs.turn import COMPLETED, IN_PROGRESS, new_item, new_message, text_part
from deployer.server.wire import ApiError, Json

RESULTS, OUTPUTS = "file_search_call.results", "code_interpreter_call.outputs"
IMAGES = "message.input_image.image_url"
INCLUDE = choice(
    RESULTS,
    "web_search_call.results",
    "web_search_call.action.sources",
    IMAGES,
    "computer_call_output.output.image_url",
    OUTPUTS,
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
_SHOWN = {"function_call": ("arguments", "call_id", "name"), "function_call_output": ("call_id", "output")}
_IMAGE: Json = {"detail": "auto", "file_id": None, "image_url": None}

# What follows is as the API was observed to take it (2026-08), with its lists in its order.
_ROLES = ("assistant", "system", "developer", "user")
_TYPES = (
    "additional_tools", "agent_message", "apply_patch_call", "apply_patch_call_output", "code_interpreter_call",
    "compaction", "compaction_trigger", "computer_call", "computer_call_output", "custom_tool_call",
    "custom_tool_call_output", "file_search_call", "function_call", "function_call_output", "image_generation_call",
    "item_reference", "local_shell_call", "local_shell_call_output", "mcp_approval_request", "mcp_approval_response",
    "mcp_call", "mcp_list_tools", "message", "multi_agent_call", "multi_agent_call_output", "program", "program_output",
    "reasoning", "shell_call", "shell_call_output", "tool_search_call", "tool_search_output", "web_search_call",
)  # fmt: skip
_PARTS = choice(
    "input_text", "input_image", "input_audio", "output_text", "refusal", "input_file", "computer_screenshot",
    "summary_text", "encrypted_content",
)  # fmt: skip
_GIVEN_PARTS = ("input_text", "input_image", "input_file", "scoped_content", "input_audio")
_SAID_PARTS = ("output_text", "refusal")
_MESSAGE_FIELDS = ("type", "role", "content", "status", "id")
_PHASE = choice("commentary", "final_answer")
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fc", "reasoning": "rs"}
_PREFIXES |= {"custom_tool_call": "ctc", "web_search_call": "ws"}
_NO_FILE = ("audio", "font", "image", "video")


# ---- what a client gives


def read_items(value: Any, path: str) -> list[Json]:
    """Return the items of an input, with new ids and no time: a string is what the user says."""
    if isinstance(value, str):
        return [new_message("user", [text_part(value)], 0)] if value else []
    # A null is no object for the rest of the API, but it is here.
    noun = "a string" if value is None else "one of a string or array of input items"
    of_type({} if value is None else value, path, noun, isinstance(value, list))
    return read_list(value, path)


def read_list(value: list[Any], path: str) -> list[Json]:
    items = [_item(item, f"{path}[{index}]") for index, item in enumerate(value)]
    for item, following in zip(value, [*value[1:], {}], strict=False):
        _demand_a_follower(item, following)
    return items


def dated(items: Iterable[Json], now: int) -> list[Json]:
    """Return items as they are made now."""
    return [item | {"created_at": now} for item in items]


def _item(given: Any, path: str) -> Json:
    of_type(given, path, "an input item", isinstance(given, dict))
    kind = given.get("type") or ("item_reference" if "id" in given and "role" not in given else "message")
    _one_of(_TYPES, kind, path)
    _demand_prefix(kind, given.get("id"), path)
    match kind:
        case "message":
            return _message(given, path)
        case "function_call":
            fields = {name: _demanded(given, name, path) for name in ("call_id", "name", "arguments")}
            return new_item(kind, 0, status=COMPLETED, **fields)
        case "function_call_output":
            return _output(given, path)
        case "compaction":
            return new_item(kind, 0, played={"encrypted_content": _demanded(given, "encrypted_content", path)})
        case "item_reference":
            return {"type": kind, "id": _demanded(given, "id", path)}
        case _:
            return new_item(kind, 0, played={name: one for name, one in given.items() if name not in ("type", "id")})


def _one_of(names: Sequence[str], value: Any, path: str) -> None:
    """Refuse what is none of some names; the API calls what is not even text an empty one."""
    choice(*names)(value if isinstance(value, str) else "", path)


def _demand_prefix(kind: str, item_id: Any, path: str) -> None:
    if kind in _PREFIXES and item_id is not None:
        identifier(_PREFIXES[kind])(item_id, f"{path}.id")


def _demand_a_follower(item: Json, following: Json) -> None:
    """Refuse reasoning whose response is not given along (recorded): what a model wrote after it, as it was."""
    if item.get("type") != "reasoning" or not item.get("id") or item.get("encrypted_content"):
        return
    kind = following.get("type") or "message"
    if kind == "function_call_output" or (kind == "message" and not following.get("id")):
        text = f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."
        raise ApiError(400, text, param="input")


def _demanded(given: Json, name: str, path: str) -> str:
    if name not in given:
        raise missing(f"{path}.{name}")
    return str(string()(given[name], f"{path}.{name}"))


def _output(given: Json, path: str) -> Json:
    call_id = _demanded(given, "call_id", path)
    if "output" not in given:
        raise missing(f"{path}.output")
    output, place = given["output"], f"{path}.output"
    of_type(output, place, "one of a string or array of objects", isinstance(output, str | list))
    for index, part in enumerate(output if isinstance(output, list) else ()):
        _demand_a_file(free_object(part, f"{place}[{index}]"), f"{place}[{index}]")
    return new_item("function_call_output", 0, status=COMPLETED, call_id=call_id, output=output)


def _message(given: Json, path: str) -> Json:
    role = given.get("role")
    _one_of(_ROLES, role, path)
    said = role == "assistant"
    for name in given:
        if name not in _MESSAGE_FIELDS and not (said and name == "phase"):
            where = f"{path}.{name}"
            raise ApiError(400, f"Unknown parameter: '{where}'.", param=where, code="unknown_parameter")
    if "content" not in given:
        raise missing(f"{path}.content")
    phase = {"phase": _PHASE(given["phase"], f"{path}.phase")} if given.get("phase") is not None else {}
    return new_message(str(role), _content(given["content"], f"{path}.content", said=said), 0, **phase)


def _content(content: Any, path: str, *, said: bool) -> list[Json]:
    if isinstance(content, str):
        return [text_part(content)]
    of_type(content, path, "one of an array of objects or string", isinstance(content, list))
    return [
        _part(free_object(part, f"{path}[{index}]"), f"{path}[{index}]", said) for index, part in enumerate(content)
    ]


def _part(given: Json, path: str, said: bool) -> Json:
    if "type" not in given:
        raise missing(f"{path}.type")
    if given["type"] not in _GIVEN_PARTS:
        _PARTS(given["type"], f"{path}.type")
    _one_of(_SAID_PARTS if said else _GIVEN_PARTS, given["type"], path)
    _demand_a_file(given, path)
    if given["type"] in ("input_text", "output_text"):
        return text_part(_demanded(given, "text", path))
    if given["type"] == "refusal":
        return {"type": "refusal", "refusal": _demanded(given, "refusal", path)}
    return given


def _demand_a_file(part: Json, path: str) -> None:
    """Refuse a file inside an input whose data are not those of a document (recorded)."""
    data = part.get("file_data")
    if part.get("type") != "input_file" or not isinstance(data, str):
        return
    kind = data.removeprefix("data:").partition(";")[0]
    problem = "a value without the 'data:' prefix" if not data.startswith("data:") else ""
    problem = problem or (f"unsupported MIME type '{kind}'" if kind.partition("/")[0] in _NO_FILE else "")
    if problem:
        raise ApiError(
            400,
            f"Invalid file data: '{path}.file_data'. Expected a base64-encoded data URL with a valid file MIME type "
            f"(e.g. 'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got {problem}. Please see "
            "https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types.",
            param=f"{path}.file_data",
            code="invalid_value",
        )


def resolved(db: sqlite3.Connection, items: Iterable[Json]) -> list[Json]:
    """Return items with what they refer to in the place of references."""
    return [_referred(db, item["id"]) if item["type"] == "item_reference" else item for item in items]


def _referred(db: sqlite3.Connection, item_id: str) -> Json:
    found = records.item_by_id(db, item_id)
    if found is None:
        raise ApiError(
            404,
            f"Item with id '{item_id}' not found. Items are not persisted when `store` is set to false. Try again with "
            "`store` set to true, or remove this item from your input.",
            param="input",
        )
    given = {name: value for name, value in found.items() if name not in ("id", "turn", "agent", "step")}
    return new_item(given.pop("type"), given.pop("created_at"), **given)


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
