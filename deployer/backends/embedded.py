"""The embedded account in this process: a transport for the HTTP backend that is the server itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from deployer.errors import DeployerError

if TYPE_CHECKING:
    import httpx2

    from deployer.server import Answerer

FOLDER = Path(".deployer") / "account"
"""Where a project keeps its account, beside the manifest."""
URL = "http://embedded.invalid/v1"
"""Never resolved, never shown."""
URLS: Mapping[str, str] = MappingProxyType({"foundry": "http://embedded.invalid/api/projects/embedded"})
"""The same on surfaces that have another root than `/v1`."""


@contextmanager
def transport(folder: Path, answers: Answerer | None = None) -> Iterator[httpx2.AsyncBaseTransport]:
    """Open the account in `folder` and yield its transport; DeployerError when it cannot be kept there.

    `answers` is what answers conversations; without it, a rehearsal.
    """
    from deployer.backends.streaming import StreamingTransport
    from deployer.server import EmbeddedAccount, explained

    try:
        _hide_from_git(folder.parent)
        account = EmbeddedAccount(folder, answers=answers)
        account.__enter__()
    except (OSError, ValueError, sqlite3.Error) as error:
        why = getattr(explained(error) or error, "strerror", None) or error
        raise DeployerError(f"the embedded account cannot be kept in {folder} ({why})") from None
    try:
        yield StreamingTransport(app=account.app)
    finally:
        account.__exit__(None, None, None)


def _hide_from_git(folder: Path) -> None:
    """What the embedded account keeps beside the manifest is no source."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
