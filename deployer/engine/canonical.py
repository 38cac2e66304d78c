"""One way to write a value down, so that it can be compared, hashed and signed; and one way to count time."""

import hashlib
import json
import math
from datetime import UTC, datetime
from typing import Any

_SORTED = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_FINER = 1e11  # seconds reach this in the year 5138: what is larger counts thousandths of them, once or more often
_AS_IT_IS = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def text(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, whole floats as integers."""
    return _written(_SORTED, value)


def _written(encoder: json.JSONEncoder, value: Any) -> str:
    """Write first and look then: a whole float is written with `.0` or `e+`, and hardly any value holds one."""
    found = encoder.encode(value)
    if isinstance(value, str):
        return found
    return encoder.encode(_whole(value)) if ".0" in found or "e+" in found else found


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values mean the same; unlike `==`, `True` is not `1` here."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def sha256(value: Any) -> str:
    return _hash(text(value))


def exact_sha256(value: Any) -> str:
    """Like `sha256`, but 1 is not 1.0: for what comes from one and the same list."""
    return _hash(_SORTED.encode(value))


def ordered_sha256(value: Any) -> str:
    """Like `sha256`, but the order of keys counts: in a function schema it is the order in which a model writes."""
    return _hash(_written(_AS_IT_IS, value))


def _hash(written: str) -> str:
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def _whole(value: Any) -> Any:
    if isinstance(value, str):  # most values are
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


def seconds(created: Any) -> int | None:
    """Return Unix seconds for seconds, milliseconds and finer, as numbers or digits, and for ISO dates; else None.

    Source: astra-assistants-api answers milliseconds where the API says seconds.
    """
    if isinstance(created, str):
        created = _read(created)
    if isinstance(created, bool) or not isinstance(created, int | float):
        return None
    if isinstance(created, float) and not math.isfinite(created):
        return None
    while abs(created) >= _FINER:
        created //= 1000
    return int(created)


def _read(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
