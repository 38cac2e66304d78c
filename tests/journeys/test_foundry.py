"""Named agents with versions, the whole way: what is made, what people do by hand, lost answers, and the way back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import deployer
from deployer.errors import AccountError
from deployer.model import OnDrift
from deployer.project import PlanOptions
from deployer.server import BackgroundServer, EmbeddedAccount, FoundrySwitches
from tests.support.faulty import Day, day, undone, write
from tests.support.live import Wire, session
from tests.support.project import Project

AGENTS = "/api/projects/embedded/agents"
V1 = {"api-version": "v1"}
LOCAL = "accounts: {here: {api: foundry}}\n"
STATE = """
vector_stores: {docs: {files: [docs/**]}}
assistants:
  tutor:
    model: gpt-6-luna
    instructions: Explain.
    temperature: 0.3
    metadata: {team: a}
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: code_interpreter, files: [data.csv]}
  plain: {model: gpt-6-luna}
"""
FILES = {"docs/a.md": "one", "data.csv": "a,b\n1,2\n"}
CHANGED = STATE.replace("Explain.", "Explain in two sentences.")


class Portal:
    """Somebody who edits agents by hand."""

    def __init__(self, api: TestClient) -> None:
        self.api = api

    def agent(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"{AGENTS}/{name}", params=V1).json()
        return found

    def names(self) -> list[str]:
        return [one["id"] for one in self.api.get(AGENTS, params=V1).json()["data"]]

    def versions(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"{AGENTS}/{name}/versions", params=V1).json()["data"]
        return found

    def post(self, name: str, **body: Any) -> dict[str, Any]:
        answer = self.api.post(f"{AGENTS}/{name}/versions", params=V1, json=body, headers={"Foundry-Features": "all"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def edit(self, name: str, *, metadata: dict[str, str] | None = None, **fields: Any) -> None:
        """Make a version from the latest; the portal may or may not copy its metadata."""
        latest = self.agent(name)["versions"]["latest"]
        self.post(name, definition=latest["definition"] | fields, metadata=metadata or {})


@contextmanager
def portal(folder: Path) -> Iterator[Portal]:
    with EmbeddedAccount(folder) as account, TestClient(account.app) as client:
        yield Portal(client)


@contextmanager
def at_portal(one: Day) -> Iterator[Portal]:
    """The same while a day goes on."""
    with portal(one.folder) as found:
        yield found


def run(project: Project, *command: str, code: int = 0) -> str:
    result = project.run(*command, "--account", "here")
    assert result.code == code, f"{command}\n{result.out}\n{result.err}"
    return result.out + result.err


def account(project: Project) -> Path:
    return project.root / ".deployer" / "account"


@pytest.fixture
def live(project: Project) -> Project:
    """A project whose state is live."""
    project.manifest(LOCAL + STATE)
    for name, text in FILES.items():
        project.write(name, text)
    run(project, "apply", "--yes")
    return project


# Versions


def test_an_update_is_a_new_version_and_a_plan_says_which(live: Project) -> None:
    live.manifest(LOCAL + CHANGED)
    assert "version 1 → 2" in run(live, "plan")
    run(live, "apply", "--yes")
    run(live, "plan", "--exit-code")
    with portal(account(live)) as hand:
        assert [one["version"] for one in hand.versions("tutor")] == ["2", "1"]
        assert hand.agent("plain")["versions"]["latest"]["version"] == "1"


def test_another_commit_makes_no_version(live: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.project.session.commit", lambda _root: "abc1234")
    assert "Nothing to do" in run(live, "apply", "--yes")


def test_what_git_and_the_account_came_to_agree_on_makes_no_version(live: Project) -> None:
    with portal(account(live)) as hand:
        hand.edit("tutor", metadata={"team": "a"}, instructions="Edited.")
    live.manifest(LOCAL + STATE.replace("Explain.", "Edited."))
    for command in (("plan", "--exit-code"), ("apply", "--yes"), ("drift",)):
        run(live, *command)
    with portal(account(live)) as hand:
        assert len(hand.versions("tutor")) == 2


def test_what_is_no_longer_declared_goes_back_and_is_forgotten(live: Project) -> None:
    live.manifest(LOCAL + STATE.replace("    temperature: 0.3\n", "").replace("    metadata: {team: a}\n", ""))
    assert "2 fields, no longer declared: metadata/team, temperature, version 1 → 2" in run(live, "plan")
    run(live, "apply", "--yes")
    run(live, "plan", "--exit-code")
    with portal(account(live)) as hand:
        latest = hand.agent("tutor")["versions"]["latest"]
        assert "temperature" not in latest["definition"]
        assert "team" not in latest["metadata"]
        hand.edit("tutor", metadata=latest["metadata"], temperature=0.9)
    run(live, "plan", "--exit-code")


def test_outputs_name_the_version(live: Project) -> None:
    said = run(live, "outputs", "assistant/tutor")
    assert json.loads(said.splitlines()[0]) == {"type": "agent_reference", "name": "tutor", "version": "1"}


def test_what_is_not_declared_is_copied_into_the_next_version(live: Project) -> None:
    rest = {"structured_inputs": {"x": {"description": "X"}}, "tool_choice": "auto"}
    bing = {"type": "bing_grounding", "bing_grounding": {"search_configurations": []}}
    with portal(account(live)) as hand:
        latest = hand.agent("tutor")["versions"]["latest"]
        search, interpreter = latest["definition"]["tools"]
        search |= {"filters": {"type": "eq", "key": "a", "value": "b"}, "ranking_options": {"hybrid_search": {"a": 1}}}
        interpreter["container"]["memory_limit"] = "4g"
        tools = [search, interpreter, bing]
        hand.edit("tutor", metadata=latest["metadata"] | {"note": "by hand"}, tools=tools, **rest)
        before = hand.agent("tutor")["versions"]["latest"]
    live.manifest(LOCAL + CHANGED)
    assert "1 field, version 2 → 3" in run(live, "plan")
    run(live, "apply", "--yes")
    with portal(account(live)) as hand:
        after = hand.agent("tutor")["versions"]["latest"]
    assert after["definition"] == before["definition"] | {"instructions": "Explain in two sentences."}
    assert after["metadata"]["note"] == "by hand"


def test_old_versions_are_deleted_and_a_plan_says_so(live: Project) -> None:
    keeping = LOCAL.replace("foundry", "foundry, keep_versions: 2")
    with portal(account(live)) as hand:
        latest = hand.agent("tutor")["versions"]["latest"]
        hand.post("tutor", definition=latest["definition"], metadata={"team": "a"})  # somebody's, and the first to go
        rule = {"type": "FixedRatio", "agent_version": "1", "traffic_percentage": 100}
        selector = {"agent_endpoint": {"version_selector": {"version_selection_rules": [rule]}}}
        assert hand.api.patch(f"{AGENTS}/tutor", params=V1, json=selector).status_code == 200
    for number in range(3, 6):
        live.manifest(keeping + STATE.replace("Explain.", f"Explain {number}."))
        said = run(live, "plan")
        assert "its endpoint stays with version 1" in said
        assert f"deployer's versions up to {number - 2} go (keep_versions)" in said
        said = run(live, "apply", "--yes")
    assert "assistant/tutor: version 3 deleted (keep_versions: 2)" in said
    with portal(account(live)) as hand:
        assert [one["version"] for one in hand.versions("tutor")] == ["5", "4", "2", "1"]


# By hand


@pytest.mark.parametrize("copied", (True, False))
def test_a_version_that_was_made_by_hand_is_drift(live: Project, copied: bool) -> None:  # noqa: FBT001
    with portal(account(live)) as hand:
        metadata = hand.agent("tutor")["versions"]["latest"]["metadata"] if copied else None
        hand.edit("tutor", metadata=metadata, instructions="By hand.")
    said = run(live, "plan")
    assert "instructions" in said
    assert ("version 2 was made by hand" in said) is not copied
    assert "By hand." in run(live, "drift")
    said = run(live, "apply", "--yes", "--on-drift", "overwrite")
    run(live, "plan", "--exit-code")
    with portal(account(live)) as hand:
        versions = {one["version"]: one["definition"]["instructions"] for one in hand.versions("tutor")}
    assert versions == {"1": "Explain.", "2": "By hand.", "3": "Explain."}, "the version of the other stays"


def test_what_is_edited_by_hand_can_be_kept(live: Project) -> None:
    with portal(account(live)) as hand:
        hand.edit("tutor", instructions="By hand.", metadata={"team": "a"})
    live.manifest(LOCAL + STATE.replace("0.3", "0.4"))
    run(live, "apply", "--yes", "--on-drift", "keep")
    with portal(account(live)) as hand:
        definition = hand.agent("tutor")["versions"]["latest"]["definition"]
    assert (definition["instructions"], definition["temperature"]) == ("By hand.", 0.4)


def test_a_name_that_is_taken_is_an_error_before_anything_is_sent(project: Project) -> None:
    account(project).mkdir(parents=True)
    with portal(account(project)) as hand:
        hand.post("Tutor", definition={"kind": "prompt", "model": "m"})
        hand.post("flow", definition={"kind": "workflow", "workflow": "x"})
    project.manifest(LOCAL + "assistants: {tutor: {model: m}, flow: {model: m}}")
    said = run(project, "apply", "--yes", code=1)
    assert "has Tutor already, which is foreign; deployer adopt assistant/tutor Tutor --account here takes" in said
    assert "has flow already" in said
    assert "definition/kind of an unknown form" in run(project, "adopt", "assistant/flow", "flow", "--yes", code=1)
    with portal(account(project)) as hand:
        assert len(hand.versions("Tutor")) == 1
    project.manifest(LOCAL + "assistants: {tutor: {model: m, agent_name: My-Tutor}}")
    run(project, "apply", "--yes")
    with portal(account(project)) as hand:
        assert sorted(hand.names()) == ["My-Tutor", "Tutor", "flow"]


def test_a_name_never_changes(live: Project) -> None:
    live.manifest(LOCAL + STATE.replace("plain: {", "plain: {agent_name: Other, "))
    assert "it is live as plain, and a name never changes; declare agent_name: plain" in run(live, "plan", code=1)
    live.manifest(
        LOCAL + STATE.replace("plain: {", "simple: {") + "moved: [{from: assistant/plain, to: assistant/simple}]"
    )
    said = run(live, "apply", "--yes")
    assert "moved from assistant/plain" in said
    with portal(account(live)) as hand:
        assert sorted(hand.names()) == ["plain", "tutor"]


def test_two_of_one_name_are_told_offline(project: Project) -> None:
    project.manifest(LOCAL + "assistants: {a_b: {model: m}, a-b: {model: m}}")
    for command in ("validate", "plan"):
        assert "it would be called a-b, as assistant/a" in run(project, command, code=1)


def test_braces_of_a_template_are_told(project: Project) -> None:
    project.manifest(LOCAL + "assistants: {a: {model: m, instructions: 'Say {{name}}.'}}")
    for command in ("validate", "plan"):
        assert "assistant/a.instructions: sent to account here: there {{…}} is the place of" in run(project, command)
    run(project, "apply", "--yes", "--strict-surface")
    run(project, "plan", "--exit-code")


def planned(project: Project, change: Callable[[list[Any]], object]) -> Any:
    """Plan on an account whose list of agents somebody changes on its way."""
    with EmbeddedAccount(account(project)) as one:

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await one.app(scope, receive, partial(altered, send) if scope["path"].endswith("/agents") else send)

        async def altered(send: Any, message: Any) -> None:
            if message["type"] == "http.response.body":
                page = json.loads(message["body"])
                if page.get("data"):
                    change(page["data"])
                message |= {"body": json.dumps(page).encode()}
            elif message["type"] == "http.response.start":
                message |= {"headers": [one for one in message["headers"] if one[0] != b"content-length"]}
            await send(message)

        async def plan() -> Any:
            async with session(project.root, "foundry", Wire(app)) as opened:
                return await opened.plan()

        return asyncio.run(plan())


def test_an_agent_with_nothing_but_drafts_is_no_obstacle(live: Project) -> None:
    draft = {"object": "agent", "id": "new", "name": "new", "versions": {}}
    found = planned(live, lambda rows: rows.insert(0, draft))
    assert (found.pending, found.foreign) == ((), 1)


def put(rows: list[Any], path: tuple[str, ...], value: Any) -> None:
    place = next(row for row in rows if row["id"] == "tutor")
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value


ODD: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("versions",), None),
    (("versions", "latest"), []),
    (("versions", "latest", "version"), None),
    (("versions", "latest", "metadata"), ["a"]),
    (("versions", "latest", "definition"), "x"),
    (("versions", "latest", "definition", "tools"), {"type": "function"}),
    (("versions", "latest", "definition", "tools"), [{"name": "x"}]),
    (("versions", "latest", "definition", "text"), ["format"]),
    (("versions", "latest", "definition", "reasoning"), 1),
    (("versions", "latest", "definition", "kind"), "hosted"),
    (("name",), None),
    (("model",), "m"),
)


def test_an_answer_of_another_form_is_a_sentence(live: Project) -> None:
    for path, value in ODD:
        with pytest.raises(AccountError, match="/agents ") as error:
            planned(live, partial(put, path=path, value=value))
        assert path != ("model",) or "agents of the Agents API: write api: agents" in str(error.value)


GROWN: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("versions", "latest", "version"), 1),
    (("agent_endpoint",), {"version_selector": ["x"]}),
    (("state",), "of tomorrow"),
    (("versions", "latest", "definition", "of_tomorrow"), {"a": [1]}),
)


def test_an_answer_that_has_grown_is_no_change(live: Project) -> None:
    for path, value in GROWN:
        assert planned(live, partial(put, path=path, value=value)).pending == (), path


def test_two_accounts_are_compared_blind_to_names(project: Project) -> None:
    overrides = "overrides: {assistant/a: {agent_name: Other}}"
    with BackgroundServer(project.root / "served") as server:
        url = server.base_url.removesuffix("/v1") + "/api/projects/demo"
        project.write("key", "any")
        there = f"there: {{api: foundry, base_url: '{url}', api_key: '${{file.key}}', {overrides}}}"
        project.manifest(f"accounts: {{here: {{api: foundry}}, {there}}}\nassistants: {{a: {{model: m}}}}\n")
        for name in ("here", "there"):
            assert project.run("apply", "--yes", "--account", name).code == 0
        for one, other in (("here", "there"), ("there", "here")):
            result = project.run("plan", "--account", one, "--against", other, "--exit-code")
            assert result.code == 0, result.out + result.err


# The way back


def test_rollback_posts_the_earlier_content_again(live: Project) -> None:
    live.manifest(LOCAL + CHANGED)
    run(live, "apply", "--yes")
    run(live, "rollback", "--yes")
    live.manifest(LOCAL + STATE)
    run(live, "plan", "--exit-code")
    with portal(account(live)) as hand:
        first, last = (hand.versions("tutor")[place] for place in (-1, 0))
    assert last["version"] == "3"
    assert last["definition"] == first["definition"]


def test_what_was_deleted_comes_back_under_its_name(project: Project) -> None:
    project.manifest(LOCAL + "assistants: {a: {model: m, agent_name: Guide, instructions: Hello.}}")
    run(project, "apply", "--yes")
    project.manifest(LOCAL)
    run(project, "apply", "--yes", "--prune")
    run(project, "rollback", "--yes")
    with portal(account(project)) as hand:
        assert hand.agent("Guide")["versions"]["latest"]["definition"]["instructions"] == "Hello."


def test_adopt_and_make_foreign_again(project: Project) -> None:
    account(project).mkdir(parents=True)
    definition = {"kind": "prompt", "model": "m", "instructions": "Mine.", "rai_config": {"rai_policy_name": "x"}}
    with portal(account(project)) as hand:
        hand.post("guide", definition=definition, description="D", metadata={"a": "b"})
    project.manifest(LOCAL + "assistants: {a: {model: m, instructions: Mine.}}")
    run(project, "adopt", "assistant/a", "guide", "--yes")
    run(project, "plan", "--exit-code")
    with portal(account(project)) as hand:
        adopted = hand.agent("guide")["versions"]["latest"]
        assert adopted["definition"] == definition
        assert (adopted["version"], adopted["description"], adopted["metadata"]["a"]) == ("2", "D", "b")
    run(project, "rollback", "--yes")
    with portal(account(project)) as hand:
        assert "deployer" not in hand.agent("guide")["versions"]["latest"]["metadata"]
    assert "1 to create" in run(project, "plan"), "though version 2 still has the stamp"
    run(project, "adopt", "assistant/a", "guide", "--yes")
    run(project, "plan", "--exit-code")


def test_what_is_exported_is_what_is_live(live: Project) -> None:
    with portal(account(live)) as hand:
        tools = [{"type": "azure_ai_search", "azure_ai_search": {"indexes": []}}, {"type": "web_search"}]
        hand.post("MyAgent1", definition={"kind": "prompt", "model": "m", "tools": tools}, description="By hand")
        hand.post("flow", definition={"kind": "workflow"})
    said = run(live, "export", "out", "-f", "assistants.yaml", "--yes")
    assert "flow" in said
    text = (live.root / "out" / "assistants.yaml").read_text(encoding="utf-8")
    assert "agent_name: MyAgent1" in text
    assert "agent_name: tutor" not in text
    shutil.copytree(live.root / ".deployer", live.root / "out" / ".deployer", dirs_exist_ok=True)
    run(live, "plan", "-f", "out/assistants.yaml", "--exit-code")
    with portal(account(live)) as hand:
        assert hand.agent("MyAgent1")["versions"]["latest"]["definition"]["tools"] == tools


def test_destroy_leaves_what_is_foreign(live: Project) -> None:
    with portal(account(live)) as hand:
        hand.post("other", definition={"kind": "prompt", "model": "m"})
    live.manifest(LOCAL)
    assert "with all its versions, its identity and the roles" in run(live, "plan", "--prune")
    assert "with all its versions" in run(live, "destroy", "--confirm", "test")
    with portal(account(live)) as hand:
        assert hand.names() == ["other"]


@pytest.mark.usefixtures("live")
def test_a_conversation_with_the_latest_version() -> None:
    found = deployer.Project.load("assistants.yaml", account="here").chat("tutor", "Hello")
    assert found.ok


# Lost answers, and a service that is not wholly known


POST = "POST /api/projects/*/agents/*/versions"
LOST = ({"drop": "after"}, {"status": 500, "after_work": True}, {"truncate": True}, {"body": "{}"})


@pytest.mark.parametrize("fault", LOST, ids=str)
def test_a_lost_create_and_a_lost_update_are_sent_once(tmp_path: Path, fault: dict[str, Any]) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, {"on": POST, "calls": [1, 3], **fault}, api="foundry", at_once=True) as bad:
        assert undone(bad.apply()) == []
        write(root, CHANGED, FILES, keep=True)
        assert undone(bad.apply()) == []
        assert len([one for one in bad.wire.writes if one.endswith("/versions")]) == 3
        assert bad.plan().pending == ()


@pytest.mark.parametrize("fault", ({"drop": "before"}, {"status": 500}), ids=str)
def test_what_was_never_done_is_unknown_and_done_by_the_next_run(tmp_path: Path, fault: dict[str, Any]) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, {"on": POST, "calls": [3], **fault}, api="foundry", at_once=True) as bad:
        assert undone(bad.apply()) == []
        write(root, CHANGED, FILES, keep=True)
        (left,) = bad.apply()
        assert left.status == "unknown"
        assert "its new version does not show" in left.why
        bad.converge()


def test_a_version_between_the_look_and_the_write_is_told(tmp_path: Path) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, api="foundry") as one:
        assert undone(one.apply()) == []
        write(root, CHANGED, FILES, keep=True)

        def meanwhile(_number: int, request: str) -> bool:
            if request.startswith("POST") and request.endswith("tutor/versions"):
                one.wire.fails = lambda _number, _request: False
                with at_portal(one) as hand:
                    hand.edit("tutor", instructions="Meanwhile.")
            return False

        one.wire.fails = meanwhile
        (left,) = one.apply()
        assert "has version 3 now, on top of version 2, which somebody made meanwhile" in left.why


def test_an_agent_that_was_deleted_between_the_look_and_the_write_is_told(tmp_path: Path) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, api="foundry") as one:
        assert undone(one.apply()) == []
        with at_portal(one) as hand:
            hand.edit("tutor", metadata=hand.agent("tutor")["versions"]["latest"]["metadata"])
        write(root, CHANGED, FILES, keep=True)

        def meanwhile(_number: int, request: str) -> bool:
            if request.startswith("POST") and request.endswith("tutor/versions"):
                one.wire.fails = lambda _number, _request: False
                with at_portal(one) as hand:
                    assert hand.api.delete(f"{AGENTS}/tutor", params=V1).status_code == 200
            return False

        one.wire.fails = meanwhile
        (left,) = one.apply()
        assert "has version 1 now, after version 2: it was deleted meanwhile, and was made anew" in left.why
        assert one.plan().pending == ()


def test_a_name_that_appears_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    root = write(tmp_path / "project", "assistants: {tutor: {model: m}}", {})
    with day(root, api="foundry") as one:

        def meanwhile(_number: int, request: str) -> bool:
            if request.startswith("POST"):
                one.wire.fails = lambda _number, _request: False
                with at_portal(one) as hand:
                    hand.post("tutor", definition={"kind": "prompt", "model": "theirs"})
            return False

        one.wire.fails = meanwhile
        (left,) = one.apply()
        assert "came into being meanwhile; version 2, which went on top of it, was deleted" in left.why
        with at_portal(one) as hand:
            assert hand.agent("tutor")["versions"]["latest"]["definition"]["model"] == "theirs"
        assert "is foreign" in str(one.plan().errors[0])


@pytest.mark.parametrize("dedupe", ("off", "definition", "all"))
def test_whatever_the_service_takes_for_equal(tmp_path: Path, dedupe: str) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    switches = FoundrySwitches(dedupe=dedupe)
    with day(root, api="foundry", foundry=switches) as one:
        assert undone(one.apply()) == []
        for state in (CHANGED, STATE):
            write(root, state, FILES, keep=True)
            one.converge()
        write(root, STATE.replace("team: a", "team: b"), FILES, keep=True)
        left = undone(one.apply())
        if dedupe != "definition":
            assert left == []
            assert one.plan().pending == ()
            return
        ((_, why),) = left
        assert "for version 3, which is there already, and keeps its metadata; change a field beside it" in why


def test_memberships_without_attributes(tmp_path: Path) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, api="foundry", foundry=FoundrySwitches(attributes=False)) as one:
        assert undone(one.apply()) == []
        assert one.plan().pending == ()
        write(root, STATE, FILES | {"docs/a.md": "two", "docs/b.md": "three"}, keep=True)
        one.converge()


def test_on_drift_fail_is_the_default(tmp_path: Path) -> None:
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, api="foundry") as one:
        assert undone(one.apply()) == []
        with at_portal(one) as hand:
            hand.edit("tutor", instructions="By hand.")
        assert one.plan(PlanOptions(on_drift=OnDrift.FAIL)).conflicts


LATER = CHANGED.replace("plain: {model: gpt-6-luna}", "other: {model: gpt-6-luna}")
LATER_FILES = {"docs/a.md": "two", "docs/b.md": "three", "data.csv": "a,b\n3,4\n"}


def content(one: Day) -> dict[str, Any]:
    """What is on the account: the content of every version by the agent, and the documents."""
    with at_portal(one) as hand:
        files = {row["id"]: row["filename"] for row in hand.api.get("/v1/files").json()["data"]}
        return {"documents": sorted(files.values())} | {
            name: [version["definition"]["instructions"] for version in hand.versions(name) if name == "tutor"]
            for name in sorted(hand.names())
        }


def came(one: Day, number: int) -> bool:
    """Whether so many requests have come."""
    return len(one.wire.log) >= number


def test_killed_at_a_request_the_next_run_makes_what_is_left_and_no_version_twice(tmp_path: Path) -> None:
    """A to B, with an update, a create, a delete and documents that change; a sample of all requests."""
    root = write(tmp_path / "project", STATE, FILES)
    with day(root, api="foundry") as calm:
        calm.converge()
        begin = len(calm.wire.log)
        write(root, LATER, LATER_FILES, keep=True)
        assert undone(calm.apply()) == []
        requests, expected = len(calm.wire.log) - begin, content(calm)
        assert expected["tutor"] == ["Explain in two sentences.", "Explain."]
    for at in range(5, requests, max(1, requests // 5)):
        root = write(tmp_path / f"killed-{at}", STATE, FILES)
        with day(root, api="foundry") as bad:
            bad.converge()
            until = len(bad.wire.log) + at
            write(root, LATER, LATER_FILES, keep=True)
            bad.killed(partial(came, bad, until))
            bad.converge()
            assert content(bad) == expected, f"killed at request {at} of {requests}"


def test_another_dialect_on_the_same_path_is_named(project: Project) -> None:
    with BackgroundServer(project.root / "served") as server:
        root = server.base_url.removesuffix("/v1")
        key = "api_key: '${file.key}'"
        project.write("key", "any")
        accounts = {
            "foundry": f"{{api: foundry, base_url: '{root}/api/projects/demo', {key}}}",
            "agents": f"{{api: agents, base_url: '{root}/api/projects/demo', {key}, query: {{api-version: v1}}}}",
            "misplaced": f"{{api: foundry, base_url: '{root}/v1', {key}}}",
        }
        lines = "".join(f"  {name}: {text}\n" for name, text in accounts.items())
        project.manifest(f"accounts:\n{lines}assistants: {{a: {{model: m}}}}\n")
        assert project.run("apply", "--yes", "--account", "foundry").code == 0
        assert project.run("plan", "--account", "foundry", "--exit-code").code == 0
        said = project.run("plan", "--account", "agents")
        assert (said.code, "lists agents of Microsoft Foundry: write api: foundry" in said.err) == (1, True)
        said = project.run("plan", "--account", "misplaced")
        assert (said.code, "base_url" in said.err) == (1, True)
        found = project.run("doctor", "--account", "foundry")
        assert (found.code, "assistants are served by id" in found.out) == (0, True)
