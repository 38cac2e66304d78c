"""Where the embedded account is meant to differ from a recording, and why; nothing else may differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.server.recordings import Step

Json = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """Some steps, why they differ, and how both answers are brought to what must still agree."""

    name: str
    session: str
    endpoint: str
    reason: str
    agree: Callable[[Step, Any, Any], tuple[Any, Any]]

    def applies(self, step: Step) -> bool:
        here = self.endpoint in ("", step.endpoint)
        return step.status == 200 and here and bool(re.search(self.session, step.session))


def _without_shutdown_date(_step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    assert "shutdown_date" in ours
    return recorded, {name: value for name, value in ours.items() if name != "shutdown_date"}


def _first_model(step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    """The catalogues are compared where they have the same model."""
    known = {model["id"]: model for model in recorded["data"]}
    shared = [model for model in ours["data"] if model["id"] in known]
    assert len(shared) > 30
    pairs = [_without_shutdown_date(step, known[model["id"]], model) for model in shared]
    return recorded | {"data": [pair[0] for pair in pairs]}, ours | {"data": [pair[1] for pair in pairs]}


def _without_the_newest(_step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    assert ours["data"][0]["name"] == "Test Vector Store 4"
    common = slice(0, len(ours["data"]) - 1)
    shortened = {"data": recorded["data"][common], "last_id": None}
    return recorded | shortened, ours | {"data": ours["data"][1:], "first_id": recorded["first_id"], "last_id": None}


def _newest_shape(_step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    added = ("attributes", "chunking_strategy", "usage_bytes")
    items = [{name: value for name, value in item.items() if name not in added} for item in ours["data"]]
    assert all(set(added) <= set(item) for item in ours["data"])
    return recorded, ours | {"data": items}


def _shape_of_the_page(_step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    """Keys of the envelope, and every item's fields but its id."""
    kept = ("first_id", "last_id", "has_more")
    items = [item | {"id": "any"} for item in ours["data"]]
    template = [recorded["data"][0] | {"id": "any"}] * len(items)
    return recorded | {"data": template} | dict.fromkeys(kept), ours | {"data": items} | dict.fromkeys(kept)


_OF_STREAMS = {"status", "completed_at", "incomplete_at", "incomplete_details"}


