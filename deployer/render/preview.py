"""A plan, its drift, or what became of it, in lines and sentences: the one description that all formats share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer import catalogue
from deployer.engine import review
from deployer.engine.cost import upload_bytes
from deployer.engine.drift import moved
from deployer.engine.plan_json import summary
from deployer.model import Action, Address, Change, Origin, Outcome, Plan, Status
from deployer.render import documents, fields
from deployer.render.lines import Line, Segment, dim, plain, warn
from deployer.wording import counted, duration, listed, more, size

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

PAST = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
    Action.ADOPT: "adopted",
    Action.NO_OP: "unchanged",
}
_NAMED = 10


def header(plan: Plan) -> str:
    target = plan.target
    commit = f" @ {plan.origin}" if plan.origin else ""
    parts = [target.name, target.api, target.base_url, f"project {plan.project}{commit}"]
    return "Account  " + " · ".join(plain(part) for part in parts)


def changes(plan: Plan) -> Iterator[Line]:
    """Yield the lines of every pending change, of orphans that stay and of fields that stay as they were edited."""
    plan = review.reviewed(plan)
    summed, told = are_many(plan), hints(plan)
    for change in plan.changes:
        if summed and change.address.kind == FILE:
            continue
        beside = told.get(change.address, ())
        if change.action is not Action.NO_OP or _kept(change) or beside:
            yield from of_change(plan, change)
            yield from beside
        elif change.orphan:
            yield Line("?", 0, (Segment(plain(str(change.address)), "strong"), dim(f"  {change.reason}")))
    if summed:
        yield from _of_files([change for change in plan.changes if change.address.kind == FILE])


def are_many(plan: Plan) -> bool:
    """Whether File objects are summed up: an interrupted run may leave thousands, and their ids tell nothing."""
    return sum(change.address.kind == FILE for change in plan.changes) > _FEW


def hints(plan: Plan) -> Mapping[Address, Sequence[Line]]:
    """Return what is to be said beside changes: models that end, documents of others, addresses that look renamed."""
    told = review.of(plan)
    found: dict[Address, Sequence[Line]] = {}
    for change in plan.changes:
        lines = [*_of_models(plan, change), *_attached(told.attached.get(change.address, ()))]
        if change.address in told.renamed:
            lines += _renamed(told.renamed[change.address], change.address)
        if lines:
            found[change.address] = lines
    return found


def _of_models(plan: Plan, change: Change) -> Iterator[Line]:
    """Yield what is known of the model of a resource, beside it."""
    for one in plan.problems:
        if one.rule in catalogue.RULES and one.address.startswith(f"{change.address}."):
            yield Line("!", 1, (warn(plain(f"{one.message}; {one.remedy}")),))


def _attached(ids: Sequence[str]) -> Iterator[Line]:
    if ids:
        yield Line("!", 1, (warn(f"{counted(len(ids), 'document')} attached by others: {listed(ids, _FEW)}"),))


def _renamed(old: Address, new: Address) -> Iterator[Line]:
    """Yield the lines to paste: an id that applications know is what would be lost."""
    yield Line("", 1, (dim(f"the same as {old}, which is no longer in the manifest; to keep its id, add"),))
    yield Line("", 2, (Segment("moved:"),))
    yield Line("", 2, (Segment(plain(f"  - {{from: {old}, to: {new}}}")),))


def _of_files(files: Sequence[Change]) -> Iterator[Line]:
    name = Segment(f"{counted(len(files), 'File object'):<40}", "strong")
    yield Line("-", 0, (name, dim(f"  {files[0].reason}")))
    for change in files[:_FEW]:
        yield Line("-", 1, (Segment(plain(change.address.name), "gone"),))
    yield Line("", 1, (dim(f"… {more(len(files) - _FEW)}"),))


def of_change(plan: Plan, change: Change) -> Iterator[Line]:
    """Yield a line for the address, marked `!` when it overwrites what somebody edited, and those of what changes."""
    edited = conflicts(change)
    note = (warn(f"  {counted(edited, 'conflict')} with the account"),) if edited else ()
    name = Segment(f"{plain(str(change.address)):<40}", "strong")
    yield Line(sign(change), 0, (name, dim(f"  {detail(change)}"), *note))
    yield from fields.of(change.fields, fresh=change.action in _FRESH)
    yield from documents.of(plan, change)


def sign(change: Change) -> str:
    """Return `!` where somebody's edit is overwritten, else that of the action; `?` for an orphan that stays."""
    if change.orphan and change.action is Action.NO_OP:
        return "?"
    return "!" if conflicts(change) else _SIGNS.get(change.action, "·")


