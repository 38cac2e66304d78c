"""What the page shows: assistants, stores, documents, drift, what is foreign, the plan; and that it follows changes."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest

from deployer import Project as Library
from deployer.backends.http.backend import HttpBackend
from deployer.model import Address, DesiredFile, Resource
from deployer.playground import observer, view
from tests.backends.servers import Reply, serving
from tests.playground.opened import OpenPage, on_page
from tests.support.project import Project

MANIFEST = """
vector_stores:
  docs: {name: Documents, files: ["docs/*.md"]}
assistants:
  helper:
    name: Helper
    model: gpt-4o
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: code_interpreter}
      - {type: function, name: pick, description: Pick one., parameters: {type: object, properties: {}}}
"""


@pytest.fixture
def shown(project: Project) -> Project:
    for number in range(3):
        project.write(f"docs/{number}.md", f"document {number}\n")
    project.manifest(MANIFEST)
    return project


def applied(project: Project) -> None:
    assert project.run("apply", "--yes").code == 0


async def looked(page: OpenPage) -> dict[str, Any]:
    await page.post("/api/look")
    found = await page.get("/api/state")
    assert isinstance(found, dict)
    return found


async def edited(page: OpenPage, path: str, body: dict[str, Any]) -> Any:
    """Do what somebody else does on the account."""
    backend = (await page.observer.session()).account.of("vector_store")
    assert isinstance(backend, HttpBackend)
    return (await backend.client.write("POST", path, body)).data


def test_what_is_declared_is_shown_before_the_account_is_read(shown: Project) -> None:
    del shown

    async def work(page: OpenPage) -> Any:
        return await page.get("/api/state")

    state = on_page(work)
    assert state["reading"]
    assert [one["state"] for one in (*state["assistants"], *state["stores"])] == ["reading", "reading"]


def test_an_assistant_is_a_card(shown: Project) -> None:
    applied(shown)
    (card,) = on_page(looked)["assistants"]
    assert (card["address"], card["name"], card["model"]) == ("assistant/helper", "Helper", "gpt-4o")
    assert (card["tools"], card["knowledge"], card["functions"]) == (
        ["file_search", "code_interpreter"],
        ["vector_store/docs"],
        ["pick"],
    )
    assert (card["state"], card["action"], card["drift"]) == ("live", "no-op", [])
    assert card["applied"]["command"] == "apply"
    assert card["place"].startswith("assistants.yaml:")
    assert card["id"].startswith("asst_")


def test_a_model_that_shuts_down_is_told(shown: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {Address("assistant", "helper"): ("gpt-4o", date(2020, 1, 1))}
    monkeypatch.setattr(Library, "shutdowns", property(lambda _project: ends))
    applied(shown)
    (card,) = on_page(looked)["assistants"]
    assert card["shutdown"] == {"day": "2020-01-01", "over": True}


def test_the_plan_is_against_the_files_on_disk(shown: Project) -> None:
    async def work(page: OpenPage) -> tuple[Any, str]:
        state = await looked(page)
        return state["plan"], (await page.client.get("/plan.html")).text

    plan, html = on_page(work)
    assert [(one["address"], one["action"]) for one in plan["pending"]] == [
        ("vector_store/docs", "create"),
        ("assistant/helper", "create"),
    ]
    assert "assistant/helper" in html
    assert html.startswith("<!doctype html>")
    applied(shown)
    assert on_page(work)[0]["pending"] == []


def test_drift_and_what_is_foreign_are_told_apart(shown: Project) -> None:
    applied(shown)

    async def work(page: OpenPage) -> Any:
        (card,) = (await looked(page))["assistants"]
        await edited(page, f"/assistants/{card['id']}", {"name": "By hand"})
        await edited(page, "/assistants", {"model": "m", "name": "Of others"})
        return await looked(page)

    state = on_page(work)
    (card,) = state["assistants"]
    assert card["drift"] == [{"field": "name", "origin": "account", "what": ""}]
    assert [(one["name"], one["kind"], one["project"]) for one in state["foreign"]] == [("Of others", "assistant", "")]


def test_what_is_no_longer_declared_is_an_orphan(shown: Project) -> None:
    applied(shown)
    shown.manifest(MANIFEST.split("assistants:", maxsplit=1)[0])
    (card,) = on_page(looked)["assistants"]
    assert (card["state"], card["name"]) == ("orphan", "Helper")


def test_documents_are_listed_by_pages_with_their_states(shown: Project) -> None:
    async def work(page: OpenPage) -> Any:
        await page.post("/api/look")
        first = await page.get("/api/stores/docs/documents?limit=2")
        rest = await page.get("/api/stores/docs/documents?limit=2&offset=2")
        found = await page.get("/api/stores/docs/documents?q=1.MD")
        return first, rest, found

    first, rest, found = on_page(work)
    assert [one["path"] for one in (*first["rows"], *rest["rows"])] == ["docs/0.md", "docs/1.md", "docs/2.md"]
    assert (first["total"], found["total"]) == (3, 1)
    assert {one["status"] for one in first["rows"]} == {"not on the account"}
    applied(shown)
    assert {one["status"] for one in on_page(work)[0]["rows"]} == {"completed"}


def test_a_store_that_there_is_not(shown: Project) -> None:
    del shown

    async def work(page: OpenPage) -> Any:
        answer = await page.client.get("/api/stores/other/documents")
        return answer.status_code, answer.json()

    assert on_page(work) == (404, {"error": "there is no vector_store/other"})


def test_ten_thousand_documents_are_counted_and_not_sent() -> None:
    files = tuple(DesiredFile(f"docs/{number:05}.md", 10, "0" * 64) for number in range(10_000))
    resource = Resource(Address("vector_store", "docs"), {}, files)
    assert len(view.documents(resource, None)) == 10_000
    (store,) = view.declared([resource], view.ViewContext())["stores"]
    assert (store["documents"], store["bytes"]) == (10_000, 100_000)
    assert len(str(store)) < 1_000


@pytest.mark.parametrize("where", ("disk", "account"))
def test_a_change_shows_by_itself(shown: Project, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page listens to versions; each time that there is another, it fetches the state."""
    monkeypatch.setattr(observer, "_DISK", 0.01)
    monkeypatch.setattr(observer, "_ACCOUNT", 0.01)
    applied(shown)

    async def work(page: OpenPage) -> Any:
        watching = asyncio.create_task(page.observer.watch())
        changes = page.observer.changes()
        changed = False
        async for _version in changes:
            state = page.observer.state()
            if state["plan"] and not changed:
                changed = True
                if where == "disk":
                    shown.write("docs/9.md", "one more\n")
                else:
                    await edited(page, "/assistants", {"model": "m", "name": "Of others"})
            elif changed and (state["plan"]["pending"] if where == "disk" else state["foreign"]):
                break
        watching.cancel()
        await changes.aclose()  # type: ignore[attr-defined]
        return state

    state = on_page(work)
    assert bool(state["plan"]["pending"]) == (where == "disk")


