"""The embedded account: a real server that behaves as the recorded API does, on SQLite and a folder of bytes.

It shares no code with the tool but the pure rules of `functions/`, or both would be wrong together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployer.server.embedded import EmbeddedAccount
from deployer.server.faults import Faults
from deployer.server.faults.reading import FaultsError, read_faults
from deployer.server.flaws import Flaw, FlawedError
from deployer.server.runs.answers import Answerer
from deployer.server.runs.rehearsal import Rehearsal
from deployer.server.runs.script import ScriptError, read_script
from deployer.server.runs.upstream import Upstream
from deployer.server.storage.disk import explained

if TYPE_CHECKING:
    from deployer.server.http import BackgroundServer, serve

__all__ = [
    "Answerer",
    "BackgroundServer",
    "EmbeddedAccount",
    "Faults",
    "FaultsError",
    "Flaw",
    "FlawedError",
    "Rehearsal",
    "ScriptError",
    "Upstream",
    "explained",
    "read_faults",
    "read_script",
    "serve",
]


def __getattr__(name: str) -> Any:
    """Import what listens on a port when it is asked for: an account in this process needs none of it."""
    if name in __all__:
        from deployer.server import http

        return getattr(http, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
