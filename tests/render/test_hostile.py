"""What an account, a manifest or a file name says is shown, and does nothing: not to a terminal, not in a comment."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from deployer.engine import review
from deployer.model import (
    Action,
    Address,
    Change,
    DesiredFile,
    Effect,
    FieldChange,
    FileAction,
    FileChange,
    LiveFile,
    Origin,
    Outcome,
    Plan,
    Position,
    Problem,
    Severity,
    Status,
    Target,
)
from deployer.render import preview, text
from deployer.render.formats import rendered
from deployer.render.lines import plain, plain_json
from deployer.render.output import Streams

MARK = "Zqx"
TRICKS = (
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\r",
    "\n",
    "\r\n",
    "\x0b\x0c\x1c\x85",
    "\u2028\u2029",
    "\u202e\u2066\u200f",
    "\u200b\ufeff\U000e0041",
    "\x00\x08\x7f",
    "`",
    "``` ",
    "\n```\n",
    "\n~~~\n",
    "<script>alert(1)</script>",
    "<!--",
    "-->",
    "&lt;&#64;",
    "@everyone",
    "#1 GH-1",
    "[x](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example",
    "| a | b |\n|---|---|",
    "**",
    "__ ~~",
    "\\",
    "- [ ] ",
    "# ",
    "$x$",
    "[red]",
    ":smile:",
    " ",
    "수원",
)
hostile = st.lists(st.one_of(st.sampled_from(TRICKS), st.just(MARK), st.text(max_size=3)), max_size=6).map(
    lambda parts: MARK + "".join(parts)
)
values = st.recursive(
    st.one_of(hostile, st.none(), st.integers(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(hostile, inner, max_size=2)),
    max_leaves=4,
)
tools = st.builds(lambda name, value: {"type": name, "name": name, name: value}, hostile, values)
origins = st.sampled_from(Origin)
effects = st.builds(Effect, st.tuples(hostile), hostile, st.booleans(), hostile)
fields = st.builds(
    FieldChange,
    hostile,
    st.one_of(values, tools),
    st.one_of(values, tools),
    origins,
    st.lists(effects, max_size=1).map(tuple),
)
live_files = st.builds(
    LiveFile, id=hostile, path=hostile, sha256=hostile, status=hostile, size=st.just(1), created_at=st.just(1)
)
desired_files = st.builds(DesiredFile, hostile, st.just(1), hostile)
files = st.builds(
    FileChange,
    st.sampled_from(FileAction),
    hostile,
    desired_files,
    st.lists(live_files, max_size=1).map(tuple),
    hostile,
)
addresses = st.builds(Address, hostile, hostile)
changes = st.builds(
    Change,
    addresses,
    st.sampled_from(Action),
    hostile,
    hostile,
    st.lists(fields, max_size=2).map(tuple),
    st.lists(files, max_size=2).map(tuple),
    orphan=st.booleans(),
)
problems = st.builds(
    Problem, hostile, hostile, hostile, st.builds(Position, hostile, st.just(1), st.just(2)), st.sampled_from(Severity)
)
plans = st.builds(
    Plan,
    hostile,
    st.builds(Target, hostile, hostile, hostile),
    st.lists(changes, max_size=2).map(tuple),
    st.lists(problems, max_size=2).map(tuple),
    origin=hostile,
)


def on_a_terminal(value: Plan) -> str:
    out = io.StringIO()
    text.plan(value, Streams(out, out))
    return out.getvalue()


def harmless(shown: str) -> bool:
    """Nothing acts on a terminal, and nothing but a line feed ends a line, whoever splits it."""
    acting = [one for one in shown if one != "\n" and unicodedata.category(one)[0] == "C"]
    return not acting and shown.removesuffix("\n").split("\n") == (shown.splitlines() or [""])


@given(plans)
def test_a_plan_on_a_terminal_holds_nothing_that_acts(value: Plan) -> None:
    assert harmless(on_a_terminal(value))


@given(plans)
def test_nobody_adds_a_line_at_the_margin(value: Plan) -> None:
    """Account, problems, changes, totals and the refusal stand there: another one would be forged."""
    expected = sum(line.depth == 0 for line in preview.changes(value)) + len(value.problems) + 2
    expected += bool(review.of(value).refusal)
    assert sum(bool(line) and line[0] != " " for line in on_a_terminal(value).split("\n")) == expected


@given(
    st.builds(
        Outcome, addresses, st.sampled_from(Action), st.sampled_from(Status), hostile, hostile, st.tuples(hostile)
    )
)
def test_an_outcome_holds_nothing_that_acts(value: Outcome) -> None:
    out = io.StringIO()
    text.outcome(text.console(out), value)
    assert harmless(out.getvalue())
    assert harmless(preview.left([value]))


def tokens(shown: list[Token]) -> Iterator[Token]:
    for token in shown:
        yield token
        yield from tokens(token.children or [])


HTML = re.compile(
    r"<!-- deployer [^>\n]*-->\n|</details>\n|<details(?: open)?><summary><code>[^<>\n]*</code></summary>\n"
)


@given(plans)
def test_a_comment_shows_what_others_say_as_code_only(value: Plan) -> None:
    shown = rendered("plan", "markdown", value)
    assert harmless(shown)
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found = [token for token in tokens(parser.parse(shown)) if token.type != "inline"]
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in found}
    assert kinds <= {
        "heading",
        "paragraph",
        "bullet_list",
        "list_item",
        "text",
        "strong",
        "softbreak",
        "code_inline",
        "fence",
        "html_block",
    }
    assert not [token.content for token in found if token.type == "text" and MARK in token.content]
    blocks = sum(line.depth == 0 for line in preview.changes(value))
    assert sum(token.type == "fence" for token in found) == blocks
    assert sum(token.type == "code_inline" for token in found) >= 1 + len(value.problems)
    assert [token.content for token in found if token.type == "html_block" and not HTML.fullmatch(token.content)] == []


@pytest.mark.parametrize("text", ("a", "`", "``a`b```", " a ", "`a", "a`", "``", " "))
def test_inline_code_shows_the_very_text(text: str) -> None:
    problem = Problem(text, "", severity=Severity.WARNING)
    shown = rendered("plan", "markdown", Plan("p", Target("t", "a", "u"), (), (problem,)))
    codes = [token.content for token in tokens(MarkdownIt().parse(shown)) if token.type == "code_inline"]
    assert codes[1].strip() == text.strip()


@given(plans)
def test_a_plan_in_json_says_the_very_same_and_acts_on_nothing(value: Plan) -> None:
    written = rendered("plan", "json", value)
    shown = plain_json(written)
    assert harmless(shown)
    assert json.loads(shown) == json.loads(written)


@given(st.text())
def test_plain_text_holds_nothing_that_acts_and_is_stable(said: str) -> None:
    shown = plain(said)
    assert harmless(shown)
    assert "\n" not in shown
    assert plain(shown) == shown
    assert shown == said or not said.isprintable()


@pytest.mark.parametrize("said", ("수원 도시계획 – ok", "日本語　全角", "naïve\xa0café", "😀", ""))
def test_what_people_write_stays_as_it_is(said: str) -> None:
    assert plain(said) == said
    value: Any = json.loads(plain_json(json.dumps(said, ensure_ascii=False)))
    assert value == said


def test_what_acts_becomes_visible() -> None:
    assert plain("a\nb\x00\x9b\u2028\u202e") == "a⏎b\\x00\\x9b\\u2028\\u202e"
    assert plain_json('"\x9b\u2028\U000e0041"') == '"\\u009b\\u2028\\udb40\\udc41"'
