"""Output that nobody can read: a run that has begun goes on to its end, and one that nobody saw does not begin."""

from __future__ import annotations

import contextlib
import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest

from deployer import cli
from deployer.server import EmbeddedAccount, read_faults
from tests.support.killed import Door, served
from tests.support.project import Project

DEPLOYER = f"{sys.executable} -m deployer"
LOST = "the output could not be written to its end (No space left on device); what is done is done\n"
NO_SPACE = OSError(errno.ENOSPC, "No space left on device")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


class Until(io.StringIO):
    """Standard output that fails with `error` once it has been told `text`."""

    def __init__(self, text: str, error: OSError) -> None:
        super().__init__()
        self.text, self.error = text, error

    def write(self, text: str) -> int:
        if self.text in self.getvalue():
            raise self.error
        return super().write(text)


def run(stdout: io.StringIO, *arguments: str) -> tuple[int, str]:
    """Run the command line; give its exit code and what it said on stderr."""
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(io.StringIO()) as err:
        code = cli.run(list(arguments))
    return code, err.getvalue()


def shell(project: Project, command: str) -> tuple[int, str]:
    """Run a line of shell; `deployer` is ours."""
    script = f'set -o pipefail; deployer() {{ {DEPLOYER} "$@"; }}; {command}'
    done = subprocess.run(["bash", "-c", script], cwd=project.root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("error", "said"), ((NO_SPACE, LOST), (BrokenPipeError(errno.EPIPE, "Broken pipe"), "")))
@pytest.mark.parametrize("heard", ("to create", "✓ "))
def test_a_run_that_has_begun_goes_on_to_its_end(example: Project, heard: str, error: OSError, said: str) -> None:
    assert run(Until(heard, error), "apply", "--yes") == (0, said)
    assert example.run("plan", "--exit-code").code == 0


def test_what_is_not_done_is_told_by_the_exit_code_all_the_same(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    faults = read_faults({"faults": [{"on": "POST /v1/assistants", "status": 400, "times": 1}]})
    with EmbeddedAccount(tmp_path / "account", faults=faults) as account, served(Door(account.app)) as base_url:
        project.manifest(
            f"accounts: {{far: {{api: assistants, base_url: '{base_url}', api_key: '${{env.KEY}}'}}}}\n"
            "assistants: {a: {model: m}, b: {model: m}}"
        )
        assert run(Until("to create", NO_SPACE), "apply", "--yes", "--account", "far") == (1, LOST)
        assert "1 to create, 1 unchanged" in project.run("plan", "--account", "far").out


@pytest.mark.parametrize(
    ("error", "why"),
    ((NO_SPACE, "No space left on device"), (BrokenPipeError(errno.EPIPE, "Broken pipe"), "nobody reads it")),
)
def test_a_plan_that_nobody_saw_is_not_carried_out(example: Project, error: OSError, why: str) -> None:
    assert run(Until("", error), "apply", "--yes") == (1, f"nothing was changed: the plan could not be shown ({why})\n")
    assert example.run("plan", "--exit-code").code == 2


@FULL
@pytest.mark.parametrize(
    "command", ("plan", "validate", "validate --format json", "--version", "outputs --format json")
)
def test_other_output_that_cannot_be_written_is_a_sentence(example: Project, command: str) -> None:
    code, said = shell(example, f"deployer {command} 2>&1 >/dev/full")
    assert code == 1
    assert said.splitlines()[-1] == "the system refused: No space left on device"
    assert "bug" not in said
    assert "Exception ignored" not in said


@FULL
def test_errors_that_nobody_can_read_change_no_exit_code(example: Project) -> None:
    assert shell(example, "deployer xyz 2>/dev/full") == (64, "")
    assert shell(example, "deployer plan -f missing.yaml >/dev/full 2>/dev/full") == (1, "")


@pytest.mark.slow
def test_closed_streams_are_empty_ones(example: Project) -> None:
    assert shell(example, "deployer validate >&- && deployer plan >&- 2>&- <&-") == (0, "")
    assert shell(example, "deployer apply >&- <&-")[0] == 64, "nobody can confirm"
    assert shell(example, "deployer apply --yes >&- 2>&- <&-") == (0, "")
    assert example.run("plan", "--exit-code").code == 0


def test_errors_of_a_plan_are_told_once_at_the_end_of_an_apply(project: Project) -> None:
    project.manifest("assistants: {a: {model: m}, b: {model: m}}")
    assert project.run("apply", "--yes").code == 0
    project.manifest("moved: [{from: assistant/a, to: assistant/b}]\nassistants: {b: {model: n}}")
    shown, refused = project.run("plan"), project.run("apply", "--yes")
    assert (shown.code, refused.code) == (1, 1)
    (error,) = refused.err.splitlines()
    assert error.startswith("assistant/b: ")
    assert error in shown.out.splitlines()
    assert error not in refused.out
    assert refused.out.splitlines()[-1] == shown.out.splitlines()[-1]
    assert refused.out.splitlines()[-1].startswith("Cannot be applied: 1 error, ")
