"""Conversations on the page: streamed, with forms, handlers, files, stop, edit and resend; on every surface."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from deployer.playground import written
from tests.playground.opened import OpenPage, on_page
from tests.support.project import Project

MANIFEST = """
accounts:
  local: {api: API}
vector_stores:
  docs: {name: Documents, files: ["docs/*.md"]}
assistants:
  helper:
    name: Helper
    model: m
    tools:
      - {type: file_search, vector_stores: [docs]}
      - {type: code_interpreter}
      - type: function
        name: ask
        description: Ask the person.
        handler: work:ask
        parameters: {type: object, properties: {title: {type: string}}, required: [title]}
  other: {name: Other, model: m}
"""
HELPER, OTHER = "assistant/helper", "assistant/other"
HELLO: dict[str, Any] = {"answers": [{"text": ["Good ", "day."]}]}
ASKS: dict[str, Any] = {
    "answers": [{"call": "ask", "arguments": {"title": "Quiz"}}, {"text": "Well done."}],
}
FINDS: dict[str, Any] = {"answers": [{"search": "bread"}, {"text": "It is good【food.md】."}]}
CODE: dict[str, Any] = {"answers": [{"code": "print(6 * 7)", "outputs": [{"logs": "42"}]}, {"text": "42."}]}
SURFACES = ("assistants", "responses", "agents", "foundry")


def deployed(project: Project, api: str = "assistants") -> None:
    project.write("docs/food.md", "bread is good\n")
    project.write("work.py", "def ask(title: str) -> str:\n    return f'asked {title}'\n")
    project.manifest(MANIFEST.replace("API", api))
    result = project.run("apply", "--yes", "--account", "local")
    assert result.code == 0, result.out + result.err


@pytest.fixture(params=SURFACES)
def api(request: pytest.FixtureRequest, project: Project) -> str:
    deployed(project, str(request.param))
    return str(request.param)


SAMPLE = tuple(
    pytest.param(one, marks=[pytest.mark.nightly] if one in ("responses", "foundry") else []) for one in SURFACES
)


@pytest.fixture(params=SAMPLE)
def sampled(request: pytest.FixtureRequest, project: Project) -> str:
    """Every surface in long runs, those that differ most in the suite."""
    deployed(project, str(request.param))
    return str(request.param)


@pytest.fixture
def local(project: Project) -> Project:
    deployed(project)
    return project


async def talked(page: OpenPage, text: str = "Hello", address: str = HELPER) -> list[dict[str, Any]]:
    one = await page.begin()
    await page.say(one, address, text)
    return await page.entries(one)


def kinds(entries: list[dict[str, Any]]) -> list[str]:
    return [one["type"] for one in entries]


def test_text_comes_in_pieces_and_then_whole(api: str) -> None:
    del api
    entries = on_page(talked, HELLO, account="local")
    assert kinds(entries) == ["turn", "named", "text", "text", "message", "end"]
    assert [one["n"] for one in entries] == list(range(6))
    assert entries[4]["text"] == "Good day."
    assert entries[-1]["ok"]


def test_a_function_is_a_form(api: str) -> None:
    del api

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Quiz me")
        call = await page.heard(one, "call")
        await page.post(f"/api/conversations/{one}/answer", {"call": call["id"], "output": ["blue"]})
        return call, await page.entries(one)

    call, entries = on_page(work, ASKS, account="local")
    assert (call["name"], call["arguments"], call["by"]) == ("ask", '{"title": "Quiz"}', "form")
    assert call["parameters"]["required"] == ["title"]
    assert [one["output"] for one in entries if one["type"] == "answered"] == ['["blue"]']
    assert [one["text"] for one in entries if one["type"] == "message"] == ["Well done."]


def test_a_handler_answers_where_that_was_asked_for(local: Project) -> None:
    del local
    entries = on_page(talked, ASKS, account="local", handler_seconds=60)
    assert [one["by"] for one in entries if one["type"] == "call"] == ["handler"]
    assert [one["output"] for one in entries if one["type"] == "answered"] == ["asked Quiz"]


def test_no_handler_is_imported_otherwise(local: Project) -> None:
    local.write("work.py", "from pathlib import Path\nPath('ran').touch()\ndef ask(title: str): ...\n")
    on_page(talked, HELLO, account="local")
    assert not (local.root / "ran").exists()


def test_a_form_can_say_that_it_failed(local: Project) -> None:
    del local

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Quiz me")
        path, call = f"/api/conversations/{one}/answer", (await page.heard(one, "call"))["id"]
        await page.post(path, {"call": call, "output": "", "failure": "nobody is here"})
        entries = await page.entries(one)
        return entries, await page.refused(path, {"call": call, "output": "late"})

    entries, late = on_page(work, ASKS, account="local")
    (answered,) = [one for one in entries if one["type"] == "answered"]
    assert (answered["output"], answered["failure"]) == ('{"error": "nobody is here"}', "ask failed: nobody is here")
    assert late == (400, "this function is not waiting for an answer")


@pytest.mark.parametrize("surface", ("assistants", "responses", "foundry"))
def test_steps_show_passages_code_and_sources(project: Project, surface: str) -> None:
    deployed(project, surface)

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Bread?")
        found = await page.entries(one)
        await page.say(one, HELPER, "How much?")
        source = await page.get("/api/document?source=docs/food.md")
        return found, await page.entries(one, len(found)), source

    found, computed, document = on_page(work, FINDS, CODE, account="local")
    (search,) = [one for one in found if one["type"] == "step"]
    assert [(one["source"], one["text"]) for one in search["passages"]] == [("docs/food.md", "bread is good\n")]
    (message,) = [one for one in found if one["type"] == "message"]
    assert message["citations"] == ["docs/food.md"]
    (code,) = [one for one in computed if one["type"] == "step"]
    assert (code["code"], code["outputs"]) == ("print(6 * 7)", [{"logs": "42"}])
    assert document == {"path": "docs/food.md", "text": "bread is good\n"}


def test_several_assistants_speak_in_one_conversation(sampled: str) -> None:
    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Who are you?")
        await page.entries(one)
        first = page.talks.all[one].thread
        await page.say(one, OTHER, "And you?")
        return first, page.talks.all[one], await page.entries(one)

    first, conversation, entries = on_page(
        work, {"answers": [{"text": "A."}]}, {"answers": [{"text": "B."}]}, account="local"
    )
    assert [one["address"] for one in entries if one["type"] == "turn"] == [HELPER, OTHER]
    assert [one["text"] for one in entries if one["type"] == "message"] == ["A.", "B."]
    assert (conversation.thread == first) == (sampled != "agents")


def test_a_message_is_edited_and_sent_again(sampled: str) -> None:
    del sampled

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        for text in ("First", "Secnod"):
            await page.say(one, HELPER, text)
            await page.entries(one)
        before = page.talks.all[one].thread
        await page.say(one, HELPER, "Second", before=1)
        return before, page.talks.all[one], await page.entries(one)

    answers = [{"answers": [{"text": f"Answer {number}."}]} for number in (1, 2, 3)]
    before, conversation, entries = on_page(work, *answers, account="local")
    assert [turn.text for turn in conversation.turns] == ["First", "Second"]
    assert conversation.thread != before
    assert [one["before"] for one in entries if one["type"] == "forked"] == [1]
    assert conversation.turns[-1].messages[-1].text == "Answer 3."
    assert [one.text for one in conversation.history()] == ["First", "Answer 1."]


def test_a_turn_is_stopped(sampled: str) -> None:
    del sampled

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Count")
        while "1" not in page.talks.all[one].turns[0].half:
            await page.heard(one, "text")
            await asyncio.sleep(0.01)
        await page.post(f"/api/conversations/{one}/stop")
        return await page.entries(one), (await page.client.get(f"/api/conversations/{one}/transcript")).text

    slow = {"answers": [[{"text": ["0 ", "1 "]}, {"delay": 3_600}, {"text": "2"}]]}
    entries, markdown = on_page(work, slow, account="local")
    assert (entries[-1]["type"], entries[-1]["status"]) == ("end", "cancelled")
    assert markdown.count("**Assistant:** 0 1") == 1, "what was half said is kept"


def test_a_form_that_waits_is_stopped(local: Project) -> None:
    del local

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Quiz me")
        await page.heard(one, "call")
        await page.post(f"/api/conversations/{one}/stop")
        await page.say(one, HELPER, "Hello")
        return await page.entries(one)

    entries = on_page(work, ASKS, HELLO, account="local")
    assert [one["status"] for one in entries if one["type"] == "end"] == ["cancelled", "completed"]


@pytest.mark.parametrize("surface", ("assistants", "responses"))
def test_files_are_attached_and_taken_back(project: Project, surface: str) -> None:
    deployed(project, surface)

    async def work(page: OpenPage) -> Any:
        sent = [
            (await page.client.post(f"/api/files?name={name}", content=b"plum\n")).json() for name in ("a.md", "b.csv")
        ]
        gone = (await page.client.delete(f"/api/files/{sent[1]['id']}")).status_code
        again = (await page.client.delete(f"/api/files/{sent[1]['id']}")).status_code
        one = await page.begin()
        await page.say(one, HELPER, "Look", files=[sent[0]["id"]])
        unknown = await page.refused(
            f"/api/conversations/{one}/say", {"address": HELPER, "text": "x", "files": ["file-1"]}
        )
        return sent, (gone, again), await page.entries(one), unknown

    sent, deleted, entries, unknown = on_page(work, HELLO, account="local")
    assert [one["name"] for one in sent] == ["a.md", "b.csv"]
    assert deleted == (200, 404)
    assert entries[0]["files"] == [sent[0]]
    assert entries[-1]["ok"]
    assert unknown[0] == 400


def test_sessions_take_no_files(project: Project) -> None:
    deployed(project, "agents")

    async def work(page: OpenPage) -> Any:
        answer = await page.client.post("/api/files?name=a.md", content=b"plum\n")
        return answer.status_code, answer.json()["error"]

    status, why = on_page(work, account="local")
    assert (status, "take no files" in why) == (400, True)


def test_what_makes_no_sense_is_told(local: Project) -> None:
    del local

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        path = f"/api/conversations/{one}/say"
        return [
            await page.refused(path, {"address": HELPER, "text": "  "}),
            await page.refused(path, {"address": "assistant/none", "text": "Hello"}),
            await page.refused("/api/conversations/none/say", {"address": HELPER, "text": "Hello"}),
        ]

    assert on_page(work, account="local") == [
        (400, "there is nothing to say: the text is empty"),
        (400, "the manifest declares no assistant/none; talk to assistant/helper or assistant/other"),
        (404, "this conversation is not open here; begin a new one"),
    ]


def test_what_is_not_live_is_told(project: Project) -> None:
    project.manifest(MANIFEST.replace("API", "assistants"))
    project.write("docs/food.md", "bread\n")
    entries = on_page(talked, account="local")
    assert entries[-1]["reason"].startswith("assistant/helper is not live on this account; run deployer apply")


def test_a_conversation_is_kept_in_writing(local: Project) -> None:
    del local

    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        await page.say(one, HELPER, "Bread?")
        await page.entries(one)
        await page.say(one, OTHER, "Hello")
        await page.entries(one)
        path = f"/api/conversations/{one}/transcript"
        return (await page.client.get(path)).text, await page.get(f"{path}?format=json")

    markdown, data = on_page(work, FINDS, HELLO, account="local")
    assert markdown.startswith("# Conversation with assistant/helper, assistant/other\n")
    assert "**Assistant:** It is good[docs/food.md]." in markdown
    assert "## assistant/other" in markdown
    assert [one["address"] for one in data["turns"]] == [HELPER, OTHER]


def test_a_conversation_becomes_a_test(local: Project) -> None:
    async def work(page: OpenPage) -> Any:
        one = await page.begin()
        for text in ("Bread?", "How much?", "Quiz me"):
            await page.say(one, HELPER, text)
            if text == "Quiz me":
                call = await page.heard(one, "call")
                await page.post(f"/api/conversations/{one}/answer", {"call": call["id"], "output": ["blue"]})
            await page.entries(one)
        path = f"/api/conversations/{one}/test"
        shown = await page.post(path, {"name": "bread", "expected": ["Well"]})
        before = list(local.root.glob("tests/*"))
        done = await page.post(path, {"name": "bread", "expected": ["Well"], "write": True})
        refused = [await page.refused(path, {"name": name, "write": True}) for name in ("bread", "../bread", "a/b", "")]
        return shown, before, done, refused

    shown, before, done, refused = on_page(work, FINDS, CODE, ASKS, account="local")
    assert (before, shown["written"], shown["suggestion"]) == ([], [], "Well done.")
    assert (done["written"], [status for status, _ in refused]) == (
        ["tests/bread.yaml", "assistants.yaml"],
        [400] * 4,
    )
    text = (local.root / "tests" / "bread.yaml").read_text(encoding="utf-8")
    assert text == shown["yaml"]
    assert yaml.safe_load(text) == [
        {
            "description": "bread",
            "address": HELPER,
            "rehearse": [
                {"search": ["Bread?"]},
                "It is good【food.md】.",
                {"code": "print(6 * 7)", "outputs": [{"logs": "42"}]},
                "42.",
                {"call": "ask", "arguments": {"title": "Quiz"}},
                "Well done.",
            ],
            "turns": [
                {"user": "Bread?"},
                {"user": "How much?"},
                {"user": "Quiz me", "calls": [{"name": "ask", "args": {"title": "Quiz"}, "output": ["blue"]}]},
            ],
            "assert": [{"type": "contains", "value": "Well"}, {"type": "cites", "value": ["docs/food.md"]}],
        }
    ]

    assert yaml.safe_load((local.root / "assistants.yaml").read_text(encoding="utf-8"))["tests"] == ["tests/*.yaml"]
    result = local.run("test", "--account", "local")
    assert (result.code, "1 passed" in result.out + result.err) == (0, True), result.out + result.err


@pytest.mark.parametrize(
    ("tests", "after"),
    (
        ("tests: [tests/*.yaml]", None),
        ("tests: [tests/a.yaml]", None),
        ("tests: [more/*.yaml]", ["more/*.yaml", "tests/a.yaml"]),
        ("tests: []", ["tests/*.yaml"]),
        ("", ["tests/*.yaml"]),
    ),
)
def test_a_manifest_names_a_test_once(project: Project, tests: str, after: list[str] | None) -> None:
    project.manifest(f"# as it was\n{tests}\nassistants: {{a: {{model: m}}}}  # kept\n")
    text = written.naming(project.root / "assistants.yaml", "tests/a.yaml")
    assert (text and yaml.safe_load(text)["tests"]) == after
    assert text is None or ("# as it was" in text and "# kept" in text)


def test_hostile_texts_are_data(local: Project) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    entries = on_page(talked, {"answers": [{"text": hostile}]}, account="local")
    assert [one["text"] for one in entries if one["type"] == "message"] == [hostile]
    local.manifest(MANIFEST.replace("API", "assistants").replace("name: Helper", f"name: '{hostile}'"))

    async def work(page: OpenPage) -> str:
        await page.post("/api/look")
        return (await page.client.get("/plan.html")).text

    assert "<script" not in on_page(work, account="local")
