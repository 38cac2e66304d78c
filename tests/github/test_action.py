"""The action as GitHub would run it: the workflow of the docs, through a whole pull request, on this machine alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.test_closings import account
from tests.support.github import Hub, hub
from tests.support.needs import GIT
from tests.support.project import Project

HERE = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OURS = "OWNER/deployer@c0ffee0000000000000000000000000000000000"
UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
MANIFEST = """\
version: 1
project: bots
accounts: {{openai: {{api: assistants, base_url: '{url}', api_key: '${{env.OPENAI_API_KEY}}'}}}}
assistants: {{tutor: {{model: m, instructions: {text}}}}}
"""
STAND_IN = """\
name: upload
inputs: {name: {required: true}, path: {required: true}, retention-days: {default: "1"}}
outputs: {artifact-url: {value: "${{ steps.up.outputs.url }}"}}
runs:
  using: composite
  steps:
    - id: up
      shell: bash
      env: {NAME: "${{ inputs.name }}", FROM: "${{ inputs.path }}"}
      run: |
        mkdir -p "$ARTIFACTS_DIR/$NAME" && cp -r "$FROM"/. "$ARTIFACTS_DIR/$NAME"
        echo "url=https://x/$NAME" >> "$GITHUB_OUTPUT"
"""


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not (BIN / name).exists(), reason=f"{name} is not installed; pip install -e '.[dev]' brings it"
    )


def workflow(page: str = "docs/github.md") -> str:
    """Return the workflow of a page."""
    text = (HERE / page).read_text(encoding="utf-8")
    (found,) = re.findall(r"```yaml\n(# \.github/workflows.*?)```", text, re.DOTALL)
    return str(found)


@dataclass
class Runner:
    """A checkout in which the jobs of events run."""

    repository: Path
    home: Path
    hub: Hub

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        done = subprocess.run(command, cwd=self.repository, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, text: str, url: str) -> str:
        (self.repository / "assistants.yaml").write_text(MANIFEST.format(url=url, text=text), encoding="utf-8")
        self.git("add", "-A")
        self.git("commit", "-qm", text)
        return self.git("rev-parse", "HEAD")

    def run(self, name: str, event: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run the jobs of an event; the account and GitHub are on this machine."""
        (self.home / "event.json").write_text(json.dumps({"repository": REPOSITORY, **event}), encoding="utf-8")
        local = [
            f"--local-repository={ref}={self.home / place}" for ref, place in ((OURS, "action"), (UPLOAD, "upload"))
        ]
        secrets = ["-s", "OPENAI_API_KEY=sk-test-0123456789", "-s", "GITHUB_TOKEN=ghs_dummy_0123456789"]
        extra = {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "acme/bots",
            "ARTIFACTS_DIR": str(self.home / "kept"),
        }
        given = [word for key, value in extra.items() for word in ("--env", f"{key}={value}")]
        return subprocess.run(
            [
                BIN / "act",
                name,
                "-P",
                "ubuntu-latest=-self-hosted",
                "-e",
                self.home / "event.json",
                *local,
                *secrets,
                *given,
            ],
            cwd=self.repository,
            env={**os.environ, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


REPOSITORY = {"full_name": "acme/bots", "default_branch": "main"}


@pytest.fixture
def runner(tmp_path: Path, program: Path) -> Any:
    for name, files in (("action", ("action.yml", "constraints.txt")), ("upload", ())):
        (tmp_path / name).mkdir()
        for file in files:
            shutil.copy(HERE / file, tmp_path / name)
    text = (tmp_path / "action" / "action.yml").read_text(encoding="utf-8")
    installed = text.replace(
        'without one this version of it is installed.\n    default: ""', f"\n    default: {program / 'deployer'}"
    )
    assert installed != text
    (tmp_path / "action" / "action.yml").write_text(installed, encoding="utf-8")
    (tmp_path / "upload" / "action.yml").write_text(STAND_IN, encoding="utf-8")
    workflows = tmp_path / "repository" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "assistants.yml").write_text(workflow(), encoding="utf-8")
    with hub() as found:
        one = Runner(tmp_path / "repository", tmp_path, found)
        one.git("init", "-q", "-b", "main")
        one.git("remote", "add", "origin", "https://github.com/acme/bots.git")
        yield one


@pytest.mark.slow
@GIT
@needs("act")
def test_a_pull_request_from_its_branch_to_a_closed_issue(runner: Runner, tmp_path: Path) -> None:
    with account(tmp_path / "live") as url:

        def pull(text: str) -> subprocess.CompletedProcess[str]:
            sha = runner.commit(text, url)
            head = {"ref": "feat", "sha": sha, "repo": {"full_name": "acme/bots"}}
            return runner.run(
                "pull_request", {"number": 7, "pull_request": {"number": 7, "head": head, "base": {"ref": "main"}}}
            )

        first = pull("one")
        assert first.returncode == 0, first.stdout + first.stderr
        assert "### deployer: 1 to create" in runner.hub.body()
        assert "[the whole plan](https://x/deployer-plan-openai-1)" in runner.hub.body()
        assert {"plan.json", "plan.html"} <= {
            one.name for one in (tmp_path / "kept" / "deployer-plan-openai-1").iterdir()
        }
        broken = pull("{}")
        assert broken.returncode == 1
        assert "### deployer: failed, 1 error" in runner.hub.body(), "in place of the plan"
        second = pull("two")
        assert second.returncode == 0, second.stdout + second.stderr
        assert "two" in runner.hub.body()

        merge = runner.git("rev-parse", "HEAD")
        unreviewed = runner.run("push", {"ref": "refs/heads/main", "after": merge})
        assert unreviewed.returncode == 1
        assert "is not the merge of a pull request" in unreviewed.stdout
        runner.hub.merged[merge] = 7
        merged = runner.run("push", {"ref": "refs/heads/main", "after": merge})
        assert merged.returncode == 0, merged.stdout + merged.stderr
        assert "### deployer apply: done: 1 done. The next plan is empty." in runner.hub.comments[7][1]["body"]
        assert all("sk-test" not in one.stdout + one.stderr for one in (first, broken, second, merged)), (
            "secrets are masked"
        )
    assert all("sk-test" not in one["body"] for one in runner.hub.comments[7])


@pytest.mark.slow
@GIT
@needs("act")
def test_drift_is_one_issue_until_it_is_mended(runner: Runner, program: Path, tmp_path: Path) -> None:
    with account(tmp_path / "live") as url:
        runner.commit("one", url)
        environment = {**os.environ, "OPENAI_API_KEY": "k", "DEPLOYER_ACCOUNT": "openai"}

        def deployer(*words: str) -> str:
            command = [str(program / "deployer"), *words]
            return subprocess.check_output(command, cwd=runner.repository, env=environment, text=True)

        deployer("apply", "--yes")
        live_id = json.loads(deployer("outputs", "--format", "json"))["assistant/tutor"]
        header = {"Content-Type": "application/json"}
        edit = urllib.request.Request(f"{url}/assistants/{live_id}", b'{"model": "by-hand"}', header)  # noqa: S310
        urllib.request.urlopen(edit).close()  # noqa: S310 (the account of this test)
        found = runner.run("schedule", {"schedule": "17 6 * * *"})
        assert found.returncode == 0, found.stdout + found.stderr
        (issue,) = runner.hub.issues
        assert (issue["state"], "by-hand" in issue["body"]) == ("open", True)
        deployer("apply", "--yes", "--on-drift", "overwrite")
        assert runner.run("schedule", {"schedule": "17 6 * * *"}).returncode == 0
        assert issue["state"] == "closed"


PAGES = ("docs/github.md", "README.md", "docs/promotion.md")


@needs("zizmor")
@pytest.mark.parametrize("page", PAGES)
def test_no_finding_of_any_severity(tmp_path: Path, page: str) -> None:
    """The action, and the workflows that people copy."""
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "assistants.yml").write_text(workflow(page), encoding="utf-8")
    shutil.copy(HERE / "action.yml", tmp_path)
    command = [str(BIN / "zizmor"), "--offline", "--persona", "pedantic", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@needs("actionlint")
@pytest.mark.parametrize("page", PAGES)
def test_the_workflow_is_one_that_github_takes(tmp_path: Path, page: str) -> None:
    file = tmp_path / "assistants.yml"
    file.write_text(workflow(page), encoding="utf-8")
    done = subprocess.run([str(BIN / "actionlint"), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_its_commit_and_no_input_meets_a_shell() -> None:
    action = yaml.safe_load((HERE / "action.yml").read_text(encoding="utf-8"))
    jobs = [job for page in PAGES for job in yaml.safe_load(workflow(page))["jobs"].values()]
    steps = [*action["runs"]["steps"], *(step for job in jobs for step in job["steps"])]
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]) for step in steps if "uses" in step)
    assert not any("${{" in step["run"] for step in steps if "run" in step)


