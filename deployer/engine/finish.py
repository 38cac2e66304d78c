"""Build the operations of a plan's changes, all together.

What one change needs another may bring, and what one lets go of another may hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.engine import documents, interpreter
from deployer.engine.decide import STORE, Draft
from deployer.engine.supply import Releases, Source, Supply, of_membership
from deployer.model import (
    Action,
    Address,
    Change,
    Create,
    Delete,
    DeleteFile,
    FileAction,
    LiveFile,
    Operation,
    Operations,
    Update,
    Upload,
    Write,
)

_NEEDS_BYTES = (FileAction.ADD, FileAction.REPLACE)


def changes(drafts: Sequence[Draft], holders: Mapping[str, int]) -> tuple[Change, ...]:
    """Give the changes, in the order of the drafts. `holders` counts who holds each File object today."""
    supply, releases = Supply(_pool(drafts)), Releases()
    done = [_finished(draft, supply, releases) for draft in drafts]
    deletes = releases.deletes(holders, supply.used)
    return tuple(_with(change, deletes.get(str(change.address), ())) for change in done)


def left_over(file_ids: Sequence[str]) -> tuple[Change, ...]:
    """Give the deletes that an interrupted run did not come to: nobody holds these File objects any more."""
    why = "left over by an interrupted run"
    return tuple(
        Change(Address("file", one), Action.DELETE, why, one, operations=(DeleteFile(one),)) for one in sorted(file_ids)
    )


def _with(change: Change, deletes: Sequence[DeleteFile]) -> Change:
    return replace(change, operations=(*change.operations, *deletes)) if deletes else change


def _pool(drafts: Sequence[Draft]) -> dict[str, list[str]]:
    """Give the File objects of the account that may be used again, by the token of their content."""
    pool: dict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        for file in draft.owned.files if draft.owned else ():
            mark = of_membership(file) if draft.change.address.kind == STORE else file.sha256
            if mark:
                pool[mark].add(file.id)
    return {mark: sorted(ids) for mark, ids in pool.items()}


def _finished(draft: Draft, supply: Supply, releases: Releases) -> Change:
    change = draft.change
    if change.action is Action.NO_OP:
        return change
    if change.action is Action.DELETE:
        return replace(change, operations=_delete(draft, releases))
    needed = [one.desired for one in change.files if one.action in _NEEDS_BYTES and one.desired]
    sources, uploads = supply.sources(needed, [file.id for file in _files(draft)])
    files = tuple(replace(one, upload=one.path in uploads) if one.desired else one for one in change.files)
    change = replace(change, files=files)
    if change.address.kind == STORE:
        later = documents.operations(str(change.address), files, sources, uploads, releases)
        return replace(change, operations=(*_write(draft), *later))
    return replace(change, operations=_assistant(replace(draft, change=change), sources, uploads, releases))


def _files(draft: Draft) -> tuple[LiveFile, ...]:
    return draft.owned.files if draft.owned else ()


def _delete(draft: Draft, releases: Releases) -> Operations:
    holder, key = str(draft.change.address), f"deleted {draft.change.address}"
    for file in _files(draft):
        releases.add(file.id, holder, key, ours=bool(file.sha256))
    return (Delete(draft.change.address, draft.change.live_id or "", key),)


def _write(draft: Draft, hashes: tuple[tuple[str, str], ...] = ()) -> tuple[Write, ...]:
    address, body = draft.change.address, draft.body
    if body is None:
        return ()
    if draft.change.action in (Action.CREATE, Action.REPLACE):
        return (Create(address, body.fields, body.refs, hashes, str(address)),)
    return (Update(address, draft.change.live_id or "", body.fields, body.refs, hashes, f"updated {address}"),)


def _assistant(
    draft: Draft, sources: Mapping[str, Source], uploads: Mapping[str, Upload], releases: Releases
) -> Operations:
    """An assistant holds the files of its code interpreter itself: they come first, those let go of go last."""
    live, change = _files(draft), draft.change
    if draft.body is None or not (draft.desired or live):
        return _write(draft)
    held, tokens = interpreter.holding(draft.desired, live, sources)
    body, hashes = interpreter.marked(draft.body, held, tokens)
    if change.files or "tool_resources" in body.fields:
        raw = draft.owned.live.raw if draft.owned else None
        body = draft.kind.hold(body, [(source.key, source.live) for source in held], raw)
    for one in change.files:
        if one.action is FileAction.REMOVE:
            releases.add(one.live[0].id, str(change.address), f"updated {change.address}")
    operations: list[Operation] = [*uploads.values(), *_write(replace(draft, body=body), hashes)]
    return tuple(operations)
