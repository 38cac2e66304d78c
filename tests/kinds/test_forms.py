"""What each kind makes of attrs and of answers, field by field: what is desired, what is read, what is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.kinds import SURFACES, agent, assistant, kinds_of, response_tools, tools, vector_store
from deployer.kinds.base import BESIDE, Body, HeldIds, StampHome
from deployer.model import AccountSettings, LiveFile

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION: Json = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
PLAIN: Json = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA}
FORMAT: Json = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}
KEPT: Json = {"type": "json_schema", "json_schema": {"schema": SCHEMA}}
INTERPRETER: Json = {"type": "code_interpreter"}
WEB: Json = {"type": "web_search"}
NEW: Json = {"type": "tomorrow", "x": 1}
"""A tool that this version does not know."""


def test_a_surface_has_the_kinds_of_its_row() -> None:
    for surface, row in SURFACES.items():
        assert kinds_of(surface) == {name: home.kind for name, home in row.items()}
    assert kinds_of("nowhere") == {}
    assert kinds_of("nowhere", AccountSettings("a", "nowhere", "")) == {}
    for surface in ("assistants", "agents"):
        assert kinds_of(surface, AccountSettings("a", surface, "")) == kinds_of(surface)
    informed = kinds_of("agents", AccountSettings("a", "agents", "", knowledge_as="function"))
    assert informed["assistant"].express is not agent.express
    assert informed["vector_store"] is vector_store.KIND


# Agents: attrs in canonical form.
EXPRESSED: tuple[tuple[Json, Json], ...] = (
    ({}, {}),
    ({"name": "N", "metadata": {"a": "b"}, "unknown": 1}, {"name": "N", "metadata": {"a": "b"}}),
    ({"tools": [FUNCTION]}, {"tools": {"f": PLAIN}}),
    ({"tools": [PLAIN, INTERPRETER]}, {"tools": {"f": PLAIN}}),
    ({"response_format": None}, {"response_format": "auto"}),
    ({"response_format": "auto"}, {"response_format": "auto"}),
    ({"response_format": {"type": "text"}}, {"response_format": "auto"}),
    ({"response_format": {"type": "json_object"}}, {"response_format": "auto"}),
    ({"response_format": FORMAT}, {"response_format": KEPT}),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
    ),
    ({"text.verbosity": "low", "multi_agent.enabled": True}, {"text.verbosity": "low", "multi_agent.enabled": True}),
)


@pytest.mark.parametrize(("attrs", "expected"), EXPRESSED)
def test_an_agent_expresses(attrs: Json, expected: Json) -> None:
    assert agent.express(attrs).attrs == expected


def test_a_name_is_as_long_as_an_agent_takes() -> None:
    assert agent.express({"name": "n" * 128}).losses == agent.express({"name": None}).losses == ()
    (loss,) = agent.express({"name": "n" * 129}).losses
    assert (loss.path, loss.why, loss.fatal) == ("name", "longer than the 128 characters of an agent's name", True)


# Agents: what is read.
AGENTS_READ: tuple[tuple[Json, Json], ...] = (
    ({}, {}),
    ({"id": "x", "name": "N", "model": "m", "instructions": None}, {"name": "N", "model": "m", "instructions": None}),
    ({"metadata": {"a": "b"}, "service_tier": "flex"}, {"metadata": {"a": "b"}, "service_tier": "flex"}),
    ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "low"}),
    ({"reasoning": {"summary": "auto", "other": 1}}, {"reasoning.summary": "auto"}),
    ({"reasoning": None, "experimental": None}, {}),
    (
        {"multi_agent": {"enabled": True, "max_concurrent_subagents": 3}, "compaction": {"async": True}},
        {"multi_agent.enabled": True, "multi_agent.max_concurrent_subagents": 3, "compaction.async": True},
    ),
    ({"experimental": {"time_awareness": True}}, {"experimental.time_awareness": True}),
    ({"tools": None}, {"tools": {}}),
    ({"tools": [PLAIN, NEW]}, {"tools": {"f": PLAIN}}),
    ({"text": None}, {"response_format": "auto"}),
    ({"text": {"verbosity": "low"}}, {"text.verbosity": "low", "response_format": "auto"}),
    ({"text": {"format": None}}, {"response_format": "auto"}),
    ({"text": {"format": {"type": "text", "schema": SCHEMA}}}, {"response_format": "auto"}),
    ({"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}, {"response_format": KEPT}),
    (
        {"text": {"format": {"type": "json_schema"}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
    ),
)


@pytest.mark.parametrize(("raw", "expected"), AGENTS_READ)
def test_an_agent_is_read(raw: Json, expected: Json) -> None:
    assert agent.canonical(raw, {}) == expected


# Agents: attrs, the live object, what is sent.
AGENTS_SENT: tuple[tuple[Json, Json | None, Json], ...] = (
    ({}, None, {}),
    ({"name": None, "model": "m", "metadata": {}}, None, {"name": None, "model": "m", "metadata": {}}),
    ({"instructions": "i", "service_tier": None}, {}, {"instructions": "i", "service_tier": None}),
    ({"tools": {"f": PLAIN}}, None, {"tools": [PLAIN]}),
    ({"tools": None}, {"tools": [PLAIN, NEW]}, {"tools": [NEW]}),
    ({"tools": {"f": PLAIN}}, {"tools": None}, {"tools": [PLAIN]}),
    (
        {"tools": {"f": {"type": "function", "name": "f"}}},
        {"tools": [NEW]},
        {
            "tools": [
                NEW,
                {
                    "type": "function",
                    "name": "f",
                    "description": "",
                    "parameters": {"type": "object", "properties": {}},
                },
            ]
        },
    ),
    (
        {"tools": {"web_search": {"type": "web_search", "mode": "live"}}},
        None,
        {"tools": [{"type": "web_search", "mode": "live"}]},
    ),
    ({"reasoning_effort": "low"}, None, {"reasoning": {"effort": "low"}}),
    ({"reasoning_effort": "low"}, {"reasoning": None}, {"reasoning": {"effort": "low"}}),
    ({"reasoning_effort": "low"}, {"reasoning": {"effort": "high", "x": 1}}, {"reasoning": {"effort": "low", "x": 1}}),
    ({"experimental.time_awareness": True}, {"experimental": {"x": 1}}, {"experimental": {"time_awareness": True}}),
    ({"response_format": None}, None, {"text": {"format": {"type": "text"}}}),
    ({"response_format": "auto"}, {"text": None}, {"text": {"format": {"type": "text"}}}),
    (
        {"response_format": KEPT},
        {"text": {"verbosity": "high", "format": {"type": "text"}}},
        {"text": {"verbosity": "high", "format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    (
        {"response_format": KEPT, "text.verbosity": "low"},
        {"text": {"verbosity": "high", "x": 1}},
        {"text": {"verbosity": "low", "x": 1, "format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    (
        {"multi_agent.enabled": True, "multi_agent.max_concurrent_subagents": None},
        None,
        {"multi_agent": {"enabled": True}},
    ),
    (
        {"multi_agent.enabled": True},
        {"multi_agent": {"enabled": False, "max_concurrent_subagents": 2}},
        {"multi_agent": {"enabled": True, "max_concurrent_subagents": 2}},
    ),
    (
        {"multi_agent.enabled": False},
        {"multi_agent": {"enabled": True, "max_concurrent_subagents": 2}},
        {"multi_agent": {"enabled": False}},
    ),
    ({"multi_agent.max_concurrent_subagents": 2}, None, {"multi_agent": {"enabled": False}}),
)


@pytest.mark.parametrize(("attrs", "live", "expected"), AGENTS_SENT)
def test_an_agent_is_sent(attrs: Json, live: Json | None, expected: Json) -> None:
    body = agent.wire(attrs, live)
    assert (dict(body.fields), body.refs) == (expected, ())


def test_the_fields_that_an_update_of_an_agent_could_overwrite() -> None:
    assert agent.KIND.overwritable() == (
        *("name", "model", "instructions", "service_tier"),
        *("reasoning", "text", "multi_agent", "compaction", "experimental", "tools", "metadata"),
    )
    assert agent.KIND.resets["name"] is None
    assert agent.KIND.resets["text.verbosity"] == "medium"
    assert agent.KIND.resets["service_tier"] is None


# Assistants.
SEARCH: Json = {"type": "file_search", "vector_stores": ["vector_store/s"]}
ASSISTANTS_EXPRESSED: tuple[tuple[Json, Json], ...] = (
    ({}, {}),
    ({"name": "N", "metadata": {"a": "b"}, "unknown": 1}, {"name": "N", "metadata": {"a": "b"}}),
    ({"tools": [INTERPRETER, WEB]}, {"tools": {"code_interpreter": INTERPRETER}}),
    ({"tools": [SEARCH]}, {"tools": {"file_search": SEARCH}}),
    ({"tools": [{**FUNCTION, "defer_loading": True, "async": True}]}, {"tools": {"f": FUNCTION}}),
    ({"response_format": None}, {"response_format": "auto"}),
    ({"response_format": "auto"}, {"response_format": "auto"}),
    ({"response_format": {"type": "json_object", "x": 1}}, {"response_format": {"type": "json_object"}}),
    ({"response_format": FORMAT}, {"response_format": FORMAT}),
    (
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "strict": False, "description": None},
            }
        },
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
    ),
    (
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": {}}},
    ),
)


@pytest.mark.parametrize(("attrs", "expected"), ASSISTANTS_EXPRESSED)
def test_an_assistant_expresses(attrs: Json, expected: Json) -> None:
    assert assistant.express(attrs).attrs == expected


def test_an_assistant_holds_so_many_tools_and_one_store() -> None:
    functions = [{"type": "function", "name": f"f{number}"} for number in range(129)]
    assert assistant.express({"tools": functions[:128]}).losses == ()
    (loss,) = assistant.express({"tools": functions}).losses
    assert (loss.path, loss.why, loss.fatal) == ("tools", "129 tools; an assistant holds at most 128", True)
    (loss,) = assistant.express({"tools": [{"type": "file_search", "vector_stores": ["a", "b"]}]}).losses
    assert (loss.path, loss.why, loss.fatal) == (
        "tools/file_search",
        "2 vector stores; file_search of an assistant takes one: put the documents in one store",
        True,
    )
    assert assistant.express({"tools": [SEARCH, {"type": "file_search"}]}).losses == ()


ASSISTANTS_READ: tuple[tuple[Json, Json], ...] = (
    ({}, {}),
    ({"id": "x", "name": "N", "temperature": 0.5}, {"name": "N", "temperature": 0.5}),
    ({"description": None, "top_p": 1, "metadata": {}}, {"description": None, "top_p": 1, "metadata": {}}),
    ({"reasoning_effort": "low", "model": "m"}, {"reasoning_effort": "low", "model": "m"}),
    ({"instructions": "i"}, {"instructions": "i"}),
    ({"tools": None}, {"tools": {}}),
    ({"tools": [{"type": "function", "function": {**FUNCTION, "type": "x"}}]}, {"tools": {"x": {"type": "x"}}}),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
        {"tools": {"f": tools.canonical({"type": "function", "name": "f", "strict": True})}},
    ),
    (
        {"tools": [{"type": "file_search"}], "tool_resources": {"file_search": {"vector_store_ids": ["vs_1", "vs_2"]}}},
        {"tools": {"file_search": {"type": "file_search", "vector_stores": ["vector_store/s", "vs_2"]}}},
    ),
    (
        {"tools": [{"type": "file_search", "file_search": None}], "tool_resources": None},
        {"tools": {"file_search": {"type": "file_search"}}},
    ),
    (
        {"tools": [{"type": "file_search"}], "tool_resources": {"file_search": None}},
        {"tools": {"file_search": {"type": "file_search"}}},
    ),
    (
        {"tools": [{"type": "file_search"}], "tool_resources": {"file_search": {"vector_store_ids": None}}},
        {"tools": {"file_search": {"type": "file_search"}}},
    ),
    ({"response_format": None}, {"response_format": "auto"}),
    ({"response_format": FORMAT}, {"response_format": FORMAT}),
)


@pytest.mark.parametrize(("raw", "expected"), ASSISTANTS_READ)
def test_an_assistant_is_read(raw: Json, expected: Json) -> None:
    assert assistant.canonical(raw, {"vs_1": "vector_store/s"}) == expected


NO_STORE: Json = {"file_search": {"vector_store_ids": []}}
POINTER = "/tool_resources/file_search/vector_store_ids"
ASSISTANTS_SENT: tuple[tuple[Json, Json, tuple[tuple[str, str], ...]], ...] = (
    ({}, {}, ()),
    (
        {"name": None, "metadata": {}, "response_format": "auto"},
        {"name": None, "metadata": {}, "response_format": "auto"},
        (),
    ),
    ({"tools": None}, {"tools": [], "tool_resources": NO_STORE}, ()),
    ({"tools": {"code_interpreter": INTERPRETER}}, {"tools": [INTERPRETER], "tool_resources": NO_STORE}, ()),
    (
        {"tools": {"f": FUNCTION}},
        {
            "tools": [
                {"type": "function", "function": {name: one for name, one in FUNCTION.items() if name != "type"}}
            ],
            "tool_resources": NO_STORE,
        },
        (),
    ),
    (
        {"tools": {"file_search": {"type": "file_search", "vector_stores": ["vs_1", "vector_store/s"]}}},
        {
            "tools": [{"type": "file_search"}],
            "tool_resources": {"file_search": {"vector_store_ids": ["vs_1", "vector_store/s"]}},
        },
        ((f"{POINTER}/1", "vector_store/s"),),
    ),
    (
        {"tools": {"file_search": {"type": "file_search", "ranking_options": {"ranker": "auto"}}}},
        {
            "tools": [
                {"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 0, "ranker": "auto"}}}
            ],
            "tool_resources": NO_STORE,
        },
        (),
    ),
    (
        {
            "tools": {
                "file_search": {
                    "type": "file_search",
                    "ranking_options": {"score_threshold": 0.5},
                    "max_num_results": 3,
                }
            }
        },
        {
            "tools": [
                {
                    "type": "file_search",
                    "file_search": {"ranking_options": {"score_threshold": 0.5}, "max_num_results": 3},
                }
            ],
            "tool_resources": NO_STORE,
        },
        (),
    ),
)


@pytest.mark.parametrize(("attrs", "expected", "refs"), ASSISTANTS_SENT)
def test_an_assistant_is_sent(attrs: Json, expected: Json, refs: tuple[tuple[str, str], ...]) -> None:
    body = assistant.wire(attrs, {"name": "live"})
    assert (dict(body.fields), body.refs) == (expected, refs)


def holding(tool: str, field: str, ids: Any) -> Json:
    return {"tool_resources": {tool: {field: ids}}}


@pytest.mark.parametrize(
    "raw",
    (
        {},
        {"tool_resources": None},
        {"tool_resources": []},
        {"tool_resources": {"file_search": 1, "code_interpreter": []}},
    ),
)
def test_an_object_of_another_form_holds_nothing(raw: Json) -> None:
    assert (assistant.KIND.references(raw), assistant.KIND.held(raw)) == ((), ())


def test_what_an_assistant_uses_and_holds() -> None:
    used, held = (
        holding("file_search", "vector_store_ids", ["vs_1", 2]),
        holding("code_interpreter", "file_ids", ["f_1", None, "f_2"]),
    )
    assert (assistant.KIND.references(used), assistant.KIND.held(used)) == (("vs_1",), ())
    assert (assistant.KIND.references(held), assistant.KIND.held(held)) == ((), ("f_1", "f_2"))
    assert assistant.KIND.references(holding("file_search", "vector_store_ids", "vs_1")) == ()
    assert assistant.KIND.takes_files({"tools": {"code_interpreter": {}}})
    assert not assistant.KIND.takes_files({"tools": None})
    assert not assistant.KIND.takes_files({})


def test_files_are_held_beside_what_is_searched() -> None:
    policy = assistant.KIND.files
    assert isinstance(policy, HeldIds)
    assert policy.field == "tool_resources"
    pointer = "/tool_resources/code_interpreter/file_ids"
    live = holding("file_search", "vector_store_ids", ["vs_1"])
    body = policy.hold(Body({"name": "n"}, (("/x", "y"),)), [("key", False), ("f_1", True), ("more", False)], live)
    assert body == Body(
        {
            "name": "n",
            "tool_resources": {
                "file_search": {"vector_store_ids": ["vs_1"]},
                "code_interpreter": {"file_ids": ["key", "f_1", "more"]},
            },
        },
        (("/x", "y"), (f"{pointer}/0", "key"), (f"{pointer}/2", "more")),
    )
    sent = Body({"tool_resources": {"file_search": {"vector_store_ids": []}}})
    assert policy.hold(sent, [], live).fields["tool_resources"] == {**NO_STORE, "code_interpreter": {"file_ids": []}}
    assert policy.hold(Body({}), [], None).fields == {"tool_resources": {"code_interpreter": {"file_ids": []}}}
    assert policy.hold(Body({"tool_resources": None}), [], {}).fields == {
        "tool_resources": {"code_interpreter": {"file_ids": []}}
    }


# Vector stores.
def test_a_store_has_three_fields() -> None:
    attrs = {"name": "n", "expires_after": None, "metadata": {"a": "b"}}
    assert vector_store.express(attrs).attrs == attrs
    assert vector_store.canonical({**attrs, "id": "x"}, {}) == attrs
    assert vector_store.canonical({}, {}) == {}
    assert vector_store.wire({**attrs, "other": 1}, None) == Body(attrs)
    assert vector_store.KIND.is_store
    assert not assistant.KIND.is_store
    assert vector_store.KIND.takes_files({})
    assert vector_store.KIND.held(holding("code_interpreter", "file_ids", ["f_1"])) == ()
    assert vector_store.KIND.overwritable() == ("name", "expires_after", "metadata")


def test_a_membership_is_read() -> None:
    attributes = {
        "deployer_path": "docs/a.md",
        "deployer_sha256": "abc",
        "deployer_size": 3.0,
        "deployer_declared": "one=1 two=2",
        "team": "x",
    }
    static = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    raw = {
        "id": "file_1",
        "status": "failed",
        "created_at": 7,
        "attributes": attributes,
        "last_error": {"message": "no text"},
        "chunking_strategy": {"type": "static", "static": static},
    }
    assert vector_store.live_file(raw) == LiveFile(
        id="file_1",
        path="docs/a.md",
        sha256="abc",
        status="failed",
        size=3,
        created_at=7,
        chunking=static,
        error="no text",
        attributes={"team": "x"},
        declared={"one": "1", "two": "2"},
    )


@pytest.mark.parametrize(
    "empty", ({}, {"attributes": None, "last_error": None, "chunking_strategy": None, "created_at": None})
)
def test_a_sparse_membership_is_read(empty: Json) -> None:
    found = vector_store.live_file({"id": 1, **empty})
    assert found == LiveFile("1", None, None, "completed", None, 0, attributes={}, declared={})
    assert (found.chunking, found.error) == (None, None)
    for size in ("3", "3.0", 3.0):
        assert vector_store.live_file({"id": "x", "attributes": {"deployer_size": size}}).size == 3


def test_chunking_is_the_same_unless_both_are_known_and_differ() -> None:
    auto, other = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}, {"max_chunk_size_tokens": 200}
    assert vector_store.same_chunking(None, None)
    assert vector_store.same_chunking(other, None)
    assert vector_store.same_chunking(None, auto)
    assert vector_store.same_chunking(other, other)
    assert not vector_store.same_chunking(None, other)
    assert not vector_store.same_chunking(other, auto)


def test_an_entry_of_a_batch() -> None:
    assert vector_store.membership({"a": 1}, None) == {"file_id": None, "attributes": {"a": 1}}
    assert vector_store.membership({}, {"x": 1}) == {
        "file_id": None,
        "attributes": {},
        "chunking_strategy": {"type": "static", "static": {"x": 1}},
    }


# What all kinds share.
def test_a_stamp_is_sent_with_what_the_service_requires() -> None:
    kind = assistant.KIND
    body = kind.stamped({"name": "n"}, {"team": "x"}, {"deployer": "p"}, {"model": "m", "name": "old"})
    assert body.fields == {"name": "n", "model": "m", "metadata": {"team": "x", "deployer": "p"}}
    assert kind.stamped({"model": "new"}, {}, {}, {"model": "m"}).fields == {"model": "new", "metadata": {}}
    assert kind.stamped({}, {}, {}, {"model": None}).fields == {"metadata": {}}
    assert kind.stamped({}, {}, {}, None).fields == {"metadata": {}}
    assert vector_store.KIND.stamped({}, {}, {"s": "1"}, {"model": "m"}).fields == {"metadata": {"s": "1"}}
    beside = replace(assistant.KIND, ownership=StampHome.BESIDE)
    sent = beside.stamped({"tools": {"file_search": SEARCH}}, {"team": "x"}, {"deployer": "p"}, None)
    assert (sent.fields["metadata"], sent.fields[BESIDE]) == ({"team": "x"}, {"deployer": "p"})
    assert sent.refs == ((f"{POINTER}/0", "vector_store/s"),)


def test_a_kind_without_a_word_on_it_refers_to_nothing_and_means_nothing() -> None:
    assert vector_store.KIND.references({"tool_resources": {}}) == ()
    assert vector_store.KIND.consequence((), {}) == ""
    assert not vector_store.KIND.held({})


# Agents whose application searches.
SEARCHED: tuple[tuple[Json, list[str]], ...] = (
    ({"name": "N"}, []),
    ({"tools": [PLAIN], "name": "N"}, ["f"]),
    ({"tools": {"f": PLAIN}}, ["f"]),
    ({"tools": [PLAIN, SEARCH, WEB]}, ["f", "search_knowledge", "web_search"]),
    ({"tools": {"file_search": SEARCH}}, ["search_knowledge"]),
)


@pytest.mark.parametrize(("attrs", "names"), SEARCHED)
def test_a_function_stands_where_file_search_stood(attrs: Json, names: list[str]) -> None:
    express = kinds_of("agents", AccountSettings("a", "agents", "", knowledge_as="function"))["assistant"].express
    found = express(attrs)
    assert list(found.attrs.get("tools", {})) == names
    assert (found.attrs.get("name"), found.losses) == (attrs.get("name"), ())
    if "search_knowledge" in names:
        assert found.attrs["tools"]["search_knowledge"]["parameters"]["required"] == ["query"]


def test_a_function_of_that_name_cannot_stand_beside_it() -> None:
    express = kinds_of("agents", AccountSettings("a", "agents", "", knowledge_as="function"))["assistant"].express
    found = express({"name": "n" * 129, "tools": [SEARCH, {**PLAIN, "name": "search_knowledge"}]})
    why = "its file_search becomes a function 'search_knowledge', and it declares one of that name: rename it"
    assert [(loss.path, loss.fatal) for loss in found.losses] == [("name", True), ("tools/search_knowledge", True)]
    assert found.losses[-1].why == why
    assert found.attrs["name"] == "n" * 129
    assert express({"tools": [{**PLAIN, "name": "search_knowledge"}]}).losses == ()


@pytest.mark.parametrize(
    ("tool", "carried"),
    (
        ({"type": "programmatic_tool_calling"}, True),
        ({"type": "programmatic_tool_calling", "enabled": True}, True),
        ({"type": "programmatic_tool_calling", "enabled": False}, False),
        ({"type": "automations"}, False),
        ({"type": "mcp", "transport": {"type": "stdio"}}, False),
        ({"type": "mcp", "transport": {"type": "http"}}, True),
        ({"type": "mcp", "transport": None}, True),
        ({"type": "web_search", "transport": {"type": "stdio"}}, True),
    ),
)
def test_what_a_request_of_responses_can_say(tool: Json, *, carried: bool) -> None:
    assert response_tools.is_carried(tool) is carried


# Tools in canonical form.
TOOLS: tuple[tuple[Json, Json], ...] = (
    (
        {"type": "function", "name": "f", "description": "", "parameters": {}, "strict": False},
        {"type": "function", "name": "f"},
    ),
    (
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}},
        {"type": "function", "name": "f"},
    ),
    ({**FUNCTION, "defer_loading": False, "async": False, "x": 1}, FUNCTION),
    ({**FUNCTION, "defer_loading": True, "async": True}, {**FUNCTION, "defer_loading": True, "async": True}),
    (
        {"type": "file_search", "vector_stores": [], "max_num_results": None, "ranking_options": None},
        {"type": "file_search"},
    ),
    (
        {"type": "file_search", "vector_stores": ("a",), "max_num_results": 0},
        {"type": "file_search", "vector_stores": ["a"], "max_num_results": 0},
    ),
    ({"type": "file_search", "ranking_options": {"ranker": "auto", "score_threshold": 0}}, {"type": "file_search"}),
    ({"type": "file_search", "ranking_options": {"ranker": "default_2024_08_21"}}, {"type": "file_search"}),
    (
        {"type": "file_search", "ranking_options": {"ranker": "new", "score_threshold": 0.5}},
        {"type": "file_search", "ranking_options": {"ranker": "new", "score_threshold": 0.5}},
    ),
    ({"type": "programmatic_tool_calling", "enabled": True}, {"type": "programmatic_tool_calling"}),
    ({"type": "programmatic_tool_calling", "enabled": False}, {"type": "programmatic_tool_calling", "enabled": False}),
    (
        {
            "type": "mcp",
            "server_label": "s",
            "required": False,
            "request_metadata": {},
            "transport": {"a": None, "b": [], "c": {}, "d": 0},
        },
        {"type": "mcp", "server_label": "s", "transport": {"d": 0}},
    ),
    (
        {"type": "web_search", "mode": "live", "context_size": "low", "location": None},
        {"type": "web_search", "context_size": "low"},
    ),
    ({"type": "tomorrow", "x": 1}, {"type": "tomorrow"}),
)


@pytest.mark.parametrize(("tool", "expected"), TOOLS)
def test_a_tool_in_canonical_form(tool: Json, expected: Json) -> None:
    assert tools.canonical(tool) == expected
    assert tools.canonical(expected) == expected


def test_tools_go_by_names() -> None:
    mcp = {"type": "mcp", "server_label": "s"}
    assert [tools.key(one) for one in (PLAIN, mcp, {"type": "mcp"}, WEB, {**WEB, "server_label": "s"})] == [
        *("f", "mcp s", "mcp", "web_search", "web_search")
    ]
    assert list(tools.keyed([PLAIN, PLAIN, WEB, PLAIN])) == ["f", "f#2", "web_search", "f#3"]
    assert tools.parameters(PLAIN) == SCHEMA
    assert tools.parameters({}) == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("container", "held", "expected"),
    (
        ({"type": "auto", "memory_limit": "4g"}, [], {"type": "auto", "memory_limit": "4g"}),
        ({"type": "auto", "memory_limit": "4g", "file_ids": ["old"]}, [], {"type": "auto", "memory_limit": "4g"}),
        ({"type": "auto", "file_ids": ["old"]}, [("key", False)], {"type": "auto", "file_ids": ["key"]}),
        ("cntr_1", [("file_1", True), ("key", False)], {"type": "auto", "file_ids": ["file_1", "key"]}),
    ),
)
def test_a_container_holds_these_files_and_keeps_the_rest(
    container: Any, held: list[tuple[str, bool]], expected: dict[str, Any]
) -> None:
    found = [{"type": "function"}, {"type": "code_interpreter", "container": container}]
    result, pointers = response_tools.with_files(found, held, "/tools")
    assert result == [found[0], {"type": "code_interpreter", "container": expected}]
    names = enumerate(held)
    assert pointers == tuple((f"/tools/1/container/file_ids/{n}", key) for n, (key, is_id) in names if not is_id)
    assert response_tools.with_files(found[:1], held, "/tools") == (found[:1], ())
