"""An account in memory, on which plans are carried out at once: for laws about many states, and for counting.

It does what operations say and nothing else. What a service makes of requests is tested on the embedded account.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, assert_never

from deployer.engine import plan, stamp, uploads
from deployer.engine.draft import Scope
from deployer.kinds import kinds_of, vector_store
from deployer.model import (
    Action,
    Address,
    AttachFiles,
    Create,
    Delete,
    DeleteFile,
    DesiredFile,
    DetachFile,
    LiveFile,
    LiveObject,
    OnDrift,
    Operation,
    Outcome,
    Plan,
    Resource,
    Status,
    Target,
    Update,
    UpdateFile,
    Upload,
)
from deployer.rollback import history, restore, snapshot
from deployer.rollback.restore import ContentSources, RollbackPlan

STORE = "vector_store"
Objects = Mapping[str, Mapping[str, Any]]
Moved = tuple[tuple[Address, Address], ...]


@dataclass
class MemoryAccount:
    """Objects by id; `members` are the memberships of each store, `files` name and sha256 of each File object."""

    api: str = "assistants"
    objects: dict[str, LiveObject] = field(default_factory=dict)
    members: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    files: dict[str, DesiredFile] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=count)
    clock: int = 1_700_000_000

    def live(self) -> tuple[LiveObject, ...]:
        """Return what a plan is made from: memberships only of stores that carry a stamp."""
        return tuple(self._shown(one) for one in self.objects.values())

    def _shown(self, one: LiveObject) -> LiveObject:
        gone = frozenset(held for held in kinds_of(self.api)[one.kind].held(one.raw) if held not in self.files)
        stamped = stamp.OWNER in one.raw["metadata"]
        return replace(one, files=self.documents(one.id) if stamped else (), gone=gone)

    def documents(self, store: str) -> tuple[LiveFile, ...]:
        """Return the memberships of a store; those of a File object that is gone are missing."""
        rows = self.members.get(store, {})
        return tuple(vector_store.live_file({"id": one, "created_at": 1, **row}) for one, row in rows.items())

    def unheld(self) -> set[str]:
        """Return the File objects that nothing holds."""
        held = {one for rows in self.members.values() for one in rows}
        for one in self.objects.values():
            held.update(kinds_of(self.api)[one.kind].held(one.raw))
        return self.files.keys() - held

    def make(self, kind: str, body: Mapping[str, Any]) -> str:
        """Create an object as a person does; return its id."""
        live_id = f"{kind}_{next(self.numbers)}"
        found = kinds_of(self.api)[kind]
        defaults = found.wire({name: value for name, value in found.defaults.items() if name != "model"}, None).fields
        self.clock += 1
        raw = {**defaults, "metadata": {}, "status": "completed", **body, "id": live_id, "created_at": self.clock}
        self.objects[live_id] = LiveObject(kind, live_id, json.loads(json.dumps(raw)))
        return live_id

    def edit(self, live_id: str, **fields: Any) -> None:
        one = self.objects[live_id]
        self.objects[live_id] = replace(one, raw={**one.raw, **json.loads(json.dumps(fields))})

    def upload(self, file: DesiredFile) -> str:
        file_id = f"file_{next(self.numbers)}"
        self.files[file_id] = file
        return file_id

    def carry_out(self, wanted: Plan) -> tuple[Outcome, ...]:
        """Do what a plan says, in its order; return an outcome for each change, with the ids of what was created."""
        keys = dict(wanted.known)
        for one in [one for change in wanted.pending for one in change.operations]:
            self._do(one, keys)
        outcomes = []
        for change in wanted.pending:
            fresh = change.action in (Action.CREATE, Action.REPLACE)
            live_id = keys[str(change.address)] if fresh else change.live_id
            outcomes.append(Outcome(change.address, change.action, Status.DONE, live_id=live_id))
        return tuple(outcomes)

    def _do(self, one: Operation, keys: dict[str, str]) -> None:
        match one:
            case Create():
                keys[one.gives] = self.make(one.address.kind, _filled(one, keys))
            case Update():
                self.edit(one.id, **_filled(one, keys))
            case Delete():
                del self.objects[one.id]
                self.members.pop(one.id, None)
            case Upload():
                keys[one.gives] = self.upload(one.file)
            case AttachFiles():
                for member in () if one.attached else one.members:
                    row = vector_store.membership(member.attributes, member.chunking)
                    file_id = member.file if member.live else keys[member.file]
                    self.members.setdefault(keys[one.store], {})[file_id] = row
            case UpdateFile():
                self.members[keys[one.store]][one.file]["attributes"] = dict(one.attributes)
            case DetachFile():
                del self.members[keys[one.store]][one.file]
            case DeleteFile():
                del self.files[one.id]
            case _:
                assert_never(one)


def _filled(one: Create | Update, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the body with ids for keys, and short hashes of ids in the places that `hashes` names."""
    body: dict[str, Any] = json.loads(json.dumps(dict(one.body)))
    for pointer, key in one.refs:
        *parents, last = pointer.removeprefix("/").split("/")
        inner: Any = body
        for name in parents:
            inner = inner[int(name) if isinstance(inner, list) else name]
        inner[int(last) if isinstance(inner, list) else last] = keys[key]
    for pointer, key in one.hashes:
        name = pointer.rpartition("/")[2]
        body["metadata"][name] = body["metadata"][name].replace(f"{{{key}}}", stamp.name_of(keys[key]))
    return body


