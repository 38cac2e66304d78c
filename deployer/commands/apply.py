"""deployer apply: plan, confirm, do it, plan again to prove that nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import manifest_options, parse_variables
from deployer.engine import guard
from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError, UsageError
from deployer.manifest import Manifest
from deployer.model import Action, Outcome, Plan, Status

if TYPE_CHECKING:
    from deployer.commands.session import Session


@click.command("apply")
@manifest_options
@click.option("--prune", is_flag=True, help="Also delete what is ours and no longer in the manifest.")
@click.option("--yes", is_flag=True, help="Do not ask (needed where nobody can answer).")
@click.option("--force", multiple=True, type=click.Choice(guard.GUARDS), help="Lift a guard, by its name.")
def command(  # noqa: PLR0913
    *, file: Path, account: str | None, variables: tuple[str, ...], prune: bool, yes: bool, force: tuple[str, ...]
) -> int:
    """Make the account match the manifest, then plan again to prove it.

    What fails is reported and does not stop the rest; what depends on it is skipped. The next run does what is left.
    Exit code 0 only when everything is done and the next plan is empty.

    \b
    Example:
      deployer apply
      deployer apply --yes --prune --account openai
    """
    from deployer.commands.session import compiled

    manifest = compiled(file, account, parse_variables(variables))
    if not yes and not sys.stdin.isatty():
        raise UsageError("nobody can confirm here; add --yes to apply without asking")
    return asyncio.run(_apply(manifest, prune=prune, yes=yes, force=force))


async def _apply(manifest: Manifest, *, prune: bool, yes: bool, force: Sequence[str]) -> int:
    from deployer.commands.session import opened
    from deployer.render import text

    out = text.console(sys.stdout)
    async with opened(manifest) as session:
        plan = await session.plan(prune=prune)
        text.plan(out, plan)
        guard.check(plan, force)
        if not plan.pending:
            return EXIT_DONE
        _confirm(plan, yes=yes)
        outcomes = await _execute(session, plan)
        return await _prove(session, outcomes, prune=prune)


def _confirm(plan: Plan, *, yes: bool) -> None:
    if yes:
        return
    deletes = [str(change.address) for change in plan.pending if change.action is Action.DELETE]
    question = f"Apply, and delete {', '.join(deletes)}?" if deletes else "Apply?"
    with _interruptible():
        if not click.confirm(f"\n{question}", default=False):
            raise DeployerError("nothing was changed")


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: asyncio's own handler would wait for the loop, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _execute(session: Session, plan: Plan) -> tuple[Outcome, ...]:
    from deployer.account import execute
    from deployer.render.progress import progress

    click.echo()
    with progress(sys.stdout, plan) as report:
        root = session.manifest.root
        return await execute(session.client, plan, root, lambda event: report(event.address, event.step, event.outcome))


async def _prove(session: Session, outcomes: Sequence[Outcome], *, prune: bool) -> int:
    from deployer.render import text

    click.echo(f"\n{text.outcomes(outcomes)}.", nl=False)
    if any(outcome.status is not Status.DONE for outcome in outcomes):
        click.echo(" Run apply again to do what is left.")
        return EXIT_FAILED
    left = await session.plan(prune=prune)
    if not left.pending:
        click.echo(" The next plan is empty.")
        return EXIT_DONE
    click.echo(" But the next plan is not empty:\n")
    text.plan(text.console(sys.stdout), left)
    return EXIT_FAILED
