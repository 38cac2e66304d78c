"""Who may ask: a browser on this machine, from this very page, with the token of the address.

A page of somebody else can neither read an answer (no CORS), nor send a request that counts: its Origin is another one,
and it has no token. A name that somebody lets lead to 127.0.0.1 is another Host. What is shown cannot run as a script,
whatever it says: the policy allows the scripts of this package alone.
"""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
PLAN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
"""Of the plan, which is one file with its own style: it runs nothing, and is framed by the page alone."""
ASSETS = "/page/"
_FRAMED = ("/", "/plan.html")
"""What a browser opens by its address: here the token stands in the query, elsewhere in a header only."""
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_CLOSED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>deployer playground</title>'
    "<h1>This address needs its token</h1>"
    "<p>Open the whole address that <code>deployer playground</code> printed; it has a new token each time.</p></html>"
)


@dataclass(frozen=True, slots=True)
class PageGuard:
    """The middleware around the application, on one port of this machine."""

    app: ASGIApp
    port: int
    token: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sender = _Headed(send, scope["path"])
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, sender)
            return
        try:
            await self.app(scope, receive, sender)
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if not sender.started:
                await _refused(500, "this is a bug in deployer; its trace is on the terminal")(scope, receive, sender)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what is answered instead; None where all is well."""
        headers, hosts = Headers(scope=scope), self._hosts()
        if len(given := headers.getlist("host")) != 1 or given[0].lower() not in hosts:
            return _refused(403, "this host is not served here: open the address that deployer playground printed")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in {f"http://{one}" for one in hosts}:
            return _refused(403, "requests of other pages are not answered")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return _refused(403, "requests of other pages are not answered")
        if scope["path"].startswith(ASSETS) or self._has_token(scope, headers):
            return None
        return HTMLResponse(_CLOSED, 401) if scope["path"] == "/" else _refused(401, "the token is missing, or wrong")

    def _hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}", f"[::1]:{self.port}")

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            framed = scope["method"] == "GET" and scope["path"] in _FRAMED
            given = QueryParams(scope["query_string"]).get("token", "") if framed else ""
        return hmac.compare_digest(given.strip().encode(), self.token.encode())


def _refused(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)


class _Headed:
    """Sends messages, with the headers that every answer carries."""

    def __init__(self, send: Send, path: str) -> None:
        self._send, self._policy = send, PLAN_POLICY if path == "/plan.html" else POLICY
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in {**_HEADERS, "content-security-policy": self._policy}.items():
                headers[name] = value
        await self._send(message)
