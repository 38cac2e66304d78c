"""The `vector_store` kind: alive on every surface. Its documents are memberships, reconciled file by file.

Source: OpenAI's OpenAPI of 2026-08-21. An update takes only `name`, `expires_after` and `metadata`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deployer.kinds.base import Body, Expressed, Kind, Memberships
from deployer.model import Attrs, LiveFile

DEFAULTS: Attrs = MappingProxyType({"name": None, "expires_after": None})
NULLABLE = frozenset(DEFAULTS)
"""UpdateVectorStoreRequest: `name` and `expires_after` are nullable."""
BATCH = 500  # the retrieval guide's limit; the API reference says 2000, so the smaller one is safe on both
PATH_KEY = "deployer_path"
SHA_KEY = "deployer_sha256"
SIZE_KEY = "deployer_size"
DECLARED_KEY = "deployer_declared"
CHUNKING = "deployer_chunking"
"""By this name DECLARED_KEY says in what form the service has the chunking, where that is not the declared one."""
OWN = (PATH_KEY, SHA_KEY, SIZE_KEY, DECLARED_KEY)
AUTO: Attrs = MappingProxyType({"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400})


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
        attributes={name: value for name, value in attributes.items() if name not in OWN},
        declared=_declared(attributes.get(DECLARED_KEY)),
    )


def _declared(text: Any) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in str(text or "").split())
    return {name: digest for name, _, digest in pairs}


def _whole(value: Any) -> int | None:
    """Attributes are strings, booleans or numbers; a server may answer a whole number as 3.0, or as a text."""
    if isinstance(value, str) and value.removesuffix(".0").isdecimal():
        return int(value.removesuffix(".0"))
    return int(value) if isinstance(value, int | float) else None


def same_chunking(desired: Attrs | None, live: Attrs | None) -> bool:
    """True unless both are known and differ; what was never declared is the API's default of 800 and 400."""
    return live is None or dict(desired or AUTO) == dict(live)


def membership(attributes: Attrs, chunking: Attrs | None) -> dict[str, Any]:
    """Return the entry of a file in a batch; its `file_id` is put in when it is known."""
    result: dict[str, Any] = {"file_id": None, "attributes": dict(attributes)}
    if chunking:
        result["chunking_strategy"] = {"type": "static", "static": dict(chunking)}
    return result


KIND = Kind(defaults=DEFAULTS, nullable=NULLABLE, express=express, canonical=canonical, wire=wire, files=Memberships())
