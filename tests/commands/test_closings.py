"""The last lines say what happened, and the commands in them can be pasted into a shell."""

from __future__ import annotations

import pickle
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deployer.backends.http.lease import LockedError
from deployer.server import EmbeddedAccount, read_faults
from tests.manifest.foreign import by_hand
from tests.support.killed import Door, served
from tests.support.project import Project

FAR = "accounts: {{far: {{api: assistants, base_url: '{url}', api_key: '${{env.KEY}}'}}}}\n"
TWO = "variables: {{model: {{}}}}\nassistants: {{a: {{model: '${{var.model}}'}}, b: {{model: m}}}}\n"
REFUSED = {"on": "POST /v1/assistants", "status": 400, "times": 1}


@contextmanager
def account(folder: Path, *faults: dict[str, Any]) -> Iterator[str]:
    """Serve an account with faults; return its URL."""
    found = read_faults({"faults": list(faults)})
    with EmbeddedAccount(folder / "account", faults=found) as one, served(Door(one.app)) as base_url:
        yield base_url


def pasted(project: Project, said: str) -> Any:
    """Run the command that a line names, as somebody who pastes it, and agrees."""
    found = re.search(r"(?:[Rr]un|saved:) (deployer .+?)(?: again| applies|$)", said, re.MULTILINE)
    assert found, said
    return project.run(*shlex.split(found[1])[1:], "--yes")


