"""The live side: the only place that talks to an account, through the `openai` package (imported when first needed).

client     one HTTP exchange
failures   every way in which it can fail, as a sentence
read       the live objects, page by page, lists in parallel
shapes     what an answer must look like to be compared
execute    the changes of a plan, beside each other where nothing binds them
steps      what each step of a change does
"""

from deployer.account.client import Client, Patience, connect
from deployer.account.execute import execute
from deployer.account.flow import STOPPED
from deployer.account.journal import Journal
from deployer.account.missing import without_files
from deployer.account.read import read_live
from deployer.account.run import Event, Waits

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
