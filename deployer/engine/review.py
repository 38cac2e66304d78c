"""What a reviewer is told of a plan beside its changes: what it costs, why it will be refused, and what looks odd.

A plan that was read from a file has no live objects to work this out from; it carries what was found when it was made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from deployer.engine import cost, guard, stamp, uploads
from deployer.errors import DeployerError
from deployer.kinds import kinds_of
from deployer.model import (
    Action,
    Address,
    Change,
    FileAction,
    FileChange,
    LiveObject,
    Plan,
    Reason,
    Resource,
    Review,
    Use,
    Why,
)

BREAKING, CONFLICT, DELETE = "breaking", "conflict", "delete"
GATES = (BREAKING, CONFLICT, DELETE)
"""What a pipeline may refuse in a plan, by the words of `--fail-on`."""
_UNSURE = "what it holds is no longer in the manifest"


def reviewed(plan: Plan, failed: Sequence[str] = ()) -> Plan:
    """Return the plan with its review, and the gates that it does not pass."""
    return replace(plan, review=replace(of(plan), failed=tuple(failed))) if failed or not plan.review else plan


def of(plan: Plan) -> Review:
    """Return the review of a plan: the one that it carries, or else worked out from what it was made from."""
    return plan.review or Review(
        requests=cost.total_requests(plan),
        bytes=cost.total_bytes(plan),
        seconds=cost.seconds(plan),
        refusal=_refusal(plan),
        attached=_attached(plan),
        renamed=_renamed(plan),
        replaced=_replacements(plan),
        uses=_uses(plan),
    )


def _refusal(plan: Plan) -> str:
    """Return why apply will refuse the plan, in lines; "" when it will not, and when the plan has errors of its own."""
    if plan.errors:
        return ""
    try:
        guard.check(plan)
    except DeployerError as error:
        return str(error)
    return ""


def failed(plan: Plan, gates: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each gate that the plan does not pass."""
    plan = reviewed(plan)
    if BREAKING in gates and (found := [f"{address}.{field.name}" for address, field in plan.breaking]):
        yield f"breaking for the application: {', '.join(found)}; change it to accept both, then deploy"
    if CONFLICT in gates and (found := list(dict.fromkeys(str(address) for address, _ in plan.conflicts))):
        yield f"edited on the account: {', '.join(found)}; put the edit into git, or decide with --on-drift"
    if DELETE in gates and (found := list(_deleted(plan))):
        yield f"deletes: {', '.join(found)}; keep them in the manifest, or leave out --prune"


def _deleted(plan: Plan) -> Iterator[str]:
    """Yield what goes, objects and documents; an object that is made anew loses its id, too."""
    for change in plan.pending:
        if change.action in (Action.DELETE, Action.REPLACE):
            yield str(change.address)
        elif gone := sum(file.action is FileAction.REMOVE for file in files(plan, change)):
            yield f"{gone:,} of the documents of {change.address}"


def _attached(plan: Plan) -> dict[Address, tuple[str, ...]]:
    """Return the documents in stores that this tool did not attach, and that stay."""
    live = {one.id: one for one in plan.live}
    found = {}
    for change in plan.changes:
        store = live.get(change.live_id or "")
        if store is not None and change.action is not Action.DELETE and store.files:
            going = {file.id for one in change.files for file in one.live}
            foreign = tuple(file.id for file in store.files if file.path is None and file.id not in going)
            if foreign:
                found[change.address] = foreign
    return found


def _renamed(plan: Plan) -> dict[Address, Address]:
    """Return what is to be created and looks like an orphan under another key: the same fields, the same documents."""
    live = {one.id: one for one in plan.live}
    fresh = {one.address for one in plan.changes if one.action is Action.CREATE}
    orphans = {_looks(live[one.live_id]): one.address for one in plan.changes if one.orphan and one.live_id in live}
    if not orphans or not fresh:
        return {}
    kinds, found = kinds_of(plan.target.api), {}
    for one in plan.desired:
        if one.address in fresh and one.address.kind in kinds:
            applied = stamp.applied(stamp.fields(kinds[one.address.kind].express(one.attrs).attrs))
            look = one.address.kind, frozenset(applied.items()), frozenset(file.sha256 for file in one.files)
            if look in orphans and any(look[1:]):
                found[one.address] = orphans[look]
    return found


