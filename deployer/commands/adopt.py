"""deployer adopt: make a foreign object ours, without changing anything about it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import lock_option, manifest_options, parse_variables
from deployer.engine import stamp
from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError, UsageError
from deployer.manifest import Manifest
from deployer.model import Action, Address, LiveObject, Plan, Resource, Status
from deployer.project import consent as asking
from deployer.project.safety import locked, secured
from deployer.wording import listed, more

if TYPE_CHECKING:
    from deployer.apply.reuse import Proof
    from deployer.backends.http.lease import Hold
    from deployer.engine.adopt import Taking
    from deployer.project.session import Session

OTHER_PROJECT = "other-project"
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user asked for: `found` is an id, or (with `by_name`) the name of exactly one foreign object."""

    address: str
    found: str
    by_name: bool
    by_size: bool
    yes: bool
    force: Sequence[str]


@click.command("adopt")
@click.argument("address")
@click.argument("live_id", metavar="[ID]", required=False)
@click.option("--name", metavar="NAME", help="Instead of the id: the name, if only one foreign object has it.")
@manifest_options
@click.option("--by-size", is_flag=True, help="Where no document can be read back, let name and size be proof enough.")
@click.option("--yes", is_flag=True, help="Do not ask (needed where nobody can answer).")
@click.option("--force", multiple=True, type=click.Choice([OTHER_PROJECT]), help="Lift a guard, by its name.")
@lock_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    address: str,
    live_id: str | None,
    name: str | None,
    file: Path,
    account: str | None,
    variables: tuple[str, ...],
    by_size: bool,
    yes: bool,
    force: tuple[str, ...],
    lock_timeout: float,
) -> int:
    """Take over an object of the account that deployer did not create.

    ADDRESS must be declared in the manifest. Only the stamp is written; what the next plan would change is shown
    first. Documents of a vector store that are the declared files, to the byte, are marked and not uploaded again;
    run it again for documents that somebody attaches later. deployer rollback gives it back as it was.

    \b
    Example:
      deployer adopt assistant/math-tutor asst_abc123
      deployer adopt vector_store/math --name "Math documents" --yes
    """
    from deployer.project.session import compiled

    if (live_id is None) == (name is None):
        raise UsageError("name what to adopt: either its ID, or --name NAME")
    manifest = compiled(file, account, parse_variables(variables))
    if not yes:
        asking.answerable("adopt", "--yes")
    wanted = Intent(address, live_id or name or "", live_id is None, by_size, yes, force)
    return asyncio.run(_adopt(manifest, wanted, lock_timeout))


async def _adopt(manifest: Manifest, wanted: Intent, lock_timeout: float) -> int:
    from deployer.apply.reuse import prove
    from deployer.engine.adopt import Taking, adoption
    from deployer.project.session import opened

    resource = _declared(manifest, wanted.address)
    async with opened(manifest) as session, locked(session, lock_timeout) as hold:
        resource = next(one for one in session.manifest.resources if one.address == resource.address)
        now = await session.plan()
        live = await _with_files(session, _found(now, resource.address, wanted))
        _check(session, now, resource, live, wanted)
        proof = await prove(session.client, live.files, resource.files, by_size=wanted.by_size)
        taking = Taking(resource, live, proof.proven)
        _check_room(taking)
        plan = adoption(session.scope(), now, [taking])
        plan = replace(plan, live=tuple(live if one.id == live.id else one for one in plan.live))
        _show(plan, resource, live, proof)
        if not plan.pending:
            click.echo(f"\n{live.id} is {resource.address} already.")
            return EXIT_DONE
        if not wanted.yes and not asking.confirmed(f"Adopt {live.id} as {resource.address}?"):
            raise DeployerError("nothing was changed")
        return EXIT_DONE if await taken_over(session, plan, hold) else EXIT_FAILED


def _declared(manifest: Manifest, text: str) -> Resource:
    from deployer.manifest.suggest import nearest

    found = {str(resource.address): resource for resource in manifest.resources}
    if text not in found:
        remedy = nearest(text, list(found), "declare it first, or let deployer export write it")
        raise DeployerError(f"the manifest does not declare {text!r}; {remedy}")
    return found[text]


def _found(now: Plan, address: Address, wanted: Intent) -> LiveObject:
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
    mark = stamp.read(live.raw.get("metadata"))
    return mark is not None and mark.project == project


