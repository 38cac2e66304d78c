"""1,000 objects as declared beside 1,000 foreign ones: nothing is proposed, and only the lists are asked for."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import replace
from math import ceil
from pathlib import Path

import httpx2

from benchmarks.figure import Figure, told
from benchmarks.school import Distant
from deployer import manifest
from deployer.apply.execute import execute
from deployer.backends.http.backend import open_backend
from deployer.model import UNLIMITED, Status
from deployer.project import PlanOptions
from deployer.project.session import Session, target_of
from deployer.server import EmbeddedAccount
from tests.support.live import account_of

OURS = 1_000
FOREIGN = 1_000
PAGE = 100


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        return told(asyncio.run(measure(Path(name))))


def project(folder: Path) -> manifest.Manifest:
    file = folder / "assistants.yaml"
    lines = [f"  a{number}: {{model: gpt-6-luna, instructions: Answer briefly.}}" for number in range(OURS)]
    file.write_text("\n".join(["version: 1", "project: school", "assistants:", *lines, ""]), encoding="utf-8")
    return manifest.compile_manifest(file, None, {}, {})


async def measure(folder: Path) -> list[Figure]:
    found = project(folder)
    settings = replace(found.settings, base_url="http://embedded.invalid/v1", limits=UNLIMITED)
    with EmbeddedAccount(folder / "account") as account:
        counted = Distant(account.app, 0.0)
        async with open_backend(settings, None, transport=httpx2.ASGITransport(app=counted)) as backend:
            session = Session(account_of(backend), found, target_of(found), "")
            outcomes = await execute(session.account, await session.plan(), folder, lambda _event: None)
            assert all(outcome.status is Status.DONE for outcome in outcomes)
            body = {"model": "gpt-6-luna", "metadata": {"deployer": "another/assistant/a1"}}
            await asyncio.gather(*(backend.client.write("POST", "/assistants", body) for _ in range(FOREIGN)))
            await session.plan()  # as the proof of an apply: where pages begin in what was just made is only guessed
            counted.requests.clear()
            plan = await session.plan(PlanOptions(prune=True))
    return [
        Figure("changes proposed", len(plan.pending), 0),
        Figure("unchanged objects", len(plan.changes), OURS, at_least=True),
        Figure("foreign objects seen", plan.foreign, FOREIGN, at_least=True),
        Figure("requests", sum(counted.requests.values()), ceil((OURS + FOREIGN) / PAGE) + 1),
    ]


if __name__ == "__main__":
    sys.exit(main())