def _looks(live: LiveObject) -> tuple[str, frozenset[tuple[str, str]], frozenset[str | None]]:
    """Return what an object was when it was last applied."""
    found = stamp.of(live.raw)
    documents = frozenset(file.sha256 for file in live.files if file.path is not None)
    return live.kind, frozenset(found.digests.items() if found else ()), documents


def _uses(plan: Plan) -> dict[str, Use]:
    """Return who refers to what; a resource that neither refers nor is referred to stands in it nowhere."""
    declared = {str(one.address): one for one in plan.desired}
    named = {name: sorted(_mentioned(one.attrs, declared)) for name, one in declared.items()}
    used = {other for names in named.values() for other in names}
    return {
        name: Use(tuple(named[name]), len(one.files), sum(file.size for file in one.files))
        for name, one in declared.items()
        if named[name] or name in used
    }


def _mentioned(value: Any, declared: Mapping[str, Any]) -> set[str]:
    if isinstance(value, Mapping):
        return {name for inner in value.values() for name in _mentioned(inner, declared)}
    if isinstance(value, list | tuple):
        return {name for inner in value for name in _mentioned(inner, declared)}
    return {value} & declared.keys() if isinstance(value, str) else set()


def files(plan: Plan, change: Change) -> tuple[FileChange, ...]:
    """Return the file changes as they are to be read: those of a code interpreter as replacements, where they are some.

    Where it does not show what replaced what (two went, one came), no name is said to have left git.
    """
    if _is_store(plan, change):
        return change.files
    came = {one.path: one for one in change.files if one.action is FileAction.ADD}
    gone = {one.live[0].id: one for one in change.files if one.action is FileAction.REMOVE and one.live}
    pairs = of(plan).replaced.get(change.address, {}) if came and gone else {}
    over = {id(gone[old]) for old in pairs.values()}
    read = [_replaced(gone[pairs[one.path]], one) if one.path in pairs else one for one in change.files]
    found = [_left(one, unsure=len(pairs) < len(came)) for one in read if id(one) not in over]
    return tuple(sorted(found, key=lambda one: (one.path, one.action)))


def _is_store(plan: Plan, change: Change) -> bool:
    kind = kinds_of(plan.target.api).get(change.address.kind)
    return kind is None or kind.is_store


def _replaced(old: FileChange, new: FileChange) -> FileChange:
    return replace(new, action=FileAction.REPLACE, live=old.live, reason=Reason(Why.REPLACED, (old.live[0].id,)))


def _left(change: FileChange, *, unsure: bool) -> FileChange:
    if unsure and change.action is FileAction.REMOVE:
        return replace(change, reason=Reason(Why.UNSURE, (_UNSURE,)))
    return change


def _replacements(plan: Plan) -> dict[Address, Mapping[str, str]]:
    """Return for each holder of files the path that came and the id that went.

    An account names the files of a code interpreter by ids alone. The stamp holds what was in them in the manifest's
    order, so a file that changed stands where the old one stood.
    """
    live = {one.id: one for one in plan.live}
    declared = {one.address: one for one in plan.desired}
    found: dict[Address, Mapping[str, str]] = {}
    for change in plan.changes:
        if change.files and not _is_store(plan, change) and change.live_id in live and change.address in declared:
            pairs = dict(_pairs(live[change.live_id], declared[change.address], change))
            if pairs:
                found[change.address] = pairs
    return found


def _pairs(live: LiveObject, declared: Resource, change: Change) -> Iterator[tuple[str, str]]:
    """Yield the contents that have the same place: as many of each between the same neighbours."""
    came = {_token(one): one.path for one in change.files if one.action is FileAction.ADD}
    gone = {one.live[0].sha256: one.live[0].id for one in change.files if one.action is FileAction.REMOVE and one.live}
    mark = stamp.of(live.raw)
    before: Sequence[str] = list(mark.files.values()) if mark else []
    after = list(dict.fromkeys(uploads.token(file.name, file.sha256) for file in declared.files))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "replace" and i2 - i1 == j2 - j1:
            for old, new in zip(before[i1:i2], after[j1:j2], strict=True):
                if old in gone and new in came:
                    yield came[new], gone[old]


def _token(change: FileChange) -> str:
    file = change.desired
    return uploads.token(file.name, file.sha256) if file else ""
