"""Every way in which an exchange fails, as data: a sentence (what the account did, what to do about it) and a fate."""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from deployer import json_text
from deployer.backends.http import advice
from deployer.backends.http.retry import Fate, asked_wait
from deployer.backends.http.transport import RedirectError, TooLargeError
from deployer.wording import cut

_SHOWN = 200
_READ = 100_000
"""Bytes of a body in which a title, or anything else to show, is looked for."""
_DAY = 24 * 3600
_SERVER_ERROR = 500
_NEVER_WORKS = (501, 505)
_TIMEOUT = 408
_BUSY = 429
_CONFLICT = 409
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
TOO_LARGE = "too_large"
"""The code, of our own, of an answer that was not read to its end."""
_UNDONE = ("disk_full", "disk_read_only")  # by the embedded account, and asked again the answer would be the same


@dataclass(frozen=True, slots=True)
class Failure:
    """`what` follows the URL in the sentence, `remedy` ends it; `status` and `code` are the answer's, if one came.

    `wait` is how long (seconds) the account asks to wait; `param` what the error is about, and `said` its words.
    """

    what: str
    remedy: str
    status: int | None = None
    code: str | None = None
    fate: Fate = Fate.REFUSED
    wait: float | None = None
    param: str | None = None
    said: str = ""


class Trouble(Exception):  # noqa: N818 (it goes from one attempt to the loop around it, and no further)
    """One attempt failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


def refused(response: httpx2.Response) -> Failure:
    status, body, headers = response.status_code, _body(response), response.headers
    said, code, sort = (body.get(name) for name in ("message", "code", "type"))
    what = f"answered {status}: {_line(said) if isinstance(said, str) and said else _shown(response)}"
    remedy = advice.of_error(status, code, sort, body.get("param")) or _remedy(status, response)
    known = code if isinstance(code, str) else None
    param, words = body.get("param"), _line(said) if isinstance(said, str) else ""
    return Failure(
        what,
        remedy,
        status,
        known,
        _fate(status, (code, sort), headers),
        asked_wait(headers),
        param if isinstance(param, str) else None,
        words,
    )


def _body(response: httpx2.Response) -> dict[str, Any]:
    """Return what the answer says of its error."""
    try:
        data = json_text.loads(response.content)
    except ValueError:
        return {}
    found = data.get("error", data) if isinstance(data, dict) else None
    return _finding(found.get("detail"), found) if isinstance(found, dict) else {}


def _finding(detail: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Return the error; of the findings that FastAPI answers (`detail`: `loc`, `msg`, `type`) the first."""
    first = detail[0] if isinstance(detail, list) and detail else None
    if not isinstance(first, dict):
        return data
    loc = first.get("loc")
    path = ".".join(str(part) for part in loc if part != "body") if isinstance(loc, list) else None
    return {"message": first.get("msg"), "code": first.get("type"), "param": path, **data}


def _fate(status: int, words: tuple[object, object], headers: Mapping[str, str]) -> Fate:
    """Return what a refusal leaves behind; `x-should-retry` is the service's word to its SDK (its _base_client.py)."""
    if words[0] in _UNDONE:
        return Fate.REFUSED
    if status == _TIMEOUT or (status >= _SERVER_ERROR and status not in _NEVER_WORKS):
        return Fate.UNKNOWN
    if (
        status in (_BUSY, _CONFLICT)
        and not any(word in advice.SPENT for word in words if isinstance(word, str))
        and headers.get("x-should-retry") != "false"
    ):
        return Fate.UNDONE if status == _BUSY else Fate.UNKNOWN  # a proxy that sent it twice may answer the second: 409
    return Fate.REFUSED


def _remedy(status: int, response: httpx2.Response) -> str:
    wait = asked_wait(response.headers) or 0.0
    if wait >= 1:
        return f"it asks to wait {wait:.0f} s: run again then" if wait <= _DAY else "it asks to wait for days"
    if status in advice.NOT_OFFERED:
        return advice.of_request(response.request.method, response.request.url.path)
    if status >= _SERVER_ERROR:
        return "the trouble is on the account's side: run again later"
    return advice.of_status(status)