def test_what_is_left_is_done_by_the_command_that_is_printed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another folder, with a name that a shell would take apart, a variable, options: all of it is in the line."""
    monkeypatch.setenv("KEY", "any")
    file = "my project/what's live.yaml"
    with account(tmp_path / "somewhere", REFUSED) as url:
        project.write(file, f"version: 1\nproject: test\n{FAR.format(url=url)}{TWO.format()}")
        options = ("-f", file, "--account", "far", "--var", "model=the best")
        failed = project.run("apply", "--yes", "--prune", "--on-drift", "keep", *options)
        assert (failed.code, "1 done, 1 failed. Run deployer apply" in failed.out) == (1, True)
        assert "--prune --on-drift keep" in failed.out
        assert pasted(project, failed.out).out.endswith("1 done. The next plan is empty.\n")
        missing = project.run("outputs", *options)
        assert missing.code == 0


def test_outputs_say_how_to_get_what_is_missing(project: Project) -> None:
    project.write("there/other.yaml", "version: 1\nproject: test\nassistants: {a: {model: m}}\n")
    missing = project.run("outputs", "-f", "there/other.yaml")
    assert missing.err == "assistant/a is not live on this account; run deployer apply -f there/other.yaml\n"
    assert pasted(project, missing.err).code == 0
    assert project.run("outputs", "-f", "there/other.yaml").code == 0


def test_a_saved_plan_is_applied_by_the_command_that_is_printed(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    with account(tmp_path / "somewhere") as url:
        project.write("there.yaml", f"version: 1\nproject: test\n{FAR.format(url=url)}{TWO.format()}")
        options = ("-f", "there.yaml", "--var", "model=m")
        saved = project.run("plan", "--out", "my plan.json", "--account", "far", *options)
        line = "deployer apply --plan 'my plan.json' -f there.yaml --account far --var model=m"
        assert saved.err == f"saved: {line} applies exactly this\n"
        elsewhere = project.run("apply", "--yes", "--plan", "my plan.json", "--account", "embedded", *options)
        assert elsewhere.code == 1
        assert elsewhere.err.startswith("the plan was made for another account (far · assistants · ")
        assert elsewhere.err.endswith("); apply it there: --account far\n")
        assert pasted(project, saved.err).code == 0


def test_a_saved_plan_knows_its_account(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")
    with account(tmp_path / "somewhere") as url:
        project.manifest(f"{FAR.format(url=url)}assistants: {{a: {{model: m}}}}\n")
        assert project.run("plan", "--out", "plan.json", "--account", "far").code == 0
        assert project.run("apply", "--yes", "--plan", "plan.json").code == 0
        assert project.run("plan", "--exit-code", "--account", "far").code == 0


@pytest.mark.parametrize(
    ("git", "edited", "moved"),
    (
        (True, False, "the manifest changed (assistant/a)"),
        (False, True, "assistant/b moved on the account"),
        (True, True, "the manifest changed (assistant/a) and assistant/b moved on the account"),
    ),
)
def test_a_stale_plan_says_who_moved(project: Project, *, git: bool, edited: bool, moved: str) -> None:
    both = "assistants: {{a: {{model: {0}}}, b: {{model: m, instructions: i}}}}\n"
    project.manifest(both.format("m"))
    assert project.run("apply", "--yes").code == 0
    project.manifest(both.format("n"))
    assert project.run("plan", "--out", "plan.json").code == 0
    if git:
        project.manifest(both.format("o"))
    if edited:
        live_id = project.run("outputs", "--format", "json").json()["assistant/b"]
        with by_hand(project.root) as hand:
            hand.make(f"assistants/{live_id}", temperature=0.3)
    refused = project.run("apply", "--yes", "--plan", "plan.json")
    assert (refused.code, refused.err) == (
        1,
        f"the plan is out of date: {moved}; make a new plan with deployer plan --out plan.json and have it reviewed\n",
    )


def test_a_destruction_says_that_nothing_is_left(project: Project) -> None:
    project.manifest("vector_stores: {docs: {}}\nassistants: {a: {model: m}}\n")
    assert project.run("apply", "--yes").code == 0
    gone = project.run("destroy", "--confirm", "test")
    assert gone.out.splitlines()[-1] == "2 done. Nothing of project test is left on the account."
    assert project.run("plan", "--exit-code").code == 2, "so the next plan is not empty"


def test_a_destruction_names_what_stays(project: Project) -> None:
    project.manifest("vector_stores: {docs: {}}\nassistants: {a: {model: m}}\n")
    assert project.run("apply", "--yes").code == 0
    store = project.run("outputs", "--format", "json").json()["vector_store/docs"]
    with by_hand(project.root) as hand:
        search = {"tools": [{"type": "file_search"}], "tool_resources": {"file_search": {"vector_store_ids": [store]}}}
        hand.make("assistants", model="m", **search)
    gone = project.run("destroy", "--confirm", "test")
    end = "1 done. Of project test only vector_store/docs is left, which others use."
    assert (gone.code, gone.out.splitlines()[-1]) == (0, end)


def test_a_rollback_says_where_it_is_and_what_shows_the_rest(project: Project) -> None:
    for model in ("m", "n"):
        project.manifest(f"assistants: {{a: {{model: {model}}}}}\n")
        assert project.run("apply", "--yes", "--account", "embedded").code == 0
    back = project.run("rollback", "--yes", "--account", "embedded")
    end = r"1 done\. The project is as it was at [\d:T+-]+; deployer plan --account embedded shows how git differs\."
    assert re.fullmatch(end, back.out.splitlines()[-1])
    assert project.run("plan", "--exit-code", "--account", "embedded").code == 2


def test_what_was_begun_is_named_with_how_far_it_came(project: Project) -> None:
    """The store is there, with its documents, though its change is not done: a line says so."""
    for number in range(3):
        project.write(f"docs/{number}.md", f"# {number}\n")
    project.write("docs/bad.pdf", b"%PDF-1.4 no pages")
    project.manifest("vector_stores: {docs: {files: [docs/*]}}\nassistants: {a: {model: m}}\n")
    failed = project.run("apply", "--yes")
    counts, begun = failed.out.splitlines()[-2:]
    assert counts == "1 done, 1 failed. Run deployer apply again to do what is left."
    assert begun == "Begun: vector_store/docs, 5 of 6 operations, 4 of 4 files sent."


@pytest.mark.parametrize(
    ("words", "said"),
    (
        ("rollback --yes", "; deployer apply -f 'a b.yaml' --var model=m writes one before it begins\n"),
        ("rollback nothing --yes", "; deployer rollback --list -f 'a b.yaml' --var model=m shows them all\n"),
    ),
)
def test_a_command_that_an_error_names_can_be_pasted_too(project: Project, words: str, said: str) -> None:
    project.write("a b.yaml", f"version: 1\nproject: test\n{TWO.format()}")
    result = project.run(*words.split(), "-f", "a b.yaml", "--var", "model=m")
    assert (result.code, result.err[-len(said) :]) == (1, said)


def test_an_error_that_names_a_command_survives_a_pickle() -> None:
    error = LockedError("it is locked; run ", run=("unlock",))
    assert str(error) == "it is locked; run deployer unlock"
    error.command = "deployer unlock --account far"
    assert str(pickle.loads(pickle.dumps(error))) == "it is locked; run deployer unlock --account far"  # noqa: S301
