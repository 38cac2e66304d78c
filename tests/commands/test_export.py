"""deployer export: a manifest from a live account, after which the plan is empty."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.manifest.declaration import DocumentPaths
from deployer.manifest.export import declared
from deployer.model import Address
from deployer.project.export import Fetcher
from deployer.server import EmbeddedAccount
from tests.commands.test_drift import ask
from tests.contract.served import serve
from tests.manifest.foreign import Hand, by_hand
from tests.support.live import Wire, embedded, session
from tests.support.project import Project
from tests.support.whole import whole

FUNCTION = {"name": "show", "description": "Shows", "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}
LONG = "You teach ${var.subject} for $5.\nBe kind.\n"


def filled(hand: Hand) -> dict[str, str]:
    """Fill the account as people do; give ids."""
    store = hand.store({"한글.md": "# 하나\n".encode(), "same.md": b"one"}, name="문서 2030")
    hand.attach(store, "same.md", b"two", attributes={"year": 2030, "final": True})
    data = hand.attach(store, "data.json", b'{"a": 1}')
    tutor = hand.make(
        "assistants",
        name="Math Tutor",
        model="gpt-6-luna",
        instructions=LONG,
        temperature=0.3,
        tools=[{"type": "code_interpreter"}, {"type": "file_search"}, {"type": "function", "function": FUNCTION}],
        tool_resources={"file_search": {"vector_store_ids": [store]}, "code_interpreter": {"file_ids": [data]}},
        metadata={"team": "no"},
    )
    other = {**FUNCTION, "description": "Shows something else"}
    twin = hand.make("assistants", name="Math  Tutor", model="m", tools=[{"type": "function", "function": other}])
    plain = hand.make("assistants", name="수원", model="m")
    return {"store": store, "tutor": tutor["id"], "twin": twin["id"], "plain": plain["id"]}


def manifest_of(folder: Path) -> Any:
    return yaml.safe_load((folder / "assistants.yaml").read_text(encoding="utf-8"))


def state(hand: Hand) -> Any:
    return [hand.get(f"{kind}?limit=100")["data"] for kind in ("assistants", "vector_stores", "files")]


def test_what_people_made_becomes_a_manifest_and_the_next_plan_is_empty(project: Project) -> None:
    with by_hand(project.root) as hand:
        ids = filled(hand)
        files = hand.get("files")["data"]
    result = project.run("export", "--project", "school", "--yes")
    assert (result.code, result.err) == (0, "")
    assert "The next plan is empty." in result.out
    assert project.run("plan", "--exit-code").code == 0
    data = manifest_of(project.root)
    assert data["project"] == "school"
    assert set(data["assistants"]) == {"math-tutor", "math-tutor-2", "assistant-1"}
    assert data["assistants"]["assistant-1"] == {"name": "수원", "model": "m"}
    written = "".join(path.read_text(encoding="utf-8") for path in project.root.rglob("*.yaml"))
    assert not [one for one in ids.values() if one in written]
    with by_hand(project.root) as hand:
        assert hand.get("files")["data"] == files  # nothing was uploaded
    tutor = next(one for one in data["assistants"].values() if "instructions" in one)
    assert (project.root / tutor["instructions"]["file"]).read_text(encoding="utf-8") == f"{LONG}\n"
    definition = (project.root / tutor["tools"][2]["file"]).read_text(encoding="utf-8")
    assert definition.index("z:") < definition.index("a:")


def test_the_agents_api_is_exported_too(project: Project) -> None:
    with by_hand(project.root, "agents") as hand:
        tool = {"type": "function", **FUNCTION}
        hand.make("agents", name="A", model="m", tools=[tool, {"type": "web_search"}], reasoning={"effort": "low"})
    result = project.run("export", "--api", "agents", "--project", "school", "--yes")
    assert result.code == 0, result.err
    assert project.run("plan", "--account", "live", "--exit-code").code == 0
    assert manifest_of(project.root)["accounts"] == {"live": {"api": "agents"}}
    with by_hand(project.root, "agents") as hand:
        (agent,) = hand.get("agents")["data"]
        assert [one["type"] for one in agent["tools"]] == ["function", "web_search"]


def test_without_adoption_nothing_is_written_on_the_account(project: Project) -> None:
    with by_hand(project.root) as hand:
        filled(hand)
        before = state(hand)
    result = project.run("export", "--project", "school", "--no-adopt")
    assert result.code == 0
    assert "an apply would create copies" in result.out
    assert project.run("validate").code == 0
    with by_hand(project.root) as hand:
        assert state(hand) == before


def test_what_is_ours_keeps_its_address_its_documents_and_its_project(example: Project) -> None:
    assert example.run("apply", "--yes").code == 0
    result = example.run("export", "out", "-f", "assistants.yaml")
    assert (result.code, result.err) == (0, "")
    assert "The next plan is empty." in result.out
    data = manifest_of(example.root / "out")
    assert data["project"] == "quiz-school"
    assert set(data["assistants"]) == {"math-tutor", "quiz-generator"}
    assert data["accounts"]["openai"]["api_key"] == "${env.OPENAI_API_KEY}"
    here, there = example.root / "knowledge", example.root / "out" / "knowledge"
    assert {path.relative_to(here): path.read_bytes() for path in here.rglob("*") if path.is_file()} == {
        path.relative_to(there): path.read_bytes() for path in there.rglob("*") if path.is_file()
    }


def test_only_one_and_what_it_uses(project: Project) -> None:
    with by_hand(project.root) as hand:
        ids = filled(hand)
    wrong = project.run("export", "--project", "school", "--yes", "--only", "assistant/nobody")
    assert (wrong.code, "there is no assistant/nobody" in wrong.err) == (1, True)
    assert project.run("export", "--project", "school", "--yes", "--only", ids["tutor"]).code == 0
    data = manifest_of(project.root)
    assert (len(data["assistants"]), len(data["vector_stores"])) == (1, 1)
    with by_hand(project.root) as hand:
        assert hand.get(f"assistants/{ids['plain']}")["metadata"] == {}


def test_nothing_is_overwritten_unasked_and_nothing_is_left_half_done(project: Project) -> None:
    with by_hand(project.root) as hand:
        filled(hand)
        before = state(hand)
    prompt = project.write("prompts/math-tutor.md", "mine")
    second = project.write("prompts/math-tutor-2.md", "mine")
    refused = project.run("export", "--project", "school", "--yes")
    assert (refused.code, "--force overwrite" in refused.err) == (1, True)
    assert {path.name for path in project.root.iterdir()} == {"prompts", ".deployer"}
    with by_hand(project.root) as hand:
        assert state(hand) == before
    assert project.run("export", "--project", "school", "--yes", "--force", "overwrite").code == 0
    assert f"{LONG}\n" in (prompt.read_text(encoding="utf-8"), second.read_text(encoding="utf-8"))
    again = project.run("export", "--yes")
    assert (again.code, "assistants.yaml exists" in again.err) == (1, True)


def test_when_a_file_cannot_be_placed_all_is_as_before(project: Project) -> None:
    with by_hand(project.root) as hand:
        filled(hand)
    project.write("prompts", "a file where a folder would have to be")
    project.write("assistants.yaml", "version: 1\nproject: before\n")
    result = project.run("export", "--project", "school", "--yes", "--force", "overwrite")
    assert result.code == 1
    assert manifest_of(project.root) == {"version": 1, "project": "before"}
    assert {path.name for path in project.root.iterdir() if path.is_file()} == {"assistants.yaml", "prompts"}
    assert not list(project.root.rglob("*.json"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    (
        (("--yes",), 1, "add --project NAME"),
        (("--project", "No Name", "--yes"), 64, "is no name of a project"),
        (("--project", "p", "--yes", "--no-adopt"), 64, "choose one"),
        (("--project", "p"), 64, "add --yes or --no-adopt"),
        (("--project", "p", "--account", "openai", "--yes"), 64, "name that with -f"),
        (("--base-url", "https://a.example/v1"), 64, "needs --api"),
        (("--base-url", "https://a.example/v1", "--api", "agents"), 64, "DEPLOYER_API_KEY or OPENAI_API_KEY"),
        (("--base-url", "https://me:secret@a.example/v1", "--api", "agents"), 64, "holds a password"),
        (("elsewhere", "--project", "p", "--yes"), 1, "holds nothing that can be written"),
    ),
)
def test_what_cannot_be_meant_is_refused(project: Project, words: tuple[str, ...], code: int, said: str) -> None:
    with by_hand(project.root) as hand:
        filled(hand)
    result = project.run("export", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert "me:secret" not in result.err
    assert not (project.root / "assistants.yaml").exists()


def test_what_a_manifest_cannot_say_is_named_and_left_alone(project: Project) -> None:
    with by_hand(project.root) as hand:
        ids = filled(hand)
        many = {f"k{number}": "v" for number in range(14)}
        hand.make("assistants", name="Crowded", model="m", metadata=many)
        hand.make("assistants", name="Reserved", model="m", metadata={"deployer_team": "x"}, description="kept")
        hand.make("assistants", name="Theirs", model="m", metadata={"deployer": "rivals/assistant/x"})
        hand.api.delete(f"/v1/vector_stores/{ids['store']}")
        before = hand.get("assistants?limit=100")["data"]
    result = project.run("export", "--project", "school", "--yes")
    assert result.code == 0, result.err
    assert "leaves no room for the stamp" in result.err
    assert "belongs to the project 'rivals'" in result.err
    assert "assistant/reserved: metadata stays as it is on the account" in result.err
    assert "assistant/math-tutor" in result.err
    data = manifest_of(project.root)["assistants"]
    assert data["reserved"] == {"name": "Reserved", "description": "kept", "model": "m"}
    assert "crowded" not in data
    assert "# metadata stays as it is" in (project.root / "assistants.yaml").read_text(encoding="utf-8")
    assert project.run("plan", "--exit-code").code == 0
    with by_hand(project.root) as hand:
        after = hand.get("assistants?limit=100")["data"]
    assert [_without_stamp(one) for one in after] == [_without_stamp(one) for one in before]


def _without_stamp(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name != "metadata"}


def test_an_account_by_its_url_and_its_key_is_nowhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_API_KEY", "sk-a-secret-key")
    with by_hand(project.root / "account") as hand:
        filled(hand)
    with serve(project.root / "account" / ".deployer" / "account", "--key", "sk-a-secret-key") as served:
        words = ("--base-url", served.base_url, "--api", "assistants", "--project", "school", "--yes")
        result = project.run("export", "out", *words)
        assert result.code == 0, result.err
        assert project.run("plan", "-f", "out/assistants.yaml", "--account", "live", "--exit-code").code == 0
    data = manifest_of(project.root / "out")
    assert data["accounts"]["live"]["api_key"] == "${env.DEPLOYER_API_KEY}"
    for path in (project.root / "out").rglob("*"):
        assert not path.is_file() or b"sk-a-secret-key" not in path.read_bytes()


def test_documents_that_cannot_be_read_back_stay_undeclared(project: Project) -> None:
    """OpenAI answers 400 to a download of what is for assistants."""
    with by_hand(project.root) as hand:
        store = hand.store({"a.md": b"a", "b.md": b"b"}, name="Docs")
    project.manifest("")

    async def bring(wire: Wire) -> Any:
        async with session(project.root, "assistants", wire) as one:
            live = next(each for each in await one.read() if each.id == store)
            kind = one.kinds["vector_store"]
            fetcher = Fetcher(one.account, project.root / "staging", project.root, DocumentPaths())
            return await fetcher.bring(declared(kind, Address("vector_store", "docs"), live, {}, None))

    async def refused() -> tuple[Any, list[str]]:
        async with embedded(project.root / ".deployer" / "account") as wire:
            wire.fails = lambda _number, request: request.endswith("/content")
            return await bring(wire), wire.log

    found, log = asyncio.run(refused())
    assert found.documents == ()
    assert found.remarks[0].startswith("no files: its 2 documents stay as they are")
    assert sum(request.endswith("/content") for request in log) == 1  # refused once is refused
    assert not [path for path in (project.root / "staging").rglob("*") if path.is_file()]


def test_an_account_that_lets_nothing_be_read_back_is_exported_without_documents(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    project.write("faults.yaml", "faults: [{on: GET /v1/files/*/content, status: 400}]")
    with by_hand(project.root / "account") as hand:
        store = hand.store({"a.md": b"a", "b.md": b"b"}, name="Docs")
        before = hand.files(store)
    folder = project.root / "account" / ".deployer" / "account"
    with serve(folder, "--faults", str(project.root / "faults.yaml")) as served:
        words = ("--base-url", served.base_url, "--api", "assistants", "--project", "school", "--yes")
        result = project.run("export", "out", *words)
        assert result.code == 0, result.err
        assert "no files: its 2 documents stay as they are" in result.err
        live = ("-f", "out/assistants.yaml", "--account", "live")
        assert project.run("plan", *live, "--exit-code").code == 0
        text = (project.root / "out" / "assistants.yaml").read_text(encoding="utf-8")
        project.write("out/assistants.yaml", text.replace("    name: Docs", "    name: Docs\n    files: [docs/*]"))
        for name in "ab":
            project.write(f"out/docs/{name}.md", name)
        unproven = project.run("adopt", "vector_store/docs", store, *live, "--yes")
        assert "stays foreign: a.md" in unproven.out
        assert project.run("adopt", "vector_store/docs", store, *live, "--yes", "--by-size").code == 0
        assert project.run("plan", *live, "--exit-code").code == 0
    with by_hand(project.root / "account") as hand:
        assert [one["id"] for one in hand.files(store)] == [one["id"] for one in before]


def test_what_is_ours_and_could_be_written_only_in_part_is_left_out(project: Project) -> None:
    """What an owned object no longer declares would go back to the API's default."""
    project.write("docs/a.md", "a")
    project.manifest(
        "vector_stores: {docs: {files: ['docs/*']}, more: {name: More}}\n"
        "assistants: {a: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}, b: {model: m}}\n"
    )
    assert project.run("apply", "--yes").code == 0
    ids = project.run("outputs", "--format", "json").json()
    with by_hand(project.root) as hand:
        hand.api.delete(f"/v1/vector_stores/{ids['vector_store/docs']}")
        hand.attach(ids["vector_store/more"], "foreign.md", b"foreign")
    result = project.run("export", "out", "-f", "assistants.yaml")
    assert result.code == 0, result.err
    assert f"assistant/a ({ids['assistant/a']}) is left out" in result.err
    assert "documents that deployer did not attach stay undeclared: 1" in result.err
    data = manifest_of(project.root / "out")
    assert (set(data["assistants"]), data["vector_stores"]) == ({"b"}, {"more": {"name": "More"}})


