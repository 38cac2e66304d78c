"""Documents whose File object is gone: a store goes on listing them (UB-Mannheim/UBi, pull request 181)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.account.applying.spare import Spare
from deployer.account.connection.client import Client
from deployer.engine.files import MISSING
from deployer.kinds import Kind
from deployer.model import LiveFile, LiveObject


async def without_files(
    client: Client, live: Sequence[LiveObject], kinds: Mapping[str, Kind]
) -> tuple[LiveObject, ...]:
    """Give the live objects with the status `missing` on documents without a File object, and the ids that are gone.

    Requests: one for each 10,000 File objects of the account.
    """
    there = await Spare(client, ()).ids()
    if there is None:
        return tuple(live)

    def seen(file: LiveFile) -> LiveFile:
        return file if file.id in there else replace(file, status=MISSING)

    return tuple(
        replace(one, files=tuple(map(seen, one.files)), gone=frozenset(kinds[one.kind].held(one.raw)) - there)
        for one in live
    )
