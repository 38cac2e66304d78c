"""The `vector_store` kind: alive on every surface. Its documents are memberships, reconciled file by file.

Source: OpenAI's OpenAPI of 2026-08-21. An update takes only `name`, `expires_after` and `metadata`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from deployer.kinds.protocol import Body, Expressed
from deployer.model import (
    Attrs,
    Await,
    AwaitStore,
    DesiredFile,
    FileAction,
    FileChange,
    LiveFile,
    Request,
    Stages,
    Step,
    Upload,
)

PATH = "/vector_stores"
HEADERS: Mapping[str, str] = MappingProxyType({"OpenAI-Beta": "assistants=v2"})
DEFAULTS: Attrs = MappingProxyType({"name": None, "expires_after": None})
BATCH = 500  # the retrieval guide's limit; the API reference says 2000, so the smaller one is safe on both
PATH_KEY = "deployer_path"
SHA_KEY = "deployer_sha256"
SIZE_KEY = "deployer_size"
_AUTO = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}


def express(attrs: Attrs) -> Expressed:
    return Expressed(dict(attrs))


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    del addresses
    return {name: raw[name] for name in (*DEFAULTS, "metadata") if name in raw}


def wire(attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
    del live
    return Body({name: attrs[name] for name in (*DEFAULTS, "metadata") if name in attrs})


def live_file(raw: Mapping[str, Any]) -> LiveFile:
    """Read a membership as the account answers it; a sparse server may lack every field but the id."""
    attributes = raw.get("attributes") or {}
    error = raw.get("last_error") or {}
    return LiveFile(
        id=str(raw["id"]),
        path=attributes.get(PATH_KEY),
        sha256=attributes.get(SHA_KEY),
        status=str(raw.get("status", "completed")),
        size=_whole(attributes.get(SIZE_KEY)),
        created_at=int(raw.get("created_at") or 0),
        chunking=(raw.get("chunking_strategy") or {}).get("static"),
        error=error.get("message"),
    )


def _whole(value: Any) -> int | None:
    """Attributes are strings, booleans or numbers; a server may answer a whole number as 3.0."""
    return int(value) if isinstance(value, int | float) else None


def same_chunking(desired: Attrs | None, live: Attrs | None) -> bool:
    """True unless both are known and differ; what nobody declared is the API's default of 800 and 400."""
    return live is None or dict(desired or _AUTO) == dict(live)


def file_stages(store: str, changes: Sequence[FileChange]) -> tuple[tuple[Step, ...], Stages]:
    """Give the uploads (they need no store) and the stages after them; `store` is the key of the store's id.

    Make before break: what is superseded is detached only when its successor is ready, and deleted last
    (detach, then delete: the other way round leaves stale counts, openai-dotnet #540).
    """
    fresh = [change.desired for change in changes if change.desired and change.action is not FileAction.WAIT]
    uploads = tuple(Upload(file, _key(store, file)) for file in fresh)
    batches = [fresh[start : start + BATCH] for start in range(0, len(fresh), BATCH)]
    attach = tuple(_attach(store, index, group) for index, group in enumerate(batches))
    ready: tuple[Step, ...] = tuple(_ready(store, index, group) for index, group in enumerate(batches))
    waiting = {live.id: change.path for change in changes if change.action is FileAction.WAIT for live in change.live}
    if waiting:
        ready += (AwaitStore(store, waiting),)
    gone = [live for change in changes if change.action is not FileAction.WAIT for live in change.live]
    detach = tuple(Request("DELETE", f"{PATH}/{{{store}}}/files/{live.id}") for live in gone)
    return uploads, (attach, ready, detach, delete_files(gone))


def delete_files(files: Sequence[LiveFile]) -> tuple[Request, ...]:
    return tuple(Request("DELETE", f"/files/{file.id}") for file in files if file.sha256)


def _key(store: str, file: DesiredFile) -> str:
    return f"{store}#{file.path}"


def _batch_key(store: str, index: int) -> str:
    return f"{store}#batch-{index}"


def _ready(store: str, index: int, group: Sequence[DesiredFile]) -> Await:
    return Await(store, _batch_key(store, index), {_key(store, file): file.path for file in group})


def _attach(store: str, index: int, group: Sequence[DesiredFile]) -> Request:
    refs = tuple((f"/files/{place}/file_id", _key(store, file)) for place, file in enumerate(group))
    body = {"files": [_membership(file) for file in group]}
    return Request("POST", f"{PATH}/{{{store}}}/file_batches", body, refs, _batch_key(store, index))


def _membership(file: DesiredFile) -> dict[str, Any]:
    attributes = {PATH_KEY: file.path, SHA_KEY: file.sha256, SIZE_KEY: file.size}
    result: dict[str, Any] = {"file_id": None, "attributes": attributes}
    if file.chunking:
        result["chunking_strategy"] = {"type": "static", "static": dict(file.chunking)}
    return result
