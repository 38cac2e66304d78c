"""What somebody edited on the account is never overwritten unseen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deployer.apply.execute import execute
from deployer.backends.embedded import FOLDER
from deployer.model import OnDrift, Plan, Status
from deployer.project import PlanOptions
from tests.commands.test_saved_plans import edit
from tests.support.live import apply, embedded, http, session
from tests.support.project import Project

MANIFEST = """
    assistants:
      a: {model: m, instructions: in git, metadata: {team: x}}
      b: {model: m}
"""


@pytest.fixture
def edited(project: Project) -> Project:
    project.manifest(MANIFEST)
    assert project.run("apply", "--yes").code == 0
    edit(project, "a", {"instructions": "by hand"})
    return project


def instructions(project: Project) -> list[str]:
    async def run() -> list[str]:
        async with (
            embedded(project.root / FOLDER) as wire,
            session(project.root, "assistants", wire) as one,
        ):
            return [live.raw["instructions"] for live in await one.read() if live.raw["instructions"]]

    return asyncio.run(run())


def test_apply_refuses_and_shows_both_values(edited: Project) -> None:
    result = edited.run("apply", "--yes")
    assert result.code == 1
    assert 'assistant/a.instructions: git says "in git", the account says "by hand"' in result.err
    assert "--on-drift overwrite" in result.err
    assert instructions(edited) == ["by hand"]


def test_the_plan_says_what_apply_will_say(edited: Project) -> None:
    result = edited.run("plan", "--exit-code")
    assert result.code == 2
    assert "apply will refuse" in result.out


def test_overwrite_lets_git_win(edited: Project) -> None:
    assert edited.run("apply", "--yes", "--on-drift", "overwrite").code == 0
    assert instructions(edited) == ["in git"]
    assert edited.run("plan", "--exit-code").code == 0


def test_keep_lets_the_account_win_and_still_changes_the_rest(edited: Project) -> None:
    edited.manifest(MANIFEST.replace("team: x", "team: y"))
    assert edited.run("apply", "--yes", "--on-drift", "keep").code == 0
    assert instructions(edited) == ["by hand"]
    assert edited.run("plan", "--on-drift", "keep", "--exit-code").code == 0
    again = edited.run("plan")
    assert "in git" in again.out, "what was kept is still known to be an edit"
    assert edited.run("apply", "--yes").code == 1


def test_what_git_and_the_account_both_moved_is_a_conflict_too(edited: Project) -> None:
    edited.manifest(MANIFEST.replace("in git", "later in git"))
    result = edited.run("apply", "--yes")
    assert result.code == 1
    assert 'git says "later in git", the account says "by hand"' in result.err


def test_what_git_let_go_of_and_somebody_edited_is_a_conflict_too(edited: Project) -> None:
    edited.manifest("assistants: {a: {model: m, metadata: {team: x}}, b: {model: m}}")
    assert edited.run("apply", "--yes").code == 1
    assert edited.run("apply", "--yes", "--on-drift", "keep").code == 0
    assert instructions(edited) == ["by hand"]
    assert edited.run("plan", "--exit-code").code == 0, "git has let go: it is the account's now"


def test_outputs_do_not_mind(edited: Project) -> None:
    assert edited.run("outputs").code == 0


async def reviewed(project: Project, body: dict[str, Any], wishes: PlanOptions) -> tuple[Plan, dict[str, Any]]:
    """Plan, edit assistant b on the account, execute that plan; give it, and the outcomes by address."""
    async with (
        embedded(project.root / FOLDER) as wire,
        session(project.root, "assistants", wire) as one,
    ):
        plan = await one.plan(wishes)
        found = next(live for live in plan.live if live.raw["metadata"]["deployer"].endswith("/b"))
        await http(one).write("POST", f"/assistants/{found.id}", body)
        outcomes = await execute(one.account, plan, project.root, lambda _event: None)
        return plan, {str(outcome.address): outcome for outcome in outcomes}


@pytest.mark.parametrize("gone", (False, True))
def test_what_moved_since_it_was_reviewed_is_not_written(project: Project, gone: bool) -> None:  # noqa: FBT001
    """Compare, then set: an update or a delete of it stops and says which field moved; the others go on."""
    project.manifest(MANIFEST)
    assert project.run("apply", "--yes").code == 0
    later = MANIFEST.replace("in git", "later")
    project.manifest(later.replace("      b: {model: m}\n", "" if gone else "      b: {model: n}\n"))
    wishes = PlanOptions(prune=True, on_drift=OnDrift.FAIL)
    _, outcomes = asyncio.run(reviewed(project, {"temperature": 0.5}, wishes))
    assert outcomes["assistant/a"].status is Status.DONE
    assert outcomes["assistant/b"].status is Status.FAILED
    assert "moved since the plan was made (temperature); look at it and plan again" in outcomes["assistant/b"].why
    assert project.run("apply", "--yes", "--prune").code == 0


def test_what_was_created_by_somebody_else_meanwhile_is_not_created_again(project: Project) -> None:
    async def race() -> list[str]:
        async with embedded(project.root / FOLDER) as wire, session(project.root, "assistants", wire) as one:
            plan = await one.plan()
            assert [outcome.status for outcome in await apply(one)] == [Status.DONE] * 2
            outcomes = await execute(one.account, plan, project.root, lambda _event: None)
            assert [outcome.status for outcome in outcomes] == [Status.FAILED] * 2
            assert len(await one.read()) == 2
            return [outcome.why for outcome in outcomes]

    project.manifest(MANIFEST)
    assert all("came into being since the plan was made; plan again" in why for why in asyncio.run(race()))
