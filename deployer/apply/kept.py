"""Whether the account keeps what a run lives by: the stamp of what it writes, whole, and a place in its lists.

The next run knows an object again by its stamp, in the list. An account that drops or cuts the stamp, or never lists
what it made, would get one more object with each run: so the first create of each kind goes alone until the list shows
it as it was sent, and the answer to each write is compared. Where that fails, what was made is taken back, nothing more
is written, and what could not be taken back stands in the journal: nothing is made a second time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.apply.execution import Execution
from deployer.backends.base import Row
from deployer.engine import answers, stamp
from deployer.errors import AccountError, DeployerError
from deployer.model import Create, LiveObject, Update

_NO_DELETES = (401, 403, 405, 501)
_CHECK = "nothing more is written; check what stands before the account"


def proven(live: tuple[LiveObject, ...]) -> set[str]:
    """Return the kinds of which the lists of the account have shown a stamp, whosever it is."""
    return {one.kind for one in live if stamp.owner(one.raw)}


async def after_create(run: Execution, create: Create, body: Mapping[str, Any], answer: Row) -> None:
    """Take back what was made without its whole stamp, or what the list does not show; DeployerError then."""
    sent, kind = stamp.of(body), create.address.kind
    if sent is None:
        return
    if stamp.of(answer) != sent:
        shown = await _read(run, kind, answer["id"])
        if shown is not None and stamp.of(shown) != sent:
            raise await _taken_back(run, create, body, answer["id"], _lost(create, stamp.of(shown)))
    if kind not in run.proven:
        await _listed(run, create, body, answer["id"])
        run.proven.add(kind)


async def after_update(run: Execution, update: Update, body: Mapping[str, Any], answer: Row) -> None:
    """Raise DeployerError when an update lost the stamp: the object would be foreign from now on."""
    sent, kind = _stamp(run, update, body), update.address.kind
    if sent is None or _stamp(run, update, answer) == sent:
        return
    before = _stamp(run, update, run.before.get(update.id, {}))

    async def look() -> Row | None:
        found = await _read(run, kind, update.id)
        return None if found is None or _stamp(run, update, found) == before else found  # it may be read as it was

    what = f"{update.address} is read as it was before its update; waiting until it is as it was written"
    found = await run.lag.until_shown(what, look)
    left = before if found is None else _stamp(run, update, found)
    if left == sent:
        return
    run.stop.set()
    if left is None:
        run.journal.begin(str(update.address))
        run.journal.made(str(update.address), update.id, flawed=stamp.fingerprint(body))
    raise DeployerError(f"account {run.account.settings.name} {_lost(update, left)}; {_CHECK}")


def _stamp(run: Execution, update: Update, raw: Mapping[str, Any]) -> stamp.Stamp | None:
    """Return the stamp of an object; the documents that the metadata of a store names come and go beside updates."""
    found = stamp.of(raw)
    return replace(found, files={}) if found and run.account.kinds[update.address.kind].is_store else found


async def before_first(run: Execution, create: Create, body: Mapping[str, Any]) -> None:
    """Raise where an account that lets nothing be deleted has what is to be made already, without a stamp.

    A run on another machine may have made it, on a service that does not keep stamps: it could not be taken back, and
    the next one could not either. Asked with an id that nothing has, an account that does delete says so.
    """
    kind = create.address.kind
    unstamped = (one for one in run.plan.live if one.kind == kind and stamp.of(one.raw) is None)
    of_kind = run.account.kinds[kind]
    alike = next((one.id for one in unstamped if answers.is_alike(answers.Exchange(of_kind, body, one.raw))), None)
    if alike is None or stamp.of(body) is None:
        return
    try:
        await run.account.of(kind).delete(kind, f"{alike[: len(alike) // 2]}{secrets.token_hex(8)}")
    except AccountError as error:
        if error.status not in _NO_DELETES:
            return
        run.stop.set()
        raise DeployerError(
            f"account {run.account.settings.name} has {alike}, which is as {create.address} is declared and carries no "
            f"stamp, and lets nothing be deleted ({error.status}): an earlier run may have made it where stamps are "
            f"not kept. Delete it there, or take it over with deployer adopt {create.address} {alike}; {_CHECK}"
        ) from None


async def _listed(run: Execution, create: Create, body: Mapping[str, Any], live_id: str) -> None:
    kind, sent, unstamped = create.address.kind, stamp.of(body), False

    async def look() -> bool | None:
        nonlocal unstamped
        rows = await run.account.of(kind).list(kind)
        found = next((row for row in rows if row["id"] == live_id), None)
        unstamped = found is not None
        return True if found is not None and stamp.of(found) == sent else None

    what = f"{create.address} was made; waiting until the account lists it"
    if await run.lag.until_shown(what, look):
        return
    if run.stop.is_set() and not run.undone:  # asked to stop meanwhile: the journal knows it
        raise DeployerError(f"{create.address} was made, and was not listed when the run was stopped; run again")
    lists = f"does not show {live_id} in its list as it was sent" if unstamped else f"does not list {live_id}"
    if run.stop.is_set():
        lists = f"had not listed {live_id} when the run was given up"
    raise await _taken_back(run, create, body, live_id, f"{lists}, which was made as {create.address}")


async def _read(run: Execution, kind: str, live_id: str) -> Row | None:
    """Return what an id has now; None where it does not show."""
    try:
        return await run.account.of(kind).get(kind, live_id)
    except AccountError as error:
        if not error.absent:
            raise
        return None


def _lost(write: Create | Update, found: stamp.Stamp | None) -> str:
    part = "keeps only a part of" if found else "does not keep"
    return f"{part} the metadata of {write.address}, by which deployer knows it again"


async def _taken_back(run: Execution, create: Create, body: Mapping[str, Any], live_id: str, why: str) -> DeployerError:
    """Delete what was made, and see that it has gone; return the error that says what became of it."""
    run.undone = True  # before the delete: whoever waits for a list of another kind takes back what is not proven, too
    run.stop.set()
    kind, left = create.address.kind, f"{live_id} was deleted"
    try:
        await run.account.of(kind).delete(kind, live_id)
        stays = "it is still there" if await _read(run, kind, live_id) is not None else ""
    except AccountError as error:
        stays = str(error)
    if stays:
        run.journal.made(str(create.address), live_id, flawed=stamp.fingerprint(body))
        left = (
            f"{live_id} could not be deleted ({stays}): delete it there; until then nothing is made a second time from "
            "here (what another machine would do, this one cannot know)"
        )
    else:
        run.journal.settle([str(create.address)])
    return DeployerError(f"account {run.account.settings.name} {why}; {left}; {_CHECK}")
