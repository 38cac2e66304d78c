"""What differs between two live accounts: what a promotion from one to the other would change, blind to ids."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deployer.errors import UsageError
from deployer.model import (
    Action,
    Change,
    DesiredFile,
    LiveFile,
    LiveObject,
    OnDrift,
    Origin,
    Problem,
    Reason,
    Resource,
    Severity,
    Why,
)
from deployer.project.events import OnEvent, ignore
from deployer.project.results import PlanOptions, ProjectPlan

if TYPE_CHECKING:
    from deployer.engine.draft import Owned
    from deployer.project.project import Project
    from deployer.project.session import Session


async def against(target: Project, source: Project, *, on_event: OnEvent = ignore) -> ProjectPlan:
    """Compare what the project owns on two accounts: the plan that would make `target` as `source` is.

    Its changes have no operations, so it cannot be applied; a promotion goes by the manifest. UsageError when both are
    one account.
    """
    settings, root = source.manifest.settings, source.manifest.root
    embedded = settings.base_url is None and target.manifest.settings.base_url is None and root == target.manifest.root
    if embedded or source.target == target.target:
        raise UsageError(f"{settings.name} and {target.target.name} are one account; name another one to compare with")
    async with source.open(on_event=on_event) as there, target.open(on_event=on_event) as here:
        promoted, live = await asyncio.gather(there.read(), here.read())
        return _compared(here, live, there, promoted)


def _compared(here: Session, live: Sequence[LiveObject], there: Session, promoted: Sequence[LiveObject]) -> ProjectPlan:
    from deployer.engine import plan

    owned = _oldest(there, promoted)
    ids = {one.live.id: str(one.stamp.address) for one in owned}
    fit = [one for one in owned if one.stamp.address.kind in here.kinds]
    known = {one.stamp.address for one in _oldest(here, live)}
    resources = [_resource(there, one, ids, there=one.stamp.address in known) for one in fit]
    scope = here.scope(PlanOptions(prune=True, on_drift=OnDrift.OVERWRITE))
    made = plan.build(scope, resources, live)
    changes = [_blind(change, there.target.name) for change in made.changes]
    what = f"what a promotion from account {there.target.name} to {here.target.name} would change"
    problems = [
        Problem(what, "nothing of this can be applied: a promotion goes by the manifest", severity=Severity.WARNING),
        *_held(here, live, fit, there),
        *(
            Problem(f"account {here.target.name} has no {one.stamp.address.kind}", "", str(one.stamp.address))
            for one in owned
            if one not in fit
        ),
    ]
    return ProjectPlan.of(replace(made, changes=tuple(changes), problems=(*made.problems, *problems), desired=()))


def _oldest(session: Session, live: Sequence[LiveObject]) -> list[Owned]:
    """Return what the project owns, one for each address."""
    from deployer.engine import plan

    found: dict[object, Owned] = {}
    for one in plan.owned_objects(session.scope(), live):
        found.setdefault(one.stamp.address, one)
    return list(found.values())


def _resource(session: Session, one: Owned, ids: Mapping[str, str], *, there: bool) -> Resource:
    """Return a live object as if it were declared; where it is `there` already, with what it has not, too."""
    from deployer.engine.adopt import live_attrs
    from deployer.engine.canonical import same

    kind = session.kinds[one.live.kind]
    attrs = dict(live_attrs(kind, one.live, ids))
    if isinstance(attrs.get("tools"), Mapping):
        attrs["tools"] = list(attrs["tools"].values())
    if kind.naming:
        attrs.pop(kind.naming.field, None)  # it is as much the account's own as an id
    if not there:
        attrs = {name: value for name, value in attrs.items() if not same(value, kind.defaults.get(name))}
    files = tuple(_document(file) for file in one.files if file.sha256 and file.path) if kind.is_store else ()
    return Resource(one.stamp.address, attrs, files, protect=one.stamp.protected)


def _document(file: LiveFile) -> DesiredFile:
    return DesiredFile(
        file.path or "", file.size or 0, file.sha256 or "", file.chunking, attributes=dict(file.attributes)
    )


def _blind(change: Change, source: str) -> Change:
    """Leave out who moved what, and what would be sent: two accounts have no common past."""
    fields = tuple(replace(one, origin=Origin.MANIFEST, untaken=False) for one in change.fields)
    files = tuple(replace(one, origin=Origin.MANIFEST) for one in change.files if one.desired or one.live[0].path)
    result = replace(change, fields=fields, files=files, operations=(), orphan=False, reviewed="")
    if change.orphan:
        return replace(result, action=Action.DELETE, reason=Reason(Why.NOT_THERE, (source,)))
    if change.action is Action.UPDATE and not (fields or files):
        return replace(result, action=Action.NO_OP, reason=Reason(Why.AS_DECLARED))
    return result


def _held(here: Session, live: Sequence[LiveObject], promoted: Sequence[Owned], there: Session) -> list[Problem]:
    """Say where the files of a code interpreter differ, of which only tokens are known."""
    own = {one.stamp.address: _tokens(here, one) for one in _oldest(here, live)}
    return [
        Problem("the files of its code interpreter differ", "", str(one.stamp.address), severity=Severity.WARNING)
        for one in promoted
        if own.get(one.stamp.address, _tokens(there, one)) != _tokens(there, one)
    ]


def _tokens(session: Session, one: Owned) -> frozenset[str | None]:
    kind = session.kinds[one.live.kind]
    return frozenset() if kind.is_store else frozenset(file.sha256 for file in one.files)
