"""Run the conversation tests of a project on an account, beside each other, and say what came of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from deployer.apply.journal import Journal
from deployer.backends.judge import JudgeSettings
from deployer.conversation import (
    FACES,
    FunctionAnswer,
    FunctionCall,
    Happening,
    Transcript,
    from_handlers,
    from_outputs,
    talk,
)
from deployer.conversation.answers import Answers, failed
from deployer.conversation.faces import Face
from deployer.conversation.happenings import Attachment
from deployer.errors import AccountError, DeployerError
from deployer.manifest import Manifest
from deployer.manifest.suggest import nearest
from deployer.model import Address, LiveObject, Position, Resource
from deployer.project.chatting import face_of, imported, searching
from deployer.project.declared_tests import checked, declared, selected, talking
from deployer.project.session import Session, opened, target_of
from deployer.project.trial import swept
from deployer.testing import judges, verdict
from deployer.testing.cases import NO_OUTPUT, Assertion, ExpectedCall, TestCase, TestTurn
from deployer.testing.observation import Observation, arguments
from deployer.testing.verdict import Check, TestReport, TestResult, TestStatus
from deployer.wording import counted, listed

if TYPE_CHECKING:
    from deployer.backends.judge import Judge
    from deployer.project.rehearsing import RehearsedConversations

__all__ = ["JudgeSettings", "TestOptions", "answering", "checked", "declared", "run", "tested"]
CONCURRENCY = 4
_OVER = ("completed", "incomplete")
_NAMED = 10
OnResult = Callable[[TestResult], None]


@dataclass(frozen=True, slots=True)
class TestOptions:
    """How tests are run. `addresses` and `tags` choose some, all where there are none.

    `repeat`: how often each is run; `retries`: how often more one that did not pass. With `handler_seconds` the
    handlers of the manifest are imported, and each may take so long. `judge` answers llm-rubric and similar.
    `answers` is what answers on an embedded account where a test has no rehearsal.
    """

    __test__ = False
    addresses: Collection[str] = ()
    tags: Collection[str] = ()
    concurrency: int = CONCURRENCY
    repeat: int = 1
    retries: int = 0
    handler_seconds: float = 0.0
    judge: JudgeSettings | None = None
    allow_python: bool = False
    answers: Any = None
    on_result: OnResult = lambda _result: None


def chosen(manifest: Manifest, options: TestOptions) -> list[TestCase]:
    """Return the tests to run; ProblemsFound where they are wrong, DeployerError where there are none."""
    return selected(manifest, options.addresses, options.tags)


async def tested(manifest: Manifest, options: TestOptions, on_event: Any) -> TestReport:
    """Run tests on the account of a manifest."""
    cases = chosen(manifest, options)
    async with opened(manifest, on_event=on_event, answers=answering(manifest, options)) as session:
        await swept(session, await session.read(whole=False))
        return await run(session, cases, options)


def answering(manifest: Manifest, options: TestOptions) -> RehearsedConversations | None:
    """Return what answers on an embedded account; None for any other, where a model does."""
    if manifest.settings.base_url is not None:
        return None
    from deployer.project.rehearsing import RehearsedConversations

    return RehearsedConversations(manifest.root, options.answers)


async def run(session: Session, cases: Sequence[TestCase], options: TestOptions) -> TestReport:
    """Run tests on an open account, whose conversations the answers of `answering` answer where it is embedded."""
    await _hung_up(session)
    async with _running(session, options) as running:
        gate = asyncio.Semaphore(max(1, options.concurrency))

        async def one(case: TestCase, repeat: int) -> TestResult:
            async with gate:
                result = await running.attempted(case, repeat)
            options.on_result(result)
            return result

        jobs = [one(case, repeat) for case in cases for repeat in range(1, options.repeat + 1)]
        results = tuple(await asyncio.gather(*jobs))
    return _reported(session, cases, results, options)


async def _hung_up(session: Session) -> None:
    """Delete conversations that a run which was killed has begun; files of messages are the next apply's."""
    dialogue, journal, face = session.account.dialogue, session.journal, FACES.get(session.target.api)
    if dialogue is None or face is None:
        return
    for thread in [*journal.talks]:
        with contextlib.suppress(AccountError):  # it is gone, or has to wait for the next time
            await face(dialogue, {} if session.target.api == "responses" else "", {}, thread).close()
        journal.hang_up(thread)


