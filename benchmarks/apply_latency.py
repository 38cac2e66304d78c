"""Apply of 200 assistants and 20 stores to an empty account that is 50 ms away: one write for each, and how fast.

One request after another is measured on 40 creates and scaled to the 200 assistants alone, so the stores, their files
and the polls count only against apply.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure, told
from benchmarks.school import ASSISTANTS, FILES, STORES, build, opened
from deployer.apply.execute import execute
from deployer.backends.http.client import Client
from deployer.model import Change, Create, Plan, Status
from tests.support.live import http

SAMPLE = 40
BAR = 6
WRITES = {
    "POST /assistants": ASSISTANTS,
    "POST /vector_stores": STORES,
    "POST /files": STORES * FILES,
    "POST /vector_stores/file_batches": STORES,
}


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return told(asyncio.run(measure(folder, build(folder))))


async def measure(folder: Path, file: Path) -> list[Figure]:
    async with opened(folder, file) as (session, distant):
        plan = await session.plan()
        one_by_one = await sequential(http(session), plan) * ASSISTANTS
        distant.requests.clear()
        since = time.perf_counter()
        outcomes = await execute(session.account, plan, folder, lambda _event: None)
        took = time.perf_counter() - since
    failed = [outcome for outcome in outcomes if outcome.status is not Status.DONE]
    if failed:
        raise SystemExit(f"apply failed: {failed[0].address}: {failed[0].why}")
    print(f"{ASSISTANTS} assistants one by one {one_by_one:.2f} s (scaled from {SAMPLE}), apply of all {took:.2f} s")
    writes = {name: count for name, count in distant.requests.items() if not name.startswith("GET")}
    return [
        *(Figure(f"{name}: writes beyond one for each", writes.pop(name) - most, 0) for name, most in WRITES.items()),
        Figure("other writes", sum(writes.values()), 0),
        Figure(
            "apply, as many times faster than one request after another", one_by_one / took, BAR, " x", at_least=True
        ),
    ]


async def sequential(client: Client, plan: Plan) -> float:
    """Give the seconds for one create among creates that wait for each other; what it makes is deleted again."""
    bodies = [_body(change) for change in plan.pending if change.address.kind == "assistant"][:SAMPLE]
    since = time.perf_counter()
    made = [(await client.write("POST", "/assistants", body)).data["id"] for body in bodies]
    took = time.perf_counter() - since
    await asyncio.gather(*(client.write("DELETE", f"/assistants/{one}") for one in made))
    return took / len(made)


def _body(change: Change) -> dict[str, object]:
    """The create that apply will send, but for the store, which does not exist yet."""
    create = change.operations[0]
    assert isinstance(create, Create)
    return {name: value for name, value in create.body.items() if name != "tool_resources"}


if __name__ == "__main__":
    sys.exit(main())
