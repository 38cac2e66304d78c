"""The stamps of then, put back where a plan would write those of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.engine import reviewed, stamp
from deployer.engine.decide import STORE, Draft, Owned
from deployer.kinds import Body, vector_store
from deployer.model import Action, Attach, Change, Member, Request, Step
from deployer.rollback.snapshot import Entry
from deployer.rollback.strangers import Marked


def as_then(draft: Draft, entry: Entry) -> Draft:
    """Let a draft write the digests of then; where only they differ, that is the change."""
    if draft.owned is None or _acts(draft, draft.owned):
        return _marked(draft, entry)
    change, raw = draft.change, draft.owned.live.raw
    if _stamped(raw) == _stamped(entry.raw):
        action = Action.UPDATE if change.files else Action.NO_OP
        return replace(draft, body=None, change=replace(change, action=action))
    reason = change.reason if change.files else "what is declared of it"
    mark = change.reviewed or reviewed.digest(draft.kind, raw)
    change = replace(change, action=Action.UPDATE, reason=reason, reviewed=mark)
    body = draft.kind.wire({"metadata": raw.get("metadata") or {}}, raw)
    return _marked(replace(draft, change=change, body=body), entry)


def _acts(draft: Draft, owned: Owned) -> bool:
    """Tell whether more than a stamp is to be written on the object itself."""
    change = draft.change
    fields = any(not field.kept for field in change.fields)
    return fields or bool(change.files and change.address.kind != STORE) or owned.stamp.address != change.address


def _marked(draft: Draft, entry: Entry) -> Draft:
    if draft.body is None:
        return draft
    metadata = {**draft.body.fields["metadata"], **_marks(entry)}
    return replace(draft, body=Body({**draft.body.fields, "metadata": metadata}, draft.body.refs))


def _stamped(raw: Mapping[str, Any] | None) -> tuple[bool, dict[str, str]]:
    metadata = (raw or {}).get("metadata") or {}
    return stamp.OWNER in metadata, stamp.parsed(metadata.get(stamp.APPLIED))


def _marks(entry: Entry) -> dict[str, str]:
    metadata = (entry.raw or {}).get("metadata") or {}
    return {name: metadata.get(name, "") for name in (stamp.OWNER, stamp.APPLIED, stamp.ORIGIN)}


def rewritten(change: Change, declared: Mapping[str, Mapping[str, str]], kept: Mapping[str, str]) -> Change:
    """Give the change with what was declared of its documents then, and with the tokens of files that stay as is."""
    return replace(change, steps=tuple(_rewritten(step, declared, kept) for step in change.steps))


def unmarked(change: Change, documents: Marked) -> Change:
    """Give the change with the attributes of then for documents that were not ours."""
    return replace(change, steps=tuple(_unmarked(step, documents) for step in change.steps)) if documents else change


def _unmarked(step: Step, documents: Marked) -> Step:
    if not isinstance(step, Request) or "attributes" not in (step.body or {}):
        return step
    found = documents.get(step.path.rpartition("/")[2])
    return replace(step, body={"attributes": dict(found[1])}) if found else step


def _rewritten(step: Step, declared: Mapping[str, Mapping[str, str]], kept: Mapping[str, str]) -> Step:
    if isinstance(step, Attach):
        return replace(step, members=tuple(_member(member, declared) for member in step.members))
    if not isinstance(step, Request) or step.body is None:
        return step
    if "attributes" in step.body:
        return replace(step, body={"attributes": _attributes(step.body["attributes"], declared)})
    if kept and "metadata" in step.body:
        metadata = step.body["metadata"]
        tokens = " ".join([metadata.get(stamp.FILES, ""), *(f"{stamp.name_of(one)}={kept[one]}" for one in kept)])
        return replace(step, body={**step.body, "metadata": {**metadata, stamp.FILES: tokens.strip()}})
    return step


def _member(member: Member, declared: Mapping[str, Mapping[str, str]]) -> Member:
    return replace(member, attributes=_attributes(member.attributes, declared))


def _attributes(attributes: Mapping[str, Any], declared: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    found = {name: value for name, value in attributes.items() if name != vector_store.DECLARED_KEY}
    text = stamp.written(declared.get(attributes[vector_store.PATH_KEY], {}))
    return {**found, **({vector_store.DECLARED_KEY: text} if text else {})}
