"""The embedded account: a real server that behaves as the recorded API does, on SQLite and a folder of bytes.

It shares no code with the tool but the pure rules of `functions/`, or both would be wrong together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from deployer.server.embedded import EmbeddedAccount
from deployer.server.faults import Faults
from deployer.server.flaws import Flaw, FlawedError
from deployer.server.runs.answers import Answerer
from deployer.server.runs.rehearsal import Rehearsal
from deployer.server.runs.script import ScriptError, read_script
from deployer.server.state import FoundrySwitches
from deployer.server.storage.disk import explained

if TYPE_CHECKING:
    from deployer.server.faults.reading import FaultsError, read_faults
    from deployer.server.http import BackgroundServer, serve
    from deployer.server.runs.upstream import Upstream

__all__ = [
    "Answerer",
    "BackgroundServer",
    "EmbeddedAccount",
    "Faults",
    "FaultsError",
    "Flaw",
    "FlawedError",
    "FoundrySwitches",
    "Rehearsal",
    "ScriptError",
    "Upstream",
    "explained",
    "read_faults",
    "read_script",
    "serve",
]


_ELSEWHERE = {
    "BackgroundServer": "http",
    "serve": "http",
    "FaultsError": "faults.reading",
    "read_faults": "faults.reading",
    "Upstream": "runs.upstream",
}


def __getattr__(name: str) -> Any:
    """Import what only a server needs when it is asked for: an account in this process needs none of it."""
    if name in _ELSEWHERE:
        return getattr(import_module(f"deployer.server.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
