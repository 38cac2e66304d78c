"""A plan, or its drift, as lines: the one description that text and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployer.engine.cost import seconds, total_bytes, total_requests, upload_bytes
from deployer.engine.data import summary
from deployer.engine.drift import moved
from deployer.model import Action, Change, Origin, Plan
from deployer.render import documents, fields
from deployer.render.lines import Line, Segment, dim, plain, warn
from deployer.wording import counted, duration, more, size

FILE = "file"
"""The kind of a File object: no resource, it only ever goes."""
_FEW = 3
_SLOW = 5.0
_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "±", Action.DELETE: "-", Action.ADOPT: "»"}
_FRESH = (Action.CREATE, Action.REPLACE)
_VERBS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.REPLACE: "to replace",
    Action.DELETE: "to delete",
    Action.ADOPT: "to adopt",
}


def header(plan: Plan) -> str:
    target = plan.target
    commit = f" @ {plan.origin}" if plan.origin else ""
    parts = [target.name, target.api, target.base_url, f"project {plan.project}{commit}"]
    return "Account  " + " · ".join(plain(part) for part in parts)


def changes(plan: Plan) -> Iterator[Line]:
    """Yield the lines of every pending change, of orphans that stay and of fields that stay as they were edited."""
    summed = are_many(plan)
    for change in plan.changes:
        if summed and change.address.kind == FILE:
            continue
        if change.action is not Action.NO_OP or _kept(change):
            yield from of_change(plan, change)
        elif change.orphan:
            yield Line("?", 0, (Segment(plain(str(change.address)), "strong"), dim(f"  {change.reason}")))
    if summed:
        yield from _of_files([change for change in plan.changes if change.address.kind == FILE])


def are_many(plan: Plan) -> bool:
    """Whether File objects are summed up: an interrupted run may leave thousands, and their ids tell nothing."""
    return sum(change.address.kind == FILE for change in plan.changes) > _FEW


def _of_files(files: Sequence[Change]) -> Iterator[Line]:
    name = Segment(f"{counted(len(files), 'File object'):<40}", "strong")
    yield Line("-", 0, (name, dim(f"  {files[0].reason}")))
    for change in files[:_FEW]:
        yield Line("-", 1, (Segment(plain(change.address.name), "gone"),))
    yield Line("", 1, (dim(f"… {more(len(files) - _FEW)}"),))


def of_change(plan: Plan, change: Change) -> Iterator[Line]:
    """Yield a line for the address, marked `!` when it overwrites what somebody edited, and those of what changes."""
    edited = _edited(change)
    sign = "!" if edited else _SIGNS.get(change.action, "·")
    note = (warn(f"  {counted(edited, 'conflict')} with the account"),) if edited else ()
    name = Segment(f"{plain(str(change.address)):<40}", "strong")
    yield Line(sign, 0, (name, dim(f"  {_detail(change)}"), *note))
    yield from fields.of(change.fields, fresh=change.action in _FRESH)
    yield from documents.of(plan, change)


def _edited(change: Change) -> int:
    edited = sum(field.origin is not Origin.MANIFEST and not field.kept for field in change.fields)
    return edited + sum(file.origin is not Origin.MANIFEST and not file.kept for file in change.files)


def _kept(change: Change) -> int:
    return sum(field.kept for field in change.fields)


def _detail(change: Change) -> str:
    uploads = upload_bytes(change)
    return f"{change.reason}, {size(uploads)} to upload" if uploads else change.reason


def totals(plan: Plan) -> str:
    """Return the last line: what there is to do and what it costs."""
    pending = [f"{count:,} {_VERBS[action]}" for action in _VERBS if (count := summary(plan)[action.value])]
    orphans = sum(change.orphan and change.action is Action.NO_OP for change in plan.changes)
    unchanged = summary(plan)[Action.NO_OP.value] - orphans
    rest = [f"{orphans:,} no longer in the manifest"] if orphans else []
    if kept := sum(map(_kept, plan.changes)):
        rest.append(f"{counted(kept, 'field')} kept as edited on the account")
    errors = [f"Cannot be applied: {counted(len(plan.errors), 'error')}"] if plan.errors else []
    if not pending:
        nothing = f"{'' if errors else 'Nothing to do: '}{counted(unchanged, 'object')} as declared"
        return ", ".join([*errors, nothing, *rest]) + "."
    if conflicts := len(plan.conflicts):
        pending.append(counted(conflicts, "conflict"))
    if unchanged:
        pending.append(f"{unchanged:,} unchanged")
    return f"{', '.join([*errors, *pending, *rest])} · {_costs(plan)}"


def _costs(plan: Plan) -> str:
    parts = [counted(total_requests(plan), "request")]
    if total := total_bytes(plan):
        parts.append(size(total))
    if (least := seconds(plan)) > _SLOW:
        parts.append(f"at least about {duration(least)} at this account's rate limits")
    return ", ".join(parts)


def drift(plan: Plan) -> Iterator[Line]:
    """Yield what moved on the account: `git → account` of each field, and documents that are no longer searchable."""
    for one in moved(plan):
        ident = f"  {one.live_id}" if one.live_id else ""
        what = (warn(f"  {one.what}"),) if one.what else ()
        yield Line("!", 0, (Segment(plain(str(one.address)), "strong"), dim(ident), *what))
        yield from fields.moved(one.fields)
        for document in one.documents:
            yield Line("!", 1, (Segment(f"{plain(document.path)}  ", "plain"), warn(document.what)))


def drift_totals(plan: Plan) -> str:
    found = moved(plan)
    parts = (
        (sum(bool(one.what) for one in found), "object"),
        (sum(len(one.fields) for one in found), "field"),
        (sum(len(one.documents) for one in found), "document"),
    )
    said = ", ".join(counted(count, noun) for count, noun in parts if count)
    return f"{said} moved on the account." if said else "Nothing moved on the account."
