"""The live side: the only place that talks to an account, through the `openai` package (imported when first needed).

connection   one request, whatever it takes
reading      what is live
applying     the changes of a plan
lock         the lease that keeps a second run out
"""

from deployer.account.applying.execute import execute
from deployer.account.applying.flow import STOPPED
from deployer.account.applying.journal import Journal
from deployer.account.applying.run import Event, Waits
from deployer.account.connection.client import Client, Patience, connect
from deployer.account.reading.missing import without_files
from deployer.account.reading.read import read_live

__all__ = [
    "STOPPED",
    "Client",
    "Event",
    "Journal",
    "Patience",
    "Waits",
    "connect",
    "execute",
    "read_live",
    "without_files",
]
