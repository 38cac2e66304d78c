"""Multipart bodies, streamed: fields are collected, the file's bytes go straight to their temporary place."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import unquote_to_bytes

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from deployer.server.storage.blobs import BLOCK, Incoming
from deployer.server.wire import ApiError

_FIELD_BYTES = 1024 * 1024  # of all fields together
_MOST_PARTS = 100
_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;]*)')
# HTML's way to put these into a quoted name; any other percent sign is part of the name itself.
_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


class Form:
    """A form being read: its text fields, and the name of its file."""

    def __init__(self, file_field: str, incoming: Incoming, most: int) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.complete = False
        self._file_field, self._incoming, self._most = file_field, incoming, most
        self._headers: dict[bytes, bytes] = {}
        self._header = b""
        self._value = b""
        self._name = ""
        self._text = b""
        self._parts = self._text_bytes = 0

    async def read(self, request: Request) -> None:
        boundary = _parameters(request.headers.get("content-type", "")).get("boundary")
        if not boundary:
            raise _unreadable()
        try:
            parser = self._parser(boundary)
            async for block in _blocks(request):
                if len(block) < BLOCK:  # it stays in memory, or is the end of a large file
                    parser.write(block)
                else:  # a busy disk makes writing wait
                    await run_in_threadpool(parser.write, block)
        except FormParserError as error:
            raise _unreadable() from error
        if not self.complete:
            raise _unreadable()

    def _parser(self, boundary: str) -> MultipartParser:
        """Return a parser; FormParserError where the boundary is none. It bounds the headers of each part itself."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise ApiError(413, f"The form has too many parts: the limit is {_MOST_PARTS}.")
        self._headers, self._header, self._value, self._text = {}, b"", b"", b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _on_headers(self) -> None:
        parameters = _parameters(_text(self._headers.get(b"content-disposition", b"")))
        self._name = parameters.get("name", "")
        if self._name == self._file_field:
            self.filename = parameters.get("filename", "upload")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._name != self._file_field:
            self._text += data[start:end]
            self._text_bytes += end - start
            if self._text_bytes > _FIELD_BYTES:
                raise ApiError(413, "A field of the form is too large.")
            return
        if self._incoming.size + end - start > self._most:
            raise ApiError(413, f"File is too large: the limit is {self._most} bytes.", param=self._file_field)
        self._incoming.write(data[start:end])

    def _on_part_end(self) -> None:
        if self._name != self._file_field:
            self.fields[self._name] = _text(self._text)

    def _on_end(self) -> None:
        self.complete = True


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks of about a megabyte, so that a thread is worth its while."""
    pending: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pending.append(piece)
        size += len(piece)
        if size >= BLOCK:
            yield b"".join(pending)
            pending, size = [], 0
    yield b"".join(pending)


def _parameters(header: str) -> dict[str, str]:
    """The parameters of a header; `filename*` (RFC 5987, recorded requests) wins over `filename`."""
    found = {name.lower(): _unquoted(value.strip()) for name, value in _PARAMETER.findall(header)}
    charset, _, encoded = found.get("filename*", "").partition("'")
    if charset.lower() in ("utf-8", "us-ascii", "iso-8859-1"):
        found["filename"] = _text(unquote_to_bytes(encoded.partition("'")[2]))
    return found


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    inner = re.sub(r"\\(.)", r"\1", value[1:-1])
    return re.sub("%22|%0D|%0A", lambda match: _ESCAPES[match.group()], inner)


def _text(data: bytes) -> str:
    """Text as UTF-8, or as Latin-1 where it is not: every sequence of bytes has a reading."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unreadable() -> ApiError:
    return ApiError(400, "Could not parse multipart form.")
