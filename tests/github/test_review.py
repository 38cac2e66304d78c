"""A pull request in all its states: what the comment, the issue and the exit code say, whatever happened on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployer.github import mark
from tests.commands.test_saved_plans import edit
from tests.support.github import Hub, hub
from tests.support.project import Project, Result

ONE = "assistants: {a: {model: m}}\n"
TWO = "assistants: {a: {model: m}, b: {model: m}}\n"
PR = {
    "number": 7,
    "pull_request": {"number": 7, "head": {"ref": "feat", "sha": "abc", "repo": {"full_name": "acme/bots"}}},
}


@dataclass
class Jobs:
    """Jobs of one repository, one after another."""

    project: Project
    hub: Hub
    patch: pytest.MonkeyPatch
    place: Path
    run_id: int = 0
    last: Path = field(default_factory=Path)

    def run(self, *words: str, event: object = PR, name: str = "pull_request", sha: str = "abc") -> Result:
        """Run a command as the job of an event, with outputs and a summary of its own."""
        self.run_id += 1
        self.last = self.place / f"job-{self.run_id}"
        self.last.mkdir()
        (self.last / "event.json").write_text(json.dumps(event), encoding="utf-8")
        environment = {
            "GITHUB_REPOSITORY": "acme/bots",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": self.last / "event.json",
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_TOKEN": "ghs_dummy_token",
            "GITHUB_SHA": sha,
            "GITHUB_RUN_ID": self.run_id,
            "GITHUB_OUTPUT": self.last / "output",
            "GITHUB_STEP_SUMMARY": self.last / "summary",
        }
        for key, value in environment.items():
            self.patch.setenv(key, str(value))
        return self.project.run("github", *words)

    def plan(self, *words: str, event: object = PR, comment: tuple[str, ...] = ("--artifact", "https://x/1")) -> Result:
        folder = ("--folder", str(self.place / "plan"))
        assert self.run("plan", *folder, *words, event=event).code == 0
        return self.run("comment", *folder, *comment, event=event)

    def apply(self, sha: str = "f00d", *words: str) -> Result:
        return self.run("apply", *words, event={}, name="push", sha=sha)

    def drift(self) -> Result:
        return self.run("drift", event={"schedule": "0 6 * * *"}, name="schedule")

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.last / "output").read_text(encoding="utf-8").splitlines()
        return {lines[n].partition("<<")[0]: lines[n + 1] for n in range(0, len(lines), 3)}

    @property
    def summary(self) -> str:
        return (self.last / "summary").read_text(encoding="utf-8")


@pytest.fixture
def jobs(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    project.manifest(ONE)
    with hub() as found:
        yield Jobs(project, found, monkeypatch, tmp_path_factory.mktemp("jobs"))


def test_the_whole_journey(jobs: Jobs) -> None:
    """Comment, another commit, comment in place, merge, apply, an edit by hand, an issue, mended, closed."""
    assert jobs.plan().code == 0
    assert "### deployer: 1 to create" in jobs.hub.body()
    assert "[the whole plan](https://x/1)" in jobs.hub.body()
    jobs.project.manifest(TWO)
    jobs.plan()
    assert "### deployer: 2 to create" in jobs.hub.body(), "the same comment, with the plan of now"
    jobs.hub.merged["f00d"] = 7
    done = jobs.apply()
    assert (done.code, jobs.outputs) == (0, {"status": "done"})
    assert "### deployer apply: done: 2 done. The next plan is empty." in jobs.summary
    assert len(jobs.hub.comments[7]) == 2
    assert "pull request #7" in jobs.project.run("rollback", "--list").out

    assert jobs.drift().code == 0
    assert (jobs.outputs, jobs.hub.issues) == ({"drift": "false"}, [])
    edit(jobs.project, "a", {"model": "by-hand"})
    assert jobs.drift().code == 0
    assert jobs.outputs == {"drift": "true"}
    jobs.drift()
    (issue,) = jobs.hub.issues
    assert (issue["title"], issue["labels"]) == ("Somebody edited account embedded of test", ["deployer-drift"])
    assert "by-hand" in issue["body"]
    jobs.project.run("apply", "--yes", "--on-drift", "overwrite")
    jobs.drift()
    assert issue["state"] == "closed"
    assert jobs.hub.comments[issue["number"]][0]["body"].startswith("Nothing differs any more.")


def test_what_was_not_reviewed_is_not_applied(jobs: Jobs) -> None:
    """A direct push, a comment that is gone, forged, edited, failed, cut: each ends with 1, and nothing is written."""

    def refused(said: str) -> None:
        result = jobs.apply()
        assert (result.code, jobs.outputs) == (1, {"status": "refused"})
        assert said in jobs.summary
        assert jobs.project.run("outputs").code == 1, "nothing is live"

    refused("commit f00d is not the merge of a pull request")
    jobs.hub.merged["f00d"] = 7
    refused("pull request #7 has no plan of assistants.yaml in a comment")
    jobs.plan()
    (comment,) = jobs.hub.comments[7]
    whole = dict(comment)
    comment["body"] = comment["body"].replace("1 to create", "nothing at all")
    refused("was edited after it was written")
    comment["body"] = whole["body"].replace('"truncated": false', '"truncated": true')
    refused("was edited after it was written")
    for odd in ('"run": "2"', '"run": null', '"run": [[]]'):
        comment["body"] = re.sub('"run": [0-9]+', odd, whole["body"])
        refused("has no plan of assistants.yaml in a comment")
    comment.update(whole, user={"login": "mallory"})
    refused("has no plan of assistants.yaml in a comment")
    comment.update(whole)
    jobs.project.manifest(TWO)
    refused("this is not the plan that was reviewed")
    jobs.project.manifest("assistants: {a: {modell: m}}\n")
    assert jobs.plan().code == 1
    jobs.project.manifest(ONE)
    refused("the plan of pull request #7 failed")
    jobs.hub.refuse["GET"] = 403
    refused("GitHub refused GET commits/f00d/pulls")


def test_a_comment_that_is_cut_needs_the_whole_plan_beside_it(jobs: Jobs) -> None:
    jobs.hub.merged["f00d"] = 7
    prompts = "\n".join(f"  a{n}: {{model: m, instructions: '{'lorem ipsum ' * 30}'}}" for n in range(300))
    jobs.project.manifest(f"assistants:\n{prompts}\n")
    assert jobs.plan(comment=()).code == 0
    assert "**Shortened**" in jobs.hub.body()
    assert jobs.apply().code == 1
    assert "was not shown whole, and not kept" in jobs.summary
    jobs.plan()
    read = mark.read(jobs.hub.body())
    assert read is not None
    assert (read[0].truncated, read[0].artifact) == (True, True)
    assert jobs.apply().code == 0


def test_who_reviewed_elsewhere_gives_the_fingerprint(jobs: Jobs) -> None:
    jobs.plan()
    fingerprint = mark.read(jobs.hub.body())
    assert fingerprint is not None
    assert jobs.apply("f00d", "--expect", "0" * 64).code == 1
    assert jobs.apply("f00d", "--expect", fingerprint[0].fingerprint).code == 0


def test_nothing_to_do_needs_no_review(jobs: Jobs) -> None:
    jobs.project.run("apply", "--yes")
    assert jobs.apply().code == 0
    assert jobs.outputs == {"status": "unchanged"}
    assert jobs.hub.asked == []


def test_a_plan_that_fails_replaces_the_comment(jobs: Jobs) -> None:
    jobs.plan()
    jobs.project.manifest("assistants: {a: {modell: m}}\n")
    assert jobs.plan().code == 1
    assert "### deployer: failed, 2 errors" in jobs.hub.body()
    assert "1 to create" not in jobs.hub.body()
    jobs.project.manifest(ONE)
    jobs.plan()
    jobs.project.run("apply", "--yes")
    edit(jobs.project, "a", {"model": "by-hand"})
    assert jobs.plan("--fail-on", "conflict").code == 1
    assert "**failed**: `edited on the account: assistant/a" in jobs.hub.body()
    jobs.hub.merged["f00d"] = 7
    assert jobs.apply("f00d", "--on-drift", "overwrite").code == 1, "merged all the same"
    assert "the plan of pull request #7 failed" in jobs.summary


def test_a_step_that_left_nothing_has_failed(jobs: Jobs) -> None:
    folder = str(jobs.place / "nowhere")
    assert jobs.run("comment", "--folder", folder).code == 1
    assert "ended before it could say anything" in jobs.hub.body()


def test_a_comment_that_was_deleted_is_written_again_and_one_that_was_edited_is_overwritten(jobs: Jobs) -> None:
    jobs.plan()
    jobs.hub.comments[7][0]["body"] += "\nsomebody's addition"
    jobs.plan()
    assert "addition" not in jobs.hub.body()
    jobs.hub.comments[7].clear()
    jobs.plan()
    assert "1 to create" in jobs.hub.body()


def test_an_older_run_does_not_overwrite_a_newer_comment(jobs: Jobs) -> None:
    jobs.run_id = 50
    jobs.plan()
    newer, jobs.run_id = jobs.hub.body(), 10
    jobs.project.manifest(TWO)
    result = jobs.plan()
    assert jobs.hub.body() == newer
    assert "a later run (52) has commented already" in result.out


def test_comments_of_others_and_of_other_accounts_stay(jobs: Jobs) -> None:
    """More than a page of them."""
    somebody = {"user": {"login": "somebody"}, "body": "<!-- deployer {} -->\n\ntext"}
    jobs.hub.comments[7] = [{"id": n, "number": n, **somebody} for n in range(120)]
    jobs.plan("--account", "embedded", comment=("--account", "embedded"))
    jobs.plan()
    jobs.plan()
    assert len(jobs.hub.comments[7]) == 122


def test_without_changes_no_first_comment(jobs: Jobs) -> None:
    jobs.project.run("apply", "--yes")
    jobs.plan(comment=("--quiet",))
    assert jobs.hub.comments[7] == []
    jobs.project.manifest(TWO)
    jobs.plan(comment=("--quiet",))
    jobs.project.manifest(ONE)
    jobs.plan(comment=("--quiet",))
    assert "Nothing to do" in jobs.hub.body(), "a comment that is there must not go on telling of changes"


def test_a_fork_gets_its_plan_in_the_summary(jobs: Jobs) -> None:
    event = json.loads(json.dumps(PR))
    event["pull_request"]["head"]["repo"]["full_name"] = "mallory/bots"
    jobs.hub.refuse["POST"] = 403
    result = jobs.plan(event=event)
    assert result.code == 0
    assert "::warning title=deployer::a fork's pull request gets no comment: GitHub refused POST" in result.out
    assert "1 to create" in jobs.summary
    assert jobs.plan().code == 1, "the repository's own pull request must have its comment"


def test_outside_a_pull_request_the_plan_is_a_summary(jobs: Jobs) -> None:
    assert jobs.plan(event={}).code == 0
    assert jobs.hub.asked == []
    assert "1 to create" in jobs.summary


def test_outputs_tell_the_next_steps(jobs: Jobs) -> None:
    folder = str(jobs.place / "plan")
    jobs.run("plan", "--folder", folder)
    fingerprint = jobs.project.run("plan", "--format", "json").json()["fingerprint"]
    expected = {"exit-code": "0", "fingerprint": fingerprint, "truncated": "false", "changes": "1"}
    assert jobs.outputs == expected
    assert {path.name for path in Path(folder).iterdir()} == {"plan.json", "plan.html", "plan.md", "state.json"}


def test_outside_github_and_on_an_event_that_hands_out_secrets_it_refuses(jobs: Jobs) -> None:
    result = jobs.run("plan", name="pull_request_target")
    assert result.code == 1
    assert "with your secrets; use pull_request" in result.err
    jobs.patch.delenv("GITHUB_REPOSITORY")
    assert "GITHUB_REPOSITORY is not set" in jobs.project.run("github", "plan").err


@pytest.mark.parametrize(
    "body",
    (
        "",
        "text",
        "<!-- deployer -->",
        "<!-- deployer {} -->",
        '<!-- deployer {"key": 1, "x": 2} -->\n\nx',
        "<!-- deployer [1] -->",
    ),
)
def test_what_is_no_mark_is_none(body: str) -> None:
    read = mark.read(body)
    assert read is None or body == "<!-- deployer {} -->"


def test_a_mark_survives_what_github_makes_of_a_text() -> None:
    one = mark.Mark("a --> b", "f" * 64, truncated=True, run=3)
    found = mark.read(one.over("line\n\nother  ").replace("\n", "\r\n").rstrip())
    assert found is not None
    assert (found[0].key, found[0].truncated, mark.was_edited(*found)) == ("a --> b", True, False)
    assert one.over("x").count("-->") == 1


def test_the_tests_of_a_pull_request_stand_beside_its_plan(jobs: Jobs) -> None:
    """In the comment and in the summary, as JUnit with the plan; one that does not pass fails the plan."""
    good = "tests: [{turns: [hello], rehearse: [hi], assert: [{type: equals, value: hi}]}]\n"
    jobs.project.manifest(f"accounts: {{try: {{api: agents}}}}\n{ONE}{good}")
    words = ("--test-account", "try")
    assert jobs.plan(*words).code == 0
    assert "### ✓ 1 test: 1 passed, 0 failed, 0 could not be run" in jobs.hub.body()
    assert "### ✓ 1 test" in jobs.summary
    assert "<testsuite" in (jobs.place / "plan" / "tests.xml").read_text(encoding="utf-8")
    jobs.project.manifest(
        f"accounts: {{try: {{api: agents}}}}\n{ONE}{good.replace('equals, value: hi', 'equals, value: no')}"
    )
    assert jobs.plan(*words).code == 1
    assert "<summary>failed: assistant/a: hello</summary>" in jobs.hub.body()
    assert "the answer is 'hi', not 'no'" in jobs.hub.body()
    jobs.project.manifest(ONE)
    assert jobs.plan("--test-account", "embedded").code == 1
    assert "the manifest has no tests" in jobs.hub.body()
