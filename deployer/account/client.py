"""One exchange with an account through the `openai` package's raw verbs, and its failures as sentences.

Raw verbs, because typed calls cost half a second more to import, churn with the beta, and warn on assistants. Reads are
retried by the SDK; a write is sent once: the SDK would repeat a POST whose answer was lost, and make a duplicate.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.errors import AccountError
from deployer.model import AccountSettings

if TYPE_CHECKING:
    from types import ModuleType

    import httpx2
    import openai

READ_RETRIES = 2
_BODY_SHOWN = 200


@dataclass(slots=True)
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
    requests: int = 0
    _module: ModuleType = field(init=False, repr=False)

    def __post_init__(self) -> None:
        import openai

        self._module = openai

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        return await self._send("GET", path, query=dict(query or {}), retries=READ_RETRIES)

    async def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Send a POST or DELETE exactly once."""
        return await self._send(method, path, body=body)

    async def upload(self, name: str, content: Any) -> Answer:
        """Send one file for use by assistants; `content` is an open binary file, streamed."""
        files = [("file", (name, content, "application/octet-stream"))]
        return await self._send("POST", "/files", body={"purpose": "assistants"}, files=files)

    async def _send(  # noqa: PLR0913
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: dict[str, Any] | None = None,
        files: Any = None,
        retries: int = 0,
    ) -> Answer:
        options: dict[str, Any] = {"headers": self._headers(path, files), "max_retries": retries}
        if query:
            options["params"] = query
        self.requests += 1
        try:
            response = await self._verb(method, path, body, files, options)
        except self._module.APIStatusError as error:
            raise self._refused(method, path, error) from None
        except self._module.APIConnectionError as error:
            raise self._unreachable(method, path, error) from None
        return Answer(self._object(method, path, response), _poll_after(response.headers))

    async def _verb(
        self, method: str, path: str, body: Mapping[str, Any] | None, files: Any, options: Any
    ) -> httpx2.Response:
        from httpx2 import Response

        if method == "GET":
            return await self.sdk.get(path, cast_to=Response, options=options)
        if method == "DELETE":
            return await self.sdk.delete(path, cast_to=Response, options=options)
        return await self.sdk.post(path, cast_to=Response, body=body, files=files, options=options)

    def _headers(self, path: str, files: Any) -> dict[str, str]:
        collection = "/" + path.split("/", 2)[1]
        headers = dict(self.headers.get(collection, {}))
        return {**headers, "Content-Type": "multipart/form-data"} if files else headers

    def _object(self, method: str, path: str, response: httpx2.Response) -> dict[str, Any]:
        try:
            data = json.loads(response.content)
        except ValueError:
            data = None
        if isinstance(data, dict):
            return data
        kind = response.headers.get("content-type", "no content type").partition(";")[0]
        raise AccountError(
            f"{self._where(method, path)} answered something that is not a JSON object ({kind}: "
            f"{_shown(response.text)}); check the account's base_url",
            status=response.status_code,
        )

    def _refused(self, method: str, path: str, error: openai.APIStatusError) -> AccountError:
        body = error.body if isinstance(error.body, dict) else {}
        said = body.get("message") or _shown(error.response.text)
        remedy = _REMEDIES.get(error.status_code, "")
        message = f"{self._where(method, path)} answered {error.status_code}: {said}{remedy}"
        code = body.get("code")
        return AccountError(message, status=error.status_code, code=code if isinstance(code, str) else None)

    def _unreachable(self, method: str, path: str, error: openai.APIConnectionError) -> AccountError:
        cause = str(error.__cause__ or error) or type(error.__cause__).__name__
        return AccountError(
            f"{self._where(method, path)} gave no answer ({cause}); check base_url and the network, and run again"
        )

    def _where(self, method: str, path: str) -> str:
        base = str(self.sdk.base_url).rstrip("/")
        return f"account {self.settings.name}: {method} {base}{path}"


_REMEDIES = {
    401: "; check the account's api_key",
    403: "; check what the account's api_key may do",
    404: "; check the account's api and base_url, or plan again if the object was just deleted",
    429: "; wait a little and run again",
}


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _BODY_SHOWN else f"{line[:_BODY_SHOWN]}…"


def _poll_after(headers: Mapping[str, str]) -> float | None:
    try:
        return float(headers["openai-poll-after-ms"]) / 1000
    except (KeyError, ValueError):
        return None


@asynccontextmanager
async def connect(
    settings: AccountSettings,
    headers: Mapping[str, Mapping[str, str]],
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[Client]:
    """Open the account. `headers` go by collection (`/agents`); `transport` is an embedded account's, None for HTTP."""
    import openai

    sdk = openai.AsyncOpenAI(
        api_key=settings.api_key or "none",
        base_url=settings.base_url,
        default_query=dict(settings.query),
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(transport=transport) if transport else None,
    )
    # Explicit, or the SDK takes both from the environment: a stray variable must not redirect a deploy unseen.
    sdk.organization, sdk.project = settings.organization, None
    try:
        yield Client(settings, sdk, headers)
    finally:
        await sdk.close()