def not_an_object(response: httpx2.Response) -> Failure:
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    what = f"answered something that is not a JSON object ({kind}: {_shown(response)})"
    fate = Fate.ANSWERED if _is_json(response) else Fate.UNKNOWN
    return Failure(what, "check the account's base_url", response.status_code, fate=fate)


def unsendable(error: UnicodeEncodeError) -> Failure:
    """JSON may hold half of a surrogate pair as an escape, so an answer or a snapshot may, but a request cannot."""
    half = f"\\u{ord(error.object[error.start]):04x}"
    return Failure(f"was not asked: the request holds {half}, half of a character", "correct that text first")


def too_deep(response: httpx2.Response, error: json_text.TooDeep) -> Failure:
    """An answer that was not read may say that it was done."""
    what = f"answered JSON that is {error}"
    return Failure(what, "check the account's base_url", response.status_code, fate=Fate.UNKNOWN)


def _is_json(response: httpx2.Response) -> bool:
    """Whether the account said all that it wanted to say, though it is not what was asked for."""
    try:
        json_text.loads(response.content)
    except ValueError:
        return False
    return True


def endless(seconds: float) -> Failure:
    what = f"gave no whole answer within {seconds:g} s"
    return Failure(what, "check base_url and the network, and run again later", fate=Fate.UNKNOWN)


def unreachable(error: Exception) -> Failure:
    if isinstance(error, RedirectError):
        return _redirected(error.status, error.target)
    if isinstance(error, TooLargeError):
        return Failure("answered more than 24 MB", "check the account's base_url", code=TOO_LARGE, fate=Fate.ANSWERED)
    tls = next((one for one in _chain(error) if isinstance(one, ssl.SSLError)), None)
    if tls and (remedy := advice.of_tls(tls)):
        return Failure(f"gave no answer ({_words(tls)})", remedy)
    remedy = "check base_url and the network, and run again"
    return Failure(f"gave no answer ({_cause(error)})", remedy, fate=_fate_of(error))


def _redirected(status: int, target: str) -> Failure:
    """Where a redirect is not followed nothing was done; a URL may carry who is asking."""
    scheme, slashes, rest = target.partition("://")
    where = _line(f"{scheme}{slashes}{rest.partition('?')[0].rpartition('@')[2]}") or "nowhere"
    remedy = "if that is the account, write its address as base_url; nothing was sent there"
    return Failure(f"answered {status}, a redirect to {where}, which is not followed", remedy, status)


def late(error: httpx2.TimeoutException, seconds: float) -> Failure:
    remedy = "check base_url and the network, and run again later"
    return Failure(f"gave no answer within {seconds:g} s", remedy, fate=_fate_of(error))


def never_sent(error: BaseException) -> bool:
    """Whether the request cannot have reached the account: there was no connection to send it on."""
    return isinstance(error, _UNSENT)


def _fate_of(error: BaseException) -> Fate:
    return Fate.UNDONE if never_sent(error) else Fate.UNKNOWN


def _cause(error: BaseException) -> str:
    """Return the innermost cause that says something: httpx2 and its transport wrap it in several empty errors."""
    words = [text for one in reversed([*_chain(error)]) if (text := _words(one))]
    return words[0] if words else type(error).__name__


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
    """Return the start of a body; of an HTML page only its title, which says more."""
    text = _text(response)
    title = _TITLE.search(text)
    return f"an HTML page, {_line(title[1])!r}" if title else (_line(text) or "an empty body")


def _text(response: httpx2.Response) -> str:
    """Return the start of a body; what the answer calls its encoding may be none of text, or none at all."""
    start = response.content[:_READ]
    try:
        return start.decode(response.encoding or "utf-8", "replace")
    except (LookupError, ValueError):
        return start.decode(errors="replace")


def _line(text: str) -> str:
    return cut(" ".join(text.split()), _SHOWN)
