"""Send a file, and know what was sent."""

from __future__ import annotations

from typing import Any, BinaryIO

from deployer.account.connection import parts
from deployer.account.connection.client import Client
from deployer.account.connection.exchange import Content
from deployer.account.connection.parts import PART, PURPOSE
from deployer.account.connection.spans import Sent, Source, Span


def _unheard(_count: int) -> None:
    pass


async def send(
    client: Client, name: str, content: BinaryIO, size: int, sent: Sent = _unheard
) -> tuple[str, dict[str, Any]]:
    """Send the first `size` bytes of an open file; give the sha256 of what went out, and the File object.

    Raises AccountError, `lost` when the file may be there; DeployerError when the content changes while it is sent.
    """
    source = Source(name, content, size, sent)
    if size > PART:
        return await parts.send_in_parts(client, source)
    span = Span(source, 0, size)
    answer = await client.send_file("/files", Content("file", name, span), PURPOSE)
    return span.sha256(), answer.data
