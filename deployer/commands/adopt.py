"""deployer adopt: take over an object of the account, without changing anything about it."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import answerable, confirmed, tell
from deployer.commands.completion import addresses
from deployer.commands.options import ProjectChoice, force_option, lock_option, project_options, yes_option
from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError, UsageError
from deployer.project import ApplyResult, ApplyStatus
from deployer.project.adoption import OTHER_PROJECT, AdoptionRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.project import Project
    from deployer.project.adoption import Adoption, Foreign

_SHOWN = 10


@click.command("adopt")
@click.argument("address", required=False, shell_complete=addresses)
@click.argument("live_id", metavar="[ID]", required=False)
@click.option("--list", "lists", is_flag=True, help="Show what is on the account and could be adopted.")
@click.option("--name", metavar="NAME", help="Instead of the id: the name, if only one foreign object has it.")
@project_options
@click.option("--by-size", is_flag=True, help="Where no document can be read back, let name and size be proof enough.")
@yes_option
@force_option(OTHER_PROJECT)
@lock_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    address: str | None,
    live_id: str | None,
    lists: bool,
    name: str | None,
    choice: ProjectChoice,
    by_size: bool,
    yes: bool,
    force: tuple[str, ...],
    lock_timeout: float,
) -> int:
    """Take over an object of the account that deployer did not create.

    ADDRESS must be declared in the manifest. Only the stamp is written; what the next plan would change is shown
    first, and is all that happens where no one can answer, unless --yes is given. Documents of a vector store that are
    the declared files, to the byte, are marked and not uploaded again; run it again for documents that somebody
    attaches later. deployer rollback gives it back as it was.

    \b
    Example:
      deployer adopt --list
      deployer adopt assistant/math-tutor asst_abc123
      deployer adopt vector_store/math --name "Math documents" --yes
    """
    if lists:
        return _listed(choice.load(), alone=not (address or live_id or name))
    if address is None or (live_id is None) == (name is None):
        raise UsageError("name what to adopt: ADDRESS, and either its ID, or --name NAME; --list shows what there is")
    project = choice.load()
    wanted = AdoptionRequest(address, live_id or name or "", live_id is None, by_size, force)
    return asyncio.run(_adopt(project, wanted, lock_timeout, choice.command("plan"), yes=yes))


def _listed(project: Project, *, alone: bool) -> int:
    """Print what is foreign on the account, a line each, in columns that programs can cut at tabs."""
    from deployer.render.lines import plain

    if not alone:
        raise UsageError("--list stands alone: it shows what could be adopted, and adopts nothing")
    found = asyncio.run(_foreign(project))
    for one in found:
        of = [f"of project {one.project}, as {one.address}"] if one.project else []
        click.echo("\t".join(map(plain, (one.kind, one.id, one.name, *of))))
    if not found:
        click.echo(f"Nothing on account {project.target.name} is foreign.", err=True)
    return EXIT_DONE


async def _foreign(project: Project) -> Sequence[Foreign]:
    from deployer.project.adoption import foreign

    async with project.open(on_event=tell) as session:
        return await foreign(session)


async def _adopt(project: Project, wanted: AdoptionRequest, lock_timeout: float, plan: str, *, yes: bool) -> int:
    from deployer.project.adoption import adopted, adoption, declared
    from deployer.project.applying import ApplyOptions
    from deployer.project.session import locked

    declared(project.manifest, wanted.address)  # before anybody is called
    shows = not yes and not sys.stdin.isatty()  # what only shows a plan writes nothing, not even a lease
    async with (
        project.open(on_event=tell) as session,
        nullcontext() if shows else locked(session, lock_timeout) as hold,
    ):
        found = await adoption(session, wanted)
        _show(found)
        if not found.plan.pending:
            click.echo(f"\n{found.live.id} is {found.resource.address} already.")
            return EXIT_DONE
        if shows:
            answerable("adopt", "--yes")
        if not yes and not confirmed(f"Adopt {found.live.id} as {found.resource.address}?"):
            raise DeployerError("nothing was changed")
        result = await adopted(session, found.plan, ApplyOptions(hold=hold, on_event=tell))
        return EXIT_DONE if taken_over(result, plan) else EXIT_FAILED


def _show(found: Adoption) -> None:
    from deployer.render import text
    from deployer.render.lines import plain
    from deployer.render.output import Streams
    from deployer.wording import more

    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    text.plan(found.plan, Streams.standard())
    for name, why in found.foreign[:_SHOWN]:
        click.echo(plain(f"stays foreign: {name}: {why}"))
    if len(found.foreign) > _SHOWN:
        click.echo(more(len(found.foreign) - _SHOWN))
    if found.uploads:
        click.echo(f"the next apply uploads {found.uploads:,} of {len(found.resource.files):,} declared files")


def taken_over(result: ApplyResult, shows: str) -> bool:
    """Print what became of each change of an adoption; False when one was not done. `shows` is a command."""
    from deployer.project.adoption import differs
    from deployer.render import text

    if result.status is ApplyStatus.REFUSED:
        raise DeployerError(result.why)
    out = text.console(sys.stdout)
    click.echo()
    for outcome in result.outcomes:
        text.outcome(out, outcome)
    if result.ok and result.plan and differs(result.plan):
        click.echo(f"Nothing else was changed: {shows} shows what differs.")
    return result.ok
