"""Take over an object that deployer did not create: nothing is written but the stamp."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deployer.engine import stamp
from deployer.errors import DeployerError
from deployer.model import Action, Address, LiveObject, Plan, ProblemsFound, Resource
from deployer.wording import listed

if TYPE_CHECKING:
    from deployer.engine.adopt import Taking
    from deployer.manifest import Manifest
    from deployer.project.applying import ApplyOptions
    from deployer.project.results import ApplyResult
    from deployer.project.session import Session

OTHER_PROJECT = "other-project"
"""The name of the guard that keeps what belongs to another project."""
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class AdoptionRequest:
    """What is to be adopted as the resource at `address`: the object with the id, or (with `by_name`) the name `found`.

    `by_size`: where no document can be read back, its name and size are proof enough. `force` lifts guards, by name.
    """

    address: str
    found: str
    by_name: bool = False
    by_size: bool = False
    force: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Adoption:
    """What an adoption would write. `foreign` names documents that stay foreign, each with the reason."""

    plan: Plan
    resource: Resource
    live: LiveObject
    uploads: int
    foreign: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Foreign:
    """A live object that this project does not own; `project` and `address` are those of another project that does."""

    kind: str
    name: str
    id: str
    project: str = ""
    address: str = ""


async def foreign(session: Session) -> tuple[Foreign, ...]:
    """Return what this project does not own, of the kinds that a manifest can declare, by kind and name."""
    own = session.manifest.project
    return tuple(sorted(_of(one) for one in await session.read() if not _is_of(one, own)))


def _of(live: LiveObject) -> Foreign:
    found = stamp.of(live.raw)
    name = str(live.raw.get("name") or "")
    return Foreign(live.kind, name, live.id, found.project if found else "", str(found.address) if found else "")


async def adoption(session: Session, wanted: AdoptionRequest) -> Adoption:
    """Find what is meant and prove which documents are the declared ones; DeployerError where it cannot be adopted."""
    from deployer.apply.reuse import prove
    from deployer.engine import adopt
    from deployer.engine.plan import duplicates

    resource = declared(session.manifest, wanted.address)
    now = await session.plan()
    live = await _with_files(session, _found(now, resource.address, wanted))
    if twins := duplicates(session.scope(), now.live, ()):
        raise ProblemsFound(twins)
    _check(now, resource, live, wanted.force)
    proof = await prove(session.account.files, live.files, resource.files, by_size=wanted.by_size)
    taking = adopt.Taking(resource, live, proof.proven)
    _check_room(taking, stores=session.kinds[live.kind].is_store)
    plan = adopt.adoption(session.scope(), now, [taking])
    plan = replace(plan, live=tuple(live if one.id == live.id else one for one in plan.live))
    there = {file.path for file in proof.proven.values()} | {file.path for file in live.files}
    uploads = sum(file.path not in there for file in resource.files)
    return Adoption(plan, resource, live, uploads, tuple(proof.foreign), tuple(_notes(session, now, live)))


async def adopted(session: Session, plan: Plan, options: ApplyOptions) -> ApplyResult:
    """Write the stamps of an adoption, after a snapshot of what the objects hold."""
    from deployer.project.applying import executed

    ids = {change.live_id for change in plan.pending}
    live = [await _with_files(session, one) if one.id in ids else one for one in plan.live]
    return await executed(session, replace(plan, live=tuple(live)), replace(options, command="adopt"))


def differs(plan: Plan) -> bool:
    """Whether the next apply would change what is adopted."""
    return any(change.fields for change in plan.changes if change.action is Action.ADOPT)


def declared(manifest: Manifest, text: str) -> Resource:
    """Return the resource at an address; DeployerError when the manifest has none there."""
    from deployer.manifest.suggest import nearest

    found = {str(resource.address): resource for resource in manifest.resources}
    if text not in found:
        remedy = nearest(
            text, list(found), f"declared are {listed(sorted(found), _SHOWN)}" if found else "declare it first"
        )
        raise DeployerError(f"the manifest does not declare {text!r}; {remedy}")
    return found[text]


def _found(now: Plan, address: Address, wanted: AdoptionRequest) -> LiveObject:
    alike = [one for one in now.live if one.kind == address.kind]
    if not wanted.by_name:
        found = next((one for one in alike if one.id == wanted.found), None)
        if found is None:
            raise DeployerError(
                f"account {now.target.name} has no {address.kind} {wanted.found!r}; check the id, or use --name"
            )
        return found
    named = [one for one in alike if one.raw.get("name") == wanted.found and not _is_of(one, now.project)]
    if len(named) != 1:
        raise DeployerError(_not_one(now, address, wanted.found, named))
    return named[0]


def _is_of(live: LiveObject, project: str) -> bool:
    found = stamp.of(live.raw)
    return found is not None and found.project == project


def _not_one(now: Plan, address: Address, name: str, named: Sequence[LiveObject]) -> str:
    if not named:
        return f"account {now.target.name} has no foreign {address.kind} that is called {name!r}; use its id"
    ids = listed([one.id for one in named], _SHOWN)
    return f"{len(named)} foreign objects of kind {address.kind} are called {name!r}: {ids}; use the id of one"


async def _with_files(session: Session, live: LiveObject) -> LiveObject:
    """Return the object with what it holds; the plan knows that only of what is owned."""
    from deployer.model import LiveFile

    if session.kinds[live.kind].is_store and not live.files:
        return replace(live, files=await session.account.files.members(live.id))
    if session.kinds[live.kind].is_store:
        return live
    held = session.kinds[live.kind].held(live.raw)
    return replace(live, files=tuple(LiveFile(one, None, None, "completed", None, 0) for one in held))


def _check(now: Plan, resource: Resource, live: LiveObject, force: Collection[str]) -> None:
    """Refuse what another project owns, what is owned elsewhere, and what could not be compared afterwards."""
    from deployer.backends import validate

    address, found = resource.address, stamp.of(live.raw)
    if found and found.project != now.project and OTHER_PROJECT not in force:
        raise DeployerError(
            f"{live.id} belongs to the project {found.project!r}, as {found.address}; "
            f"if that project has let go of it, add --force {OTHER_PROJECT}"
        )
    there = now.known.get(str(address))
    if there not in (None, live.id):
        raise DeployerError(f"{address} is live already, as {there}; delete one of the two, or declare another address")
    if found and found.project == now.project and found.address != address:
        raise DeployerError(
            f"{live.id} is owned already, as {found.address}; rename it with moved: "
            f"[{{from: {found.address}, to: {address}}}]"
        )
    if odd := validate.odd_metadata(live.raw) or validate.odd_object(live.raw):
        raise DeployerError(f"{live.id} cannot be compared: it has {odd}; check the account's api")
    if live.raw.get("status") == "expired":
        raise DeployerError(f"{live.id} has expired: the next apply would replace it anyway; there is nothing to adopt")


def _notes(session: Session, now: Plan, live: LiveObject) -> Iterator[str]:
    for store in session.kinds[live.kind].references(live.raw):
        if store not in now.known.values():
            yield f"it uses the vector store {store}, which is foreign; adopt that one first"


def _check_room(taking: Taking, *, stores: bool) -> None:
    """Raise unless the stamp fits; `stores`: files are no part of the object itself."""
    from deployer.engine.adopt import MAX_PAIRS, lacking_room

    files = bool(taking.proven) and not stores
    if lacking := lacking_room(taking.live, files=files):
        raise DeployerError(
            f"the stamp does not fit into the metadata of {taking.live.id}: "
            f"an object holds {MAX_PAIRS} pairs; remove {lacking} on the account first"
        )
