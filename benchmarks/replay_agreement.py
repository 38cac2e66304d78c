"""How many of the recorded exchanges with the real API the embedded account answers alike."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.figure import Figure, told
from tests.server.recordings import MATERIAL
from tests.server.replay import replay_all, report

WHOLE = 100


def main() -> int:
    if not MATERIAL.is_dir():
        print("replay agreement: not measured, the recordings are not here (../shared/material is absent)")
        return 0
    table = asyncio.run(replay_all())
    print(report(table))
    exchanges = sum(row.exchanges for row in table.values())
    parts = {
        "status codes": sum(row.status for row in table.values()),
        "key sets": sum(row.keys for row in table.values()),
        "values": sum(row.values for row in table.values()),
    }
    return told(
        [
            Figure(
                f"{exchanges} recorded exchanges, {name} that agree",
                WHOLE * part / exchanges,
                WHOLE,
                " %",
                at_least=True,
            )
            for name, part in parts.items()
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