def test_a_broken_manifest_is_told_and_mended(shown: Project) -> None:
    applied(shown)

    async def work(page: OpenPage) -> Any:
        good = await looked(page)
        shown.manifest(MANIFEST.replace("model: gpt-4o", "modle: gpt-4o"))
        broken = await looked(page)
        shown.manifest(MANIFEST)
        return good, broken, await looked(page)

    good, broken, again = on_page(work)
    assert "did you mean 'model'" in broken["broken"]
    assert broken["assistants"] == good["assistants"]
    assert again["broken"] == ""


def test_an_account_that_refuses_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")
    with serving(lambda _asked: Reply(status=401)) as server:
        settings = f"{{api: agents, base_url: '{server.base_url}', api_key: '${{env.KEY}}'}}"
        project.manifest(f"accounts: {{far: {settings}}}\nassistants: {{a: {{model: m}}}}")
        state = on_page(looked, account="far")
    assert "answered 401" in state["error"]
    assert [one["state"] for one in state["assistants"]] == ["reading"]


def test_another_account_in_the_manifest_is_opened(project: Project) -> None:
    project.manifest("accounts: {a: {api: assistants}}\nassistants: {a: {model: m}}")
    Library.load(account="a")

    async def work(page: OpenPage) -> Any:
        first = await looked(page)
        project.manifest("accounts: {a: {api: agents}}\nassistants: {a: {model: m}}")
        return first["account"]["api"], (await looked(page))["account"]["api"]

    assert on_page(work, account="a") == ("assistants", "agents")
