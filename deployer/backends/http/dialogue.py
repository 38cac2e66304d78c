"""Conversations over HTTP: each operation by its name, where it is, and how it is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from deployer.backends.base import Row, StreamedEvent
from deployer.backends.http.client import Client
from deployer.backends.http.redact import redacted

_PASSAGES = "step_details.tool_calls[*].file_search.results[*].content"
OPERATIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "thread.create": ("POST", "/threads"),
        "thread.get": ("GET", "/threads/{thread}"),
        "thread.delete": ("DELETE", "/threads/{thread}"),
        "message.create": ("POST", "/threads/{thread}/messages"),
        "run.list": ("GET", "/threads/{thread}/runs"),
        "run.create": ("POST", "/threads/{thread}/runs"),
        "run.create_with_passages": ("POST", f"/threads/{{thread}}/runs?include[]={_PASSAGES}"),
        "run.cancel": ("POST", "/threads/{thread}/runs/{run}/cancel"),
        "run.answer": ("POST", "/threads/{thread}/runs/{run}/submit_tool_outputs"),
        "conversation.create": ("POST", "/conversations"),
        "conversation.get": ("GET", "/conversations/{thread}"),
        "conversation.delete": ("DELETE", "/conversations/{thread}"),
        "conversation.items": ("GET", "/conversations/{thread}/items"),
        "response.get": ("GET", "/responses/{thread}"),
        "response.create": ("POST", "/responses"),
        "response.cancel": ("POST", "/responses/{response}/cancel"),
        "store.document": ("GET", "/vector_stores/{store}/files/{file}/content"),
        "store.delete": ("DELETE", "/vector_stores/{store}"),
        "store.search": ("POST", "/vector_stores/{store}/search"),
        "session.create": ("POST", "/agents/sessions"),
        "session.get": ("GET", "/agents/sessions/{thread}"),
        "session.delete": ("DELETE", "/agents/sessions/{thread}"),
        "session.listen": ("GET", "/agents/sessions/{thread}/events"),
        "session.say": ("POST", "/agents/sessions/{thread}/events"),
    }
)


@dataclass(frozen=True, slots=True)
class HttpDialogue:
    """The conversations of one account."""

    client: Client

    async def ask(self, operation: str, body: Mapping[str, Any] | None = None, **ids: str) -> Row:
        method, path = _place(operation, ids)
        answer = await (self.client.get(path) if method == "GET" else self.client.write(method, path, body))
        return redacted(answer.data, self.client.settings.api_key)

    async def tell(self, operation: str, body: Mapping[str, Any], **ids: str) -> None:
        async with self.stream(operation, body, **ids):
            pass

    def stream(
        self, operation: str, body: Mapping[str, Any] | None = None, **ids: str
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamedEvent]]:
        return self.client.events(*_place(operation, ids), body)


def _place(operation: str, ids: Mapping[str, str]) -> tuple[str, str]:
    method, path = OPERATIONS[operation]
    return method, path.format(**{name: quote(one, safe="") for name, one in ids.items()})