def test_protected_and_chunked_and_attributed_is_written_as_it_is(project: Project) -> None:
    project.write("docs/a.md", "a")
    project.write("docs/b [1].md", "b")
    project.manifest(
        "vector_stores:\n  docs:\n    protect: true\n"
        "    files: [{path: 'docs/*', attributes: {year: 2030, final: true}}]\n"
        "    chunking: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 50}\n"
        "    expires_after: {anchor: last_active_at, days: 7}\n"
    )
    assert project.run("apply", "--yes").code == 0
    result = project.run("export", "out", "-f", "assistants.yaml")
    assert (result.code, result.err) == (0, "")
    assert manifest_of(project.root / "out")["vector_stores"]["docs"] == {
        "expires_after": {"anchor": "last_active_at", "days": 7},
        "files": [
            {"path": path, "attributes": {"year": 2030, "final": True}} for path in ("docs/a.md", "docs/b [[]1].md")
        ],
        "chunking": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
        "protect": True,
    }


def test_what_was_edited_on_the_account_is_declared_and_only_stamped(project: Project) -> None:
    project.manifest("assistants: {tutor: {model: m, temperature: 0.5}}\n")
    assert project.run("apply", "--yes").code == 0
    live = project.run("outputs", "--format", "json").json()["assistant/tutor"]
    ask(project, "POST", f"/assistants/{live}", {"description": "X", "temperature": 0.3})
    result = project.run("export", str(project.root / "out"), "-f", str(project.root / "assistants.yaml"))
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1].startswith("The next apply writes stamps only")
    again = project.run("export", str(project.root / "again"), "-f", str(project.root / "assistants.yaml"), "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "The next plan is empty.")


def test_an_attribute_that_was_edited_on_the_account_is_only_stamped_too(project: Project) -> None:
    project.write("docs/a.md", "a")
    project.manifest("vector_stores: {docs: {files: [{path: 'docs/*', attributes: {year: 2030}}]}}\n")
    assert project.run("apply", "--yes").code == 0
    with EmbeddedAccount(project.root / ".deployer" / "account") as found:
        ((store, (member,)),) = whole(found).members.items()
    edited = {**member["attributes"], "year": 2031}
    ask(project, "POST", f"/vector_stores/{store}/files/{member['id']}", {"attributes": edited})
    result = project.run("export", str(project.root / "out"), "-f", str(project.root / "assistants.yaml"))
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1].startswith("The next apply writes stamps only")


