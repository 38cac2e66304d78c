"""The live side: the only place that talks to an account, through the `openai` package (imported when first needed).

client     one HTTP exchange, and every way in which it can fail, as a sentence
read       the live objects, page by page, lists in parallel
execute    the steps of a plan, as they stand in it
"""

from deployer.account.client import Client, connect
from deployer.account.execute import Event, execute
from deployer.account.read import read_live

__all__ = ["Client", "Event", "connect", "execute", "read_live"]
