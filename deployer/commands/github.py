"""deployer github: what the action runs in a job of GitHub Actions."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import (
    Gates,
    ProjectChoice,
    fail_on_option,
    force_option,
    plan_options,
    project_options,
)
from deployer.project.applying import GUARDS

if TYPE_CHECKING:
    from deployer.github.review import Work
    from deployer.project import PlanOptions, Project, ProjectPlan

Function = TypeVar("Function", bound=Callable[..., Any])
_BOT = "github-actions[bot]"
author_option = click.option(
    "--author",
    default=_BOT,
    metavar="LOGIN",
    help=f"Who writes with GITHUB_TOKEN; marks of others count for nothing. [{_BOT}]",
)
folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deployer-plan"),
    metavar="DIR",
    help="Where the plan is left for the next step. [deployer-plan]",
)


@click.group("github")
def command() -> None:
    """Comment plans, apply what was reviewed and report drift, in a job of GitHub Actions (see docs/github.md).

    \b
    Example:
      deployer github plan --account openai && deployer github comment --account openai
      deployer github apply --account openai
      deployer github drift --account openai
    """


def _work(choice: ProjectChoice, author: str) -> Work:
    from deployer.github.api import Repository
    from deployer.github.job import Job
    from deployer.github.review import Work

    job = Job.of(os.environ)
    repository = Repository(job.api_url, job.repository, job.token, author)
    return Work(job, repository, " ".join(filter(None, (choice.file.as_posix(), choice.account))), choice.load, tell)


@command.command("plan")
@project_options
@plan_options
@fail_on_option("breaking", "conflict", "delete")
@folder_option
@click.option("--test-account", default="", metavar="NAME", help="Run the tests of the manifest, too, on this account.")
def plan(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    options: PlanOptions,
    targets: tuple[str, ...],
    gates: Gates,
    folder: Path,
    test_account: str,
) -> int:
    """Make a plan for the step that comments it: plan.md, plan.html and plan.json in a folder.

    It ends with 0 whatever the plan says, so that the next step tells it; the output `exit-code` has what it says. With
    --test-account, an embedded account gets the manifest first; tests.xml is beside the plan, and a test that does not
    pass fails the plan.

    \b
    Example:
      deployer github plan --account openai --fail-on breaking,conflict
      deployer github plan --account openai --test-account embedded
    """
    from deployer.github import review

    def gated(project: Project, found: ProjectPlan) -> ProjectPlan:
        return found.gated(gates.words, gates.models(project.shutdowns))

    tests = replace(choice, account=test_account).load if test_account else None
    return review.plan(_work(choice, _BOT), folder, {**options.keywords(), "targets": targets}, gated, tests)


@command.command("comment")
@project_options
@folder_option
@author_option
@click.option("--artifact", default="", metavar="URL", help="Where the whole plan is kept.")
@click.option("--quiet", is_flag=True, help="Write no first comment for a plan without changes.")
def comment(*, choice: ProjectChoice, folder: Path, author: str, artifact: str, quiet: bool) -> int:
    """Write the plan of the step before as a comment of the pull request, over the last one; exit as that plan.

    \b
    Example:
      deployer github comment --account openai
    """
    from deployer.github import review

    return review.comment(_work(choice, author), folder, artifact, quiet=quiet)


@command.command("apply")
@project_options
@plan_options
@force_option(*GUARDS)
@author_option
@click.option(
    "--expect", default="", metavar="FINGERPRINT", help="What was reviewed. [the comment of the pull request]"
)
def apply(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    options: PlanOptions,
    targets: tuple[str, ...],
    force: tuple[str, ...],
    author: str,
    expect: str,
) -> int:
    """Apply the plan that was reviewed in the pull request whose merge is being run, or nothing.

    \b
    Example:
      deployer github apply --account openai
    """
    from deployer.github import review

    return review.apply(_work(choice, author), {**options.keywords(), "targets": targets}, expect, force)


@command.command("drift")
@project_options
@author_option
def drift(*, choice: ProjectChoice, author: str) -> int:
    """Open or update one issue while the account differs from what was applied, and close it when it does not.

    \b
    Example:
      deployer github drift --account openai
    """
    from deployer.github import review

    return review.drift(_work(choice, author))
