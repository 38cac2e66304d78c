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
        return step.status == 200 and self.endpoint == step.endpoint and bool(re.search(self.session, step.session))


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


DIFFERENCES = [
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
    for difference in DIFFERENCES:
        if difference.applies(step):
            return difference.agree(step, recorded, ours)
    return recorded, ours
