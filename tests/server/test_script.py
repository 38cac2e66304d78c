"""Scripts: what may stand in one, in the reader as in the published schema, and what the page says of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deployer.server import ScriptError, read_script
from deployer.server.runs.script import _TURN, PARTS
from tests.server.talk import FUNCTION, SEARCH, talking

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "script.schema.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "talking.md").read_text(encoding="utf-8")
_SAID = {"text": "x"}


def _of(*answers: Any, **turn: Any) -> dict[str, Any]:
    return {"version": 1, "turns": [{"answers": list(answers), **turn}]}


RIGHT: tuple[dict[str, Any], ...] = (
    {"version": 1, "turns": []},
    {"version": 1, "pace": 0.5, "turns": []},
    _of(_SAID, times=3, pace=1),
    _of(_SAID, times="any", when={"name": "a", "model": "b", "instructions": "c", "message": "d", "output_of": "e"}),
    _of([_SAID, {"text": ["a", "b"]}, {"refusal": "no"}, {"refusal": ["n", "o"]}]),
    _of({"call": "f"}, {"call": "f", "arguments": {"a": 1}, "id": "call_1"}, {"call": "f", "arguments": ["{", "}"]}),
    _of({"search": "q"}, {"search": ["q", "r"], "results": [{"file": "a", "text": "b"}]}),
    _of({"search": "q", "results": [{"file": "a", "text": "b", "score": 0.5, "file_id": "f", "attributes": {}}]}),
    _of({"code": "print(1)"}, {"code": "x", "outputs": [{"logs": "1"}, {"file_id": "file-1"}]}),
    _of({"reasoning": "hm"}, {"item": {"type": "web_search_call", "status": "completed"}}),
    _of({"fail": {"message": "m"}}, {"fail": {"message": "m", "code": "rate_limit_exceeded"}}),
    _of({"stop": "content_filter"}, {"usage": {"input": 1, "output": 0, "cached": 0, "reasoning": 0}}, {"delay": 0.5}),
)
WRONG: tuple[tuple[Any, str], ...] = (
    ([], "a script must be a mapping with the keys version and turns"),
    ({"turns": []}, "version must be 1"),
    ({"version": 2, "turns": []}, "version: version must be 1"),
    ({"version": 1}, "turns must be a list"),
    ({"version": 1, "turns": {}}, "turns: turns must be a list"),
    ({"version": 1, "turns": [], "peace": 1}, "peace: unknown key peace; did you mean pace?"),
    ({"version": 1, "turns": [], "pace": -1}, "pace: pace must be a number of seconds, at most a day"),
    ({"version": 1, "turns": ["x"]}, "turns[0]: a turn must be a mapping with answers"),
    ({"version": 1, "turns": [{}]}, "turns[0]: answers must be a list of one or more"),
    (_of(), "turns[0].answers: answers must be a list of one or more"),
    (_of(_SAID, time=1), "turns[0].time: unknown key time; did you mean times?"),
    (_of(_SAID, times=0), "turns[0].times: times must be a whole number, 1 or more, or any"),
    (_of(_SAID, when={"who": "x"}), "turns[0].when: when must be a mapping with name, model, instructions, message, "),
    (_of("Hello"), "turns[0].answers[0]: a part must have one of text, refusal, call, "),
    (_of([_SAID, {}]), "turns[0].answers[0][1]: a part must have one of text, "),
    (_of({"text": "x", "refusal": "y"}), "turns[0].answers[0]: a part must have one of text, "),
    (_of({"text": 1}), "turns[0].answers[0].text: text must be text, or a list of texts: its pieces"),
    (_of({"text": "x", "results": []}), "turns[0].answers[0].results: unknown key results; known are text"),
    (_of({"call": "f", "arguments": 1}), "turns[0].answers[0].arguments: arguments must be a mapping, or the text of"),
    (_of({"search": "q", "results": [{"text": "b"}]}), "turns[0].answers[0].results: results must be a list, and each"),
    (_of({"search": "q", "results": [{"file": "a", "text": "b", "score": 2}]}), "turns[0].answers[0].results: results"),
    (_of({"code": "x", "outputs": [{"html": "1"}]}), "turns[0].answers[0].outputs: outputs must be a list, and each"),
    (_of({"item": {"id": "x"}}), "turns[0].answers[0].item: item must be an item of the Responses API with its type"),
    (_of({"fail": "m"}), "turns[0].answers[0].fail: fail must be a mapping with message, code"),
    (_of({"fail": {"message": "m", "code": "x"}}), "turns[0].answers[0].fail: fail must be a mapping"),
    (_of({"stop": "x"}), "turns[0].answers[0].stop: stop must be max_output_tokens or content_filter"),
    (_of({"usage": {"input": -1}}), "turns[0].answers[0].usage: usage must be a mapping with input, output, "),
    (_of({"delay": "1"}), "turns[0].answers[0].delay: delay must be a number of seconds, at most a day"),
)


@pytest.mark.parametrize("data", RIGHT)
def test_what_is_right_is_right_in_the_schema_too(data: Any) -> None:
    jsonschema.validate(data, SCHEMA)
    assert len(read_script(data).turns) == len(data["turns"])


@pytest.mark.parametrize(("data", "message"), WRONG)
def test_what_is_wrong_is_told_where_it_stands_and_is_wrong_in_the_schema_too(data: Any, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        read_script(data)
    assert str(caught.value).startswith(message)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(data)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ScriptError) as caught:
        read_script(_of({"text": 1}, {"stop": "x"}, times=0))
    assert len(caught.value.flaws) == 3


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"outputs\[0\]\.image: there is no file chart\.png beside the script"):
        read_script(_of({"code": "x", "outputs": [{"image": "chart.png"}]}), tmp_path)


def test_the_schema_knows_every_part_and_every_key() -> None:
    parts = SCHEMA["$defs"]["part"]["anyOf"]
    assert {part["required"][0]: set(part["properties"]) for part in parts} == {
        kind: set(rules) for kind, rules in PARTS.items()
    }
    assert set(SCHEMA["$defs"]["turn"]["properties"]) == set(_TURN)


def test_the_page_says_what_is_so() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    jsonschema.validate(yaml.safe_load(block), SCHEMA)
    assert len(read_script(yaml.safe_load(block)).turns) == 3
    rows = re.findall(r"^\| `(\w+: .*?)` \|", PAGE, re.MULTILINE)
    assert [next(iter(yaml.safe_load(row))) for row in rows] == list(PARTS)
    for row in rows:
        read_script(_of(yaml.safe_load(row)))


@pytest.mark.parametrize(
    ("when", "fits"),
    (
        ({}, True),
        ({"name": "Ada"}, True),
        ({"name": "ada"}, False),
        ({"model": "gpt-*"}, True),
        ({"model": "o*"}, False),
        ({"instructions": "BRIEF"}, True),
        ({"message": "hello"}, True),
        ({"message": "hello", "model": "o*"}, False),
        ({"output_of": "pick"}, False),
    ),
)
def test_when(tmp_path: Path, when: dict[str, str], fits: bool) -> None:  # noqa: FBT001 (a case's expectation)
    with talking(tmp_path, {"when": when, "answers": [_SAID]}) as talk:
        assistant = talk.assistant(name="Ada", instructions="Be brief.")
        thread = talk.thread("Hello?")
        talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
        assert (talk.said(thread)[-1] == "x") is fits


def test_entries_are_used_up_in_their_order(tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"when": {"message": "a"}, "answers": [{"text": "A"}], "times": 2},
        {"answers": [{"text": "any"}]},
        {"when": {"message": "a"}, "answers": [{"text": "again"}], "times": "any"},
    ]
    with talking(tmp_path, *entries) as talk:
        assistant, said = talk.assistant(), []
        for message in ("a", "b", "a", "a", "a"):
            thread = talk.thread(message)
            talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
            said.append(talk.said(thread)[-1])
    assert said == ["A", "any", "A", "again", "again"]


def test_what_no_result_has_is_no_citation(tmp_path: Path) -> None:
    turn = {"answers": [{"search": "cake"}, {"text": "Cake【foods.txt】, pie【pies.txt】."}]}
    with talking(tmp_path, turn) as talk:
        resources: Any = {"file_search": {"vector_store_ids": [talk.store(foods="Filip likes cake.")]}}
        assistant = talk.assistant(tools=[SEARCH, FUNCTION], tool_resources=resources)
        thread = talk.thread("What is good?")
        talk.client.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=assistant)
        part = talk.client.beta.threads.messages.list(thread).data[0].content[0]
    assert part.type == "text"
    assert part.text.value == "Cake【4:0†foods.txt】, pie【pies.txt】."
    assert len(part.text.annotations) == 1


@pytest.mark.parametrize("by", ("previous_response_id", "conversation", "input"))
def test_what_comes_after_an_output_begins_the_next_response(tmp_path: Path, by: str) -> None:
    """Where a call ends the turn, the entry goes on in the one that brings the output, however that refers to it."""
    calls: Any = [{"call": "pick", "arguments": {"n": 1}}, {"call": "pick", "arguments": {"n": 2}}]
    with talking(tmp_path, {"answers": [calls, {"call": "pick"}, {"text": "Picked."}]}) as talk:
        responses = talk.client.responses
        conversation = talk.client.conversations.create().id if by == "conversation" else None
        place: Any = {"conversation": conversation} if conversation else {}
        told: list[Any] = [{"role": "user", "content": "Pick."}]
        response = responses.create(model="m", input=told, **place)
        rounds = []
        while called := [item for item in response.output if item.type == "function_call"]:
            rounds.append(len(called))
            given: list[Any] = [
                {"type": "function_call_output", "call_id": one.call_id, "output": "x"} for one in called
            ]
            told += [item.to_dict() for item in response.output] + given
            place = {"previous_response_id": response.id} if by == "previous_response_id" else place
            response = responses.create(model="m", input=told if by == "input" else given, **place)
    assert (rounds, response.output_text) == ([2, 1], "Picked.")
