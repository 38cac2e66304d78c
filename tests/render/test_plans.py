"""The rendered plan, whole, as people and programs see it: tests/golden holds the expected text."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deployer.engine import plan, plan_json, stamp
from deployer.engine.draft import Scope
from deployer.engine.uploads import token
from deployer.kinds import kinds_of
from deployer.model import (
    Action,
    Address,
    Change,
    DesiredFile,
    FileAction,
    FileChange,
    Limits,
    LiveFile,
    LiveObject,
    OnDrift,
    Origin,
    Plan,
    Position,
    Resource,
    Target,
)
from deployer.render import text
from deployer.render.formats import rendered
from deployer.render.lines import plain
from deployer.render.output import Streams
from tests.render.plans import Terminal, assistant, document, edited, membership, store, why
from tests.render.plans import a_plan as hand_made

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMAS = Path(__file__).parents[2] / "schemas"
KINDS = kinds_of("assistants")
QUIZ = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "questions": {"type": "array", "items": {"type": "object", "properties": {"choices": {"type": "array"}}}},
    },
}
RICHER = json.loads(json.dumps(QUIZ).replace('{"type": "array"}', '{"type": "array", "minItems": 4}'))


def live(address: str, number: int, attrs: dict[str, object], files: tuple[LiveFile, ...] = ()) -> LiveObject:
    """An object as an earlier apply left it."""
    kind = KINDS[address.partition("/")[0]]
    expressed = kind.express(attrs).attrs
    mark = stamp.write("school", Address.parse(address), expressed, "")
    raw = {**kind.wire(expressed, None).fields, "id": f"id_{number}", "created_at": number}
    if "tool_resources" in raw:
        raw["tool_resources"] = {"file_search": {"vector_store_ids": ["id_1"]}}
    return LiveObject(address.partition("/")[0], f"id_{number}", {**raw, "metadata": mark}, files)


RULES = "# Role\nYou are a tutor.\n\n# Rules\nBe kind.\nShow every step.\nNever give the answer first.\n"


def a_plan() -> Plan:
    """Every sort of line: create, update, delete, no-op, files, prose in a line and in rows, structure, a conflict."""

    def tools(count: int, parameters: object) -> list[dict[str, object]]:
        search = {"type": "file_search", "vector_stores": ["vector_store/docs"], "max_num_results": count}
        return [search, {"type": "function", "name": "show_quiz", "parameters": parameters}]

    before = {
        "name": "Quiz",
        "model": "gpt-4o",
        "instructions": "You are an expert in generating multiple choice quizzes. " + "Be kind. " * 20,
        "temperature": 0.3,
        "tools": tools(8, QUIZ),
    }
    after = {
        **before,
        "model": "gpt-6-luna",
        "instructions": str(before["instructions"]).replace("generating", "writing"),
        "tools": tools(12, RICHER),
    }
    del after["temperature"]
    files = (
        LiveFile("file-1", "docs/a.md", "1" * 64, "completed", 1_300_000, 1),
        LiveFile("file-2", "docs/b.md", "2" * 64, "completed", 2_000, 1, attributes={"lang": "en", "by hand": 1}),
        LiveFile("file-3", "docs/c.md", "3" * 64, "completed", 5, 1),
    )
    documents = (
        DesiredFile("docs/a.md", 1_400_000, "9" * 64),
        DesiredFile("docs/b.md", 2_000, "2" * 64, attributes={"lang": "ko", "level": 2}),
        DesiredFile("docs/용도지역.md", 4_000, "4" * 64),
    )
    tutor: dict[str, object] = {"model": "gpt-6-luna", "name": "Tutor", "instructions": RULES}
    found = live("assistant/tutor", 3, tutor)
    by_someone = LiveObject(found.kind, found.id, {**found.raw, "name": "Changed by hand"})
    world = [
        live("vector_store/docs", 1, {"name": "Docs"}, files),
        live("assistant/quiz", 2, before),
        by_someone,
        live("assistant/same", 4, {"model": "gpt-6-luna"}),
        live("assistant/gone", 5, {"model": "gpt-6-luna"}),
    ]
    place = Position("assistants.yaml", 12, 5)
    desired = [
        Resource(Address("vector_store", "docs"), {"name": "Docs"}, documents),
        Resource(Address("assistant", "quiz"), after),
        Resource(
            Address("assistant", "tutor"),
            {**tutor, "instructions": RULES.replace("every step", "each step") + "Stop.\n"},
        ),
        Resource(Address("assistant", "same"), {"model": "gpt-6-luna"}, positions={"": place}),
        Resource(Address("assistant", "new"), {"model": "gpt-6-luna", "tools": tools(1, QUIZ)[1:]}),
    ]
    target = Target("production", "assistants", "https://assistants.example/v1")
    scope = Scope("school", target, KINDS, "4f2c1ab", prune=True, on_drift=OnDrift.OVERWRITE, limits=Limits())
    return plan.build(scope, desired, world)


def as_shown(form: str) -> str:
    if form == "json":
        return rendered("plan", "json", a_plan())
    if form in ("md", "html"):
        return rendered("plan", "markdown" if form == "md" else "html", a_plan())
    out = io.StringIO()
    text.plan(a_plan(), Streams(out, out))
    return out.getvalue()


@pytest.mark.parametrize("form", ("txt", "md", "json", "html"))
def test_the_rendered_plan_is_the_golden_one(form: str) -> None:
    """Set DEPLOYER_UPDATE_GOLDEN=1 to rewrite the files, then read the difference."""
    golden, found = GOLDEN / f"plan.{form}", as_shown(form)
    if os.environ.get("DEPLOYER_UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def saved_and_read(value: Plan) -> Plan:
    return plan_json.read(json.loads(json.dumps(plan_json.published(value))))


@pytest.mark.parametrize("form", ("text", "markdown", "json", "html"))
def test_a_plan_that_was_saved_is_shown_as_it_was(form: str) -> None:
    """Documents with settings, breaking changes, an edit, a rename, a document of others, replaced files, a refusal."""
    attrs: dict[str, object] = {"model": "m", "tools": [{"type": "code_interpreter"}]}
    quiz = Resource(Address("assistant", "quiz"), attrs, (DesiredFile("a.csv", 9, "2" * 64),))
    held = live("assistant/quiz", 2, attrs)
    code = {"code_interpreter": {"file_ids": ["file-9"]}}
    mark = {**held.raw["metadata"], stamp.FILES: f"{stamp.name_of('file-9')}={token('a.csv', '1' * 64)}"}
    store = live("vector_store/docs", 1, {"name": "Docs"}, (LiveFile("file-8", None, None, "completed", 5, 1),))
    world = [
        store,
        LiveObject(held.kind, held.id, {**held.raw, "tool_resources": code, "metadata": mark}),
        live("assistant/old", 3, {"model": "m", "name": "Same"}),
    ]
    desired = [
        Resource(Address("vector_store", "docs"), {"name": "Other"}),
        quiz,
        Resource(Address("assistant", "new"), {"model": "m", "name": "Same"}),
    ]
    odd = plan.build(Scope("school", Target("p", "assistants", "https://a.example/v1"), KINDS), desired, world)
    edit = replace(odd.changes[0], fields=(edited("name", "By hand", "Other"),))
    for one in (a_plan(), odd, replace(odd, changes=(edit, *odd.changes[1:]))):
        assert rendered("plan", form, saved_and_read(one)) == rendered("plan", form, one)
    shown = rendered("plan", "text", odd)
    assert all(part in shown for part in ("attached by others: file-8", "the same as assistant/old", "replaces file-9"))


@pytest.mark.parametrize("name", ("plan", "drift"))
def test_the_json_is_as_published(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    for one in (a_plan(), hostile_plan(), by_hand()):
        Draft202012Validator(schema).validate(json.loads(rendered(name, "json", one)))


def by_hand() -> Plan:
    """Every file action, a kept field, an orphan."""
    git, live = document(1), membership("docs/a.md", "failed", "no text")
    files = [FileChange(action, git.path, git, (live,), why("why"), Origin.ACCOUNT) for action in FileAction]
    orphan = Change(Address("assistant", "old"), Action.NO_OP, why("--prune deletes it"), "id_9", orphan=True)
    return hand_made(store(*files, uploads=[git]), assistant("a", edited("name", 1, 2, kept=True)), orphan)


def test_every_file_that_a_plan_touches_is_in_its_fingerprint() -> None:
    git = document(1)
    plans = [
        hand_made(store(FileChange(FileAction.REPLACE, git.path, one, (membership(path),), why("why"))))
        for one in (git, replace(git, attributes={"a": 1}), replace(git, chunking={"max": 1}))
        for path in ("a", "b")
    ]
    change = assistant("a")
    plans += [hand_made(change), hand_made(replace(change, reviewed="1" * 12))]
    assert len({plan_json.fingerprint(one) for one in plans}) == len(plans)


def test_colour_is_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, bare, piped = Terminal(), Terminal(), io.StringIO()
    text.plan(a_plan(), Streams(coloured, coloured))
    text.plan(a_plan(), Streams(piped, piped))
    monkeypatch.setenv("NO_COLOR", "1")
    text.plan(a_plan(), Streams(bare, bare))
    assert "\x1b[32m" in coloured.getvalue()
    assert "\x1b[3" not in bare.getvalue()
    assert "\x1b" not in piped.getvalue()


HOSTILE = "\x1b[2J\x07evil\u202e\r\n```\n<script>alert(1)</script> @everyone | [x](http://x)"


def hostile_plan() -> Plan:
    raw = {"id": "id_1", "created_at": 1, "model": "m", "name": HOSTILE, "instructions": HOSTILE + " x"}
    mark = stamp.write("school", Address("assistant", "a"), {"model": "m"}, "")
    world = [LiveObject("assistant", "id_1", {**raw, "metadata": mark})]
    desired = [Resource(Address("assistant", "a"), {"model": "m", "name": "Good", "instructions": "Good words."})]
    target = Target(HOSTILE, "assistants", HOSTILE)
    return plan.build(Scope("school", target, KINDS), desired, world)


def test_on_a_terminal_long_lines_go_on_under_their_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    prompt = "\n".join(
        f"Rule {n}: explain every single step of what you do, as if to a child, and ask." for n in range(3)
    )
    changed = edited("instructions", prompt, prompt.replace("1: explain every", "1: tell each"), origin=Origin.MANIFEST)
    named = edited("name", "a", "수원 도시 계획 " * 3, origin=Origin.MANIFEST)
    narrow, piped = Terminal(), io.StringIO()
    for out in (narrow, piped):
        text.plan(hand_made(assistant("a", changed, named)), Streams(out, out))
    assert max(map(len, piped.getvalue().splitlines())) > 80
    shown = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in narrow.getvalue().splitlines()]
    assert shown[3:7] == [
        "    ~ name          a → 수원 도시 계획 수원 도시 계획 수원 도시 계획",
        "    ~ instructions  … Rule 1: [-explain-]{+tell+} [-every-]{+each+} single step",
        "                    of what…",
        "",
    ]


def test_an_account_cannot_forge_terminal_output() -> None:
    out = io.StringIO()
    text.plan(hostile_plan(), Streams(out, out))
    assert not [one for one in out.getvalue() if one != "\n" and not one.isprintable()]
    assert "\\x1b[2J\\x07evil\\u202e" in out.getvalue()


def test_an_account_cannot_leave_the_code_block_of_a_comment() -> None:
    shown = rendered("plan", "markdown", hostile_plan())
    outside, fence = [], ""
    for line in shown.splitlines():
        if not fence and re.fullmatch("`{3,}diff", line):
            fence = line.removesuffix("diff")
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert fence == ""
    assert "<script>" in shown
    assert "<script>" not in re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", "\n".join(outside)), "only inside of code"


def test_plain_text_stays_as_it_is_and_newlines_show() -> None:
    assert plain("수원 도시계획 – ok") == "수원 도시계획 – ok"
    assert plain("a\nb\x00") == "a⏎b\\x00"
