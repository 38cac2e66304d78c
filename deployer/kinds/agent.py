"""The `assistant` kind on OpenAI's Agents API (beta), where persisted assistants live today.

Source: the SDK's `types/beta/agent*.py` and the Agents API configuration guide. On update an omitted field is kept,
an object replaces the whole field, null resets; so what was never declared inside `text` and `reasoning` is sent back.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from deployer.kinds import tools
from deployer.kinds.base import Body, Expressed, Kind, Loss
from deployer.model import Attrs

DEFAULTS: Attrs = MappingProxyType(
    {
        "name": None,
        "model": None,
        "instructions": None,
        "tools": {},
        "reasoning_effort": None,
        "response_format": "auto",
    }
)
NULLABLE = frozenset({"name", "instructions", "reasoning_effort", "response_format"})
"""The SDK's `agent_update_params.py`, and the configuration guide (§ Update a saved agent): `model` cannot be null."""
_PLAIN = ("name", "model", "instructions")
MAX_NAME = 128
_ABSENT = "the Agents API has no such field; remove it, or keep it for accounts of another surface"
_TOOLS = {
    "file_search": "the Agents API has no file_search: give the agent a function that searches the vector store",
    "code_interpreter": "the Agents API has no code_interpreter: sessions get a sandbox through their environment",
}


def express(attrs: Attrs) -> Expressed:
    result: dict[str, Any] = {name: attrs[name] for name in ("metadata", *DEFAULTS) if name in attrs}
    losses = [Loss(name, _ABSENT) for name in attrs if name not in result]
    if len(attrs.get("name") or "") > MAX_NAME:
        losses.append(Loss("name", f"longer than the {MAX_NAME} characters of an agent's name", fatal=True))
    if "tools" in attrs:
        result["tools"], lost = _functions(tools.keyed(attrs["tools"]))
        losses.extend(lost)
    if "response_format" in attrs:
        result["response_format"], lost = _express_format(attrs["response_format"])
        losses.extend(lost)
    return Expressed(result, tuple(losses))


def _functions(keyed: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], list[Loss]]:
    result, losses = {}, []
    for name, tool in keyed.items():
        if tool["type"] != "function":
            losses.append(Loss(f"tools/{name}", _TOOLS[tool["type"]]))
            continue
        if tool.get("strict"):
            losses.append(Loss(f"tools/{name}", "the Agents API has no strict functions: it is sent without strict"))
        result[name] = {field: value for field, value in tool.items() if field != "strict"}
    return result, losses


def _express_format(value: Any) -> tuple[Any, list[Loss]]:
    if value is None or value == "auto" or value["type"] == "text":
        return "auto", []
    if value["type"] == "json_object":
        why = "the Agents API has no json_object: declare a json_schema"
        return "auto", [Loss("response_format", why)]
    return {"type": "json_schema", "json_schema": {"schema": value["json_schema"].get("schema", {})}}, []


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    del addresses  # an agent refers to nothing that has an address
    result: dict[str, Any] = {name: raw[name] for name in (*_PLAIN, "metadata") if name in raw}
    if "tools" in raw:
        result["tools"] = tools.keyed([tool for tool in raw["tools"] or () if tool["type"] == "function"])
    if "reasoning" in raw:
        result["reasoning_effort"] = (raw["reasoning"] or {}).get("effort")
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
        kept = [tool for tool in live.get("tools") or () if tool["type"] != "function"]
        fields["tools"] = kept + [_function(tool) for tool in (attrs["tools"] or {}).values()]
    if "reasoning_effort" in attrs:
        fields["reasoning"] = {**(live.get("reasoning") or {}), "effort": attrs["reasoning_effort"]}
    if "response_format" in attrs:
        fields["text"] = {**(live.get("text") or {}), "format": _wire_format(attrs["response_format"])}
    return Body(fields)


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function with the two fields that this API requires and others do not."""
    return {"description": "", **tool, "parameters": tools.parameters(tool)}


def _wire_format(value: Any) -> dict[str, Any]:
    if value is None or value == "auto":
        return {"type": "text"}
    return {"type": "json_schema", "schema": value["json_schema"]["schema"]}


KIND = Kind(
    defaults=DEFAULTS,
    nullable=NULLABLE,
    express=express,
    canonical=canonical,
    wire=wire,
    fields=("name", "model", "instructions", "tools", "reasoning", "text", "metadata"),
)
"""A saved agent refers to no store, and files are bound to a session."""