def conflicts(change: Change) -> int:
    """Count the fields and files that somebody edited, and that the change overwrites."""
    edited = sum(field.origin is not Origin.MANIFEST and not field.kept for field in change.fields)
    return edited + sum(file.origin is not Origin.MANIFEST and not file.kept for file in change.files)


def _kept(change: Change) -> int:
    return sum(field.kept for field in change.fields)


def detail(change: Change) -> str:
    uploads = upload_bytes(change)
    return f"{change.reason}, {size(uploads)} to upload" if uploads else str(change.reason)


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
    if gone := documents.removed(plan):
        pending.append(f"{counted(gone, 'document')} to remove")
    if conflicts := len(plan.conflicts):
        pending.append(counted(conflicts, "conflict"))
    if unchanged:
        pending.append(f"{unchanged:,} unchanged")
    return f"{', '.join([*errors, *pending, *rest])} · {_costs(plan)}"


def _costs(plan: Plan) -> str:
    least = review.of(plan)
    parts = [counted(least.requests, "request")]
    if least.bytes:
        parts.append(size(least.bytes))
    if least.seconds > _SLOW:
        parts.append(f"at least about {duration(least.seconds)} at this account's rate limits")
    return ", ".join(parts)


def drift(plan: Plan) -> Iterator[Line]:
    """Yield what moved on the account: `git → account` of each field, and documents that are no longer searchable."""
    for one in moved(plan):
        ident = f"  {one.live_id}" if one.live_id else ""
        what = (warn(f"  {one.what}"),) if one.what else ()
        yield Line("!", 0, (Segment(plain(str(one.address)), "strong"), dim(ident), *what))
        yield from fields.moved(one.fields)
        for document in one.documents:
            yield Line("!", 1, (Segment(f"{plain(document.path)}  ", "label"), warn(document.what)))
    attached = review.of(plan).attached
    for change in plan.changes:
        if others := attached.get(change.address, ()):
            yield Line("·", 0, (Segment(plain(str(change.address)), "strong"), dim(f"  {change.live_id}")))
            yield from _attached(others)


def drift_totals(plan: Plan) -> str:
    found = moved(plan)
    parts = (
        (sum(bool(one.what) for one in found), "object"),
        (sum(len(one.fields) for one in found), "field"),
        (sum(len(one.documents) for one in found), "document"),
    )
    said = ", ".join(counted(count, noun) for count, noun in parts if count)
    way = " (git → account)" if any(one.fields for one in found) else ""
    whole = f"{said} moved on the account{way}." if said else "Nothing moved on the account."
    names = listed([plain(str(one)) for one in plan.targets], _NAMED)
    return f"{whole} Only {names} and what that needs was compared." if names else whole


def done(value: Outcome) -> str:
    """Return the address of an outcome, with what was done, or was to be done."""
    return f"{value.address}  {PAST[value.action] if value.status is Status.DONE else value.action}"


def outcome_totals(values: Sequence[Outcome]) -> str:
    """Return the sentence that sums up an apply."""
    counts = {status: sum(value.status is status for value in values) for status in Status}
    parts = [f"{count:,} {status}" for status, count in counts.items() if count or status is Status.DONE]
    return ", ".join(parts)


def left(values: Sequence[Outcome]) -> str:
    """Say what an apply did not do, by name while they are few; "" when everything is done."""
    rest = [value for value in values if value.status is not Status.DONE]
    if not rest:
        return ""
    names = [plain(f"{value.action} {value.address}") for value in rest]
    return f"Left: {len(rest):,} of {counted(len(values), 'change')}: {listed(names, _NAMED)}"
