"""A service may keep the attributes of a document, or how it is cut, in a form of its own: its stamp remembers that.

What is read back says so. Where nothing differs, it costs a read for each sort of documents, a few at most.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.apply.execution import Execution
from deployer.engine import answers, canonical
from deployer.errors import AccountError
from deployer.kinds import vector_store
from deployer.model import Address, Attrs, LiveFile, Member

_SAMPLE = 8
_UNTOLD = (
    "this service does not change what a document carries: its own form cannot be remembered, and the next plan takes "
    "it for an edit; declare the values as the service has them"
)


@dataclass(frozen=True, slots=True)
class _Attached:
    """Documents by file id, which were attached to a store."""

    run: Execution
    address: Address
    store: str
    members: Mapping[str, Member]


async def look(run: Execution, address: Address, store: str, members: Mapping[str, Member]) -> None:
    """Look at one document of each sort that counts.

    Of many sorts a few are enough as long as they come back as they were sent; else the list shows the rest.
    """
    attached = _Attached(run, address, store, members)
    sorts: dict[str, list[str]] = defaultdict(list)
    for one, member in members.items():
        declared = _declared(member.attributes)
        if declared or member.chunking or run.cuts_otherwise is not False:
            sorts[canonical.text([declared, member.chunking])].append(one)
    ordered = [sorts[text] for text in sorted(sorts, key=changeable, reverse=True)]
    differs = [await _looked(attached, ids, await membership(run, store, ids[0])) for ids in ordered[:_SAMPLE]]
    if any(differs) and ordered[_SAMPLE:]:
        found = {one.id: one for one in await run.account.files.members(store)}
        for ids in ordered[_SAMPLE:]:
            await _looked(attached, ids, found.get(ids[0]))


def changeable(text: str) -> tuple[bool, int]:
    """Order texts by how likely it is that a service changes them: those with capitals last, then by their length."""
    return text != text.casefold(), len(text)


async def _looked(attached: _Attached, ids: Sequence[str], found: LiveFile | None) -> bool:
    """Whether documents of one sort have another form than was sent."""
    if found is None:
        return False
    chunking = attached.members[ids[0]].chunking
    if chunking is None:
        attached.run.cuts_otherwise = not vector_store.same_chunking(None, found.chunking)
    sent = {one: attached.members[one].attributes for one in ids}
    return await remember(attached.run, attached.address, attached.store, sent, chunking, found)


async def remember(  # noqa: PLR0913, PLR0917
    run: Execution, address: Address, store: str, sent: Mapping[str, Attrs], chunking: Attrs | None, found: LiveFile
) -> bool:
    """Let documents of one sort (their attributes by file id) carry the form in which the service has what was sent.

    `found` is one of them, as the service has it. Whether that is another form than was sent.
    """
    differs = answers.of_document(_declared(next(iter(sent.values()))), chunking, found)
    run.notes[address] += [note for one in differs if (note := str(one)) not in run.notes[address]]
    stamped = {one: answers.stamped_document(attributes, differs) for one, attributes in sent.items()}

    async def write(file_id: str) -> None:
        try:
            async with run.turn():
                await run.account.files.update_member(store, file_id, stamped[file_id])
        except AccountError as error:
            if not error.unsupported:
                raise
            run.notes[address] += [_UNTOLD] if _UNTOLD not in run.notes[address] else []

    if differs:
        await asyncio.gather(*map(write, stamped))
    return bool(differs)


def _declared(attributes: Attrs) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in vector_store.OWN}


async def membership(run: Execution, store: str, file_id: str) -> LiveFile | None:
    """Return a membership; out of the list where they are not served one by one."""
    files = run.account.files
    async with run.turn():
        try:
            return await files.member(store, file_id)
        except AccountError as error:
            if not error.unsupported:
                raise
        return next((one for one in await files.members(store) if one.id == file_id), None)
