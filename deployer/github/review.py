"""Plan, comment, apply and drift, as the action runs them; each returns its exit code, and fails closed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.github.api import GitHubError, Repository
from deployer.github.job import Job
from deployer.github.mark import Mark
from deployer.project import ApplyResult, Project, ProjectPlan
from deployer.project.events import OnEvent
from deployer.render import formats, markdown

if TYPE_CHECKING:
    from collections.abc import Callable

LABEL = "deployer-drift"
_STATE, _TEXT, _SAVED, _PAGE = "state.json", "plan.md", "plan.json", "plan.html"
_JUNIT, _REPORT = "tests.xml", "tests.json"
_MOST = 64_000
"""Characters of a comment, with what stands around it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job is about: `load` reads the project, `key` tells its comments from others', `tell` prints meanwhile."""

    job: Job
    repository: Repository
    key: str
    load: Callable[[], Project]
    tell: OnEvent


@dataclass(frozen=True, slots=True)
class Planned:
    """What the first step of a plan leaves for the second, which comments it."""

    exit_code: int
    fingerprint: str = ""
    truncated: bool = False
    changes: int = 0
    tests: str = ""


def plan(
    work: Work,
    folder: Path,
    options: Mapping[str, Any],
    gates: Callable[[Project, ProjectPlan], ProjectPlan],
    tests: Callable[[], Project] | None = None,
) -> int:
    """Make the plan, and leave it in the folder: as a comment, as a page, and saved; return 0, whatever it says.

    `tests` loads the project whose tests are run, too: their results follow the plan, and stand beside it as JUnit.
    `options` are those of the library's `plan`. What the plan says is the output `exit-code`, for the step that
    comments: a plan that fails must be told, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (_STATE, _TEXT, _SAVED, _PAGE, _JUNIT, _REPORT):
        (folder / name).unlink(missing_ok=True)
    try:
        project = work.load()
        found = gates(project, project.plan(**options, on_event=work.tell))
    except DeployerError as error:
        text, planned = _failure(error), Planned(EXIT_FAILED)
    else:
        text, truncated = markdown.comment(found)
        code = EXIT_FAILED if found.errors or found.failed else EXIT_DONE
        planned = Planned(code, found.fingerprint, truncated, len(found.pending))
        _save(folder, found)
    if tests:
        said, passed = _tested(folder, tests, work.tell)
        text, planned = _beside(text, said), _with_tests(planned, passed=passed)
    (folder / _TEXT).write_text(text, encoding="utf-8")
    (folder / _STATE).write_text(json.dumps(asdict(planned)), encoding="utf-8")
    for name, value in asdict(planned).items():
        if value != "" or name != "tests":
            work.job.give(name.replace("_", "-"), value)
    return EXIT_DONE


def _tested(folder: Path, load: Callable[[], Project], tell: OnEvent) -> tuple[str, bool]:
    """Run tests and leave their report in the folder; return what a comment says of them, and whether they passed.

    An embedded account has nothing of the manifest yet: there it is applied first.
    """
    try:
        report = _ready(load(), tell).test(on_event=tell)
    except DeployerError as error:
        return _failure(error), False
    data = report.to_dict()
    for name, form in ((_JUNIT, "junit"), (_REPORT, "json")):
        (folder / name).write_text(formats.rendered("tests", form, data), encoding="utf-8")
    return formats.rendered("tests", "markdown", data), report.ok


def _ready(project: Project, tell: OnEvent) -> Project:
    """Return a project whose manifest is on its account, where that is an embedded one."""
    if project.manifest.settings.base_url is None:
        done = project.apply(on_event=tell)
        if not done.ok:
            raise DeployerError(f"the tests were not run: {done.why or done.status}")
    return project


def _beside(text: str, said: str) -> str:
    """Return a plan with what is said of tests, as far as there is room."""
    whole = f"{text.rstrip()}\n\n{said}"
    if len(whole) <= _MOST:
        return whole
    return f"{text.rstrip()}\n\n{said.splitlines()[0]}\n\nThe report is kept with the plan, as {_JUNIT}."


def _with_tests(planned: Planned, *, passed: bool) -> Planned:
    code = planned.exit_code if passed else EXIT_FAILED
    return replace(planned, exit_code=code, tests="passed" if passed else "failed")


def _save(folder: Path, found: ProjectPlan) -> None:
    from deployer.project import saved

    saved.write(folder / _SAVED, found)
    (folder / _PAGE).write_text(formats.rendered("plan", "html", found), encoding="utf-8")


def _failure(error: DeployerError) -> str:
    return formats.rendered("problems", "markdown", formats.Findings.of(error))


def comment(work: Work, folder: Path, artifact: str, *, quiet: bool = False) -> int:
    """Write the comment of the plan that the first step left, and return that plan's exit code.

    A first step that left nothing has failed. `artifact` is the address of the uploaded plan, "" where it is not kept.
    `quiet`: no first comment for a plan without changes.
    """
    text, planned = _left(folder)
    job = work.job
    where = f"Commit `{job.head[:12]}` · [run]({job.url})" + (f" · [the whole plan]({artifact})" if artifact else "")
    text = f"{text.rstrip()}\n\n{where}"
    job.sum_up(text)
    if job.pull_request is not None:
        passed = "" if planned.exit_code else planned.fingerprint  # what failed was not reviewed well
        mark = Mark(work.key, passed, planned.truncated, bool(artifact), run=job.run, commit=job.head)
        try:
            _commented(work, mark, text, quiet=quiet and not planned.changes and not planned.exit_code)
        except GitHubError as error:
            told = f"{error}; the plan stands in the summary of this job"
            job.warn(f"a fork's pull request gets no comment: {told}" if job.from_fork else told)
            return planned.exit_code if job.from_fork else EXIT_FAILED
    return planned.exit_code


def _left(folder: Path) -> tuple[str, Planned]:
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        return (folder / _TEXT).read_text(encoding="utf-8"), Planned(**state)
    except (OSError, ValueError, TypeError):
        told = "the step that makes the plan ended before it could say anything; its log tells why"
        return _failure(DeployerError(told)), Planned(EXIT_FAILED)


def _commented(work: Work, mark: Mark, text: str, *, quiet: bool) -> None:
    number = work.job.pull_request
    assert number is not None  # noqa: S101
    known = work.repository.comment(number, work.key)
    if known and known.mark.run > mark.run:
        work.job.warn(f"a later run ({known.mark.run}) has commented already; this plan is older and is not shown")
    elif known or not quiet:
        work.repository.write_comment(number, known, mark.over(text))


def apply(work: Work, options: Mapping[str, Any], expect: str, force: Collection[str] = ()) -> int:
    """Apply what was reviewed, or nothing: the plan must have the fingerprint `expect`, else that of the comment."""
    result, number = _applied(work, options, expect, force)
    said = formats.rendered("outcomes", "markdown", result)
    text = f"{said.rstrip()}\n\nCommit `{work.job.sha[:12]}` · [run]({work.job.url})"
    work.job.sum_up(text)
    work.job.give("status", result.status.value)
    if number is not None and result.plan is not None:
        try:
            known = work.repository.comment(number, f"{work.key} applied")
            mark = Mark(f"{work.key} applied", result.plan.fingerprint, run=work.job.run, commit=work.job.sha)
            work.repository.write_comment(number, known, mark.over(text))
        except GitHubError as error:
            work.job.warn(f"{error}; what was done stands in the summary of this job")
    return EXIT_DONE if result.ok else EXIT_FAILED


def _applied(
    work: Work, options: Mapping[str, Any], expect: str, force: Collection[str]
) -> tuple[ApplyResult, int | None]:
    """Return what became of it, and the pull request that was reviewed."""
    number = None
    try:
        project = work.load()
        first = project.plan(**options, on_event=work.tell)
        if first.pending and not expect:
            number, expect = reviewed(work.repository, work.job.sha, work.key)
    except DeployerError as error:
        return ApplyResult.refusal(str(error)), number
    note, expect = f"pull request #{number}" if number else "", expect or first.fingerprint
    done = project.apply(expect=expect, note=note, force=force, on_event=work.tell, **options)
    return done, number


def reviewed(repository: Repository, sha: str, key: str) -> tuple[int, str]:
    """Return the pull request whose merge made a commit, and the fingerprint that was reviewed there.

    DeployerError where it cannot have been reviewed: no pull request, no comment of the action, a failed plan, a
    comment that was edited, or one that did not show everything while the whole was not kept.
    """
    again = "have it reviewed, and run this job with its fingerprint as expect"
    numbers = repository.merged_as(sha)
    if not numbers:
        raise DeployerError(f"commit {sha[:12]} is not the merge of a pull request; make a plan, {again}")
    number = max(numbers)
    found = repository.comment(number, key)
    if found is None:
        raise DeployerError(f"pull request #{number} has no plan of {key} in a comment; make one, {again}")
    if found.edited:
        raise DeployerError(f"the plan in pull request #{number} was edited after it was written; make one, {again}")
    if not found.mark.fingerprint:
        raise DeployerError(f"the plan of pull request #{number} failed; make one that does not, {again}")
    if found.mark.truncated and not found.mark.artifact:
        raise DeployerError(f"the plan in pull request #{number} was not shown whole, and not kept; make one, {again}")
    return number, found.mark.fingerprint


def drift(work: Work) -> int:
    """Open or update one issue while the account differs from what was applied; close it when it does not."""
    project = work.load()
    found = project.drift(on_event=work.tell)
    text = formats.rendered("drift", "markdown", found.plan)
    work.job.sum_up(text)
    work.job.give("drift", bool(found.moved))
    known = work.repository.issue(LABEL, work.key)
    text = f"{text.rstrip()}\n\n[run]({work.job.url})"
    if found.moved:
        title = f"Somebody edited account {project.target.name} of {project.name}"
        work.repository.write_issue(known, title, Mark(work.key, run=work.job.run).over(text), LABEL)
    elif known:
        work.repository.close_issue(known, f"Nothing differs any more. [run]({work.job.url})")
    return EXIT_DONE
