"""Hypothesis strategies for desired attrs, as a valid manifest would give them."""

from typing import Any

from hypothesis import strategies as st

_text = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30)
_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True)
metadata = st.dictionaries(_names.map("k".__add__), st.text("abc 수원", max_size=8), max_size=3)

schemas: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "string", "enum": ["a", "b"]}]),
    lambda inner: st.one_of(
        st.dictionaries(_names, inner, max_size=3).map(lambda found: {"type": "object", "properties": found}),
        inner.map(lambda found: {"type": "array", "items": found}),
    ),
    max_leaves=6,
)


@st.composite
def functions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    result: dict[str, Any] = {"type": "function", "name": name}
    if draw(st.booleans()):
        result["description"] = draw(_text)
    if draw(st.booleans()):
        result["parameters"] = {
            "type": "object",
            "properties": draw(st.dictionaries(_names, schemas, max_size=3)),
        }
    return result


_HOSTED: list[dict[str, Any]] = [
    {"type": "web_search", "location": {"city": "수원"}, "mode": "cached"},
    {"type": "web_search", "allowed_domains": ["example.org"], "context_size": "low"},
    {"type": "mcp", "server_label": "a", "transport": {"type": "http", "server_url": "https://example.org"}},
    {"type": "mcp", "server_label": "b", "required": True, "transport": {"type": "stdio", "command": "a", "cwd": "/"}},
    {"type": "computer_use", "include_screenshots": True},
    {"type": "programmatic_tool_calling", "enabled": False},
    {"type": "programmatic_tool_calling"},
    {"type": "tool_search"},
    {"type": "automations"},
]


@st.composite
def tools(draw: st.DrawFn) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    if draw(st.booleans()):
        result.append({"type": "code_interpreter"})
    if draw(st.booleans()):
        search: dict[str, Any] = {"type": "file_search"}
        if draw(st.booleans()):
            search["max_num_results"] = draw(st.integers(1, 50))
        if draw(st.booleans()):
            search["ranking_options"] = {"ranker": "auto", "score_threshold": draw(st.sampled_from([0, 0.5, 1]))}
        result.append(search)
    result.extend(draw(st.lists(st.sampled_from(_HOSTED), max_size=2, unique_by=lambda tool: tool["type"])))
    names = draw(st.lists(_names.map("f_".__add__), max_size=3, unique=True))
    result.extend(draw(functions(name)) for name in names)
    return draw(st.permutations(result))


response_formats = st.sampled_from(
    [
        "auto",
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {}}}},
        {
            "type": "json_schema",
            "json_schema": {
                "name": "n",
                "strict": True,
                "description": "d",
                "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
            },
        },
    ]
)

assistants: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"model": st.sampled_from(["gpt-6-luna", "gpt-6.1-sol"])},
    optional={
        "name": _text,
        "description": _text,
        "instructions": _text,
        "temperature": st.sampled_from([0, 0.5, 1, 2]),
        "top_p": st.sampled_from([0, 0.5, 1]),
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "reasoning.summary": st.sampled_from(["auto", "detailed"]),
        "text.verbosity": st.sampled_from(["low", "medium"]),
        "service_tier": st.sampled_from(["auto", "flex"]),
        "multi_agent.enabled": st.booleans(),
        "compaction.async": st.booleans(),
        "experimental.time_awareness": st.booleans(),
        "response_format": response_formats,
        "metadata": metadata,
        "tools": tools(),
    },
)

stores: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "name": _text,
        "expires_after": st.integers(1, 365).map(lambda days: {"anchor": "last_active_at", "days": days}),
        "metadata": metadata,
    },
)
