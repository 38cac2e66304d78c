"""The endpoints of the page: JSON, and events as they come (text/event-stream). Only what says so writes anything."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deployer import json_text
from deployer.errors import AccountError, DeployerError
from deployer.model import Resource
from deployer.playground import tryouts, view, written
from deployer.playground.observer import AccountObserver
from deployer.playground.talks import AttachedFile, Conversations, OpenConversation
from deployer.project import chatting
from deployer.render import formats

PAGE = Path(__file__).parent / "page"
_MOST_JSON = 1_000_000
_MOST_FILE = 50_000_000
_ROWS = 100
_MOST_ROWS = 500
_BEAT = 15.0
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
Answer = Awaitable[Response]


class _NotFoundError(DeployerError):
    """There is nothing of that name here."""


@dataclass(slots=True)
class Playground:
    """What the endpoints work on; `uploaded` are the files that this page sent to the account."""

    observer: AccountObserver
    talks: Conversations
    uploaded: dict[str, str] = field(default_factory=dict)

    # ---- see

    async def index(self, _request: Request) -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")

    async def asset(self, request: Request) -> Response:
        path = PAGE / request.path_params["name"]
        if path.parent != PAGE or path.suffix not in (".js", ".css", ".svg") or not path.is_file():
            return PlainTextResponse("there is no such file", 404)
        kind = mimetypes.types_map.get(path.suffix, "text/plain")
        return FileResponse(path, media_type=f"{kind}; charset=utf-8")

    async def plan(self, _request: Request) -> Response:
        plan = self.observer.plan
        if plan is None:
            return PlainTextResponse("the account has not been read yet", 404)
        return HTMLResponse(await asyncio.to_thread(formats.rendered, "plan", "html", plan))

    async def state(self, _request: Request) -> Response:
        return JSONResponse(self.observer.state())

    async def changes(self, _request: Request) -> Response:
        async def versions() -> AsyncIterator[dict[str, Any]]:
            async for version in self.observer.changes():
                yield {"version": version}

        return _events(versions())

    async def look(self, _request: Request) -> Response:
        await self.observer.look()
        return JSONResponse({"version": self.observer.version})

    async def assistant(self, request: Request) -> Response:
        one = self._resource(request.path_params["name"])
        functions = [{**each, "sample": tryouts.sample(each)} for each in view.functions(one)]
        return JSONResponse({"instructions": one.attrs.get("instructions") or "", "functions": functions})

    async def documents(self, request: Request) -> Response:
        """Answer one page of the documents of a store: those whose path holds some text, from a number on."""
        address, plan = f"{view.STORE}/{request.path_params['name']}", self.observer.plan
        declared = {str(one.address): one for one in self.observer.project.manifest.resources}
        live_id = plan.known.get(address) if plan else None
        live = next((one for one in self.observer.live if one.id == live_id), None)
        if address not in declared and live is None:
            raise _NotFoundError(f"there is no {address}")
        rows = await asyncio.to_thread(view.documents, declared.get(address), live)
        words, offset = request.query_params.get("q", "").casefold(), _number(request, "offset", 0)
        found = [one for one in rows if words in one["path"].casefold()]
        limit = min(_number(request, "limit", _ROWS), _MOST_ROWS)
        return JSONResponse({"total": len(found), "rows": found[offset : offset + limit]})

    # ---- try

    async def search(self, request: Request) -> Response:
        data = await _json(request)
        found = await tryouts.search(self.observer, str(data.get("store")), tryouts.StoreQuery.of(data))
        return JSONResponse({"results": found})

    async def document(self, request: Request) -> Response:
        return JSONResponse(await tryouts.document(self.observer, request.query_params.get("source", "")))

    async def check(self, request: Request) -> Response:
        data = await _json(request)
        resource = self._resource(str(data.get("address")))
        api = self.observer.project.target.api
        name, text = str(data.get("function")), str(data.get("arguments") or "")
        return JSONResponse(await asyncio.to_thread(tryouts.check, api, resource, name, text))

    # ---- talk

    async def conversations(self, _request: Request) -> Response:
        return JSONResponse({"conversations": [_listed(one) for one in reversed(self.talks.all.values())]})

    async def begin(self, _request: Request) -> Response:
        return JSONResponse(_listed(self.talks.begin()), 201)

    async def say(self, request: Request) -> Response:
        talked, data = self._talked(request), await _json(request)
        text, before = data.get("text"), data.get("before")
        if not isinstance(text, str) or not text.strip():
            raise DeployerError("there is nothing to say: the text is empty")
        named = [str(one) for one in data.get("files") or ()]
        if unknown := [one for one in named if one not in self.uploaded]:
            raise DeployerError(f"{unknown[0]} was not attached here")
        files = [AttachedFile(one, self.uploaded[one]) for one in named]
        index = before if isinstance(before, int) else None
        self.talks.say(talked, str(data.get("address")), text.strip(), files, index)
        return JSONResponse(_listed(talked), 202)

    async def follow(self, request: Request) -> Response:
        return _events(self._talked(request).follow(_number(request, "after", 0)))

    async def answer(self, request: Request) -> Response:
        talked, data = self._talked(request), await _json(request)
        output = data.get("output")
        told = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        self.talks.answer(talked, str(data.get("call")), told, str(data.get("failure") or ""))
        return JSONResponse({})

    async def stop(self, request: Request) -> Response:
        talked = self._talked(request)
        await self.talks.stop(talked)
        return JSONResponse(_listed(talked))

    async def transcript(self, request: Request) -> Response:
        form = request.query_params.get("format", "markdown")
        return PlainTextResponse(written.transcript(self._talked(request), form))

    async def test(self, request: Request) -> Response:
        """Answer a conversation as a test; with `write` it is written beside the manifest, too."""
        talked, data = self._talked(request), await _json(request)
        name = str(data.get("name") or "")
        expected = [str(one) for one in data.get("expected") or () if str(one).strip()]
        text = written.yaml_of(written.tests(talked, name, expected))
        file, root = self.observer.project.file, self.observer.project.manifest.root
        done = await asyncio.to_thread(written.write, file, root, name, text) if data.get("write") is True else []
        suggestion = written.quoted(talked)
        return JSONResponse({"yaml": text, "written": done, "manifest": file.name, "suggestion": suggestion})

    async def attach(self, request: Request) -> Response:
        """Send a file to the account: the bytes of the body, under the name that the query says."""
        if self.observer.project.target.api == "agents":
            raise DeployerError("sessions of the Agents API take no files; put them into a store of the manifest")
        name = request.query_params.get("name", "").replace("\\", "/").rpartition("/")[2].strip()
        if not name:
            raise DeployerError("a file needs a name")
        data = await _body(request, _MOST_FILE)
        if not data:
            raise DeployerError(f"{name} is empty")
        session = await self.observer.session()
        file_id, _ = await session.account.files.upload(name, io.BytesIO(data), len(data))
        self.uploaded[file_id] = name
        return JSONResponse({"id": file_id, "name": name}, 201)

    async def detach(self, request: Request) -> Response:
        """Delete a file that this page sent."""
        file_id = request.path_params["id"]
        if file_id not in self.uploaded:
            raise _NotFoundError("this file was not attached here")
        await (await self.observer.session()).account.files.delete(file_id)
        del self.uploaded[file_id]
        return JSONResponse({})

    async def image(self, request: Request) -> Response:
        """Answer an image that code made; nothing else is handed on."""
        session, data = await self.observer.session(), bytearray()
        async for piece in session.account.files.download(request.path_params["id"]):
            data += piece
            if len(data) > _MOST_FILE:
                raise DeployerError("this image is too large")
        kind = request.query_params.get("type", _IMAGES[0])
        return Response(bytes(data), media_type=kind if kind in _IMAGES else _IMAGES[0])

    def _talked(self, request: Request) -> OpenConversation:
        found = self.talks.all.get(request.path_params["id"])
        if found is None:
            raise _NotFoundError("this conversation is not open here; begin a new one")
        return found

    def _resource(self, address: str) -> Resource:
        return chatting.spoken_to(self.observer.project.manifest, address)

    def routes(self) -> list[Route]:
        talked = "/api/conversations/{id}"
        table: list[tuple[str, str, Callable[[Request], Answer]]] = [
            ("GET", "/", self.index),
            ("GET", "/page/{name}", self.asset),
            ("GET", "/plan.html", self.plan),
            ("GET", "/api/state", self.state),
            ("GET", "/api/changes", self.changes),
            ("POST", "/api/look", self.look),
            ("GET", "/api/assistants/{name}", self.assistant),
            ("GET", "/api/stores/{name}/documents", self.documents),
            ("GET", "/api/document", self.document),
            ("POST", "/api/search", self.search),
            ("POST", "/api/check", self.check),
            ("GET", "/api/conversations", self.conversations),
            ("POST", "/api/conversations", self.begin),
            ("POST", f"{talked}/say", self.say),
            ("GET", f"{talked}/entries", self.follow),
            ("POST", f"{talked}/answer", self.answer),
            ("POST", f"{talked}/stop", self.stop),
            ("GET", f"{talked}/transcript", self.transcript),
            ("POST", f"{talked}/test", self.test),
            ("POST", "/api/files", self.attach),
            ("DELETE", "/api/files/{id}", self.detach),
            ("GET", "/api/images/{id}", self.image),
        ]
        return [Route(path, endpoint, methods=[method]) for method, path, endpoint in table]


def build_app(playground: Playground) -> Starlette:
    """Return the application, without the guard around it; it looks at the account from its first request on."""
    return Starlette(routes=playground.routes(), exception_handlers={DeployerError: _told})


def _told(_request: Request, error: Exception) -> Response:
    """Answer with the sentence: 502 where the account refuses, 404 for what is not here, else 400."""
    status = 502 if isinstance(error, AccountError) else 404 if isinstance(error, _NotFoundError) else 400
    return JSONResponse({"error": str(error)}, status)


def _listed(one: OpenConversation) -> dict[str, Any]:
    return {"id": one.id, "thread": one.thread, "title": one.title, "busy": one.busy, "entries": len(one.entries)}


def _number(request: Request, name: str, otherwise: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


async def _json(request: Request) -> Mapping[str, Any]:
    data = await _body(request, _MOST_JSON)
    try:
        found = json_text.loads(data.decode() or "{}")
    except ValueError as error:
        raise DeployerError(f"the request is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise DeployerError("the request is no JSON object")
    return found


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            raise DeployerError(f"this is too large: at most {most // 1_000_000} MB are taken")
    return bytes(data)


def _events(entries: AsyncIterator[dict[str, Any]]) -> Response:
    """Send entries as they come; a line without meaning now and then shows whether somebody still listens."""

    async def lines() -> AsyncIterator[str]:
        coming = asyncio.ensure_future(anext(entries))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=_BEAT)
                if not done:
                    yield ": still here\n\n"
                    continue
                try:
                    entry = coming.result()
                except StopAsyncIteration:
                    return
                yield f"data: {json.dumps(entry, ensure_ascii=False)}\n\n"
                coming = asyncio.ensure_future(anext(entries))
        finally:
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
            await entries.aclose()  # type: ignore[attr-defined]

    return StreamingResponse(lines(), media_type="text/event-stream")
