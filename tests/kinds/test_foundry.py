"""The kind of Foundry's agents, alone: names, versions, and what of the latest version goes into the next."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.kinds import foundry, kinds_of
from deployer.kinds.base import Body, HeldIds
from deployer.model import AccountSettings, Address, Reason, Why

KIND = foundry.KIND
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {}}}, "strict": False}


def live(**definition: Any) -> dict[str, Any]:
    return {
        "id": "a",
        "name": "a",
        "version": "3",
        "description": "D",
        "metadata": {"x": "y"},
        "definition": {"kind": "prompt", "model": "m", **definition},
    }


def wired(attrs: dict[str, Any], raw: dict[str, Any] | None) -> dict[str, Any]:
    return dict(KIND.wire(KIND.express(attrs).attrs, raw).fields)


def losses(attrs: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(loss.path, loss.fatal) for loss in KIND.express({"model": "m", **attrs}).losses]


@pytest.mark.parametrize(
    ("key", "attrs", "name"),
    (
        ("tutor", {}, "tutor"),
        ("math_tutor-1", {}, "math-tutor-1"),
        ("a__b_", {}, "a-b"),
        ("a", {"agent_name": "CityGuide"}, "CityGuide"),
    ),
)
def test_a_name(key: str, attrs: dict[str, Any], name: str) -> None:
    assert KIND.naming
    assert KIND.naming.of(Address("assistant", key), attrs) == name
    made = KIND.made(Address("assistant", key), attrs, Body({"definition": {}}, (("/a", "b"),)))
    assert (made.fields, made.refs) == ({"name": name, "definition": {}}, (("/a", "b"),))


def test_a_kind_without_names_makes_what_is_sent() -> None:
    body = Body({"model": "m"})
    assert kinds_of("assistants")["assistant"].made(Address("assistant", "a"), {}, body) is body


def test_what_is_read_has_every_field_with_its_default() -> None:
    assert KIND.canonical(live(), {}) == {
        "agent_name": "a",
        "description": "D",
        "model": "m",
        "instructions": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "reasoning.summary": None,
        "tools": {},
        "response_format": "auto",
        "metadata": {"x": "y"},
    }
    bare = KIND.canonical({"definition": {"model": "m"}, "description": "", "metadata": None}, {})
    assert (bare["description"], bare["metadata"], "agent_name" in bare) == (None, {}, False)
    assert KIND.canonical({"definition": ["x"]}, {}) == {}


def test_numbers_are_compared_as_the_api_keeps_them() -> None:
    raw = live(temperature=0.30000001192092896, top_p=0.8999999761581421)
    found = KIND.canonical(raw, {})
    assert (found["temperature"], found["top_p"]) == (0.3, 0.9)
    said = KIND.express({"temperature": 0.1234567, "top_p": None}).attrs
    assert (said["temperature"], said["top_p"]) == (0.123457, None)


def test_a_create_says_what_is_declared_and_no_more() -> None:
    assert wired({"model": "m", "temperature": None}, None) == {"definition": {"kind": "prompt", "model": "m"}}
    said = wired({"model": "m", "reasoning_effort": "low", "response_format": {"type": "json_object"}}, None)
    assert said["definition"]["reasoning"] == {"effort": "low"}
    assert said["definition"]["text"] == {"format": {"type": "json_object"}}


def test_an_update_is_whole() -> None:
    raw = live(
        instructions="Old.",
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}, "of_tomorrow": 1},
        tool_choice="auto",
    ) | {"blueprint_reference": {"type": "x"}}
    said = wired({"instructions": "New.", "reasoning_effort": None, "response_format": "auto"}, raw)
    assert said == {
        "definition": {
            "kind": "prompt",
            "model": "m",
            "instructions": "New.",
            "reasoning": {"summary": "auto"},
            "text": {"of_tomorrow": 1},
            "tool_choice": "auto",
        },
        "description": "D",
        "metadata": {"x": "y"},
        "blueprint_reference": {"type": "x"},
    }
    assert wired({"description": None, "metadata": {}}, raw)["description"] == ""
    assert wired({"reasoning_effort": None}, live(reasoning={"effort": "low"}))["definition"] == live()["definition"]
    assert raw["definition"]["instructions"] == "Old.", "what is given is not changed"


def test_tools_keep_what_is_not_declared_of_them() -> None:
    bing, container = {"type": "bing_grounding", "x": 1}, {"type": "auto", "file_ids": ["f"], "memory_limit": "4g"}
    search = {
        "type": "file_search",
        "vector_store_ids": ["vs_1"],
        "max_num_results": 3,
        "ranking_options": {"score_threshold": 0.5, "hybrid_search": {"a": 1}},
        "filters": {"type": "eq"},
        "name": "library",
    }
    mcp = {"type": "mcp", "server_label": "d", "server_url": "u", "require_approval": "never", "allowed_tools": ["a"]}
    raw = live(
        tools=[
            bing,
            {**FUNCTION, "description": "Old.", "output_schema": {"type": "object"}},
            {**FUNCTION, "name": "g", "output_schema": {"type": "array"}},
            search,
            {"type": "code_interpreter", "container": container},
            mcp,
            {**mcp, "server_label": "e", "require_approval": "always"},
        ]
    )
    declared = [
        {"type": "file_search", "vector_stores": ["vector_store/docs"]},
        {"type": "code_interpreter"},
        FUNCTION,
        {"type": "mcp", "server_label": "d", "transport": {"type": "http", "server_url": "v"}},
        {"type": "web_search"},
    ]
    body = KIND.wire(KIND.express({"tools": declared}).attrs, raw)
    assert body.fields["definition"]["tools"] == [
        {
            "type": "file_search",
            "vector_store_ids": ["vector_store/docs"],
            "ranking_options": {"hybrid_search": {"a": 1}},
            "filters": {"type": "eq"},
            "name": "library",
        },
        {"type": "code_interpreter", "container": container},
        {**FUNCTION, "output_schema": {"type": "object"}},
        {"type": "mcp", "server_label": "d", "server_url": "v", "require_approval": "never"},
        {"type": "web_search"},
        bing,
    ]
    assert body.refs == (("/definition/tools/0/vector_store_ids/0", "vector_store/docs"),)
    ranked = {"type": "file_search", "ranking_options": {"score_threshold": 0.7}}
    (found,) = wired({"tools": [ranked]}, live(tools=[search]))["definition"]["tools"]
    assert found["ranking_options"] == {"score_threshold": 0.7, "hybrid_search": {"a": 1}}
    (found,) = wired({"tools": [{"type": "file_search"}]}, live(tools=[ranked]))["definition"]["tools"]
    assert "ranking_options" not in found
    assert "tools" not in wired({"tools": []}, live(tools=[FUNCTION]))["definition"]
    assert wired({"tools": []}, live(tools=[bing]))["definition"]["tools"] == [bing]
    named = KIND.canonical(raw, {"vs_1": "vector_store/docs"})["tools"]
    assert list(named) == ["f", "g", "file_search", "code_interpreter", "mcp d", "mcp e"], (
        "what no manifest can say is not compared"
    )
    assert named["file_search"]["vector_stores"] == ["vector_store/docs"]


def test_the_stores_and_files_that_an_agent_uses() -> None:
    tools = [{"type": "file_search", "vector_store_ids": ["vs_1"]}]
    tools.append({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f_1"]}})  # type: ignore[dict-item]
    raw = live(tools=tools)
    assert KIND.references(raw) == ("vs_1",)
    assert KIND.held(raw) == ("f_1",)
    for odd in ({}, {"definition": None}, {"definition": {"tools": "x"}}, {"definition": {"tools": [{"a": 1}]}}):
        assert (KIND.references(odd), KIND.held(odd)) == ((), ())
    assert KIND.takes_files({"tools": {"code_interpreter": {}}})
    assert not KIND.takes_files({"tools": {}})
    assert not KIND.takes_files({"tools": None})
    files = KIND.files
    assert isinstance(files, HeldIds)
    body = files.hold(Body({"definition": raw["definition"], "metadata": {}}, (("/x", "y"),)), [("file a", False)], raw)
    assert body.fields["definition"]["tools"][1]["container"]["file_ids"] == ["file a"]
    assert body.fields["metadata"] == {}
    assert body.refs == (("/x", "y"), ("/definition/tools/1/container/file_ids/0", "file a"))
    bare = Body({"definition": {"model": "m"}})
    assert files.hold(bare, [("file a", False)], raw) is bare


def test_what_an_agent_cannot_have() -> None:
    functions = [{**FUNCTION, "name": f"f{number}"} for number in range(129)]
    stores = {"type": "file_search", "vector_stores": ["vector_store/a", "vector_store/b"]}
    assert losses({"tools": functions}) == [("tools", True)]
    assert losses({"tools": functions[:128]}) == []
    assert losses({"tools": [stores]}) == [("tools/file_search", True)]
    assert losses({"tools": [stores | {"vector_stores": ["vector_store/a"]}]}) == []
    said = KIND.express({"tools": [*functions, stores], "instructions": "{{a}}"}).losses
    assert [loss.why for loss in said] == [
        "there {{…}} is the place of a structured input, so it may not arrive as it stands",
        "130 tools; an agent holds at most 128",
        "2 vector stores; file_search of an agent takes one: put the documents in one store",
    ]
    formed = KIND.express({"response_format": {"type": "text"}})
    assert (formed.attrs, formed.losses) == ({"response_format": "auto"}, ())
    assert losses({"name": "Tutor"}) == [("name", False)]
    assert losses({"name": "Tutor", "agent_name": "Tutor"}) == []
    assert losses({"name": "Tutor", "agent_name": "Other", "service_tier": "flex"}) == [
        ("name", False),
        ("service_tier", False),
    ]
    (braces,) = KIND.express({"instructions": "Say {{name}}."}).losses
    assert (braces.path, braces.sent, braces.fatal) == ("instructions", True, False)
    assert losses({"instructions": "Say {name}."}) == []
    assert losses({"instructions": None}) == []


def pinning(*versions: str) -> dict[str, Any]:
    rules = [{"type": "FixedRatio", "agent_version": one, "traffic_percentage": 100} for one in versions]
    return {"agent_endpoint": {"version_selector": {"version_selection_rules": rules}}}


@pytest.mark.parametrize(
    ("raw", "keep", "news"),
    (
        ({}, None, [(Why.VERSION, "3 → 4")]),
        ({"stamped_version": "3"}, None, [(Why.VERSION, "3 → 4")]),
        ({"stamped_version": "2"}, None, [(Why.BY_HAND, "3"), (Why.VERSION, "3 → 4")]),
        (pinning("@latest"), None, [(Why.VERSION, "3 → 4")]),
        (pinning("2"), None, [(Why.VERSION, "3 → 4"), (Why.PINNED, "2")]),
        ({"agent_endpoint": {"version_selector": []}}, None, [(Why.VERSION, "3 → 4")]),
        ({}, 4, [(Why.VERSION, "3 → 4")]),
        ({}, 3, [(Why.VERSION, "3 → 4"), (Why.VERSIONS_GO, "1")]),
        ({"version": "of tomorrow"}, 3, []),
    ),
)
def test_what_a_plan_says_of_an_update(raw: dict[str, Any], keep: int | None, news: list[tuple[Why, str]]) -> None:
    settings = AccountSettings("a", "foundry", keep_versions=keep)
    versions = kinds_of("foundry", settings)["assistant"].versions
    assert versions
    assert list(versions.news(live() | raw)) == [Reason(code, (name,)) for code, name in news]
    assert versions.of(live()) == "3"
    assert versions.end == Reason(Why.WHOLE_AGENT)


def test_what_is_foreign_again_says_so_since_older_versions_have_a_stamp() -> None:
    body = KIND.stamped({}, {"x": "y"}, {}, live())
    assert body.fields["metadata"] == {"x": "y", "deployer_origin": "released"}
    body = KIND.stamped({}, {}, {"deployer": "p/assistant/a"}, live())
    assert body.fields["metadata"] == {"deployer": "p/assistant/a"}
