"""One exchange with an account through the `openai` package's raw verbs.

Raw verbs, because typed calls cost half a second more to import, churn with the beta, and warn on assistants. Reads are
retried by the SDK; a write is sent once: the SDK would repeat a POST whose answer was lost, and make a duplicate.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deployer.account import failures
from deployer.account.failures import Failure
from deployer.errors import AccountError
from deployer.model import AccountSettings

if TYPE_CHECKING:
    import httpx2
    import openai

_LONGEST_POLL = 60_000
_SECRET = 8  # a shorter key is no secret, and part of every other word


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait (seconds) for a connection and for an answer, and how often to repeat a read that failed.

    A write may take long: the Agents API guide's own sample waits 360 s for a create.
    """

    connect: float = 5.0
    read: float = 60.0
    write: float = 360.0
    retries: int = 2


PATIENT = Patience()


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON object that came back, and how long the account asks to wait before the next poll (seconds)."""

    data: dict[str, Any]
    poll_after: float | None


@dataclass(slots=True)
class Client:
    """An open connection. `requests` counts what was sent, retries aside."""

    settings: AccountSettings
    sdk: openai.AsyncOpenAI
    headers: Mapping[str, Mapping[str, str]]
    patience: Patience = PATIENT
    requests: int = 0

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        options: dict[str, Any] = {"params": dict(query)} if query else {}
        return await self._send("GET", path, options, wait=self.patience.read, retries=self.patience.retries)

    async def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a POST or DELETE exactly once."""
        return await self._send(method, path, {}, wait=self.patience.write, body=body)

    async def upload(self, name: str, content: Any) -> Answer:
        """Send one file for use by assistants; `content` is an open binary file, streamed."""
        files = [("file", (name, content, "application/octet-stream"))]
        options = {"headers": {"Content-Type": "multipart/form-data"}}
        body = {"purpose": "assistants"}
        return await self._send("POST", "/files", options, wait=self.patience.write, body=body, files=files)

    def error(self, method: str, path: str, failure: Failure) -> AccountError:
        """Give the sentence: account, URL, what happened, what to do. The key is masked, whoever repeated it."""
        base = str(self.sdk.base_url.copy_with(username=None, password=None)).rstrip("/")
        text = f"account {self.settings.name}: {method} {base}{path} {failure.what}; {failure.remedy}"
        key = self.settings.api_key
        return AccountError(
            text.replace(key, "***") if key and len(key) >= _SECRET else text, status=failure.status, code=failure.code
        )

    async def _send(
        self, method: str, path: str, options: dict[str, Any], *, wait: float, retries: int = 0, **payload: Any
    ) -> Answer:
        import openai

        timeout = openai.Timeout(wait, connect=self.patience.connect)
        headers = {**self._identity(), **self._surface(path), **options.pop("headers", {})}
        options |= {"headers": headers, "timeout": timeout, "max_retries": retries}
        self.requests += 1
        try:
            response = await self._verb(method, path, options, payload)
        except openai.APIStatusError as error:
            raise self.error(method, path, failures.refused(error)) from None
        except openai.APITimeoutError:
            raise self.error(method, path, failures.late(wait)) from None
        except openai.APIConnectionError as error:
            raise self.error(method, path, failures.unreachable(error)) from None
        return Answer(self._object(method, path, response), _poll_after(response.headers))

    async def _verb(self, method: str, path: str, options: Any, payload: dict[str, Any]) -> httpx2.Response:
        from httpx2 import Response

        if method == "GET":
            return await self.sdk.get(path, cast_to=Response, options=options)
        if method == "DELETE":
            return await self.sdk.delete(path, cast_to=Response, options=options)
        answer: Response = await self.sdk.post(path, cast_to=Response, options=options, **payload)
        return answer

    def _identity(self) -> dict[str, Any]:
        """Give who is calling, on each request: the SDK's defaults would let environment variables replace it."""
        from openai import Omit

        return {
            "Authorization": f"Bearer {_key(self.settings)}",
            "OpenAI-Organization": self.settings.organization or Omit(),
            "OpenAI-Project": Omit(),
        }

    def _surface(self, path: str) -> Mapping[str, str]:
        return self.headers.get("/" + path.split("/", 2)[1], {})

    def _object(self, method: str, path: str, response: httpx2.Response) -> dict[str, Any]:
        try:
            data = json.loads(response.content)
        except (ValueError, RecursionError):
            data = None
        if isinstance(data, dict):
            return data
        raise self.error(method, path, failures.not_an_object(response))


def _unusable(base_url: str) -> str | None:
    """Tell what keeps a base URL from being one."""
    try:
        parts = urlsplit(base_url)
        port_is_wrong = parts.port == 0
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not parts.hostname or port_is_wrong:
        return "names no host"
    return "has a query (?…): put it into the account's query" if parts.query or parts.fragment else None


def _key(settings: AccountSettings) -> str:
    return settings.api_key or "none"


def _poll_after(headers: Mapping[str, str]) -> float | None:
    try:
        milliseconds = float(headers["openai-poll-after-ms"])
    except (KeyError, ValueError):
        return None
    return milliseconds / 1000 if 0 < milliseconds <= _LONGEST_POLL else None


@asynccontextmanager
async def connect(
    settings: AccountSettings,
    headers: Mapping[str, Mapping[str, str]],
    transport: httpx2.AsyncBaseTransport | None = None,
    patience: Patience = PATIENT,
) -> AsyncIterator[Client]:
    """Open the account. `headers` go by collection (`/agents`); `transport` is an embedded account's, None for HTTP."""
    import openai
    from httpx2 import InvalidURL

    _check(settings)
    try:
        sdk = openai.AsyncOpenAI(
            api_key=_key(settings),
            base_url=settings.base_url,
            default_query=dict(settings.query),
            http_client=openai.DefaultAsyncHttpxClient(transport=transport) if transport else None,
        )
    except InvalidURL as error:
        raise AccountError(f"account {settings.name}: base_url is not a URL ({error}); correct it") from None
    async with sdk:
        yield Client(settings, sdk, headers, patience)


def _check(settings: AccountSettings) -> None:
    """Refuse what cannot be called, and what no header can carry (unseen: a pasted secret brings a line break)."""
    if reason := _unusable(settings.base_url or ""):
        raise AccountError(f"account {settings.name}: base_url {reason}; write it like https://api.openai.com/v1")
    for name, value in (("api_key", settings.api_key), ("organization", settings.organization)):
        if value and not (value.isascii() and value.isprintable()):
            raise AccountError(
                f"account {settings.name}: {name} holds a character that cannot be sent (a line break?); set it again"
            )
