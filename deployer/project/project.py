"""A manifest with an account, as a value; what can be done with it, from a script, a notebook, a thread or a worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.errors import UsageError
from deployer.manifest import Manifest, check_manifest, compile_manifest
from deployer.manifest.accounts import unnamed
from deployer.model import Address, OnDrift, Plan, Problem, ProblemsFound, Severity, Target
from deployer.project.events import OnEvent, StopSignal, ignore
from deployer.project.in_thread import in_thread
from deployer.project.results import (
    ApplyResult,
    ApplyStatus,
    Collected,
    Drift,
    Exported,
    Outputs,
    PlanOptions,
    ProjectPlan,
    Validation,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from deployer.backends.base import Lease
    from deployer.conversation import Transcript
    from deployer.conversation.answers import Answers
    from deployer.project.applying import ApplyOptions
    from deployer.project.chatting import OnHappening
    from deployer.project.diagnosis import Diagnosis
    from deployer.project.provenance import Provenance
    from deployer.project.saved import SavedPlan
    from deployer.project.session import Session
    from deployer.project.testing import TestOptions
    from deployer.project.undo import KeptSnapshot
    from deployer.testing.verdict import TestReport

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Project:
    """A manifest, checked, with the account that was chosen.

    It is a value: nothing is open, nothing is shared with other projects, and it can be pickled. The pickle holds the
    key of the account, so treat it like one. Relative paths are resolved when it is loaded; files are read again, and
    digests taken, by each method that compares.

    Each method stands twice: `plan` waits for its result, also where an event loop is running; `aplan` is awaited.
    All raise DeployerError, with a sentence that says what is wrong and what to do, when they have nothing to return:
    AccountError where the account cannot be read. What writes returns an ApplyResult instead, whatever happens.
    `on_event` is called with each event, in the thread that does the work. `stop` ends a run after the requests in
    flight.
    """

    manifest: Manifest
    file: Path

    def __repr__(self) -> str:
        return f"<Project {self.name} on account {self.manifest.settings.name}, from {self.file}>"

    @classmethod
    def load(
        cls,
        file: Path | str = "assistants.yaml",
        *,
        account: str | None = None,
        variables: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Project:
        """Read and check a manifest; ProblemsFound, with all its `problems`, when one of them is an error.

        `account` is a name of the manifest, or `embedded`, the account in the manifest's folder. It must be named where
        the manifest declares an account with a `base_url`, or UsageError: nothing is deployed to nowhere. `variables`
        win over those of the account; `deployer.project.variables_of` reads a file of them. References like
        `${env.OPENAI_API_KEY}` are resolved here, from `environ` (that of the process, where none is given).
        """
        path = Path(file)
        found = compile_manifest(path, account, variables or {}, os.environ if environ is None else environ)
        if account is None and found.hosted:
            raise UsageError(unnamed(found.hosted))
        errors = [problem for problem in found.problems if problem.severity is Severity.ERROR]
        if errors:
            raise ProblemsFound(errors)
        return cls(found, path)

    @staticmethod
    def validate(  # noqa: PLR0913 (one for each option)
        file: Path | str = "assistants.yaml",
        *,
        account: str | None = None,
        variables: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        import_handlers: bool = False,
        strict_surface: bool = False,
    ) -> Validation:
        """Check everything that can be known offline; all problems are in the result, with those of a wrong manifest.

        With `import_handlers` the Python code of handlers is imported, which changes the process as every import does.
        `strict_surface`: what the account's API cannot carry is an error.
        """
        from deployer.kinds.losses import strict, told_once
        from deployer.project.models import judged

        ending: dict[Address, tuple[str, date]] = {}
        given = (Path(file), account, variables or {}, os.environ if environ is None else environ)
        found = check_manifest(*given, partial(judged, ending, {}), import_handlers=import_handlers)
        problems = tuple(told_once(found.problems))
        if found.tested:
            from deployer.project import declared_tests

            problems += tuple(declared_tests.checked(compile_manifest(*given, offline=True)))
        return Validation(found.project, found.resources, strict(problems) if strict_surface else problems, ending)

    @property
    def name(self) -> str:
        return self.manifest.project

    @property
    def shutdowns(self) -> dict[Address, tuple[str, date]]:
        """By resource, its model and the day on which that shuts down or did, where the table of models knows one."""
        from deployer.project import models

        return models.shutdowns(self.manifest.resources, models.known(self.manifest.settings), models.EVER)

    async def amodels(self, *, on_event: OnEvent = ignore) -> tuple[Problem, ...]:
        """Ask the account for its models: warnings about those that it does not offer, or that it shuts down soon.

        Nothing is said of an embedded account, which takes every model, nor where a server does not list its models.
        """
        from deployer.project import models

        if self.manifest.settings.base_url is None:
            return ()
        async with self.open(on_event=on_event) as session:
            known, api = await models.asked(session.account), session.target.api
        return tuple(one for resource in self.manifest.resources for one in models.problems(resource, known, api))

    def addresses(self, targets: Collection[str]) -> tuple[Address, ...]:
        """Return the addresses of targets, in order and each once; DeployerError for one that is not declared."""
        from deployer.project.adoption import declared

        return tuple(sorted({declared(self.manifest, one).address for one in targets}))

    @property
    def target(self) -> Target:
        """The account: its name in the manifest, its API, and its URL without a password."""
        from deployer.project.session import target_of

        return target_of(self.manifest)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Warnings: an error would have kept it from being loaded."""
        return self.manifest.problems

    def open(
        self, *, rehash: bool = False, on_event: OnEvent = ignore, answers: Any = None
    ) -> AbstractAsyncContextManager[Session]:
        """Open the account, for several steps in a row. `rehash`: read every document, whatever the cache knows."""
        from deployer.project.session import opened

        return opened(self.manifest, rehash=rehash, on_event=on_event, answers=answers)

    async def aplan(  # noqa: PLR0913 (one for each option)
        self,
        *,
        prune: bool = False,
        on_drift: OnDrift | str = OnDrift.FAIL,
        check_files: bool = False,
        targets: Collection[str] = (),
        strict_surface: bool = False,
        rehash: bool = False,
        on_event: OnEvent = ignore,
    ) -> ProjectPlan:
        """Compare the manifest with the account: what `apply` would do, as data. Nothing is written.

        `prune`: delete what is owned and no longer declared. `on_drift`: what becomes of fields that somebody edited on
        the account: `fail` (apply refuses), `overwrite` (git wins) or `keep`. `check_files`: also look for documents
        whose File object is gone. `targets`: declared addresses; what they do not need is left out. `strict_surface`:
        what the account's API cannot carry is an error. `rehash`: read every document, whatever the cache knows.
        """
        options = PlanOptions(prune, OnDrift(on_drift), check_files, None, self.addresses(targets), strict_surface)
        async with self.open(rehash=rehash, on_event=on_event) as session:
            return await session.plan(options)

    async def aagainst(self, account: Project, *, on_event: OnEvent = ignore) -> ProjectPlan:
        """Compare with another live account: what a promotion from there would change, by address and blind to ids."""
        from deployer.project.promotion import against

        return await against(self, account, on_event=on_event)

    async def aapply(  # noqa: PLR0913 (one for each option)
        self,
        plan: SavedPlan | None = None,
        *,
        expect: str | None = None,
        note: str = "",
        prune: bool = False,
        on_drift: OnDrift | str = OnDrift.FAIL,
        check_files: bool = False,
        targets: Collection[str] = (),
        strict_surface: bool = False,
        force: Collection[str] = (),
        lock_timeout: float = 0.0,
        on_event: OnEvent = ignore,
        stop: StopSignal | None = None,
    ) -> ApplyResult:
        """Make the account match the manifest, and plan again to prove it.

        A `plan` that was made earlier is applied exactly, or not at all: it is made again, with the options that it was
        made with, and must have the same fingerprint, as with `expect`, which is one. `note` goes into the snapshot.
        `targets` and `strict_surface` are as in `plan`. `force` lifts guards by name: `prune-limit`. `lock_timeout` is
        how many seconds to wait for another run, where the account has `lock: true`.

        Nothing that the result can say is raised: a refusal, a stale plan, an account that fails, an interruption.
        """
        from deployer.project import saved, trial

        meant = PlanOptions(prune, OnDrift(on_drift), check_files, None, self.addresses(targets), strict_surface)

        async def work(session: Session, options: ApplyOptions) -> ApplyResult:
            data = None if plan is None else saved.of(plan)
            wanted = saved.options(data) if data else meant
            made = await session.plan(wanted)
            if data:
                saved.check(made, data)
            if expect:
                saved.expected(made, expect)
            options = replace(options, again=session.again(wanted), note=note)
            return await trial.applied_untested(session, made, options)

        return await self._run(self.manifest, work, force, lock_timeout, on_event, stop)

    async def adrift(self, *, targets: Collection[str] = (), on_event: OnEvent = ignore) -> Drift:
        """Return what somebody edited on the account since the last apply, and documents that are no longer sound.

        `targets` are as in `plan`.
        """
        from deployer.engine.drift import moved
        from deployer.model import Action

        plan = await self.aplan(check_files=True, targets=targets, on_event=on_event)
        absent = tuple(change.address for change in plan.changes if change.action is Action.CREATE)
        return Drift(plan, moved(plan), absent)

    async def aoutputs(self, *, on_event: OnEvent = ignore) -> Outputs:
        """Return by what an application names each thing that is declared: its live id, or the path of a bundle."""
        from deployer.engine import guard

        async with self.open(on_event=on_event) as session:
            plan = await session.plan(PlanOptions(on_drift=OnDrift.OVERWRITE))
            guard.check(plan)
            names = session.references(plan)
        addresses = sorted(resource.address for resource in self.manifest.resources)
        ids = {address: names[str(address)] for address in addresses if str(address) in names}
        return Outputs(ids, tuple(address for address in addresses if address not in ids))

    async def awhois(self, live_id: str, *, on_event: OnEvent = ignore) -> Provenance:
        """Say where a live object or File object comes from; DeployerError where this tool knows nothing of it."""
        from deployer.project import provenance

        async with self.open(on_event=on_event) as session:
            return await provenance.of(session, live_id)

    async def adoctor(self, *, probe: bool = False, on_event: OnEvent = ignore) -> Diagnosis:
        """Say what the account can do, by what that was found out, and what follows; only a `probe` writes."""
        from deployer.project import diagnosis

        async with self.open(on_event=on_event) as session:
            return await diagnosis.of(session, probe=probe)

    async def achat(  # noqa: PLR0913 (one for each option)
        self,
        address: str,
        text: str,
        *,
        thread: str = "",
        answers: Sequence[Answers] = (),
        handler_seconds: float = 0.0,
        on_happening: OnHappening = ignore,
        on_event: OnEvent = ignore,
        server_answers: Any = None,
    ) -> Transcript:
        """Say something to an assistant that is live, and return what came of it, to the end of the turn.

        `thread` is the id of a conversation that goes on; `on_happening` is called with each piece of text, call and
        step as it comes. `answers` are asked in turn for the output of a call (`deployer.conversation.from_outputs`,
        `from_handlers`, `by_form`). With `handler_seconds` the handlers of the manifest are imported and asked first,
        each for so long. Whatever goes wrong with them becomes a failed output, and the turn goes on. `server_answers`
        is what answers on an embedded account in this process (`deployer.server.Rehearsal`).
        """
        from deployer.project import chatting
        from deployer.project.session import opened

        resource = chatting.spoken_to(self.manifest, address)
        answer = chatting.answering(self.manifest, resource, tuple(answers), handler_seconds)
        async with opened(self.manifest, on_event=on_event, answers=server_answers) as session:
            return await chatting.chatted(session, resource, text, thread, answer, on_happening)

    async def atest(self, options: TestOptions | None = None, *, on_event: OnEvent = ignore) -> TestReport:
        """Run the tests of the manifest on the account, and say what came of each (`deployer.project.testing`).

        ProblemsFound where the tests are wrong; a test that cannot be run is an error in the report, and never a pass.
        """
        from deployer.project import testing

        return await testing.tested(self.manifest, options or testing.TestOptions(), on_event)

    async def aadopt(  # noqa: PLR0913 (one for each option)
        self,
        address: str,
        live_id: str | None = None,
        *,
        name: str | None = None,
        by_size: bool = False,
        force: Collection[str] = (),
        lock_timeout: float = 0.0,
        on_event: OnEvent = ignore,
        stop: StopSignal | None = None,
    ) -> ApplyResult:
        """Take over a live object, by its id or by a name that one foreign object has; only the stamp is written.

        `by_size`: where no document can be read back, its name and size are proof enough. `force` lifts a guard by
        name: `other-project`. ValueError unless exactly one of `live_id` and `name` is given.
        """
        from deployer.project.adoption import AdoptionRequest, adopted, adoption

        if (live_id is None) == (name is None):
            raise ValueError("name what to adopt: either its id, or its name")
        wanted = AdoptionRequest(address, live_id or name or "", live_id is None, by_size, force)

        async def work(session: Session, options: ApplyOptions) -> ApplyResult:
            return await adopted(session, (await adoption(session, wanted)).plan, options)

        return await self._run(self.manifest, work, (), lock_timeout, on_event, stop)

    async def arollback(  # noqa: PLR0913 (one for each option)
        self,
        snapshot: str | None = None,
        *,
        on_drift: OnDrift | str = OnDrift.FAIL,
        force: Collection[str] = (),
        lock_timeout: float = 0.0,
        on_event: OnEvent = ignore,
        stop: StopSignal | None = None,
    ) -> ApplyResult:
        """Go back to what was on the account before an apply: that of `snapshot`, without one the last.

        Where the bytes of documents are nowhere to be had, the rest goes back, and the result is `incomplete`.
        """
        from deployer.project.applying import applied
        from deployer.project.undo import Restoration, missing

        async def work(session: Session, options: ApplyOptions) -> ApplyResult:
            chosen = Restoration.of(self.manifest, session.target, snapshot)
            again = f"deployer rollback {chosen.name}"

            async def back() -> Plan:
                return (await chosen.plan(session, OnDrift(on_drift), again)).plan

            first = await chosen.plan(session, OnDrift(on_drift), again)
            result = await applied(session, first.plan, replace(options, again=back, command="rollback"))
            if result.ok and first.missing:
                return replace(result, status=ApplyStatus.INCOMPLETE, why=missing(first.missing, again))
            return result

        return await self._run(self.manifest, work, force, lock_timeout, on_event, stop)

    async def adestroy(
        self,
        *,
        confirm: str,
        targets: Collection[str] = (),
        lock_timeout: float = 0.0,
        on_event: OnEvent = ignore,
        stop: StopSignal | None = None,
    ) -> ApplyResult:
        """Delete everything that the project owns on the account; `confirm` must be the project's name, or ValueError.

        What is protected keeps everything: then nothing is deleted. `targets`: only these declared addresses.
        """
        from deployer.project.applying import PRUNE_LIMIT, applied
        from deployer.project.undo import destruction, undeclared

        if confirm != self.name:
            raise ValueError(f"confirm is not the name of this project, which is {self.name}")
        meant = self.addresses(targets)
        protected = [one.address for one in self.manifest.resources if one.protect]

        async def work(session: Session, options: ApplyOptions) -> ApplyResult:
            async def again() -> Plan:
                return await destruction(session, (), meant)

            plan = await destruction(session, protected, meant)
            return await applied(session, plan, replace(options, again=again, command="destroy"))

        return await self._run(undeclared(self.manifest), work, (PRUNE_LIMIT,), lock_timeout, on_event, stop)

    async def aexport(
        self,
        folder: Path | str,
        *,
        only: Collection[str] = (),
        overwrite: bool = False,
        adopt: bool = False,
        on_event: OnEvent = ignore,
    ) -> Exported:
        """Write a manifest, prompts, functions and documents from what is live on the account, all of them or none.

        `only` names addresses or ids, and brings what they use. `overwrite` replaces files that are there. `adopt`
        stamps what the project does not own yet, so that the next plan of the new manifest is empty.
        """
        from deployer.project.export import ExportOptions, exported

        options = ExportOptions(Path(folder), None, only, overwrite)
        return await exported(self.file, self.manifest, options, on_event, adopt=adopt)

    async def agc(
        self,
        *,
        delete: bool = False,
        older_than: float = _HOUR,
        lock_timeout: float = 0.0,
        on_event: OnEvent = ignore,
    ) -> Collected:
        """Find files that this project uploaded and that nothing refers to, older than so many seconds; or delete them.

        Younger ones may belong to an apply that is about to attach them.
        """
        from deployer.project.session import locked
        from deployer.project.undo import delete_files, unreferenced

        async with self.open(on_event=on_event) as session, locked(session, lock_timeout):
            found = await unreferenced(session, older_than)
            if delete:
                await delete_files(session, found)
            return Collected(tuple(found), delete, tuple(await session.duplicates()))

    async def aunlock(self, *, on_event: OnEvent = ignore) -> tuple[Lease, ...]:
        """Remove the leases that runs left on the account, and return them; a run whose lease goes stops."""
        async with self.open(on_event=on_event) as session:
            found = await session.leases()
            await session.unlock(found)
            return found

    def snapshots(self) -> tuple[KeptSnapshot, ...]:
        """Return what was kept before each run, the oldest first; those of other accounts, too."""
        from deployer.project.undo import kept

        return kept(self.manifest)

    async def _run(  # noqa: PLR0913, PLR0917 (what every run that writes has)
        self,
        manifest: Manifest,
        work: Callable[[Session, ApplyOptions], Coroutine[Any, Any, ApplyResult]],
        force: Collection[str],
        lock_timeout: float,
        on_event: OnEvent,
        stop: StopSignal | None,
    ) -> ApplyResult:
        """Do something under the account's lease; what keeps it from being begun is a refusal."""
        from deployer.errors import DeployerError
        from deployer.project.applying import ApplyOptions, refused
        from deployer.project.session import locked, opened

        try:
            async with opened(manifest, on_event=on_event) as session, locked(session, lock_timeout) as hold:
                options = ApplyOptions(force=force, hold=hold, on_event=on_event, stop=stop or StopSignal())
                return await work(session, options)
        except DeployerError as error:
            return refused(error)

    plan = in_thread(aplan)
    against = in_thread(aagainst)
    apply = in_thread(aapply)
    drift = in_thread(adrift)
    outputs = in_thread(aoutputs)
    whois = in_thread(awhois)
    doctor = in_thread(adoctor)
    chat = in_thread(achat)
    test = in_thread(atest)
    adopt = in_thread(aadopt)
    rollback = in_thread(arollback)
    destroy = in_thread(adestroy)
    export = in_thread(aexport)
    gc = in_thread(agc)
    unlock = in_thread(aunlock)
    models = in_thread(amodels)