@pytest.mark.parametrize(
    ("instructions", "inline"),
    (
        ("Help", True),
        ("도와줘!", True),
        ("Be kind.\n", True),
        ("x" * 80, True),
        ("x" * 81, False),
        ("Be\nkind.", False),
        ("prompts/tutor.md", False),
        ("notes.txt", False),
    ),
)
def test_short_instructions_stay_in_the_manifest(project: Project, instructions: str, *, inline: bool) -> None:
    with by_hand(project.root) as hand:
        hand.make("assistants", name="A", model="m", instructions=instructions)
    assert project.run("export", "--project", "p", "--yes").code == 0
    (assistant,) = manifest_of(project.root)["assistants"].values()
    assert (assistant["instructions"] == instructions) is inline
    assert (project.root / "prompts").exists() is not inline


def test_a_failure_leaves_no_folder_behind(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "holds nothing" in project.run("export", "new/folder", "--project", "p", "--yes").err
    assert list(project.root.iterdir()) == []
    monkeypatch.setenv("KEY", "any")
    with by_hand(project.root) as hand:
        filled(hand)
    with serve(project.root / ".deployer" / "account") as served:
        account = f"accounts: {{a: {{api: assistants, base_url: '{served.base_url}', api_key: '${{env.KEY}}'}}}}\n"
        project.manifest(account)
        words = ("-f", "assistants.yaml", "--account", "a", "--project", "p")
        assert project.run("export", "new/folder", *words).code == 64  # nobody is there to be asked
        assert not (project.root / "new").exists()
        project.write("old/functions", "a file where a folder would have to be")
        assert project.run("export", "old", *words, "--yes").code == 1
        assert [path.name for path in (project.root / "old").iterdir()] == ["functions"]


def test_the_hint_names_the_manifest_and_the_account(project: Project) -> None:
    with by_hand(project.root / "a folder", "agents") as hand:
        hand.make("agents", name="A", model="m")
    words = ("export", "a folder", "--api", "agents", "--project", "p")
    options = "-f 'a folder/assistants.yaml' --account live"
    foreign = project.run(*words, "--no-adopt").out.splitlines()
    assert foreign[-1] == f"For each of them: deployer adopt ADDRESS ID {options}"
    ours = project.run(*words, "--yes", "--force", "overwrite").out.splitlines()
    assert ours[-2:] == ["The next plan is empty.", f"From now on: deployer plan {options}"]
    assert project.run("plan", *shlex.split(options), "--exit-code").code == 0
    here = project.run("export", "elsewhere", "-f", "a folder/assistants.yaml", "--account", "live", "--yes")
    assert here.out.splitlines()[-1] == "The next plan is empty."  # but of the account that is kept in the other folder


def test_a_manifest_names_no_schema_that_is_not_there(project: Project) -> None:
    with by_hand(project.root) as hand:
        hand.make("assistants", name="A", model="m")
    assert project.run("export", "--project", "p", "--yes").code == 0
    assert "$schema" not in (project.root / "assistants.yaml").read_text(encoding="utf-8")
