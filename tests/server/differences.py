"""Where the embedded account is meant to differ from a recording, and why; nothing else may differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
    agree: Callable[[Step, Json, Json], tuple[Json, Json]]

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


DIFFERENCES = [
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
    if isinstance(ours, dict) and "error" in ours:
        return recorded, ours
    for difference in DIFFERENCES:
        if difference.applies(step):
            return difference.agree(step, recorded, ours)
    return recorded, ours