def _with_status(_step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    """Messages without what only streams show of them."""
    items = ours["data"] if ours["object"] == "list" else [ours]
    assert all(set(item) >= _OF_STREAMS for item in items)
    shorter = [{name: value for name, value in item.items() if name not in _OF_STREAMS} for item in items]
    return recorded, ours | {"data": shorter} if ours["object"] == "list" else shorter[0]


def _as_in_v1(step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    recorded, ours = _with_status(step, recorded, ours)
    assert recorded["file_ids"] == ours["attachments"] == []
    return recorded | {"attachments": []}, ours | {"file_ids": []}


def _not_begun(_step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    """Runs that are queued in the recording, and in progress with us."""
    pairs = zip(*(one["data"] if one["object"] == "list" else [one] for one in (recorded, ours)), strict=True)
    for theirs, mine in pairs:
        if theirs["status"] == "queued" and mine["status"] == "in_progress":
            mine |= {"status": "queued", "started_at": None}
    return recorded, ours


def _of_2024(step: Step, recorded: Json, ours: Json) -> tuple[Json, Json]:
    if "/messages" in step.path:
        return _with_status(step, recorded, ours)
    added = ("prompt_token_details", "completion_tokens_details")
    kept = {name: value for name, value in ours.items() if name != "reasoning_effort"}
    if kept.get("usage"):
        kept["usage"] = {name: value for name, value in kept["usage"].items() if name not in added}
    return recorded, kept


# Keys that responses have got since a recording was made, or that depend on the model; which of them are new is told by
# the recordings themselves, whose newest is of August 2026.
_NEWER = {
    "background", "billing", "completed_at", "frequency_penalty", "max_tool_calls", "moderation", "presence_penalty",
    "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "tool_usage", "top_logprobs",
    "output_schema", "cache_write_tokens", "context", "mode", "logprobs", "verbosity", "obfuscation", "sequence_number",
}  # fmt: skip
# What a model has as its default, where the request says nothing.
_OF_THE_MODEL = {"temperature", "top_p", "prompt_cache_retention", "service_tier", "reasoning", "verbosity"}
_OF_THE_MODEL |= {"moderation", "store"}  # or of the organization

_OWN_TOOLS = {"function", "file_search", "code_interpreter"}


def _responses(step: Step, recorded: Any, ours: Any) -> tuple[Any, Any]:
    """Responses, or their events, but for the model's own choices and what is newer than the recording.

    Of one with tools that need the outside world, the status, the types of the items and the order of events are
    compared, but for annotations that lead to the web.
    """
    request = step.request or {}
    tools = {tool["type"] for tool in request.get("tools") or ()}
    if not isinstance(request.get("input"), str):
        tools |= {item["type"] for item in request.get("input") or () if item.get("type") == "additional_tools"}
    if tools <= _OWN_TOOLS:
        return recorded, _as_recorded(recorded, ours, request)
    return _types(recorded), _types(ours)


def _of_a_container(annotations: Any) -> bool:
    """Whether code cites files that it has made in its container, where nothing runs with us."""
    return any(note["type"] == "container_file_citation" for note in annotations)


def _as_many(_step: Step, recorded: Json, ours: Json) -> tuple[Any, Any]:
    return len(recorded["data"]), len(ours["data"])


def _types(answer: Any) -> list[str]:
    final = answer[-1][1]["response"] if isinstance(answer, list) else answer
    names = [name for name, _ in answer] if isinstance(answer, list) else []
    events = groupby(name for name in names if name != "response.output_text.annotation.added")
    return [final["status"], *(item["type"] for item in final["output"]), *(name for name, _ in events)]


def _as_recorded(recorded: Any, ours: Any, request: Json) -> Any:
    if isinstance(recorded, list) and isinstance(ours, list):
        pairs = [_as_recorded(one, other, request) for one, other in zip(recorded, ours, strict=False)]
        return pairs + ours[len(pairs) :]
    if not (isinstance(recorded, dict) and isinstance(ours, dict)):
        return ours
    kept = {name: value for name, value in ours.items() if name in recorded or name not in _NEWER}
    if "phase" in recorded:  # only newer models have phases
        kept.setdefault("phase", recorded["phase"])
    for name in kept.keys() & recorded.keys():
        asked = request.get(name) or (request.get("text") or {}).get(name)
        free = name in _OF_THE_MODEL and (not asked or name in ("reasoning", "moderation"))
        same = free or name in ("model", "obfuscation", "encrypted_content", "logprobs")
        same = same or (name == "annotations" and _of_a_container(recorded[name]))
        kept[name] = recorded[name] if same else _as_recorded(recorded[name], kept[name], request)
    return kept


def _in_general(_step: Step, recorded: Any, ours: Any) -> tuple[Any, Any]:
    """The keys of the object alone."""
    final = [one[-1][1]["response"] if isinstance(one, list) else one for one in (recorded, ours)]
    return set(final[0]) - _NEWER, set(final[1]) - _NEWER


DIFFERENCES = [
    Difference(
        "limits of tokens",
        r"MaxTokens|max_tokens|response_stream_incomplete|response_function_call_streamed",
        "POST /v1/responses",
        "tokens are counted by an estimate, so a limit cuts at another place; one was recorded in May 2025, when a "
        "function that is not strict stayed as it was",
        _in_general,
    ),
    Difference(
        "an input file",
        "GetInputItemsWithMultiPartPagination",
        "GET /v1/responses/{id}/input_items",
        "a file that comes inside a message is shown as it came, and makes no File object",
        _as_many,
    ),
    *(
        Difference(
            f"responses: {endpoint}",
            "",
            endpoint,
            "the embedded account has no models: their dated names and defaults are not known; keys newer than a "
            "recording are shown nevertheless",
            _responses,
        )
        for endpoint in (
            "POST /v1/responses",
            "GET /v1/responses/{id}",
            "POST /v1/responses/{id}/cancel",
            "POST /v1/responses/compact",
            "POST /v1/responses/input_tokens",
        )
    ),
    Difference(
        "a run of 2024",
        r"openaiassistant\.yml",
        "",
        "recorded 2024-10-08 without fields that every recording of 2025 and 2026 has",
        _of_2024,
    ),
    Difference(
        "an updated message",
        "BasicMessageOperationsWork",
        "POST /v1/threads/{id}/messages/{id}",
        "answered in the shape of v1 (`file_ids`), while every other answer of the same day has that of v2",
        _as_in_v1,
    ),
    *(
        Difference(
            f"status of messages: {endpoint}",
            "",
            endpoint,
            "a message has `status` and the like in every answer, not in streams alone: the SDK's type demands it",
            _with_status,
        )
        for endpoint in (
            "POST /v1/threads/{id}/messages",
            "GET /v1/threads/{id}/messages",
            "GET /v1/threads/{id}/messages/{id}",
        )
    ),
    *(
        Difference(
            f"a queued run: {endpoint}",
            "BasicRun|Pagination|polling|new_assistant|existing_assistant|FunctionTools|FileSearch|ResponseFormat",
            endpoint,
            "how long a run stays queued is a matter of timing: with us, until the next moment",
            _not_begun,
        )
        for endpoint in ("GET /v1/threads/{id}/runs", "GET /v1/threads/{id}/runs/{id}")
    ),
    Difference(
        "shutdown_date",
        "ModelsTests",
        "GET /v1/models/{id}",
        "a field of the API that is newer than the recording (SDK type `Model`)",
        _without_shutdown_date,
    ),
    Difference(
        "catalogue",
        "ModelsTests",
        "GET /v1/models",
        "the models of November 2026 with `shutdown_date`; the recording shows those of one project in 2025",
        _first_model,
    ),
    Difference(
        "read your writes",
        "CanEnumerateVectorStores",
        "GET /v1/vector_stores",
        "the real list lags behind (a store made before it is missing); the embedded account's lists never do",
        _without_the_newest,
    ),
    Difference(
        "newest wins",
        "CanPaginateGetVectorStoreFilesInBatch|CanRehydrateGetVectorStoreFilesInBatch",
        "GET /v1/vector_stores/{id}/file_batches/{id}/files",
        "recorded 2025-09-16 without three fields that the recording of 2025-10-30 has, as the SDK's type demands",
        _newest_shape,
    ),
    Difference(
        "order within a second",
        "CanTestGetVectorStoreFilesInBatchCollectionOptions",
        "GET /v1/vector_stores/{id}/file_batches/{id}/files",
        "the real service listed files of one second in one order for both `asc` and `desc`; ours is the order of "
        "attaching, and `desc` its reverse, so that paging is well defined",
        _shape_of_the_page,
    ),
]


def brought_together(step: Step, recorded: Any, ours: Any) -> tuple[Any, Any]:
    if isinstance(ours, dict) and ours.get("error") and "object" not in ours:
        return recorded, ours
    for difference in DIFFERENCES:
        if difference.applies(step):
            return difference.agree(step, recorded, ours)
    return recorded, ours