def test_least_permissions() -> None:
    found = yaml.safe_load(workflow())
    assert found["permissions"] == {}
    given = {name: job["permissions"] for name, job in found["jobs"].items()}
    assert given == {
        "plan": {"contents": "read", "pull-requests": "write"},
        "apply": {"contents": "read", "pull-requests": "write"},
        "drift": {"contents": "read", "issues": "write"},
    }


def test_a_promotion_goes_to_staging_first_and_each_account_has_its_environment() -> None:
    jobs = yaml.safe_load(workflow("docs/promotion.md"))["jobs"]
    used = {name: step["with"] for name, job in jobs.items() for step in job["steps"] if step["uses"] == OURS}
    assert {name: (job.get("needs"), job["environment"]) for name, job in jobs.items()} == {
        "plan": (None, "${{ matrix.account }}-plan"),
        "staging": (None, "staging"),
        "production": ("staging", "production"),
    }
    assert {name: (one["command"], one["account"]) for name, one in used.items()} == {
        "plan": ("plan", "${{ matrix.account }}"),
        "staging": ("apply", "staging"),
        "production": ("apply", "production"),
    }
    assert jobs["plan"]["strategy"]["matrix"]["account"] == ["staging", "production"]


def test_every_input_is_used_and_every_output_is_set() -> None:
    action = yaml.safe_load((HERE / "action.yml").read_text(encoding="utf-8"))
    text = json.dumps(action["runs"])
    assert [name for name in action["inputs"] if f"inputs.{name}" not in text] == []
    assert {re.sub(r".*outputs\.([\w-]+).*", r"\1", one["value"]) for one in action["outputs"].values()} == set(
        action["outputs"]
    )


@needs("pre-commit")
def test_the_hooks_are_ones_that_pre_commit_takes() -> None:
    subprocess.run([str(BIN / "pre-commit"), "validate-manifest", str(HERE / ".pre-commit-hooks.yaml")], check=True)


def test_each_hook_says_what_is_wrong_in_the_files_that_it_is_given(project: Project) -> None:
    """As pre-commit runs them: validate without names, functions with those of changed files."""
    project.manifest("assistants: {a: {modell: m}}\n")
    project.write(
        "functions/f.yaml", "name: f\nstrict: true\nparameters: {type: object, properties: {x: {type: string}}}\n"
    )
    hooks = {one["id"]: one for one in yaml.safe_load((HERE / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    names = ["assistants.yaml", "functions/f.yaml", "prompts/a.md", "README.md"]
    for hook, said in (("deployer-validate", "unknown key 'modell'"), ("deployer-functions", "additionalProperties")):
        one = hooks[hook]
        given = [name for name in names if re.search(one["files"], name)] if one.get("pass_filenames", True) else []
        words = one["entry"].split()[1:]
        result = project.run(*words, *given)
        assert (result.code, said in result.out + result.err) == (1, True)
