"""Documents become part of a store: in the form that the account takes, narrowed down to what it refuses, and counted.

An account that keeps no attributes of documents gets them all the same: the metadata of the store names them
(`document_map`), written before they are attached, so that no run finds a document of its own that it does not know.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from deployer.apply import document_forms, recover
from deployer.apply.execution import Event, Execution
from deployer.apply.flow import LeftOut, Stopped
from deployer.backends.base import AttachForm, Condition, Progress
from deployer.engine import canonical, document_map
from deployer.errors import AccountError, DeployerError
from deployer.kinds import vector_store
from deployer.model import Address, AttachFiles, LiveFile, Member
from deployer.wording import counted, listed

_SUSPECT = ("failed", "cancelled", "in_progress")
_LOOKS = 3
_NARROWED = (400, 404, 409, 413, 415, 422)
"""What may be about one document of a batch, and not about who asks or how often."""


@dataclass(slots=True)
class _Group:
    """The members that are under way, by file id, in one store."""

    run: Execution
    address: Address
    store: str
    ids: Mapping[str, Member]

    def part(self, ids: Iterable[str]) -> _Group:
        return replace(self, ids={one: self.ids[one] for one in ids})


@dataclass(slots=True)
class _Sent:
    """What was attached, by batches (None: by none, or by one whose answer was lost), and why what was not."""

    parts: list[tuple[str | None, _Group]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, other: _Sent) -> _Sent:
        self.parts += other.parts
        self.refused |= other.refused
        return self


async def attach(run: Execution, address: Address, operation: AttachFiles) -> None:
    """Attach a batch, wait until each is searchable, try once more what failed, and name what failed again.

    Each member's key is learned or given up on the way. Raises when a document did not make it.
    """
    try:
        reasons = await _attached(run, address, operation)
    finally:
        run.promises.learn(operation.gives)
    if reasons:
        raise DeployerError(f"not ingested: {', '.join(reasons)}; mend or remove the file and run again")
    if run.promises.lacking(operation.files):
        raise LeftOut("a file was not sent")


async def _attached(run: Execution, address: Address, operation: AttachFiles) -> list[str]:
    group = _Group(run, address, run.promises.known[operation.store], _known(run, operation))
    sent = _Sent([(None, group)]) if operation.attached else await _sent(group)
    reasons = await _waited(sent)
    if reasons:
        again = await _sent(group.part(reasons))
        reasons = await _waited(again) | again.refused
    reasons |= sent.refused
    if run.account.capabilities.attributes is not False:
        ready = group.part(one for one in group.ids if one not in reasons)
        await document_forms.look(run, address, group.store, ready.ids)
    for one, member in group.ids.items():
        if one in reasons:
            run.promises.give_up(member.gives, reasons[one])
        else:
            run.promises.learn(member.gives)
    return [f"{group.ids[one].path} ({why})" for one, why in reasons.items()]


def _known(run: Execution, operation: AttachFiles) -> dict[str, Member]:
    """Return the members by file id; one whose file could not be sent is given up."""
    result = {}
    for member in operation.members:
        file_id = member.file if member.live else run.promises.known.get(member.file)
        if file_id is None:
            run.promises.give_up(member.gives, run.promises.given_up.get(member.file, "its file was not sent"))
        else:
            result[file_id] = member
    return result


async def _sent(group: _Group) -> _Sent:
    """Attach all of a group; the first one of a run goes alone, until it is known that the account keeps attributes."""
    run = group.run
    if not group.ids:
        return _Sent()
    if not run.verified:
        async with run.first:
            if not run.verified:
                sent = await _narrowed(group)
                run.verified = await _verified(sent)
                return sent
    return await _narrowed(group)


async def _narrowed(group: _Group) -> _Sent:
    """Attach a group; where it is refused, each half of it, down to the documents that are the reason."""
    try:
        return await _in_a_form(group)
    except AccountError as error:
        if not await _is_about_a_document(group, error):
            raise
        if len(group.ids) == 1:
            return _Sent(refused=dict.fromkeys(group.ids, _why_refused(group, error)))
    ids = [*group.ids]
    sent = await _narrowed(group.part(ids[: len(ids) // 2]))
    return sent.add(await _narrowed(group.part(ids[len(ids) // 2 :])))


async def _is_about_a_document(group: _Group, error: AccountError) -> bool:
    """Whether a refusal can be about one document: not when the store itself is gone, nor when it is about a form."""
    if error.may_be_done or error.status not in _NARROWED or (len(group.ids) > 1 and error.about_form):
        return False
    if not error.absent:
        return True
    kind = group.address.kind
    try:
        async with group.run.turn():
            await group.run.account.of(kind).get(kind, group.store)
    except AccountError as gone:
        return not gone.absent
    return True


def _why_refused(group: _Group, error: AccountError) -> str:
    code = f" ({error.code})" if error.code else ""
    gone = "; its File object may be gone: run again with --check-files" if error.absent else ""
    return f"refused: {error.said or error}{code}{gone if any(one.live for one in group.ids.values()) else ''}"


async def _in_a_form(group: _Group) -> _Sent:
    """Attach a group in the form that the account takes; where that is refused as a form, in others.

    A 404 may say that there is no such path, as long as the form was never taken. Raises the refusal that says most
    about the documents.
    """
    run, able = group.run, group.run.account.capabilities
    form = able.form
    try:
        sent = await _requested(group, form)
    except AccountError as error:
        unproven = error.absent and len(group.ids) == 1 and form not in run.forms
        if error.may_be_done or not (error.about_form or unproven):
            raise
        refusal = error
    else:
        run.forms.add(form)
        able.learn_form(form, "documents were attached so")
        return sent
    first, *rest = group.ids
    for other in able.others(form):
        try:
            sent = await _requested(group.part([first]), other)
        except AccountError as error:
            if error.may_be_done or error.status not in (*_NARROWED, 405, 501):
                raise
            refusal = max(refusal, error, key=_telling)
        else:
            run.forms.add(other)
            able.learn_form(other, f"the form {form} was refused ({_short(refusal)}), this one was not")
            return sent.add(await _narrowed(group.part(rest))) if rest else sent
    raise refusal


def _telling(error: AccountError) -> tuple[bool, bool, bool]:
    """How much a refusal says about a document, and not about the form of a request."""
    return not error.about_form, not error.absent, error.code is not None


def _short(error: AccountError) -> str:
    return " ".join(str(word) for word in (error.status, error.code, error.param) if word)


async def _requested(group: _Group, form: AttachForm) -> _Sent:
    """Attach a group in one form: by one request, or by one for each chunking, or for each document."""
    if not form.carries_attributes or group.run.account.capabilities.attributes is False:
        await _named(group)
    if form is AttachForm.BATCH:
        return _Sent([(await _batch(group, form), group)])
    if form is AttachForm.IDS:
        sent = _Sent()
        for part in _by_chunking(group):
            sent.parts.append((await _batch(part, form), part))
        return sent
    first, *rest = group.ids
    await _batch(group.part([first]), form)
    refused = await asyncio.gather(*(_one_by_one(group.part([one]), form) for one in rest))
    sent = _Sent(refused={one: why for one, why in zip(rest, refused, strict=True) if why})
    sent.parts.append((None, group.part(one for one in group.ids if one not in sent.refused)))
    return sent


async def _one_by_one(group: _Group, form: AttachForm) -> str:
    """Attach one document; return why it is refused, "" when it is not."""
    try:
        await _batch(group, form)
    except AccountError as error:
        if not await _is_about_a_document(group, error):
            raise
        return _why_refused(group, error)
    return ""


def _by_chunking(group: _Group) -> list[_Group]:
    """A batch of ids has one chunking for all."""
    found: dict[str, list[str]] = defaultdict(list)
    for one, member in group.ids.items():
        found[canonical.text(member.chunking)].append(one)
    return [group.part(ids) for ids in found.values()]


async def _batch(group: _Group, form: AttachForm) -> str | None:
    """Send a request once, and return the id of its batch; when the answer is lost, look whether it was done."""
    run, files = group.run, group.run.account.files
    try:
        async with run.turn():
            batch = await files.attach(group.store, group.ids, recover.key(run.batch(), group.store), form)
    except AccountError as error:
        if not error.may_be_done:
            raise
        lost = error
        run.attached.update(group.ids)
    else:
        run.attached.update(group.ids)
        return batch
    documents = counted(len(group.ids), "document")
    what = f"the answer to the attach of {documents} to {group.store} was lost; waiting until they show there"
    if await run.lag.until_shown(what, partial(_arrived, group)) is None:
        raise recover.unknown(run, lost, f"{documents} became part of {group.store}", "they do not show there")
    return None


async def _arrived(group: _Group) -> LiveFile | None:
    """Return a document of a batch without an answer; the batch was attached whole, or not at all."""
    file_id, member = next(iter(group.ids.items()))
    async with group.run.turn():
        found = await group.run.account.files.member(group.store, file_id)
    return found if found and _is(group, member, found) else None


def _is(group: _Group, member: Member, live: LiveFile) -> bool:
    """Whether a membership is another than the one that a file had before it was attached again."""
    named = live.path == member.path or group.run.account.capabilities.attributes is False
    return named and vector_store.same_chunking(member.chunking, live.chunking) and live.usable


async def _named(group: _Group) -> None:
    """Let the metadata of the store name the documents."""
    tokens = {one: document_map.token_of(member.attributes) for one, member in group.ids.items()}
    await group.run.naming.add(group.address, group.store, tokens)


async def _verified(sent: _Sent) -> bool:
    """Whether it is known how the account knows documents again; False where nothing was attached.

    Where their attributes did not come back the metadata of the store names them. Where it cannot, what was attached is
    taken back: the next run would not know it, and attach it again.
    """
    groups = [group for _, group in sent.parts if group.ids]
    if not groups:
        return False
    able = groups[0].run.account.capabilities
    if able.attributes is False:
        return True
    member, found = await _first_shown(groups[0])
    if found is None:
        return True
    if (found.path, found.sha256) == _identity(member):
        able.learn_attributes("a document came back with them", kept=True)
        return True
    if found.path is not None:  # the map of a store is not asked about a document that has a path
        await _taken_back(groups, DeployerError(f"{found.path!r} came back where {member.path!r} was sent"))
    try:
        able.learn_attributes("a document was attached with them and came back without", kept=False)
        for group in groups:
            await _named(group)
    except DeployerError as error:
        await _taken_back(groups, error)
    return True


async def _first_shown(group: _Group) -> tuple[Member, LiveFile | None]:
    """Return a document as it was sent and as it is shown, None for one that does not show at all yet.

    It is the one that a service would most likely change: with capitals, and a long path.
    """
    file_id, found = max(group.ids, key=lambda one: document_forms.changeable(group.ids[one].path)), None
    member = group.ids[file_id]
    for look in range(_LOOKS):
        if look and not await group.run.pause(group.run.waits.poll):
            break
        found = await document_forms.membership(group.run, group.store, file_id)
        if found and member.chunking is None:
            group.run.cuts_otherwise = not vector_store.same_chunking(None, found.chunking)
        if found and (found.path, found.sha256) == _identity(member):
            break
    return member, found


def _identity(member: Member) -> tuple[Any, Any]:
    """What says which document it is, and which version: another spelling of it is another document."""
    return member.attributes.get(vector_store.PATH_KEY), member.attributes.get(vector_store.SHA_KEY)


async def _taken_back(groups: Sequence[_Group], why: DeployerError) -> None:
    run = groups[0].run
    run.undone = True
    run.stop.set()
    ids = [(group, one) for group in groups for one in group.ids]
    left = [one for one in await asyncio.gather(*(_detached(group, file_id) for group, file_id in ids)) if one]
    also = f", but {listed(left, 3)} could not be taken out of {groups[0].store}" if left else ""
    raise DeployerError(
        f"account {run.account.settings.name} does not keep the attributes of documents, by which deployer knows them "
        f"again, and the metadata of the store cannot name them: {why}; what this run attached and uploaded was taken "
        f"back, nothing more is written{also}"
    )


async def _detached(group: _Group, file_id: str) -> str | None:
    """Take a document out again, though the run is stopped; return its path when that failed."""
    try:
        async with group.run.gate:
            await group.run.account.files.detach(group.store, file_id)
    except AccountError:
        return group.ids[file_id].path
    group.run.attached.discard(file_id)
    return None


async def _waited(sent: _Sent) -> dict[str, str]:
    """Wait until nothing is in progress; return why each document that is not searchable is not, by its id."""
    found = await asyncio.gather(*(_waited_for(group, batch) for batch, group in sent.parts if group.ids))
    return {one: why for reasons in found for one, why in reasons.items()}


async def _waited_for(group: _Group, batch: str | None) -> dict[str, str]:
    if batch is None:
        await _until_none_waits(group)
        return await _reasons(group, None, _SUSPECT)
    last = await _until_done(group, batch)
    reasons = await _reasons(group, batch, last.suspect)
    if last.total is not None and last.total < len(group.ids):
        reasons |= await _not_counted(group, last.total)
    return reasons


async def _not_counted(group: _Group, total: int) -> dict[str, str]:
    """Return what a batch did not take: its answer counts fewer than were sent, and the store does not have them.

    Batches are of no use on such an account (OGX takes `files`, and attaches none); what is missing goes one by one.
    """
    run, missing = group.run, set(group.ids)
    for look in range(_LOOKS):
        if look and not await run.pause(run.waits.poll):
            break
        missing -= await run.account.files.member_ids(group.store)
        if not missing:
            return {}
    why = f"the batch was answered with {total} of {len(group.ids)} documents"
    able = run.account.capabilities
    able.learn_form(AttachForm.BARE if able.attributes is False else AttachForm.SINGLE, why)
    run.verified = False  # what did not show proves nothing about attributes
    return {one: why for one in group.ids if one in missing}


async def _until_done(group: _Group, batch: str) -> Progress:
    """Poll the batch until nothing is in progress, as often as the account wishes; return how far it came."""
    last: list[Progress] = []

    async def left() -> tuple[int, float | None]:
        found = await _shown(group, batch)
        last[:] = [found]
        return found.waiting, found.poll_after

    await _poll(group, left)
    return last[0]


async def _until_none_waits(group: _Group) -> None:
    """Poll the store's list of what is in progress until none of the group is in it."""

    async def left() -> tuple[int, float | None]:
        found = await group.run.account.files.conditions(group.store, "in_progress")
        return sum(one.id in group.ids and one.status == "in_progress" for one in found), None

    await _poll(group, left)


