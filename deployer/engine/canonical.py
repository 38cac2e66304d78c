"""One way to write a value down, so that it can be compared, hashed and signed."""

import hashlib
import json
from typing import Any


def text(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, whole floats as integers."""
    return json.dumps(_whole(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values mean the same; unlike `==`, `True` is not `1` here."""
    return text(one) == text(other)


def sha256(value: Any) -> str:
    return hashlib.sha256(text(value).encode("utf-8", "surrogatepass")).hexdigest()


def ordered_sha256(value: Any) -> str:
    """Like `sha256`, but the order of keys counts: in a function schema it is the order in which a model writes."""
    written = json.dumps(_whole(value), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value
