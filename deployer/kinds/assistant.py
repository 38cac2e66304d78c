"""The `assistant` kind on Assistants v2 servers (Foundry classic, self-hosted ones, the embedded account).

Fields, defaults and update semantics: OpenAI's OpenAPI of 2026-08-21 (CreateAssistantRequest, ModifyAssistantRequest)
and recorded answers. On update an omitted field is kept, null resets it, `tools` and `vector_store_ids` replace.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from deployer.kinds import carries, tools
from deployer.kinds.base import Body, Expressed, HeldIds, Kind, Loss
from deployer.model import Attrs

DEFAULTS: Attrs = MappingProxyType(
    {
        "name": None,
        "description": None,
        "model": None,
        "instructions": None,
        "tools": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "response_format": "auto",
    }
)
_PLAIN = ("name", "description", "model", "instructions", "temperature", "top_p", "reasoning_effort")
NULLABLE = frozenset(DEFAULTS) - {"model", "tools"}
"""ModifyAssistantRequest: all of them are `nullable` or `anyOf … null` but `model`, and `tools`, which is an array."""
MAX_TOOLS = 128
MAX_STORES = 1


_TOOLS = ("file_search", "code_interpreter", "function")
_NOT_HERE = ("defer_loading", "async")


def express(attrs: Attrs) -> Expressed:
    result = {name: attrs[name] for name in ("metadata", *DEFAULTS) if name in attrs}
    losses = carries.lost("assistants", attrs)
    if "tools" in attrs:
        keyed = tools.keyed(attrs["tools"])
        result["tools"] = {name: _carried(tool) for name, tool in keyed.items() if tool["type"] in _TOOLS}
        losses += _limits(result["tools"])
    if "response_format" in attrs:
        result["response_format"] = _format(attrs["response_format"])
    return Expressed(result, tuple(losses))


def _carried(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tool.items() if name not in _NOT_HERE}


def _limits(keyed: Mapping[str, Mapping[str, Any]]) -> list[Loss]:
    result = []
    if len(keyed) > MAX_TOOLS:
        result.append(Loss("tools", f"{len(keyed)} tools; an assistant holds at most {MAX_TOOLS}", fatal=True))
    stores = keyed.get("file_search", {}).get("vector_stores", ())
    if len(stores) > MAX_STORES:
        why = f"{len(stores)} vector stores; file_search of an assistant takes one: put the documents in one store"
        result.append(Loss("tools/file_search", why, fatal=True))
    return result


def canonical(raw: Mapping[str, Any], addresses: Mapping[str, str]) -> Attrs:
    result: dict[str, Any] = {name: raw[name] for name in (*_PLAIN, "metadata") if name in raw}
    if "tools" in raw:
        stores = ((raw.get("tool_resources") or {}).get("file_search") or {}).get("vector_store_ids") or []
        names = [addresses.get(store, store) for store in stores]
        result["tools"] = tools.keyed([_flat(tool, names) for tool in raw["tools"] or ()])
    if "response_format" in raw:
        result["response_format"] = _format(raw["response_format"])
    return result


def _flat(tool: Mapping[str, Any], stores: list[str]) -> dict[str, Any]:
    """Bring the API's nested tool into the flat form that the manifest (and every newer surface) uses."""
    kind = str(tool["type"])
    result = {"type": kind, **(tool.get(kind) or {})}
    if kind == "file_search":
        result["vector_stores"] = stores
    return result


def _format(value: Any) -> Any:
    if value is None or value == "auto":
        return "auto"
    if value.get("type") != "json_schema":
        return {"type": value.get("type")}
    kept = {name: item for name, item in value.get("json_schema", {}).items() if item not in (None, False)}
    return {"type": "json_schema", "json_schema": kept}


def wire(attrs: Attrs, live: Mapping[str, Any] | None) -> Body:
    del live  # this API replaces nothing beyond the fields that are sent
    fields: dict[str, Any] = {name: attrs[name] for name in (*_PLAIN, "metadata", "response_format") if name in attrs}
    if "tools" not in attrs:
        return Body(fields)
    keyed: Mapping[str, Mapping[str, Any]] = attrs["tools"] or {}
    fields["tools"] = [_nested(tool) for tool in keyed.values()]
    stores = keyed.get("file_search", {}).get("vector_stores", [])
    fields["tool_resources"] = {"file_search": {"vector_store_ids": list(stores)}}
    pointer = "/tool_resources/file_search/vector_store_ids"
    return Body(fields, tuple((f"{pointer}/{index}", store) for index, store in enumerate(stores) if "/" in store))


def _nested(tool: Mapping[str, Any]) -> dict[str, Any]:
    kind = tool["type"]
    inner = {name: value for name, value in tool.items() if name not in ("type", "vector_stores")}
    if kind == "file_search" and "ranking_options" in inner:
        inner["ranking_options"] = {"score_threshold": 0, **inner["ranking_options"]}  # required once options are sent
    return {"type": kind, kind: inner} if inner else {"type": kind}


def references(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return _resource(raw, "file_search", "vector_store_ids")


def _held(raw: Mapping[str, Any]) -> tuple[str, ...]:
    return _resource(raw, "code_interpreter", "file_ids")


def _resource(raw: Mapping[str, Any], tool: str, field: str) -> tuple[str, ...]:
    """Read ids where they should be; an object of another form has none."""
    value: Any = raw.get("tool_resources")
    for name in (tool, field):
        value = value.get(name) if isinstance(value, dict) else None
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _hold(body: Body, files: Sequence[tuple[str, bool]], live: Mapping[str, Any] | None) -> Body:
    """Set the files of the code interpreter; what the live object searches is sent along, lest it be dropped."""
    resources = dict(body.fields.get("tool_resources") or {})
    searched = references(live or {})
    if "file_search" not in resources and searched:
        resources["file_search"] = {"vector_store_ids": list(searched)}
    resources["code_interpreter"] = {"file_ids": [key for key, _ in files]}
    pointer = "/tool_resources/code_interpreter/file_ids"
    refs = tuple((f"{pointer}/{place}", key) for place, (key, known) in enumerate(files) if not known)
    return Body({**body.fields, "tool_resources": resources}, (*body.refs, *refs))


def _takes(attrs: Attrs) -> bool:
    """Whether it has the tool that reads files."""
    return "code_interpreter" in (attrs.get("tools") or {})


KIND = Kind(
    defaults=DEFAULTS,
    nullable=NULLABLE,
    express=express,
    canonical=canonical,
    wire=wire,
    references=references,
    files=HeldIds(_held, _hold, _takes, "tool_resources"),
    fields=(*_PLAIN, "tools", "tool_resources", "response_format", "metadata"),
)
