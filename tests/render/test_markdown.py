"""The comment on a pull request: verdict first, every change visible or counted, never longer than GitHub takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.engine import plan_json
from deployer.model import (
    Action,
    Address,
    Change,
    Effect,
    FieldChange,
    OnDrift,
    Origin,
    Outcome,
    Plan,
    Problem,
    Severity,
    Status,
    Target,
)
from deployer.project import ApplyResult, ApplyStatus
from deployer.render.formats import rendered
from tests.render.plans import a_plan, assistant, edited

MOST = 65_536
LINES = tuple(f"Rule {n}: say it in your own words, step by step." for n in range(60))


def comment(plan: Plan) -> str:
    return rendered("plan", "markdown", plan)


def created(name: str) -> Change:
    fields = (FieldChange(("name",), None, name, Origin.MANIFEST), FieldChange(("model",), None, "m", Origin.MANIFEST))
    return assistant(name, *fields, action=Action.CREATE)


def rewritten(number: int) -> Change:
    new = "\n".join(f"Point {n} of {number}, and nothing of it was there before." for n in range(60))
    return assistant(f"prompt-{number}", edited("instructions", "\n".join(LINES), new, origin=Origin.MANIFEST))


def header(shown: str) -> dict[str, object]:
    found = re.match(r"<!-- deployer (\{.*\}) -->\n", shown)
    assert found
    data: dict[str, object] = json.loads(found[1])
    return data


def test_two_thousand_creates_are_all_there() -> None:
    plan = a_plan(*(created(f"assistant-{n:04}") for n in range(2_000)))
    shown = comment(plan)
    assert len(shown) < MOST
    assert [f"`assistant/assistant-{n:04}`" in shown for n in range(2_000)] == [True] * 2_000
    assert "**Shortened**: changes are named only" in shown
    assert header(shown) == {"account": "production", "fingerprint": plan_json.fingerprint(plan), "truncated": True}


def test_what_finds_no_room_is_counted() -> None:
    shown = comment(a_plan(*(created(f"{'a-very-long-key-' * 3}{n:05}") for n in range(3_000)), rewritten(1)))
    assert len(shown) < MOST
    named, rest = shown.count("`assistant/a-very"), re.search(r"and ([\d,]+) more", shown)
    assert rest
    assert named + int(rest[1].replace(",", "")) == 3_000
    assert "- `~` 1: `assistant/prompt-1`" in shown


def test_the_largest_changes_are_folded_first() -> None:
    """Whole as long as there is room: fifteen rewritten prompts keep a line each, small changes stay as they are."""
    small = assistant("small", edited("name", "old", "new", origin=Origin.MANIFEST))
    big = [rewritten(n) for n in range(15)] + [rewritten(n) for n in range(15, 40)]
    shown = comment(a_plan(*big, small))
    assert len(shown) < MOST
    assert "!   name  old → new" in shown
    assert re.search(r"\*\*Shortened\*\*: \d+ changes stand in a line of their own", shown)
    assert all(f"assistant/prompt-{n} " in shown for n in range(40))
    assert re.search(r"^- `~ assistant/prompt-\d+  1 fields`: \d+ lines left out$", shown, re.MULTILINE)


def test_fifteen_rewritten_prompts_fit() -> None:
    shown = comment(a_plan(*(rewritten(n) for n in range(15))))
    assert len(shown) < MOST
    assert all(f"assistant/prompt-{n} " in shown for n in range(15))


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(0, 300))
def test_a_comment_is_never_too_long_and_says_when_it_is_short(sizes: list[int], problems: int) -> None:
    changes = [
        assistant(
            f"a{n}", *(edited(f"metadata/{key:03}", "x" * 70, "y" * 70, origin=Origin.MANIFEST) for key in range(size))
        )
        for n, size in enumerate(sizes)
    ]
    found = tuple(Problem("m" * 5_000, "", f"assistant/a{n}", severity=Severity.WARNING) for n in range(problems))
    plan = replace(a_plan(*changes), problems=found)
    shown = comment(plan)
    assert len(shown) < MOST
    assert header(shown)["truncated"] == ("**Shortened**" in shown)
    assert all(f"assistant/a{n}" in shown for n in range(len(sizes)))


def test_the_verdict_comes_first() -> None:
    broken = Effect((), "is gone", breaking=True, kind="gone")
    plan = a_plan(
        assistant("tutor", edited("name", "By hand", "Tutor"), edited("model", "m", "n", origin=Origin.MANIFEST)),
        assistant("quiz", FieldChange(("tools", "show_quiz"), {"type": "function"}, None, Origin.MANIFEST, (broken,))),
        assistant("old", action=Action.DELETE),
    )
    assert comment(plan).splitlines()[4:12] == [
        "- **apply will refuse**: `edited on the account since the last apply:`",
        '  - `assistant/tutor.name: git says "Tutor", the account says "By hand"`',
        "  - `add --on-drift overwrite (git wins) or --on-drift keep (the account wins), or change git`",
        "- **breaking for the application**: `assistant/quiz.tools/show_quiz`",
        "- **deletes**: `assistant/old`",
        "",
        "`Account  production · assistants · https://assistants.example/v1 · project school`",
        "",
    ]
    assert "apply will refuse" not in comment(replace(plan, on_drift=OnDrift.OVERWRITE))


def test_a_long_plan_is_folded_and_a_short_one_is_open() -> None:
    assert "<details open>" in comment(a_plan(created("a")))
    assert "<details open>" not in comment(a_plan(*(rewritten(n) for n in range(5))))


def test_nothing_can_end_the_hidden_header() -> None:
    hostile = replace(a_plan(), target=Target("a --> <b>", "assistants", "u"))
    assert header(comment(hostile))["account"] == "a --> <b>"
    assert comment(hostile).splitlines()[0].count("-->") == 1


@pytest.mark.parametrize("count", (0, 3, 2_000))
def test_outcomes_name_failures_first(count: int) -> None:
    done = [Outcome(Address("assistant", f"a{n:04}"), Action.CREATE, Status.DONE) for n in range(count)]
    failed = Outcome(Address("assistant", "z"), Action.UPDATE, Status.FAILED, "429: `slow` down", notes=("n",))
    shown = rendered("outcomes", "markdown", ApplyResult(ApplyStatus.INCOMPLETE, None, (*done, failed), why="so"))
    assert len(shown) < MOST
    lines = shown.splitlines()
    headline, why, first, note = lines[0], lines[3], *lines[6:8]
    assert (headline, why) == (f"### deployer apply: incomplete: {count:,} done, 1 failed.", "so")
    assert (first, note) == ("- **failed** `` assistant/z  update: 429: `slow` down ``", "  - note: `n`")
    assert (
        shown.count("**done**")
        + (int(found[1].replace(",", "")) if (found := re.search(r"and ([\d,]+) more", shown)) else 0)
        == count
    )


def test_drift_is_a_comment_too() -> None:
    shown = rendered("drift", "markdown", a_plan(assistant("tutor", edited("name", "By hand", "Tutor"))))
    assert shown.startswith("### deployer drift: 1 field moved on the account (git → account).\n")
    assert "!   name  Tutor → By hand  edited on the account, not in git" in shown
