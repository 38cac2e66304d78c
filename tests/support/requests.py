"""Every request that the command line sends to an embedded account: told with names in place of ids, and comparable.

What is determined is kept as it is: which requests each command sends, with which bodies, and in which order those come
that are about one file or one object. What goes out beside each other has no order, and how often an account is asked
whether it is ready has no number.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployer.server import EmbeddedAccount

Json = dict[str, Any]
ID = re.compile(r"\b(?:vs_|vsfb_|asst_|agent_|file-|upload_)\w+")
_POLLS = re.compile(r"GET /v1/vector_stores/.*/(file_batches/.*|files\?.*filter=.*)")
_SHORT = 6  # characters of the hash by which a stamp names a File object
_STAMP = "deployer_files"


@dataclass
class Recorder:
    """`told` are the requests of the phase that is under way, in the order of their answers."""

    names: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    _made: Counter[str] = field(default_factory=Counter)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Give the app with every request and its answer noted."""

        async def recorded(scope: Scope, receive: Receive, send: Send) -> None:
            sent, answer = bytearray(), bytearray()

            async def receiving() -> Message:
                message = await receive()
                sent.extend(message.get("body", b""))
                return message

            async def sending(message: Message) -> None:
                answer.extend(message.get("body", b""))
                await send(message)

            await app(scope, receiving, sending)
            self._note(scope, bytes(sent), bytes(answer))

        return recorded

    def _note(self, scope: Scope, sent: bytes, answer: bytes) -> None:
        body = _body(dict(scope["headers"]), sent)
        self._learn(scope["method"], scope["path"], body, answer)
        query = "&".join(sorted(scope["query_string"].decode().split("&")))
        where = f"{scope['method']} {scope['path']}{f'?{query}' if query else ''}"
        self.told.append(self.named(where if body is None else f"{where} {_written(self._stamped(body))}"))

    def named(self, text: str) -> str:
        return ID.sub(lambda found: self.names.get(found[0], found[0]), text)

    def _learn(self, method: str, path: str, body: Any, answer: bytes) -> None:
        """Name what came into being by what it was made from; a second one of the same name gets a number."""
        made = json.loads(answer) if method == "POST" and answer.startswith(b"{") else {}
        if (one := made.get("id")) and one not in self.names and ID.fullmatch(one):
            name = _name(self.named(path), body)
            self._made[name] += 1
            self.names[one] = f"<{name}>" if self._made[name] == 1 else f"<{name} #{self._made[name]}>"

    def _stamped(self, body: Any) -> Any:
        """Name the files in the stamp of an assistant, too: it holds short hashes of their ids."""
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if not metadata or _STAMP not in metadata:
            return body
        short = {hashlib.sha256(json.dumps(one).encode()).hexdigest()[:_SHORT]: one for one in self.names}
        pairs = (pair.partition("=") for pair in metadata[_STAMP].split())
        text = " ".join(f"{short.get(one, one)}={token}" for one, _, token in pairs)
        return {**body, "metadata": {**metadata, _STAMP: text}}

    def forget(self) -> None:
        """Begin anew: the next object of a name is the first of it."""
        self.names.clear()
        self._made.clear()

    def phase(self) -> Json:
        """Give what was asked since the last phase: reads, writes, and the writes about each file and each object."""
        told, self.told = _read_back(self.told), []
        reads = {one for one in told if _POLLS.fullmatch(one)}
        lists = Counter(one for one in told if one.startswith("GET") and one not in reads)
        writes = [one for one in told if not one.startswith("GET")]
        return {
            "polls": sorted(reads),
            "reads": [f"{count} × {one}" for one, count in sorted(lists.items())],
            "writes": sorted(writes),
            "order": _tracks(writes),
        }


def _read_back(told: list[str]) -> list[str]:
    """Name alike the read of a document right after the first attach: which batch goes first is not determined."""
    batch = next((place for place, one in enumerate(told) if one.startswith("POST") and "/file_batches" in one), None)
    if batch is None:
        return told
    member = f"GET {told[batch].removeprefix('POST ').partition('/file_batches')[0]}/files/<"
    place = next(place for place, one in enumerate(told) if place > batch and one.startswith(member))
    return [*told[:place], "GET a document of the first batch", *told[place + 1 :]]


def _tracks(writes: list[str]) -> dict[str, list[str]]:
    """Give the order of the writes about one and the same thing, where it is determined.

    Documents of one store come and go beside each other; and what an object refers to is made before it.
    """
    tracks: dict[str, list[str]] = defaultdict(list)
    for one in writes:
        where = one.partition(" {")[0]
        is_document = "/files/<" in where
        for name in re.findall(r"<[^<>]+>", where if is_document else one):
            if name.startswith("<file ") == is_document and "/file_batches" not in where:
                tracks[name].append(where)
    return {name: found for name, found in sorted(tracks.items()) if len(found) > 1}


def _body(headers: Mapping[bytes, bytes], sent: bytes) -> Any:
    kind = headers.get(b"content-type", b"")
    if not sent:
        return None
    if kind.startswith(b"multipart/"):
        return _form(sent, kind.partition(b"boundary=")[2])
    return json.loads(sent)


def _form(sent: bytes, boundary: bytes) -> Json:
    """Read a form: texts as they are, of a file its name and the sha256 of what it holds."""
    fields: Json = {}
    for part in sent.split(b"--" + boundary.strip(b'"'))[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        assert name, head
        fields[name[1].decode()] = (
            {"file": file[1].decode(), "sha256": hashlib.sha256(content).hexdigest()[:12]} if file else content.decode()
        )
    return fields


def _written(body: Any) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _name(path: str, body: Any) -> str:
    body = body or {}
    if path.endswith("/file_batches"):
        return f"batch of {path.partition('<')[2].partition('>')[0]}"
    if isinstance(file := body.get("file"), dict):
        return f"file {file['file']} {file['sha256']}"
    stamp = (body.get("metadata") or {}).get("deployer")
    return str(stamp or f"{path.rpartition('/')[2]} {body.get('name')}")


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record every request to any embedded account that is opened meanwhile in this process."""
    recorder, opened = Recorder(), EmbeddedAccount.__enter__

    def enter(account: EmbeddedAccount) -> EmbeddedAccount:
        found = opened(account)
        found.app = recorder.around(found.app)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedAccount, "__enter__", enter)
        yield recorder
