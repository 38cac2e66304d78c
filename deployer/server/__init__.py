"""The embedded account: a real server that behaves as the recorded API does, on SQLite and a folder of bytes.

It shares no code with the tool but the pure rules of `functions/`, or both would be wrong together.
"""

from deployer.server.embedded import EmbeddedAccount
from deployer.server.faults import Faults
from deployer.server.faults.reading import FaultsError, read_faults
from deployer.server.flaws import Flaw, FlawedError
from deployer.server.http import BackgroundServer, serve
from deployer.server.runs.answers import Answerer
from deployer.server.runs.rehearsal import Rehearsal
from deployer.server.runs.script import ScriptError, read_script
from deployer.server.runs.upstream import Upstream
from deployer.server.storage.disk import explained

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
