"""An apply that is tested: copies before it, tests after it, and the way back, in sight of the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from deployer.commands.carry_out import Report, Words, agreed, carried_out, show, tell
from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.project import ApplyStatus
from deployer.render import formats

if TYPE_CHECKING:
    from deployer.model import Plan
    from deployer.project import Project, ProjectPlan
    from deployer.project.applying import ApplyOptions
    from deployer.project.session import Session
    from deployer.project.testing import TestOptions
    from deployer.testing.verdict import TestReport


@dataclass(frozen=True, slots=True)
class TestedWays:
    """How an apply is tested: `before` it on copies, `after` it on what is live, and then the way `back`."""

    __test__ = False
    asked: Callable[[], TestOptions]
    after: bool = False
    back: bool = False
    before: bool = False

    @property
    def tests(self) -> TestOptions:
        """How they are run; an apply without tests loads nothing of them."""
        return self.asked()

    @property
    def any(self) -> bool:
        return self.after or self.before

    def answers(self, project: Project) -> Any:
        """Return what answers on an embedded account while tests run."""
        if not self.any:
            return None
        from deployer.project import testing

        return testing.answering(project.manifest, self.tests)

    def check(self, session: Session) -> None:
        """Raise where the tests are wrong, or there are none: nothing is deployed then."""
        if self.any:
            from deployer.project import testing

            testing.chosen(session.manifest, self.tests)

    async def carried_out(
        self, session: Session, plan: ProjectPlan, options: ApplyOptions, words: Words, ask: Callable[[Plan], None]
    ) -> int:
        """Carry out a plan as `carry_out.carried_out` does, with the tests that were asked for."""
        from deployer.project import trial
        from deployer.project.applying import check

        await trial.swept(session, plan.live)
        if self.before and plan.pending:
            show(plan)
            check(plan, options.force)
            ask(plan)
            ask = agreed
            if not await self._on_copies(session, plan, words):
                return EXIT_FAILED
        if not self.back:
            code = await carried_out(session, plan, options, words, ask)
            await trial.given_up(session, applied=code == EXIT_DONE)
            return await self._then(session, code, words)
        found, kept = trial.tried(plan)
        code = await carried_out(session, found, replace(options, kept=kept), words, ask)
        return await self._decided(session, code, options, words)

    async def _on_copies(self, session: Session, plan: ProjectPlan, words: Words) -> bool:
        from deployer.project import ApplyResult, testing, trial

        cases = testing.chosen(session.manifest, self.tests)
        copies = trial.Copies.of(session.manifest, plan, cases)
        click.echo("\nTesting copies beside what is live.")
        async with trial.copied(copies, session.answers, tell) as beside:
            found = await testing.run(beside, cases, self.tests)
        self._shown(found)
        if not found.ok:
            why = "the tests of the copies did not pass, so nothing live was changed; the copies are removed"
            words.report.result = replace(ApplyResult.refusal(why, plan), tests=found)
            click.echo(f"{why[0].upper()}{why[1:]}.")
        return found.ok

    async def _then(self, session: Session, code: int, words: Words) -> int:
        """Test what was applied, where that was asked for; it stays, whatever the tests say."""
        if code != EXIT_DONE or not self.after:
            return code
        found = await self._tested(session)
        words.report.result = replace(words.report.result, tests=found)
        return EXIT_DONE if found.ok else EXIT_FAILED

    async def _tested(self, session: Session) -> TestReport:
        from deployer.project import testing

        click.echo("\nTesting what was applied.")
        found = await testing.run(session, testing.chosen(session.manifest, self.tests), self.tests)
        self._shown(found)
        return found

    @staticmethod
    def _shown(found: TestReport) -> None:
        formats.write("tests", "text", found.to_dict())

    async def _decided(self, session: Session, code: int, options: ApplyOptions, words: Words) -> int:
        """Test a trial: it has passed, or is taken back; so is one that could not be applied whole."""
        from deployer.project import trial
        from deployer.project.trial import TrialState

        report = words.report
        if report.result.status in (ApplyStatus.REFUSED, ApplyStatus.INTERRUPTED):
            return code
        if code == EXIT_DONE:
            found = await self._tested(session)
            report.result = replace(report.result, tests=found)
            if found.ok:
                await trial.settled(session, TrialState.PASSED)
                return EXIT_DONE
        return await self._taken_back(session, options, words)

    async def _taken_back(self, session: Session, options: ApplyOptions, words: Words) -> int:
        from deployer.model import OnDrift
        from deployer.project import trial
        from deployer.project.trial import TrialState
        from deployer.project.undo import missing

        back = trial.way_back(session)
        if back is None:
            click.echo("Nothing was deployed, so nothing is taken back.")
            return EXIT_FAILED
        click.echo(f"\nTaking back what was deployed, to the state of {back.snapshots[0][1]['time']}.")

        async def again() -> Plan:
            return (await back.plan(session, OnDrift.OVERWRITE, words.again)).plan

        first = await back.plan(session, OnDrift.OVERWRITE, words.again)
        own = Report()
        plan, kept = trial.tried(first.plan)
        undoing = replace(options, again=again, command="rollback", kept=kept)
        done = "Everything that was deployed is taken back."
        code = await carried_out(session, plan, undoing, Words(words.again, done, own), agreed)
        words.report.result = replace(words.report.result, taken_back=own.result)
        if code != EXIT_DONE:
            return code
        if first.missing:
            raise DeployerError(missing(first.missing, words.again))
        await trial.settled(session, TrialState.TAKEN_BACK)
        if not own.result.plan or not own.result.plan.pending:
            click.echo(done)
        return EXIT_FAILED