def _reported(
    session: Session, cases: Sequence[TestCase], results: tuple[TestResult, ...], options: TestOptions
) -> TestReport:
    covered = verdict.coverage(session.manifest.resources, _touches(results))
    whole = not (options.addresses or options.tags)
    broken = tuple(verdict.uncovered(covered, session.manifest.coverage)) if whole else ()
    notes = tuple(dict.fromkeys(note for case in cases for note in case.notes))
    return TestReport(session.manifest.project, target_of(session.manifest), results, covered, broken, notes)


def _touches(results: Iterable[TestResult]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {sort: set() for sort in verdict.SORTS}
    for one in results:
        if one.transcript is None:
            continue
        seen = Observation(one.transcript.happenings)
        found["assistants"].add(one.case.address)
        found["functions"] |= {call.name for call in seen.calls}
        found["documents"] |= {*seen.sources, *seen.found}
    return found


@asynccontextmanager
async def _running(session: Session, options: TestOptions) -> AsyncIterator[_Runner]:
    live = await session.read(whole=False)
    async with AsyncExitStack() as stack:
        judge = None
        if options.judge:
            from deployer.backends.judge import open_judge

            judge = await stack.enter_async_context(open_judge(options.judge))
        yield _Runner(session, live, session.journal, options, judge)


class CouldNotRun(DeployerError):  # noqa: N818 (it says what became of a test)
    """A test could not be run: it is an error, whatever its assertions say."""


@dataclass(slots=True)
class _Runner:
    """Runs single tests: on what, how, and with which judge."""

    session: Session
    live: Sequence[LiveObject]
    journal: Journal
    options: TestOptions
    judge: Judge | None
    handlers: dict[Address, Mapping[str, Callable[..., Any]] | str] = field(default_factory=dict)

    async def attempted(self, case: TestCase, repeat: int) -> TestResult:
        """Run a test until it passes, or has had its retries."""
        for attempt in range(1, self.options.retries + 2):
            result = replace(await self.once(case), attempts=attempt, repeat=repeat)
            if result.ok:
                break
        return result

    async def once(self, case: TestCase) -> TestResult:
        if why := self._hindrance(case):
            return TestResult(case, TestStatus.ERROR, why=why)
        conversation = _Conversation(self, case)
        try:
            return await conversation.run()
        except DeployerError as error:
            return conversation.result(TestStatus.ERROR, why=str(error))

    def _hindrance(self, case: TestCase) -> str:
        """Say why a test cannot be run here, "" when it can."""
        if case.flaws:
            return "\n".join(map(str, case.flaws))
        session = self.session
        if session.answers is not None and case.rehearse is None and self.options.answers is None:
            return _at(case.position, "no model is behind the embedded account; add rehearse:, or use --script")
        for one in case.expectations:
            if one.kind in ("llm-rubric", "similar") and self.judge is None:
                return _at(one.position, f"{one.name} asks a model; name one with --judge URL")
            if one.kind == "python" and not self.options.allow_python:
                return _at(one.position, "python runs code of the test; allow it with --allow-python")
        return ""

    def resource(self, case: TestCase) -> Resource:
        found = (one for one in talking(self.session.manifest) if str(one.address) == case.address)
        resource = next(found, None)
        if resource is None:
            raise CouldNotRun(_at(case.position, f"the manifest declares no {case.address}"))
        return resource

    def imported(self, resource: Resource) -> Mapping[str, Callable[..., Any]]:
        """Return the handlers of an assistant, imported once; CouldNotRun where one is missing."""
        if not self.options.handler_seconds:
            return {}
        if resource.address not in self.handlers:
            try:
                self.handlers[resource.address] = imported(self.session.manifest, resource)
            except DeployerError as error:
                self.handlers[resource.address] = _at(resource.position("tools"), f"{resource.address}: {error}")
        found = self.handlers[resource.address]
        if isinstance(found, str):
            raise CouldNotRun(found)
        return found

    async def judged(self, one: Assertion, seen: Observation) -> Check:
        """Return what an assertion comes to; CouldNotRun where that cannot be said."""
        if one.kind == "assert-set":
            inside = tuple([await self.judged(inner, seen) for inner in one.inside])
            passed, score = verdict.weighed(inside, one.threshold)
            wrong = [check.verdict.reason for check in inside if not check.verdict.passed]
            reason = "; ".join(wrong) or "all of the set is so"
            return Check(one, judges.Verdict(passed, score, reason), inside=inside)
        if one.kind == "python":
            from deployer.project.python_checks import checked_by_python

            found = await checked_by_python(one, seen)
        elif one.kind in ("llm-rubric", "similar"):
            found = await self._asked(one, seen)
        else:
            from deployer.testing.assertions import judged

            return Check(one, judged(one, seen))
        return Check(one, found.inverted() if one.negated else found)

    async def _asked(self, one: Assertion, seen: Observation) -> judges.Verdict:
        if self.judge is None:
            raise CouldNotRun(_at(one.position, f"{one.name} asks a model; name one with --judge URL"))
        try:
            if one.kind == "similar":
                least = 0.75 if one.threshold is None else one.threshold
                texts = [judges.text_of(text) for text in (one.value if isinstance(one.value, list) else [one.value])]
                score = max(0.0, await self.judge.similarity(seen.output, texts))
                said = f"the similarity is {score:.3f}; at least {least:g} expected"
                return judges.Verdict(score >= least, score, said)
            found = await self.judge.rubric(judges.text_of(one.value), seen.output)
        except DeployerError as error:
            raise CouldNotRun(_at(one.position, f"{one.name}: {error}")) from None
        passed = found.passed and (one.threshold is None or found.score >= one.threshold)
        return judges.Verdict(passed, found.score, f"the judge says: {found.reason or found.passed}")


def _at(place: Position | None, text: str) -> str:
    return f"{place}: {text}" if place else text


def _unanswered(name: str, functions: Collection[str], address: str) -> str:
    """Say why nothing answered a call: a function that the assistant does not have is most often misspelled."""
    if name in functions:
        return f"nothing answers {name}: give it an output in the test, or use --handlers"
    has = f"it has {listed(sorted(functions), _NAMED)}" if functions else "it has none"
    return f"nothing answers {name}: {address} has no such function; {nearest(name, functions, has)}"


@dataclass(slots=True)
class _Conversation:
    """One test while it runs."""

    runner: _Runner
    case: TestCase
    happened: list[Happening] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    thread: str = ""

    def result(self, status: TestStatus, score: float = 0.0, why: str = "") -> TestResult:
        told = Transcript(self.case.address, self.thread, tuple(self.happened)) if self.happened else None
        return TestResult(self.case, status, score, why, tuple(self.checks), told, tuple(self.seconds))

    async def run(self) -> TestResult:
        resource = self.runner.resource(self.case)
        outputs = self._sources(resource)
        face = face_of(self.runner.session, self.runner.live, resource, "")
        async with self._closing(face):
            await face.start()
            self._named(face, None)
            async with self._rehearsed(face) as begun:
                for number, turn in enumerate(self.case.turns, 1):
                    await self._turn(face, resource, turn, number, outputs, begun)
                left = begun.left if begun else 0
        return await self._ended(resource, left)

    async def _ended(self, resource: Resource, left: int) -> TestResult:
        seen = Observation(tuple(self.happened), tuple(self.seconds), verdict.schemas(resource))
        for one in self.case.asserts:
            self.checks.append(await self.runner.judged(one, seen))
        if left:
            what = f"rehearse has {counted(left, 'answer')} that the model was not asked for"
            raise CouldNotRun(_at(self.case.position, what))
        passed, score = verdict.weighed(self.checks, self.case.threshold)
        failures = seen.failures
        wrong = [_at(one.assertion.position, f"{one.assertion.name}: {one.verdict.reason}") for one in self._wrong()]
        if passed and not failures:
            return self.result(TestStatus.PASSED, score)
        if not passed and self.case.threshold is not None:
            wrong.append(f"the score is {score:.3f}; at least {self.case.threshold:g} expected")
        return self.result(TestStatus.FAILED, score, "\n".join([*wrong, *failures]))

    def _wrong(self) -> list[Check]:
        return [one for one in self.checks if not one.verdict.passed and one.assertion.weight]

    async def _turn(  # noqa: PLR0913, PLR0917 (what a turn needs)
        self, face: Face, resource: Resource, turn: TestTurn, number: int, outputs: Sequence[Answers], begun: Any
    ) -> None:
        files = [await self._attached(path, turn) for path in turn.files]
        answer = searching(self.runner.session, self.runner.live, resource, self._answer(turn, outputs))
        start, happened = time.monotonic(), list[Happening]()
        async for one in talk(face, turn.user, answer, files):
            happened.append(one)
            self.happened.append(one)
            self._named(face, begun)
        self.seconds.append(time.monotonic() - start)
        seen = Observation(tuple(happened), (self.seconds[-1],), verdict.schemas(resource))
        if self.unanswered:
            raise CouldNotRun(_at(turn.position, _unanswered(self.unanswered[0], seen.schemas, self.case.address)))
        if seen.end and seen.end.status not in _OVER:
            what = f"turn {number} ended as {seen.end.status}{f': {seen.end.reason}' if seen.end.reason else ''}"
            raise CouldNotRun(_at(turn.position, what))
        if turn.calls is not None:
            self.checks.append(replace(_calls(turn, seen), turn=number))
        for expected in turn.asserts:
            self.checks.append(replace(await self.runner.judged(expected, seen), turn=number))

    def _named(self, face: Face, begun: Any) -> None:
        """Note the id of the conversation as soon as it is known."""
        if face.thread and not self.thread:
            self.thread = face.thread
            self.runner.journal.talk(self.thread)
            if begun:
                begun.named()

    # ---- what answers calls

    def _sources(self, resource: Resource) -> list[Answers]:
        """Return what answers in the whole conversation: examples, outputs by name, handlers."""
        found = [_by_example(self.case), from_outputs(self.case.outputs)]
        if self.runner.options.handler_seconds:
            found.append(from_handlers(self.runner.imported(resource), self.runner.options.handler_seconds))
        return found

    def _answer(self, turn: TestTurn, sources: Sequence[Answers]) -> Callable[[FunctionCall], Any]:
        expected = [one for one in turn.calls or () if one.output is not NO_OUTPUT]

        async def answer(call: FunctionCall) -> FunctionAnswer:
            for place, one in enumerate(expected):
                if one.name == call.name:
                    del expected[place]
                    return _given(call, one.output)
            for source in sources:
                if (found := await source(call)) is not None:
                    return found
            self.unanswered.append(call.name)
            return failed(call, "nothing answers this function here")

        return answer

    # ---- files, and what is left of a conversation

    async def _attached(self, path: str, turn: TestTurn) -> Attachment:
        """Send a file; the journal knows of it until it is deleted, so that an apply deletes what a kill left."""
        session = self.runner.session
        source = session.manifest.root / path
        try:
            with source.open("rb") as content:
                size = source.stat().st_size
                file_id, sha = await session.account.files.upload(source.name, content, size)
        except OSError as error:
            raise CouldNotRun(_at(turn.position, f"{path} cannot be read ({error.strerror})")) from None
        self.runner.journal.send(file_id, sha, source.name)
        self.uploaded.append(file_id)
        return Attachment(file_id)

    @asynccontextmanager
    async def _closing(self, face: Face) -> AsyncIterator[None]:
        """Delete the conversation and its files at the end, whatever the end is."""
        try:
            yield
        finally:
            session = self.runner.session
            with contextlib.suppress(AccountError):  # what came of the test is known; a conversation names nobody
                await face.close()
                if self.thread:
                    self.runner.journal.hang_up(self.thread)
            for one in self.uploaded:
                with contextlib.suppress(AccountError):
                    await session.account.files.delete(one)
                    self.runner.journal.delete(one)

    @asynccontextmanager
    async def _rehearsed(self, face: Face) -> AsyncIterator[Any]:
        answers = self.runner.session.answers
        if answers is None or self.case.rehearse is None:
            yield None
            return
        async with answers.conversation(face, self.case.rehearse) as begun:
            yield begun


def _given(call: FunctionCall, output: Any) -> FunctionAnswer:
    from deployer.conversation.answers import answered

    return answered(call, output)


def _by_example(case: TestCase) -> Answers:
    async def answer(call: FunctionCall) -> FunctionAnswer | None:
        args = arguments(call)
        for one in case.examples:
            if one.name == call.name and not judges.args_match("partial", dict(one.args))(args):
                return _given(call, one.output)
        return None

    return answer


def _calls(turn: TestTurn, seen: Observation) -> Check:
    """Return whether exactly the expected calls were made, in their order."""
    expected = turn.calls or ()
    told = Assertion("calls", [one.name for one in expected], position=turn.position)
    names, wanted = [call.name for call in seen.calls], [one.name for one in expected]
    if names != wanted:
        what = f"called: {', '.join(names) or 'nothing'}; {', '.join(wanted) or 'nothing'} expected"
        return Check(told, judges.Verdict(passed=False, score=0.0, reason=what))
    flaws = [flaw for one, call in zip(expected, seen.calls, strict=True) if (flaw := _call_flaw(one, call))]
    good = f"called: {', '.join(names) or 'nothing'}"
    return Check(told, judges.Verdict.of(not flaws, good, "; ".join(flaws)))


def _call_flaw(expected: ExpectedCall, call: FunctionCall) -> str:
    flaw = judges.args_match(expected.mode, expected.args)(arguments(call))
    return f"{call.name} was called with {judges.short(call.arguments)}: {flaw}" if flaw else ""
