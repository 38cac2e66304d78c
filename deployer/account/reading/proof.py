"""Which foreign documents are the very files that a manifest declares: by name and size, and by their bytes.

OpenAI lets nobody read back a file that is for assistants (public docs: files with the purpose `assistants` cannot be
downloaded). There, name and size may count as proof, when the user says so.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.account.applying.spare import digest
from deployer.account.connection.client import Client
from deployer.account.reading.contents import CONCURRENCY, Held, described
from deployer.engine.adopt import MAX_ATTRIBUTES
from deployer.model import DesiredFile, LiveFile

UNREADABLE = "the account does not let it be read, so nothing proves that it is the declared file"
OTHER = "no declared file has this name and these bytes"
GONE = "its File object is gone"
CROWDED = f"it has more than {MAX_ATTRIBUTES} attributes of its own"
_READY = ("completed", "in_progress")


@dataclass(frozen=True, slots=True)
class Proof:
    """`proven`: the declared file by the id of a File object. `foreign`: name and reason of each that stays foreign."""

    proven: dict[str, DesiredFile]
    foreign: tuple[tuple[str, str], ...] = ()


async def prove(
    client: Client, live: Sequence[LiveFile], desired: Sequence[DesiredFile], *, by_size: bool = False
) -> Proof:
    """Match foreign documents with declared files that no document of ours is at yet; the oldest one wins.

    Requests: one for each foreign document, and the content of those whose name and size fit.
    """
    taken = {file.path for file in live if file.path is not None}
    foreign = sorted((file for file in live if file.path is None), key=_age)
    held = await described(client, [file.id for file in foreign])
    wanted: dict[tuple[str, int], list[DesiredFile]] = defaultdict(list)
    for file in desired:
        if file.path not in taken:
            wanted[file.name, file.size].append(file)
    known = [held[file.id] for file in foreign if file.id in held]
    shas = await _digests(client, [file for file in known if (file.name, file.size) in wanted])
    proven: dict[str, DesiredFile] = {}
    told = []
    for one in foreign:
        why = _why_not(one, held.get(one.id), shas, by_size=by_size) or _take(
            held[one.id], wanted, shas[one.id], proven
        )
        told += [(held[one.id].name if one.id in held else one.id, why)] if why else []
    return Proof(proven, tuple(told))


def _age(file: LiveFile) -> tuple[bool, int, str]:
    return file.status not in _READY, file.created_at, file.id


async def _digests(client: Client, files: Sequence[Held]) -> dict[str, str | None]:
    gate = asyncio.Semaphore(CONCURRENCY)

    async def of(file: Held) -> str | None:
        async with gate:
            return await digest(client, file.id)

    return dict(zip([file.id for file in files], await asyncio.gather(*map(of, files)), strict=True))


def _why_not(file: LiveFile, held: Held | None, shas: dict[str, str | None], *, by_size: bool) -> str:
    if held is None:
        return GONE
    if file.id not in shas:
        return OTHER
    if len(file.attributes) > MAX_ATTRIBUTES:
        return CROWDED
    return UNREADABLE if shas[file.id] is None and not by_size else ""


def _take(
    held: Held, wanted: dict[tuple[str, int], list[DesiredFile]], sha256: str | None, proven: dict[str, DesiredFile]
) -> str:
    """Use up the declared file that this is; without a digest, the only one of its name and size."""
    same = wanted[held.name, held.size]
    fits = [file for file in same if file.sha256 == sha256] if sha256 else same if len(same) == 1 else []
    if not fits:
        return OTHER if sha256 or not same else UNREADABLE
    proven[held.id] = fits[0]
    same.remove(fits[0])
    return ""
