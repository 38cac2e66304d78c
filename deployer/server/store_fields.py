"""The fields of vector stores and of the files in them."""

from __future__ import annotations

from typing import Any

from deployer.server.checks import (
    ATTRIBUTES,
    METADATA,
    array,
    choice,
    fields,
    integer,
    invalid,
    nullable,
    string,
    tagged,
)
from deployer.server.wire import Json

DEFAULT_CHUNKING: Json = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
_SIZES = fields(
    {"max_chunk_size_tokens": integer(100, 4096), "chunk_overlap_tokens": integer(0, 2048)},
    required=("max_chunk_size_tokens", "chunk_overlap_tokens"),
)


def _static(value: Any, path: str) -> Any:
    sizes = _SIZES(value, path)
    half = sizes["max_chunk_size_tokens"] // 2
    if sizes["chunk_overlap_tokens"] > half:
        raise invalid(
            f"{path}.chunk_overlap_tokens",
            f"integer above maximum value. Expected a value <= {half}, "
            f"but got {sizes['chunk_overlap_tokens']} instead.",
            "integer_above_max_value",
        )
    return sizes


CHUNKING = tagged(
    {"auto": fields({"type": string()}), "static": fields({"type": string(), "static": _static}, required=("static",))},
)
_FILE = {"file_id": string(), "attributes": ATTRIBUTES, "chunking_strategy": nullable(CHUNKING)}
_FILE_IDS = array(string(), longest=2000, shortest=1)
_EXPIRES_AFTER = fields(
    {"anchor": choice("last_active_at"), "days": integer(1, 365)},
    required=("anchor", "days"),
)
STORE_CREATE = fields(
    {
        "name": nullable(string()),
        "description": nullable(string()),
        "file_ids": array(string(), longest=500),
        "chunking_strategy": nullable(CHUNKING),
        "expires_after": nullable(_EXPIRES_AFTER),
        "metadata": METADATA,
    },
)
STORE_UPDATE = fields({"name": nullable(string()), "expires_after": nullable(_EXPIRES_AFTER), "metadata": METADATA})
ATTACH = fields(_FILE, required=("file_id",))
ATTRIBUTES_UPDATE = fields({"attributes": ATTRIBUTES}, required=("attributes",))
BATCH = fields(
    {
        "file_ids": _FILE_IDS,
        "files": array(fields(_FILE, required=("file_id",)), longest=2000, shortest=1),
        "attributes": ATTRIBUTES,
        "chunking_strategy": nullable(CHUNKING),
    },
)


def chunk_sizes(strategy: Json | None) -> Json:
    """The sizes that a strategy means; `auto` reads back as the static default (recorded answer)."""
    sizes: Json = (strategy or {}).get("static", DEFAULT_CHUNKING)
    return sizes
