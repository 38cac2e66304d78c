"""Every way in which an exchange fails, as data for one sentence: what the account did, and what to do about it."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2
    import openai

_SHOWN = 200
_SERVER_ERROR = 500
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_REMEDIES = {
    400: "the account may speak another version of this API: check its api and base_url",
    401: "check the account's api_key",
    403: "check what the account's api_key may do",
    404: "check the account's api and base_url, or plan again if the object was just deleted",
    429: "wait a little and run again",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """`what` follows the URL in the sentence, `remedy` ends it; `status` and `code` are the answer's, if one came."""

    what: str
    remedy: str
    status: int | None = None
    code: str | None = None


def refused(error: openai.APIStatusError) -> Failure:
    status, body = error.status_code, error.body if isinstance(error.body, dict) else {}
    said, code = body.get("message"), body.get("code")
    what = f"answered {status}: {_line(said) if isinstance(said, str) and said else _shown(error.response)}"
    return Failure(what, _remedy(status, error.response.headers), status, code if isinstance(code, str) else None)


def _remedy(status: int, headers: Mapping[str, str]) -> str:
    wait = headers.get("retry-after", "")
    if wait.isdecimal() and int(wait) > 0:
        return f"it asks to wait {wait} s: run again then"
    if status >= _SERVER_ERROR:
        return "the trouble is on the account's side: run again later"
    return _REMEDIES.get(status, "check the account's api and base_url")


def not_an_object(response: httpx2.Response) -> Failure:
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    what = f"answered something that is not a JSON object ({kind}: {_shown(response)})"
    return Failure(what, "check the account's base_url", response.status_code)


def unreachable(error: openai.APIConnectionError) -> Failure:
    return Failure(f"gave no answer ({_cause(error)})", "check base_url and the network, and run again")


def late(seconds: float) -> Failure:
    return Failure(f"gave no answer within {seconds:g} s", "check base_url and the network, and run again later")


def _cause(error: BaseException) -> str:
    """Give the innermost cause that says something: the SDK and its transport wrap it in several empty errors."""
    chain = [*_chain(error)][1:]
    words = [text for one in reversed(chain) if (text := _words(one))]
    return words[0] if words else type(chain[0] if chain else error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(error: BaseException) -> str:
    if isinstance(error, (socket.gaierror, ssl.SSLError)):
        return _line(str(error.strerror or error))
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return "" if isinstance(error, (OSError, LookupError)) else _line(str(error))


def _shown(response: httpx2.Response) -> str:
    """Give the start of a body; of an HTML page only its title, which says more."""
    text = response.text
    title = _TITLE.search(text)
    return f"an HTML page, {_line(title[1])!r}" if title else (_line(text) or "an empty body")


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
