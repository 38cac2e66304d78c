"""The embedded account: a real server that behaves as the recorded API does, on SQLite and a folder of bytes.

It shares no code with the tool, or both would be wrong together.
"""

from deployer.server.disk import explained
from deployer.server.embedded import EmbeddedAccount
from deployer.server.fault_fields import FaultsError, Flaw, read_faults
from deployer.server.faults import Faults
from deployer.server.http import BackgroundServer, serve

__all__ = ["BackgroundServer", "EmbeddedAccount", "Faults", "FaultsError", "Flaw", "explained", "read_faults", "serve"]
