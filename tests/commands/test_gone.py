"""What goes while nobody looks: the reader of the output, and File objects."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from deployer.backends.embedded import FOLDER
from tests.support.live import embedded, http, session
from tests.support.project import Project

MANY = "assistants:\n" + "".join(f"  a{number}: {{model: MODEL}}\n" for number in range(30))


def piped(project: Project, until: str | None, *arguments: str) -> int:
    """Run a command whose reader leaves after the first line that begins so; give its exit code."""
    command = [sys.executable, "-u", "-m", "deployer", *arguments]
    with subprocess.Popen(
        command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert until is None or any(line.startswith(until) for line in process.stdout)
        process.stdout.close()
        said = process.stderr.read()
        assert "Traceback" not in said, said
        return process.wait(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(("until", "code", "left"), ((None, 1, 30), ("✓", 0, 0)))
def test_a_reader_that_leaves_stops_no_apply_half_way(
    project: Project, until: str | None, code: int, left: int
) -> None:
    """Before anything was sent nothing is, and afterwards all of it; the exit code tells."""
    project.manifest(MANY.replace("MODEL", "m"))
    assert project.run("apply", "--yes").code == 0
    project.manifest(MANY.replace("MODEL", "n"))
    assert piped(project, until, "apply", "--yes") == code
    changes = project.run("plan", "--format", "json").json()["changes"]
    assert sum(change["action"] == "update" for change in changes) == left


@pytest.mark.slow
def test_a_reader_that_leaves_a_plan_is_no_failure(project: Project) -> None:
    project.manifest(MANY.replace("MODEL", "m"))
    for form in ("text", "json", "markdown"):
        assert piped(project, None, "plan", "--format", form) == 0
    assert piped(project, "Account", "plan") == 0


def test_a_file_of_the_code_interpreter_that_is_gone_is_sent_again(project: Project) -> None:
    async def lose() -> None:
        async with (
            embedded(project.root / FOLDER) as wire,
            session(project.root, "assistants", wire) as one,
        ):
            (row,) = (await http(one).get("/files")).data["data"]
            await http(one).write("DELETE", f"/files/{row['id']}")

    project.write("data/a.csv", "1,2\n")
    project.manifest("assistants: {a: {model: m, tools: [{type: code_interpreter, files: [data/*]}]}}")
    assert project.run("apply", "--yes").code == 0
    asyncio.run(lose())
    assert project.run("plan", "--check-files", "--exit-code").code == 2
    assert project.run("apply", "--yes", "--check-files").code == 0
    assert project.run("plan", "--check-files", "--exit-code").code == 0