async def _poll(group: _Group, left: Callable[[], Awaitable[tuple[int, float | None]]]) -> None:
    """Ask until nothing is left, or until nothing has moved for so long that it must be stuck."""
    loop, run = asyncio.get_running_loop(), group.run
    before, moved = len(group.ids), loop.time()
    while True:
        now, after = await left()
        if now < before:
            run.notify(Event(group.address, ready=before - now))
            before, moved = now, loop.time()
        if now == 0 or loop.time() - moved > run.waits.ingestion:
            return
        if not await run.pause(after or run.waits.poll):
            raise Stopped("interrupted")


async def _shown(group: _Group, batch: str) -> Progress:
    """Look at what was just made; for a minute, its absence only means that it does not show yet."""
    loop, run = asyncio.get_running_loop(), group.run
    since = loop.time()
    while True:
        try:
            async with run.turn():
                return await run.account.files.progress(group.store, batch)
        except AccountError as error:
            if not error.absent or loop.time() - since > run.lag.most:
                raise
        if not await run.pause(run.waits.poll):
            raise Stopped("interrupted")


async def _reasons(group: _Group, batch: str | None, suspect: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with each file that is not searchable, in the service's own words."""
    found: dict[str, str] = {}
    for status in suspect:
        for one in await group.run.account.files.conditions(group.store, status, batch):
            if one.id in group.ids and one.status == status:
                found[one.id] = _why(one)
    return found


def _why(one: Condition) -> str:
    status = "stuck in progress" if one.status == "in_progress" else one.status
    return f"{status}: {one.error or 'no reason given'}"
