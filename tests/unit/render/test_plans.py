"""The rendered plan, whole, as people and programs see it: tests/golden holds the expected text."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from deployer.engine import plan, stamp
from deployer.kinds import SURFACES, vector_store
from deployer.model import Address, DesiredFile, LiveFile, LiveObject, Plan, Position, Resource, Target
from deployer.render import data, lines, markdown, text
from deployer.render.plain import plain

GOLDEN = Path(__file__).parents[2] / "golden"
KINDS = SURFACES["assistants"]
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


def a_plan() -> Plan:
    """Every sort of line: create, update, delete, orphan, no-op, files, prose, structure, drift, a warning."""

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
        LiveFile("file-2", "docs/b.md", "2" * 64, "completed", 2_000, 1),
        LiveFile("file-3", "docs/c.md", "3" * 64, "completed", 5, 1),
    )
    documents = (
        DesiredFile("docs/a.md", 1_400_000, "9" * 64),
        DesiredFile("docs/b.md", 2_000, "2" * 64),
        DesiredFile("docs/용도지역.md", 4_000, "4" * 64),
    )
    edited = live("assistant/tutor", 3, {"model": "gpt-6-luna", "name": "Tutor"})
    edited = LiveObject(edited.kind, edited.id, {**edited.raw, "name": "Changed by hand"})
    world = [
        live("vector_store/docs", 1, {"name": "Docs"}, files),
        live("assistant/quiz", 2, before),
        edited,
        live("assistant/same", 4, {"model": "gpt-6-luna"}),
        live("assistant/gone", 5, {"model": "gpt-6-luna"}),
    ]
    place = Position("assistants.yaml", 12, 5)
    desired = [
        Resource(Address("vector_store", "docs"), {"name": "Docs"}, documents),
        Resource(Address("assistant", "quiz"), after),
        Resource(Address("assistant", "tutor"), {"model": "gpt-6-luna", "name": "Tutor"}),
        Resource(Address("assistant", "same"), {"model": "gpt-6-luna"}, positions={"": place}),
        Resource(Address("assistant", "new"), {"model": "gpt-6-luna", "tools": tools(1, QUIZ)[1:]}),
    ]
    target = Target("production", "assistants", "https://assistants.example/v1")
    return plan.build(plan.Scope("school", target, KINDS, "4f2c1ab", prune=True), desired, world)


def rendered(form: str) -> str:
    if form == "json":
        return data.plan(a_plan()) + "\n"
    if form == "md":
        return markdown.plan(a_plan())
    out = io.StringIO()
    text.plan(text.console(out), a_plan())
    return out.getvalue()


@pytest.mark.parametrize("form", ("txt", "md", "json"))
def test_the_rendered_plan_is_the_golden_one(form: str) -> None:
    """Set DEPLOYER_UPDATE_GOLDEN=1 to rewrite the files, then read the difference."""
    golden, found = GOLDEN / f"plan.{form}", rendered(form)
    if os.environ.get("DEPLOYER_UPDATE_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


def test_colour_is_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, bare, piped = Terminal(), Terminal(), io.StringIO()
    text.plan(text.console(coloured), a_plan())
    text.plan(text.console(piped), a_plan())
    monkeypatch.setenv("NO_COLOR", "1")
    text.plan(text.console(bare), a_plan())
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
    return plan.build(plan.Scope("school", target, KINDS), desired, world)


def test_an_account_cannot_forge_terminal_output() -> None:
    out = io.StringIO()
    text.plan(text.console(out), hostile_plan())
    assert not [one for one in out.getvalue() if one != "\n" and not one.isprintable()]
    assert "\\x1b[2J\\x07evil\\u202e" in out.getvalue()


def test_an_account_cannot_leave_the_code_block_of_a_comment() -> None:
    shown = markdown.plan(hostile_plan())
    outside, fence = [], ""
    for line in shown.splitlines():
        if not fence and line.startswith("```"):
            fence = line.removesuffix("diff")
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert fence == ""
    assert "<script>" not in "".join(line for line in outside if not line.startswith("`"))
    assert all(line.count("`") == 2 for line in outside if line.startswith("`"))


def test_plain_text_stays_as_it_is_and_newlines_show() -> None:
    assert plain("수원 도시계획 – ok") == "수원 도시계획 – ok"
    assert plain("a\nb\x00") == "a⏎b\\x00"


@pytest.mark.parametrize(
    ("count", "shown"), ((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_100_000, "2.1 MB"), (5 * 10**9, "5.0 GB"))
)
def test_sizes_read_well(count: int, shown: str) -> None:
    assert lines.size(count) == shown


def test_batches_hold_at_most_500_files() -> None:
    documents = tuple(DesiredFile(f"d/{n}.md", 1, f"{n:064d}") for n in range(1201))
    resource = Resource(Address("vector_store", "big"), {}, documents)
    scope = plan.Scope("school", Target("t", "assistants", ""), KINDS)
    (change,) = plan.build(scope, [resource], []).changes
    attach = change.stages[1]
    sizes = [len(step.body["files"]) for step in attach]  # type: ignore[union-attr,index]
    assert sizes == [vector_store.BATCH, vector_store.BATCH, 201]
