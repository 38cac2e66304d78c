"""What an account answers, without what must not go on from here: its own key, and text that cannot be written."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

SECRET = 8
"""A shorter key is no secret, and part of every other word."""
_HALVES = re.compile("[\ud800-\udfff]")


def masked(text: str, key: str | None) -> str:
    """Return the text with `***` for the account's key, whoever repeated it; also where JSON escapes its characters."""
    return _spelled(key).sub("***", text) if key and len(key) >= SECRET else text


@cache
def _spelled(key: str) -> re.Pattern[str]:
    return re.compile("".join(rf"(?:(?i:\\u{ord(one):04x})|{_plainly(one)})" for one in key))


def _plainly(one: str) -> str:
    return rf"\\?{re.escape(one)}" if one in '"\\/' else re.escape(one)


def redacted(data: dict[str, Any], key: str | None) -> dict[str, Any]:
    """Return JSON data without the key, and with U+FFFD for lone surrogates: no file and no request can hold them."""
    text = json.dumps(data, ensure_ascii=False)
    holds_key = key is not None and len(key) >= SECRET and json.dumps(key)[1:-1] in text
    if not holds_key and _is_whole(text):
        return data
    result: dict[str, Any] = _walked(data, key if holds_key else None)
    return result


def _walked(value: Any, key: str | None) -> Any:
    """Clean each text on its own: in JSON text, a key of digits could be found across an escape."""
    if isinstance(value, str):
        return _HALVES.sub("\ufffd", value.replace(key, "***") if key else value)
    if isinstance(value, dict):
        return {_walked(name, key): _walked(one, key) for name, one in value.items()}
    return [_walked(one, key) for one in value] if isinstance(value, list) else value


def _is_whole(text: str) -> bool:
    """Whether UTF-8 can write it, which is sooner said than searched."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