@dataclass
class Story:
    """A project that is deployed again and again on an account in memory; every run leaves its snapshot.

    `tree` are the files of the working tree.
    """

    account: MemoryAccount = field(default_factory=MemoryAccount)
    project: str = "test"
    chain: list[Mapping[str, Any]] = field(default_factory=list)
    tree: list[DesiredFile] = field(default_factory=list)
    origin: str = "abc1234"

    def scope(self, *, on_drift: OnDrift = OnDrift.FAIL, moved: Moved = (), origin: str | None = None) -> Scope:
        target = Target("here", self.account.api, "")
        commit = self.origin if origin is None else origin
        kinds = kinds_of(self.account.api)
        return Scope(self.project, target, kinds, commit, prune=True, on_drift=on_drift, moved=moved)

    def apply(
        self,
        *resources: Resource,
        moved: Moved = (),
        recorded: bool = True,
        on_drift: OnDrift = OnDrift.OVERWRITE,
        origin: str | None = None,
    ) -> Plan:
        """Deploy, with pruning; not `recorded`: the run is killed at its very end."""
        scope = self.scope(on_drift=on_drift, moved=moved, origin=origin)
        wanted = plan.build(scope, resources, self.account.live())
        assert not wanted.errors, wanted.errors
        self.run(wanted, "apply", recorded=recorded)
        return wanted

    def plan(self, *resources: Resource, left_over: Mapping[str, str] = plan.NOTHING) -> Plan:
        return plan.build(self.scope(), resources, self.account.live(), left_over)

    def run(self, wanted: Plan, command: str, *, recorded: bool = True) -> None:
        if not wanted.pending:
            return
        self.account.clock += 1
        data = snapshot.take(wanted, command, str(self.account.clock), self.account.live())
        outcomes = self.account.carry_out(wanted)
        data = snapshot.with_created(data, outcomes, {one.id for one in wanted.live}) if recorded else data
        self.chain.append(json.loads(json.dumps(data)))

    def plan_back(self, number: int = -1, *, on_drift: OnDrift = OnDrift.FAIL, moved: Moved = ()) -> RollbackPlan:
        """Plan to undo the run of a snapshot and all that came after it."""
        entries = history.merged(self.chain[number:])
        scope = self.scope(on_drift=on_drift, moved=moved, origin="fedcba9")
        return restore.plan_rollback(scope, entries, self.account.live(), self.sources(), "deployer rollback NAME")

    def sources(self) -> ContentSources:
        contents = {uploads.token(file.name, file.sha256): file for file in self.tree}
        return ContentSources(frozenset(self.account.files), {file.sha256: file for file in self.tree}, contents)

    def roll_back(self, number: int = -1, *, on_drift: OnDrift = OnDrift.FAIL) -> RollbackPlan:
        """Undo the run of a snapshot and all that came after it; nothing is left to undo then."""
        found = self.plan_back(number, on_drift=on_drift)
        assert not found.plan.errors, found.plan.errors
        start = number if number >= 0 else len(self.chain) + number
        entries = history.merged(self.chain[start:])
        self.run(found.plan, "rollback")
        scope = self.scope(on_drift=on_drift, origin="fedcba9")
        left = restore.plan_rollback(scope, entries, self.account.live(), self.sources())
        assert left.plan.pending == (), left.plan.pending
        return found

    def is_untouched(self, live_id: str, number: int) -> bool:
        """Whether no run since a snapshot has changed or made an object."""
        changes = [change for data in self.chain[number:] for change in data["changes"]]
        return live_id not in {change[name] for change in changes for name in ("id", "made") if name in change}

    def state(self) -> dict[str, Any]:
        """Return what is live, without ids: each object by its address (or what it is called), with its documents.

        Which commit wrote a stamp that is otherwise the same does not count.
        """
        return {self._label(one): self._told(one) for one in self.account.objects.values()}

    def _label(self, one: LiveObject) -> str:
        return str(one.raw["metadata"].get(stamp.OWNER) or f"foreign {one.kind} {one.raw.get('name')}")

    def _told(self, one: LiveObject) -> dict[str, Any]:
        """Ids are replaced by what they stand for: what is made again has others."""
        kind, labels = kinds_of(self.account.api)[one.kind], {}
        for other in self.account.objects.values():
            labels[other.id] = self._label(other)
        fields = dict(kind.canonical(one.raw, labels))
        metadata = dict(fields.pop("metadata", None) or {})
        known = {stamp.name_of(held): self.account.files[held].path for held in kind.held(one.raw)}
        metadata.pop(stamp.ORIGIN, None)
        pairs = stamp.parsed(metadata.pop(stamp.FILES, ""))
        return {
            "fields": json.dumps({name: value for name, value in fields.items() if value}, sort_keys=True),
            "metadata": metadata,
            "held": sorted(known.values()),
            "tokens": sorted((known.get(name, name), token) for name, token in pairs.items()),
            "documents": sorted(self._documents(one.id)),
        }

    def _documents(self, store: str) -> Iterator[str]:
        for file_id, row in self.account.members.get(store, {}).items():
            yield json.dumps({**row, "file_id": self.account.files[file_id].sha256}, sort_keys=True)


def assistant(key: str, *tables: DesiredFile, protect: bool = False, **attrs: Any) -> Resource:
    return Resource(Address("assistant", key), {"model": "m", **attrs}, tables, protect=protect)


def store(key: str, *documents: DesiredFile, protect: bool = False, **attrs: Any) -> Resource:
    return Resource(Address(STORE, key), attrs, documents, protect=protect)


def document(path: str, content: str, **attributes: Any) -> DesiredFile:
    return DesiredFile(path, len(content), f"{content:0<64}", attributes=attributes)


def using(*stores: str) -> list[dict[str, Any]]:
    return [{"type": "file_search", "vector_stores": [f"{STORE}/{key}" for key in stores]}]


def moves(*pairs: tuple[str, str]) -> Sequence[tuple[Address, Address]]:
    return tuple((Address.parse(old), Address.parse(new)) for old, new in pairs)
