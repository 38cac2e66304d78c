"""What documents are told by: the writes that they took, and where they are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping

from deployer.backends.http.exchange import Content
from deployer.project.session import Session
from tests.support.faulty import Day, write
from tests.support.live import http

DOCS = "vector_stores: {docs: {files: [docs/**]}}\n"
BLUE = 'vector_stores: {docs: {files: [{path: "docs/**", attributes: {team: blue}}]}}\n'
CUT = "vector_stores: {docs: {files: [docs/**], chunking: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 50}}}\n"
TWO = "vector_stores: {docs: {files: [docs/**]}, more: {files: [more/**]}}\n"
EXCLUSIVE = "vector_stores: {docs: {files: [docs/**], exclusive: true}}\n"
TUTOR = "assistants: {tutor: {model: m, tools: [{type: code_interpreter, files: [data/*]}]}}\n"
READER = "assistants: {reader: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}\n"
BOTH = DOCS + READER

UPLOAD, ATTACH, CHANGE = "POST /files", "POST /vector_stores/*/file_batches", "POST /vector_stores/*/files/*"
DETACH, DELETE = "DELETE /vector_stores/*/files/*", "DELETE /files/*"

FILES = {"docs/a.md": "# a\n", "docs/b.md": "# b\n"}


def shapes(requests: Iterable[str]) -> list[str]:
    return [re.sub(r"(?<=/)(vs_|vsfb_|asst_|agent_|file-)\w+", "*", one) for one in requests]


def then(one: Day, manifest: str, files: Mapping[str, str]) -> list[str]:
    """Write the project anew, apply, and give the writes that it took."""
    write(one.root, manifest, files)
    return shapes(one.converge())


async def put(session: Session, store: str, name: str = "foreign.txt") -> str:
    """Attach a file by hand, as somebody else would."""
    answer = await http(session).send_file("/files", content(name), {"purpose": "assistants"})
    file_id = str(answer.data["id"])
    await http(session).write("POST", f"/vector_stores/{store}/files", {"file_id": file_id})
    return file_id


def content(name: str) -> Content:
    return Content("file", name, io.BytesIO(b"foreign"))


def store_of(one: Day, name: str = "docs") -> str:
    return next(str(store["id"]) for store in one.whole.stores if store["metadata"]["deployer"].endswith(name))
