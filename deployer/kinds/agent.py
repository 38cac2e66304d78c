"""The `assistant` kind on OpenAI's Agents API (beta), where persisted assistants live today.

Source: the SDK's `types/beta/agent*.py` and the Agents API configuration guide. On update an omitted field is kept,
an object replaces the whole field, null resets; so what was never declared inside `text` and `reasoning` is sent back.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from deployer.kinds import carries, tools
from deployer.kinds.base import Body, Expressed, Kind, Loss
from deployer.model import AccountSettings, Attrs

DEFAULTS: Attrs = MappingProxyType(
    {
        "name": None,
        "model": None,
        "instructions": None,
        "tools": {},
        "reasoning_effort": None,
        "reasoning.summary": None,
        "text.verbosity": "medium",
        "response_format": "auto",
        "service_tier": "auto",
        "multi_agent.enabled": False,
        "multi_agent.max_concurrent_subagents": None,
        "compaction.async": False,
        "experimental.time_awareness": False,
    }
)
NULLABLE = frozenset(
    {"name", "instructions", "reasoning_effort", "reasoning.summary", "response_format", "service_tier"}
)
"""The SDK's `agent_update_params.py`, and the configuration guide (§ Update a saved agent): `model` cannot be null."""
_PLAIN = ("name", "model", "instructions", "service_tier")
OBJECTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "reasoning": {"reasoning_effort": "effort", "reasoning.summary": "summary"},
        "text": {"text.verbosity": "verbosity"},
        "multi_agent": {
            "multi_agent.enabled": "enabled",
            "multi_agent.max_concurrent_subagents": "max_concurrent_subagents",
        },
        "compaction": {"compaction.async": "async"},
        "experimental": {"experimental.time_awareness": "time_awareness"},
    }
)
"""Fields that hold others: each of those is compared by itself, so that what the API resolves is no difference."""
_MERGED = "experimental"  # the one field that an update merges by key; it takes no null
MAX_NAME = 128


SEARCH = "search_knowledge"
"""The function that stands for file_search, where an account says `knowledge_as: function`."""
_SEARCH: Mapping[str, Any] = MappingProxyType(
    {
        "type": "function",
        "name": SEARCH,
        "description": (
            "Search the documents that this assistant knows. Call it before you answer what they may answer, "
            "and name the sources that you used. It returns a list of passages, each with its source, the best first."
        ),
        "parameters": {
            "type": "object",
            "properties": {
                "query": {
                    "type": "string",
                    "description": "What to look for, in words that the documents would use.",
                }
            },
            "required": ["query"],
            "additionalProperties": False,
        },
    }
)


def express(attrs: Attrs) -> Expressed:
    result: dict[str, Any] = {name: attrs[name] for name in ("metadata", *DEFAULTS) if name in attrs}
    losses = carries.lost("agents", attrs)
    if len(attrs.get("name") or "") > MAX_NAME:
        losses.append(Loss("name", f"longer than the {MAX_NAME} characters of an agent's name", fatal=True))
    if "tools" in attrs:
        result["tools"] = {name: _function(tool) for name, tool in tools.keyed(attrs["tools"]).items() if _is_own(tool)}
    if "response_format" in attrs:
        result["response_format"] = _express_format(attrs["response_format"])
    return Expressed(result, tuple(losses))


def _is_own(tool: Mapping[str, Any]) -> bool:
    """Whether this API has such tools; what it may have tomorrow is left alone."""
    return tool["type"] in tools.DEFAULTS


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in tool.items() if field != "strict"}


def _express_format(value: Any) -> Any:
    if value is None or value == "auto" or value["type"] != "json_schema":
        return "auto"
    return {"type": "json_schema", "json_schema": {"schema": value["json_schema"].get("schema", {})}}


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    del addresses  # an agent refers to nothing that has an address
    result: dict[str, Any] = {name: raw[name] for name in (*_PLAIN, "metadata") if name in raw}
    for name, fields in OBJECTS.items():
        found = raw.get(name) or {}
        result |= {attr: found[field] for attr, field in fields.items() if field in found}
    if "tools" in raw:
        result["tools"] = tools.keyed([tool for tool in raw["tools"] or () if _is_own(tool)])
    if "text" in raw:
        result["response_format"] = _canonical_format((raw["text"] or {}).get("format") or {})
    return result


def _canonical_format(value: Mapping[str, Any]) -> Any:
    if value.get("type") != "json_schema":
        return "auto"
    return {"type": "json_schema", "json_schema": {"schema": value.get("schema", {})}}


def wire(attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
    live = live or {}
    fields: dict[str, Any] = {name: attrs[name] for name in (*_PLAIN, "metadata") if name in attrs}
    if "tools" in attrs:
        kept = [tool for tool in live.get("tools") or () if not _is_own(tool)]
        fields["tools"] = kept + [_wired(tool) for tool in (attrs["tools"] or {}).values()]
    for name, inner in OBJECTS.items():
        if said := {field: attrs[attr] for attr, field in inner.items() if attr in attrs}:
            fields[name] = said if name == _MERGED else {**(live.get(name) or {}), **said}
    if "response_format" in attrs:
        fields["text"] = {**(live.get("text") or {}), **fields.get("text", {})}
        fields["text"]["format"] = _wire_format(attrs["response_format"])
    if "multi_agent" in fields:  # a count is no null, and means nothing where there are no subagents
        said = {name: one for name, one in fields["multi_agent"].items() if one is not None}
        fields["multi_agent"] = said if said.get("enabled") else {"enabled": False}
    return Body(fields)


def _wired(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function with the two fields that this API requires and others do not."""
    if tool["type"] != "function":
        return dict(tool)
    return {"description": "", **tool, "parameters": tools.parameters(tool)}


def _wire_format(value: Any) -> dict[str, Any]:
    if value is None or value == "auto":
        return {"type": "text"}
    return {"type": "json_schema", "schema": value["json_schema"]["schema"]}


def _express_searching(attrs: Attrs) -> Expressed:
    """Let the application search: a function stands in the place of file_search, and nothing is lost."""
    if "tools" not in attrs:
        return express(attrs)
    keyed = tools.keyed(_listed(attrs["tools"]))
    if "file_search" not in keyed:
        return express({**attrs, "tools": [*keyed.values()]})
    placed = [dict(_SEARCH) if tool["type"] == "file_search" else tool for tool in keyed.values()]
    expressed = express({**attrs, "tools": placed})
    if SEARCH not in keyed:
        return expressed
    why = f"its file_search becomes a function {SEARCH!r}, and it declares one of that name: rename it"
    return Expressed(expressed.attrs, (*expressed.losses, Loss(f"tools/{SEARCH}", why, fatal=True)))


def _listed(found: Any) -> list[Mapping[str, Any]]:
    return [*found.values()] if isinstance(found, Mapping) else [*found]


def _informed(settings: AccountSettings) -> Kind:
    return replace(KIND, express=_express_searching) if settings.knowledge_as == "function" else KIND


KIND = Kind(
    informed=_informed,
    defaults=DEFAULTS,
    nullable=NULLABLE,
    express=express,
    canonical=canonical,
    wire=wire,
    fields=(*_PLAIN, *OBJECTS, "tools", "metadata"),
)
"""A saved agent refers to no store, and files are bound to a session."""