def _not_one(now: Plan, address: Address, name: str, named: Sequence[LiveObject]) -> str:
    if not named:
        return f"account {now.target.name} has no foreign {address.kind} that is called {name!r}; use its id"
    ids = listed([one.id for one in named], _SHOWN)
    return f"{len(named)} foreign objects of kind {address.kind} are called {name!r}: {ids}; use the id of one"


async def _with_files(session: Session, live: LiveObject) -> LiveObject:
    """Give the object with what it holds; the plan knows that only of what is ours."""
    from deployer.backends import contents
    from deployer.engine.decide import STORE
    from deployer.model import LiveFile

    if live.kind == STORE and not live.files:
        return replace(live, files=await contents.memberships(session.client, live.id))
    if live.kind == STORE:
        return live
    held = session.kinds[live.kind].held(live.raw)
    return replace(live, files=tuple(LiveFile(one, None, None, "completed", None, 0) for one in held))


def _check(session: Session, now: Plan, resource: Resource, live: LiveObject, wanted: Intent) -> None:
    """Refuse what is somebody else's, what is ours elsewhere, and what could not be compared afterwards."""
    from deployer.backends import validate

    address, mark = resource.address, stamp.read(live.raw.get("metadata"))
    if mark and mark.project != now.project and OTHER_PROJECT not in wanted.force:
        raise DeployerError(
            f"{live.id} belongs to the project {mark.project!r}, as {mark.address}; "
            f"if that project has let go of it, add --force {OTHER_PROJECT}"
        )
    there = now.known.get(str(address))
    if there not in (None, live.id):
        raise DeployerError(f"{address} is live already, as {there}; delete one of the two, or declare another address")
    if mark and mark.project == now.project and mark.address != address:
        raise DeployerError(
            f"{live.id} is ours already, as {mark.address}; rename it with moved: "
            f"[{{from: {mark.address}, to: {address}}}]"
        )
    if odd := validate.odd_metadata(live.raw) or validate.odd_object(live.raw):
        raise DeployerError(f"{live.id} cannot be compared: it has {odd}; check the account's api")
    if live.raw.get("status") == "expired":
        raise DeployerError(f"{live.id} has expired: the next apply would replace it anyway; there is nothing to adopt")
    for store in session.kinds[live.kind].references(live.raw):
        if store not in now.known.values():
            click.echo(f"note: it uses the vector store {store}, which is not ours; adopt that one first", err=True)


def _check_room(taking: Taking) -> None:
    from deployer.engine.adopt import MAX_PAIRS, lacking_room
    from deployer.engine.decide import STORE

    files = bool(taking.proven) and taking.live.kind != STORE
    if lacking := lacking_room(taking.live, files=files):
        raise DeployerError(
            f"the stamp does not fit into the metadata of {taking.live.id}: "
            f"an object holds {MAX_PAIRS} pairs; remove {lacking} on the account first"
        )


def _show(plan: Plan, resource: Resource, live: LiveObject, proof: Proof) -> None:
    from deployer.render import text
    from deployer.render.lines import plain
    from deployer.render.output import Streams

    text.plan(plan, Streams.standard())
    ours = {file.path for file in proof.proven.values()} | {file.path for file in live.files}
    for name, why in proof.foreign[:_SHOWN]:
        click.echo(plain(f"stays foreign: {name}: {why}"))
    if len(proof.foreign) > _SHOWN:
        click.echo(more(len(proof.foreign) - _SHOWN))
    if left := [file for file in resource.files if file.path not in ours]:
        click.echo(f"the next apply uploads {len(left):,} of {len(resource.files):,} declared files")


async def taken_over(session: Session, plan: Plan, hold: Hold | None = None) -> bool:
    """Write the stamps of an adoption, and tell what became of each; False when one was not written."""
    from deployer.apply import execute
    from deployer.render import text

    ids = {change.live_id for change in plan.pending}
    live = [await _with_files(session, one) if one.id in ids else one for one in plan.live]
    await secured(session, replace(plan, live=tuple(live)), "adopt", hold)
    outcomes = await execute(session.client, plan, session.manifest.root, lambda _event: None)
    out = text.console(sys.stdout)
    click.echo()
    for outcome in outcomes:
        text.outcome(out, outcome)
    done = all(outcome.status is Status.DONE for outcome in outcomes)
    if done and any(change.fields for change in plan.changes if change.action is Action.ADOPT):
        click.echo("Nothing else was changed: deployer plan shows what differs.")
    return done
