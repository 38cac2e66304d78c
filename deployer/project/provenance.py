"""Where a live object comes from: by its stamp, the manifest, and the snapshots of the runs that changed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from deployer.engine import stamp
from deployer.errors import DeployerError
from deployer.model import Address, LiveObject, Target
from deployer.project.undo import kept

if TYPE_CHECKING:
    from deployer.project.session import Session


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run on this machine that changed an object: the name of its snapshot, when (RFC 3339, UTC), what."""

    snapshot: str
    time: str
    command: str
    commit: str
    note: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of a live id.

    `id` is that of the object that carries the stamp; of a document it is its store or assistant, and `document` is its
    path. `commit` is what was applied when it was last written, "" outside git. `manifest` is `file:line:column` where
    this manifest declares the address. `run` is None where no snapshot here knows of it.
    """

    id: str
    project: str
    address: Address
    account: Target
    commit: str
    manifest: str | None = None
    document: str | None = None
    run: LastRun | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "address": str(self.address)}


async def of(session: Session, live_id: str) -> Provenance:
    """Look an id up on the account; DeployerError when nothing that this tool deployed has it."""
    live = await session.read(whole=False)
    for one, document in _with_id(live, session, live_id):
        found = stamp.of(one.raw)
        if found is None:
            raise DeployerError(f"{one.kind} {one.id} carries no stamp: it is foreign; deployer adopt takes it over")
        commit = stamp.pairs(one.raw).get(stamp.ORIGIN, "")
        place = _place(session, found.project, found.address)
        run = _last_run(session, found.address) if found.project == session.manifest.project else None
        return Provenance(one.id, found.project, found.address, session.target, commit, place, document, run)
    raise DeployerError(
        f"nothing on account {session.target.name} that deployer reads has the id {live_id}; "
        "name an assistant, an agent, a vector store, or a document of one of them"
    )


def _with_id(live: tuple[LiveObject, ...], session: Session, live_id: str) -> Iterator[tuple[LiveObject, str | None]]:
    """Yield the object of this id, else what holds the File object of this id, with its path."""
    yield from ((one, None) for one in live if one.id == live_id)
    for one in live:
        for file in one.files:
            if file.id == live_id:
                yield one, file.path or "attached by others"
        if live_id in session.kinds[one.kind].held(one.raw):
            yield one, "a file of its code interpreter"


def _place(session: Session, project: str, address: Address) -> str | None:
    if project != session.manifest.project:
        return None
    positions = (one.position() for one in session.manifest.resources if one.address == address)
    return next((str(position) for position in positions if position), None)


def _last_run(session: Session, address: Address) -> LastRun | None:
    for one in reversed(kept(session.manifest)):
        if one.data and one.data["account"] == asdict(session.target) and _changed(one.data, address):
            data = one.data
            return LastRun(one.name, data["time"], data["command"], data["origin"], data.get("note", ""))
    return None


def _changed(data: Mapping[str, Any], address: Address) -> bool:
    return any(change["address"] == str(address) for change in data["changes"])
